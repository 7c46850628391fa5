#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "player_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void assert_parsed(const char *spec, const char *column, const char *property, double factor,
                          double divisor)
{
	char text[128];
	struct player_value v;

	copy_text(text, sizeof(text), spec, strlen(spec));
	assert_int_equal(player_value_parse(&v, text), 0);
	assert_string_equal(v.column, column);
	if (property == NULL) {
		assert_null(v.property);
	} else {
		assert_string_equal(v.property, property);
	}
	assert_true(v.factor == factor && v.divisor == divisor);
}

static void reads_column_property_and_scale(void **state)
{
	(void)state;
	assert_parsed("value", "value", NULL, 1, 1);
	assert_parsed("dist_mm=distance", "dist_mm", "distance", 1, 1);
	assert_parsed("dist_mm=distance/1000", "dist_mm", "distance", 1, 1000);
	assert_parsed("rain*0.2", "rain", NULL, 0.2, 1);
	assert_parsed("level_ft=water_level*0.3048", "level_ft", "water_level", 0.3048, 1);
}

static void signs_in_a_column_name_are_kept(void **state)
{
	(void)state;
	assert_parsed("m/s", "m/s", NULL, 1, 1);
	assert_parsed("m/s=velocity/100", "m/s", "velocity", 1, 100);
	assert_parsed("a=b=velocity", "a=b", "velocity", 1, 1);
}

static void refuses_nonsense(void **state)
{
	static const char *const specs[] = {"", "=x", "a=", "a/0", "a*0", "a=\"", "a=b\\"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		char text[16];
		struct player_value v;

		copy_text(text, sizeof(text), specs[i], strlen(specs[i]));
		assert_int_equal(player_value_parse(&v, text), -EINVAL);
	}
}

static void assert_converted(double factor, double divisor, const char *field, const char *expected)
{
	struct player_value v = {.column = "x", .factor = factor, .divisor = divisor};
	char number[PLAYER_NUMBER_SIZE];

	assert_int_equal(player_value_convert(&v, field, number), 0);
	assert_string_equal(number, expected);
}

static void sends_numbers_as_they_were_written(void **state)
{
	(void)state;
	assert_converted(1, 1, "1.53", "1.53");
	assert_converted(1, 1, "-0.18", "-0.18");
	assert_converted(1, 1, "0.1", "0.1");
	assert_converted(1, 1, "230750", "230750");
	assert_converted(1, 1, "4.0", "4");
	assert_converted(1, 1, "0.30000000000000004", "0.30000000000000004");
}

/* Each millimetre up to 20 m must come out as the decimal that a person would write. */
static void millimetres_become_exact_metres(void **state)
{
	(void)state;
	for (int mm = 0; mm <= 20000; mm++) {
		char field[16], expected[16];

		snprintf(field, sizeof(field), "%d", mm);
		snprintf(expected, sizeof(expected), "%g", mm / 1000.0);
		assert_true(strtod(expected, NULL) == mm / 1000.0);
		assert_converted(1, 1000, field, expected);
	}
}

static void refuses_what_is_no_decimal_number(void **state)
{
	static const char *const fields[] = {
		"",    " 1",          "1 ",    "nan", "inf", "-inf", "0x10",
		"1,5", "0.201|0.109", "1e999", "--1", "e",   "-",    "1m",
	};
	struct player_value v = {.column = "x", .factor = 1, .divisor = 1};
	char number[PLAYER_NUMBER_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		assert_int_equal(player_value_convert(&v, fields[i], number), -EINVAL);
	}
}

static void refuses_overflow_by_the_factor(void **state)
{
	struct player_value v = {.column = "x", .factor = 1e300, .divisor = 1};
	char number[PLAYER_NUMBER_SIZE];

	(void)state;
	assert_int_equal(player_value_convert(&v, "1e300", number), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_column_property_and_scale),
		cmocka_unit_test(signs_in_a_column_name_are_kept),
		cmocka_unit_test(refuses_nonsense),
		cmocka_unit_test(sends_numbers_as_they_were_written),
		cmocka_unit_test(millimetres_become_exact_metres),
		cmocka_unit_test(refuses_what_is_no_decimal_number),
		cmocka_unit_test(refuses_overflow_by_the_factor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
