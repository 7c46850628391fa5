#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config.h"
#include "config_cap.h"

#include <errno.h>
#include <stdio.h>

static char message[CONFIG_MESSAGE_SIZE];

/* The value of the member "cap" in a file of its own. */
static int read_cap(const char *value, struct cap_config **ret)
{
	static char text[70000];
	const struct config_file file = {"f", text, message, sizeof(message)};
	struct config_member member;
	struct json_items items;
	struct json_slice root;

	message[0] = '\0';
	assert_true(snprintf(text, sizeof(text), "{\"cap\": %s}", value) < (int)sizeof(text));
	if (config_line_check(&file, strlen(text), &root) != 0)
		fail_msg("%s", message);
	items = json_slice_items(root);
	assert_true(json_slice_member(&items, &member.name, &member.value));
	return config_cap_read(&file, &member, ret);
}

static struct cap_config *taken(const char *value)
{
	struct cap_config *c = NULL;

	if (read_cap(value, &c) != 0)
		fail_msg("%s", message);
	assert_non_null(c);
	return c;
}

static void assert_refused(const char *value, const char *expected)
{
	struct cap_config *c = NULL;

	if (read_cap(value, &c) != -EINVAL)
		fail_msg("%s was taken", value);
	assert_null(c);
	assert_string_equal(message, expected);
}

/* A member beside a good sender. */
static void assert_member_refused(const char *member, const char *expected)
{
	char value[4096];

	snprintf(value, sizeof(value), "{\"sender\": \"a@b\", %s}", member);
	assert_refused(value, expected);
}

static void a_sender_is_enough(void **state)
{
	struct cap_config *c = taken("{\"sender\": \"highwater@example.org\"}");

	(void)state;
	assert_string_equal(c->sender, "highwater@example.org");
	assert_string_equal(c->status, "Test");
	assert_string_equal(c->scope, "Restricted");
	assert_string_equal(c->restriction, "For duty officers, not for publication");
	assert_null(c->addresses);
	assert_null(c->note);
	assert_null(c->sender_name);
	assert_null(c->web);
	assert_null(c->contact);
	assert_true(c->radius_km == 0.5);
	assert_int_equal(c->utc_offset_min, 0);
	assert_int_equal(c->expires_us, 0);
	assert_int_equal(c->language_count, 2);
	assert_string_equal(c->languages[0].tag, "vi-VN");
	assert_string_equal(c->languages[1].tag, "en-US");
	cap_config_free(c);
}

static void reads_every_key(void **state)
{
	struct cap_config *c = taken(
		"{\"sender\": \"s@x\", \"status\": \"Exercise\", \"scope\": \"Private\", \"addresses\": \"a b\", "
		"\"note\": \"n\", \"radius\": \"1.5km\", \"utc_offset\": \"-03:30\", \"expires\": \"12h\", "
		"\"sender_name\": \"Trung tâm\", \"web\": \"https://x.org/a?b=%20#c\", \"contact\": \"115\", "
		"\"languages\": {\"th\": {\"event\": \"{name} {{x}}\", \"sensor_event\": \"s\", "
		"\"test_headline\": \"\"}}}");

	(void)state;
	assert_string_equal(c->status, "Exercise");
	assert_string_equal(c->scope, "Private");
	assert_null(c->restriction);
	assert_string_equal(c->addresses, "a b");
	assert_string_equal(c->note, "n");
	assert_true(c->radius_km == 1.5);
	assert_int_equal(c->utc_offset_min, -210);
	assert_int_equal(c->expires_us, INT64_C(43200000000));
	assert_string_equal(c->sender_name, "Trung tâm");
	assert_string_equal(c->web, "https://x.org/a?b=%20#c");
	assert_string_equal(c->contact, "115");
	assert_int_equal(c->language_count, 1);
	assert_string_equal(c->languages[0].tag, "th");
	assert_string_equal(c->languages[0].text[CAP_EVENT], "{name} {{x}}");
	assert_string_equal(c->languages[0].text[CAP_TEST_HEADLINE], "");
	assert_null(c->languages[0].text[CAP_HEADLINE]);
	cap_config_free(c);
}

static void a_radius_has_metres_kilometres_or_is_a_number(void **state)
{
	static const struct {
		const char *text;
		double km;
	} cases[] = {{"\"500m\"", 0.5}, {"\"0m\"", 0}, {"2", 2}, {"0.25", 0.25}, {"\"1000km\"", 1000}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char value[100];
		struct cap_config *c;

		snprintf(value, sizeof(value), "{\"sender\": \"a@b\", \"radius\": %s}", cases[i].text);
		c = taken(value);
		assert_true(c->radius_km == cases[i].km);
		cap_config_free(c);
	}
}

#define RADIUS "allowed is a radius such as \"500m\" or \"2km\", or a number of kilometres, at most 1000 km"

static void refuses_a_radius_that_is_none(void **state)
{
	static const char *const bad[] = {"\"500\"",  "\"-5m\"", "\"m\"", "\"\"", "\".5km\"", "\"5.km\"",
	                                  "\"1e3m\"", "1001",    "-1",    "null", "\"1 km\"", "\"1.2.3km\""};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char member[100], expected[300];

		snprintf(member, sizeof(member), "\"radius\": %s", bad[i]);
		snprintf(expected, sizeof(expected), "f:1: \"radius\" is %s: " RADIUS, bad[i]);
		assert_member_refused(member, expected);
	}
}

static void refuses_senders_that_references_could_not_hold(void **state)
{
	static const char *const bad[] = {"\"\"", "\"a b\"", "\"a,b\"", "\"a<b\"", "\"a&b\"", "5"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char value[100], expected[300];

		snprintf(value, sizeof(value), "{\"sender\": %s}", bad[i]);
		snprintf(expected, sizeof(expected),
		         "f:1: \"sender\" is %s: allowed is an address of the sender such as "
		         "\"highwater@example.org\": no space, comma, < or &, 1 to 500 bytes",
		         bad[i]);
		assert_refused(value, expected);
	}
	assert_refused("{}", "f:1: \"cap\" has no \"sender\": add one such as \"highwater@example.org\"");
	assert_refused("[]", "f:1: \"cap\" is an array: allowed is an object, { … }");
}

static void scope_asks_for_what_belongs_to_it(void **state)
{
	(void)state;
	assert_member_refused("\"scope\": \"Private\"",
	                      "f:1: \"cap\" has scope \"Private\" and no \"addresses\": add them");
	assert_member_refused("\"scope\": \"Public\", \"restriction\": \"x\"",
	                      "f:1: \"cap\" has a \"restriction\" and scope \"Public\": remove it, or make "
	                      "the scope \"Restricted\"");
	assert_member_refused("\"scope\": \"public\"", "f:1: \"scope\" is \"public\": allowed is \"Public\", "
	                                               "\"Restricted\" or \"Private\"");
	assert_member_refused("\"status\": \"Real\"",
	                      "f:1: \"status\" is \"Real\": allowed is \"Actual\", \"Exercise\", "
	                      "\"System\", \"Test\" or \"Draft\"");
}

static void refuses_other_values_with_what_is_allowed(void **state)
{
	static const char *const offsets[] = {"\"7\"",      "\"+7:00\"",  "\"+14:01\"",
	                                      "\"+07:60\"", "\"07:00 \"", "7"};
	static const char *const webs[] = {"\"example.org\"",   "\"http://\"",      "\"https://a b\"",
	                                   "\"https://a#b#c\"", "\"https://a/%2\"", "\"https://?\"",
	                                   "\"https://a|b\""};
	char member[100], expected[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		snprintf(member, sizeof(member), "\"utc_offset\": %s", offsets[i]);
		snprintf(expected, sizeof(expected),
		         "f:1: \"utc_offset\" is %s: allowed is an offset from UTC such as \"+07:00\", from "
		         "\"-14:00\" to \"+14:00\"",
		         offsets[i]);
		assert_member_refused(member, expected);
	}
	for (size_t i = 0; i < ARRAY_SIZE(webs); i++) {
		snprintf(member, sizeof(member), "\"web\": %s", webs[i]);
		snprintf(expected, sizeof(expected),
		         "f:1: \"web\" is %s: allowed is an address such as \"https://example.org/flood\"",
		         webs[i]);
		assert_member_refused(member, expected);
	}
	assert_member_refused("\"expires\": \"59s\"",
	                      "f:1: \"expires\" is \"59s\": allowed is a duration from "
	                      "\"1m\" to \"30d\", such as \"12h\"");
	assert_member_refused("\"contact\": \"\"",
	                      "f:1: \"contact\" is \"\": allowed is a text of 1 to 500 bytes");
	assert_member_refused("\"note\": \"a\\u0007\"",
	                      "f:1: \"note\" is \"a\\u0007\": allowed is a text of 1 to 500 bytes");
	assert_member_refused("\"sendr\": \"x\"",
	                      "f:1: \"cap\" has no key \"sendr\": did you mean \"sender\"?");
}

static void refuses_languages_that_cannot_be(void **state)
{
	(void)state;
	assert_member_refused("\"languages\": {}",
	                      "f:1: \"languages\" is empty: add one, or remove the key for "
	                      "vi-VN and en-US");
	assert_member_refused("\"languages\": [\"vi\"]",
	                      "f:1: \"languages\" is an array: allowed is an object, {\"vi-VN\": "
	                      "{\"event\": …}, …}");
	assert_member_refused("\"languages\": {\"vi_VN\": {}}",
	                      "f:1: \"vi_VN\" is no language: allowed are tags such as \"vi-VN\"");
	assert_member_refused("\"languages\": {\"1vi\": {}}",
	                      "f:1: \"1vi\" is no language: allowed are tags such as \"vi-VN\"");
	assert_member_refused("\"languages\": {\"vi-\": {}}",
	                      "f:1: \"vi-\" is no language: allowed are tags such as \"vi-VN\"");
	assert_member_refused("\"languages\": {\"\": {}}",
	                      "f:1: \"\" is no language: allowed are tags such as \"vi-VN\"");
	assert_member_refused("\"languages\": {\"en\": {}, \"EN\": {}}",
	                      "f:1: language \"EN\" stands twice: remove one");
	assert_member_refused(
		"\"languages\": {\"th\": {\"event\": \"x\"}}",
		"f:1: language \"th\" has no \"sensor_event\": add it, since only Vietnamese and "
		"English have built-in texts");
	assert_member_refused("\"languages\": {\"vi\": {\"evnt\": \"x\"}}",
	                      "f:1: \"vi\" has no key \"evnt\": did you mean \"event\"?");
	assert_member_refused("\"languages\": {\"vi\": {\"event\": \"\"}}",
	                      "f:1: \"event\" is \"\": allowed is a text of 1 to 2000 bytes");
}

#define ALLOWED                                                                                            \
	"allowed are {name} {station} {property} {cause} {level} {level_name} {value} {unit} {threshold} " \
	"{phenomenon_time} {projected_time} {projected_level_name} {peak}, and {{ }} for braces"

static void refuses_placeholders_that_do_not_exist(void **state)
{
	(void)state;
	assert_member_refused("\"languages\": {\"vi\": {\"headline\": \"{name}: {levle}, x\"}}",
	                      "f:1: \"headline\" of \"vi\" has \"{levle}\": " ALLOWED);
	assert_member_refused("\"languages\": {\"vi\": {\"headline\": \"100 {\"}}",
	                      "f:1: \"headline\" of \"vi\" has \"{\": " ALLOWED);
	assert_member_refused("\"languages\": {\"vi\": {\"headline\": \"a } b\"}}",
	                      "f:1: \"headline\" of \"vi\" has \"}\": " ALLOWED);
}

static void takes_as_many_languages_as_it_says(void **state)
{
	char value[8192] = "{\"sender\": \"a@b\", \"languages\": {", whole[8300];
	struct cap_config *c;

	(void)state;
	for (int i = 0; i < CAP_LANGUAGES_MAX; i++) {
		size_t used = strlen(value);

		snprintf(value + used, sizeof(value) - used, "%s\"en-x%d\": {\"normal\": \"ok\"}",
		         i > 0 ? ", " : "", i);
	}
	snprintf(whole, sizeof(whole), "%s}}", value);
	c = taken(whole);
	assert_int_equal(c->language_count, CAP_LANGUAGES_MAX);
	cap_config_free(c);
	snprintf(whole, sizeof(whole), "%s, \"vi\": {}}}", value);
	assert_refused(whole, "f:1: more than 16 languages");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sender_is_enough),
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(a_radius_has_metres_kilometres_or_is_a_number),
		cmocka_unit_test(refuses_a_radius_that_is_none),
		cmocka_unit_test(refuses_senders_that_references_could_not_hold),
		cmocka_unit_test(scope_asks_for_what_belongs_to_it),
		cmocka_unit_test(refuses_other_values_with_what_is_allowed),
		cmocka_unit_test(refuses_languages_that_cannot_be),
		cmocka_unit_test(refuses_placeholders_that_do_not_exist),
		cmocka_unit_test(takes_as_many_languages_as_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
