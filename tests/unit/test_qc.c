#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qc.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MINUTE_US INT64_C(60000000)
#define HOUR_US   (60 * MINUTE_US)

/* A gauge that reports every six minutes. */
struct gauge {
	struct qc_config config;
	struct qc_season seasons[4];
	struct qc_state state;
	struct qc_window window;
	struct qc_result result; /* of the newest reading */
	int64_t now_us;
};

static struct gauge gauge_with(enum qc_test t)
{
	struct gauge g = {.now_us = INT64_C(1766793600000000)}; /* 2025-12-27T00:00:00Z */

	g.config = (struct qc_config){
		.enabled = 1U << t,
		.interval_us = 6 * MINUTE_US,
		.fail_min = NAN,
		.fail_max = NAN,
		.suspect_min = NAN,
		.suspect_max = NAN,
		.spike_suspect = NAN,
		.spike_fail = NAN,
		.rate_suspect = NAN,
		.rate_fail = NAN,
		.attenuated_suspect = NAN,
		.attenuated_fail = NAN,
		.neighbour_suspect = NAN,
		.neighbour_fail = NAN,
	};
	return g;
}

static struct qc_input input_at(int64_t us, double value)
{
	return (struct qc_input){.phenomenon_us = us, .raw = value, .value = value, .neighbour = NAN};
}

/* The verdict of the one test, of a reading with this stamp. */
static enum quality judge_at(struct gauge *g, int64_t us, double value)
{
	struct qc_input in = input_at(us, value);
	int test = 0;

	while (!(g->config.enabled >> test & 1))
		test++;
	qc_check(&g->config, g->seasons, &g->state, &g->window, &in, &g->result);
	return qc_tests_get(g->result.tests, (enum qc_test)test);
}

/* Of the next reading, six minutes after the last. */
static enum quality judge(struct gauge *g, double value)
{
	g->now_us += 6 * MINUTE_US;
	return judge_at(g, g->now_us, value);
}

static enum quality settled(const struct gauge *g, enum qc_test t)
{
	assert_true(g->result.settles);
	return qc_tests_get(g->result.settled_tests, t);
}

static void verdicts_stand_side_by_side_in_one_word(void **state)
{
	static const enum quality flags[] = {QUALITY_PASS, QUALITY_NOT_EVALUATED, QUALITY_SUSPECT,
	                                     QUALITY_FAIL, QUALITY_MISSING};
	uint32_t tests = 0;

	(void)state;
	for (int t = 0; t < QC_TEST_COUNT; t++) {
		assert_int_equal(qc_tests_get(tests, (enum qc_test)t), 0);
		tests = qc_tests_set(tests, (enum qc_test)t, flags[t % 5]);
	}
	for (int t = 0; t < QC_TEST_COUNT; t++)
		assert_int_equal(qc_tests_get(tests, (enum qc_test)t), flags[t % 5]);
	assert_int_equal(tests >> 3 * QC_MISSING & 7, 2);
	assert_int_equal(qc_tests_set(0, QC_TIME, QUALITY_MISSING), 5U << 3 * QC_TIME);
	assert_int_equal(qc_tests_get(qc_tests_set(tests, QC_GAP, QUALITY_FAIL), QC_GAP), QUALITY_FAIL);
}

static void tests_are_found_by_their_names(void **state)
{
	enum qc_test found;

	(void)state;
	for (int t = 0; t < QC_TEST_COUNT; t++) {
		assert_true(qc_test_find(qc_test_name((enum qc_test)t), &found));
		assert_int_equal(found, t);
	}
	assert_string_equal(qc_test_name(QC_ATTENUATED_SIGNAL), "attenuated_signal");
	assert_false(qc_test_find("tide", &found));
}

/* The rule, said plainly. */
static enum quality worst(uint32_t tests)
{
	static const enum quality order[] = {QUALITY_FAIL, QUALITY_SUSPECT, QUALITY_PASS,
	                                     QUALITY_NOT_EVALUATED, QUALITY_MISSING};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		for (int t = QC_MISSING; t < QC_TEST_COUNT; t++) {
			if (qc_tests_get(tests, (enum qc_test)t) == order[i])
				return order[i];
		}
	}
	return QUALITY_NOT_EVALUATED;
}

static void aggregate_is_fail_suspect_pass_not_evaluated_missing(void **state)
{
	static const enum quality flags[] = {
		0, QUALITY_PASS, QUALITY_NOT_EVALUATED, QUALITY_SUSPECT, QUALITY_FAIL, QUALITY_MISSING};
	uint32_t n = 12345;

	(void)state;
	assert_int_equal(qc_aggregate(0), QUALITY_NOT_EVALUATED);
	for (int round = 0; round < 20000; round++) {
		uint32_t tests = 0;

		for (int t = 0; t < QC_TEST_COUNT; t++) {
			n = n * 1103515245 + 12345;
			/* Often only mild verdicts, so that the end of the order has its turn too. */
			tests = qc_tests_set(tests, (enum qc_test)t,
			                     flags[(n >> 16) % (round % 3 == 0   ? 6
			                                        : round % 3 == 1 ? 3
			                                                         : 1)]);
			if (round % 7 == 0 && t % 3 == 0)
				tests = qc_tests_set(tests, (enum qc_test)t, QUALITY_MISSING);
		}
		assert_int_equal(qc_aggregate(tests), worst(tests));
	}
}

static void gap_is_no_part_of_the_aggregate(void **state)
{
	struct gauge g = gauge_with(QC_GAP);

	(void)state;
	g.config.enabled |= 1U << QC_GROSS_RANGE;
	g.config.gap_us = HOUR_US;
	judge(&g, 1);
	g.now_us += 2 * HOUR_US;
	assert_int_equal(judge(&g, 1), QUALITY_FAIL);
	assert_int_equal(g.result.quality, QUALITY_PASS);
}

static void gap_is_longer_than_the_limit(void **state)
{
	struct gauge g = gauge_with(QC_GAP);
	int64_t from_us;

	(void)state;
	g.config.gap_us = HOUR_US;
	assert_int_equal(judge(&g, 1), QUALITY_PASS);
	from_us = g.now_us;
	assert_int_equal(judge_at(&g, from_us + HOUR_US, 1), QUALITY_PASS);
	assert_false(g.result.gap);
	from_us += HOUR_US;
	assert_int_equal(judge_at(&g, from_us + HOUR_US + 1, NAN), QUALITY_MISSING);
	assert_true(g.result.gap);
	assert_int_equal(g.result.gap_from_us, from_us);
	assert_int_equal(judge_at(&g, from_us + 2 * HOUR_US, 1), QUALITY_PASS);
	assert_int_equal(judge_at(&g, from_us + 5 * HOUR_US, 1), QUALITY_FAIL);
}

static void gap_is_told_without_the_test(void **state)
{
	struct gauge g = gauge_with(QC_GROSS_RANGE);

	(void)state;
	g.config.gap_us = HOUR_US;
	judge(&g, 1);
	judge_at(&g, g.now_us + 3 * HOUR_US, 1);
	assert_true(g.result.gap);
	assert_int_equal(g.result.gap_from_us, g.now_us);
	assert_int_equal(qc_tests_get(g.result.tests, QC_GAP), 0);
}

static void gap_is_not_evaluated_without_a_limit(void **state)
{
	struct gauge g = gauge_with(QC_GAP);

	(void)state;
	judge(&g, 1);
	assert_int_equal(judge_at(&g, g.now_us + 300 * HOUR_US, 1), QUALITY_NOT_EVALUATED);
	assert_false(g.result.gap);
}

static void error_code_is_missing_in_every_test(void **state)
{
	struct gauge g = gauge_with(QC_MISSING);

	(void)state;
	g.config.enabled = (1U << QC_TEST_COUNT) - 1;
	g.config.codes[0] = 9999;
	g.config.codes[1] = -999999;
	g.config.code_count = 2;
	judge(&g, -999999);
	assert_int_equal(g.result.quality, QUALITY_MISSING);
	for (int t = 0; t < QC_TEST_COUNT; t++)
		assert_int_equal(qc_tests_get(g.result.tests, (enum qc_test)t), QUALITY_MISSING);
	judge(&g, 9998);
	assert_int_equal(qc_tests_get(g.result.tests, QC_MISSING), QUALITY_PASS);
}

static void error_code_is_the_sensors_value_not_the_converted_one(void **state)
{
	struct gauge g = gauge_with(QC_MISSING);
	struct qc_input in = input_at(g.now_us, 1.5);

	(void)state;
	g.config.codes[0] = 5000;
	g.config.code_count = 1;
	in.raw = 5000;
	qc_check(&g.config, NULL, &g.state, NULL, &in, &g.result);
	assert_int_equal(g.result.quality, QUALITY_MISSING);
	assert_int_equal(judge(&g, 1.5), QUALITY_PASS);
}

static void error_codes_count_only_when_the_test_is_set_up(void **state)
{
	struct gauge g = gauge_with(QC_GROSS_RANGE);

	(void)state;
	g.config.codes[0] = 9999;
	g.config.code_count = 1;
	assert_int_equal(judge(&g, 9999), QUALITY_PASS);
}

static void no_value_is_missing_even_without_tests(void **state)
{
	struct gauge g = gauge_with(QC_TIME);
	struct qc_input in = input_at(g.now_us, NAN);

	(void)state;
	g.config.enabled = 0;
	qc_check(&g.config, NULL, &g.state, NULL, &in, &g.result);
	assert_int_equal(g.result.tests, 0);
	assert_int_equal(g.result.quality, QUALITY_MISSING);
	in = input_at(g.now_us + 1, 1);
	qc_check(&g.config, NULL, &g.state, NULL, &in, &g.result);
	assert_int_equal(g.result.quality, QUALITY_NOT_EVALUATED);
}

static void infinite_value_fails_the_gross_range(void **state)
{
	struct gauge g = gauge_with(QC_GROSS_RANGE);

	(void)state;
	g.config.enabled |= 1U << QC_RATE_OF_CHANGE;
	g.config.rate_suspect = 0.1;
	judge(&g, 1);
	assert_int_equal(judge(&g, INFINITY), QUALITY_FAIL);
	assert_int_equal(g.result.quality, QUALITY_FAIL);
	assert_int_equal(qc_tests_get(g.result.tests, QC_RATE_OF_CHANGE), QUALITY_MISSING);
	judge(&g, 1);
	assert_int_equal(g.result.quality, QUALITY_PASS);
}

static void gross_range_limits_are_inside_and_may_be_absent(void **state)
{
	struct gauge g = gauge_with(QC_GROSS_RANGE);

	(void)state;
	assert_int_equal(judge(&g, 1e300), QUALITY_PASS);
	g.config.fail_max = 10;
	g.config.suspect_min = -0.5;
	g.config.suspect_max = 5;
	assert_int_equal(judge(&g, 10), QUALITY_SUSPECT);
	assert_int_equal(judge(&g, nextafter(10, 11)), QUALITY_FAIL);
	assert_int_equal(judge(&g, 5), QUALITY_PASS);
	assert_int_equal(judge(&g, -0.5), QUALITY_PASS);
	assert_int_equal(judge(&g, -1e300), QUALITY_SUSPECT);
}

static void duplicate_is_suspect_and_so_is_the_first(void **state)
{
	struct gauge g = gauge_with(QC_TIME);

	(void)state;
	assert_int_equal(judge(&g, 1), QUALITY_PASS);
	assert_int_equal(judge_at(&g, g.now_us, 2), QUALITY_SUSPECT);
	assert_int_equal(settled(&g, QC_TIME), QUALITY_SUSPECT);
	assert_int_equal(g.result.settled_us, g.now_us);
	assert_int_equal(g.result.settled_quality, QUALITY_SUSPECT);
	assert_int_equal(judge_at(&g, g.now_us, 3), QUALITY_SUSPECT);
	assert_false(g.result.settles);
	assert_int_equal(judge(&g, 1), QUALITY_PASS);
}

static void copy_of_a_stamp_is_recognised_among_the_newest(void **state)
{
	struct gauge g = gauge_with(QC_TIME);
	int64_t first_us = g.now_us + 6 * MINUTE_US;

	(void)state;
	for (int i = 0; i < QC_RECENT; i++)
		judge(&g, 1);
	assert_int_equal(judge_at(&g, first_us, 2), QUALITY_SUSPECT);
	assert_int_equal(settled(&g, QC_TIME), QUALITY_SUSPECT);
	assert_int_equal(g.result.settled_us, first_us);
	judge(&g, 1);
	assert_int_equal(judge_at(&g, first_us, 2), QUALITY_NOT_EVALUATED);
	assert_false(g.result.settles);
}

static void back_fill_is_not_suspect_and_not_remembered(void **state)
{
	struct gauge g = gauge_with(QC_TIME);
	struct qc_state before;

	(void)state;
	g.config.enabled = (1U << QC_TEST_COUNT) - 1;
	g.config.gap_us = HOUR_US;
	g.config.fail_max = 5;
	g.config.flat_suspect_us = 12 * MINUTE_US;
	g.config.flat_tolerance = 1;
	for (int i = 0; i < 5; i++)
		judge(&g, 1);
	before = g.state;
	judge_at(&g, g.now_us - 90 * MINUTE_US, 1);
	assert_memory_equal(&before, &g.state, sizeof(before));
	assert_false(g.result.settles);
	assert_int_equal(g.result.quality, QUALITY_PASS);
	assert_int_equal(qc_tests_get(g.result.tests, QC_TIME), QUALITY_NOT_EVALUATED);
	assert_int_equal(qc_tests_get(g.result.tests, QC_SPIKE), QUALITY_NOT_EVALUATED);
	assert_int_equal(qc_tests_get(g.result.tests, QC_FLAT_LINE), QUALITY_NOT_EVALUATED);
	assert_int_equal(qc_tests_get(g.result.tests, QC_ATTENUATED_SIGNAL), QUALITY_NOT_EVALUATED);
	judge_at(&g, g.now_us - 80 * MINUTE_US, 6);
	assert_int_equal(g.result.quality, QUALITY_FAIL);
}

static void spike_is_settled_by_the_successor(void **state)
{
	struct gauge g = gauge_with(QC_SPIKE);

	(void)state;
	g.config.spike_suspect = 0.1;
	g.config.spike_fail = 0.2;
	assert_int_equal(judge(&g, 1), QUALITY_NOT_EVALUATED);
	assert_int_equal(judge(&g, 1.5), QUALITY_NOT_EVALUATED);
	assert_false(g.result.settles); /* the first has no reading before it */
	assert_int_equal(judge(&g, 1), QUALITY_NOT_EVALUATED);
	assert_int_equal(settled(&g, QC_SPIKE), QUALITY_FAIL);
	assert_int_equal(g.result.settled_quality, QUALITY_FAIL);
	assert_int_equal(g.result.settled_us, g.now_us - 6 * MINUTE_US);
	judge(&g, 1);
	assert_int_equal(settled(&g, QC_SPIKE), QUALITY_FAIL);
	judge(&g, 1.1);
	assert_int_equal(settled(&g, QC_SPIKE), QUALITY_PASS);
}

static void spike_beside_a_missing_reading_is_not_evaluated(void **state)
{
	struct gauge g = gauge_with(QC_SPIKE);

	(void)state;
	g.config.spike_suspect = 0.1;
	judge(&g, 1);
	judge(&g, 2);
	assert_int_equal(judge(&g, NAN), QUALITY_MISSING);
	assert_false(g.result.settles);
	judge(&g, 1);
	assert_false(g.result.settles);
	judge(&g, 2);
	assert_false(g.result.settles);
	judge(&g, 1);
	assert_int_equal(settled(&g, QC_SPIKE), QUALITY_SUSPECT);
}

static void differential_spike_needs_two_opposite_steps(void **state)
{
	struct gauge g = gauge_with(QC_SPIKE);

	(void)state;
	g.config.spike_method = QC_SPIKE_DIFFERENTIAL;
	g.config.spike_suspect = 0.5;
	g.config.spike_fail = 2;
	judge(&g, 0);
	judge(&g, 3);
	judge(&g, 6);
	assert_int_equal(settled(&g, QC_SPIKE), QUALITY_PASS);
	judge(&g, 5);
	assert_int_equal(settled(&g, QC_SPIKE), QUALITY_SUSPECT);
	judge(&g, 5);
	assert_int_equal(settled(&g, QC_SPIKE), QUALITY_PASS);
}

static void spike_threshold_of_zero_is_absent(void **state)
{
	struct gauge g = gauge_with(QC_SPIKE);

	(void)state;
	g.config.spike_suspect = 0;
	g.config.spike_fail = 0;
	judge(&g, 0);
	judge(&g, 50);
	judge(&g, 0);
	assert_int_equal(settled(&g, QC_SPIKE), QUALITY_PASS);
}

static void duplicate_does_not_settle_a_spike(void **state)
{
	struct gauge g = gauge_with(QC_SPIKE);

	(void)state;
	g.config.spike_fail = 0.2;
	judge(&g, 1);
	judge(&g, 1.5);
	assert_int_equal(judge_at(&g, g.now_us, 1.5), QUALITY_NOT_EVALUATED);
	assert_false(g.result.settles);
	judge(&g, 1.5);
	assert_int_equal(settled(&g, QC_SPIKE), QUALITY_FAIL);
}

static void settled_spike_keeps_the_other_verdicts(void **state)
{
	struct gauge g = gauge_with(QC_SPIKE);

	(void)state;
	g.config.enabled |= 1U << QC_TIME | 1U << QC_GROSS_RANGE;
	g.config.spike_suspect = 10;
	g.config.suspect_max = 1.2;
	judge(&g, 1);
	judge(&g, 1.5);
	judge_at(&g, g.now_us, 1);
	judge(&g, 1);
	assert_int_equal(settled(&g, QC_SPIKE), QUALITY_PASS);
	assert_int_equal(settled(&g, QC_TIME), QUALITY_SUSPECT);
	assert_int_equal(settled(&g, QC_GROSS_RANGE), QUALITY_SUSPECT);
	assert_int_equal(g.result.settled_quality, QUALITY_SUSPECT);
}

static void rate_is_per_second_of_real_time(void **state)
{
	struct gauge g = gauge_with(QC_RATE_OF_CHANGE);

	(void)state;
	g.config.rate_suspect = 0.6;
	g.config.rate_fail = 2;
	assert_int_equal(judge(&g, 0), QUALITY_PASS);
	assert_int_equal(judge_at(&g, g.now_us += 900000, 1), QUALITY_SUSPECT);
	assert_int_equal(judge_at(&g, g.now_us += 1900000, 2), QUALITY_PASS);
	assert_int_equal(judge_at(&g, g.now_us += 250000, 1.5), QUALITY_SUSPECT);
	assert_int_equal(judge_at(&g, g.now_us += 100000, 3), QUALITY_FAIL);
	judge(&g, NAN);
	assert_int_equal(judge_at(&g, g.now_us += 1, -50), QUALITY_PASS);
}

static void rate_fails_only_with_a_fail_threshold(void **state)
{
	struct gauge g = gauge_with(QC_RATE_OF_CHANGE);

	(void)state;
	g.config.rate_suspect = 0.01;
	judge(&g, 0);
	assert_int_equal(judge_at(&g, g.now_us + 1, 1e6), QUALITY_SUSPECT);
}

static void readings_close_together_make_no_rate_of_their_noise(void **state)
{
	struct gauge g = gauge_with(QC_RATE_OF_CHANGE);

	(void)state;
	g.config.rate_suspect = 0.5 / 360; /* 0.5 m in 6 minutes */
	g.config.rate_period_us = INT64_C(360000000);
	judge(&g, 1.0);
	assert_int_equal(judge_at(&g, g.now_us + 1000, 1.5), QUALITY_PASS);
	assert_int_equal(judge_at(&g, g.now_us + 2000, 2.1), QUALITY_SUSPECT);
	assert_int_equal(judge_at(&g, g.now_us + INT64_C(720002000), 3.0), QUALITY_PASS);
}

static void rate_of_a_duplicate_is_infinite_if_the_value_changed(void **state)
{
	struct gauge g = gauge_with(QC_RATE_OF_CHANGE);

	(void)state;
	g.config.rate_fail = 0.01;
	judge(&g, 1);
	assert_int_equal(judge_at(&g, g.now_us, 1), QUALITY_PASS);
	assert_int_equal(judge_at(&g, g.now_us, 5), QUALITY_FAIL);
	assert_int_equal(judge(&g, 5.1), QUALITY_PASS);
	assert_int_equal(judge_at(&g, g.now_us - 10 * 1000000, 6), QUALITY_FAIL);
	assert_int_equal(judge(&g, 5.1), QUALITY_PASS);
}

static void line_is_flat_after_as_many_readings_as_the_duration_has(void **state)
{
	struct gauge g = gauge_with(QC_FLAT_LINE);

	(void)state;
	g.config.flat_suspect_us = 20 * MINUTE_US; /* 3 intervals: 4 readings */
	g.config.flat_fail_us = 30 * MINUTE_US;
	g.config.flat_tolerance = 0.25;
	for (int i = 0; i < 3; i++)
		assert_int_equal(judge(&g, 1), QUALITY_PASS);
	assert_int_equal(judge(&g, 1), QUALITY_SUSPECT);
	assert_int_equal(judge(&g, 1), QUALITY_SUSPECT);
	assert_int_equal(judge(&g, 1), QUALITY_FAIL);
	assert_int_equal(judge(&g, 1.25), QUALITY_PASS);
	assert_int_equal(judge(&g, 1.25), QUALITY_PASS);
}

static void flat_line_goes_by_time_without_an_interval(void **state)
{
	struct gauge g = gauge_with(QC_FLAT_LINE);

	(void)state;
	g.config.interval_us = 0;
	g.config.flat_suspect_us = 30 * MINUTE_US;
	g.config.flat_tolerance = 0.01;
	judge(&g, 3);
	judge(&g, 1);
	assert_int_equal(judge_at(&g, g.now_us += 50 * MINUTE_US, 1), QUALITY_PASS); /* two readings */
	assert_int_equal(judge_at(&g, g.now_us += MINUTE_US, 1), QUALITY_SUSPECT);
	assert_int_equal(judge(&g, 2), QUALITY_PASS);
	for (int i = 0; i < 4; i++)
		assert_int_equal(judge(&g, 2), QUALITY_PASS);
	assert_int_equal(judge(&g, 2), QUALITY_SUSPECT);
}

static void flat_line_shorter_than_the_interval_never_holds(void **state)
{
	struct gauge g = gauge_with(QC_FLAT_LINE);

	(void)state;
	g.config.flat_suspect_us = 5 * MINUTE_US;
	g.config.flat_tolerance = 0.01;
	for (int i = 0; i < 5; i++)
		assert_int_equal(judge(&g, 1), QUALITY_PASS);
}

static void flat_line_knows_nothing_of_readings_before_it_was_set_up(void **state)
{
	struct gauge g = gauge_with(QC_GROSS_RANGE);

	(void)state;
	g.config.flat_suspect_us = 18 * MINUTE_US;
	g.config.flat_tolerance = 0.01;
	for (int i = 0; i < 9; i++)
		judge(&g, i);
	g.config.enabled = 1U << QC_FLAT_LINE;
	for (int i = 0; i < 3; i++)
		assert_int_equal(judge(&g, 8), QUALITY_PASS);
	assert_int_equal(judge(&g, 8), QUALITY_SUSPECT);
	g.config.interval_us = 0;
	assert_int_equal(judge(&g, 8), QUALITY_PASS);
}

static void slow_drift_within_the_tolerance_is_flat(void **state)
{
	struct gauge g = gauge_with(QC_FLAT_LINE);

	(void)state;
	g.config.flat_fail_us = 600 * MINUTE_US; /* far more readings than extremes are remembered */
	g.config.flat_tolerance = 1.5;
	for (int i = 0; i < 100; i++)
		assert_int_equal(judge(&g, 0.01 * i), QUALITY_PASS);
	assert_int_equal(judge(&g, 1), QUALITY_FAIL);
	assert_int_equal(judge(&g, 2), QUALITY_PASS);
}

static void signal_is_attenuated_when_its_range_over_the_period_is_small(void **state)
{
	struct gauge g = gauge_with(QC_ATTENUATED_SIGNAL);

	(void)state;
	g.config.attenuated_period_us = HOUR_US;
	g.config.attenuated_suspect = 0.5;
	g.config.attenuated_fail = 0.1;
	g.config.attenuated_min_count = 5;
	for (int i = 0; i < 4; i++)
		assert_int_equal(judge(&g, i), QUALITY_NOT_EVALUATED);
	assert_int_equal(judge(&g, 0), QUALITY_PASS);
	for (int i = 0; i < 8; i++)
		assert_int_equal(judge(&g, 0.3),
		                 QUALITY_PASS); /* the 3 is in the window until it is an hour old */
	assert_int_equal(judge(&g, 0.3), QUALITY_SUSPECT);
	assert_int_equal(judge(&g, 0.3), QUALITY_FAIL);
}

static void deviation_is_that_of_the_population(void **state)
{
	struct gauge g = gauge_with(QC_ATTENUATED_SIGNAL);

	(void)state;
	g.config.attenuated_method = QC_ATTENUATED_STD;
	g.config.attenuated_period_us = HOUR_US;
	g.config.attenuated_suspect = 0.5;
	g.config.attenuated_min_count = 2;
	judge(&g, 2);
	assert_int_equal(judge(&g, 3), QUALITY_PASS); /* 0.5 exactly */
	g.config.attenuated_suspect = 0.51;
	assert_int_equal(judge(&g, 2), QUALITY_SUSPECT);
}

static void missing_reading_keeps_a_window_by_range_from_its_verdict(void **state)
{
	struct gauge range = gauge_with(QC_ATTENUATED_SIGNAL), deviation;

	(void)state;
	range.config.attenuated_period_us = HOUR_US;
	range.config.attenuated_fail = 0.1;
	deviation = range;
	deviation.config.attenuated_method = QC_ATTENUATED_STD;
	judge(&range, NAN);
	judge(&deviation, NAN);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(judge(&range, 1), QUALITY_NOT_EVALUATED);
		assert_int_equal(judge(&deviation, 1), QUALITY_FAIL);
	}
	assert_int_equal(judge(&range, 1), QUALITY_FAIL);
}

static void window_needs_the_readings_of_the_least_period(void **state)
{
	struct gauge g = gauge_with(QC_ATTENUATED_SIGNAL);
	struct gauge unknown;

	(void)state;
	g.config.attenuated_period_us = HOUR_US;
	g.config.attenuated_fail = 0.1;
	g.config.attenuated_min_period_us = 30 * MINUTE_US;
	unknown = g;
	unknown.config.interval_us = 0; /* then the window's own mean interval stands for it */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(judge(&g, 1), QUALITY_NOT_EVALUATED);
		assert_int_equal(judge(&unknown, 1), QUALITY_NOT_EVALUATED);
	}
	assert_int_equal(judge(&g, 1), QUALITY_FAIL);
	assert_int_equal(judge(&unknown, 1), QUALITY_FAIL);
}

static void window_without_a_period_grows_from_the_start(void **state)
{
	struct gauge g = gauge_with(QC_ATTENUATED_SIGNAL);

	(void)state;
	g.config.attenuated_fail = 0.5;
	g.config.attenuated_min_count = 3;
	judge(&g, 0);
	judge(&g, 0.2);
	assert_int_equal(judge(&g, 0.1), QUALITY_FAIL);
	assert_int_equal(judge(&g, 1), QUALITY_PASS);
	judge(&g, NAN);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(judge(&g, 0.5), QUALITY_PASS);
}

static void window_starts_anew_with_another_period(void **state)
{
	struct gauge g = gauge_with(QC_ATTENUATED_SIGNAL);

	(void)state;
	g.config.attenuated_period_us = HOUR_US;
	g.config.attenuated_fail = 0.5;
	g.config.attenuated_min_count = 2;
	judge(&g, 0);
	assert_int_equal(judge(&g, 1), QUALITY_PASS);
	g.config.attenuated_period_us = 2 * HOUR_US;
	assert_int_equal(judge(&g, 1), QUALITY_NOT_EVALUATED);
	assert_int_equal(judge(&g, 1), QUALITY_FAIL);
}

static void attenuated_signal_is_not_evaluated_without_a_window(void **state)
{
	struct gauge g = gauge_with(QC_ATTENUATED_SIGNAL);
	struct qc_input in = input_at(g.now_us, 1);

	(void)state;
	g.config.attenuated_fail = 1;
	qc_check(&g.config, NULL, &g.state, NULL, &in, &g.result);
	assert_int_equal(qc_tests_get(g.result.tests, QC_ATTENUATED_SIGNAL), QUALITY_NOT_EVALUATED);
}

static void add_season(struct gauge *g, enum qc_season_kind kind, int32_t from, int32_t to,
                       double suspect_max)
{
	g->seasons[g->config.season_count++] = (struct qc_season){.kind = (uint8_t)kind,
	                                                          .from = from,
	                                                          .to = to,
	                                                          .suspect_min = -10,
	                                                          .suspect_max = suspect_max,
	                                                          .fail_min = NAN,
	                                                          .fail_max = NAN};
}

static void season_runs_through_the_end_of_the_year(void **state)
{
	struct gauge g = gauge_with(QC_CLIMATOLOGY);

	(void)state;
	add_season(&g, QC_SEASON_MONTH, 11, 2, 1.8);
	assert_int_equal(judge_at(&g, INT64_C(1764547199999999), 1.9),
	                 QUALITY_SUSPECT); /* 30 November's end */
	assert_int_equal(judge_at(&g, INT64_C(1767225600000000), 1.9), QUALITY_SUSPECT); /* 2026-01-01 */
	assert_int_equal(judge_at(&g, INT64_C(1772323199999999), 1.8), QUALITY_PASS); /* 28 February's end */
	assert_int_equal(judge_at(&g, INT64_C(1772323200000000), 1.9),
	                 QUALITY_NOT_EVALUATED); /* 2026-03-01 */
}

static void last_of_several_seasons_counts(void **state)
{
	struct gauge g = gauge_with(QC_CLIMATOLOGY);

	(void)state;
	add_season(&g, QC_SEASON_QUARTER, 4, 4, 1);
	add_season(&g, QC_SEASON_HOUR, 6, 7, 2);
	g.seasons[1].fail_max = 3;
	g.now_us -= 6 * MINUTE_US;
	assert_int_equal(judge(&g, 1.5), QUALITY_SUSPECT);
	g.now_us += 6 * HOUR_US;
	assert_int_equal(judge(&g, 1.5), QUALITY_PASS);
	assert_int_equal(judge(&g, 3.5), QUALITY_FAIL);
	g.now_us += 2 * HOUR_US;
	assert_int_equal(judge(&g, 3.5), QUALITY_SUSPECT);
}

/* Against the C library, over years that begin on every weekday, leap years and the time before 1970. */
static void calendar_is_that_of_the_c_library(void **state)
{
	static const enum qc_season_kind kinds[] = {QC_SEASON_MONTH, QC_SEASON_WEEK, QC_SEASON_DAY_OF_YEAR,
	                                            QC_SEASON_HOUR};
	struct gauge g = gauge_with(QC_CLIMATOLOGY);

	(void)state;
	for (time_t t = -3000000000; t < 6000000000; t += 40000 + 86400 * 3) {
		struct tm tm;
		char text[32], *place = text;

		gmtime_r(&t, &tm);
		strftime(text, sizeof(text), "%m %V %j %H", &tm);
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			int32_t number = (int32_t)strtol(place, &place, 10);

			g.config.season_count = 0;
			add_season(&g, kinds[k], number, number, 1);
			g.state = (struct qc_state){0};
			assert_int_equal(judge_at(&g, (int64_t)t * 1000000 + 999999, 0), QUALITY_PASS);
		}
	}
}

static enum quality judge_beside(struct gauge *g, double value, double neighbour, int64_t age_us)
{
	struct qc_input in = input_at(g->now_us, value);

	in.neighbour = neighbour;
	in.neighbour_us = g->now_us - age_us;
	qc_check(&g->config, NULL, &g->state, NULL, &in, &g->result);
	return qc_tests_get(g->result.tests, QC_NEIGHBOUR);
}

static void neighbour_differs_by_no_more_than_the_threshold(void **state)
{
	struct gauge g = gauge_with(QC_NEIGHBOUR);

	(void)state;
	g.config.neighbour_suspect = 0.25;
	g.config.neighbour_fail = 0.5;
	g.config.neighbour_window_us = HOUR_US;
	assert_int_equal(judge_beside(&g, 1, 1.25, 0), QUALITY_PASS);
	assert_int_equal(judge_beside(&g, 1, 1.26, HOUR_US), QUALITY_SUSPECT);
	assert_int_equal(judge_beside(&g, 1, 0.49, -HOUR_US), QUALITY_FAIL);
	assert_int_equal(judge_beside(&g, 1, 9, HOUR_US + 1), QUALITY_NOT_EVALUATED);
	assert_int_equal(judge_beside(&g, 1, 9, -HOUR_US - 1), QUALITY_NOT_EVALUATED);
	assert_int_equal(judge_beside(&g, 1, NAN, 0), QUALITY_NOT_EVALUATED);
}

static void only_tests_that_are_set_up_have_verdicts(void **state)
{
	(void)state;
	for (uint32_t enabled = 0; enabled < 1U << QC_TEST_COUNT; enabled++) {
		struct gauge g = gauge_with(QC_GAP);
		struct qc_input in = input_at(g.now_us, 1);

		g.config.enabled = enabled;
		for (int i = 0; i < 4; i++) {
			in.phenomenon_us += i < 3 ? MINUTE_US : -1;
			in.value = i == 1 ? NAN : 1;
			qc_check(&g.config, g.seasons, &g.state, &g.window, &in, &g.result);
			for (int t = 0; t < QC_TEST_COUNT; t++)
				assert_int_equal(qc_tests_get(g.result.tests, (enum qc_test)t) != 0,
				                 enabled >> t & 1);
		}
	}
}

/* What is stored and read again goes on as if nothing had happened. */
static void memory_is_all_there_is(void **state)
{
	struct gauge g = gauge_with(QC_GAP), copy;

	(void)state;
	g.config.enabled = (1U << QC_TEST_COUNT) - 1;
	g.config.flat_suspect_us = 18 * MINUTE_US;
	g.config.flat_tolerance = 0.2;
	g.config.attenuated_period_us = HOUR_US;
	g.config.attenuated_fail = 0.3;
	g.config.spike_suspect = 0.1;
	for (int i = 0; i < 50; i++)
		judge(&g, sin(i / 3.0));
	copy = gauge_with(QC_GAP);
	copy.config = g.config;
	copy.now_us = g.now_us;
	memcpy(&copy.state, &g.state, sizeof(g.state));
	memcpy(&copy.window, &g.window, sizeof(g.window));
	for (int i = 0; i < 50; i++) {
		judge(&g, cos(i / 3.0));
		judge(&copy, cos(i / 3.0));
		assert_int_equal(g.result.tests, copy.result.tests);
		assert_int_equal(g.result.settled_tests, copy.result.settled_tests);
		assert_memory_equal(&g.state, &copy.state, sizeof(g.state));
		assert_memory_equal(&g.window, &copy.window, sizeof(g.window));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_stand_side_by_side_in_one_word),
		cmocka_unit_test(tests_are_found_by_their_names),
		cmocka_unit_test(aggregate_is_fail_suspect_pass_not_evaluated_missing),
		cmocka_unit_test(gap_is_no_part_of_the_aggregate),
		cmocka_unit_test(gap_is_longer_than_the_limit),
		cmocka_unit_test(gap_is_told_without_the_test),
		cmocka_unit_test(gap_is_not_evaluated_without_a_limit),
		cmocka_unit_test(error_code_is_missing_in_every_test),
		cmocka_unit_test(error_code_is_the_sensors_value_not_the_converted_one),
		cmocka_unit_test(error_codes_count_only_when_the_test_is_set_up),
		cmocka_unit_test(no_value_is_missing_even_without_tests),
		cmocka_unit_test(infinite_value_fails_the_gross_range),
		cmocka_unit_test(gross_range_limits_are_inside_and_may_be_absent),
		cmocka_unit_test(duplicate_is_suspect_and_so_is_the_first),
		cmocka_unit_test(copy_of_a_stamp_is_recognised_among_the_newest),
		cmocka_unit_test(back_fill_is_not_suspect_and_not_remembered),
		cmocka_unit_test(spike_is_settled_by_the_successor),
		cmocka_unit_test(spike_beside_a_missing_reading_is_not_evaluated),
		cmocka_unit_test(differential_spike_needs_two_opposite_steps),
		cmocka_unit_test(spike_threshold_of_zero_is_absent),
		cmocka_unit_test(duplicate_does_not_settle_a_spike),
		cmocka_unit_test(settled_spike_keeps_the_other_verdicts),
		cmocka_unit_test(rate_is_per_second_of_real_time),
		cmocka_unit_test(rate_fails_only_with_a_fail_threshold),
		cmocka_unit_test(readings_close_together_make_no_rate_of_their_noise),
		cmocka_unit_test(rate_of_a_duplicate_is_infinite_if_the_value_changed),
		cmocka_unit_test(line_is_flat_after_as_many_readings_as_the_duration_has),
		cmocka_unit_test(flat_line_goes_by_time_without_an_interval),
		cmocka_unit_test(flat_line_shorter_than_the_interval_never_holds),
		cmocka_unit_test(flat_line_knows_nothing_of_readings_before_it_was_set_up),
		cmocka_unit_test(slow_drift_within_the_tolerance_is_flat),
		cmocka_unit_test(signal_is_attenuated_when_its_range_over_the_period_is_small),
		cmocka_unit_test(deviation_is_that_of_the_population),
		cmocka_unit_test(missing_reading_keeps_a_window_by_range_from_its_verdict),
		cmocka_unit_test(window_needs_the_readings_of_the_least_period),
		cmocka_unit_test(window_without_a_period_grows_from_the_start),
		cmocka_unit_test(window_starts_anew_with_another_period),
		cmocka_unit_test(attenuated_signal_is_not_evaluated_without_a_window),
		cmocka_unit_test(season_runs_through_the_end_of_the_year),
		cmocka_unit_test(last_of_several_seasons_counts),
		cmocka_unit_test(calendar_is_that_of_the_c_library),
		cmocka_unit_test(neighbour_differs_by_no_more_than_the_threshold),
		cmocka_unit_test(only_tests_that_are_set_up_have_verdicts),
		cmocka_unit_test(memory_is_all_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
