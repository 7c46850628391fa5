#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch.h"
#include "qc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static uint8_t body[RECORD_BODY_MAX];

static struct journal_record record_at(uint64_t position, uint8_t kind, size_t length)
{
	return (struct journal_record){
		.position = position, .next = position + 1, .kind = kind, .length = length, .body = body};
}

static struct journal_record reading_at(uint64_t position, const char *station, int64_t phenomenon_us,
                                        double result)
{
	struct reading r = {
		.phenomenon_us = phenomenon_us, .received_us = 1, .result = result, .quality = QUALITY_PASS};

	copy_text(r.key.station, sizeof(r.key.station), station, strlen(station));
	copy_text(r.key.property, sizeof(r.key.property), "water_level", 11);
	return record_at(position, RECORD_READING, record_encode_reading(&r, NULL, body));
}

static void add_reading(struct batch *b, uint64_t position, int64_t phenomenon_us, double result)
{
	struct journal_record record = reading_at(position, "phu-an", phenomenon_us, result);

	assert_int_equal(batch_add(b, &record), 0);
}

/* One of datastream 1 that settles an earlier one. */
static void add_settling(struct batch *b, uint64_t position, int64_t phenomenon_us, int64_t settled_us,
                         uint8_t quality)
{
	struct reading r = {.phenomenon_us = phenomenon_us, .result = 1, .quality = QUALITY_PASS};
	const struct hindsight h = {.settles = true,
	                            .settled_us = settled_us,
	                            .settled_quality = quality,
	                            .settled_tests = quality};
	struct journal_record record;

	copy_text(r.key.station, sizeof(r.key.station), "phu-an", 6);
	copy_text(r.key.property, sizeof(r.key.property), "water_level", 11);
	record = record_at(position, RECORD_READING, record_encode_reading(&r, &h, body));
	assert_int_equal(batch_add(b, &record), 0);
	b->readings[b->reading_count - 1].datastream_id = 1;
}

static int make(void **state)
{
	*state = batch_new();
	assert_non_null(*state);
	batch_reset(*state, 100, BATCH_READINGS_MAX);
	return 0;
}

static int unmake(void **state)
{
	batch_free(*state);
	return 0;
}

static void sorts_by_datastream_and_time(void **state)
{
	struct batch *b = *state;

	add_reading(b, 100, 30, 1);
	add_reading(b, 101, 20, 2);
	add_reading(b, 102, 10, 3);
	b->readings[0].datastream_id = 1;
	b->readings[1].datastream_id = 2;
	b->readings[2].datastream_id = 1;
	batch_sort(b);
	assert_int_equal(b->order_count, 3);
	assert_int_equal(batch_ordered(b, 0)->position, 102);
	assert_int_equal(batch_ordered(b, 1)->position, 100);
	assert_int_equal(batch_ordered(b, 2)->position, 101);
}

static int by_key_and_arrival(const void *left, const void *right)
{
	const struct batch_key *a = left, *b = right;

	if (a->datastream_id != b->datastream_id) {
		return a->datastream_id < b->datastream_id ? -1 : 1;
	}
	if (a->phenomenon_us != b->phenomenon_us) {
		return a->phenomenon_us < b->phenomenon_us ? -1 : 1;
	}
	return a->index < b->index ? -1 : 1;
}

/* Numbers of one, two and three digits of the sort, times in and out of order, keys that come again. */
static void any_numbers_and_times_are_sorted_as_qsort_does(void **state)
{
	static const int32_t numbers[] = {1, 7, 2047, 2048, 2049, 4095, 4194303, 4194304, 8388609, INT32_MAX};
	struct batch *b = *state;
	struct batch_key *expected = calloc(BATCH_READINGS_MAX, sizeof(*expected));
	uint32_t seed = 1;

	for (size_t count = 1; count <= 4096; count *= 8) {
		size_t kept = 0;

		batch_reset(b, 100, BATCH_READINGS_MAX);
		for (size_t i = 0; i < count; i++) {
			int64_t us;

			seed = seed * 1664525 + 1013904223;
			us = i % 2 == 0 ? (int64_t)i : seed >> 22;
			add_reading(b, 100 + i, us, 1);
			b->readings[i].datastream_id = numbers[(seed >> 8) % ARRAY_SIZE(numbers)];
			expected[i] = (struct batch_key){us, b->readings[i].datastream_id, (uint32_t)i};
		}
		qsort(expected, count, sizeof(*expected), by_key_and_arrival);
		batch_sort(b);
		for (size_t i = 0; i < count; i++) {
			if (i > 0 && expected[i].datastream_id == expected[i - 1].datastream_id &&
			    expected[i].phenomenon_us == expected[i - 1].phenomenon_us) {
				continue;
			}
			assert_memory_equal(&b->order[kept], &expected[i], sizeof(*expected));
			kept++;
		}
		assert_int_equal(b->order_count, kept);
		assert_int_equal(b->repeated, count - kept);
	}
	free(expected);
}

static void first_arrival_of_a_key_wins(void **state)
{
	struct batch *b = *state;

	for (uint64_t i = 0; i < 1000; i++) {
		add_reading(b, 100 + i, (int64_t)(i % 10), (double)i);
		b->readings[i].datastream_id = 7;
	}
	batch_sort(b);
	assert_int_equal(b->order_count, 10);
	assert_int_equal(b->repeated, 990);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(batch_ordered(b, i)->position, 100 + i);
	}
}

static void leaves_out_readings_without_datastream(void **state)
{
	struct batch *b = *state;

	add_reading(b, 100, 1, 1);
	add_reading(b, 101, 1, 1);
	b->readings[1].datastream_id = 3;
	batch_sort(b);
	assert_int_equal(b->order_count, 1);
	assert_int_equal(b->repeated, 0);
	assert_int_equal(batch_ordered(b, 0)->position, 101);
}

static void holds_all_kinds_and_the_position_behind_them(void **state)
{
	struct batch *b = *state;
	struct transition t = {.key = {.station = "a", .property = "flow"},
	                       .sequence = 1,
	                       .level = 2,
	                       .quality = QUALITY_PASS};
	struct dead_letter l = {.topic = "x/y",
	                        .client = "c",
	                        .detail = "d",
	                        .payload = "pay",
	                        .payload_kept = 3,
	                        .payload_length = 9,
	                        .received_us = 5,
	                        .reason = REJECT_INVALID_JSON};
	struct journal_record record = record_at(200, RECORD_ALARM, record_encode_transition(&t, body));

	assert_int_equal(batch_add(b, &record), 0);
	record = record_at(300, RECORD_DEAD_LETTER, record_encode_dead_letter(&l, body));
	assert_int_equal(batch_add(b, &record), 0);
	memset(body, 0, sizeof(body));
	assert_int_equal(b->from, 100);
	assert_int_equal(b->to, 301);
	assert_int_equal(batch_count(b), 2);
	assert_string_equal(b->transitions[0].transition.key.property, "flow");
	assert_string_equal(b->dead_letters[0].letter.topic, "x/y");
	assert_memory_equal(b->dead_letters[0].letter.payload, "pay", 3);
	assert_int_equal(b->dead_letters[0].letter.payload_length, 9);
}

static void full_batch_takes_nothing_more(void **state)
{
	struct batch *b = *state;
	struct journal_record record;

	batch_reset(b, 100, 2);
	add_reading(b, 100, 1, 1);
	add_reading(b, 101, 2, 1);
	record = reading_at(102, "phu-an", 3, 1);
	assert_int_equal(batch_add(b, &record), -ENOBUFS);
	assert_int_equal(b->to, 102);
	assert_int_equal(b->reading_count, 2);
}

static void passes_over_what_does_not_decode(void **state)
{
	struct batch *b = *state;
	struct journal_record torn = reading_at(100, "phu-an", 1, 1);
	struct journal_record unknown = record_at(101, 99, 4);

	torn.length = 3;
	assert_int_equal(batch_add(b, &torn), -EBADMSG);
	assert_int_equal(batch_add(b, &unknown), -EBADMSG);
	assert_int_equal(b->to, 102);
	assert_int_equal(b->undecodable, 2);
	assert_int_equal(batch_count(b), 0);
}

static void settles_what_stands_in_the_same_batch(void **state)
{
	struct batch *b = *state;

	add_reading(b, 100, 10, 1);
	b->readings[0].datastream_id = 1;
	add_settling(b, 101, 20, 10, QUALITY_SUSPECT);
	add_settling(b, 102, 30, 20, QUALITY_FAIL);
	batch_sort(b);
	assert_int_equal(b->order_count, 3);
	assert_int_equal(b->settled_count, 0);
	assert_int_equal(batch_ordered(b, 0)->reading.quality, QUALITY_SUSPECT);
	assert_int_equal(batch_ordered(b, 1)->reading.quality, QUALITY_FAIL);
	assert_int_equal(batch_ordered(b, 1)->reading.tests, QUALITY_FAIL);
	assert_int_equal(batch_ordered(b, 2)->reading.quality, QUALITY_PASS);
}

static void what_was_stored_before_is_settled_once_by_the_last_to_say(void **state)
{
	struct batch *b = *state;

	add_settling(b, 100, 30, 7, QUALITY_PASS);
	add_settling(b, 101, 40, 5, QUALITY_PASS);
	add_settling(b, 102, 50, 7, QUALITY_SUSPECT);
	batch_sort(b);
	assert_int_equal(b->settled_count, 2);
	assert_int_equal(b->settled[0].phenomenon_us, 5);
	assert_int_equal(b->settled[1].phenomenon_us, 7);
	assert_int_equal(batch_settled(b, 1)->hindsight.settled_quality, QUALITY_SUSPECT);
}

static void a_stamp_that_comes_twice_settles_the_one_that_was_stored(void **state)
{
	struct batch *b = *state;

	add_settling(b, 100, 7, 7, QUALITY_SUSPECT);
	batch_sort(b);
	assert_int_equal(b->settled_count, 1);
	assert_int_equal(b->settled[0].phenomenon_us, 7);
	assert_int_equal(batch_ordered(b, 0)->reading.quality, QUALITY_PASS);
}

/* The first of the stamp was stored with a batch before; its copy waits for no verdict. */
static void a_verdict_passes_over_a_copy_to_the_one_that_was_stored(void **state)
{
	static const double said[] = {1, NAN};
	struct batch *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		batch_reset(b, 100, BATCH_READINGS_MAX);
		add_settling(b, 100, 7, 7, QUALITY_SUSPECT);
		b->readings[0].reading.result = said[i];
		b->readings[0].reading.quality = isnan(said[i]) ? QUALITY_MISSING : QUALITY_SUSPECT;
		b->readings[0].reading.tests =
			qc_tests_set(0, QC_TIME, isnan(said[i]) ? QUALITY_MISSING : QUALITY_SUSPECT);
		add_settling(b, 101, 8, 7, QUALITY_FAIL);
		batch_sort(b);
		assert_int_equal(b->settled_count, 1);
		assert_int_equal(batch_settled(b, 0)->hindsight.settled_quality, QUALITY_FAIL);
		if (isnan(said[i])) {
			assert_int_equal(batch_ordered(b, 0)->reading.quality, QUALITY_MISSING);
		}
	}
}

static void a_reading_that_cannot_be_registered_settles_nothing(void **state)
{
	struct batch *b = *state;

	add_settling(b, 100, 30, 7, QUALITY_PASS);
	b->readings[0].datastream_id = 0;
	batch_sort(b);
	assert_int_equal(b->settled_count, 0);
}

static void reset_forgets_everything(void **state)
{
	struct batch *b = *state;

	add_reading(b, 100, 1, 1);
	b->readings[0].datastream_id = 3;
	batch_sort(b);
	batch_reset(b, 500, BATCH_READINGS_MAX + 1);
	assert_int_equal(b->from, 500);
	assert_int_equal(b->to, 500);
	assert_int_equal(b->limit, BATCH_READINGS_MAX);
	assert_int_equal(batch_count(b), 0);
	assert_int_equal(b->order_count, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sorts_by_datastream_and_time),
		TEST(first_arrival_of_a_key_wins),
		TEST(any_numbers_and_times_are_sorted_as_qsort_does),
		TEST(leaves_out_readings_without_datastream),
		TEST(holds_all_kinds_and_the_position_behind_them),
		TEST(full_batch_takes_nothing_more),
		TEST(passes_over_what_does_not_decode),
		TEST(settles_what_stands_in_the_same_batch),
		TEST(what_was_stored_before_is_settled_once_by_the_last_to_say),
		TEST(a_stamp_that_comes_twice_settles_the_one_that_was_stored),
		TEST(a_verdict_passes_over_a_copy_to_the_one_that_was_stored),
		TEST(a_reading_that_cannot_be_registered_settles_nothing),
		TEST(reset_forgets_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
