#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "threshold.h"
#include "util.h"

static struct threshold level_of(enum cause cause, int64_t period_us, int32_t level, double set_value)
{
	return (struct threshold){.cause = (uint8_t)cause,
	                          .period_us = period_us,
	                          .level = level,
	                          .set_value = set_value,
	                          .clear_value = set_value};
}

static void levels_of_one_alarm_stand_together_and_in_rank(void **state)
{
	struct threshold t[] = {
		level_of(CAUSE_RAIN, 3600, 1, 50.0),   level_of(CAUSE_THRESHOLD, 0, 1, 1.60),
		level_of(CAUSE_RAIN, 600, 2, 20.0),    level_of(CAUSE_STALE, 0, 1, 3.0),
		level_of(CAUSE_THRESHOLD, 0, 3, 1.40), level_of(CAUSE_RAIN, 600, 1, 10.0),
	};
	const struct threshold *first;

	(void)state;
	threshold_sort(t, ARRAY_SIZE(t));
	assert_int_equal(threshold_of_alarm(t, ARRAY_SIZE(t), CAUSE_THRESHOLD, 0, &first), 2);
	assert_true(first[0].set_value == 1.40 && first[1].set_value == 1.60);
	assert_int_equal(threshold_of_alarm(t, ARRAY_SIZE(t), CAUSE_RAIN, 600, &first), 2);
	assert_true(first[0].set_value == 10.0 && first[1].set_value == 20.0);
	assert_int_equal(threshold_of_alarm(t, ARRAY_SIZE(t), CAUSE_RAIN, 3600, &first), 1);
	assert_true(first[0].set_value == 50.0);
	assert_int_equal(threshold_of_alarm(t, ARRAY_SIZE(t), CAUSE_STALE, 0, &first), 1);
	assert_int_equal(threshold_of_alarm(t, ARRAY_SIZE(t), CAUSE_STALE, 600, &first), 0);
	assert_int_equal(threshold_of_alarm(NULL, 0, CAUSE_STALE, 0, &first), 0);
}

static void names_are_those_of_the_contract(void **state)
{
	(void)state;
	assert_string_equal(threshold_direction_name(DIRECTION_RISING), "rising");
	assert_string_equal(threshold_direction_name(DIRECTION_FALLING), "falling");
	assert_string_equal(threshold_severity_name(SEVERITY_EXTREME), "Extreme");
	assert_string_equal(threshold_severity_name(SEVERITY_SEVERE), "Severe");
	assert_string_equal(threshold_severity_name(SEVERITY_MODERATE), "Moderate");
	assert_string_equal(threshold_severity_name(SEVERITY_MINOR), "Minor");
	assert_string_equal(threshold_severity_name(SEVERITY_UNKNOWN), "Unknown");
	assert_string_equal(threshold_cause_name(CAUSE_THRESHOLD), "threshold");
	assert_string_equal(threshold_cause_name(CAUSE_RATE), "rate");
	assert_string_equal(threshold_cause_name(CAUSE_RAIN), "rain");
	assert_string_equal(threshold_cause_name(CAUSE_STALE), "stale");
	assert_string_equal(threshold_cause_name(CAUSE_DEAD), "dead");
	assert_string_equal(threshold_cause_name(CAUSE_SENSOR_ERROR), "sensor_error");
	assert_string_equal(threshold_cause_name(CAUSE_LOW_BATTERY), "low_battery");
	assert_string_equal(threshold_cause_name(CAUSE_PROJECTION), "projection");
	assert_string_equal(threshold_cause_name(CAUSE_GROUP), "group");
	assert_string_equal(threshold_cause_name(CAUSE_UPSTREAM), "upstream");
	assert_string_equal(threshold_cause_name(CAUSE_TEST), "test");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_of_one_alarm_stand_together_and_in_rank),
		cmocka_unit_test(names_are_those_of_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
