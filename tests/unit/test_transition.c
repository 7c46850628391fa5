#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "timestamp.h"
#include "transition.h"

#include <string.h>

static struct transition phu_an(void)
{
	struct transition t = {
		.key = {.station = "phu-an", .property = "water_level"},
		.sequence = 1,
	};

	assert_int_equal(timestamp_parse("2026-11-22T10:15:00+07:00", 25, &t.started_us), 0);
	return t;
}

static void incident_names_station_property_and_start(void **state)
{
	struct transition t = phu_an();
	char text[INCIDENT_TEXT_SIZE];

	(void)state;
	assert_ptr_equal(transition_incident(&t, text), text);
	assert_string_equal(text, "phu-an/water_level/20261122T031500.000000Z");
}

static void incident_has_six_places_of_a_second_always(void **state)
{
	struct transition t = phu_an();
	char text[INCIDENT_TEXT_SIZE];

	(void)state;
	t.started_us += 1;
	assert_string_equal(transition_incident(&t, text), "phu-an/water_level/20261122T031500.000001Z");
	t.started_us += 499999;
	assert_string_equal(transition_incident(&t, text), "phu-an/water_level/20261122T031500.500000Z");
	t.started_us += 499999;
	assert_string_equal(transition_incident(&t, text), "phu-an/water_level/20261122T031500.999999Z");
}

static void incident_before_1970_counts_its_fraction_forward(void **state)
{
	struct transition t = phu_an();
	char text[INCIDENT_TEXT_SIZE];

	(void)state;
	t.started_us = -1;
	assert_string_equal(transition_incident(&t, text), "phu-an/water_level/19691231T235959.999999Z");
	t.started_us = -1000000;
	assert_string_equal(transition_incident(&t, text), "phu-an/water_level/19691231T235959.000000Z");
}

static void identifier_is_the_incident_and_the_sequence(void **state)
{
	struct transition t = phu_an();
	char text[INCIDENT_TEXT_SIZE];

	(void)state;
	t.sequence = 12;
	assert_ptr_equal(transition_identifier(&t, text), text);
	assert_string_equal(text, "phu-an/water_level/20261122T031500.000000Z/12");
}

static void later_values_of_an_incident_leave_its_name(void **state)
{
	struct transition t = phu_an();
	char raised[INCIDENT_TEXT_SIZE], cleared[INCIDENT_TEXT_SIZE];

	(void)state;
	transition_incident(&t, raised);
	t.sequence = 2;
	t.phenomenon_us = t.started_us + 3600000000;
	t.value = 1.2;
	assert_string_equal(transition_incident(&t, cleared), raised);
}

static void longest_codes_fit(void **state)
{
	struct transition t = phu_an();
	char text[INCIDENT_TEXT_SIZE];

	(void)state;
	memset(t.key.station, 's', STATION_CODE_MAX);
	memset(t.key.property, 'p', PROPERTY_CODE_MAX);
	t.sequence = UINT32_MAX;
	transition_identifier(&t, text);
	assert_int_equal(strlen(text), STATION_CODE_MAX + 1 + PROPERTY_CODE_MAX +
	                                       strlen("/20261122T031500.000000Z/4294967295"));
	assert_string_equal(text + strlen(text) - 11, "/4294967295");
}

static void names_are_those_of_the_contract(void **state)
{
	(void)state;
	assert_string_equal(transition_msg_type_name(MSG_ALERT), "Alert");
	assert_string_equal(transition_msg_type_name(MSG_UPDATE), "Update");
	assert_string_equal(transition_msg_type_name(MSG_CANCEL), "Cancel");
	assert_string_equal(threshold_cause_name(CAUSE_THRESHOLD), "threshold");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(incident_names_station_property_and_start),
		cmocka_unit_test(incident_has_six_places_of_a_second_always),
		cmocka_unit_test(incident_before_1970_counts_its_fraction_forward),
		cmocka_unit_test(identifier_is_the_incident_and_the_sequence),
		cmocka_unit_test(later_values_of_an_incident_leave_its_name),
		cmocka_unit_test(longest_codes_fit),
		cmocka_unit_test(names_are_those_of_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
