#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decode_flat.h"
#include "decode_json.h"
#include "utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What the sink was told, as one text: "value water_level 1.53 @1000000 [m]; reject …; ignored …; ". */
struct heard {
	char text[8192];
	size_t length;
	enum reject reason; /* of the last reject */
	char detail[DECODE_DETAIL_MAX + 1];
	size_t values, rejects, ignored;
};

static void printf_like(2, 3) hear(struct heard *h, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (h->length < sizeof(h->text))
		h->length += (size_t)vsnprintf(h->text + h->length, sizeof(h->text) - h->length, fmt, args);
	va_end(args);
}

static void on_value(void *context, const struct decode_value *v)
{
	struct heard *h = context;

	assert_true(isfinite(v->value));
	h->values++;
	hear(h, "value %s %.17g", v->property->code, v->value);
	if (v->has_time)
		hear(h, " @%lld", (long long)v->time_us);
	if (v->unit)
		hear(h, " [%s]", v->unit);
	hear(h, "; ");
}

static void on_reject(void *context, enum reject reason, const char *property, const char *detail)
{
	struct heard *h = context;
	size_t length = strlen(detail);

	assert_in_range(length, 1, DECODE_DETAIL_MAX);
	assert_int_equal(utf8_prefix(detail, length), length);
	for (const char *p = detail; *p; p++)
		assert_true((unsigned char)*p >= 0x20 && *p != 0x7F);
	h->rejects++;
	h->reason = reason;
	memcpy(h->detail, detail, length + 1);
	hear(h, "reject %s %s; ", reject_name(reason), property ? property : "-");
}

static void on_ignored(void *context, const char *member)
{
	struct heard *h = context;

	h->ignored++;
	hear(h, "ignored %s; ", member);
}

/* Both ways, which must not differ in a word. */
static struct heard decode(const char *property, const void *payload, size_t length)
{
	struct heard h = {.reason = REJECT_NONE}, checked = {.reason = REJECT_NONE};
	const struct decode_sink sink = {&h, on_value, on_reject, on_ignored},
				 checked_sink = {&checked, on_value, on_reject, on_ignored};
	/* Of exactly its size, so that ASan sees a byte read too many. */
	void *copy = malloc(length ? length : 1);
	struct decode_input in = {.payload = copy,
	                          .length = length,
	                          .property = property,
	                          .property_length = property ? strlen(property) : 0,
	                          .properties = property_builtin,
	                          .property_count = property_builtin_count};

	assert_non_null(copy);
	memcpy(copy, payload, length);
	assert_int_equal(decode_json(&in, &sink), 0);
	assert_int_equal(decode_json_checked(&in, &checked_sink), 0);
	free(copy);
	assert_string_equal(h.text, checked.text);
	assert_string_equal(h.detail, checked.detail);
	return h;
}

struct example {
	const char *property; /* of the topic */
	const char *payload;
	const char *heard;
};

static void assert_heard(const struct example *e)
{
	struct heard h = decode(e->property, e->payload, strlen(e->payload));

	if (strcmp(h.text, e->heard) != 0)
		fail_msg("%s %s:\n  heard    %s\n  expected %s\n  detail %s", e->property ? e->property : "-",
		         e->payload, h.text, e->heard, h.detail);
}

static void takes_a_bare_number(void **state)
{
	static const struct example examples[] = {
		{"water_level", "1.53", "value water_level 1.53; "},
		{"water_level", " -0.07\n", "value water_level -0.070000000000000007; "},
		{"frame_counter", "9223372036854775808", "value frame_counter 9.2233720368547758e+18; "},
		{"rainfall", "0", "value rainfall 0; "},
		{"rainfall", "-0.0", "value rainfall -0; "},
		{"rainfall", "1e-999", "value rainfall 0; "},
		{"flow", "1E2", "value flow 100; "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		assert_heard(&examples[i]);
}

static void takes_an_object_with_a_value(void **state)
{
	static const struct example examples[] = {
		{"water_level", "{\"value\":1.53}", "value water_level 1.53; "},
		{"water_level", "{\"time\":\"2026-11-22T10:15:00+07:00\",\"value\":1.53,\"unit\":\"m\"}",
	         "value water_level 1.53 @1795317300000000 [m]; "},
		{"water_level", "{\"unit\":null,\"value\":2,\"time\":-1.5}",
	         "value water_level 2 @-1500000; "},
		{"water_level", "{\"value\":2,\"time\":1795317300123}",
	         "value water_level 2 @1795317300123000; "},
		{"water_level", "{\"v\\u0061lue\":2,\"tim\\u0065\":1}", "value water_level 2 @1000000; "},
		{"water_level", "{\"value\":2,\"unit\":\"\\u00b0C\"}", "value water_level 2 [°C]; "},
		{"water_level", "{\"seq\":7,\"value\":2,\"water_level\":3,\"x\":{\"value\":4,\"value\":5}}",
	         "ignored seq; ignored water_level; ignored x; value water_level 2; "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		assert_heard(&examples[i]);
}

static void takes_an_object_of_properties(void **state)
{
	static const struct example examples[] = {
		{NULL, "{\"time\":1,\"water_level\":1.5,\"rainfall\":0.25,\"battery_voltage\":3.5}",
	         "value water_level 1.5 @1000000; value rainfall 0.25 @1000000; "
	         "value battery_voltage 3.5 @1000000; "},
		{NULL, "{\"rainfall\":0.25,\"time\":1}", "value rainfall 0.25 @1000000; "},
		{NULL, "{\"rainfall\":0.25}", "value rainfall 0.25; "},
		{NULL, "{\"unit\":\"m\",\"value\":1,\"rainfall\":0.25}",
	         "ignored unit; ignored value; value rainfall 0.25; "},
		{NULL, "{\"rainfall\":0.25,\"water_level\":null}",
	         "value rainfall 0.25; ignored water_level; "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		assert_heard(&examples[i]);
}

static void a_bad_member_costs_itself_only(void **state)
{
	static const struct example examples[] = {
		{NULL, "{\"water_level\":\"1.5\",\"rainfall\":0.25}",
	         "reject not_a_number water_level; value rainfall 0.25; "},
		{NULL, "{\"rainfall\":0.25,\"water_level\":1e999,\"flow\":2}",
	         "value rainfall 0.25; reject out_of_range water_level; value flow 2; "},
		{NULL, "{\"rainfall\":true,\"flow\":{},\"wetness\":[1],\"snr\":1}",
	         "reject not_a_number rainfall; reject not_a_number flow; reject not_a_number wetness; "
	         "value snr 1; "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		assert_heard(&examples[i]);
}

static void a_bad_time_costs_the_payload_once(void **state)
{
	static const char *const times[] = {
		"\"2026-11-22T10:15:00\"",
		"\"2026-02-30T10:15:00Z\"",
		"\"\"",
		"\"yesterday\"",
		"null",
		"true",
		"{}",
		"[1]",
		"1e999",
		"253402300800000",
		"\"10000-01-01T00:00:00Z\"",
		"\"2026-11-22T10:15:00Z and a text that is longer than any time could ever be written\"",
	};
	char payload[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		struct example several = {NULL, payload, "reject invalid_time -; "};
		struct example single = {"flow", payload, "reject invalid_time flow; "};

		snprintf(payload, sizeof(payload), "{\"time\":%s,\"flow\":1,\"rainfall\":2,\"x\":3}",
		         times[i]);
		assert_heard(&several);
		snprintf(payload, sizeof(payload), "{\"value\":1,\"x\":3,\"time\":%s}", times[i]);
		assert_heard(&single);
	}
}

static void every_malformed_payload_has_its_reason(void **state)
{
	static const struct example examples[] = {
		{"flow", "", "reject empty_payload -; "},
		{NULL, "", "reject empty_payload -; "},
		{"flow", " ", "reject invalid_json -; "},
		{"flow", "NaN", "reject invalid_json -; "},
		{"flow", "-Infinity", "reject invalid_json -; "},
		{"flow", "{\"value\":NaN}", "reject invalid_json -; "},
		{"flow", "{\"value\":1.5", "reject invalid_json -; "},
		{"flow", "{'value':1.5}", "reject invalid_json -; "},
		{"flow", "{\"value\":1.5,}", "reject invalid_json -; "},
		{"flow", "1,5", "reject invalid_json -; "},
		{"flow", "1.5 m", "reject invalid_json -; "},
		{"flow", "01", "reject invalid_json -; "},
		{"flow", "0x1F", "reject invalid_json -; "},
		{"flow", "{\"value\":1,\"a\":\"\\u0000\"}", "reject invalid_json -; "},
		{"flow", "\xFF", "reject invalid_utf8 -; "},
		{"flow", "{\"value\":1,\"a\":\"\xC3\"}", "reject invalid_utf8 -; "},
		{"flow", "{\"value\":1,\"a\":\"\xED\xA0\x80\"}", "reject invalid_utf8 -; "},
		{"flow", "1e999", "reject out_of_range flow; "},
		{"flow", "{\"value\":-1e999}", "reject out_of_range flow; "},
		{"flow", "{\"value\":1,\"value\":2}", "reject duplicate_key -; "},
		{"flow", "{\"value\":1,\"v\\u0061lue\":2}", "reject duplicate_key -; "},
		{"flow", "{\"value\":1,\"x\":1,\"x\":1}", "reject duplicate_key -; "},
		{NULL, "{\"flow\":1,\"rainfall\":2,\"flow\":1}", "reject duplicate_key -; "},
		{"flow", "\"1.5\"", "reject not_a_number flow; "},
		{"flow", "true", "reject not_a_number flow; "},
		{"flow", "{\"value\":\"1.5\"}", "reject not_a_number flow; "},
		{"flow", "{\"value\":false}", "reject not_a_number flow; "},
		{"flow", "{\"value\":{\"value\":1}}", "reject not_a_number flow; "},
		{"flow", "{\"value\":[1]}", "reject not_a_number flow; "},
		{"flow", "null", "reject missing_value flow; "},
		{"flow", "{}", "reject missing_value flow; "},
		{"flow", "{\"value\":null}", "reject missing_value flow; "},
		{"flow", "{\"flow\":1}", "ignored flow; reject missing_value flow; "},
		{"flow", "{\"time\":1}", "reject missing_value flow; "},
		{NULL, "{}", "reject missing_value -; "},
		{NULL, "{\"time\":1}", "reject missing_value -; "},
		{NULL, "{\"x\":1,\"y\":2}", "ignored x; ignored y; reject missing_value -; "},
		{NULL, "{\"flow\":null}", "ignored flow; reject missing_value -; "},
		{"flow", "[1.5]", "reject wrong_shape flow; "},
		{NULL, "1.5", "reject wrong_shape -; "},
		{NULL, "\"flow\"", "reject wrong_shape -; "},
		{NULL, "[{\"flow\":1}]", "reject wrong_shape -; "},
		{"flow", "{\"value\":1,\"unit\":5}", "reject wrong_unit flow; "},
		{"flow", "{\"value\":1,\"unit\":{}}", "reject wrong_unit flow; "},
		{"depth", "1.5", "reject unknown_property -; "},
		{"depth", "", "reject unknown_property -; "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		assert_heard(&examples[i]);
}

static void nul_bytes_are_not_text(void **state)
{
	struct heard h = decode("flow", "1.5\0", 4);

	(void)state;
	assert_string_equal(h.text, "reject invalid_utf8 -; ");
	assert_string_equal(h.detail, "byte 4 of 4 is 0x00: not UTF-8 text without NUL");
	h = decode("flow", "\0\0\0\0", 4);
	assert_string_equal(h.text, "reject invalid_utf8 -; ");
	h = decode("flow", "{\"value\":1,\"a\":\"\0\"}", 18);
	assert_string_equal(h.text, "reject invalid_utf8 -; ");
}

static void a_mebibyte_of_brackets_is_too_large_and_less_of_them_too_deep(void **state)
{
	static char brackets[1 << 20];
	struct heard h;

	(void)state;
	memset(brackets, '[', sizeof(brackets));
	h = decode("flow", brackets, sizeof(brackets));
	assert_string_equal(h.text, "reject payload_too_large -; ");
	h = decode("flow", brackets, DECODE_PAYLOAD_MAX + 1);
	assert_string_equal(h.text, "reject payload_too_large -; ");
	h = decode(NULL, brackets, DECODE_PAYLOAD_MAX);
	assert_string_equal(h.text, "reject invalid_json -; ");
}

static void a_payload_of_the_largest_size_is_read(void **state)
{
	static char payload[DECODE_PAYLOAD_MAX];
	struct heard h;

	(void)state;
	memset(payload, ' ', sizeof(payload));
	memcpy(payload + sizeof(payload) - 3, "1.5", 3);
	h = decode("flow", payload, sizeof(payload));
	assert_string_equal(h.text, "value flow 1.5; ");
}

static void an_object_has_as_many_members_as_allowed(void **state)
{
	static char payload[DECODE_PAYLOAD_MAX];
	struct heard h;
	size_t n = 0;

	(void)state;
	n = (size_t)snprintf(payload, sizeof(payload), "{\"flow\":1");
	for (int i = 1; i < DECODE_JSON_MEMBERS_MAX; i++)
		n += (size_t)snprintf(payload + n, sizeof(payload) - n, ",\"m%d\":%d", i, i);
	payload[n] = '}';
	h = decode(NULL, payload, n + 1);
	assert_int_equal(h.values, 1);
	assert_int_equal(h.ignored, DECODE_JSON_MEMBERS_MAX - 1);
	n += (size_t)snprintf(payload + n, sizeof(payload) - n, ",\"one_more\":1}");
	h = decode(NULL, payload, n);
	assert_string_equal(h.text, "reject wrong_shape -; ");
}

static void names_longer_than_any_propertys_are_ignored_each(void **state)
{
	/* Alike in what fits, different after it. */
	static const char payload[] = "{\"a234567890123456789012345678901234567890x\":1,"
				      "\"a234567890123456789012345678901234567890y\":2,\"flow\":3}";
	struct heard h = decode(NULL, payload, sizeof(payload) - 1);

	(void)state;
	assert_string_equal(h.text, "ignored a234567890123456789012345678901234567890; "
	                            "ignored a234567890123456789012345678901234567890; value flow 3; ");
}

static void details_help_people(void **state)
{
	static const struct {
		const char *property, *payload, *detail;
	} examples[] = {
		{"flow", "{\"value\":\n NaN}", "line 2, column 2: NaN where a value should be"},
		{"flow", "{\"value\":\"1.5\"}", "the value of \"flow\" is a string: \"1.5\""},
		{"flow", "{\"value\":1,\"value\":2}", "\"value\" stands twice"},
		{"depth", "1", "\"depth\" is not in highwater.observed_property"},
		{"flow", "1e999", "\"flow\" is beyond a double: 1e999"},
		{NULL, "1.5",
	         "the payload is a number, and the topic names no property: "
	         "send an object such as {\"water_level\": 1.53}"},
		{"flow", "{\"time\":\"2026-11-22T10:15:00\",\"value\":1}",
	         "\"time\" is \"2026-11-22T10:15:00\": allowed are RFC 3339 with a zone, "
	         "Unix seconds or milliseconds"},
		{"flow", "{\"value\":[1,\n2]}", "the value of \"flow\" is an array: [1, 2]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct heard h =
			decode(examples[i].property, examples[i].payload, strlen(examples[i].payload));

		assert_string_equal(h.detail, examples[i].detail);
	}
}

/* on_reject() checks that the detail is whole UTF-8, wherever the excerpt was cut. */
static void a_long_value_is_quoted_in_part(void **state)
{
	char payload[300];

	(void)state;
	for (int pad = 0; pad < 4; pad++) {
		struct heard h;
		int n = snprintf(payload, sizeof(payload), "{\"value\":\"%.*s", pad, "xxxx");

		for (int i = 0; i < 40; i++)
			n += snprintf(payload + n, sizeof(payload) - (size_t)n, "🌊");
		n += snprintf(payload + n, sizeof(payload) - (size_t)n, "\"}");
		h = decode("flow", payload, (size_t)n);
		assert_int_equal(h.reason, REJECT_NOT_A_NUMBER);
		assert_in_range(strlen(h.detail), 60, 90);
	}
}

/* Cut to the buffer it must not come to equal a unit that exists. */
static void a_unit_that_is_too_long_stays_too_long(void **state)
{
	char payload[300];
	int n = snprintf(payload, sizeof(payload), "{\"value\":1,\"unit\":\"m3/s%200s\"}", "");
	struct heard h = decode("flow", payload, (size_t)n);
	const char *unit = strchr(h.text, '[');

	(void)state;
	assert_int_equal(h.values, 1);
	assert_non_null(unit);
	assert_true(strcspn(unit, "]") > UNIT_MAX + 1);
}

static void the_topics_property_is_taken_by_its_length(void **state)
{
	struct heard h = {.reason = REJECT_NONE};
	const struct decode_sink sink = {&h, on_value, on_reject, on_ignored};
	const struct decode_input in = {"1.5", 3, "flow/x", 4, property_builtin, property_builtin_count};

	(void)state;
	assert_int_equal(decode_json(&in, &sink), 0);
	assert_string_equal(h.text, "value flow 1.5; ");
}

struct shape {
	const char *payload;
	bool flat;
};

static bool is_flat(const char *payload)
{
	struct decode_flat flat;

	return decode_flat(payload, strlen(payload), &flat);
}

/* decode() compares both ways; here is which payloads the short one is for. */
static void only_plain_flat_payloads_are_read_in_one_pass(void **state)
{
	static const struct shape shapes[] = {
		{"1.53", true},
		{" \t\r\n-0.5e-7 ", true},
		{"{}", true},
		{" { } ", true},
		{"{\"a\":1}", true},
		{"{ \"a\" : \"b c~\" ,\n\"d\":null,\"e\":true,\"f\":false, \"\":0 }", true},
		{"{\"a234567890123456789012345678901234567890\":1}", true},
		{"{\"a2345678901234567890123456789012345678901\":1}", false},
		{"", false},
		{" ", false},
		{"null", false},
		{"true", false},
		{"\"1.5\"", false},
		{"[]", false},
		{"{\"a\":[]}", false},
		{"{\"a\":{}}", false},
		{"{\"a\":\"\\n\"}", false},
		{"{\"\\u0061\":1}", false},
		{"{\"a\":\"\xC2\xB0\"}", false},
		{"{\"a\":\"\x7F\"}", false},
		{"{\"a\":\"12345678\x1F\"}", false},
		{"{\"a\":1,\"a\":1}", false},
		{"{\"a\":1,}", false},
		{"{,}", false},
		{"{\"a\"1}", false},
		{"{\"a\":}", false},
		{"{\"a\":1", false},
		{"{\"a\":1}}", false},
		{"{\"a\":1}\v", false},
		{"{\"a\":nul}", false},
		{"{\"a\":nullx}", false},
		{"{\"a\":truefalse}", false},
		{"01", false},
		{"-", false},
		{"-a", false},
		{"1.", false},
		{".5", false},
		{"1e", false},
		{"1e+", false},
		{"1 1", false},
		{"+1", false},
		{"0x1", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (is_flat(shapes[i].payload) != shapes[i].flat)
			fail_msg("%s: %d", shapes[i].payload, !shapes[i].flat);
		decode("flow", shapes[i].payload, strlen(shapes[i].payload));
		decode(NULL, shapes[i].payload, strlen(shapes[i].payload));
	}
}

static void an_object_of_more_members_than_are_read_in_one_pass_says_the_same(void **state)
{
	char payload[1024];

	(void)state;
	for (int members = DECODE_FLAT_MEMBERS_MAX - 1; members <= DECODE_FLAT_MEMBERS_MAX + 1; members++) {
		size_t n = (size_t)snprintf(payload, sizeof(payload), "{\"flow\":1");
		struct heard h;

		for (int i = 1; i < members; i++)
			n += (size_t)snprintf(payload + n, sizeof(payload) - n, ",\"m%d\":%d", i, i);
		snprintf(payload + n, sizeof(payload) - n, "}");
		assert_true(is_flat(payload) == (members <= DECODE_FLAT_MEMBERS_MAX));
		h = decode(NULL, payload, n + 1);
		assert_int_equal(h.values, 1);
		assert_int_equal(h.ignored, members - 1);
	}
}

/* Names of all lengths, so that each place in a word of eight is the last, with every byte in each place. */
static void any_byte_anywhere_in_a_string_is_judged_alike(void **state)
{
	(void)state;
	for (size_t length = 1; length <= 20; length++) {
		for (size_t at = 0; at < length; at++) {
			for (int c = 0; c < 256; c++) {
				char payload[64];
				size_t n = (size_t)snprintf(payload, sizeof(payload),
				                            "{\"aaaaaaaaaaaaaaaaaaaa\":1,\"flow\":2}");

				memmove(payload + 2 + length, payload + 22, n - 22);
				payload[2 + at] = (char)c;
				decode(NULL, payload, n - 20 + length);
			}
		}
	}
}

static void an_empty_payload_may_have_no_address(void **state)
{
	struct heard h = {.reason = REJECT_NONE};
	const struct decode_sink sink = {&h, on_value, on_reject, on_ignored};
	const struct decode_input in = {NULL, 0, "flow", 4, property_builtin, property_builtin_count};

	(void)state;
	assert_int_equal(decode_json(&in, &sink), 0);
	assert_string_equal(h.text, "reject empty_payload -; ");
}

static void the_format_is_found_by_its_name(void **state)
{
	(void)state;
	assert_ptr_equal(decode_find("json")->decode, decode_json);
	assert_null(decode_find("tts"));
	assert_null(decode_find(""));
	assert_non_null(strstr(decode_names(), "json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_bare_number),
		cmocka_unit_test(takes_an_object_with_a_value),
		cmocka_unit_test(takes_an_object_of_properties),
		cmocka_unit_test(a_bad_member_costs_itself_only),
		cmocka_unit_test(a_bad_time_costs_the_payload_once),
		cmocka_unit_test(every_malformed_payload_has_its_reason),
		cmocka_unit_test(nul_bytes_are_not_text),
		cmocka_unit_test(a_mebibyte_of_brackets_is_too_large_and_less_of_them_too_deep),
		cmocka_unit_test(a_payload_of_the_largest_size_is_read),
		cmocka_unit_test(an_object_has_as_many_members_as_allowed),
		cmocka_unit_test(names_longer_than_any_propertys_are_ignored_each),
		cmocka_unit_test(details_help_people),
		cmocka_unit_test(a_long_value_is_quoted_in_part),
		cmocka_unit_test(a_unit_that_is_too_long_stays_too_long),
		cmocka_unit_test(the_topics_property_is_taken_by_its_length),
		cmocka_unit_test(only_plain_flat_payloads_are_read_in_one_pass),
		cmocka_unit_test(an_object_of_more_members_than_are_read_in_one_pass_says_the_same),
		cmocka_unit_test(any_byte_anywhere_in_a_string_is_judged_alike),
		cmocka_unit_test(an_empty_payload_may_have_no_address),
		cmocka_unit_test(the_format_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
