#include "spread.h"

#include "util.h"

#include <math.h>

/* Below SPREAD_STEPS each value has its place; above, each octave has SPREAD_STEPS. */
static size_t place_of(uint64_t ns)
{
	unsigned octave = 0;
	size_t place;

	while (ns >> octave >= 2 * SPREAD_STEPS) {
		octave++;
	}
	place = octave * (size_t)SPREAD_STEPS + (size_t)(ns >> octave);
	return MIN(place, (size_t)SPREAD_OCTAVES * SPREAD_STEPS - 1);
}

double spread_middle(size_t place)
{
	size_t octave;

	if (place < 2 * SPREAD_STEPS) {
		return (double)place;
	}
	octave = place / SPREAD_STEPS - 1;
	return ldexp((double)(place - octave * SPREAD_STEPS) + 0.5, (int)octave);
}

void spread_add(struct spread *s, int64_t ns)
{
	uint64_t value = ns > 0 ? (uint64_t)ns : 0;

	s->in[place_of(value)]++;
	s->count++;
	s->sum_ns += (double)value;
	s->most_ns = MAX(s->most_ns, value);
}

double spread_quantile(const struct spread *s, double share)
{
	uint64_t wanted = (uint64_t)ceil(share * (double)s->count);
	uint64_t seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->in); i++) {
		seen += s->in[i];
		if (seen > 0 && seen >= wanted) {
			return MIN(spread_middle(i), (double)s->most_ns);
		}
	}
	return (double)s->most_ns;
}
