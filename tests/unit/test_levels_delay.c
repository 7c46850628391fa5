#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "levels_fixture.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

/* Phú An with delays: 2 minutes or 2 values to raise, 15 minutes to clear. */
static struct gauge delayed_gauge(void)
{
	struct gauge g = rising_gauge();

	g.now_us = 1000 * HOUR;
	for (size_t i = 0; i < g.count; i++) {
		g.thresholds[i].on_delay_us = 2 * MINUTE;
		g.thresholds[i].off_delay_us = 15 * MINUTE;
	}
	return g;
}

static void count_values(struct gauge *g, uint16_t on_samples)
{
	for (size_t i = 0; i < g->count; i++) {
		g->thresholds[i].on_samples = on_samples;
	}
}

/* A value that comes after so long; the transitions that it makes. */
static int after(struct gauge *g, int64_t passed_us, double value)
{
	g->now_us += passed_us - SECOND; /* feed() adds one */
	return feed(g, value);
}

/* Lets the time pass without a value; the transitions that it makes. */
static int pass(struct gauge *g, int64_t passed_us)
{
	int transitions = 0;

	g->now_us += passed_us;
	while (levels_clock(g->thresholds, g->count, &g->state, g->now_us)) {
		assert_true(g->state.at_us <= g->now_us);
		transitions += settle(g);
	}
	assert_true(levels_due(g->thresholds, g->count, &g->state) > g->now_us);
	return transitions;
}

static int64_t due(const struct gauge *g)
{
	return levels_due(g->thresholds, g->count, &g->state);
}

static void on_delay_lets_short_peaks_pass(void **state)
{
	struct gauge g = delayed_gauge();

	(void)state;
	assert_int_equal(after(&g, MINUTE, 1.45), 0);
	assert_int_equal(after(&g, MINUTE, 1.39), 0);
	assert_int_equal(after(&g, MINUTE, 1.45), 0);
	assert_int_equal(after(&g, 2 * MINUTE - 1, 1.45), 0);
	assert_int_equal(after(&g, 1, 1.45), 1);
	assert_int_equal(g.state.level, 1);
}

static void onset_is_when_the_value_first_was_beyond(void **state)
{
	struct gauge g = delayed_gauge();
	int64_t onset_us;

	(void)state;
	after(&g, MINUTE, 1.41);
	onset_us = g.now_us;
	after(&g, MINUTE, 1.45);
	assert_int_equal(after(&g, 90 * SECOND, 1.43), 1);
	assert_int_equal(g.state.onset_us, onset_us);
	assert_int_equal(g.state.started_us, g.now_us);
	assert_int_equal(g.state.changed_us, g.now_us);
}

static void values_make_up_for_the_on_delay(void **state)
{
	struct gauge g = delayed_gauge();

	(void)state;
	count_values(&g, 3);
	assert_int_equal(after(&g, MINUTE, 1.45), 0);
	assert_int_equal(after(&g, SECOND, 1.45), 0);
	assert_int_equal(after(&g, SECOND, 1.45), 1);
}

static void the_on_delay_makes_up_for_values(void **state)
{
	struct gauge g = delayed_gauge();

	(void)state;
	count_values(&g, 3);
	assert_int_equal(after(&g, MINUTE, 1.45), 0);
	assert_int_equal(after(&g, 2 * MINUTE, 1.45), 1);
}

static void values_alone_may_be_asked_for(void **state)
{
	struct gauge g = delayed_gauge();

	(void)state;
	count_values(&g, 2);
	g.thresholds[0].on_delay_us = 0;
	assert_int_equal(after(&g, MINUTE, 1.45), 0);
	assert_int_equal(pass(&g, HOUR), 0);
	assert_int_equal(after(&g, MINUTE, 1.45), 1);
}

/* Of a group, say, the newest count holds until another is given: there may never be a second. */
static void values_are_not_counted_where_they_are_no_readings(void **state)
{
	static const enum cause causes[] = {CAUSE_STALE, CAUSE_DEAD, CAUSE_GROUP, CAUSE_UPSTREAM};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		struct gauge g = rising_gauge();

		count_values(&g, 2);
		g.thresholds[0].cause = (uint8_t)causes[i];
		assert_int_equal(feed(&g, 1.41), 1);
	}
}

static void every_level_has_its_own_on_delay(void **state)
{
	struct gauge g = delayed_gauge();

	(void)state;
	g.thresholds[2].on_delay_us = 0;
	assert_int_equal(after(&g, MINUTE, 1.55), 0);
	assert_int_equal(after(&g, MINUTE, 1.65), 1); /* the highest, though the others still wait */
	assert_int_equal(g.state.level, 3);
	assert_int_equal(g.state.sequence, 1);
}

static void a_jump_over_levels_with_delays_raises_the_highest_at_once(void **state)
{
	struct gauge g = delayed_gauge();

	(void)state;
	assert_int_equal(after(&g, MINUTE, 1.75), 0);
	assert_int_equal(after(&g, 2 * MINUTE, 1.75), 1);
	assert_int_equal(g.state.level, 3);
	assert_int_equal(g.state.previous_level, LEVEL_NORMAL);
}

static void rising_through_levels_raises_each_when_its_delay_ended(void **state)
{
	struct gauge g = delayed_gauge();

	(void)state;
	after(&g, MINUTE, 1.45);
	after(&g, MINUTE, 1.55);
	assert_int_equal(after(&g, MINUTE, 1.65), 1);
	assert_int_equal(g.state.level, 1);
	assert_int_equal(after(&g, MINUTE, 1.65), 1);
	assert_int_equal(g.state.level, 2);
	assert_int_equal(after(&g, MINUTE, 1.65), 1);
	assert_int_equal(g.state.level, 3);
}

static void off_delay_lets_short_dips_pass(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	g.thresholds[0].off_delay_us = 15 * MINUTE;
	feed(&g, 1.45);
	assert_int_equal(after(&g, MINUTE, 1.20), 0);
	assert_int_equal(after(&g, 14 * MINUTE, 1.20), 0);
	assert_int_equal(after(&g, SECOND, 1.36), 0); /* not clear: the delay begins anew */
	assert_int_equal(after(&g, MINUTE, 1.20), 0);
	assert_int_equal(after(&g, 15 * MINUTE - 1, 1.20), 0);
	assert_int_equal(after(&g, 1, 1.20), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_true(g.state.threshold == 1.35);
}

static void a_level_is_left_for_the_one_whose_off_delay_runs_on(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	g.thresholds[0].off_delay_us = 15 * MINUTE;
	g.thresholds[1].off_delay_us = 5 * MINUTE;
	feed(&g, 1.65);
	assert_int_equal(after(&g, MINUTE, 1.00), 1); /* 3 has no delay */
	assert_int_equal(g.state.level, 2);
	assert_int_equal(pass(&g, 5 * MINUTE), 1);
	assert_int_equal(g.state.level, 1);
	assert_int_equal(pass(&g, 10 * MINUTE), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
}

static void the_clock_ends_an_on_delay_at_its_event_time(void **state)
{
	struct gauge g = delayed_gauge();
	int64_t onset_us;

	(void)state;
	after(&g, MINUTE, 1.45);
	onset_us = g.now_us;
	assert_int_equal(due(&g), onset_us + 2 * MINUTE);
	assert_int_equal(pass(&g, 2 * MINUTE - 1), 0);
	assert_int_equal(pass(&g, HOUR), 1);
	assert_int_equal(g.state.started_us, onset_us + 2 * MINUTE);
	assert_int_equal(g.state.onset_us, onset_us);
	assert_int_equal(g.state.peak_us, g.state.started_us);
	assert_true(g.state.value == 1.45);
}

static void the_clock_ends_an_off_delay_at_its_event_time(void **state)
{
	struct gauge g = delayed_gauge();
	int64_t below_us;

	(void)state;
	after(&g, MINUTE, 1.45);
	pass(&g, 10 * MINUTE);
	after(&g, MINUTE, 1.20);
	below_us = g.now_us;
	assert_int_equal(pass(&g, HOUR), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_int_equal(g.state.changed_us, below_us + 15 * MINUTE);
}

static void delays_of_falling_levels_mirror_those_of_rising_ones(void **state)
{
	struct gauge g = {.count = 1, .now_us = HOUR};

	(void)state;
	g.thresholds[0] = level_of(1, DIRECTION_FALLING, 2.0, 2.5, SEVERITY_MINOR);
	g.thresholds[0].on_delay_us = 2 * MINUTE;
	g.thresholds[0].off_delay_us = 5 * MINUTE;
	assert_int_equal(feed(&g, 2.0), 0);
	assert_int_equal(pass(&g, 2 * MINUTE), 1);
	assert_int_equal(after(&g, MINUTE, 2.6), 0);
	assert_int_equal(after(&g, MINUTE, 2.5), 0);
	assert_int_equal(after(&g, MINUTE, 2.6), 0);
	assert_int_equal(pass(&g, 5 * MINUTE), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
}

static void nothing_is_due_when_all_is_calm(void **state)
{
	struct gauge g = delayed_gauge();

	(void)state;
	assert_true(due(&g) == INT64_MAX);
	feed(&g, 1.00);
	assert_true(due(&g) == INT64_MAX);
	after(&g, MINUTE, 1.45);
	pass(&g, HOUR);
	assert_int_equal(g.state.level, 1);
	assert_true(due(&g) == INT64_MAX);
}

static void a_latching_level_is_left_when_acknowledged_only(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	g.thresholds[1].latching = true;
	feed(&g, 1.55);
	assert_int_equal(feed(&g, 1.00), 0);
	assert_int_equal(g.state.level, 2);
	g.state.acknowledged = true;
	assert_int_equal(settle(&g), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
}

static void a_latching_level_that_a_jump_passed_is_held_too(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	g.thresholds[0].latching = true;
	feed(&g, 1.75);
	assert_int_equal(feed(&g, 1.00), 1);
	assert_int_equal(g.state.level, 1);
	assert_int_equal(feed(&g, 0.50), 0);
}

static void a_latching_level_may_be_left_upwards(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	g.thresholds[0].latching = true;
	feed(&g, 1.45);
	assert_int_equal(feed(&g, 1.55), 1);
	assert_int_equal(g.state.level, 2);
}

static void a_raise_and_a_change_upwards_take_the_acknowledgement_back(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	g.state.acknowledged = true;
	feed(&g, 1.55);
	assert_false(g.state.acknowledged);
	g.state.acknowledged = true;
	feed(&g, 1.65);
	assert_false(g.state.acknowledged);
	g.state.acknowledged = true;
	feed(&g, 1.50); /* down to 2 */
	assert_int_equal(g.state.level, 2);
	assert_true(g.state.acknowledged);
}

static struct gauge repeating_gauge(void)
{
	struct gauge g = rising_gauge();

	g.now_us = 1000 * HOUR;
	g.thresholds[0].repeat_us = 30 * MINUTE;
	return g;
}

static void a_level_in_force_is_told_again(void **state)
{
	struct gauge g = repeating_gauge();
	int64_t raised_us;

	(void)state;
	feed(&g, 1.45);
	raised_us = g.now_us;
	g.state.acknowledged = true;
	assert_int_equal(after(&g, 29 * MINUTE, 1.45), 0);
	assert_int_equal(after(&g, 2 * MINUTE, 1.44), 1);
	assert_int_equal(g.state.level, 1);
	assert_int_equal(g.state.previous_level, 1);
	assert_int_equal(g.state.sequence, 2);
	assert_int_equal(g.state.changed_us, raised_us + 31 * MINUTE);
	assert_int_equal(g.state.started_us, raised_us);
	assert_true(g.state.value == 1.44);
	assert_true(g.state.threshold == 1.40);
	assert_false(g.state.acknowledged);
	assert_int_equal(due(&g), raised_us + 61 * MINUTE);
}

static void the_clock_repeats_at_the_event_time_that_was_due(void **state)
{
	struct gauge g = repeating_gauge();
	int64_t raised_us;

	(void)state;
	feed(&g, 1.45);
	raised_us = g.now_us;
	assert_int_equal(pass(&g, 30 * MINUTE + 7), 1);
	assert_int_equal(g.state.changed_us, raised_us + 30 * MINUTE);
	assert_int_equal(pass(&g, 30 * MINUTE), 1);
	assert_int_equal(g.state.changed_us, raised_us + 60 * MINUTE);
}

static void repeats_missed_in_a_long_silence_are_one(void **state)
{
	struct gauge g = repeating_gauge(), h;

	(void)state;
	feed(&g, 1.45);
	h = g;
	assert_int_equal(pass(&g, 100 * MINUTE), 1);
	assert_int_equal(g.state.changed_us, h.state.changed_us + 90 * MINUTE);
	assert_int_equal(after(&h, 100 * MINUTE, 1.45), 1);
	assert_int_equal(h.state.changed_us, h.now_us);
	assert_int_equal(due(&h), h.now_us + 30 * MINUTE);
}

static void a_delay_that_ends_between_missed_repeats_keeps_its_place(void **state)
{
	struct gauge g = repeating_gauge();
	int64_t raised_us, below_us;

	(void)state;
	g.thresholds[0].off_delay_us = 40 * MINUTE;
	feed(&g, 1.45);
	raised_us = g.now_us;
	after(&g, MINUTE, 1.00);
	below_us = g.now_us;
	assert_int_equal(pass(&g, 500 * MINUTE), 2);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_int_equal(g.state.changed_us, below_us + 40 * MINUTE);
	assert_int_equal(g.state.started_us, raised_us);
	assert_int_equal(g.state.sequence, 3);
}

static void normal_is_not_told_again(void **state)
{
	struct gauge g = repeating_gauge();

	(void)state;
	feed(&g, 1.45);
	feed(&g, 1.00);
	assert_true(due(&g) == INT64_MAX);
	assert_int_equal(after(&g, 10 * HOUR, 1.00), 0);
}

/* The clock has judged further than the next reading, which comes faster than the one before. */
static void event_times_of_transitions_never_go_back(void **state)
{
	struct gauge g = delayed_gauge();
	int64_t raised_us;

	(void)state;
	g.thresholds[0].off_delay_us = 0;
	after(&g, MINUTE, 1.45);
	assert_int_equal(pass(&g, 2 * MINUTE), 1);
	raised_us = g.state.changed_us;
	g.now_us -= MINUTE;
	assert_int_equal(feed(&g, 1.00), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_int_equal(g.state.changed_us, raised_us);
	count_values(&g, 1);
	assert_int_equal(feed(&g, 1.45), 1);
	assert_int_equal(g.state.started_us, raised_us + 1); /* another incident, with another name */
}

static void a_clock_that_was_set_back_begins_delays_anew(void **state)
{
	struct gauge g = delayed_gauge();
	struct levels_input in = {.value = 1.45, .quality = QUALITY_PASS};

	(void)state;
	g.thresholds[0].repeat_us = HOUR;
	after(&g, MINUTE, 1.45);
	pass(&g, 30 * MINUTE);
	assert_int_equal(g.state.level, 1);
	g.now_us -= 10 * HOUR;
	in.phenomenon_us = in.received_us = g.now_us;
	assert_true(observe(&g, &in));
	assert_int_equal(settle(&g), 0);
	assert_int_equal(due(&g), g.now_us + 2 * MINUTE);
	assert_int_equal(pass(&g, HOUR), 1);
	assert_int_equal(g.state.previous_level, 1);
	assert_int_equal(g.state.changed_us, g.now_us);
}

static void levels_compare_by_rank_within_a_direction(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	g.thresholds[3] = level_of(-1, DIRECTION_FALLING, 0.5, 0.6, SEVERITY_MINOR);
	g.count = 4;
	assert_true(levels_is_at_least(g.thresholds, g.count, 3, 2));
	assert_true(levels_is_at_least(g.thresholds, g.count, 2, 2));
	assert_false(levels_is_at_least(g.thresholds, g.count, 1, 2));
	assert_false(levels_is_at_least(g.thresholds, g.count, LEVEL_NORMAL, 1));
	assert_false(levels_is_at_least(g.thresholds, g.count, -1, 1));
	assert_false(levels_is_at_least(g.thresholds, g.count, 3, 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_delay_lets_short_peaks_pass),
		cmocka_unit_test(onset_is_when_the_value_first_was_beyond),
		cmocka_unit_test(values_make_up_for_the_on_delay),
		cmocka_unit_test(the_on_delay_makes_up_for_values),
		cmocka_unit_test(values_alone_may_be_asked_for),
		cmocka_unit_test(values_are_not_counted_where_they_are_no_readings),
		cmocka_unit_test(every_level_has_its_own_on_delay),
		cmocka_unit_test(a_jump_over_levels_with_delays_raises_the_highest_at_once),
		cmocka_unit_test(rising_through_levels_raises_each_when_its_delay_ended),
		cmocka_unit_test(off_delay_lets_short_dips_pass),
		cmocka_unit_test(a_level_is_left_for_the_one_whose_off_delay_runs_on),
		cmocka_unit_test(the_clock_ends_an_on_delay_at_its_event_time),
		cmocka_unit_test(the_clock_ends_an_off_delay_at_its_event_time),
		cmocka_unit_test(delays_of_falling_levels_mirror_those_of_rising_ones),
		cmocka_unit_test(nothing_is_due_when_all_is_calm),
		cmocka_unit_test(a_latching_level_is_left_when_acknowledged_only),
		cmocka_unit_test(a_latching_level_that_a_jump_passed_is_held_too),
		cmocka_unit_test(a_latching_level_may_be_left_upwards),
		cmocka_unit_test(a_raise_and_a_change_upwards_take_the_acknowledgement_back),
		cmocka_unit_test(a_level_in_force_is_told_again),
		cmocka_unit_test(the_clock_repeats_at_the_event_time_that_was_due),
		cmocka_unit_test(repeats_missed_in_a_long_silence_are_one),
		cmocka_unit_test(a_delay_that_ends_between_missed_repeats_keeps_its_place),
		cmocka_unit_test(normal_is_not_told_again),
		cmocka_unit_test(event_times_of_transitions_never_go_back),
		cmocka_unit_test(a_clock_that_was_set_back_begins_delays_anew),
		cmocka_unit_test(levels_compare_by_rank_within_a_direction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
