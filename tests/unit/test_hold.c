#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hold.h"
#include "reading.h"
#include "util.h"

#include <math.h>

#define MINUTE (INT64_C(60) * 1000000)
#define HOUR   (60 * MINUTE)
#define NONE   ((double)NAN)

/* A street: 0.1 m a minute, 0.03 m, 12 hours. */
static const struct hold_config street = {.rise_max = 0.1 / 60e6, .move = 0.03, .timeout_us = 12 * HOUR};
static const struct hold_config no_hold = {0};

struct judge {
	struct hold_config config;
	struct hold hold;
	int64_t now_us;
};

static struct judge judge_of(struct hold_config config)
{
	return (struct judge){.config = config, .now_us = INT64_C(1764000000) * 1000000};
}

/* What is believed of a value that comes after so long; NONE: nothing. */
static double after(struct judge *j, int64_t passed_us, double value, enum quality quality, bool borne_out)
{
	struct hold_input in = {.at_us = j->now_us += passed_us,
	                        .value = value,
	                        .quality = (uint8_t)quality,
	                        .borne_out = borne_out};
	double believed = 1e9;

	if (!hold_judge(&j->config, &j->hold, &in, &believed)) {
		assert_true(believed == 1e9); /* untouched */
		return NONE;
	}
	return believed;
}

static double good(struct judge *j, int64_t passed_us, double value)
{
	return after(j, passed_us, value, QUALITY_PASS, false);
}

static double suspect(struct judge *j, double value)
{
	return after(j, MINUTE, value, QUALITY_SUSPECT, false);
}

static void believes_good_values_as_they_are(void **state)
{
	static const double course[] = {0.5, 3.0, -2.0, 100.0};
	struct judge j = judge_of(no_hold);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(course); i++) {
		assert_true(good(&j, MINUTE, course[i]) == course[i]);
	}
	assert_true(after(&j, MINUTE, 7, QUALITY_NOT_EVALUATED, false) == 7);
}

static void keeps_a_suspect_value_until_the_next(void **state)
{
	struct judge j = judge_of(no_hold);

	(void)state;
	good(&j, MINUTE, 1.0);
	assert_true(isnan(suspect(&j, 4.183)));
	assert_true(good(&j, MINUTE, 1.1) == 1.1);
	assert_true(isnan(suspect(&j, 4.2))); /* the one before the good value bears out nothing */
}

static void a_second_suspect_value_bears_out_no_more_than_both_reach(void **state)
{
	struct judge j = judge_of(no_hold);

	(void)state;
	good(&j, MINUTE, 1.0);
	suspect(&j, 2.0);
	assert_true(suspect(&j, 2.2) == 2.0);
	assert_true(suspect(&j, 2.4) == 2.2);
	assert_true(suspect(&j, 9.9) == 2.4);
	assert_true(suspect(&j, 2.5) == 2.5); /* of 9.9 no more than 2.5 */
}

static void suspect_values_that_contradict_each_other_move_nothing(void **state)
{
	struct judge j = judge_of(no_hold);

	(void)state;
	good(&j, MINUTE, 1.0);
	suspect(&j, 5.0);
	assert_true(suspect(&j, -3.0) == 1.0);
}

static void suspect_values_are_borne_out_downwards_too(void **state)
{
	struct judge j = judge_of(no_hold);

	(void)state;
	good(&j, MINUTE, 1.0);
	suspect(&j, 0.5);
	assert_true(suspect(&j, 0.2) == 0.5);
}

static void of_two_suspect_values_that_come_first_the_lesser_is_believed(void **state)
{
	struct judge j = judge_of(no_hold);

	(void)state;
	assert_true(isnan(suspect(&j, 5.0)));
	assert_true(suspect(&j, 2.0) == 2.0);
}

static void a_neighbour_bears_out_a_suspect_value_at_once(void **state)
{
	struct judge j = judge_of(no_hold);

	(void)state;
	good(&j, MINUTE, 1.0);
	assert_true(after(&j, MINUTE, 3.0, QUALITY_SUSPECT, true) == 3.0);
	assert_true(isnan(suspect(&j, 9.0)));
}

static void a_flood_passes(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0);
	for (int i = 1; i < 30; i++) {
		assert_true(good(&j, MINUTE, 0.035 * i) == 0.035 * i);
	}
}

static void the_rise_allowed_is_that_of_the_time_passed(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0);
	assert_true(good(&j, 2 * MINUTE, 0.199) == 0.199);
	assert_true(isnan(good(&j, 2 * MINUTE, 0.401)));
}

static void silence_allows_no_more_than_five_minutes_of_it(void **state)
{
	struct judge j = judge_of(street), k = j;

	(void)state;
	good(&j, MINUTE, 0);
	assert_true(good(&j, 3 * HOUR, 0.499) == 0.499);
	good(&k, MINUTE, 0);
	assert_true(isnan(good(&k, 3 * HOUR, 0.501)));
}

static void a_parked_car_is_held_and_dropped_when_it_leaves(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0.004);
	for (int i = 0; i < 9 * 60; i++) {
		assert_true(isnan(good(&j, MINUTE, i % 2 == 0 ? 1.1 : 1.12)));
	}
	assert_true(good(&j, MINUTE, 0.002) == 0.002);
	assert_int_equal(j.hold.held_us, 0);
	assert_true(good(&j, MINUTE, 0.01) == 0.01);
}

/* As on FloodNet's daily_gentle_beetle, 17 June 2023: one echo of 0.26 m in ten hours of a parked car. */
static void an_echo_between_car_and_street_does_not_drop_the_hold(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0);
	for (int i = 0; i < 60; i++) {
		good(&j, MINUTE, 1.17);
	}
	assert_true(isnan(good(&j, MINUTE, 0.26)));
	assert_true(isnan(good(&j, 2 * MINUTE, 1.17)));
	assert_true(good(&j, MINUTE, 0.09) == 0.09);
}

static void water_that_moves_is_believed_after_packet_loss(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0);
	assert_true(isnan(good(&j, 40 * MINUTE, 0.70)));
	assert_true(isnan(good(&j, MINUTE, 0.715)));
	assert_true(good(&j, MINUTE, 0.731) == 0.731);
	assert_true(good(&j, MINUTE, 0.74) == 0.74);
}

static void water_that_falls_in_a_hold_moves_too(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0);
	good(&j, 40 * MINUTE, 0.70);
	assert_true(good(&j, MINUTE, 0.66) == 0.66);
}

static void a_hold_ends_after_its_timeout(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0);
	good(&j, MINUTE, 1.1);
	for (int i = 1; i < 12 * 60; i++) {
		assert_true(isnan(good(&j, MINUTE, 1.1)));
	}
	assert_true(good(&j, MINUTE, 1.1) == 1.1);
	assert_true(good(&j, MINUTE, 1.1) == 1.1);
}

/* A sensor that is heard every 20 minutes never shows a step: the timeout must not wait for one. */
static void a_hold_without_any_step_ends_after_its_timeout(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0);
	good(&j, MINUTE, 1.1);
	for (int i = 1; i < 36; i++) {
		assert_true(isnan(good(&j, 20 * MINUTE, 1.1)));
	}
	assert_true(good(&j, 20 * MINUTE, 1.1) == 1.1);
}

static void another_jump_begins_the_run_anew_and_not_the_timeout(void **state)
{
	struct judge j = judge_of(street);
	int64_t held_us;

	(void)state;
	good(&j, MINUTE, 0);
	good(&j, MINUTE, 1.1);
	held_us = j.hold.held_us;
	assert_true(isnan(good(&j, MINUTE, 1.8))); /* no step of water: moves nothing */
	assert_true(isnan(good(&j, MINUTE, 1.1)));
	assert_true(isnan(good(&j, 11 * MINUTE, 1.15))); /* too long after to be a step */
	assert_int_equal(j.hold.held_us, held_us);
	assert_true(j.hold.run_least == 1.15 && j.hold.run_most == 1.15);
}

static void a_neighbour_ends_a_hold_and_prevents_one(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0);
	assert_true(isnan(good(&j, MINUTE, 1.1)));
	assert_true(after(&j, MINUTE, 1.1, QUALITY_PASS, true) == 1.1);
	assert_true(good(&j, MINUTE, 1.11) == 1.11);
	assert_true(after(&j, MINUTE, 2.5, QUALITY_PASS, true) == 2.5);
}

static void a_fall_is_never_held(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 1.0);
	assert_true(good(&j, MINUTE, -5.0) == -5.0);
	assert_true(isnan(good(&j, MINUTE, 1.0)));
}

static void the_first_value_is_believed(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	assert_true(good(&j, MINUTE, 1.1) == 1.1);
}

/* FloodNet's daily_gentle_beetle, 17 June 2023: a lost echo from beside the car that stands there. */
static void an_echo_from_between_object_and_street_is_not_borne_out_by_the_object(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0.002);
	for (int i = 0; i < 30; i++) {
		assert_true(isnan(good(&j, MINUTE, 1.174)));
	}
	assert_true(isnan(suspect(&j, 0.260)));
	assert_true(isnan(after(&j, 2 * MINUTE, 1.175, QUALITY_SUSPECT, false)));
	assert_true(isnan(good(&j, MINUTE, 1.175)));
	assert_true(isnan(suspect(&j, 0.001))); /* it leaves */
	assert_true(suspect(&j, 0.002) == 0.002);
}

static void suspect_values_of_a_jump_are_held_as_any(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0);
	for (int i = 0; i < 100; i++) {
		assert_true(isnan(suspect(&j, 1.1)));
	}
	assert_true(good(&j, MINUTE, 0.01) == 0.01);
}

static void a_hold_that_was_turned_off_holds_nothing(void **state)
{
	struct judge j = judge_of(street);

	(void)state;
	good(&j, MINUTE, 0);
	good(&j, MINUTE, 1.1);
	j.config = no_hold;
	assert_true(good(&j, MINUTE, 1.1) == 1.1);
	assert_int_equal(j.hold.held_us, 0);
}

static void a_restart_of_the_clock_keeps_the_believed_value_only(void **state)
{
	struct judge j = judge_of(street), k;

	(void)state;
	good(&j, MINUTE, 0);
	good(&j, MINUTE, 1.1);
	suspect(&j, 1.1);
	j.now_us -= HOUR;
	hold_restart(&j.hold, j.now_us + MINUTE);
	k = j;
	assert_true(isnan(good(&j, MINUTE, 0.51)));
	assert_true(good(&k, MINUTE, 0.49) == 0.49);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believes_good_values_as_they_are),
		cmocka_unit_test(keeps_a_suspect_value_until_the_next),
		cmocka_unit_test(a_second_suspect_value_bears_out_no_more_than_both_reach),
		cmocka_unit_test(suspect_values_that_contradict_each_other_move_nothing),
		cmocka_unit_test(suspect_values_are_borne_out_downwards_too),
		cmocka_unit_test(of_two_suspect_values_that_come_first_the_lesser_is_believed),
		cmocka_unit_test(a_neighbour_bears_out_a_suspect_value_at_once),
		cmocka_unit_test(a_flood_passes),
		cmocka_unit_test(the_rise_allowed_is_that_of_the_time_passed),
		cmocka_unit_test(silence_allows_no_more_than_five_minutes_of_it),
		cmocka_unit_test(a_parked_car_is_held_and_dropped_when_it_leaves),
		cmocka_unit_test(an_echo_between_car_and_street_does_not_drop_the_hold),
		cmocka_unit_test(water_that_moves_is_believed_after_packet_loss),
		cmocka_unit_test(water_that_falls_in_a_hold_moves_too),
		cmocka_unit_test(a_hold_ends_after_its_timeout),
		cmocka_unit_test(a_hold_without_any_step_ends_after_its_timeout),
		cmocka_unit_test(another_jump_begins_the_run_anew_and_not_the_timeout),
		cmocka_unit_test(a_neighbour_ends_a_hold_and_prevents_one),
		cmocka_unit_test(a_fall_is_never_held),
		cmocka_unit_test(the_first_value_is_believed),
		cmocka_unit_test(an_echo_from_between_object_and_street_is_not_borne_out_by_the_object),
		cmocka_unit_test(suspect_values_of_a_jump_are_held_as_any),
		cmocka_unit_test(a_hold_that_was_turned_off_holds_nothing),
		cmocka_unit_test(a_restart_of_the_clock_keeps_the_believed_value_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
