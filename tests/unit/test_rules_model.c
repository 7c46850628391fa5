#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reading.h"
#include "rules.h"
#include "util.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define STEPS 150000

static struct threshold level_of(int32_t level, enum direction direction, double set_value,
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

/* A datastream with rules and a clock that goes on by a second a value. */
struct gauge {
	struct threshold thresholds[8];
	size_t count;
	struct rules_state state;
	int64_t now_us;
};

static struct rules_input next_input(struct gauge *g, double value)
{
	g->now_us += 1000000;
	return (struct rules_input){.phenomenon_us = g->now_us, .value = value, .quality = QUALITY_PASS};
}

/* Feeds a value and returns the number of transitions that it makes. */
static int feed(struct gauge *g, double value)
{
	struct rules_input in = next_input(g, value);
	int transitions = 0;

	assert_true(rules_observe(&g->state, &in));
	while (rules_step(g->thresholds, g->count, &g->state, &in)) {
		transitions++;
		assert_true(transitions <= 2);
	}
	return transitions;
}

/*
 * The model: unsorted thresholds, a latch for each of them, no notion of rank but "set beyond mine". A latch is
 * set at the set value, and that of every milder level with it; it is released at the clear value.
 */
struct model {
	struct threshold thresholds[8];
	bool latched[8];
	size_t count;
	int32_t level;
	uint8_t direction;
	uint32_t sequence;
	double peak;
};

static double signed_by(const struct threshold *t, double value)
{
	return t->direction == DIRECTION_FALLING ? -value : value;
}

static int32_t worst_latched(const struct model *m, enum direction direction)
{
	const struct threshold *worst = NULL;

	for (size_t i = 0; i < m->count; i++) {
		const struct threshold *t = &m->thresholds[i];

		if (t->direction == (uint8_t)direction && m->latched[i] &&
		    (worst == NULL || signed_by(t, t->set_value) > signed_by(t, worst->set_value))) {
			worst = t;
		}
	}
	return worst != NULL ? worst->level : LEVEL_NORMAL;
}

static void latch(struct model *m, double value)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct threshold *t = &m->thresholds[i];

		m->latched[i] = m->latched[i] && signed_by(t, value) >= signed_by(t, t->clear_value);
		m->latched[i] = m->latched[i] || signed_by(t, value) >= signed_by(t, t->set_value);
	}
}

/* Deadbands belong to the incident: the other direction's are let go, and taken up afresh by set values only. */
static void unlatch_other_direction(struct model *m)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->level == LEVEL_NORMAL || m->thresholds[i].direction != m->direction) {
			m->latched[i] = false;
		}
	}
}

static int model_feed(struct model *m, double value)
{
	enum direction direction = DIRECTION_RISING;
	int transitions = 0;
	int32_t level;

	latch(m, value);
	level = worst_latched(m, DIRECTION_RISING);
	if (level == LEVEL_NORMAL) {
		direction = DIRECTION_FALLING;
		level = worst_latched(m, DIRECTION_FALLING);
	}
	if (m->level != LEVEL_NORMAL) {
		m->peak = m->direction == DIRECTION_RISING ? fmax(m->peak, value) : fmin(m->peak, value);
	}
	if (m->level != LEVEL_NORMAL && (level == LEVEL_NORMAL || direction != m->direction)) {
		m->level = LEVEL_NORMAL;
		m->sequence++;
		transitions++;
	}
	if (level != m->level) {
		if (m->level == LEVEL_NORMAL) {
			m->sequence = 0;
			m->direction = (uint8_t)direction;
			m->peak = value;
		}
		m->level = level;
		m->sequence++;
		transitions++;
	}
	unlatch_other_direction(m);
	return transitions;
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* Values on a coarse grid, so that set and clear values are met exactly and often. */
static double random_value(uint64_t *random)
{
	return (double)(next_random(random) % 41) / 4.0;
}

static void random_thresholds(struct model *m, uint64_t *random)
{
	*m = (struct model){.count = next_random(random) % (ARRAY_SIZE(m->thresholds) + 1)};
	for (size_t i = 0; i < m->count; i++) {
		enum direction direction =
			next_random(random) % 3 == 0 ? DIRECTION_FALLING : DIRECTION_RISING;
		double deadband = (double)(next_random(random) % 9) / 4.0;
		/* A little apart: no two levels have the same set value, which the model does not decide. */
		double set_value = random_value(random) + (double)i / 64.0;

		m->thresholds[i] = level_of(
			(int32_t)(next_random(random) % 1000) * 8 + (int32_t)i + 1, direction, set_value,
			direction == DIRECTION_RISING ? set_value - deadband : set_value + deadband,
			SEVERITY_MODERATE);
	}
}

static void check_against(const struct model *m, const struct gauge *g)
{
	const struct rules_state *s = &g->state;

	assert_int_equal(s->level, m->level);
	assert_int_equal(s->sequence, m->sequence);
	if (m->sequence != 0) {
		assert_int_equal(s->direction, m->direction);
		assert_true(s->peak == m->peak);
		assert_true(s->started_us <= s->changed_us && s->changed_us <= s->last_us);
	}
}

static void agrees_with_a_naive_model_of_latches(void **state)
{
	uint64_t random = 0x9E3779B97F4A7C15;
	int transitions = 0, swings = 0;

	(void)state;
	for (int step = 0; step < STEPS;) {
		struct gauge g = {.count = 0};
		struct model m;

		random_thresholds(&m, &random);
		g.count = m.count;
		memcpy(g.thresholds, m.thresholds, sizeof(m.thresholds));
		threshold_sort(g.thresholds, g.count);
		for (int i = 0; i < 100; i++, step++) {
			double value = random_value(&random);
			int expected = model_feed(&m, value);

			assert_int_equal(feed(&g, value), expected);
			check_against(&m, &g);
			transitions += expected;
			swings += expected == 2;
		}
	}
	/* That the walk went through what it is to test. */
	assert_true(transitions > STEPS / 10);
	assert_true(swings > STEPS / 100);
}

/* Whatever is edited between two values: the steps end, and the state speaks of a level that is there. */
static void edits_at_any_moment_leave_a_level_that_exists(void **state)
{
	uint64_t random = 0xD1B54A32D192ED03;
	struct gauge g = {.count = 0};

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		const struct threshold *t;

		if (next_random(&random) % 3 == 0) {
			struct model m;

			random_thresholds(&m, &random);
			g.count = m.count;
			memcpy(g.thresholds, m.thresholds, sizeof(m.thresholds));
			for (size_t i = 0; i < g.count; i++) {
				g.thresholds[i].level = (int32_t)i + 1;
			}
			threshold_sort(g.thresholds, g.count);
		}
		feed(&g, random_value(&random));
		t = threshold_find(g.thresholds, g.count, g.state.level);
		if (g.state.level != LEVEL_NORMAL) {
			assert_non_null(t);
			assert_int_equal(t->direction, g.state.direction);
			assert_true(g.state.sequence > 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_naive_model_of_latches),
		cmocka_unit_test(edits_at_any_moment_leave_a_level_that_exists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
