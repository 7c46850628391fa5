#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm_format.h"

static void state_comes_back_whole(void **state)
{
	const struct rules_state s = {
		.last_us = INT64_MAX,
		.started_us = 2,
		.changed_us = 3,
		.peak_us = INT64_MIN,
		.peak = 5.5,
		.value = -6.5,
		.threshold = 7.5,
		.level = INT32_MIN,
		.previous_level = 9,
		.sequence = UINT32_MAX,
		.direction = DIRECTION_FALLING,
		.severity = SEVERITY_MINOR,
		.quality = QUALITY_MISSING,
	};
	struct rules_state got;
	struct alarm_body body;

	(void)state;
	alarm_format_encode(&body, &s);
	alarm_format_decode(&body, &got);
	assert_int_equal(got.last_us, s.last_us);
	assert_int_equal(got.started_us, s.started_us);
	assert_int_equal(got.changed_us, s.changed_us);
	assert_int_equal(got.peak_us, s.peak_us);
	assert_true(got.peak == s.peak && got.value == s.value && got.threshold == s.threshold);
	assert_int_equal(got.level, s.level);
	assert_int_equal(got.previous_level, s.previous_level);
	assert_int_equal(got.sequence, s.sequence);
	assert_int_equal(got.direction, s.direction);
	assert_int_equal(got.severity, s.severity);
	assert_int_equal(got.quality, s.quality);
}

static void header_and_slot_are_those_of_version_1(void **state)
{
	const struct slot_header h = slot_format_header(&alarm_format_kind);
	const uint32_t numbers[4] = {1, 512, 0, 0};

	(void)state;
	assert_memory_equal(&h, "HWALARM", 8);
	assert_memory_equal((const uint8_t *)&h + 8, numbers, sizeof(numbers));
	assert_int_equal(slot_format_copy_size(alarm_format_kind.body_size), 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_comes_back_whole),
		cmocka_unit_test(header_and_slot_are_those_of_version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
