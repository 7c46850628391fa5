#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json_check.h"
#include "utf8.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* A copy of exactly the text's size, so that ASan sees a byte read too many. */
static char *exact(const char *text, size_t length)
{
	char *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, text, length);
	return copy;
}

static struct json_slice check(const char *text)
{
	struct json_slice root;
	struct json_fault fault;

	if (json_check(text, strlen(text), &root, &fault) != 0)
		fail_msg("%s: %zu:%zu %s", text, fault.line, fault.column, fault.what);
	return root;
}

static void assert_fault(const char *text, size_t line, size_t column, const char *what)
{
	char *copy = exact(text, strlen(text));
	struct json_slice root = {NULL, 0};
	struct json_fault fault;

	if (json_check(copy, strlen(text), &root, &fault) != -EBADMSG)
		fail_msg("%s was taken", text);
	if (fault.line != line || fault.column != column || !strstr(fault.what, what))
		fail_msg("%s: %zu:%zu %s", text, fault.line, fault.column, fault.what);
	assert_null(root.text);
	free(copy);
}

static void says_where_and_why_a_text_is_not_json(void **state)
{
	(void)state;
	assert_fault("", 1, 1, "the text ends where a value should follow");
	assert_fault(" \n\t ", 2, 3, "the text ends where a value should follow");
	assert_fault("NaN", 1, 1, "NaN where a value should be");
	assert_fault("-Infinity", 1, 2, "Infinity where a digit should be");
	assert_fault("True", 1, 1, "True where a value should be");
	assert_fault("nullx", 1, 1, "nullx where a value should be");
	assert_fault("+1", 1, 1, "'+' where a value should be");
	assert_fault(".5", 1, 1, "'.' where a value should be");
	assert_fault("5.", 1, 3, "the text ends where a digit should follow");
	assert_fault("1e", 1, 3, "the text ends where a digit should follow");
	assert_fault("01", 1, 2, "leading zero");
	assert_fault("-", 1, 2, "the text ends where a digit should follow");
	assert_fault("0x10", 1, 2, "x where the end of the text should be");
	assert_fault("1 2", 1, 3, "'2' where the end of the text should be");
	assert_fault("1,", 1, 2, "',' where the end of the text should be");
	assert_fault("{\"a\":1,}", 1, 8, "'}' where a member's name in quotes should be");
	assert_fault("{a:1}", 1, 2, "a where a member's name in quotes should be");
	assert_fault("{\"a\" 1}", 1, 6, "'1' where ':' should be");
	assert_fault("{\"a\":1 \"b\":2}", 1, 8, "'\"' where ',' or '}' should be");
	assert_fault("{\"a\":1", 1, 7, "the text ends where ',' or '}' should follow");
	assert_fault("[1,]", 1, 4, "']' where a value should be");
	assert_fault("[1}", 1, 3, "'}' where ',' or ']' should be");
	assert_fault("{\n \"ả\": nil\n}", 2, 7, "nil where a value should be");
	assert_fault("\"a", 1, 3, "the text ends inside a string");
	assert_fault("\"a\\", 1, 3, "the text ends inside a string");
	assert_fault("\"a\nb\"", 1, 3, "control character 0x0a inside a string");
	assert_fault("\"\\x\"", 1, 2, "a backslash before what it cannot escape");
	assert_fault("\"\\u12g4\"", 1, 2, "four hexadecimal digits");
	assert_fault("\"\\u12", 1, 2, "four hexadecimal digits");
	assert_fault("\"\\u0000\"", 1, 2, "\\u0000 is not allowed");
	assert_fault("\"\\uD800\"", 1, 2, "half of a surrogate pair");
	assert_fault("\"\\uD800\\u0041\"", 1, 2, "half of a surrogate pair");
	assert_fault("\"\\uDC00\\uD800\"", 1, 2, "half of a surrogate pair");
	assert_fault("\x01", 1, 1, "control character 0x01 where a value should be");
	assert_fault("\xEF\xBB\xBF{}", 1, 1, "a character outside a string where a value should be");
}

static void allows_as_many_levels_as_it_says(void **state)
{
	char text[2 * JSON_CHECK_DEPTH_MAX + 3];
	size_t n = JSON_CHECK_DEPTH_MAX;

	(void)state;
	memset(text, '[', n);
	memset(text + n, ']', n);
	text[2 * n] = '\0';
	(void)check(text);
	n++;
	memset(text, '[', n);
	memset(text + n, ']', n);
	text[2 * n] = '\0';
	assert_fault(text, 1, n, "more than 64 levels");
}

static void walks_members_and_elements(void **state)
{
	static const char text[] =
		" { \"a\" : 1 , \"b,]}\\\"\" : [ {\"x\":\"}\"} , -2.5e3 , \"]\" ] ,\"c\":{},\"d\":null} ";
	static const char *const names[] = {"\"a\"", "\"b,]}\\\"\"", "\"c\"", "\"d\""};
	static const char *const values[] = {"1", "[ {\"x\":\"}\"} , -2.5e3 , \"]\" ]", "{}", "null"};
	static const char *const elements[] = {"{\"x\":\"}\"}", "-2.5e3", "\"]\""};
	struct json_items members = json_slice_items(check(text)), items;
	struct json_slice name, value, array = {NULL, 0};
	size_t n = 0;

	(void)state;
	for (; json_slice_member(&members, &name, &value); n++) {
		assert_in_range(n, 0, 3);
		assert_int_equal(name.length, strlen(names[n]));
		assert_memory_equal(name.text, names[n], name.length);
		assert_int_equal(value.length, strlen(values[n]));
		assert_memory_equal(value.text, values[n], value.length);
		if (n == 1)
			array = value;
	}
	assert_int_equal(n, 4);
	items = json_slice_items(array);
	for (n = 0; json_slice_element(&items, &value); n++) {
		assert_in_range(n, 0, 2);
		assert_int_equal(value.length, strlen(elements[n]));
		assert_memory_equal(value.text, elements[n], value.length);
	}
	assert_int_equal(n, 3);
}

static void what_is_no_container_has_no_items(void **state)
{
	static const char *const texts[] = {"1", "\"a\"", "null", "{}", "[]", " [ ] "};
	struct json_slice value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct json_items items = json_slice_items(check(texts[i]));

		assert_false(json_slice_element(&items, &value));
	}
}

static void names_the_kinds(void **state)
{
	(void)state;
	assert_int_equal(json_slice_kind(check("true")), JSON_KIND_BOOLEAN);
	assert_int_equal(json_slice_kind(check("false")), JSON_KIND_BOOLEAN);
	assert_int_equal(json_slice_kind(check(" -1 ")), JSON_KIND_NUMBER);
	assert_string_equal(json_slice_kind_name(check("null")), "null");
	assert_string_equal(json_slice_kind_name(check("\"\"")), "a string");
	assert_string_equal(json_slice_kind_name(check("[]")), "an array");
	assert_string_equal(json_slice_kind_name(check("{}")), "an object");
}

static void a_string_is_cut_at_a_whole_character(void **state)
{
	char text[8];

	(void)state;
	assert_int_equal(json_slice_string(check("\"m\\u1EF1c\""), text, sizeof(text)), 5);
	assert_string_equal(text, "mực");
	assert_int_equal(json_slice_string(check("\"\\\"\\\\\\/\\b\\f\\n\\r\""), text, sizeof(text)), 7);
	assert_string_equal(text, "\"\\/\b\f\n\r");
	assert_int_equal(json_slice_string(check("\"12345\\uD83C\\uDF0A\""), text, sizeof(text)), 9);
	assert_string_equal(text, "12345");
	/* Nothing after what did not fit, even if it would. */
	assert_int_equal(json_slice_string(check("\"123456\\u00E9x\""), text, sizeof(text)), 9);
	assert_string_equal(text, "123456");
	assert_int_equal(json_slice_string(check("\"\""), text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void assert_number(const char *text, double expected)
{
	char *copy = exact(text, strlen(text));
	double value = 42;

	assert_int_equal(json_slice_number((struct json_slice){copy, strlen(text)}, &value), 0);
	if (memcmp(&value, &expected, sizeof(value)) != 0)
		fail_msg("%s: %.17g, not %.17g", text, value, expected);
	free(copy);
}

static void reads_the_nearest_double(void **state)
{
	(void)state;
	assert_number("1.53", 1.53);
	assert_number("0", 0.0);
	assert_number("-0", -0.0);
	assert_number("-0.0", -0.0);
	assert_number("9007199254740991", 9007199254740991.0);
	assert_number("9007199254740993", 9007199254740992.0);
	assert_number("18446744073709551616", 18446744073709551616.0);
	assert_number("0.1000000000000000055511151231257827", 0.1);
	assert_number("0.0000000000000000000001", 1e-22);
	assert_number("0.00000000000000000000001", 1e-23);
	assert_number("1e22", 1e22);
	assert_number("1e23", 1e23);
	assert_number("1E+5", 1e5);
	assert_number("0.1e1", 1.0);
	assert_number("-1.50e-2", -0.015);
	assert_number("-0e-5", -0.0);
	assert_number("0e999", 0.0);
	assert_number("123456789012345e22", 123456789012345e22);
	assert_number("9007199254740993e-1", 900719925474099.3);
	assert_number("900719925474099.5e1", 9007199254740995.0);
	assert_number("0.00000000000000000000001e22", 0.1);
	assert_number("1e00000000000000000000000005", 1e5);
	assert_number("1.7976931348623157e308", 1.7976931348623157e308);
	assert_number("5e-324", 5e-324);
	assert_number("1e-999", 0.0);
	assert_number("2.2250738585072011e-308", 2.2250738585072011e-308);
}

static void every_number_reads_as_strtod_reads_it(void **state)
{
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		char text[64];

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		snprintf(text, sizeof(text), "%.*f", (int)(random % 19),
		         (double)(int64_t)random / (double)(1ull << (random >> 58)));
		assert_number(text, strtod(text, NULL));
	}
}

static void every_number_with_an_exponent_reads_as_strtod_reads_it(void **state)
{
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char text[80];
		int digits, exponent;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		digits = (int)(random % 20);
		exponent = (int)((random >> 8) % 60) - 30;
		/* With a point, without, and about 2^53. */
		if (i % 3 == 0)
			snprintf(text, sizeof(text), "%s%d.%0*llue%d", random >> 63 ? "-" : "",
			         (int)((random >> 16) % 1000), digits + 1,
			         (unsigned long long)(random >> 20) >> (3 * (19 - digits) / 2), exponent);
		else if (i % 3 == 1)
			snprintf(text, sizeof(text), "%lluE%+d", (unsigned long long)random >> (2 * digits),
			         exponent);
		else
			snprintf(text, sizeof(text), "%llue%d", 9007199254740960ull + (random >> 20) % 64,
			         exponent);
		assert_number(text, strtod(text, NULL));
	}
}

static void a_number_beyond_a_double_is_out_of_range(void **state)
{
	static char many[JSON_SLICE_NUMBER_MAX + 3];
	double value = 42;

	(void)state;
	assert_int_equal(json_slice_number(check("1e999"), &value), -ERANGE);
	assert_int_equal(json_slice_number(check("-1e309"), &value), -ERANGE);
	assert_int_equal(json_slice_number(check("1.8e308"), &value), -ERANGE);
	memset(many, '0', sizeof(many) - 1);
	memcpy(many, "1.", 2);
	assert_int_equal(json_slice_number(check(many), &value), -ERANGE);
	/* However simple it is. */
	memcpy(many, "1e", 2);
	assert_int_equal(json_slice_number(check(many), &value), -ERANGE);
	memcpy(many, "1.", 2);
	assert_true(value == 42);
	many[JSON_SLICE_NUMBER_MAX] = '\0';
	assert_int_equal(json_slice_number(check(many), &value), 0);
	assert_true(value == 1);
}

/* The judgement of another implementation; our own rules on depth and size aside. */
static bool jansson_takes(const char *text, size_t length, bool *ret_overflow)
{
	json_error_t error;
	json_t *value = json_loadb(text, length, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);

	*ret_overflow = !value && json_error_code(&error) == json_error_numeric_overflow;
	json_decref(value);
	return value != NULL;
}

static void judges_as_jansson_does(void **state)
{
	static const char *const seeds[] = {
		"{\"time\": \"2026-11-22T10:15:00+07:00\", \"value\": 1.53, \"unit\": \"m\"}",
		"{\"a\":[1,-2.5e+3,0.0,true,false,null,{\"\\u00e9\\ud83c\\udf0a\\n\":\"mực\"}], "
		"\"b\" : {} , \"c\":[ ]}",
		"-12.50e-7",
		"[[[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]]]",
	};
	static const char alphabet[] = "{}[]:,\"\\u0dD8+-.eE 1209ntfalsr\n\x01\xC3\xA9/x";
	uint64_t random = 1234567;
	unsigned taken = 0, refused = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char text[128], *copy;
		size_t length = strlen(seeds[i % 4]);
		struct json_slice root;
		struct json_fault fault;
		bool overflow, theirs, ours;

		memcpy(text, seeds[i % 4], length);
		for (int change = 0; change <= i % 3; change++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			text[random % length] = alphabet[(random >> 32) % (sizeof(alphabet) - 1)];
			if (random >> 60 == 0)
				length = 1 + (random >> 40) % length;
		}
		if (utf8_prefix(text, length) != length)
			continue;
		copy = exact(text, length);
		theirs = jansson_takes(copy, length, &overflow);
		ours = json_check(copy, length, &root, &fault) == 0;
		free(copy);
		if (overflow)
			continue;
		if (ours != theirs)
			fail_msg("%.*s: ours %d, jansson %d", (int)length, text, ours, theirs);
		taken += ours;
		refused += !ours;
	}
	/* Both answers were put to the test. */
	assert_true(taken > 10000 && refused > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_where_and_why_a_text_is_not_json),
		cmocka_unit_test(allows_as_many_levels_as_it_says),
		cmocka_unit_test(walks_members_and_elements),
		cmocka_unit_test(what_is_no_container_has_no_items),
		cmocka_unit_test(names_the_kinds),
		cmocka_unit_test(a_string_is_cut_at_a_whole_character),
		cmocka_unit_test(reads_the_nearest_double),
		cmocka_unit_test(every_number_reads_as_strtod_reads_it),
		cmocka_unit_test(every_number_with_an_exponent_reads_as_strtod_reads_it),
		cmocka_unit_test(a_number_beyond_a_double_is_out_of_range),
		cmocka_unit_test(judges_as_jansson_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
