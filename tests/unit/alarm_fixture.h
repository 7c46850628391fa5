/*
 * alarm_fixture - an alarm fed by hand, on a broker's clock of its own.
 */
#ifndef HIGHWATER_TESTS_ALARM_FIXTURE_H
#define HIGHWATER_TESTS_ALARM_FIXTURE_H

#include "alarm.h"
#include "util.h"

#include <math.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

struct bell {
	struct threshold levels[4];
	struct alarm_config config;
	struct alarm_state state;
	int64_t now_us;     /* the broker's clock */
	int64_t latency_us; /* of readings */
	bool borne_out;     /* by a neighbour, from here on */
};

/* One rising level, without deadband or delays. */
static inline struct bell bell_of(enum cause cause, double set_value)
{
	struct bell b = {.now_us = INT64_C(1764000000) * SECOND};

	b.levels[0] = (struct threshold){.level = 1,
	                                 .cause = (uint8_t)cause,
	                                 .set_value = set_value,
	                                 .clear_value = set_value,
	                                 .severity = SEVERITY_MODERATE};
	b.config = (struct alarm_config){.count = 1, .cause = (uint8_t)cause};
	return b;
}

/* A struct bell is copied about: its configuration points to its own levels only for a call. */
static inline const struct alarm_config *config_of(struct bell *b)
{
	b->config.levels = b->levels;
	return &b->config;
}

static inline int32_t level(const struct bell *b)
{
	return b->state.levels.level;
}

static inline int settle(struct bell *b)
{
	int transitions = 0;

	while (alarm_step(config_of(b), &b->state)) {
		transitions++;
		assert_true(transitions <= 2);
	}
	return transitions;
}

/* Lets the broker's clock go on; the transitions that come of it. */
static inline int pass(struct bell *b, int64_t passed_us)
{
	int transitions = 0, calls = 0;

	b->now_us += passed_us;
	while (alarm_due(config_of(b), &b->state) <= b->now_us) {
		alarm_clock(config_of(b), &b->state, b->now_us);
		transitions += settle(b);
		calls++;
		assert_true(calls < 10000);
	}
	return transitions;
}

/* A reading that comes after so long; the transitions that it makes, without those of the clock before it. */
static inline int read_as(struct bell *b, int64_t passed_us, double value, enum quality quality)
{
	struct alarm_input in = {.value = value, .quality = (uint8_t)quality, .borne_out = b->borne_out};

	pass(b, passed_us);
	in.received_us = b->now_us;
	in.phenomenon_us = b->now_us - b->latency_us;
	return alarm_observe(config_of(b), &b->state, &in) ? settle(b) : 0;
}

static inline int reading(struct bell *b, int64_t passed_us, double value)
{
	return read_as(b, passed_us, value, QUALITY_PASS);
}

#endif
