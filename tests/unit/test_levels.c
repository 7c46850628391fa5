#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "levels_fixture.h"

/* A reservoir that must be neither too full nor too empty. */
static struct gauge two_sided_gauge(void)
{
	struct gauge g = {.count = 4};

	g.thresholds[0] = level_of(-1, DIRECTION_FALLING, 2.0, 2.5, SEVERITY_MINOR);
	g.thresholds[1] = level_of(-2, DIRECTION_FALLING, 1.0, 1.5, SEVERITY_SEVERE);
	g.thresholds[2] = level_of(1, DIRECTION_RISING, 8.0, 7.5, SEVERITY_MINOR);
	g.thresholds[3] = level_of(2, DIRECTION_RISING, 9.0, 8.5, SEVERITY_SEVERE);
	threshold_sort(g.thresholds, g.count);
	return g;
}

static void a_level_is_raised_at_its_set_value_and_not_below(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	assert_int_equal(feed(&g, nextafter(1.40, 0)), 0);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_int_equal(feed(&g, 1.40), 1);
	assert_int_equal(g.state.level, 1);
	assert_int_equal(g.state.previous_level, LEVEL_NORMAL);
	assert_true(g.state.threshold == 1.40);
	assert_true(g.state.value == 1.40);
	assert_int_equal(g.state.severity, SEVERITY_MINOR);
	assert_int_equal(g.state.quality, QUALITY_PASS);
	assert_int_equal(g.state.sequence, 1);
	assert_int_equal(g.state.started_us, g.now_us);
	assert_int_equal(g.state.changed_us, g.now_us);
}

static void deadband_holds_between_clear_and_set(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	assert_int_equal(feed(&g, 1.41), 1);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(feed(&g, i % 2 == 0 ? 1.35 : 1.41), 0);
	}
	assert_int_equal(g.state.level, 1);
	assert_int_equal(feed(&g, nextafter(1.35, 0)), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_int_equal(feed(&g, 1.39), 0);
}

static void deadband_of_a_higher_level_does_not_raise_it(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	feed(&g, 1.41);
	assert_int_equal(feed(&g, 1.47), 0);
	assert_int_equal(g.state.level, 1);
}

/* Singapore, 5 June 2011: from 50 % past 100 % between two samples. */
static void jump_over_two_levels_raises_the_highest(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	feed(&g, 0.80);
	assert_int_equal(feed(&g, 1.75), 1);
	assert_int_equal(g.state.level, 3);
	assert_int_equal(g.state.previous_level, LEVEL_NORMAL);
	assert_int_equal(g.state.sequence, 1);
	assert_true(g.state.threshold == 1.60);
	assert_int_equal(g.state.severity, SEVERITY_SEVERE);
}

static void falls_back_to_the_level_that_still_holds(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	feed(&g, 1.65);
	assert_int_equal(feed(&g, 1.46), 1);
	assert_int_equal(g.state.level, 2);
	assert_int_equal(g.state.previous_level, 3);
	assert_true(g.state.threshold == 1.55);
	assert_int_equal(g.state.severity, SEVERITY_MODERATE);
	assert_int_equal(feed(&g, 1.36), 1);
	assert_int_equal(g.state.level, 1);
}

static void falls_from_the_highest_level_to_normal_at_once(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	feed(&g, 1.65);
	assert_int_equal(feed(&g, 1.00), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_int_equal(g.state.previous_level, 3);
	assert_true(g.state.threshold == 1.55);
}

static void end_bears_the_severity_of_the_level_left(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	feed(&g, 1.52);
	feed(&g, 1.00);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_int_equal(g.state.severity, SEVERITY_MODERATE);
}

/* Jakarta counts down: siaga 1 is the worst. */
static void lower_is_worse_numbering(void **state)
{
	struct gauge g = {.count = 4};

	(void)state;
	g.thresholds[0] = level_of(1, DIRECTION_RISING, 9.5, 9.4, SEVERITY_EXTREME);
	g.thresholds[1] = level_of(2, DIRECTION_RISING, 8.5, 8.4, SEVERITY_SEVERE);
	g.thresholds[2] = level_of(3, DIRECTION_RISING, 7.5, 7.4, SEVERITY_MODERATE);
	g.thresholds[3] = level_of(4, DIRECTION_RISING, 6.5, 6.4, SEVERITY_MINOR);
	threshold_sort(g.thresholds, g.count);
	feed(&g, 6.6);
	assert_int_equal(g.state.level, 4);
	feed(&g, 9.9);
	assert_int_equal(g.state.level, 1);
	assert_int_equal(g.state.previous_level, 4);
	feed(&g, 7.45);
	assert_int_equal(g.state.level, 3);
}

static void falling_levels_mirror_rising_ones(void **state)
{
	struct gauge g = two_sided_gauge();

	(void)state;
	assert_int_equal(feed(&g, nextafter(2.0, 3)), 0);
	assert_int_equal(feed(&g, 2.0), 1);
	assert_int_equal(g.state.level, -1);
	assert_int_equal(g.state.direction, DIRECTION_FALLING);
	assert_int_equal(feed(&g, 0.5), 1);
	assert_int_equal(g.state.level, -2);
	assert_true(g.state.threshold == 1.0);
	assert_int_equal(feed(&g, 1.5), 0);
	assert_int_equal(feed(&g, 1.6), 1);
	assert_int_equal(g.state.level, -1);
	assert_true(g.state.threshold == 1.5);
	assert_int_equal(feed(&g, 2.5), 0);
	assert_int_equal(feed(&g, 2.6), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_true(g.state.peak == 0.5);
}

static void swing_ends_one_incident_and_starts_the_next(void **state)
{
	struct gauge g = two_sided_gauge();
	struct levels_input in;
	int64_t first_started_us;

	(void)state;
	feed(&g, 9.1);
	first_started_us = g.state.started_us;
	in = next_input(&g, 0.9);
	assert_true(observe(&g, &in));
	assert_true(step(&g));
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_int_equal(g.state.previous_level, 2);
	assert_int_equal(g.state.direction, DIRECTION_RISING);
	assert_int_equal(g.state.sequence, 2);
	assert_int_equal(g.state.started_us, first_started_us);
	assert_true(g.state.threshold == 8.5);
	assert_true(step(&g));
	assert_int_equal(g.state.level, -2);
	assert_int_equal(g.state.previous_level, LEVEL_NORMAL);
	assert_int_equal(g.state.direction, DIRECTION_FALLING);
	assert_int_equal(g.state.sequence, 1);
	assert_int_equal(g.state.started_us, in.phenomenon_us);
	assert_true(g.state.threshold == 1.0);
	assert_false(step(&g));
}

static void rising_goes_before_falling_when_both_hold(void **state)
{
	struct gauge g = {.count = 2};

	(void)state;
	g.thresholds[0] = level_of(1, DIRECTION_FALLING, 5.0, 6.0, SEVERITY_SEVERE);
	g.thresholds[1] = level_of(2, DIRECTION_RISING, 4.0, 3.0, SEVERITY_MINOR);
	threshold_sort(g.thresholds, g.count);
	assert_int_equal(feed(&g, 4.5), 1);
	assert_int_equal(g.state.level, 2);
	assert_int_equal(feed(&g, 2.0), 2);
	assert_int_equal(g.state.level, 1);
	assert_int_equal(feed(&g, 4.5), 2);
	assert_int_equal(g.state.level, 2);
	assert_int_equal(feed(&g, 4.6), 0);
}

static void takeover_by_a_rising_level_crosses_nothing(void **state)
{
	struct gauge g = {.count = 2};
	struct levels_input in;

	(void)state;
	g.thresholds[0] = level_of(1, DIRECTION_FALLING, 5.0, 6.0, SEVERITY_SEVERE);
	g.thresholds[1] = level_of(2, DIRECTION_RISING, 4.0, 3.0, SEVERITY_MINOR);
	threshold_sort(g.thresholds, g.count);
	feed(&g, 2.0);
	in = next_input(&g, 4.5);
	assert_true(observe(&g, &in));
	assert_true(step(&g));
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_true(isnan(g.state.threshold));
}

static void older_value_changes_nothing(void **state)
{
	struct gauge g = rising_gauge();
	struct levels_input in;
	struct levels_state before;

	(void)state;
	feed(&g, 1.45);
	before = g.state;
	in = (struct levels_input){.phenomenon_us = g.now_us - 1, .value = 1.90, .quality = QUALITY_PASS};
	assert_false(observe(&g, &in));
	assert_memory_equal(&g.state, &before, sizeof(before));
}

static void second_value_of_the_same_time_changes_nothing(void **state)
{
	struct gauge g = rising_gauge();
	struct levels_input in;
	struct levels_state before;

	(void)state;
	feed(&g, 1.45);
	before = g.state;
	in = (struct levels_input){.phenomenon_us = g.now_us, .value = 1.90, .quality = QUALITY_PASS};
	assert_false(observe(&g, &in));
	assert_memory_equal(&g.state, &before, sizeof(before));
}

static void value_that_is_no_number_ends_no_incident(void **state)
{
	static const double none[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
	struct gauge g = rising_gauge();
	struct levels_state before;

	(void)state;
	feed(&g, 1.45);
	before = g.state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct levels_input in = next_input(&g, none[i]);

		assert_false(observe(&g, &in));
		assert_memory_equal(&g.state, &before, sizeof(before));
	}
}

static void first_value_counts_whatever_its_time(void **state)
{
	struct gauge g = rising_gauge();
	struct levels_input in = {.phenomenon_us = -86400000000, .value = 1.45, .quality = QUALITY_PASS};

	(void)state;
	assert_true(observe(&g, &in));
	assert_true(step(&g));
	assert_int_equal(g.state.started_us, -86400000000);
}

static void peak_is_the_furthest_value_of_the_incident(void **state)
{
	struct gauge g = rising_gauge();
	int64_t peak_us;

	(void)state;
	feed(&g, 1.45);
	assert_true(g.state.peak == 1.45);
	assert_int_equal(feed(&g, 1.49), 0);
	assert_true(g.state.peak == 1.49);
	peak_us = g.state.peak_us;
	assert_int_equal(peak_us, g.now_us);
	assert_int_equal(feed(&g, 1.49), 0);
	assert_int_equal(g.state.peak_us, peak_us);
	feed(&g, 1.00);
	assert_true(g.state.peak == 1.49);
	assert_int_equal(g.state.peak_us, peak_us);
}

static void values_after_the_incident_leave_its_peak(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	feed(&g, 1.45);
	feed(&g, 1.00);
	g.count = 0;
	feed(&g, 1.90);
	assert_true(g.state.peak == 1.45);
}

static void last_incident_is_remembered_until_the_next_raise(void **state)
{
	struct gauge g = rising_gauge();
	int64_t started_us;

	(void)state;
	feed(&g, 1.65);
	started_us = g.state.started_us;
	feed(&g, 1.00);
	feed(&g, 1.30);
	assert_int_equal(g.state.started_us, started_us);
	assert_true(g.state.peak == 1.65);
	assert_int_equal(g.state.sequence, 2);
	feed(&g, 1.41);
	assert_int_equal(g.state.started_us, g.now_us);
	assert_true(g.state.peak == 1.41);
	assert_int_equal(g.state.sequence, 1);
}

static void every_change_of_level_counts_up_the_sequence(void **state)
{
	static const double course[] = {1.41, 1.51, 1.61, 1.50, 1.40, 1.00};
	struct gauge g = rising_gauge();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(course); i++) {
		assert_int_equal(feed(&g, course[i]), 1);
		assert_int_equal(g.state.sequence, i + 1);
	}
	assert_int_equal(g.state.level, LEVEL_NORMAL);
}

static void incident_ends_when_its_level_was_deleted_and_no_other_is_reached(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	feed(&g, 1.41);
	g.thresholds[0] = g.thresholds[2];
	g.count = 1; /* only level 3 is left */
	assert_int_equal(feed(&g, 1.42), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_int_equal(g.state.previous_level, 1);
	assert_true(isnan(g.state.threshold));
	assert_int_equal(g.state.severity, SEVERITY_MINOR);
	assert_int_equal(feed(&g, 1.42), 0);
}

static void incident_ends_when_all_levels_were_deleted(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	feed(&g, 1.65);
	g.count = 0;
	assert_int_equal(feed(&g, 1.70), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_true(isnan(g.state.threshold));
	assert_true(g.state.peak == 1.70);
}

static void incident_goes_on_at_the_level_reached_when_its_own_was_deleted(void **state)
{
	struct gauge g = rising_gauge();
	int64_t started_us;

	(void)state;
	feed(&g, 1.65);
	started_us = g.state.started_us;
	g.count = 2; /* level 3 is gone */
	assert_int_equal(feed(&g, 1.64), 1);
	assert_int_equal(g.state.level, 2);
	assert_int_equal(g.state.previous_level, 3);
	assert_int_equal(g.state.started_us, started_us);
	assert_int_equal(g.state.sequence, 2);
	assert_true(g.state.threshold == 1.50);
}

static void incident_ends_when_its_level_was_turned_round(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	feed(&g, 1.65);
	g.thresholds[2] = level_of(3, DIRECTION_FALLING, 0.50, 0.55, SEVERITY_SEVERE);
	g.thresholds[1].set_value = 2.50;
	g.thresholds[0].set_value = 2.40;
	threshold_sort(g.thresholds, g.count);
	assert_int_equal(feed(&g, 1.64), 1);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_true(isnan(g.state.threshold));
	assert_int_equal(g.state.direction, DIRECTION_RISING);
}

static void lowered_threshold_raises_at_the_next_value(void **state)
{
	struct gauge g = rising_gauge();

	(void)state;
	assert_int_equal(feed(&g, 1.30), 0);
	g.thresholds[0].set_value = 1.20;
	assert_int_equal(feed(&g, 1.30), 1);
	assert_int_equal(g.state.level, 1);
}

static void without_thresholds_everything_is_normal(void **state)
{
	struct gauge g = {.count = 0};

	(void)state;
	assert_int_equal(feed(&g, 1e300), 0);
	assert_int_equal(g.state.level, LEVEL_NORMAL);
	assert_null(threshold_find(NULL, 0, 1));
}

static struct levels_input arriving(int64_t phenomenon_us, int64_t received_us, double value)
{
	return (struct levels_input){.phenomenon_us = phenomenon_us,
	                             .received_us = received_us,
	                             .value = value,
	                             .quality = QUALITY_PASS};
}

static void a_stamp_ahead_does_not_silence_what_follows(void **state)
{
	struct gauge g = rising_gauge();
	struct levels_input ahead = arriving(300000000, 1000000, 1.30),
			    high = arriving(2000000, 2000000, 1.55);

	(void)state;
	assert_true(observe(&g, &ahead));
	assert_true(observe(&g, &high));
	assert_true(step(&g));
	assert_int_equal(g.state.level, 2);
}

static void a_clock_that_was_set_back_does_not_silence_alarms(void **state)
{
	struct gauge g = rising_gauge();
	struct levels_input before = arriving(900000000, 900000000, 1.30),
			    after = arriving(5000000, 5000000, 1.55);
	struct levels_input older = arriving(4000000, 6000000, 1.20);

	(void)state;
	assert_true(observe(&g, &before));
	assert_true(observe(&g, &after));
	assert_false(observe(&g, &older));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stamp_ahead_does_not_silence_what_follows),
		cmocka_unit_test(a_clock_that_was_set_back_does_not_silence_alarms),
		cmocka_unit_test(a_level_is_raised_at_its_set_value_and_not_below),
		cmocka_unit_test(deadband_holds_between_clear_and_set),
		cmocka_unit_test(deadband_of_a_higher_level_does_not_raise_it),
		cmocka_unit_test(jump_over_two_levels_raises_the_highest),
		cmocka_unit_test(falls_back_to_the_level_that_still_holds),
		cmocka_unit_test(falls_from_the_highest_level_to_normal_at_once),
		cmocka_unit_test(end_bears_the_severity_of_the_level_left),
		cmocka_unit_test(lower_is_worse_numbering),
		cmocka_unit_test(falling_levels_mirror_rising_ones),
		cmocka_unit_test(swing_ends_one_incident_and_starts_the_next),
		cmocka_unit_test(rising_goes_before_falling_when_both_hold),
		cmocka_unit_test(takeover_by_a_rising_level_crosses_nothing),
		cmocka_unit_test(older_value_changes_nothing),
		cmocka_unit_test(second_value_of_the_same_time_changes_nothing),
		cmocka_unit_test(value_that_is_no_number_ends_no_incident),
		cmocka_unit_test(first_value_counts_whatever_its_time),
		cmocka_unit_test(peak_is_the_furthest_value_of_the_incident),
		cmocka_unit_test(values_after_the_incident_leave_its_peak),
		cmocka_unit_test(last_incident_is_remembered_until_the_next_raise),
		cmocka_unit_test(every_change_of_level_counts_up_the_sequence),
		cmocka_unit_test(incident_ends_when_its_level_was_deleted_and_no_other_is_reached),
		cmocka_unit_test(incident_ends_when_all_levels_were_deleted),
		cmocka_unit_test(incident_goes_on_at_the_level_reached_when_its_own_was_deleted),
		cmocka_unit_test(incident_ends_when_its_level_was_turned_round),
		cmocka_unit_test(lowered_threshold_raises_at_the_next_value),
		cmocka_unit_test(without_thresholds_everything_is_normal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
