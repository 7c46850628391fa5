#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "property.h"

#include "util.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_sorted_by_code_without_repetition),
		cmocka_unit_test(finds_every_property),
		cmocka_unit_test(finds_nothing_else),
		cmocka_unit_test(compares_by_length_not_by_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
