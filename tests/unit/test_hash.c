#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hash.h"

#include <stdio.h>
#include <stdlib.h>

static void every_byte_counts_at_every_length(void **state)
{
	char text[80];

	(void)state;
	for (size_t length = 1; length <= sizeof(text); length++) {
		memset(text, 'a', sizeof(text));
		for (size_t i = 0; i < length; i++) {
			uint64_t before = hash_text(text, length, 0);

			text[i] ^= 1;
			assert_true(hash_text(text, length, 0) != before);
			assert_true((uint32_t)hash_text(text, length, 0) != (uint32_t)before);
		}
	}
}

static void the_length_counts(void **state)
{
	const char zeros[80] = {0};

	(void)state;
	for (size_t a = 0; a <= sizeof(zeros); a++) {
		for (size_t b = 0; b < a; b++) {
			assert_true(hash_text(zeros, a, 0) != hash_text(zeros, b, 0));
		}
	}
}

static void where_one_text_ends_and_the_next_begins_counts(void **state)
{
	(void)state;
	assert_true(hash_text("bc", 2, hash_text("a", 1, 0)) != hash_text("c", 1, hash_text("ab", 2, 0)));
	assert_true(hash_text("a", 1, hash_text("b", 1, 0)) != hash_text("b", 1, hash_text("a", 1, 0)));
	assert_true(hash_text("", 0, hash_text("a", 1, 0)) != hash_text("a", 1, 0));
}

static void only_the_text_is_read(void **state)
{
	(void)state;
	for (size_t length = 1; length <= 40; length++) {
		char *text = malloc(length); /* its ends are watched in a sanitizer build */

		assert_non_null(text);
		memset(text, 'x', length);
		assert_true(hash_text(text, length, 0) ==
		            hash_text("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", length, 0));
		free(text);
	}
}

/* As evenly as numbers drawn at random: so many places stay empty, and none holds many. */
static void names_that_differ_in_their_digits_spread_over_the_low_bits(void **state)
{
	enum { NAMES = 65536, PLACES = 65536 };
	static const char *const formats[] = {"s%d", "station-%d", "tram-do-muc-nuoc-%06d-kenh-doi",
	                                      "%d-a-long-name-with-its-number-in-front-of-it"};
	static uint8_t held[PLACES];

	(void)state;
	for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
		int empty = 0, fullest = 0;

		memset(held, 0, sizeof(held));
		for (int i = 0; i < NAMES; i++) {
			char name[65];
			int length;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			length = snprintf(name, sizeof(name), formats[f], i);
#pragma GCC diagnostic pop
			held[hash_text("water_level", 11, hash_text(name, (size_t)length, 0)) % PLACES]++;
		}
		for (int i = 0; i < PLACES; i++) {
			empty += held[i] == 0;
			fullest = held[i] > fullest ? held[i] : fullest;
		}
		assert_in_range(empty, 23400, 24800); /* 65536 / e is 24109, and a deviation 100 */
		assert_in_range(fullest, 6, 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_counts_at_every_length),
		cmocka_unit_test(the_length_counts),
		cmocka_unit_test(where_one_text_ends_and_the_next_begins_counts),
		cmocka_unit_test(only_the_text_is_read),
		cmocka_unit_test(names_that_differ_in_their_digits_spread_over_the_low_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
