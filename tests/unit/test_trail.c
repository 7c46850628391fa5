#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trail.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>

#define MINUTE_US (INT64_C(60) * 1000000)
#define START_US  INT64_C(1600000000000000)
#define HISTORY   80
#define WALKS     2000

static struct trail trail_of(const double *values, size_t count)
{
	struct trail t = {.count = 0};

	for (size_t i = 0; i < count; i++) {
		trail_add(&t, START_US + (int64_t)i * MINUTE_US, values[i], MINUTE_US);
	}
	return t;
}

static void rate_is_by_the_time_that_really_passed(void **state)
{
	struct trail t = {.count = 0};

	(void)state;
	trail_add(&t, START_US, 1.0, MINUTE_US);
	trail_add(&t, START_US + 15 * MINUTE_US, 1.5, MINUTE_US);
	assert_true(fabs(trail_rate(&t, 10 * MINUTE_US) - 2.0) < 1e-9);
}

static void rate_starts_at_the_newest_value_that_is_old_enough(void **state)
{
	static const double values[] = {0.0, 1.0, 3.0, 6.0};
	struct trail t = trail_of(values, ARRAY_SIZE(values));

	(void)state;
	assert_true(fabs(trail_rate(&t, 2 * MINUTE_US) - 5.0 * 30) < 1e-9);
	assert_true(fabs(trail_rate(&t, 2 * MINUTE_US + 1) - 6.0 * 20) < 1e-9);
}

static void a_fall_is_a_negative_rate(void **state)
{
	static const double values[] = {2.0, 1.0};
	struct trail t = trail_of(values, ARRAY_SIZE(values));

	(void)state;
	assert_true(fabs(trail_rate(&t, MINUTE_US) + 60.0) < 1e-9);
}

static void no_rate_before_a_value_is_old_enough(void **state)
{
	static const double values[] = {1.0, 2.0, 3.0};
	struct trail t = trail_of(values, ARRAY_SIZE(values));
	struct trail one = trail_of(values, 1);
	struct trail none = {.count = 0};

	(void)state;
	assert_true(isnan(trail_rate(&t, 2 * MINUTE_US + 1)));
	assert_true(isnan(trail_rate(&one, 0)));
	assert_true(isnan(trail_rate(&none, 0)));
}

/* However often a sensor sends, what the trail looks back on is as long. */
static void frequent_values_do_not_shorten_the_trail(void **state)
{
	struct trail t = {.count = 0};

	(void)state;
	for (int64_t s = 0; s <= 3600; s++) {
		trail_add(&t, START_US + s * 1000000, (double)s, 10 * MINUTE_US);
	}
	assert_true(fabs(trail_rate(&t, 60 * MINUTE_US) - 3600.0) < 1e-9);
	assert_int_equal(t.at_us[t.count - 1], START_US + INT64_C(3600) * 1000000);
}

static void one_wild_value_in_five_does_not_move_the_slope(void **state)
{
	static const double values[] = {1.00, 1.01, 1.02, 9.99, 1.04};
	struct trail t = trail_of(values, ARRAY_SIZE(values));

	(void)state;
	assert_true(fabs(trail_slope(&t, 60 * MINUTE_US) * (double)MINUTE_US - 0.01) < 1e-9);
}

static void two_values_are_too_few_for_a_slope(void **state)
{
	static const double values[] = {1.0, 2.0, 3.0};
	struct trail three = trail_of(values, 3);
	struct trail two = trail_of(values, 2);
	struct trail none = {.count = 0};

	(void)state;
	assert_true(isfinite(trail_slope(&three, 2 * MINUTE_US)));
	assert_true(isnan(trail_slope(&three, 2 * MINUTE_US - 1)));
	assert_true(isnan(trail_slope(&two, 60 * MINUTE_US)));
	assert_true(isnan(trail_slope(&none, 60 * MINUTE_US)));
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* Every value that came, and which of them the trail's rule keeps, told from the first one on. */
struct history {
	int64_t at_us[HISTORY];
	double value[HISTORY];
	size_t count;
};

/* Numbers of the kept values, oldest first; returns how many. */
static size_t kept(const struct history *h, int64_t spacing_us, size_t *ret)
{
	size_t all[HISTORY], count = 0, surplus;

	for (size_t i = 0; i < h->count; i++) {
		if (count == 0 || h->at_us[i] - h->at_us[all[count - 1]] >= spacing_us) {
			all[count++] = i;
		}
	}
	if (count > 0 && all[count - 1] != h->count - 1) {
		all[count++] = h->count - 1;
	}
	surplus = count > TRAIL_MAX ? count - TRAIL_MAX : 0;
	for (size_t i = surplus; i < count; i++) {
		ret[i - surplus] = all[i];
	}
	return count - surplus;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double naive_slope(const struct history *h, const size_t *numbers, size_t count, int64_t period_us)
{
	double slopes[TRAIL_MAX * TRAIL_MAX];
	size_t pairs = 0, values = 0;
	int64_t from_us = h->at_us[h->count - 1] - period_us;

	for (size_t i = 0; i < count; i++) {
		if (h->at_us[numbers[i]] < from_us) {
			continue;
		}
		values++;
		for (size_t k = i + 1; k < count; k++) {
			slopes[pairs++] = (h->value[numbers[k]] - h->value[numbers[i]]) /
			                  (double)(h->at_us[numbers[k]] - h->at_us[numbers[i]]);
		}
	}
	if (values < 3) {
		return NAN;
	}
	qsort(slopes, pairs, sizeof(slopes[0]), compare_doubles);
	return pairs % 2 == 1 ? slopes[pairs / 2] : (slopes[pairs / 2 - 1] + slopes[pairs / 2]) / 2;
}

static double naive_rate(const struct history *h, const size_t *numbers, size_t count, int64_t period_us)
{
	double rate = NAN;
	size_t last = h->count - 1;

	for (size_t i = 0; i < count; i++) {
		size_t n = numbers[i];

		if (n != last && h->at_us[n] <= h->at_us[last] - period_us) {
			rate = (h->value[last] - h->value[n]) / (double)(h->at_us[last] - h->at_us[n]) *
			       3600e6;
		}
	}
	return rate;
}

static void assert_same(double a, double b)
{
	assert_true((isnan(a) && isnan(b)) || a == b);
}

static void agrees_with_a_look_at_all_values(void **state)
{
	uint64_t random = 0x9E3779B97F4A7C15;
	int rates = 0, slopes = 0;

	(void)state;
	for (int walk = 0; walk < WALKS; walk++) {
		int64_t spacing_us = (int64_t)(next_random(&random) % 6) * MINUTE_US;
		int64_t period_us = spacing_us * (int64_t)(next_random(&random) % 9);
		int64_t now_us = START_US;
		struct history h = {.count = 0};
		struct trail t = {.count = 0};

		while (h.count < HISTORY) {
			size_t numbers[TRAIL_MAX], count;

			now_us += MINUTE_US * (int64_t)(1 + next_random(&random) % 3);
			now_us += next_random(&random) % 20 == 0 ? 30 * MINUTE_US : 0;
			h.at_us[h.count] = now_us;
			h.value[h.count] = (double)(next_random(&random) % 100) / 8;
			trail_add(&t, now_us, h.value[h.count], spacing_us);
			h.count++;
			count = kept(&h, spacing_us, numbers);
			assert_int_equal(t.count, count);
			assert_same(trail_rate(&t, period_us), naive_rate(&h, numbers, count, period_us));
			assert_same(trail_slope(&t, period_us), naive_slope(&h, numbers, count, period_us));
			rates += !isnan(trail_rate(&t, period_us));
			slopes += !isnan(trail_slope(&t, period_us));
		}
	}
	assert_true(rates > WALKS && slopes > WALKS);
}

/* With the promised spacing, where a rate starts from is right to a sixth, or is the last one before a gap. */
static void with_a_sixth_of_the_period_apart_the_start_is_right_to_a_sixth(void **state)
{
	uint64_t random = 0xD1B54A32D192ED03;
	int seen = 0;

	(void)state;
	for (int walk = 0; walk < WALKS; walk++) {
		const int64_t period_us = 60 * MINUTE_US, spacing_us = period_us / 6;
		int64_t now_us = START_US, step_us = MINUTE_US * (int64_t)(1 + next_random(&random) % 12);
		struct trail t = {.count = 0};

		for (int i = 0; i < 100; i++) {
			now_us += step_us - (int64_t)(next_random(&random) % 1000000);
			/* The value is its time: the rate's start can be told from the rise. */
			trail_add(&t, now_us, (double)(now_us - START_US), spacing_us);
			if (now_us - START_US >= period_us + spacing_us + step_us) {
				double rate = trail_rate(&t, period_us);

				assert_true(fabs(rate / 3600e6 - 1.0) < 1e-9);
				assert_true(now_us - t.at_us[0] >= period_us);
				seen++;
			}
			for (uint32_t k = 0; k + 1 < t.count; k++) {
				assert_true(t.at_us[k + 1] - t.at_us[k] <= spacing_us + step_us);
			}
		}
	}
	assert_true(seen > WALKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rate_is_by_the_time_that_really_passed),
		cmocka_unit_test(rate_starts_at_the_newest_value_that_is_old_enough),
		cmocka_unit_test(a_fall_is_a_negative_rate),
		cmocka_unit_test(no_rate_before_a_value_is_old_enough),
		cmocka_unit_test(frequent_values_do_not_shorten_the_trail),
		cmocka_unit_test(one_wild_value_in_five_does_not_move_the_slope),
		cmocka_unit_test(two_values_are_too_few_for_a_slope),
		cmocka_unit_test(agrees_with_a_look_at_all_values),
		cmocka_unit_test(with_a_sixth_of_the_period_apart_the_start_is_right_to_a_sixth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
