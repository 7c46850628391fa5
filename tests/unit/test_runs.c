#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runs.h"
#include "util.h"

#include <stdbool.h>

#define HISTORY 60

typedef struct run run_question(const struct runs *r, double limit);

/* All values, and a question answered by looking at them. */
struct history {
	int64_t at_us[HISTORY];
	double value[HISTORY];
	uint32_t count;
};

static bool is_at_or_above(double value, double limit)
{
	return value >= limit;
}

static bool is_above(double value, double limit)
{
	return value > limit;
}

static bool is_at_or_below(double value, double limit)
{
	return value <= limit;
}

static bool is_below(double value, double limit)
{
	return value < limit;
}

static const struct question {
	run_question *ask;
	bool (*holds)(double value, double limit);
} questions[] = {
	{runs_at_or_above, is_at_or_above},
	{runs_above, is_above},
	{runs_at_or_below, is_at_or_below},
	{runs_below, is_below},
};

static struct run look(const struct history *h, const struct question *q, double limit)
{
	uint32_t first = h->count;

	while (first > 0 && q->holds(h->value[first - 1], limit)) {
		first--;
	}
	return (struct run){
		.since_us = first < h->count ? h->at_us[first] : 0,
		.samples = h->count - first,
	};
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static void take(struct runs *r, struct history *h, double value, const double *limits, size_t count)
{
	int64_t at_us = 1000 + (int64_t)h->count * 10;

	h->at_us[h->count] = at_us;
	h->value[h->count] = value;
	h->count++;
	runs_add(r, at_us, value, limits, count);
}

static void assert_same(struct run a, struct run b)
{
	assert_int_equal(a.samples, b.samples);
	assert_int_equal(a.since_us, b.since_us);
}

static void nothing_seen_is_no_run(void **state)
{
	struct runs r = {.samples = 0};

	(void)state;
	for (size_t q = 0; q < ARRAY_SIZE(questions); q++) {
		assert_int_equal(questions[q].ask(&r, 0.0).samples, 0);
	}
}

static void a_value_at_the_limit_is_at_or_above_but_not_above(void **state)
{
	struct runs r = {.samples = 0};

	(void)state;
	runs_add(&r, 5, 1.4, NULL, 0);
	assert_same(runs_at_or_above(&r, 1.4), (struct run){.since_us = 5, .samples = 1});
	assert_same(runs_at_or_below(&r, 1.4), (struct run){.since_us = 5, .samples = 1});
	assert_int_equal(runs_above(&r, 1.4).samples, 0);
	assert_int_equal(runs_below(&r, 1.4).samples, 0);
}

static void a_value_below_ends_the_run_and_the_next_one_begins_another(void **state)
{
	static const double values[] = {1.5, 1.6, 1.3, 1.5, 1.45};
	struct runs r = {.samples = 0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		runs_add(&r, (int64_t)i + 1, values[i], NULL, 0);
	}
	assert_same(runs_at_or_above(&r, 1.4), (struct run){.since_us = 4, .samples = 2});
	assert_same(runs_at_or_above(&r, 1.3), (struct run){.since_us = 1, .samples = 5});
	assert_same(runs_above(&r, 1.3), (struct run){.since_us = 4, .samples = 2});
	assert_int_equal(runs_at_or_above(&r, 1.46).samples, 0);
	assert_same(runs_below(&r, 1.5), (struct run){.since_us = 5, .samples = 1});
	assert_same(runs_at_or_below(&r, 1.5), (struct run){.since_us = 3, .samples = 3});
}

/* A river that rises through its levels for days. */
static void a_long_rise_keeps_the_start_at_every_limit(void **state)
{
	static const double limits[] = {100.5, 200.5, 300.5, 400.5, 500.5, 600.5};
	struct runs r = {.samples = 0};

	(void)state;
	for (int i = 1; i <= 1000; i++) {
		runs_add(&r, i, (double)i, limits, ARRAY_SIZE(limits));
	}
	for (size_t k = 0; k < ARRAY_SIZE(limits); k++) {
		int64_t first = (int64_t)limits[k] + 1;

		assert_same(runs_at_or_above(&r, limits[k]),
		            (struct run){.since_us = first, .samples = (uint32_t)(1001 - first)});
	}
}

static void with_too_many_limits_the_mildest_starts_later_and_the_worst_is_right(void **state)
{
	double limits[RUNS_MAX + 4];
	struct runs r = {.samples = 0};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(limits); k++) {
		limits[k] = (double)k + 0.5;
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		runs_add(&r, (int64_t)i + 1, (double)i + 1.0, limits, ARRAY_SIZE(limits));
	}
	assert_int_equal(runs_at_or_above(&r, limits[0]).since_us, 1);
	assert_true(runs_at_or_above(&r, limits[1]).since_us > 2);
	assert_int_equal(runs_at_or_above(&r, limits[RUNS_MAX + 3]).since_us, RUNS_MAX + 4);
	assert_int_equal(runs_at_or_above(&r, limits[RUNS_MAX + 2]).since_us, RUNS_MAX + 3);
}

static void a_limit_nobody_thought_of_can_be_asked_for(void **state)
{
	struct runs r = {.samples = 0};

	(void)state;
	runs_add(&r, 1, 1.0, NULL, 0);
	runs_add(&r, 2, 3.0, NULL, 0);
	runs_add(&r, 3, 2.0, NULL, 0);
	assert_same(runs_at_or_above(&r, 1.7), (struct run){.since_us = 2, .samples = 2});
}

static void check_limits(const struct runs *r, const struct history *h, const double *limits, size_t count)
{
	for (size_t q = 0; q < ARRAY_SIZE(questions); q++) {
		for (size_t k = 0; k < count; k++) {
			assert_same(questions[q].ask(r, limits[k]), look(h, &questions[q], limits[k]));
		}
	}
}

/* Six limits that no value meets exactly, or three that values meet: then all have room. */
static void agrees_with_a_look_at_all_values(void **state)
{
	uint64_t random = 0x9E3779B97F4A7C15;
	uint64_t long_runs = 0;

	(void)state;
	for (int walk = 0; walk < 4000; walk++) {
		bool are_met = next_random(&random) % 2 == 0;
		size_t count = next_random(&random) % (are_met ? RUNS_MAX / 2 + 1 : RUNS_MAX + 1);
		uint64_t range = 2 + next_random(&random) % 30;
		double limits[RUNS_MAX];
		struct history h = {.count = 0};
		struct runs r = {.samples = 0};

		for (size_t k = 0; k < count; k++) {
			limits[k] = (double)(next_random(&random) % range) + (are_met ? 0.0 : 0.5);
		}
		while (h.count < HISTORY) {
			double drift = walk % 3 == 0   ? h.count * 0.25
			               : walk % 3 == 1 ? 15 - h.count * 0.25
			                               : 0;
			double value = (double)(next_random(&random) % range) + (double)(int64_t)drift;

			take(&r, &h, value, limits, count);
			check_limits(&r, &h, limits, count);
			long_runs += count > 0 && runs_at_or_above(&r, limits[0]).samples > 5;
		}
	}
	assert_true(long_runs > 1000);
}

static void whatever_is_asked_no_run_is_longer_than_it_was(void **state)
{
	uint64_t random = 0xD1B54A32D192ED03;
	uint64_t shorter = 0;

	(void)state;
	for (size_t walk = 0; walk < 1000; walk++) {
		struct history h = {.count = 0};
		struct runs r = {.samples = 0};
		double limits[12];

		for (size_t k = 0; k < ARRAY_SIZE(limits); k++) {
			limits[k] = (double)(next_random(&random) % 40);
		}
		while (h.count < HISTORY) {
			double asked = (double)(next_random(&random) % 80) / 2;

			take(&r, &h, (double)(next_random(&random) % 40) + h.count / 4, limits,
			     walk % ARRAY_SIZE(limits));
			for (size_t q = 0; q < ARRAY_SIZE(questions); q++) {
				struct run is = questions[q].ask(&r, asked),
					   was = look(&h, &questions[q], asked);

				assert_true(is.samples <= was.samples);
				assert_true(is.samples == 0 || is.since_us >= was.since_us);
				shorter += is.samples < was.samples;
			}
		}
	}
	assert_true(shorter > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_seen_is_no_run),
		cmocka_unit_test(a_value_at_the_limit_is_at_or_above_but_not_above),
		cmocka_unit_test(a_value_below_ends_the_run_and_the_next_one_begins_another),
		cmocka_unit_test(a_long_rise_keeps_the_start_at_every_limit),
		cmocka_unit_test(with_too_many_limits_the_mildest_starts_later_and_the_worst_is_right),
		cmocka_unit_test(a_limit_nobody_thought_of_can_be_asked_for),
		cmocka_unit_test(agrees_with_a_look_at_all_values),
		cmocka_unit_test(whatever_is_asked_no_run_is_longer_than_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
