#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rain.h"
#include "util.h"

#include <math.h>

#define HOUR_US  (INT64_C(3600) * 1000000)
#define WIDTH_US (HOUR_US / RAIN_BUCKETS)
/* At the start of a bucket. */
#define START_US (INT64_C(13000000) * WIDTH_US)
#define HISTORY  200

static double sum(const struct rain *r, int64_t at_us)
{
	return rain_sum(r, at_us, HOUR_US);
}

static void add(struct rain *r, int64_t at_us, double amount)
{
	rain_add(r, at_us, amount, HOUR_US);
}

static void no_amount_is_no_rain(void **state)
{
	struct rain r = {.newest = 0};

	(void)state;
	assert_true(sum(&r, START_US) == 0.0);
	assert_int_equal(rain_next_change(&r, START_US, HOUR_US), INT64_MAX);
}

static void a_hundred_tips_of_a_fifth_are_twenty(void **state)
{
	struct rain r = {.newest = 0};

	(void)state;
	for (int i = 0; i < 100; i++) {
		add(&r, START_US + i * INT64_C(30000000), 0.2);
	}
	assert_true(sum(&r, START_US + INT64_C(99) * 30000000) == 20.0);
}

static void what_fell_counts_for_the_period_and_a_bucket_at_most(void **state)
{
	struct rain r = {.newest = 0};

	(void)state;
	add(&r, START_US, 1.0);
	add(&r, START_US + WIDTH_US - 1, 2.0);
	assert_true(sum(&r, START_US + HOUR_US + WIDTH_US - 1) == 3.0);
	assert_true(sum(&r, START_US + HOUR_US + WIDTH_US) == 0.0);
	assert_int_equal(rain_next_change(&r, START_US, HOUR_US), START_US + HOUR_US + WIDTH_US);
}

static void an_amount_pushes_out_what_is_older_than_the_period(void **state)
{
	struct rain r = {.newest = 0};

	(void)state;
	add(&r, START_US, 5.0);
	add(&r, START_US + HOUR_US, 1.0);
	assert_true(sum(&r, START_US + HOUR_US) == 6.0);
	add(&r, START_US + HOUR_US + WIDTH_US, 1.0);
	assert_true(sum(&r, START_US + HOUR_US + WIDTH_US) == 2.0);
	add(&r, START_US + 24 * HOUR_US, 1.0);
	assert_true(sum(&r, START_US + 24 * HOUR_US) == 1.0);
}

static void what_is_no_amount_counts_as_none(void **state)
{
	struct rain r = {.newest = 0};

	(void)state;
	add(&r, START_US, 1.0);
	add(&r, START_US, -3.0);
	add(&r, START_US, (double)NAN);
	add(&r, START_US, 0.0004);
	add(&r, START_US - WIDTH_US, 7.0);
	assert_true(sum(&r, START_US) == 1.0);
}

static void an_absurd_amount_fills_the_bucket_and_does_not_wrap(void **state)
{
	struct rain r = {.newest = 0};

	(void)state;
	add(&r, START_US, 1e300);
	add(&r, START_US, 1.0);
	assert_true(sum(&r, START_US) == (double)UINT32_MAX / 1000);
	add(&r, START_US, (double)INFINITY);
	assert_true(sum(&r, START_US) == (double)UINT32_MAX / 1000);
}

static void asked_for_a_time_before_the_newest_it_is_the_newests(void **state)
{
	struct rain r = {.newest = 0};

	(void)state;
	add(&r, START_US, 1.0);
	add(&r, START_US + HOUR_US, 2.0);
	assert_true(sum(&r, START_US) == 3.0);
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* Whole thousandths, each with its time. */
struct fallen {
	int64_t at_us[HISTORY];
	int64_t thousandths[HISTORY];
	size_t count;
};

/* By the bounds in time: from the start of the bucket that the period before now begins in. */
static double naive_sum(const struct fallen *f, int64_t at_us, int64_t width_us)
{
	int64_t from_us = at_us - at_us % width_us - RAIN_BUCKETS * width_us;
	int64_t total = 0;

	for (size_t i = 0; i < f->count; i++) {
		total += f->at_us[i] >= from_us ? f->thousandths[i] : 0;
	}
	return (double)total / 1000;
}

static void check_at(const struct rain *r, const struct fallen *f, int64_t at_us, int64_t period_us)
{
	int64_t width_us = period_us / RAIN_BUCKETS;
	double now = naive_sum(f, at_us, width_us);
	int64_t next_us = rain_next_change(r, at_us, period_us);

	assert_true(rain_sum(r, at_us, period_us) == now);
	if (next_us == INT64_MAX) {
		assert_true(now == 0.0);
		return;
	}
	assert_true(next_us > at_us);
	assert_true(naive_sum(f, next_us - 1, width_us) == now);
	assert_true(naive_sum(f, next_us, width_us) < now);
	assert_true(rain_sum(r, next_us, period_us) == naive_sum(f, next_us, width_us));
}

static void agrees_with_a_look_at_all_amounts(void **state)
{
	static const int64_t periods_us[] = {HOUR_US / 6, HOUR_US, 24 * HOUR_US, 7 * 24 * HOUR_US};
	uint64_t random = 0x9E3779B97F4A7C15;
	int wet = 0;

	(void)state;
	for (size_t walk = 0; walk < 400; walk++) {
		int64_t period_us = periods_us[walk % ARRAY_SIZE(periods_us)], now_us = START_US;
		struct fallen f = {.count = 0};
		struct rain r = {.newest = 0};

		while (f.count < HISTORY) {
			uint64_t pause = next_random(&random) % 50 == 0 ? 2 : 20;

			now_us += (int64_t)(next_random(&random) % ((uint64_t)period_us / pause));
			f.at_us[f.count] = now_us;
			f.thousandths[f.count] = (int64_t)(next_random(&random) % 3) * 200;
			rain_add(&r, now_us, (double)f.thousandths[f.count] / 1000, period_us);
			f.count++;
			check_at(&r, &f, now_us, period_us);
			check_at(&r, &f, now_us + (int64_t)(next_random(&random) % (uint64_t)period_us),
			         period_us);
			wet += rain_sum(&r, now_us, period_us) > 0.0;
		}
	}
	assert_true(wet > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_amount_is_no_rain),
		cmocka_unit_test(a_hundred_tips_of_a_fifth_are_twenty),
		cmocka_unit_test(what_fell_counts_for_the_period_and_a_bucket_at_most),
		cmocka_unit_test(an_amount_pushes_out_what_is_older_than_the_period),
		cmocka_unit_test(what_is_no_amount_counts_as_none),
		cmocka_unit_test(an_absurd_amount_fills_the_bucket_and_does_not_wrap),
		cmocka_unit_test(asked_for_a_time_before_the_newest_it_is_the_newests),
		cmocka_unit_test(agrees_with_a_look_at_all_amounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
