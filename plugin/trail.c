#include "trail.h"

#include <math.h>
#include <string.h>

#define PAIRS_MAX (TRAIL_MAX * (TRAIL_MAX - 1) / 2)

/* Whether the last place is only lent, to a value too near the one before it. */
static bool is_last_lent(const struct trail *t, int64_t spacing_us)
{
	return t->count >= 2 && t->at_us[t->count - 1] - t->at_us[t->count - 2] < spacing_us;
}

void trail_add(struct trail *t, int64_t at_us, double value, int64_t spacing_us)
{
	if (is_last_lent(t, spacing_us)) {
		t->count--;
	} else if (t->count == TRAIL_MAX) {
		t->count--;
		memmove(&t->at_us[0], &t->at_us[1], t->count * sizeof(t->at_us[0]));
		memmove(&t->value[0], &t->value[1], t->count * sizeof(t->value[0]));
	}
	t->at_us[t->count] = at_us;
	t->value[t->count] = value;
	t->count++;
}

/* From value i to value k, in units a µs. */
static double slope(const struct trail *t, uint32_t i, uint32_t k)
{
	return (t->value[k] - t->value[i]) / (double)(t->at_us[k] - t->at_us[i]);
}

double trail_rate(const struct trail *t, int64_t period_us)
{
	static const double hour_us = 3600e6;

	for (uint32_t i = t->count; i-- > 0;) {
		uint32_t last = t->count - 1;

		if (i < last && t->at_us[last] - t->at_us[i] >= period_us) {
			return slope(t, i, last) * hour_us;
		}
	}
	return NAN;
}

static void insert(double *sorted, uint32_t count, double value)
{
	while (count > 0 && sorted[count - 1] > value) {
		sorted[count] = sorted[count - 1];
		count--;
	}
	sorted[count] = value;
}

double trail_slope(const struct trail *t, int64_t period_us)
{
	double slopes[PAIRS_MAX];
	uint32_t first = 0, pairs = 0;

	while (first < t->count && t->at_us[t->count - 1] - t->at_us[first] > period_us) {
		first++;
	}
	if (t->count - first < 3) {
		return NAN;
	}
	for (uint32_t i = first; i < t->count; i++) {
		for (uint32_t k = i + 1; k < t->count; k++) {
			insert(slopes, pairs, slope(t, i, k));
			pairs++;
		}
	}
	return (slopes[(pairs - 1) / 2] + slopes[pairs / 2]) / 2;
}
