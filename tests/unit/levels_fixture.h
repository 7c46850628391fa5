/*
 * levels_fixture - an alarm's levels, fed by hand.
 */
#ifndef HIGHWATER_TESTS_LEVELS_FIXTURE_H
#define HIGHWATER_TESTS_LEVELS_FIXTURE_H

#include "levels.h"
#include "reading.h"
#include "util.h"

#include <math.h>

static inline struct threshold level_of(int32_t level, enum direction direction, double set_value,
                                        double clear_value, enum severity severity)
{
	return (struct threshold){
		.level = level,
		.direction = (uint8_t)direction,
		.set_value = set_value,
		.clear_value = clear_value,
		.severity = (uint8_t)severity,
	};
}

/* An alarm and a clock that goes on by a second a value. */
struct gauge {
	struct threshold thresholds[8];
	size_t count;
	struct levels_state state;
	int64_t now_us;
};

/* Phú An's three alarm levels, deadband 0.05 m. */
static inline struct gauge rising_gauge(void)
{
	struct gauge g = {.count = 3};

	g.thresholds[0] = level_of(1, DIRECTION_RISING, 1.40, 1.35, SEVERITY_MINOR);
	g.thresholds[1] = level_of(2, DIRECTION_RISING, 1.50, 1.45, SEVERITY_MODERATE);
	g.thresholds[2] = level_of(3, DIRECTION_RISING, 1.60, 1.55, SEVERITY_SEVERE);
	threshold_sort(g.thresholds, g.count);
	return g;
}

static inline struct levels_input next_input(struct gauge *g, double value)
{
	g->now_us += 1000000;
	return (struct levels_input){.phenomenon_us = g->now_us, .value = value, .quality = QUALITY_PASS};
}

/* Takes a value in: true when it is newer than all before. */
static inline bool observe(struct gauge *g, const struct levels_input *in)
{
	int64_t at_us = levels_order(&g->state, in);

	if (at_us == 0) {
		return false;
	}
	levels_take(g->thresholds, g->count, &g->state, at_us, in);
	return true;
}

static inline bool step(struct gauge *g)
{
	return levels_step(g->thresholds, g->count, &g->state);
}

/* Makes the transitions that are called for, and returns their number. */
static inline int settle(struct gauge *g)
{
	int transitions = 0;

	while (step(g)) {
		transitions++;
		assert_true(transitions <= 2);
	}
	return transitions;
}

/* Feeds a value and returns the number of transitions that it makes. */
static inline int feed(struct gauge *g, double value)
{
	struct levels_input in = next_input(g, value);

	assert_true(observe(g, &in));
	return settle(g);
}

#endif
