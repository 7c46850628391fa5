#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pg_binary.h"

#define US INT64_C(1000000)

static void assert_bytes(const struct pg_binary *b, const void *expected, size_t length)
{
	assert_false(b->failed);
	assert_int_equal(b->length, length);
	assert_memory_equal(b->data, expected, length);
}

/* The manual's page "COPY", section "Binary Format". */
static void copy_stream_is_as_the_manual_says(void **state)
{
	static const uint8_t expected[] = {
		'P',  'G',  'C',  'O',  'P',  'Y',  '\n', 0xff, '\r', '\n', 0, /* signature */
		0,    0,    0,    0,    0,    0,    0,    0,                   /* flags, extension */
		0,    5,                                                       /* fields of the row */
		0,    0,    0,    4,    0x00, 0x01, 0x02, 0x03,                /* int4 66051 */
		0,    0,    0,    8,    0,    0,    0,    0,    0,    0,    0,
		1, /* timestamptz 2000-01-01 00:00:00.000001 */
		0,    0,    0,    8,    0x3f, 0xf8, 0,    0,    0,    0,    0,
		0,                                  /* float8 1.5 */
		0,    0,    0,    2,    0xff, 0xfe, /* int2 -2 */
		0xff, 0xff, 0xff, 0xff,             /* NULL */
		0xff, 0xff,                         /* end */
	};
	struct pg_binary b = {0};

	(void)state;
	pg_binary_copy_begin(&b);
	pg_binary_row(&b, 5);
	pg_binary_int4(&b, 66051);
	pg_binary_timestamptz(&b, 946684800 * US + 1);
	pg_binary_float8(&b, 1.5);
	pg_binary_int2(&b, -2);
	pg_binary_null(&b);
	pg_binary_copy_end(&b);
	assert_bytes(&b, expected, sizeof(expected));
	pg_binary_done(&b);
}

static void time_before_2000_is_negative(void **state)
{
	static const uint8_t expected[] = {0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct pg_binary b = {0};

	(void)state;
	pg_binary_timestamptz(&b, 946684800 * US - 1);
	assert_bytes(&b, expected, sizeof(expected));
	pg_binary_done(&b);
}

static void array_has_one_dimension_from_index_1(void **state)
{
	static const uint8_t expected[] = {
		0,    0,    0,    1,    0,   0,   0, 1, 0, 0, 0, 25, /* dimensions, has NULLs, type text */
		0,    0,    0,    2,    0,   0,   0, 1,              /* elements, index of the first */
		0,    0,    0,    2,    'a', 'b',                    /* "ab" */
		0xff, 0xff, 0xff, 0xff,                              /* NULL */
	};
	struct pg_binary b = {0};

	(void)state;
	pg_binary_array(&b, PG_TEXT, 2, true);
	pg_binary_text(&b, "ab");
	pg_binary_text_or_null(&b, "");
	assert_bytes(&b, expected, sizeof(expected));
	pg_binary_done(&b);
}

static void empty_array_has_no_dimension(void **state)
{
	static const uint8_t expected[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20};
	struct pg_binary b = {0};

	(void)state;
	pg_binary_array(&b, PG_INT8, 0, false);
	assert_bytes(&b, expected, sizeof(expected));
	pg_binary_done(&b);
}

static void text_becomes_valid_utf8(void **state)
{
	struct pg_binary b = {0};

	(void)state;
	/* A whole character, one cut off in the middle, an overlong form and a surrogate. */
	pg_binary_raw_text(&b, "Ph\xc3\xba \xe1\xbb|\xc0\xaf|\xed\xa0\x80");
	assert_bytes(&b,
	             "Ph\xc3\xba ?"
	             "?|?"
	             "?|?"
	             "??",
	             14);
	pg_binary_done(&b);
}

static void values_come_back(void **state)
{
	static const double doubles[] = {0.0, -0.0, 1.53, -4.183, 5e-324, 1.7976931348623157e308};
	struct pg_binary b = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(doubles); i++) {
		double back;

		pg_binary_clear(&b);
		pg_binary_float8(&b, doubles[i]);
		back = pg_binary_get_float8(b.data + 4);
		assert_memory_equal(&back, &doubles[i], sizeof(back));
	}
	pg_binary_clear(&b);
	pg_binary_raw_i32(&b, INT32_MIN);
	pg_binary_raw_i64(&b, INT64_MIN + 7);
	assert_int_equal(pg_binary_get_i32(b.data), INT32_MIN);
	assert_true(pg_binary_get_i64(b.data + 4) == INT64_MIN + 7);
	pg_binary_done(&b);
}

static void parameters_stand_one_after_the_other(void **state)
{
	struct pg_params p = {.count = 0};

	(void)state;
	pg_params_next(&p);
	pg_binary_raw_text(&p.bytes, "abc");
	pg_params_next(&p);
	pg_params_next_array(&p, PG_INT4, 1, false);
	pg_binary_int4(&p.bytes, 1);
	assert_int_equal(p.count, 3);
	assert_int_equal(pg_params_length(&p, 0), 3);
	assert_int_equal(pg_params_length(&p, 1), 0);
	assert_int_equal(pg_params_length(&p, 2), 28);
	assert_int_equal(p.start[2], 3);
	pg_params_clear(&p);
	assert_int_equal(p.count, 0);
	assert_int_equal(p.bytes.length, 0);
	pg_params_done(&p);
}

static void grows_to_any_length(void **state)
{
	struct pg_binary b = {0};

	(void)state;
	for (int32_t i = 0; i < 100000; i++) {
		pg_binary_raw_i32(&b, i);
	}
	assert_int_equal(b.length, 400000);
	assert_int_equal(pg_binary_get_i32(b.data + 4 * 99999), 99999);
	pg_binary_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_stream_is_as_the_manual_says),
		cmocka_unit_test(time_before_2000_is_negative),
		cmocka_unit_test(array_has_one_dimension_from_index_1),
		cmocka_unit_test(empty_array_has_no_dimension),
		cmocka_unit_test(text_becomes_valid_utf8),
		cmocka_unit_test(values_come_back),
		cmocka_unit_test(parameters_stand_one_after_the_other),
		cmocka_unit_test(grows_to_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
