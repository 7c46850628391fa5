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
	t.cause = CAUSE_SENSOR_ERROR;
	t.period_us = INT64_MAX;
	t.sequence = UINT32_MAX;
	transition_identifier(&t, text);
	assert_int_equal(strlen(text),
	                 STATION_CODE_MAX + 1 + PROPERTY_CODE_MAX +
	                         strlen("/sensor_error-9223372036854/20261122T031500.000000Z/4294967295"));
	assert_string_equal(text + strlen(text) - 11, "/4294967295");
	t.event = EVENT_OUT_OF_SERVICE;
	t.sent_us = t.started_us;
	transition_identifier(&t, text);
	assert_string_equal(text + strlen(text) - 39, "/20261122T031500.000000Z/out_of_service");
}

static void incident_of_another_cause_names_it_and_its_period(void **state)
{
	struct transition t = phu_an();
	char text[INCIDENT_TEXT_SIZE];

	(void)state;
	t.cause = CAUSE_STALE;
	assert_string_equal(transition_incident(&t, text),
	                    "phu-an/water_level/stale/20261122T031500.000000Z");
	t.cause = CAUSE_RAIN;
	t.period_us = 3600000000;
	assert_string_equal(transition_incident(&t, text),
	                    "phu-an/water_level/rain-3600/20261122T031500.000000Z");
	assert_string_equal(transition_identifier(&t, text),
	                    "phu-an/water_level/rain-3600/20261122T031500.000000Z/1");
}

static void no_two_causes_share_an_incident(void **state)
{
	char names[CAUSE_COUNT][INCIDENT_TEXT_SIZE];

	(void)state;
	for (unsigned i = 0; i < CAUSE_COUNT; i++) {
		struct transition t = phu_an();

		t.cause = (uint8_t)i;
		transition_incident(&t, names[i]);
		for (unsigned j = 0; j < i; j++) {
			assert_string_not_equal(names[i], names[j]);
		}
	}
}

static void action_is_named_by_its_alarm_time_and_kind(void **state)
{
	struct transition t = phu_an();
	char text[INCIDENT_TEXT_SIZE];

	(void)state;
	t.sequence = 0;
	t.sent_us = t.started_us + 3600250000;
	t.event = EVENT_SHELVED;
	assert_string_equal(transition_identifier(&t, text),
	                    "phu-an/water_level/threshold/20261122T041500.250000Z/shelved");
	t.cause = CAUSE_RATE;
	t.period_us = 900000000;
	t.event = EVENT_TEST;
	assert_string_equal(transition_identifier(&t, text),
	                    "phu-an/water_level/rate-900/20261122T041500.250000Z/test");
}

static void only_actions_of_operators_are_actions(void **state)
{
	struct transition t = phu_an();

	(void)state;
	for (unsigned event = 0; event < EVENT_COUNT; event++) {
		t.event = (uint8_t)event;
		assert_int_equal(transition_is_action(&t), event > EVENT_REPEATED);
	}
}

static void action_belongs_to_the_open_incident_and_a_test_to_none(void **state)
{
	struct transition t = phu_an();

	(void)state;
	assert_true(transition_has_incident(&t)); /* a clear too is of its incident */
	t.event = EVENT_CLEARED;
	assert_true(transition_has_incident(&t));
	t.sequence = 0;
	assert_false(transition_has_incident(&t));
	t.event = EVENT_SHELVED;
	assert_false(transition_has_incident(&t));
	t.level = 2;
	assert_true(transition_has_incident(&t));
	t.event = EVENT_TEST;
	assert_false(transition_has_incident(&t));
}

static void event_follows_from_levels_and_sequence(void **state)
{
	(void)state;
	assert_int_equal(transition_event_of(0, 2, 1), EVENT_RAISED);
	assert_int_equal(transition_event_of(2, 3, 2), EVENT_CHANGED);
	assert_int_equal(transition_event_of(3, 2, 3), EVENT_CHANGED);
	assert_int_equal(transition_event_of(2, 2, 4), EVENT_REPEATED);
	assert_int_equal(transition_event_of(2, 0, 5), EVENT_CLEARED);
}

static void unit_is_that_of_the_cause(void **state)
{
	char text[UNIT_MAX + 1];

	(void)state;
	assert_string_equal(transition_unit(CAUSE_THRESHOLD, "m", text), "m");
	assert_string_equal(transition_unit(CAUSE_LOW_BATTERY, "V", text), "V");
	assert_string_equal(transition_unit(CAUSE_RAIN, "mm", text), "mm");
	assert_string_equal(transition_unit(CAUSE_RATE, "m", text), "m/h");
	assert_string_equal(transition_unit(CAUSE_RATE, "sixteen_letters_", text), "sixteen_letters_");
	assert_string_equal(transition_unit(CAUSE_PROJECTION, "m", text), "min");
	assert_string_equal(transition_unit(CAUSE_STALE, "m", text), "1");
	assert_string_equal(transition_unit(CAUSE_DEAD, "m", text), "1");
	assert_string_equal(transition_unit(CAUSE_SENSOR_ERROR, "m", text), "1");
	assert_string_equal(transition_unit(CAUSE_GROUP, "m", text), "1");
	assert_string_equal(transition_unit(CAUSE_UPSTREAM, "m", text), "1");
}

static void expect_cap(const struct transition *t, const char *severity, const char *urgency,
                       const char *certainty)
{
	assert_string_equal(transition_severity_name(t), severity);
	assert_string_equal(transition_urgency_name(t), urgency);
	assert_string_equal(transition_certainty_name(t), certainty);
}

static struct transition of_cause(enum cause cause)
{
	struct transition t = phu_an();

	t.cause = (uint8_t)cause;
	t.level = 2;
	t.severity = SEVERITY_SEVERE;
	t.phenomenon_us = t.started_us;
	return t;
}

static void what_was_measured_is_immediate_and_observed(void **state)
{
	static const enum cause causes[] = {CAUSE_THRESHOLD, CAUSE_RATE, CAUSE_RAIN, CAUSE_GROUP};

	(void)state;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		struct transition t = of_cause(causes[i]);

		expect_cap(&t, "Severe", "Immediate", "Observed");
	}
}

static void what_is_to_come_is_expected_and_likely_within_an_hour(void **state)
{
	static const enum cause causes[] = {CAUSE_PROJECTION, CAUSE_UPSTREAM};

	(void)state;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		struct transition t = of_cause(causes[i]);

		expect_cap(&t, "Severe", "Expected", "Possible"); /* nobody knows when */
		t.projected_us = t.phenomenon_us + 3600000000;
		expect_cap(&t, "Severe", "Expected", "Likely");
		t.projected_us++;
		expect_cap(&t, "Severe", "Expected", "Possible");
	}
}

static void projection_of_a_level_that_is_there_leaves_it_observed(void **state)
{
	struct transition t = of_cause(CAUSE_THRESHOLD);

	(void)state;
	t.projected_us = t.phenomenon_us + 60000000;
	t.projected_level = 3;
	expect_cap(&t, "Severe", "Immediate", "Observed");
}

static void fault_of_a_station_asks_nothing_of_the_public(void **state)
{
	static const enum cause causes[] = {CAUSE_STALE, CAUSE_DEAD, CAUSE_SENSOR_ERROR, CAUSE_LOW_BATTERY};

	(void)state;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		struct transition t = of_cause(causes[i]);

		expect_cap(&t, "Severe", "Unknown", "Observed");
	}
}

static void end_is_past_whatever_the_cause(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CAUSE_TEST; i++) {
		struct transition t = of_cause((enum cause)i);

		t.level = LEVEL_NORMAL;
		t.event = EVENT_CLEARED;
		t.sequence = 2;
		expect_cap(&t, "Severe", "Past", "Observed");
	}
}

static void action_leaves_what_the_alarm_is(void **state)
{
	struct transition t = of_cause(CAUSE_THRESHOLD);

	(void)state;
	t.sequence = 0;
	t.event = EVENT_ACKNOWLEDGED;
	expect_cap(&t, "Severe", "Immediate", "Observed");
	t.level = LEVEL_NORMAL;
	t.event = EVENT_SHELVED;
	expect_cap(&t, "Unknown", "Unknown", "Unknown");
}

static void test_is_minor_and_means_nothing(void **state)
{
	struct transition t = of_cause(CAUSE_THRESHOLD);

	(void)state;
	t.sequence = 0;
	t.event = EVENT_TEST;
	expect_cap(&t, "Minor", "Unknown", "Unknown");
}

static void names_are_those_of_the_contract(void **state)
{
	(void)state;
	assert_string_equal(transition_msg_type_name(MSG_ALERT), "Alert");
	assert_string_equal(transition_msg_type_name(MSG_UPDATE), "Update");
	assert_string_equal(transition_msg_type_name(MSG_CANCEL), "Cancel");
	assert_string_equal(threshold_cause_name(CAUSE_THRESHOLD), "threshold");
}

static void events_have_the_names_of_the_contract(void **state)
{
	static const char *const names[EVENT_COUNT] = {
		"raised",    "changed",    "cleared",      "repeated",       "acknowledged", "shelved",
		"unshelved", "suppressed", "unsuppressed", "out_of_service", "in_service",   "test",
	};

	(void)state;
	for (unsigned i = 0; i < EVENT_COUNT; i++) {
		assert_string_equal(transition_event_name((enum alarm_event)i), names[i]);
	}
	assert_string_equal(transition_event_name(EVENT_COUNT), "unknown");
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
		cmocka_unit_test(incident_of_another_cause_names_it_and_its_period),
		cmocka_unit_test(no_two_causes_share_an_incident),
		cmocka_unit_test(action_is_named_by_its_alarm_time_and_kind),
		cmocka_unit_test(only_actions_of_operators_are_actions),
		cmocka_unit_test(action_belongs_to_the_open_incident_and_a_test_to_none),
		cmocka_unit_test(event_follows_from_levels_and_sequence),
		cmocka_unit_test(unit_is_that_of_the_cause),
		cmocka_unit_test(what_was_measured_is_immediate_and_observed),
		cmocka_unit_test(what_is_to_come_is_expected_and_likely_within_an_hour),
		cmocka_unit_test(projection_of_a_level_that_is_there_leaves_it_observed),
		cmocka_unit_test(fault_of_a_station_asks_nothing_of_the_public),
		cmocka_unit_test(end_is_past_whatever_the_cause),
		cmocka_unit_test(action_leaves_what_the_alarm_is),
		cmocka_unit_test(test_is_minor_and_means_nothing),
		cmocka_unit_test(names_are_those_of_the_contract),
		cmocka_unit_test(events_have_the_names_of_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
