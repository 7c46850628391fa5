/*
 * Verdicts of the reference library, given as vectors in JSON: a list "cases" of {test, name, params, inp or
 * tinp_epoch_s or vectors, expected}. HIGHWATER_VECTORS names the file, or it is the one among the
 * recordings beside the project. Each case runs through qc_check() as a stream; a settled spike counts as
 * its verdict.
 *
 * A place that a stream cannot or should not judge as the reference does is not compared; qc.h numbers the
 * differences. A case without a place left is skipped, and says why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qc.h"
#include "util.h"

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEASONS_MAX 32
#define NO_STAMP    INT64_MIN

/* A case on its way through the engine. */
struct run {
	struct qc_config config;
	struct qc_season seasons[SEASONS_MAX];
	struct qc_state state;
	struct qc_window window;
	enum qc_test test;
	size_t count;
	double *values;
	int64_t *stamps;
	uint8_t *verdicts;
	uint8_t *compared;
	const char *reason; /* why a place is not compared */
};

static double number(const json_t *value, double absent)
{
	const char *text = json_string_value(value);

	if (text)
		return text[0] == '-' ? -INFINITY : INFINITY;
	return json_is_number(value) ? json_number_value(value) : absent;
}

static double param(const json_t *test, const char *name, double absent)
{
	return number(json_object_get(json_object_get(test, "params"), name), absent);
}

static int64_t microseconds(double seconds)
{
	return llround(seconds * 1e6);
}

static int64_t duration(const json_t *test, const char *name)
{
	return microseconds(param(test, name, 0));
}

static const char *text_param(const json_t *test, const char *name)
{
	const char *text = json_string_value(json_object_get(json_object_get(test, "params"), name));

	return text ? text : "";
}

/* The smaller and the larger of a pair: the reference sorts them. */
static void span(const json_t *pair, double *low, double *high)
{
	double a = number(json_array_get(pair, 0), NAN), b = number(json_array_get(pair, 1), NAN);

	*low = fmin(a, b);
	*high = fmax(a, b);
}

static void leave_out(struct run *r, size_t i, const char *reason)
{
	r->compared[i] = 0;
	r->reason = reason;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* What the reference takes for the interval: the median, cut to whole seconds. */
static int64_t median_interval_us(const struct run *r)
{
	size_t n = r->count < 2 ? 0 : r->count - 1;
	int64_t *steps, median;

	if (n == 0)
		return 1000000;
	steps = calloc(n, sizeof(*steps));
	assert_non_null(steps);
	for (size_t i = 0; i < n; i++)
		steps[i] = r->stamps[i + 1] - r->stamps[i];
	qsort(steps, n, sizeof(*steps), by_size);
	median = (steps[(n - 1) / 2] + steps[n / 2]) / 2;
	free(steps);
	return median / 1000000 * 1000000;
}

static void set_gross_range(struct run *r, const json_t *test)
{
	const json_t *params = json_object_get(test, "params");

	span(json_object_get(params, "fail_span"), &r->config.fail_min, &r->config.fail_max);
	span(json_object_get(params, "suspect_span"), &r->config.suspect_min, &r->config.suspect_max);
}

static void set_spike(struct run *r, const json_t *test)
{
	r->config.spike_suspect = param(test, "suspect_threshold", NAN);
	r->config.spike_fail = param(test, "fail_threshold", NAN);
	r->config.spike_method =
		text_param(test, "method")[0] == 'd' ? QC_SPIKE_DIFFERENTIAL : QC_SPIKE_AVERAGE;
}

static void set_rate_of_change(struct run *r, const json_t *test)
{
	r->config.rate_suspect = param(test, "threshold_per_s", NAN);
	r->config.rate_fail = param(test, "fail_threshold_per_s", NAN);
	for (size_t i = 1; i < r->count; i++) {
		if ((r->stamps[i] - r->stamps[i - 1]) % 1000000 != 0)
			leave_out(r, i,
			          "the reference cuts the time between to whole seconds (difference 6)");
	}
	for (size_t i = 1; i < r->count; i++) {
		if (isinf(r->values[i - 1]))
			leave_out(r, i, "follows an infinite value (difference 7)");
		if (i > 1 && r->stamps[i - 1] < r->stamps[i - 2])
			leave_out(r, i, "follows a late reading (difference 4)");
	}
}

static void set_flat_line(struct run *r, const json_t *test)
{
	r->config.flat_suspect_us = duration(test, "suspect_threshold_s");
	r->config.flat_fail_us = duration(test, "fail_threshold_s");
	r->config.flat_tolerance = param(test, "tolerance", 0);
	r->config.interval_us = median_interval_us(r);
	for (size_t i = 0; i < r->count; i++) {
		if (MIN(r->config.flat_suspect_us, r->config.flat_fail_us) < r->config.interval_us)
			leave_out(r, i, "a duration is shorter than the interval (difference 6)");
		if (r->count < 3 && isnan(r->values[i]))
			leave_out(r, i, "fewer than three readings (difference 2)");
	}
}

static void set_attenuated_signal(struct run *r, const json_t *test)
{
	r->config.attenuated_suspect = param(test, "suspect_threshold", NAN);
	r->config.attenuated_fail = param(test, "fail_threshold", NAN);
	r->config.attenuated_method =
		text_param(test, "check_type")[0] == 'r' ? QC_ATTENUATED_RANGE : QC_ATTENUATED_STD;
	r->config.attenuated_period_us = duration(test, "test_period_s");
	r->config.attenuated_min_count = (uint32_t)param(test, "min_obs", 0);
	if (r->config.attenuated_min_count == 0)
		r->config.attenuated_min_period_us = duration(test, "min_period_s");
	r->config.interval_us = median_interval_us(r);
	for (size_t i = 0; r->config.attenuated_period_us == 0 && i + 1 < r->count; i++) {
		if (!isnan(r->values[i]))
			leave_out(r, i, "judged with readings still to come (difference 2)");
	}
}

static void set_time_gap(struct run *r, const json_t *test)
{
	/* The reference cuts to whole seconds. */
	r->config.gap_us = (int64_t)(param(test, "fail_span_h", 0) * 3600) * 1000000;
	for (size_t i = 0; i < r->count; i++) {
		if (i == 0)
			leave_out(r, i, "the first reading (difference 3)");
		else if (r->stamps[i] == NO_STAMP || r->stamps[i - 1] == NO_STAMP)
			leave_out(r, i, "every reading has a stamp");
		else if (i > 1 && r->stamps[i - 1] < r->stamps[i - 2])
			leave_out(r, i, "follows a late reading (difference 4)");
	}
}

static void set_duplicate_timestamp(struct run *r, const json_t *test)
{
	int64_t newest = NO_STAMP;

	(void)test;
	for (size_t i = 0; i < r->count; i++) {
		bool late = r->stamps[i] < newest;

		for (size_t j = 0; late && j < r->count; j++) {
			/* Of the same stamp only those count that are remembered. */
			if (j != i && r->stamps[j] == r->stamps[i] && i - MIN(i, j) <= QC_RECENT)
				late = false;
		}
		if (late)
			leave_out(r, i, "late, without a copy: 2 (time, in qc.h)");
		newest = MAX(newest, r->stamps[i]);
	}
}

static bool season_kind(const char *name, uint8_t *ret)
{
	static const struct {
		const char *name;
		uint8_t kind;
	} kinds[] = {
		{"month", QC_SEASON_MONTH},
		{"week", QC_SEASON_WEEK},
		{"weekofyear", QC_SEASON_WEEK},
		{"dayofyear", QC_SEASON_DAY_OF_YEAR},
		{"day_of_year", QC_SEASON_DAY_OF_YEAR},
		{"quarter", QC_SEASON_QUARTER},
		{"hour", QC_SEASON_HOUR},
	};

	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(name, kinds[i].name) == 0) {
			*ret = kinds[i].kind;
			return true;
		}
	}
	return false;
}

static void set_climatology(struct run *r, const json_t *test)
{
	const json_t *members = json_object_get(json_object_get(test, "params"), "members");
	const json_t *member;
	size_t n;

	assert_in_range(json_array_size(members), 1, SEASONS_MAX);
	json_array_foreach (members, n, member) {
		struct qc_season *season = &r->seasons[r->config.season_count++];
		double from, to;

		span(json_object_get(member, "tspan"), &from, &to);
		span(json_object_get(member, "vspan"), &season->suspect_min, &season->suspect_max);
		span(json_object_get(member, "fspan"), &season->fail_min, &season->fail_max);
		season->from = (int32_t)from;
		season->to = (int32_t)to;
		if (!season_kind(json_string_value(json_object_get(member, "period")), &season->kind) ||
		    json_is_array(json_object_get(member, "zspan"))) {
			for (size_t i = 0; i < r->count; i++)
				leave_out(r, i, "seasons of this kind, and depths, are not built");
		}
	}
}

static const struct {
	const char *name;
	enum qc_test test;
	void (*set)(struct run *r, const json_t *test);
} tests_built[] = {
	{"gross_range", QC_GROSS_RANGE, set_gross_range},
	{"spike", QC_SPIKE, set_spike},
	{"rate_of_change", QC_RATE_OF_CHANGE, set_rate_of_change},
	{"flat_line", QC_FLAT_LINE, set_flat_line},
	{"attenuated_signal", QC_ATTENUATED_SIGNAL, set_attenuated_signal},
	{"time_gap", QC_GAP, set_time_gap},
	{"duplicate_timestamp", QC_TIME, set_duplicate_timestamp},
	{"climatology", QC_CLIMATOLOGY, set_climatology},
};

/* Values and stamps; without stamps a reading a minute, without values all are 0. */
static void load_series(struct run *r, const json_t *test)
{
	const json_t *values = json_object_get(test, "inp"), *stamps = json_object_get(test, "tinp_epoch_s");

	r->count = json_array_size(values ? values : stamps);
	r->values = calloc(r->count + 1, sizeof(*r->values));
	r->stamps = calloc(r->count + 1, sizeof(*r->stamps));
	r->verdicts = calloc(r->count + 1, 1);
	r->compared = calloc(r->count + 1, 1);
	assert_true(r->values && r->stamps && r->verdicts && r->compared);
	for (size_t i = 0; i < r->count; i++) {
		double stamp = stamps ? number(json_array_get(stamps, i), NAN) : 60 * (double)i;

		r->values[i] = values ? number(json_array_get(values, i), NAN) : 0;
		r->stamps[i] = isnan(stamp) ? NO_STAMP : microseconds(stamp);
		r->compared[i] = 1;
	}
}

static void done(struct run *r)
{
	free(r->values);
	free(r->stamps);
	free(r->verdicts);
	free(r->compared);
}

/* A settled verdict is that of the first reading with the stamp, as in the database. */
static void note_settled(struct run *r, const struct qc_result *result)
{
	size_t i = 0;

	while (r->stamps[i] != result->settled_us)
		i++;
	r->verdicts[i] = (uint8_t)qc_tests_get(result->settled_tests, r->test);
}

static void stream(struct run *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct qc_input in = {.phenomenon_us = r->stamps[i],
		                      .raw = r->values[i],
		                      .value = r->values[i],
		                      .neighbour = NAN};
		struct qc_result result;

		if (r->stamps[i] == NO_STAMP)
			continue;
		qc_check(&r->config, r->seasons, &r->state, &r->window, &in, &result);
		r->verdicts[i] = (uint8_t)qc_tests_get(result.tests, r->test);
		if (result.settles)
			note_settled(r, &result);
	}
}

static void compare(const struct run *r, const json_t *expected)
{
	size_t compared = 0, wrong = 0;

	assert_int_equal(json_array_size(expected), r->count);
	for (size_t i = 0; i < r->count; i++) {
		json_int_t want = json_integer_value(json_array_get(expected, i));

		compared += r->compared[i];
		if (r->compared[i] && want != r->verdicts[i]) {
			print_message("place %zu, value %g: expected %d, found %d\n", i, r->values[i],
			              (int)want, r->verdicts[i]);
			wrong++;
		}
	}
	if (compared < r->count)
		print_message("%zu of %zu places not compared: %s\n", r->count - compared, r->count,
		              r->reason);
	assert_int_equal(wrong, 0);
	if (compared == 0 && r->count > 0)
		skip();
}

static void aggregates(const json_t *test)
{
	const json_t *vectors = json_object_get(test, "vectors"),
		     *expected = json_object_get(test, "expected");

	assert_in_range(json_array_size(vectors), 0, QC_TEST_COUNT - 1);
	for (size_t i = 0; i < json_array_size(expected); i++) {
		uint32_t tests = 0;

		for (size_t v = 0; v < json_array_size(vectors); v++) {
			json_int_t flag = json_integer_value(json_array_get(json_array_get(vectors, v), i));

			tests = qc_tests_set(tests, (enum qc_test)(QC_GAP + 1 + v), (enum quality)flag);
		}
		assert_int_equal(qc_aggregate(tests), json_integer_value(json_array_get(expected, i)));
	}
}

static void give_the_expected_verdicts(void **state)
{
	const json_t *test = *state, *expected = json_object_get(test, "expected");
	const char *name = json_string_value(json_object_get(test, "test"));
	struct run r = {.config = {.fail_min = NAN, .fail_max = NAN, .suspect_min = NAN, .suspect_max = NAN}};
	size_t t = 0;

	if (!json_is_array(expected)) {
		print_message("a refused configuration does not come as far as the engine\n");
		skip();
	}
	if (strcmp(name, "aggregate") == 0) {
		aggregates(test);
		return;
	}
	while (t < ARRAY_SIZE(tests_built) && strcmp(name, tests_built[t].name) != 0)
		t++;
	if (t == ARRAY_SIZE(tests_built)) {
		print_message("the test %s is not built\n", name);
		skip();
	}
	r.test = tests_built[t].test;
	r.config.enabled = 1U << r.test;
	load_series(&r, test);
	tests_built[t].set(&r, test);
	stream(&r);
	compare(&r, expected);
	done(&r);
}

/* The file's cases, each a test of its own; names lives as long as they do. */
static int run_cases(json_t *cases)
{
	size_t count = json_array_size(cases);
	struct CMUnitTest *tests = calloc(count + 1, sizeof(*tests));
	char(*names)[120] = calloc(count + 1, sizeof(*names));
	int failed = 1;

	for (size_t i = 0; tests && names && i < count; i++) {
		json_t *test = json_array_get(cases, i);

		snprintf(names[i], sizeof(names[i]), "%s/%s",
		         json_string_value(json_object_get(test, "test")),
		         json_string_value(json_object_get(test, "name")));
		tests[i] = (struct CMUnitTest){
			.name = names[i], .test_func = give_the_expected_verdicts, .initial_state = test};
	}
	if (tests && names && count > 0)
		failed = _cmocka_run_group_tests("vectors", tests, count, NULL, NULL);
	else
		print_error("there are no cases in the file\n");
	free(tests);
	free(names);
	return failed;
}

static void no_vectors(void **state)
{
	(void)state;
	print_message("there is no file of vectors; HIGHWATER_VECTORS names one\n");
	skip();
}

int main(void)
{
	const char *named = getenv("HIGHWATER_VECTORS"), *root = getenv("HIGHWATER_ROOT");
	const struct CMUnitTest none[] = {cmocka_unit_test(no_vectors)};
	char path[4096];
	json_error_t error;
	json_t *vectors;
	int failed;

	snprintf(path, sizeof(path), "%s/../shared/data/qartod_vectors.json", root ? root : ".");
	vectors = json_load_file(named ? named : path, 0, &error);
	if (!vectors && !named && json_error_code(&error) == json_error_cannot_open_file)
		return cmocka_run_group_tests(none, NULL, NULL);
	if (!vectors)
		print_error("%s: line %d: %s\n", named ? named : path, error.line, error.text);
	failed = vectors ? run_cases(json_object_get(vectors, "cases")) : 1;
	json_decref(vectors);
	return failed;
}
