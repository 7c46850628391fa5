#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alert.h"
#include "timestamp.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t at(const char *text)
{
	int64_t us;

	assert_int_equal(timestamp_parse(text, strlen(text), &us), 0);
	return us;
}

static struct transition phu_an(void)
{
	return (struct transition){
		.key = {.station = "phu-an", .property = "water_level"},
		.name = "Phú An",
		.level_name = "Báo động II",
		.unit = "m",
		.datum = "VN2000",
		.latitude = 10.7765,
		.longitude = 106.7067,
		.value = 1.53,
		.threshold = 1.5,
		.peak = 1.53,
		.phenomenon_us = at("2026-11-22T03:30:00Z"),
		.sent_us = at("2026-11-22T03:30:00.123456Z"),
		.started_us = at("2026-11-22T03:15:00Z"),
		.peak_us = at("2026-11-22T03:30:00Z"),
		.level = 2,
		.previous_level = 1,
		.sequence = 2,
		.msg_type = MSG_UPDATE,
		.event = EVENT_CHANGED,
		.onset_us = at("2026-11-22T03:13:00Z"),
		.cause = CAUSE_THRESHOLD,
		.direction = DIRECTION_RISING,
		.severity = SEVERITY_MODERATE,
		.quality = QUALITY_PASS,
	};
}

static json_t *parsed(const struct transition *t)
{
	char *text = alert_json(t);
	json_t *o;

	assert_non_null(text);
	o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	free(text);
	return o;
}

static void assert_null_members(const json_t *o, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!json_is_null(json_object_get(o, keys[i]))) {
			fail_msg("%s is not null", keys[i]);
		}
	}
}

static void assert_text(const json_t *o, const char *key, const char *expected)
{
	const char *found = json_string_value(json_object_get(o, key));

	assert_non_null(found);
	assert_string_equal(found, expected);
}

static void message_is_the_contract_to_the_letter(void **state)
{
	struct transition t = phu_an();
	char *text = alert_json(&t);

	(void)state;
	assert_string_equal(text, "{\"identifier\": \"phu-an/water_level/20261122T031500.000000Z/2\", "
	                          "\"incident\": \"phu-an/water_level/20261122T031500.000000Z\", "
	                          "\"sequence\": 2, \"msg_type\": \"Update\", "
	                          "\"sent\": \"2026-11-22T03:30:00.123456Z\", "
	                          "\"station\": \"phu-an\", \"name\": \"Phú An\", "
	                          "\"property\": \"water_level\", "
	                          "\"latitude\": 10.7765, \"longitude\": 106.7067, "
	                          "\"level\": 2, \"level_name\": \"Báo động II\", \"previous_level\": 1, "
	                          "\"cause\": \"threshold\", \"direction\": \"rising\", "
	                          "\"value\": 1.53, \"unit\": \"m\", \"datum\": \"VN2000\", "
	                          "\"threshold\": 1.5, "
	                          "\"phenomenon_time\": \"2026-11-22T03:30:00Z\", "
	                          "\"started\": \"2026-11-22T03:15:00Z\", "
	                          "\"peak\": 1.53, \"peak_time\": \"2026-11-22T03:30:00Z\", "
	                          "\"quality\": 1, \"severity\": \"Moderate\", "
	                          "\"urgency\": \"Immediate\", \"certainty\": \"Observed\", "
	                          "\"event\": \"changed\", \"period\": null, "
	                          "\"onset\": \"2026-11-22T03:13:00Z\", \"projected_level\": null, "
	                          "\"projected_level_name\": null, \"projected_time\": null, "
	                          "\"acknowledged\": false, \"shelved_until\": null, "
	                          "\"suppressed\": false, \"out_of_service\": false, "
	                          "\"held\": false, \"user\": null, \"client\": null, "
	                          "\"reason\": null}");
	free(text);
}

static void what_is_not_known_is_null(void **state)
{
	static const char *const unknown[] = {"name", "datum", "latitude", "longitude", "threshold", "onset"};
	struct transition t = phu_an();
	json_t *o;

	(void)state;
	t.name[0] = '\0';
	t.datum[0] = '\0';
	t.latitude = NAN;
	t.longitude = NAN;
	t.threshold = NAN;
	t.onset_us = 0;
	o = parsed(&t);
	assert_null_members(o, unknown, ARRAY_SIZE(unknown));
	assert_int_equal(json_object_size(o), 41);
	json_decref(o);
}

static void end_is_a_cancel_of_the_past(void **state)
{
	struct transition t = phu_an();
	json_t *o;

	(void)state;
	t.level = LEVEL_NORMAL;
	t.msg_type = MSG_CANCEL;
	copy_text(t.level_name, sizeof(t.level_name), "normal", 6);
	o = parsed(&t);
	assert_text(o, "msg_type", "Cancel");
	assert_text(o, "level_name", "normal");
	assert_text(o, "urgency", "Past");
	assert_text(o, "certainty", "Observed");
	assert_text(o, "severity", "Moderate");
	json_decref(o);
}

static void status_before_any_incident_tells_of_none(void **state)
{
	static const char *const unknown[] = {"identifier", "incident",  "msg_type",  "cause",
	                                      "direction",  "value",     "threshold", "started",
	                                      "peak",       "peak_time", "quality",   "phenomenon_time",
	                                      "event",      "period",    "onset"};
	struct transition t = {.key = {.station = "phu-an", .property = "water_level"},
	                       .level_name = "normal"};
	json_t *o = parsed(&t);

	(void)state;
	assert_null_members(o, unknown, ARRAY_SIZE(unknown));
	assert_text(o, "severity", "Unknown");
	assert_text(o, "urgency", "Unknown");
	assert_text(o, "certainty", "Unknown");
	assert_text(o, "level_name", "normal");
	assert_int_equal(json_integer_value(json_object_get(o, "level")), 0);
	assert_int_equal(json_object_size(o), 41);
	json_decref(o);
}

static void status_of_another_cause_says_which_alarm_it_is(void **state)
{
	static const char *const unknown[] = {"identifier", "msg_type", "value", "event"};
	struct transition t = {.key = {.station = "phu-an", .property = "rainfall"},
	                       .cause = CAUSE_RAIN,
	                       .period_us = 3600000000,
	                       .level_name = "normal"};
	json_t *o = parsed(&t);

	(void)state;
	assert_null_members(o, unknown, ARRAY_SIZE(unknown));
	assert_text(o, "cause", "rain");
	assert_int_equal(json_integer_value(json_object_get(o, "period")), 3600);
	json_decref(o);
}

static void projection_is_told_with_its_level_and_time(void **state)
{
	struct transition t = phu_an();
	json_t *o;

	(void)state;
	t.projected_us = at("2026-11-22T04:10:00Z");
	t.projected_level = 3;
	copy_text(t.projected_name, sizeof(t.projected_name), "Báo động III", strlen("Báo động III"));
	o = parsed(&t);
	assert_int_equal(json_integer_value(json_object_get(o, "projected_level")), 3);
	assert_text(o, "projected_level_name", "Báo động III");
	assert_text(o, "projected_time", "2026-11-22T04:10:00Z");
	json_decref(o);
}

static struct transition shelved(void)
{
	struct transition t = phu_an();

	t.event = EVENT_SHELVED;
	t.sequence = 0;
	t.sent_us = at("2026-11-22T05:00:00Z");
	t.shelved_until_us = at("2026-11-22T07:00:00Z");
	t.acknowledged = t.suppressed = t.out_of_service = t.held = true;
	copy_text(t.user, sizeof(t.user), "duty", 4);
	copy_text(t.client, sizeof(t.client), "console-1", 9);
	copy_text(t.reason, sizeof(t.reason), "crane in the river", 18);
	return t;
}

static void action_says_who_did_what_until_when_and_why(void **state)
{
	static const char *const unknown[] = {"msg_type"};
	struct transition t = shelved();
	json_t *o = parsed(&t);

	(void)state;
	assert_text(o, "event", "shelved");
	assert_text(o, "identifier", "phu-an/water_level/threshold/20261122T050000.000000Z/shelved");
	assert_text(o, "incident", "phu-an/water_level/20261122T031500.000000Z");
	assert_text(o, "started", "2026-11-22T03:15:00Z");
	assert_text(o, "user", "duty");
	assert_text(o, "client", "console-1");
	assert_text(o, "reason", "crane in the river");
	assert_text(o, "shelved_until", "2026-11-22T07:00:00Z");
	assert_true(json_is_true(json_object_get(o, "acknowledged")));
	assert_true(json_is_true(json_object_get(o, "suppressed")));
	assert_true(json_is_true(json_object_get(o, "out_of_service")));
	assert_true(json_is_true(json_object_get(o, "held")));
	assert_null_members(o, unknown, ARRAY_SIZE(unknown));
	json_decref(o);
}

static void action_on_a_normal_alarm_has_no_incident(void **state)
{
	static const char *const unknown[] = {"incident", "started", "peak", "peak_time", "onset"};
	struct transition t = shelved();
	json_t *o;

	(void)state;
	t.level = LEVEL_NORMAL;
	o = parsed(&t);
	assert_null_members(o, unknown, ARRAY_SIZE(unknown));
	assert_text(o, "cause", "threshold");
	assert_text(o, "urgency", "Unknown");
	json_decref(o);
}

static void test_alert_is_an_alert_of_no_incident(void **state)
{
	static const char *const unknown[] = {"incident", "started"};
	struct transition t = shelved();
	json_t *o;

	(void)state;
	t.event = EVENT_TEST;
	t.msg_type = MSG_ALERT;
	o = parsed(&t);
	assert_null_members(o, unknown, ARRAY_SIZE(unknown));
	assert_text(o, "event", "test");
	assert_text(o, "msg_type", "Alert");
	assert_text(o, "severity", "Minor");
	json_decref(o);
}

/* Each number by itself: one that needs 17 digits must not make 1.1 into 1.1000000000000001. */
static void numbers_have_the_fewest_digits_that_read_back(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{1.53, "\"value\": 1.53,"},
		{1.1, "\"value\": 1.1,"},
		{0.1 + 0.2, "\"value\": 0.30000000000000004,"},
		{0.3, "\"value\": 0.3,"},
		{5e-324, "\"value\": 4.94065645841247e-324,"},
		{-0.05, "\"value\": -0.05,"},
		{3, "\"value\": 3.0,"},
		{1e300, "\"value\": 1e300,"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct transition t = phu_an();
		char *text;

		t.value = cases[i].value;
		t.peak = 0.1 + 0.2;
		t.threshold = 1.1;
		text = alert_json(&t);
		assert_non_null(text);
		assert_non_null(strstr(text, cases[i].text));
		assert_non_null(strstr(text, "\"threshold\": 1.1,"));
		assert_non_null(strstr(text, "\"peak\": 0.30000000000000004,"));
		free(text);
	}
}

static void every_double_reads_back_the_same(void **state)
{
	uint64_t random = 0x9E3779B97F4A7C15;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct transition t = phu_an();
		json_t *o;

		random = random * 6364136223846793005 + 1442695040888963407;
		/* From all bit patterns, and from the values that sensors send. */
		memcpy(&t.value, &random, sizeof(t.value));
		t.peak = (double)(random >> 40) / 1000.0;
		if (!isfinite(t.value)) {
			continue;
		}
		o = parsed(&t);
		assert_true(json_real_value(json_object_get(o, "value")) == t.value);
		assert_true(json_real_value(json_object_get(o, "peak")) == t.peak);
		json_decref(o);
	}
}

static void texts_are_escaped(void **state)
{
	struct transition t = phu_an();
	json_t *o;

	(void)state;
	copy_text(t.name, sizeof(t.name), "\"\\\n\x01", 4);
	o = parsed(&t);
	assert_text(o, "name", "\"\\\n\x01");
	json_decref(o);
}

static void name_cut_inside_a_character_does_not_cost_the_alert(void **state)
{
	static const char name[] = "Phú";
	struct transition t = phu_an();
	json_t *o;

	(void)state;
	copy_text(t.name, sizeof(t.name), name, 3); /* half of ú */
	o = parsed(&t);
	assert_text(o, "name", "Ph");
	json_decref(o);
}

static void name_of_a_level_that_was_deleted_is_null(void **state)
{
	static const char *const unknown[] = {"level_name"};
	struct transition t = phu_an();
	json_t *o;

	(void)state;
	t.level_name[0] = '\0';
	o = parsed(&t);
	assert_null_members(o, unknown, ARRAY_SIZE(unknown));
	json_decref(o);
}

/* jansson's allocations, of which the one with number fail_at finds no memory. */
static int allocations, fail_at;

static void *failing_malloc(size_t size)
{
	return ++allocations == fail_at ? NULL : malloc(size);
}

static void memory_short_anywhere_gives_null_and_no_leak(void **state)
{
	struct transition t = phu_an();
	char *text = NULL;
	int failures = 0;

	(void)state;
	json_set_alloc_funcs(failing_malloc, free);
	for (fail_at = 1; text == NULL && fail_at < 1000; fail_at++) {
		allocations = 0;
		text = alert_json(&t);
		failures += text == NULL;
	}
	json_set_alloc_funcs(malloc, free);
	assert_non_null(text);
	free(text);
	assert_true(failures > 27);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_is_the_contract_to_the_letter),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(end_is_a_cancel_of_the_past),
		cmocka_unit_test(status_before_any_incident_tells_of_none),
		cmocka_unit_test(status_of_another_cause_says_which_alarm_it_is),
		cmocka_unit_test(projection_is_told_with_its_level_and_time),
		cmocka_unit_test(action_says_who_did_what_until_when_and_why),
		cmocka_unit_test(action_on_a_normal_alarm_has_no_incident),
		cmocka_unit_test(test_alert_is_an_alert_of_no_incident),
		cmocka_unit_test(numbers_have_the_fewest_digits_that_read_back),
		cmocka_unit_test(every_double_reads_back_the_same),
		cmocka_unit_test(texts_are_escaped),
		cmocka_unit_test(name_cut_inside_a_character_does_not_cost_the_alert),
		cmocka_unit_test(name_of_a_level_that_was_deleted_is_null),
		cmocka_unit_test(memory_short_anywhere_gives_null_and_no_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
