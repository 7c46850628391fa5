#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "slot_format.h"

#include <string.h>

#define SEED       41
#define SMALL_COPY 256
#define LARGE_COPY 2176

/* The bytes of a pair; as in a map, on a boundary of 64. */
struct bytes {
	_Alignas(64) uint8_t at[2 * LARGE_COPY];
};

/* Each test is played with copies of both sizes: *state. */
static uint32_t small_copy = SMALL_COPY, large_copy = LARGE_COPY;

static struct slot_pair pair_in(struct bytes *b, void **state)
{
	return (struct slot_pair){b->at, *(uint32_t *)*state, SEED};
}

static struct slot_copy *copy_in(struct slot_pair p, size_t number)
{
	return (struct slot_copy *)(void *)(p.bytes + number * p.copy_size);
}

static void write_number(struct slot_pair p, uint32_t n)
{
	/* In all of the content, so that a mixture of two is seen. */
	uint32_t content[LARGE_COPY / 4];

	for (size_t i = 0; i < ARRAY_SIZE(content); i++) {
		content[i] = n;
	}
	slot_format_write(p, content, p.copy_size - sizeof(struct slot_copy), NULL);
}

/* 0 when there is none. */
static uint32_t read_number(struct slot_pair p)
{
	const uint8_t *content = slot_format_newest(p);
	uint32_t numbers[LARGE_COPY / 4];
	size_t length = p.copy_size - sizeof(struct slot_copy);

	if (content == NULL) {
		return 0;
	}
	memcpy(numbers, content, length);
	for (size_t i = 1; i < length / 4; i++) {
		assert_int_equal(numbers[i], numbers[0]);
	}
	return numbers[0];
}

/* 7 in copy 0, generation 2; 8 in copy 1, generation 3. */
static struct slot_pair two_generations(struct bytes *b, void **state)
{
	struct slot_pair p = pair_in(b, state);

	*b = (struct bytes){0};
	write_number(p, 6);
	write_number(p, 7);
	write_number(p, 8);
	return p;
}

static void pair_of_zeros_has_no_content(void **state)
{
	struct bytes b = {0};
	struct slot_pair p = pair_in(&b, state);

	assert_int_equal(slot_format_repair(p), SLOT_UNTOUCHED);
	assert_null(slot_format_newest(p));
}

static void newest_is_what_was_written_last(void **state)
{
	struct bytes b = {0};
	struct slot_pair p = pair_in(&b, state);

	for (uint32_t n = 1; n < 10; n++) {
		write_number(p, n);
		assert_int_equal(read_number(p), n);
		assert_int_equal(slot_format_repair(p), SLOT_UNTOUCHED);
		assert_int_equal(read_number(p), n);
	}
}

static void write_leaves_the_newer_copy_alone(void **state)
{
	struct bytes b, before;
	struct slot_pair p = two_generations(&b, state);

	before = b;
	write_number(p, 9);
	assert_memory_equal(b.at + p.copy_size, before.at + p.copy_size, p.copy_size);
	assert_memory_not_equal(b.at, before.at, p.copy_size);
}

static void check_any_bit_flipped(void **state, size_t copy, uint32_t expected)
{
	struct bytes whole, b;
	struct slot_pair p = two_generations(&whole, state);

	p.bytes = b.at;
	for (size_t bit = 0; bit < (size_t)p.copy_size * 8; bit++) {
		b = whole;
		p.bytes[copy * p.copy_size + bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(slot_format_repair(p), SLOT_REPAIRED);
		assert_int_equal(read_number(p), expected);
		/* What is written next must count, whatever generation the damaged copy had claimed. */
		write_number(p, 9);
		assert_int_equal(read_number(p), 9);
		assert_int_equal(slot_format_repair(p), SLOT_UNTOUCHED);
		assert_int_equal(read_number(p), 9);
	}
}

static void any_bit_flipped_in_the_newer_copy_leaves_the_older(void **state)
{
	check_any_bit_flipped(state, 1, 7);
}

static void any_bit_flipped_in_the_older_copy_leaves_the_newer(void **state)
{
	check_any_bit_flipped(state, 0, 8);
}

static void damage_to_both_copies_frees_the_pair_and_is_told_once(void **state)
{
	struct bytes b;
	struct slot_pair p = two_generations(&b, state);

	copy_in(p, 0)->content[3] ^= 1;
	copy_in(p, 1)->content[3] ^= 1;
	assert_int_equal(slot_format_repair(p), SLOT_DAMAGED);
	assert_null(slot_format_newest(p));
	assert_int_equal(slot_format_repair(p), SLOT_UNTOUCHED);
}

/* A power cut: the first so many bytes of the pair are new and the rest old, or the other way round. */
static void write_torn_at_any_byte_leaves_the_state_before_or_after(void **state)
{
	struct bytes before, after, torn;
	struct slot_pair p = two_generations(&before, state);
	int old = 0, new = 0;

	after = before;
	p.bytes = after.at;
	write_number(p, 9);
	p.bytes = torn.at;
	for (size_t i = 0; i <= 4 * (size_t)p.copy_size; i++) {
		uint32_t n;

		torn = i % 2 == 0 ? before : after;
		memcpy(torn.at, i % 2 == 0 ? after.at : before.at, i / 2);
		assert_int_not_equal(slot_format_repair(p), SLOT_DAMAGED);
		n = read_number(p);
		assert_true(n == 8 || n == 9);
		old += n == 8;
		new += n == 9;
	}
	assert_true(old > 0 && new > 0);
}

/* A kill: the generation is written last, and is 0 until then. */
static void first_write_that_was_cut_off_is_no_damage(void **state)
{
	struct bytes b = {0};
	struct slot_pair p = pair_in(&b, state);

	write_number(p, 5);
	copy_in(p, 1)->generation = 0;
	assert_int_equal(slot_format_repair(p), SLOT_REPAIRED);
	assert_null(slot_format_newest(p));
}

static void pair_of_another_seed_is_not_taken(void **state)
{
	struct bytes b;
	struct slot_pair p = two_generations(&b, state);

	p.seed++;
	assert_int_equal(slot_format_repair(p), SLOT_DAMAGED);
	assert_null(slot_format_newest(p));
}

static void copy_in_the_place_of_the_other_is_not_taken(void **state)
{
	struct bytes b;
	struct slot_pair p = two_generations(&b, state);

	memcpy(copy_in(p, 0), copy_in(p, 1), p.copy_size);
	assert_int_equal(slot_format_repair(p), SLOT_REPAIRED);
	assert_int_equal(read_number(p), 8);
	write_number(p, 9);
	assert_int_equal(read_number(p), 9);
}

static void longest_key_comes_back_from_behind_the_body(void **state)
{
	struct bytes b = {0};
	struct slot_pair p = pair_in(&b, state);
	struct datastream_key key = {.station = ""}, got;

	memset(key.station, 's', STATION_CODE_MAX);
	memset(key.property, 'p', PROPERTY_CODE_MAX);
	slot_format_write(p, "body", 5, &key);
	assert_string_equal((const char *)slot_format_newest(p), "body");
	slot_format_key(slot_format_newest(p), 5, &got);
	assert_memory_equal(&got, &key, sizeof(key));
}

static void shorter_content_leaves_nothing_of_the_longer(void **state)
{
	struct bytes b, fresh = {0};
	struct slot_pair p = two_generations(&b, state), q = {fresh.at, p.copy_size, SEED};
	const struct datastream_key key = {.station = "a",
	                                   .property = "b\0what follows is nobody's business"};

	slot_format_write(p, "x", 1, &key);
	slot_format_write(p, "x", 1, &key);
	for (int i = 0; i < 5; i++) {
		slot_format_write(q, "x", 1, &(struct datastream_key){.station = "a", .property = "b"});
	}
	assert_memory_equal(&b, &fresh, sizeof(b));
}

static void layout_is_the_one_that_is_written_down(void **state)
{
	const struct slot_kind kind = {.magic = "SOMEKIN", .version = 3, .body_size = 300};
	const struct slot_header h = slot_format_header(&kind);
	const uint32_t numbers[4] = {3, 896, 300, 0};
	struct bytes b = {0};
	const uint64_t generation = 1;
	struct slot_pair p = pair_in(&b, state);

	assert_memory_equal(&h, "SOMEKIN", 8);
	assert_memory_equal((const uint8_t *)&h + 8, numbers, sizeof(numbers));
	assert_int_equal(slot_format_offset(448, 0), 4096);
	assert_int_equal(slot_format_offset(448, 3), 4096 + 3 * 896);
	slot_format_write(p, "content", 8, &(struct datastream_key){"station", "property"});
	assert_memory_equal(b.at + p.copy_size + 8, &generation, sizeof(generation));
	assert_string_equal((char *)b.at + p.copy_size + 16, "content");
	assert_string_equal((char *)b.at + p.copy_size + 16 + 8, "station");
	assert_string_equal((char *)b.at + p.copy_size + 16 + 8 + 65, "property");
}

static void copy_holds_head_body_and_key_on_a_boundary(void **state)
{
	(void)state;
	assert_int_equal(slot_format_copy_size(1), 128);
	assert_int_equal(slot_format_copy_size(6), 128);
	assert_int_equal(slot_format_copy_size(7), 192);
	assert_int_equal(slot_format_copy_size(71), 256);
	assert_int_equal(slot_format_copy_size(2048), 2176);
}

#define SMALL_AND_LARGE(name) \
	cmocka_unit_test_prestate(name, &small_copy), cmocka_unit_test_prestate(name, &large_copy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SMALL_AND_LARGE(pair_of_zeros_has_no_content),
		SMALL_AND_LARGE(newest_is_what_was_written_last),
		SMALL_AND_LARGE(write_leaves_the_newer_copy_alone),
		SMALL_AND_LARGE(any_bit_flipped_in_the_newer_copy_leaves_the_older),
		SMALL_AND_LARGE(any_bit_flipped_in_the_older_copy_leaves_the_newer),
		SMALL_AND_LARGE(damage_to_both_copies_frees_the_pair_and_is_told_once),
		SMALL_AND_LARGE(write_torn_at_any_byte_leaves_the_state_before_or_after),
		SMALL_AND_LARGE(first_write_that_was_cut_off_is_no_damage),
		SMALL_AND_LARGE(pair_of_another_seed_is_not_taken),
		SMALL_AND_LARGE(copy_in_the_place_of_the_other_is_not_taken),
		SMALL_AND_LARGE(longest_key_comes_back_from_behind_the_body),
		SMALL_AND_LARGE(shorter_content_leaves_nothing_of_the_longer),
		SMALL_AND_LARGE(layout_is_the_one_that_is_written_down),
		cmocka_unit_test(copy_holds_head_body_and_key_on_a_boundary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
