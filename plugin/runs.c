#include "runs.h"

#include <string.h>

enum side { LEAST, MOST };

/* A number that is greater the further a value lies from where a run ends: one comparison serves both sides. */
static double depth(enum side side, double value)
{
	return side == LEAST ? value : -value;
}

/* Whether a limit asks for entry i and not for the one before it. */
static bool is_told_apart(const struct runs_side *s, enum side side, uint32_t i, const double *limits,
                          size_t count)
{
	for (size_t k = 0; k < count; k++) {
		double limit = depth(side, limits[k]);

		if (limit <= depth(side, s->bound[i]) && (i == 0 || limit >= depth(side, s->bound[i - 1]))) {
			return true;
		}
	}
	return false;
}

static void drop(struct runs_side *s, uint32_t i)
{
	size_t after = s->count - i - 1;

	memmove(&s->since_us[i], &s->since_us[i + 1], after * sizeof(s->since_us[0]));
	memmove(&s->bound[i], &s->bound[i + 1], after * sizeof(s->bound[0]));
	memmove(&s->sample[i], &s->sample[i + 1], after * sizeof(s->sample[0]));
	s->count--;
}

/* A place for one more entry of that bound. False: it would stand for nothing that the last one does not. */
static bool make_room(struct runs_side *s, enum side side, double bound, const double *limits, size_t count)
{
	bool is_wanted = false;

	if (s->count < RUNS_MAX) {
		return true;
	}
	for (uint32_t i = 0; i < s->count; i++) {
		if (!is_told_apart(s, side, i, limits, count)) {
			drop(s, i);
			return true;
		}
	}
	for (size_t k = 0; k < count; k++) {
		double limit = depth(side, limits[k]);

		is_wanted |= limit >= depth(side, s->bound[s->count - 1]) && limit <= depth(side, bound);
	}
	if (is_wanted) {
		drop(s, 1);
	}
	return is_wanted;
}

/* Starts whose bound the value does not keep become one, with its bound: from the first of them on it is kept. */
static void add(struct runs_side *s, enum side side, int64_t at_us, double value, uint32_t sample,
                const double *limits, size_t count)
{
	while (s->count > 0 && depth(side, s->bound[s->count - 1]) >= depth(side, value)) {
		s->count--;
		at_us = s->since_us[s->count];
		sample = s->sample[s->count];
	}
	if (make_room(s, side, value, limits, count)) {
		s->since_us[s->count] = at_us;
		s->bound[s->count] = value;
		s->sample[s->count] = sample;
		s->count++;
	}
}

void runs_add(struct runs *r, int64_t at_us, double value, const double *limits, size_t count)
{
	add(&r->least, LEAST, at_us, value, r->samples, limits, count);
	add(&r->most, MOST, at_us, value, r->samples, limits, count);
	r->samples++;
}

static struct run find(const struct runs *r, enum side side, double limit, bool with_limit)
{
	const struct runs_side *s = side == LEAST ? &r->least : &r->most;

	for (uint32_t i = 0; i < s->count; i++) {
		double bound = depth(side, s->bound[i]);

		if (with_limit ? bound >= depth(side, limit) : bound > depth(side, limit)) {
			return (struct run){.since_us = s->since_us[i], .samples = r->samples - s->sample[i]};
		}
	}
	return (struct run){.samples = 0};
}

struct run runs_at_or_above(const struct runs *r, double limit)
{
	return find(r, LEAST, limit, true);
}

struct run runs_above(const struct runs *r, double limit)
{
	return find(r, LEAST, limit, false);
}

struct run runs_at_or_below(const struct runs *r, double limit)
{
	return find(r, MOST, limit, true);
}

struct run runs_below(const struct runs *r, double limit)
{
	return find(r, MOST, limit, false);
}
