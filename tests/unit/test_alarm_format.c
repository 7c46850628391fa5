#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm_format.h"

/* Every byte another than zero, padding too. */
static struct alarm_state full_state(void)
{
	struct alarm_state s;
	uint8_t *bytes = (uint8_t *)&s;

	for (size_t i = 0; i < sizeof(s); i++) {
		bytes[i] = (uint8_t)(i % 251 + 1);
	}
	return s;
}

static void assert_zero(const void *bytes, size_t from, size_t end)
{
	for (size_t i = from; i < end; i++) {
		assert_int_equal(((const uint8_t *)bytes)[i], 0);
	}
}

static void body_is_the_alarm_and_its_state_without_padding(void **state)
{
	struct alarm_state s = full_state();
	struct alarm_body body;
	const uint8_t *stored = (const uint8_t *)&body.state;

	(void)state;
	memset(&body, 0xaa, sizeof(body));
	alarm_format_encode(&body, CAUSE_RAIN, 3600000000, &s);
	assert_int_equal(body.period_us, 3600000000);
	assert_int_equal(body.cause, CAUSE_RAIN);
	assert_zero(&body, 9, 16);
	assert_zero(stored, 124, 128); /* behind each side of the runs */
	assert_zero(stored, 252, 256);
	assert_zero(stored, 369, 376); /* behind the levels */
	assert_memory_equal(stored, &s, 124);
	assert_memory_equal(stored + 128, (const uint8_t *)&s + 128, 124);
	assert_memory_equal(stored + 256, (const uint8_t *)&s + 256, 113);
	assert_memory_equal(stored + 376, (const uint8_t *)&s + 376, sizeof(s) - 376);
}

static struct alarm_body_1 body_of_version_1(int32_t level)
{
	return (struct alarm_body_1){
		.last_us = INT64_MAX,
		.started_us = 2,
		.changed_us = 3,
		.peak_us = INT64_MIN,
		.peak = 5.5,
		.value = -6.5,
		.threshold = 7.5,
		.level = level,
		.previous_level = 9,
		.sequence = UINT32_MAX,
		.direction = DIRECTION_FALLING,
		.severity = SEVERITY_MINOR,
		.quality = QUALITY_MISSING,
	};
}

static void state_of_version_1_is_that_of_the_levels(void **state)
{
	const struct alarm_body_1 b = body_of_version_1(INT32_MIN);
	const struct runs nothing = {0};
	struct alarm_body body;
	const struct levels_state *l = &body.state.levels;

	(void)state;
	alarm_format_upgrade(&b, &body);
	assert_int_equal(body.cause, CAUSE_THRESHOLD);
	assert_int_equal(body.period_us, 0);
	assert_int_equal(l->last_us, b.last_us);
	assert_int_equal(l->taken_us, b.last_us);
	assert_int_equal(l->at_us, b.last_us);
	assert_int_equal(l->started_us, b.started_us);
	assert_int_equal(l->onset_us, b.started_us);
	assert_int_equal(l->changed_us, b.changed_us);
	assert_int_equal(l->peak_us, b.peak_us);
	assert_true(l->peak == b.peak && l->value == b.value && l->threshold == b.threshold);
	assert_int_equal(l->level, b.level);
	assert_int_equal(l->previous_level, b.previous_level);
	assert_int_equal(l->sequence, b.sequence);
	assert_int_equal(l->direction, b.direction);
	assert_int_equal(l->severity, b.severity);
	assert_int_equal(l->transition_quality, b.quality);
	assert_false(l->acknowledged);
	assert_memory_equal(&l->runs, &nothing, sizeof(nothing));
	assert_zero(&body.state, 376, 584); /* no course, no hold */
}

static void open_incident_of_version_1_has_been_told(void **state)
{
	const struct alarm_body_1 open = body_of_version_1(2), ended = body_of_version_1(LEVEL_NORMAL);
	struct alarm_body body;

	(void)state;
	alarm_format_upgrade(&open, &body);
	assert_true(body.state.told);
	assert_int_equal(body.state.told_level, 2);
	assert_int_equal(body.state.told_sequence, UINT32_MAX);
	assert_int_equal(body.state.told_us, 0);
	alarm_format_upgrade(&ended, &body);
	assert_false(body.state.told);
}

/* Thresholds as they stood when it was version 1. */
static const struct threshold two_levels[] = {
	{.level = 1, .set_value = 1.4, .clear_value = 1.35},
	{.level = 2, .set_value = 1.5, .clear_value = 1.45},
};

static void expect_level_after(double value, int32_t level, uint32_t sequence)
{
	struct alarm_body_1 b = body_of_version_1(2);
	const struct levels_input in = {.phenomenon_us = 11, .value = value, .quality = QUALITY_PASS};
	struct levels_state *l;
	struct alarm_body body;

	b.last_us = 10;
	b.peak_us = 2;
	b.peak = 1.6;
	b.value = 1.6;
	b.sequence = 1;
	b.direction = DIRECTION_RISING;
	alarm_format_upgrade(&b, &body);
	l = &body.state.levels;
	assert_false(levels_step(two_levels, 2, l));
	assert_true(levels_due(two_levels, 2, l) == INT64_MAX);
	levels_take(two_levels, 2, l, levels_order(l, &in), &in);
	while (levels_step(two_levels, 2, l)) {}
	assert_int_equal(l->level, level);
	assert_int_equal(l->sequence, sequence);
	assert_int_equal(l->started_us, 2);
}

static void incident_of_version_1_goes_on(void **state)
{
	(void)state;
	expect_level_after(1.55, 2, 1);
	expect_level_after(1.47, 2, 1); /* in the deadband */
	expect_level_after(1.42, 1, 2);
	expect_level_after(1.30, LEVEL_NORMAL, 2);
}

static void header_and_slot_are_those_of_version_2(void **state)
{
	const struct slot_header h = slot_format_header(&alarm_format_kind);
	const uint32_t numbers[4] = {2, 1536, 640, 0};

	(void)state;
	assert_memory_equal(&h, "HWALARM", 8);
	assert_memory_equal((const uint8_t *)&h + 8, numbers, sizeof(numbers));
}

static void header_and_slot_of_version_1_are_known(void **state)
{
	const struct slot_header h = slot_format_header(&alarm_format_kind_1);
	const uint32_t numbers[4] = {1, 512, 0, 0};

	(void)state;
	assert_memory_equal(&h, "HWALARM", 8);
	assert_memory_equal((const uint8_t *)&h + 8, numbers, sizeof(numbers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_is_the_alarm_and_its_state_without_padding),
		cmocka_unit_test(state_of_version_1_is_that_of_the_levels),
		cmocka_unit_test(open_incident_of_version_1_has_been_told),
		cmocka_unit_test(incident_of_version_1_goes_on),
		cmocka_unit_test(header_and_slot_are_those_of_version_2),
		cmocka_unit_test(header_and_slot_of_version_1_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
