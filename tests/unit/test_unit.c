#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit.h"

#include <math.h>
#include <string.h>

static bool convert_builtin(const char *from, const char *to, double *value)
{
	return unit_convert(unit_builtin, unit_builtin_count, from, to, value);
}

static void expect(const char *from, const char *to, double value, double converted)
{
	assert_true(convert_builtin(from, to, &value));
	assert_true(fabs(value - converted) <= fabs(converted) * 1e-12);
}

static void is_sorted_by_code_without_repetition(void **state)
{
	(void)state;
	for (size_t i = 1; i < unit_builtin_count; i++) {
		assert_true(strcmp(unit_builtin[i - 1].code, unit_builtin[i].code) < 0);
	}
}

/* Values of NIST SP 811, appendix B, and of the definitions. */
static void converts_within_a_dimension(void **state)
{
	(void)state;
	expect("mm", "m", 1240, 1.24);
	expect("m", "cm", 1.53, 153);
	expect("ft", "m", 10, 3.048);
	expect("[in_i]", "mm", 4, 101.6);
	expect("mbar", "hPa", 1013.25, 1013.25);
	expect("kPa", "hPa", 101.325, 1013.25);
	expect("bar", "hPa", 1, 1000);
	expect("[degF]", "Cel", 212, 100);
	expect("Cel", "[degF]", -40, -40);
	expect("K", "Cel", 273.15 + 20, 20);
	expect("mV", "V", 3610, 3.61);
	expect("km/h", "m/s", 36, 10);
	expect("L/s", "m3/s", 1500, 1.5);
}

static void there_and_back_is_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_builtin_count; i++) {
		for (size_t k = 0; k < unit_builtin_count; k++) {
			const struct unit *a = &unit_builtin[i];
			const struct unit *b = &unit_builtin[k];
			double value = 12.5;
			bool same = strcmp(a->dimension, b->dimension) == 0;

			assert_int_equal(convert_builtin(a->code, b->code, &value), same);
			if (same) {
				assert_true(convert_builtin(b->code, a->code, &value));
			}
			assert_true(fabs(value - 12.5) <= 1e-6);
		}
	}
}

static void what_does_not_convert_is_left_as_it_is(void **state)
{
	double value = 3;

	(void)state;
	assert_false(convert_builtin("mm", "hPa", &value));
	assert_false(convert_builtin("furlong", "m", &value));
	assert_false(convert_builtin("m", "", &value));
	assert_true(value == 3);
	value = 1.7e308;
	assert_false(convert_builtin("km", "mm", &value));
	assert_true(value == 1.7e308);
}

static void an_unknown_unit_is_itself(void **state)
{
	double value = 3;

	(void)state;
	assert_true(convert_builtin("furlong", "furlong", &value));
	assert_true(value == 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_sorted_by_code_without_repetition),
		cmocka_unit_test(converts_within_a_dimension),
		cmocka_unit_test(there_and_back_is_the_same),
		cmocka_unit_test(what_does_not_convert_is_left_as_it_is),
		cmocka_unit_test(an_unknown_unit_is_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
