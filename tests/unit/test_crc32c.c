#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crc32c.h"
#include "util.h"

typedef uint32_t crc_function(uint32_t crc, const void *data, size_t length);

static crc_function *const functions[] = {crc32c, crc32c_portable};

static void matches_the_vectors_of_rfc_3720(void **state)
{
	uint8_t zeros[32] = {0}, ones[32], up[32], down[32];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (uint8_t i = 0; i < 32; i++) {
		up[i] = i;
		down[i] = (uint8_t)(31 - i);
	}
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		assert_int_equal(functions[i](0, "123456789", 9), 0xe3069283);
		assert_int_equal(functions[i](0, zeros, sizeof(zeros)), 0x8a9136aa);
		assert_int_equal(functions[i](0, ones, sizeof(ones)), 0x62a8ab43);
		assert_int_equal(functions[i](0, up, sizeof(up)), 0x46dd794e);
		assert_int_equal(functions[i](0, down, sizeof(down)), 0x113fdb5c);
	}
}

static void of_nothing_is_what_came_before(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		assert_int_equal(functions[i](0, NULL, 0), 0);
		assert_int_equal(functions[i](0xdeadbeef, NULL, 0), 0xdeadbeef);
	}
}

static void chains_over_any_cut(void **state)
{
	uint8_t data[100];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 11);
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		uint32_t whole = functions[i](0, data, sizeof(data));

		for (size_t cut = 0; cut <= sizeof(data); cut++)
			assert_int_equal(
				functions[i](functions[i](0, data, cut), data + cut, sizeof(data) - cut),
				whole);
	}
}

static void instruction_and_table_agree_at_any_length_and_alignment(void **state)
{
	uint8_t data[96];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * i + 3);
	for (size_t from = 0; from < 16; from++)
		for (size_t length = 0; length <= sizeof(data) - from; length++)
			assert_int_equal(crc32c(7, data + from, length),
			                 crc32c_portable(7, data + from, length));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_the_vectors_of_rfc_3720),
		cmocka_unit_test(of_nothing_is_what_came_before),
		cmocka_unit_test(chains_over_any_cut),
		cmocka_unit_test(instruction_and_table_agree_at_any_length_and_alignment),
	};

	return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
