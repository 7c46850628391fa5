#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "convert.h"

#include "util.h"

#include <math.h>

#define MINUTE INT64_C(60000000)

/* Phú An, an ultrasonic sensor 4.20 m above the datum that reports mm, moved up by 0.30 m later. */
static const struct conversion moved[] = {
	{.valid_from_us = INT64_MIN, .scale = -0.001, .shift = 4.20, .input = "distance", .unit = "mm"},
	{.valid_from_us = 1000, .scale = -0.001, .shift = 4.50, .input = "distance", .unit = "mm"},
};

static void assert_near(double found, double wanted)
{
	assert_true(fabs(found - wanted) <= 1e-9);
}

static double at(const struct conversion *c, struct convert_memory *m, int64_t us, double raw)
{
	const struct convert_input in = {.phenomenon_us = us, .raw = raw, .air = NAN};

	return convert(c, m, &in);
}

static void the_version_in_force_is_that_of_the_phenomenon_time(void **state)
{
	(void)state;
	assert_ptr_equal(convert_find(moved, 2, 999), &moved[0]);
	assert_ptr_equal(convert_find(moved, 2, 1000), &moved[1]);
	assert_ptr_equal(convert_find(moved, 2, INT64_MAX), &moved[1]);
	assert_null(convert_find(&moved[1], 1, 999));
	assert_null(convert_find(NULL, 0, 0));
}

static void distance_becomes_level(void **state)
{
	struct convert_memory m = {0};

	(void)state;
	assert_near(at(&moved[0], &m, 0, 2700), 1.50);
	assert_near(at(&moved[1], &m, 2000, 2700), 1.80);
}

/* Head is (P - P_air) * 100 / (density * gravity): 0.0101972 m of water an hPa. */
static void pressure_is_compensated_by_the_air_s(void **state)
{
	const struct conversion c = {
		.scale = 0.0101972, .air_scale = -0.0101972, .air_max_age_us = 60 * MINUTE};
	struct convert_memory m = {0};
	struct convert_input in = {.phenomenon_us = 100 * MINUTE, .raw = 1113.25, .air = 1013.25};

	(void)state;
	in.air_us = in.phenomenon_us - 60 * MINUTE;
	assert_near(convert(&c, &m, &in), 1.01972);
	in.air_us--;
	assert_true(isnan(convert(&c, &m, &in)));
	in.air_us = in.phenomenon_us + 60 * MINUTE + 1;
	assert_true(isnan(convert(&c, &m, &in)));
	in.air_us = in.phenomenon_us;
	in.air = NAN;
	assert_true(isnan(convert(&c, &m, &in)));
}

static void a_vented_sensor_needs_no_air(void **state)
{
	const struct conversion c = {.scale = 0.0101972, .shift = -0.5};
	struct convert_memory m = {0};

	(void)state;
	assert_near(at(&c, &m, 1, 100), 0.51972);
}

/* A tipping bucket of 0.2 mm and a counter of 16 bits. */
static struct conversion bucket(void)
{
	return (struct conversion){
		.kind = CONVERSION_COUNTER, .scale = 0.2, .modulus = 65536, .increment_max = 50};
}

static void a_counter_s_differences_are_the_rain(void **state)
{
	struct conversion c = bucket();
	struct convert_memory m = {0};

	(void)state;
	assert_true(isnan(at(&c, &m, 1 * MINUTE, 100)));
	assert_near(at(&c, &m, 2 * MINUTE, 105), 1.0);
	assert_near(at(&c, &m, 3 * MINUTE, 105), 0.0);
}

static void a_counter_that_rolls_over_goes_on(void **state)
{
	struct conversion c = bucket();
	struct convert_memory m = {0};

	(void)state;
	assert_true(isnan(at(&c, &m, 1 * MINUTE, 65530)));
	assert_near(at(&c, &m, 2 * MINUTE, 4), 2.0);
	c.increment_max = NAN;
	assert_near(at(&c, &m, 3 * MINUTE, 65535), 0.2 * 65531);
	assert_near(at(&c, &m, 4 * MINUTE, 0), 0.2);
}

/* A decrease far from the modulus is a reset, not rain; what came since then is not known. */
static void a_counter_that_was_reset_rains_nothing(void **state)
{
	struct conversion c = bucket();
	struct convert_memory m = {0};

	(void)state;
	(void)at(&c, &m, 1 * MINUTE, 30000);
	assert_true(isnan(at(&c, &m, 2 * MINUTE, 3)));
	assert_near(at(&c, &m, 3 * MINUTE, 5), 0.4);
	c.modulus = NAN;
	assert_true(isnan(at(&c, &m, 4 * MINUTE, 4)));
	/* A value beyond the modulus shows that the modulus is wrong: no roll-over is told from it. */
	c.modulus = 3;
	assert_true(isnan(at(&c, &m, 5 * MINUTE, 1)));
}

static void a_counter_out_of_order_changes_nothing(void **state)
{
	struct conversion c = bucket();
	struct convert_memory m = {0};

	(void)state;
	(void)at(&c, &m, 2 * MINUTE, 10);
	assert_true(isnan(at(&c, &m, 1 * MINUTE, 8)));
	assert_true(isnan(at(&c, &m, 2 * MINUTE, 11)));
	assert_near(at(&c, &m, 3 * MINUTE, 15), 1.0);
}

static void a_result_that_is_not_finite_is_none(void **state)
{
	const struct conversion c = {.scale = 1e300};
	struct convert_memory m = {0};

	(void)state;
	assert_true(isnan(at(&c, &m, 1, 1e300)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_in_force_is_that_of_the_phenomenon_time),
		cmocka_unit_test(distance_becomes_level),
		cmocka_unit_test(pressure_is_compensated_by_the_air_s),
		cmocka_unit_test(a_vented_sensor_needs_no_air),
		cmocka_unit_test(a_counter_s_differences_are_the_rain),
		cmocka_unit_test(a_counter_that_rolls_over_goes_on),
		cmocka_unit_test(a_counter_that_was_reset_rains_nothing),
		cmocka_unit_test(a_counter_out_of_order_changes_nothing),
		cmocka_unit_test(a_result_that_is_not_finite_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
