#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harmonics.h"
#include "storm.h"
#include "timestamp.h"

#include <math.h>

#define MINUTE_US 60000000LL
#define HOUR_US   (60 * MINUTE_US)
#define DAY_US    (24 * HOUR_US)

/* cmocka's own compares as float. */
static void assert_near(double actual, double expected, double tolerance)
{
	if (!(fabs(actual - expected) <= tolerance)) {
		fail_msg("%g is not %g within %g", actual, expected, tolerance);
	}
}

static int64_t at(const char *text)
{
	int64_t time_us;

	assert_int_equal(timestamp_parse(text, strlen(text), &time_us), 0);
	return time_us;
}

struct extremes {
	double low_m, high_m;
	int64_t high_us;
};

static struct extremes find_extremes(int64_t from_us, int64_t until_us, int64_t step_us)
{
	struct extremes e = {.low_m = HUGE_VAL, .high_m = -HUGE_VAL};

	for (int64_t t = from_us; t < until_us; t += step_us) {
		double level_m = harmonics_level_m(&harmonics_vung_tau, t);

		e.low_m = fmin(e.low_m, level_m);
		if (level_m > e.high_m) {
			e.high_m = level_m;
			e.high_us = t;
		}
	}
	return e;
}

/* Computed elsewhere from TICON-4: 4.05 m; bulletins gave 4.15 to 4.25, wind and river included. */
static void reproduces_the_spring_tide_of_november_2025(void **state)
{
	struct extremes e = find_extremes(at("2025-11-22T00:00:00+07:00"), at("2025-11-24T00:00:00+07:00"),
	                                  10 * MINUTE_US);

	(void)state;
	assert_near(e.high_m, 4.05, 0.02);
	assert_in_range(e.high_us, (uint64_t)at("2025-11-23T00:30:00+07:00"),
	                (uint64_t)at("2025-11-23T02:30:00+07:00"));
}

/* TICON-4 has 4.345 and -0.176 from all its constituents; ten leave out a little of both. */
static void spans_about_highest_and_lowest_astronomical_tide(void **state)
{
	int64_t from_us = at("2010-01-01T00:00:00Z");
	struct extremes e = find_extremes(from_us, from_us + 6940 * DAY_US, HOUR_US);

	(void)state;
	assert_near(e.high_m, 4.345, 0.10);
	assert_near(e.low_m, -0.176, 0.20);
}

static void averages_to_mean_sea_level(void **state)
{
	int64_t from_us = at("2015-01-01T00:00:00Z");
	double sum_m = 0;
	int hours = 8766;

	(void)state;
	for (int i = 0; i < hours; i++) {
		sum_m += harmonics_level_m(&harmonics_vung_tau, from_us + i * HOUR_US);
	}
	assert_near(sum_m / hours, harmonics_vung_tau.mean_m, 0.01);
}

/* A lone S2 of phase 0 follows the Sun: high at 0 and 12 h UT, low at 6 and 18. */
static void solar_tide_follows_the_clock(void **state)
{
	static const struct constituent s2 = {.name = "S2", .amplitude_m = 1, .solar_time = 2};
	const struct tide_station station = {.name = "S2", .constituent = &s2, .count = 1};
	int64_t noon_us = at("2026-03-05T12:00:00Z");

	(void)state;
	assert_near(harmonics_level_m(&station, noon_us), 1.0, 1e-6);
	assert_near(harmonics_level_m(&station, noon_us + 6 * HOUR_US), -1.0, 1e-6);
	assert_near(harmonics_level_m(&station, noon_us + 12 * HOUR_US), 1.0, 1e-6);
}

/* K1 of phase 0 is highest when the Sun, north of the equator, stands in the meridian. */
static void declination_tide_is_high_at_noon_of_midsummer(void **state)
{
	static const struct constituent k1 = {
		.name = "K1", .amplitude_m = 1, .solar_time = 1, .sun = 1, .offset_deg = 90};
	const struct tide_station station = {.name = "K1", .constituent = &k1, .count = 1};

	(void)state;
	assert_true(harmonics_level_m(&station, at("2026-06-21T12:00:00Z")) > 0.99);
	assert_true(harmonics_level_m(&station, at("2026-12-21T12:00:00Z")) < -0.99);
}

static void works_before_1970(void **state)
{
	double level_m = harmonics_level_m(&harmonics_vung_tau, at("1955-01-01T03:00:00Z"));

	(void)state;
	assert_true(level_m > -0.3 && level_m < 4.5);
}

static void storm_peaks_after_25_minutes_and_drains(void **state)
{
	double before_m = 0;

	(void)state;
	assert_near(storm_depth_m(-1, 0.35), 0, 0);
	assert_near(storm_depth_m(25, 0.35), 0.35, 1e-9);
	for (int minute = 0; minute <= 25; minute++) {
		double depth_m = storm_depth_m(minute, 0.35);

		assert_true(depth_m >= before_m && depth_m - before_m < 0.025);
		before_m = depth_m;
	}
	for (int minute = 26; minute < 600; minute++) {
		double depth_m = storm_depth_m(minute, 0.35);

		assert_true(depth_m <= before_m);
		before_m = depth_m;
	}
	assert_near(before_m, 0, 0);
}

static void rain_falls_only_during_the_storm(void **state)
{
	double total_mm = 0;

	(void)state;
	for (int minute = -10; minute < 100; minute++) {
		double rain_mm = storm_rain_mm(minute);

		assert_true(minute > 0 && minute < 40 ? rain_mm > 0 : rain_mm == 0.0);
		total_mm += rain_mm;
	}
	assert_near(total_mm, 64, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reproduces_the_spring_tide_of_november_2025),
		cmocka_unit_test(spans_about_highest_and_lowest_astronomical_tide),
		cmocka_unit_test(averages_to_mean_sea_level),
		cmocka_unit_test(solar_tide_follows_the_clock),
		cmocka_unit_test(declination_tide_is_high_at_noon_of_midsummer),
		cmocka_unit_test(works_before_1970),
		cmocka_unit_test(storm_peaks_after_25_minutes_and_drains),
		cmocka_unit_test(rain_falls_only_during_the_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
