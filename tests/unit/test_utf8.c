#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "utf8.h"

#include "util.h"

static void whole_text_is_its_own_prefix(void **state)
{
	/* The first and last character of each length, and those beside the surrogates. */
	static const char *const texts[] = {"",
	                                    "\x01\x7F",
	                                    "\xC2\x80\xDF\xBF",
	                                    "\xE0\xA0\x80\xEF\xBF\xBF",
	                                    "\xED\x9F\xBF\xEE\x80\x80",
	                                    "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
	                                    "báo động III"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(utf8_prefix(texts[i], strlen(texts[i])), strlen(texts[i]));
}

static void stops_before_the_first_malformed_character(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xBF",
		"\xC0\x80",
		"\xC1\xBF",
		"\xC2",
		"\xC2\x41",
		"\xE0\x9F\xBF",
		"\xED\xA0\x80",
		"\xED\xBF\xBF",
		"\xE2\x82",
		"\xE2\x82\x41",
		"\xF0\x8F\xBF\xBF",
		"\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80",
		"\xF0\x90\x80",
		"\xFE",
		"\xFF",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[16] = "ok\xC3\xA9";

		memcpy(text + 4, bad[i], strlen(bad[i]) + 1);
		assert_int_equal(utf8_prefix(text, strlen(text)), 4);
	}
}

static void stops_before_nul(void **state)
{
	(void)state;
	assert_int_equal(utf8_prefix("a\0b", 3), 1);
}

static void never_reads_past_the_end(void **state)
{
	(void)state;
	/* The character would be whole with the byte after the end. */
	assert_int_equal(utf8_prefix("a\xE2\x82\xAC", 3), 1);
	assert_int_equal(utf8_prefix("a\xE2\x82\xAC", 4), 4);
	assert_int_equal(utf8_prefix(NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_text_is_its_own_prefix),
		cmocka_unit_test(stops_before_the_first_malformed_character),
		cmocka_unit_test(stops_before_nul),
		cmocka_unit_test(never_reads_past_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
