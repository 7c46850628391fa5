#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control.h"
#include "threshold.h"
#include "transition.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW_US  INT64_C(1764000000000000) /* 2025-11-24T16:00:00Z */
#define HOUR_US INT64_C(3600000000)

/* --- hands that note what they are asked for --- */

#define ORDERS_MAX 128

static struct {
	struct alarm_order order[ORDERS_MAX];
	char reason[ORDERS_MAX][OPERATOR_REASON_MAX + 1];
	size_t orders, statuses;
	int result;
	const struct control_alarm *alarms;
	size_t alarm_count;
	bool no_memory;
} did;

static int take_order(void *context, const struct alarm_order *order)
{
	assert_ptr_equal(context, &did);
	assert_in_range(did.orders, 0, ORDERS_MAX - 1);
	did.order[did.orders] = *order;
	snprintf(did.reason[did.orders], sizeof(did.reason[0]), "%s", order->reason ? order->reason : "");
	did.orders++;
	return did.result;
}

static void show_each(void *context, void (*see)(void *list, const struct control_alarm *a), void *list)
{
	assert_ptr_equal(context, &did);
	for (size_t i = 0; i < did.alarm_count; i++)
		see(list, &did.alarms[i]);
}

static char *show_status(void *context, const struct control_alarm *a)
{
	char text[128];

	assert_ptr_equal(context, &did);
	did.statuses++;
	snprintf(text, sizeof(text), "{\"station\": \"%s\", \"cause\": \"%s\"}", a->key->station,
	         threshold_cause_name(a->cause));
	return did.no_memory ? NULL : strdup(text);
}

static const struct control_hands hands = {&did, take_order, show_each, show_status};

static char *const duty[] = {"duty", "trực ban"};

static const struct control_rules rules = {duty, 2, false, 8 * HOUR_US};

static int forget(void **state)
{
	(void)state;
	memset(&did, 0, sizeof(did));
	did.result = 1;
	return 0;
}

static char *ask_bytes(const void *payload, size_t length)
{
	const struct control_request request = {payload, length, "duty", "desk-1", NOW_US};

	return control_answer(&rules, &request, &hands);
}

static void assert_answer(const char *request, const char *expected)
{
	char *answer = ask_bytes(request, strlen(request));

	assert_non_null(answer);
	if (strcmp(answer, expected) != 0)
		fail_msg("%s\n  was answered\n%s\n  instead of\n%s", request, answer, expected);
	free(answer);
}

/* A request that is refused as a whole, or its one command by name. */
static void assert_refused(const char *request, const char *command, const char *sentence)
{
	char *answer = ask_bytes(request, strlen(request));
	json_t *root = json_loads(answer, 0, NULL), *response;

	assert_non_null(root);
	assert_int_equal(json_array_size(json_object_get(root, "responses")), 1);
	response = json_array_get(json_object_get(root, "responses"), 0);
	if (json_object_get(response, "error") == NULL ||
	    strcmp(json_string_value(json_object_get(response, "error")), sentence) != 0)
		fail_msg("%s\n  was answered\n%s\n  instead of\n%s", request, answer, sentence);
	assert_string_equal(json_string_value(json_object_get(response, "command")), command);
	assert_int_equal(did.orders, 0);
	json_decref(root);
	free(answer);
}

/* --- who may --- */

static void assert_permitted(const struct control_rules *r, const char *user, const char *sentence)
{
	char why[CONTROL_SENTENCE_MAX] = "";

	assert_int_equal(control_permits(r, user, why), sentence == NULL);
	assert_string_equal(why, sentence != NULL ? sentence : "");
}

static void users_of_the_list_may_act_and_others_may_not(void **state)
{
	(void)state;
	assert_permitted(&rules, "duty", NULL);
	assert_permitted(&rules, "trực ban", NULL);
	assert_permitted(&rules, "dut",
	                 "user \"dut\" may not act on alarms: add the name to \"alerts.operators\" of the "
	                 "configuration");
	assert_permitted(&rules, "Duty",
	                 "user \"Duty\" may not act on alarms: add the name to \"alerts.operators\" of the "
	                 "configuration");
	assert_permitted(&rules, "*",
	                 "user \"*\" may not act on alarms: add the name to \"alerts.operators\" of the "
	                 "configuration");
}

static void without_a_list_nobody_may_act(void **state)
{
	const struct control_rules nobody = {NULL, 0, false, HOUR_US};

	(void)state;
	assert_permitted(&nobody, "duty",
	                 "user \"duty\" may not act on alarms: add the name to \"alerts.operators\" of the "
	                 "configuration, which has none so far");
}

static void a_star_lets_every_user_with_a_name_act(void **state)
{
	static char *const all[] = {"*"};
	const struct control_rules any = {all, 1, false, HOUR_US};

	(void)state;
	assert_permitted(&any, "anyone", NULL);
	assert_permitted(&any, "",
	                 "this client has no user name: connect with one that is in \"alerts.operators\" of "
	                 "the configuration");
}

static void anonymous_clients_may_act_only_if_the_configuration_says_so(void **state)
{
	const struct control_rules open = {duty, 2, true, HOUR_US};

	(void)state;
	assert_permitted(&rules, NULL,
	                 "this client has no user name: connect with one that is in \"alerts.operators\" of "
	                 "the configuration");
	assert_permitted(&open, NULL, NULL);
	assert_permitted(&open, "", NULL);
	/* Who has a name is judged by it. */
	assert_permitted(&open, "intruder",
	                 "user \"intruder\" may not act on alarms: add the name to \"alerts.operators\" of "
	                 "the configuration");
}

static void a_refusal_is_an_answer_even_of_a_name_that_is_cut(void **state)
{
	char user[130], why[CONTROL_SENTENCE_MAX], *answer;
	json_t *root;

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(user); i += 2)
		memcpy(&user[i], "ự", 2); /* cut inside its third byte */
	user[sizeof(user) - 2] = '\0';
	assert_false(control_permits(&rules, user, why));
	answer = control_refusal(why);
	root = json_loads(answer, 0, NULL);
	assert_non_null(root);
	json_decref(root);
	free(answer);
	answer = control_refusal("no");
	assert_string_equal(answer,
	                    "{\"responses\": [{\"command\": \"Unknown command\", \"error\": \"no\"}]}");
	free(answer);
}

/* --- orders --- */

static void acknowledges_every_alarm_of_a_datastream(void **state)
{
	const struct alarm_order *o = &did.order[0];

	(void)state;
	did.result = 2;
	assert_answer("{\"commands\": [{\"command\": \"acknowledge\", \"station\": \"phu-an\", "
	              "\"property\": \"water_level\"}]}",
	              "{\"responses\": [{\"command\": \"acknowledge\", \"data\": {\"applied\": 2}}]}");
	assert_int_equal(did.orders, 1);
	assert_int_equal(o->action, ACTION_ACKNOWLEDGE);
	assert_string_equal(o->key.station, "phu-an");
	assert_string_equal(o->key.property, "water_level");
	assert_false(o->has_cause || o->has_period);
	assert_string_equal(o->user, "duty");
	assert_string_equal(o->client, "desk-1");
	assert_null(o->reason);
}

static void one_alarm_is_meant_by_cause_and_period(void **state)
{
	(void)state;
	assert_answer(
		"{\"commands\": [{\"command\": \"suppress\", \"station\": \"thu-duc\", \"property\": "
		"\"rainfall\", \"cause\": \"rain\", \"period\": \"1h\", \"reason\": \"gauge is washed\"}]}",
		"{\"responses\": [{\"command\": \"suppress\", \"data\": {\"applied\": 1}}]}");
	assert_int_equal(did.order[0].action, ACTION_SUPPRESS);
	assert_true(did.order[0].has_cause && did.order[0].has_period);
	assert_int_equal(did.order[0].cause, CAUSE_RAIN);
	assert_int_equal(did.order[0].period_us, HOUR_US);
	assert_string_equal(did.reason[0], "gauge is washed");
}

static void shelving_ends_by_the_clock(void **state)
{
	(void)state;
	assert_answer("{\"commands\": [{\"command\": \"shelve\", \"station\": \"a\", \"property\": \"b\", "
	              "\"duration\": \"8h\", \"reason\": \"bảo trì\"}]}",
	              "{\"responses\": [{\"command\": \"shelve\", \"data\": {\"applied\": 1, "
	              "\"shelved_until\": \"2025-11-25T00:00:00Z\"}}]}");
	assert_int_equal(did.order[0].action, ACTION_SHELVE);
	assert_int_equal(did.order[0].until_us, NOW_US + 8 * HOUR_US);
	assert_string_equal(did.reason[0], "bảo trì");
}

static void every_command_is_its_action(void **state)
{
	static const struct {
		const char *name;
		enum alarm_action action;
	} known[] = {
		{"acknowledge", ACTION_ACKNOWLEDGE},
		{"unshelve", ACTION_UNSHELVE},
		{"suppress", ACTION_SUPPRESS},
		{"unsuppress", ACTION_UNSUPPRESS},
		{"in_service", ACTION_IN_SERVICE},
		{"out_of_service", ACTION_OUT_OF_SERVICE},
		{"test", ACTION_TEST},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		char request[200], expected[200];

		snprintf(request, sizeof(request),
		         "{\"commands\": [{\"command\": \"%s\", \"station\": \"a\", \"property\": \"b\", "
		         "\"reason\": \"c\", \"correlationData\": \"%zu\"}]}",
		         known[i].name, i);
		snprintf(expected, sizeof(expected),
		         "{\"responses\": [{\"command\": \"%s\", \"data\": {\"applied\": 1}, "
		         "\"correlationData\": \"%zu\"}]}",
		         known[i].name, i);
		assert_answer(request, expected);
		assert_int_equal(did.order[i].action, known[i].action);
	}
}

static void a_bad_command_keeps_no_other_from_its_due(void **state)
{
	(void)state;
	assert_answer(
		"{\"commands\": [{\"command\": \"test\", \"station\": \"a\", \"property\": \"b\"}, 7, "
		"{\"command\": \"shelf\", \"correlationData\": \"x\"}, "
		"{\"command\": \"test\", \"station\": \"c\", \"property\": \"d\"}]}",
		"{\"responses\": [{\"command\": \"test\", \"data\": {\"applied\": 1}}, "
		"{\"command\": \"Unknown command\", \"error\": \"a command is a number: allowed is an object "
		"such as {\\\"command\\\": \\\"list\\\"}\"}, "
		"{\"command\": \"shelf\", \"error\": \"there is no command \\\"shelf\\\": allowed are "
		"acknowledge, shelve, unshelve, suppress, unsuppress, out_of_service, in_service, test, list\", "
		"\"correlationData\": \"x\"}, "
		"{\"command\": \"test\", \"data\": {\"applied\": 1}}]}");
	assert_int_equal(did.orders, 2);
	assert_string_equal(did.order[1].key.station, "c");
}

static void says_why_an_order_could_not_be_carried_out(void **state)
{
	static const struct {
		const char *command, *more;
		int error;
		const char *sentence;
	} cases[] = {
		{"acknowledge", "", -ENOENT,
	         "there is no alarm a/b: {\"command\": \"list\"} shows those there are; one begins with a "
	         "threshold in highwater.threshold"},
		{"acknowledge", ", \"cause\": \"rain\", \"period\": \"1h\"", -ENOENT,
	         "there is no alarm a/b, cause rain, period 3600s: {\"command\": \"list\"} shows those there "
	         "are; one begins with a threshold in highwater.threshold"},
		{"acknowledge", "", -EALREADY,
	         "a/b has nothing to acknowledge: no incident is open, or somebody has seen to it"},
		{"unshelve", "", -EALREADY, "a/b is not shelved"},
		{"suppress", ", \"reason\": \"x\"", -EALREADY, "a/b is suppressed already"},
		{"unsuppress", "", -EALREADY, "a/b is not suppressed"},
		{"out_of_service", ", \"reason\": \"x\"", -EALREADY, "a/b is out of service already"},
		{"in_service", "", -EALREADY, "a/b is not out of service"},
		{"test", "", -ENOBUFS,
	         "a/b: memory is short, nothing was done: send the command again later"},
		{"test", "", -EIO, "a/b: nothing was done: Input/output error"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char request[256];

		snprintf(request, sizeof(request),
		         "{\"commands\": [{\"command\": \"%s\", \"station\": \"a\", \"property\": \"b\"%s}]}",
		         cases[i].command, cases[i].more);
		did.result = cases[i].error;
		did.orders = 0;
		char *answer = ask_bytes(request, strlen(request));
		json_t *root = json_loads(answer, 0, NULL);
		json_t *response = json_array_get(json_object_get(root, "responses"), 0);

		assert_string_equal(json_string_value(json_object_get(response, "error")), cases[i].sentence);
		assert_string_equal(json_string_value(json_object_get(response, "command")),
		                    cases[i].command);
		assert_int_equal(did.orders, 1);
		json_decref(root);
		free(answer);
	}
}

/* --- requests that are refused --- */

static void refuses_what_is_no_request(void **state)
{
	static const char *const cases[][2] = {
		{"", "the request has 0 bytes: allowed are 1 to 65536"},
		{"{",
	         "the request is not JSON: line 1, column 2: the text ends where a member's name in quotes "
	         "should follow"},
		{"acknowledge",
	         "the request is not JSON: line 1, column 1: acknowledge where a value should be"},
		{"{\"commands\":\n[]} x",
	         "the request is not JSON: line 2, column 5: x where the end of the text should be"},
		{"{\"commands\": [\"\\u0000\"]}",
	         "the request is not JSON: line 1, column 16: \\u0000 is not allowed"},
		{"\x80", "the request is not UTF-8 text: its byte 1 is 0x80"},
		{"{\"commands\": [{\"command\": \"\xc3\"}]}",
	         "the request is not UTF-8 text: its byte 28 is 0xc3"},
		{"{\"commands\": [], \"commands\": []}", "\"commands\" stands twice: make one list of them"},
		{"[]", "the request is an array: allowed is an object, {\"commands\": [{\"command\": "
	               "\"list\"}]}"},
		{"{}", "a request without \"commands\": send {\"commands\": [{\"command\": \"list\"}]}"},
		{"{\"command\": \"list\"}", "the request has no member \"command\": allowed is \"commands\""},
		{"{\"commands\": [{\"command\": \"list\"}], \"\": 1}",
	         "the request has no member \"\": allowed is \"commands\""},
		{"{\"commands\": {\"command\": \"list\"}}",
	         "\"commands\" is an object: allowed is a list of objects"},
		{"{\"commands\": null}", "\"commands\" is null: allowed is a list of objects"},
		{"{\"commands\": []}",
	         "\"commands\" has 0 commands: allowed are 1 to 100, and none was carried out"},
		{"{\"commands\": [[]]}",
	         "a command is an array: allowed is an object such as {\"command\": \"list\"}"},
		{"{\"commands\": [null]}",
	         "a command is null: allowed is an object such as {\"command\": \"list\"}"},
		{"{\"commands\": [{}]}",
	         "a command without \"command\": add one of acknowledge, shelve, unshelve, suppress, "
	         "unsuppress, out_of_service, in_service, test, list"},
		{"{\"commands\": [{\"command\": 5}]}",
	         "a command without \"command\": add one of acknowledge, shelve, unshelve, suppress, "
	         "unsuppress, out_of_service, in_service, test, list"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(cases[i][0], "Unknown command", cases[i][1]);
}

#define DATASTREAM "\"station\": \"a\", \"property\": \"b\""

static void refuses_commands_that_are_not_as_they_should_be(void **state)
{
	static const char *const cases[][3] = {
		{"list", "\"correlationData\": 7", "\"correlationData\" is 7: allowed is a string"},
		{"acknowledge", "\"property\": \"b\"", "\"acknowledge\" without \"station\": add it"},
		{"acknowledge", "\"station\": \"a\"", "\"acknowledge\" without \"property\": add it"},
		{"shelve", DATASTREAM ", \"reason\": \"c\"", "\"shelve\" without \"duration\": add it"},
		{"shelve", DATASTREAM ", \"duration\": \"1h\"", "\"shelve\" without \"reason\": add it"},
		{"suppress", DATASTREAM, "\"suppress\" without \"reason\": add it"},
		{"out_of_service", DATASTREAM, "\"out_of_service\" without \"reason\": add it"},
		{"acknowledge", DATASTREAM ", \"duration\": \"1h\"",
	         "\"acknowledge\" has no member \"duration\": allowed are command, station, property, cause, "
	         "period, reason, correlationData"},
		{"test", DATASTREAM ", \"cause\": \"rain\"",
	         "\"test\" has no member \"cause\": allowed are command, station, property, reason, "
	         "correlationData"},
		{"list", "\"reason\": \"c\"",
	         "\"list\" has no member \"reason\": allowed are command, station, property, cause, period, "
	         "state, count, offset, correlationData"},
		{"list", "\"Station\": \"a\"",
	         "\"list\" has no member \"Station\": allowed are command, station, property, cause, period, "
	         "state, count, offset, correlationData"},
		{"list", "\"station\": \"\"",
	         "\"station\" is \"\": allowed is a station's code, 1 to 64 bytes without control characters"},
		{"list", "\"station\": 7",
	         "\"station\" is 7: allowed is a station's code, 1 to 64 bytes without control characters"},
		{"list", "\"station\": 7.5",
	         "\"station\" is 7.5: allowed is a station's code, 1 to 64 bytes without control "
	         "characters"},
		{"list", "\"station\": [\"a\"]",
	         "\"station\" is an array: allowed is a station's code, 1 to 64 bytes without control "
	         "characters"},
		{"list", "\"station\": \"a\\nb\"",
	         "\"station\" is \"a\nb\": allowed is a station's code, 1 to 64 bytes without control "
	         "characters"},
		{"list",
	         "\"station\": "
	         "\"ựựựựựựựựựựựựựựựựựựựựựựựựự\"",
	         "\"station\" is \"ựựựựựựựựựựựựựựựựựựựự…\": allowed is a station's code, 1 to 64 bytes "
	         "without control characters"},
		{"list", "\"property\": true",
	         "\"property\" is true: allowed is a property such as \"water_level\", 1 to 40 bytes"},
		{"list", "\"property\": \"0123456789012345678901234567890123456789x\"",
	         "\"property\" is \"0123456789012345678901234567890123456789x\": allowed is a property such "
	         "as \"water_level\", 1 to 40 bytes"},
		{"list", "\"cause\": \"flood\"",
	         "\"cause\" is \"flood\": allowed is one of threshold, rate, rain, stale, dead, "
	         "sensor_error, low_battery, projection, group, upstream"},
		{"list", "\"cause\": \"test\"",
	         "\"cause\" is \"test\": allowed is one of threshold, rate, rain, stale, dead, sensor_error, "
	         "low_battery, projection, group, upstream"},
		{"list", "\"cause\": null",
	         "\"cause\" is null: allowed is one of threshold, rate, rain, stale, dead, sensor_error, "
	         "low_battery, projection, group, upstream"},
		{"list", "\"period\": \"0\"",
	         "\"period\" is \"0\": allowed is the alarm's period, such as \"1h\""},
		{"list", "\"period\": \"-1h\"",
	         "\"period\" is \"-1h\": allowed is the alarm's period, such as \"1h\""},
		{"list", "\"period\": 3600",
	         "\"period\" is 3600: allowed is the alarm's period, such as \"1h\""},
		{"list", "\"state\": \"open\"",
	         "\"state\" is \"open\": allowed is one of any, active, unacknowledged, normal, shelved, "
	         "suppressed, out_of_service"},
		{"list", "\"state\": {}",
	         "\"state\" is an object: allowed is one of any, active, unacknowledged, normal, shelved, "
	         "suppressed, out_of_service"},
		{"list", "\"count\": 0",
	         "\"count\" is 0: allowed is a whole number from 1 to 100; \"offset\" leads on"},
		{"list", "\"count\": 101",
	         "\"count\" is 101: allowed is a whole number from 1 to 100; \"offset\" leads on"},
		{"list", "\"count\": 1.5",
	         "\"count\" is 1.5: allowed is a whole number from 1 to 100; \"offset\" leads on"},
		{"list", "\"count\": 1e999",
	         "\"count\" is 1e999: allowed is a whole number from 1 to 100; \"offset\" leads on"},
		{"list", "\"count\": 1, \"count\": 2", "\"count\" stands twice in \"list\": remove one"},
		{"list", "\"command\": \"list\"", "\"command\" stands twice in \"list\": remove one"},
		{"list", "\"offset\": -1",
	         "\"offset\" is -1: allowed is a whole number, 0 for the first alarm"},
		{"list", "\"offset\": 1000000001",
	         "\"offset\" is 1000000001: allowed is a whole number, 0 for the first alarm"},
		{"acknowledge", DATASTREAM ", \"reason\": \"\"",
	         "\"reason\" is \"\": allowed is a text of 1 to 200 bytes without control characters"},
		{"acknowledge", DATASTREAM ", \"reason\": \"a\\u007fb\"",
	         "\"reason\" is \"a\x7f"
	         "b\": allowed is a text of 1 to 200 bytes without control characters"},
		{"acknowledge", DATASTREAM ", \"reason\": null",
	         "\"reason\" is null: allowed is a text of 1 to 200 bytes without control characters"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char request[1024];

		snprintf(request, sizeof(request), "{\"commands\": [{\"command\": \"%s\", %s}]}", cases[i][0],
		         cases[i][1]);
		assert_refused(request, cases[i][0], cases[i][2]);
	}
}

static void shelves_for_no_longer_than_the_configuration_allows(void **state)
{
	static const char *const bad[] = {"\"28801s\"", "\"9h\"",  "\"1d\"",       "\"999ms\"",
	                                  "\"0\"",      "\"-1h\"", "\"for ever\"", "3600"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char request[256], sentence[256];

		snprintf(request, sizeof(request),
		         "{\"commands\": [{\"command\": \"shelve\", " DATASTREAM
		         ", \"reason\": \"c\", \"duration\": %s}]}",
		         bad[i]);
		snprintf(sentence, sizeof(sentence),
		         "\"duration\" is %s: allowed is a duration such as \"30m\", from \"1s\" to \"8h\" "
		         "(\"alerts.shelve_max\" of the configuration)",
		         bad[i]);
		assert_refused(request, "shelve", sentence);
	}
}

static void the_longest_shelving_is_told_in_its_own_unit(void **state)
{
	static const char request[] = "{\"commands\": [{\"command\": \"shelve\", " DATASTREAM
				      ", \"reason\": \"c\", \"duration\": \"2d\"}]}";
	const struct control_request q = {request, strlen(request), "duty", "desk-1", NOW_US};
	const struct {
		int64_t us;
		const char *text;
	} cases[] = {{90 * INT64_C(60000000), "to \\\"90m\\\""}, {61 * INT64_C(1000000), "to \\\"61s\\\""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct control_rules r = {duty, 2, false, cases[i].us};
		char *answer = control_answer(&r, &q, &hands);

		assert_non_null(strstr(answer, cases[i].text));
		free(answer);
	}
}

static void refuses_a_request_that_is_too_large_and_takes_the_largest(void **state)
{
	static const char list[] = "{\"commands\": [{\"command\": \"list\"}]}";
	char *text = malloc(CONTROL_REQUEST_MAX + 1), *answer;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', CONTROL_REQUEST_MAX + 1);
	memcpy(text, list, strlen(list));
	answer = ask_bytes(text, CONTROL_REQUEST_MAX + 1);
	assert_string_equal(answer,
	                    "{\"responses\": [{\"command\": \"Unknown command\", \"error\": \"the request "
	                    "has 65537 bytes: allowed are 1 to 65536\"}]}");
	free(answer);
	answer = ask_bytes(text, CONTROL_REQUEST_MAX);
	assert_string_equal(answer, "{\"responses\": [{\"command\": \"list\", \"data\": {\"alarms\": [], "
	                            "\"totalCount\": 0}}]}");
	free(answer);
	free(text);
}

/* How many tests of a/b a request of count commands has, within the bytes of the longest. */
static void ask_many(size_t count, const char *element, char *text)
{
	char *at = stpcpy(text, "{\"commands\":[");

	for (size_t i = 0; i < count; i++)
		at = stpcpy(stpcpy(at, i > 0 ? "," : ""), element);
	strcpy(at, "]}");
}

static void refuses_more_commands_than_it_says_and_does_none(void **state)
{
	static const char element[] = "{\"command\":\"test\",\"station\":\"a\",\"property\":\"b\"}";
	char *text = malloc(CONTROL_REQUEST_MAX), *answer;

	(void)state;
	assert_non_null(text);
	ask_many(CONTROL_COMMANDS_MAX + 1, element, text);
	assert_refused(text, "Unknown command",
	               "\"commands\" has 101 commands: allowed are 1 to 100, and none was carried out");
	ask_many(10000, "7", text);
	assert_refused(text, "Unknown command",
	               "\"commands\" has 10000 commands: allowed are 1 to 100, and none was carried out");
	ask_many(CONTROL_COMMANDS_MAX, element, text);
	answer = ask_bytes(text, strlen(text));
	assert_int_equal(did.orders, CONTROL_COMMANDS_MAX);
	free(answer);
	free(text);
}

static void refuses_depth_without_reading_on(void **state)
{
	char *deep = malloc(CONTROL_REQUEST_MAX), *answer;

	(void)state;
	assert_non_null(deep);
	memset(deep, '[', CONTROL_REQUEST_MAX);
	answer = ask_bytes(deep, CONTROL_REQUEST_MAX);
	assert_string_equal(answer,
	                    "{\"responses\": [{\"command\": \"Unknown command\", \"error\": \"the request "
	                    "is not JSON: line 1, column 65: more than 64 levels of arrays and "
	                    "objects\"}]}");
	free(answer);
	free(deep);
}

static void an_answer_carries_what_was_sent_with_its_escapes(void **state)
{
	(void)state;
	assert_answer(
		"{\"commands\": [{\"command\": \"a\\\"\\\\\\u00e9\\n\", \"correlationData\": \"\\\"x\"}]}",
		"{\"responses\": [{\"command\": \"a\\\"\\\\\\u00e9\\n\", \"error\": \"there is no command "
		"\\\"a\\\"\\\\é\\u000a\\\": allowed are acknowledge, shelve, unshelve, suppress, "
		"unsuppress, out_of_service, in_service, test, list\", \"correlationData\": \"\\\"x\"}]}");
}

/* --- lists --- */

static const struct datastream_key phu_an = {"phu-an", "water_level"}, nha_be = {"nha-be", "water_level"},
				   rain_gauge = {"phu-an", "rainfall"};

static const struct control_alarm alarms[] = {
	{.key = &phu_an, .cause = CAUSE_THRESHOLD, .level = 2},
	{.key = &phu_an, .cause = CAUSE_STALE, .shelved_until_us = NOW_US + 1},
	{.key = &nha_be, .cause = CAUSE_THRESHOLD, .level = -1, .acknowledged = true},
	{.key = &rain_gauge, .cause = CAUSE_RAIN, .period_us = HOUR_US, .suppressed = true},
	{.key = &rain_gauge, .cause = CAUSE_RAIN, .period_us = 24 * HOUR_US, .out_of_service = true},
};

/* expected: which of the alarms, as digits, and how many there are in all. */
static void assert_listed(const char *members, const char *expected, size_t total)
{
	char request[256], answer[1024], tail[64];
	char *at;

	did.alarms = alarms;
	did.alarm_count = ARRAY_SIZE(alarms);
	did.statuses = 0;
	snprintf(request, sizeof(request), "{\"commands\": [{\"command\": \"list\"%s}]}", members);
	at = stpcpy(answer, "{\"responses\": [{\"command\": \"list\", \"data\": {\"alarms\": [");
	for (size_t i = 0; expected[i] != '\0'; i++) {
		const struct control_alarm *a = &alarms[expected[i] - '0'];

		at = stpcpy(stpcpy(at, i > 0 ? ", " : ""), "{\"station\": \"");
		at = stpcpy(stpcpy(at, a->key->station), "\", \"cause\": \"");
		at = stpcpy(stpcpy(at, threshold_cause_name(a->cause)), "\"}");
	}
	snprintf(tail, sizeof(tail), "], \"totalCount\": %zu}}]}", total);
	strcpy(at, tail);
	assert_answer(request, answer);
	/* Those that are not shown cost nothing. */
	assert_int_equal(did.statuses, strlen(expected));
}

static void lists_what_is_asked_for(void **state)
{
	(void)state;
	assert_listed("", "01234", 5);
	assert_listed(", \"state\": \"any\"", "01234", 5);
	assert_listed(", \"state\": \"active\"", "02", 2);
	assert_listed(", \"state\": \"unacknowledged\"", "0", 1);
	assert_listed(", \"state\": \"normal\"", "134", 3);
	assert_listed(", \"state\": \"shelved\"", "1", 1);
	assert_listed(", \"state\": \"suppressed\"", "3", 1);
	assert_listed(", \"state\": \"out_of_service\"", "4", 1);
	assert_listed(", \"station\": \"phu-an\"", "0134", 4);
	assert_listed(", \"station\": \"phu-an\", \"property\": \"water_level\"", "01", 2);
	assert_listed(", \"property\": \"water_level\", \"state\": \"active\"", "02", 2);
	assert_listed(", \"cause\": \"rain\"", "34", 2);
	assert_listed(", \"cause\": \"rain\", \"period\": \"1d\"", "4", 1);
	assert_listed(", \"station\": \"nowhere\"", "", 0);
}

static void lists_a_page_at_a_time_and_tells_how_many_there_are(void **state)
{
	(void)state;
	assert_listed(", \"count\": 2", "01", 5);
	assert_listed(", \"count\": 2, \"offset\": 2", "23", 5);
	assert_listed(", \"offset\": 4, \"count\": 2", "4", 5);
	assert_listed(", \"offset\": 5", "", 5);
	assert_listed(", \"cause\": \"rain\", \"offset\": 1, \"count\": 1", "4", 2);
}

static void a_list_has_a_hundred_alarms_at_most(void **state)
{
	struct control_alarm many[3 * CONTROL_LIST_MAX];
	static const char request[] = "{\"commands\": [{\"command\": \"list\"}]}";
	char *answer;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = alarms[0];
	did.alarms = many;
	did.alarm_count = ARRAY_SIZE(many);
	answer = ask_bytes(request, strlen(request));
	assert_int_equal(did.statuses, CONTROL_LIST_MAX);
	assert_non_null(strstr(answer, "\"totalCount\": 300}"));
	free(answer);
}

static void a_request_has_one_list(void **state)
{
	(void)state;
	assert_answer("{\"commands\": [{\"command\": \"list\"}, {\"command\": \"list\", \"correlationData\": "
	              "\"2\"}]}",
	              "{\"responses\": [{\"command\": \"list\", \"data\": {\"alarms\": [], \"totalCount\": "
	              "0}}, {\"command\": \"list\", \"error\": \"a second list in one request: send it in a "
	              "request of its own\", \"correlationData\": \"2\"}]}");
}

static void orders_of_a_list_are_none(void **state)
{
	(void)state;
	assert_listed(", \"station\": \"phu-an\"", "0134", 4);
	assert_int_equal(did.orders, 0);
}

/* --- memory --- */

static void a_status_without_memory_is_no_answer(void **state)
{
	static const char request[] = "{\"commands\": [{\"command\": \"list\"}]}";

	(void)state;
	did.alarms = alarms;
	did.alarm_count = ARRAY_SIZE(alarms);
	did.no_memory = true;
	assert_null(ask_bytes(request, strlen(request)));
	assert_int_equal(did.statuses, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(users_of_the_list_may_act_and_others_may_not, forget),
		cmocka_unit_test_setup(without_a_list_nobody_may_act, forget),
		cmocka_unit_test_setup(a_star_lets_every_user_with_a_name_act, forget),
		cmocka_unit_test_setup(anonymous_clients_may_act_only_if_the_configuration_says_so, forget),
		cmocka_unit_test_setup(a_refusal_is_an_answer_even_of_a_name_that_is_cut, forget),
		cmocka_unit_test_setup(acknowledges_every_alarm_of_a_datastream, forget),
		cmocka_unit_test_setup(one_alarm_is_meant_by_cause_and_period, forget),
		cmocka_unit_test_setup(shelving_ends_by_the_clock, forget),
		cmocka_unit_test_setup(every_command_is_its_action, forget),
		cmocka_unit_test_setup(a_bad_command_keeps_no_other_from_its_due, forget),
		cmocka_unit_test_setup(says_why_an_order_could_not_be_carried_out, forget),
		cmocka_unit_test_setup(refuses_what_is_no_request, forget),
		cmocka_unit_test_setup(refuses_commands_that_are_not_as_they_should_be, forget),
		cmocka_unit_test_setup(shelves_for_no_longer_than_the_configuration_allows, forget),
		cmocka_unit_test_setup(the_longest_shelving_is_told_in_its_own_unit, forget),
		cmocka_unit_test_setup(refuses_a_request_that_is_too_large_and_takes_the_largest, forget),
		cmocka_unit_test_setup(refuses_more_commands_than_it_says_and_does_none, forget),
		cmocka_unit_test_setup(refuses_depth_without_reading_on, forget),
		cmocka_unit_test_setup(an_answer_carries_what_was_sent_with_its_escapes, forget),
		cmocka_unit_test_setup(lists_what_is_asked_for, forget),
		cmocka_unit_test_setup(lists_a_page_at_a_time_and_tells_how_many_there_are, forget),
		cmocka_unit_test_setup(a_list_has_a_hundred_alarms_at_most, forget),
		cmocka_unit_test_setup(a_request_has_one_list, forget),
		cmocka_unit_test_setup(orders_of_a_list_are_none, forget),
		cmocka_unit_test_setup(a_status_without_memory_is_no_answer, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
