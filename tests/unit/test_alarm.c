#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm_fixture.h"

#include <stdlib.h>

static int suspect(struct bell *b, double value)
{
	return read_as(b, MINUTE, value, QUALITY_SUSPECT);
}

static void a_value_raises_and_clears(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);

	(void)state;
	assert_int_equal(reading(&b, MINUTE, 1.4), 0);
	assert_int_equal(reading(&b, MINUTE, 1.5), 1);
	assert_int_equal(level(&b), 1);
	assert_int_equal(reading(&b, MINUTE, 1.4), 1);
	assert_int_equal(level(&b), LEVEL_NORMAL);
}

/* As at the River Aire in Leeds: 4.183 m for a quarter of an hour in a calm week. */
static void a_lone_suspect_value_raises_nothing(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);

	(void)state;
	reading(&b, MINUTE, 0.4);
	assert_int_equal(suspect(&b, 4.183), 0);
	assert_int_equal(pass(&b, 10 * HOUR), 0);
	assert_int_equal(reading(&b, MINUTE, 0.4), 0);
}

static void a_flood_of_suspect_values_raises_at_the_second(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);

	(void)state;
	reading(&b, MINUTE, 0.4);
	assert_int_equal(suspect(&b, 1.6), 0);
	assert_int_equal(suspect(&b, 1.9), 1);
	assert_true(b.state.levels.value == 1.6);
	assert_int_equal(b.state.levels.transition_quality, QUALITY_SUSPECT);
}

static void both_suspect_values_count_for_the_delay(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);
	int64_t first_us;

	(void)state;
	b.levels[0].on_samples = 2;
	b.levels[0].on_delay_us = 10 * MINUTE;
	reading(&b, MINUTE, 0.4);
	suspect(&b, 1.6);
	first_us = b.now_us;
	assert_int_equal(suspect(&b, 1.9), 1);
	assert_int_equal(b.state.levels.onset_us, first_us);
	assert_int_equal(b.state.levels.started_us, b.now_us);
	b.levels[0].on_samples = 4; /* the third counts once */
	b.state = (struct alarm_state){0};
	suspect(&b, 1.6);
	suspect(&b, 1.7);
	assert_int_equal(suspect(&b, 1.8), 0);
	assert_int_equal(suspect(&b, 1.9), 1);
}

static void a_neighbour_lets_a_suspect_value_raise_at_once(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);

	(void)state;
	reading(&b, MINUTE, 0.4);
	b.borne_out = true;
	assert_int_equal(suspect(&b, 4.0), 1);
}

static void failed_and_missing_readings_never_move_a_level(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);

	(void)state;
	reading(&b, MINUTE, 0.4);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(read_as(&b, MINUTE, 9.0, QUALITY_FAIL), 0);
		assert_int_equal(read_as(&b, MINUTE, (double)NAN, QUALITY_MISSING), 0);
	}
	assert_int_equal(reading(&b, MINUTE, 1.6), 1);
	assert_int_equal(read_as(&b, MINUTE, 0.0, QUALITY_FAIL), 0);
	assert_int_equal(read_as(&b, MINUTE, 0.0, QUALITY_MISSING), 0);
	assert_int_equal(level(&b), 1);
}

static void failed_readings_do_not_break_a_delay(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);

	(void)state;
	b.levels[0].on_samples = 2;
	reading(&b, MINUTE, 1.6);
	read_as(&b, MINUTE, 0.0, QUALITY_FAIL);
	assert_int_equal(reading(&b, MINUTE, 1.6), 1);
}

static void readings_out_of_order_and_repeated_change_nothing(void **state)
{
	static const enum cause causes[] = {CAUSE_THRESHOLD,   CAUSE_RATE,      CAUSE_RAIN,
	                                    CAUSE_STALE,       CAUSE_DEAD,      CAUSE_SENSOR_ERROR,
	                                    CAUSE_LOW_BATTERY, CAUSE_PROJECTION};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		struct bell b = bell_of(causes[i], 1.0);
		struct alarm_state before;
		struct alarm_input in = {.value = 5, .quality = QUALITY_PASS};

		b.config.period_us = HOUR;
		b.config.interval_us = 10 * MINUTE;
		reading(&b, MINUTE, 2.0);
		suspect(&b, 2.0); /* is remembered too, where it waits for the next */
		before = b.state;
		in.received_us = b.now_us + SECOND;
		for (in.phenomenon_us = b.now_us; in.phenomenon_us > b.now_us - 3 * MINUTE;
		     in.phenomenon_us -= MINUTE) {
			assert_false(alarm_observe(config_of(&b), &b.state, &in));
			assert_memory_equal(&b.state, &before, sizeof(before));
		}
	}
}

static void a_parked_car_raises_nothing_and_is_told_as_held(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 0.05);

	(void)state;
	b.config.hold = (struct hold_config){.rise_max = 0.1 / 60e6, .move = 0.03, .timeout_us = 12 * HOUR};
	reading(&b, MINUTE, 0);
	assert_false(alarm_is_held(config_of(&b), &b.state));
	for (int i = 0; i < 100; i++) {
		assert_int_equal(reading(&b, MINUTE, 1.1), 0);
		assert_true(alarm_is_held(config_of(&b), &b.state));
	}
	assert_int_equal(reading(&b, MINUTE, 0), 0);
	assert_false(alarm_is_held(config_of(&b), &b.state));
}

/* A car comes while the water falls: what stands is the water. */
static void an_open_incident_goes_on_by_what_is_believed(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 0.05);

	(void)state;
	b.config.hold = (struct hold_config){.rise_max = 0.1 / 60e6, .move = 0.03, .timeout_us = 12 * HOUR};
	b.levels[0].off_delay_us = 15 * MINUTE;
	reading(&b, MINUTE, 0.06);
	reading(&b, MINUTE, 0.02);
	reading(&b, MINUTE, 1.1);
	assert_true(b.state.levels.peak == 0.06);
	assert_int_equal(pass(&b, 14 * MINUTE), 1);
	assert_int_equal(level(&b), LEVEL_NORMAL);
}

static void rate_is_that_of_the_time_that_really_passed(void **state)
{
	struct bell b = bell_of(CAUSE_RATE, 0.5);

	(void)state;
	b.config.period_us = HOUR;
	reading(&b, MINUTE, 1.0);
	assert_int_equal(reading(&b, 30 * MINUTE, 1.45), 0); /* an hour is not yet known */
	assert_int_equal(reading(&b, 3 * HOUR, 2.0), 0);     /* 0.18 m/h, not 0.55 a reading */
	assert_int_equal(reading(&b, 30 * MINUTE, 2.4), 0);
	assert_int_equal(reading(&b, 30 * MINUTE, 2.6), 1); /* 0.6 m in an hour */
	assert_true(fabs(b.state.levels.value - 0.6) < 1e-9);
	assert_int_equal(reading(&b, HOUR, 2.6), 1);
	assert_int_equal(level(&b), LEVEL_NORMAL);
}

static void a_lone_suspect_value_makes_no_rate(void **state)
{
	struct bell b = bell_of(CAUSE_RATE, 0.5);

	(void)state;
	b.config.period_us = HOUR;
	reading(&b, MINUTE, 1.0);
	assert_int_equal(read_as(&b, HOUR, 4.2, QUALITY_SUSPECT), 0);
	assert_int_equal(reading(&b, HOUR, 1.0), 0);
}

static void a_fast_fall_is_a_falling_rate(void **state)
{
	struct bell b = bell_of(CAUSE_RATE, -0.5);

	(void)state;
	b.config.period_us = HOUR;
	b.levels[0].direction = DIRECTION_FALLING;
	reading(&b, MINUTE, 5.0);
	assert_int_equal(reading(&b, HOUR, 4.6), 0);
	assert_int_equal(reading(&b, HOUR, 4.0), 1);
}

static struct bell rain_gauge(void)
{
	struct bell b = bell_of(CAUSE_RAIN, 20);

	b.config.period_us = HOUR;
	b.levels[0].clear_value = 15;
	return b;
}

static void rain_raises_by_its_sum(void **state)
{
	struct bell b = rain_gauge();

	(void)state;
	for (int i = 0; i < 99; i++) {
		assert_int_equal(reading(&b, 10 * SECOND, 0.2), 0);
	}
	assert_int_equal(reading(&b, 10 * SECOND, 0.2), 1);
	assert_true(b.state.levels.value == 20);
}

static void rain_of_before_the_period_does_not_count(void **state)
{
	struct bell b = rain_gauge();

	(void)state;
	reading(&b, MINUTE, 15);
	assert_int_equal(reading(&b, HOUR + 3 * MINUTE, 15), 0);
}

static void rain_dries_up_by_the_clock(void **state)
{
	struct bell b = rain_gauge();
	int64_t fell_us;

	(void)state;
	reading(&b, MINUTE, 12);
	fell_us = b.now_us;
	reading(&b, 20 * MINUTE, 12);
	assert_int_equal(level(&b), 1);
	assert_int_equal(pass(&b, 39 * MINUTE), 0);
	assert_int_equal(pass(&b, 10 * HOUR), 1);
	assert_int_equal(level(&b), LEVEL_NORMAL);
	assert_true(b.state.levels.value == 12);
	assert_true(b.state.levels.changed_us > fell_us + HOUR);
	assert_true(b.state.levels.changed_us <= fell_us + HOUR + HOUR / RAIN_BUCKETS);
	assert_true(alarm_due(config_of(&b), &b.state) == INT64_MAX); /* what is left is of no interest */
}

static void rain_that_dried_up_before_the_delay_ended_raises_nothing(void **state)
{
	struct bell b = rain_gauge();

	(void)state;
	b.levels[0].on_delay_us = 2 * HOUR;
	reading(&b, MINUTE, 25);
	assert_int_equal(pass(&b, 10 * HOUR), 0);
}

static void drying_rain_is_no_reading(void **state)
{
	struct bell b = rain_gauge();

	(void)state;
	b.levels[0].on_samples = 2;
	b.levels[0].on_delay_us = 10 * HOUR;
	reading(&b, MINUTE, 8);
	reading(&b, 10 * MINUTE, 30);
	assert_int_equal(pass(&b, 58 * MINUTE), 0); /* the 8 mm are gone */
	assert_int_equal(reading(&b, SECOND, 0), 1);
}

static void of_suspect_rain_no_more_counts_than_of_the_next(void **state)
{
	struct bell b = rain_gauge();

	(void)state;
	assert_int_equal(suspect(&b, 500), 0);
	assert_int_equal(reading(&b, MINUTE, 0), 0);
	assert_int_equal(suspect(&b, 500), 0);
	assert_int_equal(suspect(&b, 12), 0);
	assert_true(b.state.levels.newest == 12);
	assert_int_equal(suspect(&b, 13), 1);
	assert_true(b.state.levels.newest == 24);
}

static void suspect_rain_counts_at_once_when_a_neighbour_has_it_too(void **state)
{
	struct bell b = rain_gauge();

	(void)state;
	b.borne_out = true;
	assert_int_equal(suspect(&b, 22), 1);
}

static void negative_rain_and_failed_readings_add_nothing(void **state)
{
	struct bell b = rain_gauge();

	(void)state;
	reading(&b, MINUTE, 12);
	reading(&b, MINUTE, -5);
	suspect(&b, -5);
	suspect(&b, 3);
	read_as(&b, MINUTE, 30, QUALITY_FAIL);
	reading(&b, MINUTE, 0);
	assert_true(b.state.levels.newest == 12);
}

static void sensor_errors_count_in_a_row(void **state)
{
	struct bell b = bell_of(CAUSE_SENSOR_ERROR, 3);

	(void)state;
	read_as(&b, MINUTE, 9.0, QUALITY_FAIL);
	read_as(&b, MINUTE, (double)NAN, QUALITY_MISSING);
	assert_int_equal(suspect(&b, 1.0), 0); /* usable: the row begins anew */
	read_as(&b, MINUTE, (double)NAN, QUALITY_MISSING);
	read_as(&b, MINUTE, 9.0, QUALITY_FAIL);
	assert_int_equal(read_as(&b, MINUTE, 9.0, QUALITY_FAIL), 1);
	assert_true(b.state.levels.value == 3);
	assert_int_equal(read_as(&b, MINUTE, 9.0, QUALITY_FAIL), 0);
	assert_int_equal(reading(&b, MINUTE, 1.0), 1);
	assert_int_equal(level(&b), LEVEL_NORMAL);
}

static void a_battery_runs_low(void **state)
{
	struct bell b = bell_of(CAUSE_LOW_BATTERY, 3.3);

	(void)state;
	b.levels[0].direction = DIRECTION_FALLING;
	b.levels[0].clear_value = 3.35;
	assert_int_equal(reading(&b, MINUTE, 3.4), 0);
	assert_int_equal(reading(&b, MINUTE, 3.3), 1);
	assert_int_equal(reading(&b, MINUTE, 3.34), 0);
	assert_int_equal(reading(&b, MINUTE, 3.36), 1);
}

/* Stages of a river, for projections to aim at. */
static const struct threshold stages[] = {
	{.level = 1, .set_value = 1.4}, {.level = 2, .set_value = 1.5}, {.level = 3, .set_value = 1.6}};

static struct bell projection(void)
{
	struct bell b = bell_of(CAUSE_PROJECTION, 45);

	b.levels[0].direction = DIRECTION_FALLING;
	b.levels[0].clear_value = 67.5;
	b.config.targets = stages;
	b.config.target_count = ARRAY_SIZE(stages);
	return b;
}

static void a_projection_raises_before_the_water_does(void **state)
{
	struct bell b = projection();
	double value = 1.0;

	(void)state;
	for (int i = 0; i < 6; i++, value += 0.02) { /* 0.24 m/h: from 1.10 m to 1.40 m in 75 min */
		assert_int_equal(reading(&b, 5 * MINUTE, value), 0);
	}
	assert_true(fabs(b.state.levels.newest - 75) < 1e-3);
	while (value < 1.219) {
		assert_int_equal(reading(&b, 5 * MINUTE, value), 0);
		value += 0.02;
	}
	assert_int_equal(reading(&b, 5 * MINUTE, value + 0.001), 1);
	assert_true(b.state.levels.value < 45);
	for (int i = 0; i < 20; i++) {
		reading(&b, 5 * MINUTE, value);
	}
	assert_int_equal(level(&b), LEVEL_NORMAL); /* it stands */
	assert_true(b.state.levels.newest == ALARM_NEVER_MINUTES);
}

static void a_projection_aims_at_the_next_level(void **state)
{
	struct bell b = projection();
	struct alarm_projection p;

	(void)state;
	for (int i = 0; i < 6; i++) {
		reading(&b, 5 * MINUTE, 1.36 + 0.02 * i);
	}
	assert_true(alarm_project(config_of(&b), &b.state, &p)); /* at 1.46 m */
	assert_int_equal(p.target->level, 2);
	assert_true(p.likely);
	assert_true(llabs(p.at_us - (b.now_us + 10 * MINUTE)) < SECOND);
	for (int i = 0; i < 8; i++) {
		reading(&b, 5 * MINUTE, 1.48 + 0.02 * i);
	}
	assert_false(alarm_project(config_of(&b), &b.state, &p)); /* above all levels */
	assert_true(b.state.levels.newest == ALARM_NEVER_MINUTES);
	assert_int_equal(level(&b), LEVEL_NORMAL);
}

static void a_rising_alert_knows_the_next_level(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.4);
	struct alarm_projection p;

	(void)state;
	b.config.targets = stages;
	b.config.target_count = ARRAY_SIZE(stages);
	for (int i = 0; i < 6; i++) {
		reading(&b, 10 * MINUTE, 1.38 + 0.004 * i);
	}
	assert_int_equal(level(&b), 1);
	assert_true(alarm_project(config_of(&b), &b.state, &p));
	assert_int_equal(p.target->level, 2);
	assert_false(p.likely); /* four hours ahead */
}

static void no_projection_without_rise_or_beyond_a_day(void **state)
{
	static const double rises[] = {0, -0.02, 0.0001};
	struct alarm_projection p;

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(rises); n++) {
		struct bell b = projection();

		assert_false(alarm_project(config_of(&b), &b.state, &p));
		for (int i = 0; i < 6; i++) {
			reading(&b, 10 * MINUTE, 1.0 + rises[n] * i);
			assert_false(alarm_project(config_of(&b), &b.state, &p));
		}
	}
}

static void one_bad_value_does_not_move_a_projection(void **state)
{
	struct bell b = projection();
	double value = 1.0;

	(void)state;
	for (int i = 0; i < 8; i++, value += 0.02) {
		reading(&b, 5 * MINUTE, i == 3 ? value + 0.3 : value);
	}
	assert_true(fabs(b.state.levels.newest - 65) < 10);
}

static void what_watches_readings(void **state)
{
	(void)state;
	for (int c = 0; c < CAUSE_COUNT; c++) {
		bool others = c == CAUSE_GROUP || c == CAUSE_UPSTREAM || c == CAUSE_TEST;

		assert_int_equal(alarm_watches_readings((enum cause)c), !others);
	}
}

static void readings_say_nothing_to_groups(void **state)
{
	struct bell b = bell_of(CAUSE_GROUP, 1);
	struct alarm_state before = b.state;

	(void)state;
	reading(&b, MINUTE, 5);
	assert_memory_equal(&b.state, &before, sizeof(before));
}

/* What 100,000 datastreams cost: an alarm, its place among the others and three levels in 1 KiB. */
static void an_alarm_with_three_levels_takes_less_than_a_kibibyte(void **state)
{
	(void)state;
	assert_true(sizeof(struct alarm_state) <= 624);
	assert_true(sizeof(struct alarm_state) + 3 * sizeof(struct threshold) + 64 <= 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_raises_and_clears),
		cmocka_unit_test(a_lone_suspect_value_raises_nothing),
		cmocka_unit_test(a_flood_of_suspect_values_raises_at_the_second),
		cmocka_unit_test(both_suspect_values_count_for_the_delay),
		cmocka_unit_test(a_neighbour_lets_a_suspect_value_raise_at_once),
		cmocka_unit_test(failed_and_missing_readings_never_move_a_level),
		cmocka_unit_test(failed_readings_do_not_break_a_delay),
		cmocka_unit_test(readings_out_of_order_and_repeated_change_nothing),
		cmocka_unit_test(a_parked_car_raises_nothing_and_is_told_as_held),
		cmocka_unit_test(an_open_incident_goes_on_by_what_is_believed),
		cmocka_unit_test(rate_is_that_of_the_time_that_really_passed),
		cmocka_unit_test(a_lone_suspect_value_makes_no_rate),
		cmocka_unit_test(a_fast_fall_is_a_falling_rate),
		cmocka_unit_test(rain_raises_by_its_sum),
		cmocka_unit_test(rain_of_before_the_period_does_not_count),
		cmocka_unit_test(rain_dries_up_by_the_clock),
		cmocka_unit_test(rain_that_dried_up_before_the_delay_ended_raises_nothing),
		cmocka_unit_test(drying_rain_is_no_reading),
		cmocka_unit_test(of_suspect_rain_no_more_counts_than_of_the_next),
		cmocka_unit_test(suspect_rain_counts_at_once_when_a_neighbour_has_it_too),
		cmocka_unit_test(negative_rain_and_failed_readings_add_nothing),
		cmocka_unit_test(sensor_errors_count_in_a_row),
		cmocka_unit_test(a_battery_runs_low),
		cmocka_unit_test(a_projection_raises_before_the_water_does),
		cmocka_unit_test(a_projection_aims_at_the_next_level),
		cmocka_unit_test(a_rising_alert_knows_the_next_level),
		cmocka_unit_test(no_projection_without_rise_or_beyond_a_day),
		cmocka_unit_test(one_bad_value_does_not_move_a_projection),
		cmocka_unit_test(what_watches_readings),
		cmocka_unit_test(readings_say_nothing_to_groups),
		cmocka_unit_test(an_alarm_with_three_levels_takes_less_than_a_kibibyte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
