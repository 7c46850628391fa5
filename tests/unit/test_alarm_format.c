#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm_format.h"

#include <string.h>

#define SEED 41

static void write_number(struct alarm_pair *p, uint32_t n)
{
	/* In all of the payload, so that a mixture of two is seen. */
	uint32_t payload[60];

	for (size_t i = 0; i < ARRAY_SIZE(payload); i++) {
		payload[i] = n;
	}
	alarm_format_write(p, SEED, payload, sizeof(payload));
}

/* 0 when there is none. */
static uint32_t read_number(const struct alarm_pair *p)
{
	const void *payload = alarm_format_newest(p);
	uint32_t numbers[60];

	if (payload == NULL) {
		return 0;
	}
	memcpy(numbers, payload, sizeof(numbers));
	for (size_t i = 1; i < ARRAY_SIZE(numbers); i++) {
		assert_int_equal(numbers[i], numbers[0]);
	}
	return numbers[0];
}

/* 7 in copy 0, generation 2; 8 in copy 1, generation 3. */
static struct alarm_pair two_generations(void)
{
	struct alarm_pair p = {0};

	write_number(&p, 6);
	write_number(&p, 7);
	write_number(&p, 8);
	return p;
}

static uint8_t *bytes_of(void *object)
{
	return object;
}

static void pair_of_zeros_has_no_payload(void **state)
{
	struct alarm_pair p = {0};

	(void)state;
	assert_int_equal(alarm_format_repair(&p, SEED), ALARM_UNTOUCHED);
	assert_null(alarm_format_newest(&p));
}

static void newest_is_what_was_written_last(void **state)
{
	struct alarm_pair p = {0};

	(void)state;
	for (uint32_t n = 1; n < 10; n++) {
		write_number(&p, n);
		assert_int_equal(read_number(&p), n);
		assert_int_equal(alarm_format_repair(&p, SEED), ALARM_UNTOUCHED);
		assert_int_equal(read_number(&p), n);
	}
}

static void write_leaves_the_newer_copy_alone(void **state)
{
	struct alarm_pair p = two_generations(), before = p;

	(void)state;
	write_number(&p, 9);
	assert_memory_equal(&p.copy[1], &before.copy[1], sizeof(p.copy[1]));
	assert_memory_not_equal(&p.copy[0], &before.copy[0], sizeof(p.copy[0]));
}

static void check_any_bit_flipped(size_t copy, uint32_t expected)
{
	for (size_t bit = 0; bit < sizeof(struct alarm_copy) * 8; bit++) {
		struct alarm_pair p = two_generations();

		bytes_of(&p.copy[copy])[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(alarm_format_repair(&p, SEED), ALARM_REPAIRED);
		assert_int_equal(read_number(&p), expected);
		/* What is written next must count, whatever generation the damaged copy had claimed. */
		write_number(&p, 9);
		assert_int_equal(read_number(&p), 9);
		assert_int_equal(alarm_format_repair(&p, SEED), ALARM_UNTOUCHED);
		assert_int_equal(read_number(&p), 9);
	}
}

static void any_bit_flipped_in_the_newer_copy_leaves_the_older(void **state)
{
	(void)state;
	check_any_bit_flipped(1, 7);
}

static void any_bit_flipped_in_the_older_copy_leaves_the_newer(void **state)
{
	(void)state;
	check_any_bit_flipped(0, 8);
}

static void damage_to_both_copies_frees_the_pair_and_is_told_once(void **state)
{
	struct alarm_pair p = two_generations();

	(void)state;
	p.copy[0].payload[3] ^= 1;
	p.copy[1].payload[3] ^= 1;
	assert_int_equal(alarm_format_repair(&p, SEED), ALARM_DAMAGED);
	assert_null(alarm_format_newest(&p));
	assert_int_equal(alarm_format_repair(&p, SEED), ALARM_UNTOUCHED);
}

/* A power cut: the first so many bytes of the pair are new and the rest old, or the other way round. */
static void write_torn_at_any_byte_leaves_the_state_before_or_after(void **state)
{
	struct alarm_pair before = two_generations(), after = before;
	int old = 0, new = 0;

	(void)state;
	write_number(&after, 9);
	for (size_t i = 0; i <= 2 * sizeof(struct alarm_pair); i++) {
		struct alarm_pair torn = i % 2 == 0 ? before : after;
		uint32_t n;

		memcpy(&torn, i % 2 == 0 ? &after : &before, i / 2);
		assert_int_not_equal(alarm_format_repair(&torn, SEED), ALARM_DAMAGED);
		n = read_number(&torn);
		assert_true(n == 8 || n == 9);
		old += n == 8;
		new += n == 9;
	}
	assert_true(old > 0 && new > 0);
}

/* A kill: the generation is written last, and is 0 until then. */
static void first_write_that_was_cut_off_is_no_damage(void **state)
{
	struct alarm_pair p = {0};

	(void)state;
	write_number(&p, 5);
	p.copy[1].generation = 0;
	assert_int_equal(alarm_format_repair(&p, SEED), ALARM_REPAIRED);
	assert_null(alarm_format_newest(&p));
}

static void pair_of_another_seed_is_not_taken(void **state)
{
	struct alarm_pair p = two_generations();

	(void)state;
	assert_int_equal(alarm_format_repair(&p, SEED + 1), ALARM_DAMAGED);
	assert_null(alarm_format_newest(&p));
}

static void copy_in_the_place_of_the_other_is_not_taken(void **state)
{
	struct alarm_pair p = two_generations();

	(void)state;
	p.copy[0] = p.copy[1];
	assert_int_equal(alarm_format_repair(&p, SEED), ALARM_REPAIRED);
	assert_int_equal(read_number(&p), 8);
	write_number(&p, 9);
	assert_int_equal(read_number(&p), 9);
}

static void layout_is_the_one_that_is_written_down(void **state)
{
	struct alarm_pair p = {0};
	const uint64_t generation = 1;

	(void)state;
	alarm_format_write(&p, SEED, "payload", 8);
	assert_memory_equal(&alarm_format_header, "HWALARM", 8);
	assert_int_equal(alarm_format_offset(0), 4096);
	assert_int_equal(alarm_format_offset(3), 4096 + 3 * 512);
	assert_memory_equal(bytes_of(&p) + 256 + 8, &generation, sizeof(generation));
	assert_string_equal((char *)bytes_of(&p) + 256 + 16, "payload");
}

static void state_and_key_come_back_whole(void **state)
{
	struct datastream_key key = {.station = ""}, got_key;
	struct rules_state got, s = {
					.last_us = INT64_MAX,
					.started_us = 2,
					.changed_us = 3,
					.peak_us = INT64_MIN,
					.peak = 5.5,
					.value = -6.5,
					.threshold = 7.5,
					.level = INT32_MIN,
					.previous_level = 9,
					.sequence = UINT32_MAX,
					.direction = DIRECTION_FALLING,
					.severity = SEVERITY_MINOR,
					.quality = QUALITY_MISSING,
				};
	struct alarm_payload payload;

	(void)state;
	memset(key.station, 's', STATION_CODE_MAX);
	memset(key.property, 'p', PROPERTY_CODE_MAX);
	alarm_format_encode(&payload, &key, &s);
	alarm_format_decode(&payload, &got_key, &got);
	assert_memory_equal(&got_key, &key, sizeof(key));
	assert_int_equal(got.last_us, s.last_us);
	assert_int_equal(got.started_us, s.started_us);
	assert_int_equal(got.changed_us, s.changed_us);
	assert_int_equal(got.peak_us, s.peak_us);
	assert_true(got.peak == s.peak && got.value == s.value && got.threshold == s.threshold);
	assert_int_equal(got.level, s.level);
	assert_int_equal(got.previous_level, s.previous_level);
	assert_int_equal(got.sequence, s.sequence);
	assert_int_equal(got.direction, s.direction);
	assert_int_equal(got.severity, s.severity);
	assert_int_equal(got.quality, s.quality);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pair_of_zeros_has_no_payload),
		cmocka_unit_test(newest_is_what_was_written_last),
		cmocka_unit_test(write_leaves_the_newer_copy_alone),
		cmocka_unit_test(any_bit_flipped_in_the_newer_copy_leaves_the_older),
		cmocka_unit_test(any_bit_flipped_in_the_older_copy_leaves_the_newer),
		cmocka_unit_test(damage_to_both_copies_frees_the_pair_and_is_told_once),
		cmocka_unit_test(write_torn_at_any_byte_leaves_the_state_before_or_after),
		cmocka_unit_test(first_write_that_was_cut_off_is_no_damage),
		cmocka_unit_test(pair_of_another_seed_is_not_taken),
		cmocka_unit_test(copy_in_the_place_of_the_other_is_not_taken),
		cmocka_unit_test(layout_is_the_one_that_is_written_down),
		cmocka_unit_test(state_and_key_come_back_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
