/* Batches from a real journal, with no server: what is known of its datastreams is made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer_fill.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH    200
#define STATIONS 7

struct fixture {
	char directory[64];
	struct writer w;
	struct stats stats;
	int appended;
};

static void open_journal(struct fixture *f)
{
	struct journal_report report;
	struct journal_options options = {.max_size = 64u << 20, .segment_size = 1u << 20};

	snprintf(f->directory, sizeof(f->directory), "/tmp/highwater-fill.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	options.directory = f->directory;
	assert_int_equal(journal_open(&f->w.journal, &options, &report), 0);
}

static void number_stations(struct fixture *f, int first)
{
	for (int i = 0; i < STATIONS; i++) {
		struct datastream_key key = {.property = "water_level"};

		snprintf(key.station, sizeof(key.station), "s%d", i);
		assert_int_equal(pg_ids_put(f->w.ids, &key, first + i), 0);
	}
}

static int make(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	open_journal(f);
	f->w.ids = pg_ids_new();
	f->w.log = log_box_new();
	f->w.store = pg_store_new(journal_id(f->w.journal), "test");
	f->w.stats = &f->stats;
	f->w.now = &f->w.loads[0];
	f->w.next = &f->w.loads[1];
	f->w.batch_limit = BATCH;
	assert_int_equal(writer_load_init(f->w.now), 0);
	assert_int_equal(writer_load_init(f->w.next), 0);
	number_stations(f, 1);
	*state = f;
	return 0;
}

static int unmake(void **state)
{
	struct fixture *f = *state;
	char command[96];

	writer_load_done(&f->w.loads[0]);
	writer_load_done(&f->w.loads[1]);
	pg_ids_free(f->w.ids);
	pg_store_free(f->w.store);
	log_box_free(f->w.log);
	journal_close(f->w.journal);
	snprintf(command, sizeof(command), "rm -r %s", f->directory);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void append_of(struct fixture *f, const char *station)
{
	struct reading r = {.phenomenon_us = f->appended,
	                    .result = f->appended,
	                    .quality = QUALITY_PASS,
	                    .key = {.property = "water_level"}};
	uint8_t body[RECORD_BODY_MAX];
	uint64_t position;

	snprintf(r.key.station, sizeof(r.key.station), "%s", station);
	assert_int_equal(journal_append(f->w.journal, RECORD_READING, JOURNAL_NORMAL, body,
	                                record_encode_reading(&r, NULL, body), &position),
	                 0);
	f->appended++;
}

static void append(struct fixture *f, int count)
{
	char station[16];

	for (int i = 0; i < count; i++) {
		snprintf(station, sizeof(station), "s%d", f->appended % STATIONS);
		append_of(f, station);
	}
}

/* Steps until there is nothing to do; how many. */
static int prepare(struct fixture *f)
{
	int steps = 0;

	while (writer_fill_ahead(&f->w)) {
		steps++;
		assert_true(steps < 1000);
	}
	return steps;
}

/* The batch whose turn it is has readings [first, end), all of them, as COPY takes them. */
static void check_turn(struct fixture *f, int first, int end)
{
	struct pg_binary expected = {0};
	const struct batch *b;
	struct pg_error error;

	assert_int_equal(writer_fill(&f->w), 0);
	assert_int_equal(writer_fill_finish(&f->w, &error), 0);
	b = f->w.now->batch;
	assert_int_equal(b->from, f->w.own);
	assert_int_equal(f->w.now->records, end - first);
	assert_int_equal(b->order_count, end - first);
	for (int i = first; i < end; i++) {
		assert_true(b->readings[i - first].reading.result == i);
		assert_int_equal(b->readings[i - first].datastream_id,
		                 pg_ids_get(f->w.ids, &b->readings[i - first].reading.key));
	}
	pg_rows_encode(b, 0, b->order_count, &expected);
	assert_int_equal(f->w.now->copy.length, expected.length);
	assert_memory_equal(f->w.now->copy.data, expected.data, expected.length);
	pg_binary_done(&expected);
}

static void store(struct fixture *f)
{
	f->w.own = f->w.now->batch->to;
}

static void the_next_batch_is_whole_before_its_turn(void **state)
{
	struct fixture *f = *state;

	append(f, 3 * BATCH + 10);
	check_turn(f, 0, BATCH);
	for (int i = 1; i < 3; i++) {
		const struct writer_load *prepared = f->w.next;

		assert_true(prepare(f) > 0);
		assert_true(prepared->ready);
		store(f);
		check_turn(f, i * BATCH, (i + 1) * BATCH);
		assert_ptr_equal(f->w.now, prepared);
	}
	(void)prepare(f);
	assert_false(f->w.next->ready);
	store(f);
	check_turn(f, 3 * BATCH, 3 * BATCH + 10);
	store(f);
	check_turn(f, 0, 0);
}

static void what_comes_meanwhile_is_in_the_next_batch_too(void **state)
{
	struct fixture *f = *state;

	append(f, 10);
	check_turn(f, 0, 10);
	append(f, 5);
	(void)prepare(f);
	append(f, 6);
	store(f);
	append(f, 7);
	check_turn(f, 10, 28);
	assert_int_equal(f->w.now->batch->to, journal_tail(f->w.journal));
}

static void a_batch_that_was_not_stored_is_filled_again_and_the_next_after_it(void **state)
{
	struct fixture *f = *state;

	append(f, 2 * BATCH);
	check_turn(f, 0, BATCH);
	(void)prepare(f);
	f->w.batch_limit = BATCH / 2;
	check_turn(f, 0, BATCH / 2);
	(void)prepare(f);
	store(f);
	check_turn(f, BATCH / 2, BATCH);
	store(f);
	check_turn(f, BATCH, BATCH + BATCH / 2);
}

static void a_position_that_went_back_is_filled_from_there(void **state)
{
	struct fixture *f = *state;

	append(f, 3 * BATCH);
	check_turn(f, 0, BATCH);
	store(f);
	check_turn(f, BATCH, 2 * BATCH);
	(void)prepare(f);
	f->w.own = 0;
	check_turn(f, 0, BATCH);
}

/* What was stored before is still in memory, sorted and encoded, and not full: it must not be gone on with. */
static void a_position_that_went_back_by_a_small_batch_is_filled_anew(void **state)
{
	struct fixture *f = *state;
	append(f, 10);
	check_turn(f, 0, 10);
	(void)prepare(f);
	store(f);
	check_turn(f, 10, 10);
	f->w.own = 0;
	append(f, 5);
	check_turn(f, 0, 15);
}

static void a_number_that_has_changed_is_in_the_rows(void **state)
{
	struct fixture *f = *state;

	append(f, 2 * BATCH + 1);
	check_turn(f, 0, BATCH);
	(void)prepare(f);
	assert_true(f->w.next->ready);
	number_stations(f, 101);
	store(f);
	check_turn(f, BATCH, 2 * BATCH);
	assert_int_equal(f->w.now->batch->order[0].datastream_id, 101);
}

/* To be registered, the server must be asked, and it is busy. */
static void a_new_datastream_waits_for_its_turn(void **state)
{
	struct fixture *f = *state;
	const struct datastream_key key = {.station = "new", .property = "water_level"};

	append(f, BATCH + 10);
	append_of(f, "new");
	append(f, BATCH);
	check_turn(f, 0, BATCH);
	(void)prepare(f);
	assert_true(f->w.next->full);
	assert_false(f->w.next->sorted);
	assert_int_equal(pg_ids_put(f->w.ids, &key, 50), 0);
	store(f);
	check_turn(f, BATCH, 2 * BATCH);
	assert_int_equal(f->w.now->batch->order[BATCH - 1].datastream_id, 50);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_next_batch_is_whole_before_its_turn),
		TEST(what_comes_meanwhile_is_in_the_next_batch_too),
		TEST(a_batch_that_was_not_stored_is_filled_again_and_the_next_after_it),
		TEST(a_position_that_went_back_is_filled_from_there),
		TEST(a_position_that_went_back_by_a_small_batch_is_filled_anew),
		TEST(a_number_that_has_changed_is_in_the_rows),
		TEST(a_new_datastream_waits_for_its_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
