#include "convert.h"

#include <math.h>

const struct conversion *convert_find(const struct conversion *list, size_t count, int64_t phenomenon_us)
{
	const struct conversion *found = NULL;

	for (size_t i = 0; i < count && list[i].valid_from_us <= phenomenon_us; i++) {
		found = &list[i];
	}
	return found;
}

static double linear(const struct conversion *c, const struct convert_input *in)
{
	double result = c->scale * in->raw + c->shift;

	if (c->air_scale == 0) {
		return result;
	}
	/* Also an air pressure from later than the reading is one that is near enough, or not. */
	if (!isfinite(in->air) || in->phenomenon_us - in->air_us > c->air_max_age_us ||
	    in->air_us - in->phenomenon_us > c->air_max_age_us) {
		return NAN;
	}
	return result + c->air_scale * in->air;
}

static double rolled_over(const struct conversion *c, double raw, double before)
{
	double increment = c->scale * (raw + c->modulus - before);
	double limit = isfinite(c->increment_max) ? c->increment_max : fabs(c->scale) * c->modulus / 2;

	/* Comparisons with NAN, no modulus, are false. */
	return before < c->modulus && increment <= limit ? increment : NAN;
}

static double counter(const struct conversion *c, struct convert_memory *memory,
                      const struct convert_input *in)
{
	double before = memory->counter;
	bool first = memory->counter_us == 0;

	if (!first && in->phenomenon_us <= memory->counter_us) {
		return NAN;
	}
	memory->counter = in->raw;
	memory->counter_us = in->phenomenon_us;
	if (first) {
		return NAN;
	}
	return in->raw >= before ? c->scale * (in->raw - before) : rolled_over(c, in->raw, before);
}

double convert(const struct conversion *c, struct convert_memory *memory, const struct convert_input *in)
{
	double result = c->kind == CONVERSION_COUNTER ? counter(c, memory, in) : linear(c, in);

	return isfinite(result) ? result : NAN;
}
