#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "property.h"

#include "util.h"

#include <stdlib.h>

static const struct property *find(const char *code)
{
	return property_find(property_builtin, property_builtin_count, code, strlen(code));
}

static void is_sorted_by_code_without_repetition(void **state)
{
	(void)state;
	assert_int_equal(property_builtin_count, 23);
	for (size_t i = 1; i < property_builtin_count; i++)
		assert_true(strcmp(property_builtin[i - 1].code, property_builtin[i].code) < 0);
}

static void finds_every_property(void **state)
{
	(void)state;
	for (size_t i = 0; i < property_builtin_count; i++)
		assert_ptr_equal(find(property_builtin[i].code), &property_builtin[i]);
	assert_string_equal(find("water_level")->unit, "m");
	assert_string_equal(find("flow")->unit, "m3/s");
	assert_string_equal(find("rssi")->unit, "dBm");
}

static void finds_nothing_else(void **state)
{
	static const char *const unknown[] = {
		"", "a", "water", "water_leve", "water_levels", "Water_level", "zzz", "rainfall_"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_null(find(unknown[i]));
	assert_null(property_find(property_builtin, 0, "flow", 4));
	assert_null(property_find(NULL, 0, "flow", 4));
}

static void compares_by_length_not_by_nul(void **state)
{
	(void)state;
	assert_string_equal(
		property_find(property_builtin, property_builtin_count, "rainfall_total/x", 8)->code,
		"rainfall");
	assert_null(property_find(property_builtin, property_builtin_count, "flow\0", 5));
}

static int by_code(const void *a, const void *b)
{
	return strcmp(((const struct property *)a)->code, ((const struct property *)b)->code);
}

/* Few letters and words, so that many codes begin alike, some are others with more behind them, and most lie about. */
static size_t make_code(char code[static PROPERTY_CODE_MAX + 1], uint64_t *random)
{
	static const char *const words[] = {"", "a", "b", "ab", "rainfall", "rainfal", "_total", "\xC3\xA9"};
	size_t length = 0;

	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	for (size_t i = 0; i < 4; i++) {
		const char *word = words[(*random >> (8 + 3 * i)) % 8];

		memcpy(code + length, word, strlen(word));
		length += strlen(word);
	}
	code[length] = '\0';
	return length;
}

static void finds_in_lists_of_any_size_what_is_there_and_nothing_else(void **state)
{
	static struct property list[300];
	uint64_t random = 88172645463325252u;

	(void)state;
	for (size_t wanted = 1; wanted <= ARRAY_SIZE(list); wanted += 1 + wanted / 8) {
		size_t count = 0, found = 0;

		/* What lies behind a NUL is not part of a code. */
		memset(list, 'x', sizeof(list));
		for (size_t i = 0; i < wanted; i++)
			make_code(list[i].code, &random);
		qsort(list, wanted, sizeof(list[0]), by_code);
		for (size_t i = 0; i < wanted; i++)
			if (!count || by_code(&list[count - 1], &list[i]) != 0)
				list[count++] = list[i];
		for (int i = 0; i < 5000; i++) {
			char code[PROPERTY_CODE_MAX + 1];
			size_t length = make_code(code, &random);
			const struct property *expected = NULL;

			for (size_t n = 0; n < count; n++)
				if (strcmp(list[n].code, code) == 0)
					expected = &list[n];
			found += expected != NULL;
			assert_ptr_equal(property_find(list, count, code, length), expected);
			assert_null(property_find(list, count, code, length + 1));
		}
		assert_in_range(found, 1, 4999);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_sorted_by_code_without_repetition),
		cmocka_unit_test(finds_every_property),
		cmocka_unit_test(finds_nothing_else),
		cmocka_unit_test(compares_by_length_not_by_nul),
		cmocka_unit_test(finds_in_lists_of_any_size_what_is_there_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
