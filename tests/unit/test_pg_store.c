/* Batches into a real PostgreSQL; with_postgres provides it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "database.h"
#include "pg_ids.h"
#include "pg_open.h"
#include "pg_store.h"
#include "pg_trickle.h"

#include <errno.h>
#include <math.h>

#define SECOND INT64_C(1000000)

static const uint8_t journal[JOURNAL_ID_SIZE] = {0xaa, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

struct fixture {
	PGconn *admin;
	struct pg_conn *conn;
	struct pg_store *store;
	struct pg_ids *ids;
	struct batch *batch;
	struct pg_binary copy;
	struct pg_store_result result;
	struct pg_error error;
	int64_t base_us; /* phenomenon times count from here */
	bool copying;    /* a few readings too */
};

static int64_t give_up_at; /* 0: never */

/* Not NULL: whoever waits for a standby is told to leave it. */
static PGconn *canceller;

static int idle(void *context)
{
	(void)context;
	if (canceller != NULL) {
		database_do(canceller, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
		                       " WHERE usename = 'plugin' AND wait_event = 'SyncRep'");
	}
	return give_up_at == 0 || clock_monotonic_us() < give_up_at ? PG_IDLE_MS : -1;
}

static void reconnect(struct fixture *f)
{
	const struct pg_waiter waiter = {.idle = idle, .silence_us = 5 * SECOND};

	pg_conn_close(f->conn);
	f->conn = NULL;
	if (pg_open(&f->conn, database_conninfo(), &waiter, &f->error) != 0 ||
	    pg_store_attach(f->store, f->conn, &f->error) != 0) {
		fail_msg("%s", f->error.message);
	}
	if (f->copying && pg_conn_run(f->conn, "DEALLOCATE highwater_trickle", NULL, &f->error) != 0) {
		fail_msg("%s", f->error.message);
	}
}

static int make_either(void **state, bool copying)
{
	struct fixture *f;

	*state = NULL;
	if (database_conninfo() == NULL) {
		return 0;
	}
	f = calloc(1, sizeof(*f));
	f->copying = copying;
	f->admin = database_connect();
	database_empty(f->admin);
	f->store = pg_store_new(journal, "test");
	f->ids = pg_ids_new();
	f->batch = batch_new();
	f->base_us = clock_realtime_us() / SECOND * SECOND;
	give_up_at = 0;
	canceller = NULL;
	reconnect(f);
	batch_reset(f->batch, 0, BATCH_READINGS_MAX);
	*state = f;
	return 0;
}

static int make(void **state)
{
	return make_either(state, false);
}

static int make_copying(void **state)
{
	return make_either(state, true);
}

static int unmake(void **state)
{
	struct fixture *f = *state;

	if (f != NULL) {
		pg_conn_close(f->conn);
		pg_store_free(f->store);
		pg_ids_free(f->ids);
		batch_free(f->batch);
		pg_binary_done(&f->copy);
		PQfinish(f->admin);
		free(f);
	}
	return 0;
}

static struct fixture *fixture(void **state)
{
	if (*state == NULL) {
		skip();
	}
	return *state;
}

static struct datastream_key key_of(const char *station, const char *property)
{
	struct datastream_key key = {0};

	copy_text(key.station, sizeof(key.station), station, strlen(station));
	copy_text(key.property, sizeof(key.property), property, strlen(property));
	return key;
}

/* A reading the given seconds after the base time; its journal position is its number. */
static struct batch_reading *add(struct fixture *f, const char *station, const char *property, int seconds,
                                 double result)
{
	struct batch *b = f->batch;
	struct batch_reading *item = &b->readings[b->reading_count++];

	*item = (struct batch_reading){
		.position = b->to++,
		.reading = {.key = key_of(station, property),
	                    .phenomenon_us = f->base_us + seconds * SECOND,
	                    .received_us = f->base_us,
	                    .result = result,
	                    .quality = QUALITY_PASS},
	};
	return item;
}

static void add_dead_letter(struct fixture *f, const char *detail)
{
	struct batch *b = f->batch;
	struct batch_dead_letter *item = &b->dead_letters[b->dead_letter_count++];

	item->letter = (struct dead_letter){.topic = "sensors/x",
	                                    .client = "",
	                                    .detail = detail,
	                                    .payload = "\0{",
	                                    .payload_kept = 2,
	                                    .payload_length = 70000,
	                                    .received_us = f->base_us,
	                                    .reason = REJECT_INVALID_JSON};
	item->position = b->to++;
}

static void add_transition(struct fixture *f, const char *station, uint32_t sequence, int32_t level)
{
	struct batch *b = f->batch;
	struct batch_transition *item = &b->transitions[b->transition_count++];

	*item = (struct batch_transition){
		.position = b->to++,
		.transition = {.key = key_of(station, "water_level"),
	                       .level_name = "Alarm",
	                       .value = 1.7,
	                       .threshold = 1.6,
	                       .peak = 1.7,
	                       .phenomenon_us = f->base_us + sequence * SECOND,
	                       .sent_us = f->base_us,
	                       .started_us = f->base_us,
	                       .peak_us = f->base_us,
	                       .level = level,
	                       .previous_level = level == 0 ? 1 : 0,
	                       .sequence = sequence,
	                       .msg_type = sequence == 1 ? MSG_ALERT : MSG_UPDATE,
	                       .quality = QUALITY_PASS},
	};
}

/* The next batch stands behind the last one. */
static void next_batch(struct fixture *f)
{
	batch_reset(f->batch, f->batch->to, BATCH_READINGS_MAX);
}

static int commit(struct fixture *f)
{
	int status = pg_ids_resolve(f->ids, f->conn, f->batch, &f->error);

	if (status == 0) {
		const struct pg_store_job job = {
			.batch = f->batch, .copy = &f->copy, .expected = f->batch->from};

		batch_sort(f->batch);
		pg_rows_encode(f->batch, 0, f->batch->order_count, &f->copy);
		status = pg_store_commit(f->store, f->conn, &job, &f->result, &f->error);
	}
	return status;
}

static void commit_well(struct fixture *f)
{
	if (commit(f) != 0) {
		fail_msg("%s %s", f->error.sqlstate, f->error.message);
	}
}

static uint64_t position(struct fixture *f)
{
	uint64_t p = UINT64_MAX;

	if (pg_store_position(f->store, f->conn, &p, &f->error) != 0) {
		fail_msg("%s", f->error.message);
	}
	return p;
}

/* One reading more than are stored by one statement, a second after the other. */
static void add_more_than_a_trickle(struct fixture *f, int *seconds)
{
	for (int i = 0; i <= PG_TRICKLE_MAX; i++) {
		add(f, "phu-an", "water_level", (*seconds)++, 1);
	}
}

static void store_one(struct fixture *f, int seconds)
{
	add(f, "phu-an", "water_level", seconds, 1);
	commit_well(f);
	next_batch(f);
}

/* How the last batch was stored: what its connection ran last. */
static bool trickled(struct fixture *f)
{
	return database_number(f->admin, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'plugin'"
	                                 " AND query LIKE '%WITH moved AS%'") == 1;
}

#define COUNT(f, table) ((int)database_number((f)->admin, "SELECT count(*) FROM highwater." table))

static void new_journal_starts_at_0(void **state)
{
	struct fixture *f = fixture(state);
	char text[64];

	assert_int_equal(position(f), 0);
	assert_int_equal(position(f), 0);
	assert_string_equal(database_text(f->admin, "SELECT journal_id FROM highwater.journal_position", text,
	                                  sizeof(text)),
	                    "aa010203-0405-0607-0809-0a0b0c0d0e0f");
	assert_string_equal(pg_store_journal(f->store), text);
}

static void stores_readings_with_their_position(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	for (int i = 0; i < 1000; i++) {
		add(f, i % 2 ? "phu-an" : "nha-be", "water_level", i, 0.1 * i);
	}
	commit_well(f);
	assert_int_equal(f->result.stored, 1000);
	assert_int_equal(f->result.known, 0);
	assert_int_equal(COUNT(f, "observation"), 1000);
	assert_int_equal(position(f), 1000);
	assert_true(database_number(f->admin, "SELECT result FROM highwater.reading WHERE station = 'phu-an'"
	                                      " ORDER BY phenomenon_time DESC LIMIT 1") == 0.1 * 999);
	assert_int_equal((int)database_number(f->admin, "SELECT max(quality) FROM highwater.observation"),
	                 QUALITY_PASS);
}

static void known_readings_are_passed_over(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	for (int i = 0; i < 100; i++) {
		add(f, "phu-an", "water_level", i, 1);
	}
	commit_well(f);
	next_batch(f);
	for (int i = 50; i < 150; i++) {
		add(f, "phu-an", "water_level", i, 2);
	}
	add(f, "phu-an", "water_level", 149, 3); /* twice in the batch itself */
	commit_well(f);
	assert_int_equal(f->result.stored, 50);
	assert_int_equal(f->result.known, 51);
	assert_int_equal(COUNT(f, "observation"), 150);
	assert_int_equal((int)database_number(f->admin, "SELECT sum(result) FROM highwater.observation"),
	                 200);
	assert_int_equal(position(f), 201);
}

static void a_few_readings_are_stored_by_one_statement(void **state)
{
	struct fixture *f = fixture(state);
	int seconds = 0;

	assert_int_equal(position(f), 0);
	add_more_than_a_trickle(f, &seconds);
	commit_well(f);
	assert_false(trickled(f));
	next_batch(f);
	for (int i = 0; i < PG_TRICKLE_MAX; i++) {
		add(f, i % 2 ? "phu-an" : "nha-be", "water_level", seconds + i, 0.1 * i);
	}
	commit_well(f);
	assert_true(trickled(f));
	assert_int_equal(f->result.stored, PG_TRICKLE_MAX);
	assert_int_equal(f->result.known, 0);
	assert_int_equal(COUNT(f, "observation"), seconds + PG_TRICKLE_MAX);
	assert_int_equal(position(f), f->batch->to);
	next_batch(f);
	add(f, "phu-an", "water_level", 0, 7); /* known */
	add(f, "phu-an", "water_level", 100, 7);
	add(f, "phu-an", "water_level", 100, 8); /* twice in the batch itself */
	commit_well(f);
	assert_true(trickled(f));
	assert_int_equal(f->result.stored, 1);
	assert_int_equal(f->result.known, 2);
	assert_int_equal((int)database_number(f->admin, "SELECT sum(result) FROM highwater.observation"
	                                                " WHERE result >= 7"),
	                 7);
	next_batch(f);
	add(f, "phu-an", "water_level", 101, 1);
	add_dead_letter(f, "detail");
	commit_well(f);
	assert_false(trickled(f));
	assert_int_equal(COUNT(f, "rejected"), 1);
}

/* A reading that settles the one before it, as each does where quality control has a rule. */
static void add_settling(struct fixture *f, int seconds, int settled)
{
	add(f, "phu-an", "water_level", seconds, seconds)->hindsight =
		(struct hindsight){.settles = true,
	                           .settled_us = f->base_us + settled * SECOND,
	                           .settled_tests = 1,
	                           .settled_quality = QUALITY_SUSPECT};
}

static void later_verdicts_go_along_with_a_few_readings(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	store_one(f, 1);
	add_settling(f, 2, 1);
	commit_well(f);
	assert_true(trickled(f));
	assert_int_equal(f->result.stored, 1);
	assert_int_equal(
		(int)database_number(f->admin, "SELECT quality FROM highwater.observation WHERE result = 1"),
		QUALITY_SUSPECT);
	assert_int_equal(
		(int)database_number(f->admin, "SELECT quality FROM highwater.observation WHERE result = 2"),
		QUALITY_PASS);
	assert_int_equal(position(f), 2);
	next_batch(f);
	add_settling(f, 3, 2);
	database_do(f->admin, "UPDATE highwater.journal_position SET position = 7");
	assert_int_equal(commit(f), -ESTALE);
	assert_int_equal(
		(int)database_number(f->admin, "SELECT quality FROM highwater.observation WHERE result = 2"),
		QUALITY_PASS);
	assert_int_equal(COUNT(f, "observation"), 2);
}

static void what_one_statement_cannot_store_is_copied(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	store_one(f, 1);
	assert_true(trickled(f));
	database_do(f->admin, "CREATE RULE rule AS ON INSERT TO highwater.observation DO ALSO SELECT 1");
	for (int i = 2; i <= 4; i++) {
		store_one(f, i);
		assert_int_equal(f->result.stored, 1);
		assert_false(trickled(f));
		if (i == 3) {
			reconnect(f);
			assert_int_equal(position(f), 3);
		}
	}
	database_do(f->admin, "DROP RULE rule ON highwater.observation");
	assert_int_equal(COUNT(f, "observation"), 4);
	reconnect(f);
	add(f, "phu-an", "water_level", 5, 1);
	add(f, "phu-an", "water_level", 6, (double)NAN);
	commit_well(f);
	assert_int_equal(f->result.stored, 1);
	assert_int_equal(f->result.refused, 1);
	assert_false(trickled(f));
	next_batch(f);
	store_one(f, 7); /* a refused row is no reason to give it up */
	assert_true(trickled(f));
}

/* Whatever keeps it from being prepared: nothing is stored over a connection that cannot move the position. */
static void a_connection_that_cannot_be_prepared_is_an_error(void **state)
{
	struct fixture *f = fixture(state);
	struct pg_store *fresh = pg_store_new(journal, "test");

	database_do(f->admin, "ALTER TABLE highwater.journal_position RENAME TO moved");
	assert_int_equal(pg_conn_run(f->conn, "DEALLOCATE ALL", NULL, &f->error), 0);
	assert_int_equal(pg_store_attach(fresh, f->conn, &f->error), -EPROTO);
	assert_string_equal(f->error.sqlstate, "42P01");
	database_do(f->admin, "ALTER TABLE highwater.moved RENAME TO journal_position");
	assert_int_equal(pg_store_attach(fresh, f->conn, &f->error), 0);
	pg_store_free(fresh);
}

/* A table that was locked for too long, say, is no reason to give the one statement up. */
static void an_error_that_passes_changes_nothing(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	store_one(f, 1);
	add(f, "phu-an", "water_level", 2, 1);
	assert_int_equal(pg_conn_run(f->conn, "SET statement_timeout = '100ms'", NULL, &f->error), 0);
	database_do(f->admin, "BEGIN; LOCK TABLE highwater.observation");
	assert_int_equal(commit(f), -EPROTO);
	assert_string_equal(f->error.sqlstate, "57014");
	assert_true(trickled(f));
	database_do(f->admin, "COMMIT");
	assert_int_equal(pg_store_rollback(f->conn, &f->error), 0);
	commit_well(f);
	assert_true(trickled(f));
	assert_int_equal(COUNT(f, "observation"), 2);
}

/* As when another broker has all the readings too, and is first. */
static void a_few_readings_are_one_statement_however_many_are_known(void **state)
{
	struct fixture *f = fixture(state);
	int seconds = 0;

	assert_int_equal(position(f), 0);
	add_more_than_a_trickle(f, &seconds);
	commit_well(f);
	seconds = 0;
	next_batch(f);
	add_more_than_a_trickle(f, &seconds); /* known: larger batches take the tolerant path now */
	commit_well(f);
	assert_false(trickled(f));
	assert_false(pg_store_copies(f->store));
	next_batch(f);
	for (int i = 0; i < PG_STORE_CALM; i++) {
		store_one(f, i);
		assert_true(trickled(f));
		assert_int_equal(f->result.known, 1);
		assert_false(pg_store_copies(f->store));
	}
	for (int i = 0; i < PG_STORE_CALM; i++) {
		assert_false(pg_store_copies(f->store));
		store_one(f, seconds++);
	}
	assert_true(pg_store_copies(f->store));
}

static void refused_readings_become_dead_letters_alone(void **state)
{
	struct fixture *f = fixture(state);
	char text[200];

	assert_int_equal(position(f), 0);
	for (int i = 0; i < 100; i++) {
		add(f, "phu-an", "water_level", i, i == 17 || i == 99 ? (double)NAN : i);
	}
	commit_well(f);
	assert_int_equal(f->result.stored, 98);
	assert_int_equal(f->result.refused, 2);
	assert_int_equal(f->result.dropped, 0);
	assert_string_equal(f->result.item, "phu-an/water_level");
	assert_int_equal(COUNT(f, "observation"), 98);
	assert_int_equal(COUNT(f, "rejected"), 2);
	assert_int_equal(position(f), 100);
	assert_string_equal(
		database_text(
			f->admin,
			"SELECT concat_ws(' ', position, topic, reason, client_id) FROM highwater.rejected"
			" WHERE position = 17",
			text, sizeof(text)),
		"17 phu-an/water_level database");
	assert_non_null(
		strstr(database_text(f->admin, "SELECT detail FROM highwater.rejected WHERE position = 17",
	                             text, sizeof(text)),
	               "only_a_missing_reading_has_no_result"));
	assert_non_null(strstr(database_text(f->admin,
	                                     "SELECT convert_from(payload, 'UTF8') FROM highwater.rejected"
	                                     " WHERE position = 17",
	                                     text, sizeof(text)),
	                       "\"value\":nan"));
}

static void a_city_trigger_that_raises_costs_one_reading(void **state)
{
	struct fixture *f = fixture(state);

	database_do(
		f->admin,
		"CREATE FUNCTION public.city() RETURNS trigger LANGUAGE plpgsql AS"
		" $$ BEGIN IF NEW.result > 100 THEN RAISE EXCEPTION 'not in this city'; END IF; RETURN NEW;"
		" END $$;"
		"CREATE TRIGGER city BEFORE INSERT ON highwater.observation FOR EACH ROW EXECUTE FUNCTION"
		" city()");
	assert_int_equal(position(f), 0);
	add(f, "phu-an", "water_level", 1, 1);
	add(f, "phu-an", "water_level", 2, 1000);
	add(f, "phu-an", "water_level", 3, 1);
	commit_well(f);
	database_do(f->admin, "DROP FUNCTION public.city() CASCADE");
	assert_int_equal(f->result.stored, 2);
	assert_int_equal(f->result.refused, 1);
	assert_string_equal(f->result.detail, "not in this city");
}

/* The second of two settles the first, which is stored already; both come after gaps. */
static void store_two_that_settle(struct fixture *f)
{
	for (int i = 1; i <= 2; i++) {
		add(f, "phu-an", "water_level", i, i);
	}
	commit_well(f);
	next_batch(f);
	for (int i = 1; i <= 2; i++) {
		struct batch_reading *item = add(f, "phu-an", "water_level", i + 10, i);

		item->hindsight = (struct hindsight){.settles = true,
		                                     .settled_us = f->base_us + i * SECOND,
		                                     .settled_tests = 1,
		                                     .settled_quality = QUALITY_SUSPECT,
		                                     .gap = true,
		                                     .gap_from_us = f->base_us + i * SECOND,
		                                     .expected = i == 1 ? 8 : -1};
	}
	commit_well(f);
}

static void what_was_stored_before_gets_its_later_verdict_and_gaps_are_rows(void **state)
{
	struct fixture *f = fixture(state);
	char text[200];

	assert_int_equal(position(f), 0);
	store_two_that_settle(f);
	assert_string_equal(
		database_text(f->admin,
	                      "SELECT string_agg(concat_ws('/', result, quality, quality_tests), ' ' ORDER BY"
	                      " phenomenon_time) FROM highwater.observation",
	                      text, sizeof(text)),
		"1/3/1 2/3/1 1/1/0 2/1/0");
	assert_string_equal(database_text(f->admin,
	                                  "SELECT string_agg(coalesce(expected::text, '?'), ' ' ORDER BY"
	                                  " silence_from) FROM highwater.silence",
	                                  text, sizeof(text)),
	                    "8 ?");
	assert_int_equal(f->result.unsettled, 0);
}

/* Whole readings of the table by the plugin's session, so far. */
static int table_scans(struct fixture *f)
{
	PGresult *result = NULL;

	if (pg_conn_query(f->conn, "SELECT pg_stat_force_next_flush()", NULL, &result, &f->error) != 0) {
		skip(); /* PostgreSQL 14 reports in its own time */
	}
	PQclear(result);
	return (int)database_number(f->admin, "SELECT sum(seq_scan) FROM pg_stat_user_tables"
	                                      " WHERE relname LIKE 'observation%'");
}

/* A reading each of a thousand stations; settled_s: each settles the one at that second, 0: none. */
static void store_a_thousand(struct fixture *f, int at_s, int settled_s)
{
	char station[32];

	for (int i = 0; i < 1000; i++) {
		struct batch_reading *item;

		(void)snprintf(station, sizeof(station), "S%d", i);
		item = add(f, station, "water_level", at_s, i);
		item->hindsight = (struct hindsight){.settles = settled_s > 0,
		                                     .settled_us = f->base_us + settled_s * SECOND,
		                                     .settled_quality = QUALITY_SUSPECT};
	}
	commit_well(f);
	next_batch(f);
}

/*
 * Verdicts come for what is newer than the table's statistics: the planner believes that there is hardly anything of
 * that, and that it is found fastest by reading all there is.
 */
static void later_verdicts_find_their_readings_whatever_the_statistics_say(void **state)
{
	struct fixture *f = fixture(state);
	int scans;

	assert_int_equal(position(f), 0);
	store_a_thousand(f, 1, 0);
	database_do(f->admin,
	            "TRUNCATE highwater.observation;"
	            "INSERT INTO highwater.observation"
	            " (datastream_id, phenomenon_time, received_time, result, quality)"
	            " SELECT datastream_id, now() - interval '1 hour' - i * interval '1 s', now(), 0, 1"
	            " FROM highwater.datastream, generate_series(1, 200) AS i;"
	            "ANALYZE highwater.observation");
	store_a_thousand(f, 10, 0);
	scans = table_scans(f);
	store_a_thousand(f, 20, 10);
	add(f, "S7", "water_level", 30, 1)->hindsight = (struct hindsight){
		.settles = true, .settled_us = f->base_us + 20 * SECOND, .settled_quality = QUALITY_PASS};
	commit_well(f);
	assert_true(trickled(f));
	assert_int_equal(table_scans(f), scans);
	assert_int_equal((int)database_number(f->admin, "SELECT count(*) FROM highwater.observation"
	                                                " WHERE quality = 3"),
	                 1000);
}

static void a_later_verdict_that_the_server_refuses_holds_nothing_up(void **state)
{
	struct fixture *f = fixture(state);

	database_do(f->admin,
	            "CREATE FUNCTION public.city() RETURNS trigger LANGUAGE plpgsql AS"
	            " $$ BEGIN IF OLD.result = 1 THEN RAISE EXCEPTION 'not in this city'; END IF; RETURN NEW;"
	            " END $$;"
	            "CREATE TRIGGER city BEFORE UPDATE ON highwater.observation FOR EACH ROW EXECUTE FUNCTION"
	            " city()");
	assert_int_equal(position(f), 0);
	store_two_that_settle(f);
	database_do(f->admin, "DROP FUNCTION public.city() CASCADE");
	assert_int_equal(f->result.stored, 2);
	assert_int_equal(f->result.unsettled, 1);
	assert_string_equal(f->result.detail, "not in this city");
	assert_int_equal((int)database_number(
				 f->admin, "SELECT sum(quality) FROM highwater.observation WHERE result = 2"),
	                 QUALITY_SUSPECT + QUALITY_PASS);
	assert_int_equal(COUNT(f, "silence"), 2);
}

static void a_later_verdict_that_is_refused_among_a_few_holds_nothing_up(void **state)
{
	struct fixture *f = fixture(state);

	database_do(f->admin,
	            "CREATE FUNCTION public.city() RETURNS trigger LANGUAGE plpgsql AS"
	            " $$ BEGIN RAISE EXCEPTION 'not in this city'; END $$;"
	            "CREATE TRIGGER city BEFORE UPDATE ON highwater.observation FOR EACH ROW EXECUTE FUNCTION"
	            " city()");
	assert_int_equal(position(f), 0);
	store_one(f, 1);
	add_settling(f, 2, 1);
	commit_well(f);
	database_do(f->admin, "DROP FUNCTION public.city() CASCADE");
	assert_int_equal(f->result.stored, 1);
	assert_int_equal(f->result.unsettled, 1);
	assert_int_equal(COUNT(f, "observation"), 2);
	assert_int_equal(position(f), 2);
}

static void deferred_constraint_costs_one_reading(void **state)
{
	struct fixture *f = fixture(state);

	database_do(
		f->admin,
		"CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS"
		" $$ BEGIN IF NEW.result > 100 THEN RAISE EXCEPTION 'too late'; END IF; RETURN NULL; END $$;"
		"CREATE CONSTRAINT TRIGGER late AFTER INSERT ON highwater.observation"
		" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()");
	assert_int_equal(position(f), 0);
	add(f, "phu-an", "water_level", 1, 1);
	add(f, "phu-an", "water_level", 2, 1000);
	commit_well(f);
	database_do(f->admin, "DROP FUNCTION public.late() CASCADE");
	assert_int_equal(f->result.stored, 1);
	assert_int_equal(f->result.refused, 1);
	assert_int_equal(position(f), 2);
}

static void missing_partition_is_not_a_readings_fault(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	add(f, "phu-an", "water_level", 1, 1);
	add(f, "phu-an", "water_level", -300 * 86400, 1);
	database_do(f->admin,
	            "ALTER TABLE highwater.observation DETACH PARTITION highwater.observation_default");
	assert_int_equal(commit(f), -EPROTO);
	assert_true(f->error.misses_partition);
	assert_int_equal(pg_store_rollback(f->conn, &f->error), 0);
	assert_int_equal(position(f), 0);
	database_do(
		f->admin,
		"ALTER TABLE highwater.observation ATTACH PARTITION highwater.observation_default DEFAULT");
	commit_well(f);
	assert_int_equal(f->result.stored, 2);
	assert_int_equal(COUNT(f, "rejected"), 0);
}

static void revoked_permission_drops_nothing(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	add(f, "phu-an", "water_level", 1, 1);
	database_do(f->admin, "REVOKE INSERT ON highwater.observation FROM highwater_writer");
	assert_int_equal(commit(f), -EPROTO);
	assert_string_equal(f->error.sqlstate, "42501");
	assert_false(pg_error_blames_row(&f->error));
	assert_int_equal(pg_store_rollback(f->conn, &f->error), 0);
	database_do(f->admin, "GRANT INSERT ON highwater.observation TO highwater_writer");
	commit_well(f);
	assert_int_equal(f->result.stored, 1);
}

static void unexpected_position_stores_nothing(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	database_do(f->admin, "UPDATE highwater.journal_position SET position = 7");
	add(f, "phu-an", "water_level", 1, 1);
	assert_int_equal(commit(f), -ESTALE);
	assert_int_equal(pg_store_rollback(f->conn, &f->error), 0);
	assert_int_equal(COUNT(f, "observation"), 0);
	assert_int_equal(position(f), 7);
}

static void terminated_backend_leaves_nothing_behind(void **state)
{
	struct fixture *f = fixture(state);
	int seconds = 0;

	assert_int_equal(position(f), 0);
	add_more_than_a_trickle(f, &seconds);
	assert_int_equal(pg_ids_resolve(f->ids, f->conn, f->batch, &f->error), 0);
	database_do(f->admin,
	            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'plugin'");
	assert_int_equal(commit(f), -ENOTCONN);
	assert_false(f->result.unsure);
	reconnect(f);
	assert_int_equal(position(f), 0);
	commit_well(f);
	assert_int_equal(f->result.stored, seconds);
}

/* The statement commits by itself: who gets no answer to it does not know. */
static void a_few_readings_without_an_answer_are_unsure(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	add(f, "phu-an", "water_level", 1, 1);
	assert_int_equal(pg_ids_resolve(f->ids, f->conn, f->batch, &f->error), 0);
	database_do(f->admin,
	            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'plugin'");
	assert_int_equal(commit(f), -ENOTCONN);
	assert_true(f->result.unsure);
	reconnect(f);
	assert_int_equal(position(f), 0);
	commit_well(f);
	assert_int_equal(f->result.stored, 1);
}

/* COMMIT takes half a second, its answer is not waited for: the next connection learns the outcome. */
static void lost_answer_to_commit_is_found_out(void **state)
{
	struct fixture *f = fixture(state);

	database_do(f->admin, "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS"
	                      " $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;"
	                      "CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON highwater.journal_position"
	                      " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()");
	assert_int_equal(position(f), 0);
	add(f, "phu-an", "water_level", 1, 1);
	assert_int_equal(pg_ids_resolve(f->ids, f->conn, f->batch, &f->error), 0);
	give_up_at = clock_monotonic_us() + SECOND / 4;
	assert_int_equal(commit(f), -ECANCELED);
	assert_true(f->result.unsure);
	assert_int_equal(f->result.stored, 1);
	give_up_at = 0;
	reconnect(f);
	assert_int_equal(position(f), f->batch->to); /* waits for the lock of the transaction before */
	assert_int_equal(COUNT(f, "observation"), 1);
	database_do(f->admin, "DROP FUNCTION public.slow() CASCADE");
}

static void transitions_are_stored_once(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	for (int round = 0; round < 2; round++) {
		add_transition(f, "phu-an", 1, 1);
		add_transition(f, "phu-an", 2, 2);
		add_transition(f, "phu-an", 3, 0);
		add_transition(f, "nha-be", 1, 1);
		commit_well(f);
		next_batch(f);
	}
	assert_int_equal(COUNT(f, "alert"), 2);
	assert_int_equal(COUNT(f, "alert_event"), 4);
	assert_int_equal((int)database_number(
				 f->admin, "SELECT transitions FROM highwater.alert WHERE ended IS NOT NULL"),
	                 3);
	assert_int_equal(position(f), 8);
}

/* The newest transition of the batch, to be made another of. */
static struct transition *newest_transition(struct fixture *f)
{
	return &f->batch->transitions[f->batch->transition_count - 1].transition;
}

static void expect_text(struct fixture *f, const char *sql, const char *expected)
{
	char text[600];

	assert_string_equal(database_text(f->admin, sql, text, sizeof(text)), expected);
}

static void alarm_of_another_cause_is_stored_with_its_circumstances(void **state)
{
	struct fixture *f = fixture(state);
	struct transition *t;

	assert_int_equal(position(f), 0);
	add_transition(f, "phu-an", 1, 1);
	t = newest_transition(f);
	t->cause = CAUSE_RATE;
	t->period_us = 3600 * SECOND;
	t->event = EVENT_RAISED;
	t->onset_us = t->started_us - 120 * SECOND;
	t->projected_level = -3;
	t->projected_us = t->started_us + 2400 * SECOND;
	t->silent = true;
	add_transition(f, "phu-an", 1, 1); /* of the value itself, by the same reading */
	commit_well(f);
	assert_int_equal(COUNT(f, "alert"), 2);
	expect_text(f,
	            "SELECT concat_ws(' ', event, a.period, started - a.onset, projected_level,"
	            " projected_time - started, announced, user_name, until)"
	            " FROM highwater.alert_event JOIN highwater.alert a USING (incident)"
	            " WHERE a.cause = 'rate' AND incident LIKE 'phu-an/water_level/rate-3600/%'",
	            "raised 01:00:00 00:02:00 -3 00:40:00 f");
	expect_text(f,
	            "SELECT concat_ws(' ', event, period, onset, projected_level, announced)"
	            " FROM highwater.alert_event WHERE cause = 'threshold'",
	            "raised 00:00:00 t");
}

static void add_action(struct fixture *f, enum alarm_event event, int32_t level)
{
	struct transition *t;

	add_transition(f, "phu-an", 0, level);
	t = newest_transition(f);
	t->event = (uint8_t)event;
	t->sent_us = f->base_us + event * SECOND;
	t->silent = event != EVENT_TEST;
	t->msg_type = MSG_ALERT;
	t->shelved_until_us = f->base_us + 7200 * SECOND;
	copy_text(t->user, sizeof(t->user), "duty", 4);
	copy_text(t->client, sizeof(t->client), "console", 7);
	copy_text(t->reason, sizeof(t->reason), "crane", 5);
}

static void actions_of_operators_change_no_incident(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	add_transition(f, "phu-an", 1, 1);
	for (int round = 0; round < 2; round++) {
		add_action(f, EVENT_ACKNOWLEDGED, 1);
		add_action(f, EVENT_SHELVED, 0);
		add_action(f, EVENT_TEST, 0);
		commit_well(f);
		next_batch(f);
	}
	assert_int_equal(COUNT(f, "alert"), 1);
	assert_int_equal(COUNT(f, "alert_event"), 4);
	expect_text(
		f,
		"SELECT string_agg(concat_ws(' ', event, incident IS NULL, coalesce(sequence, -1),"
		" coalesce(msg_type, '-'), severity, announced, user_name, client_id, reason, until - sent),"
		" ', ' ORDER BY sent) FROM highwater.alert_event WHERE user_name IS NOT NULL",
		"acknowledged f -1 - Extreme f duty console crane, "
		"shelved t -1 - Unknown f duty console crane 01:59:55, "
		"test t -1 Alert Minor t duty console crane");
	expect_text(f, "SELECT concat_ws(' ', transitions, level) FROM highwater.alert", "1 1");
}

static void every_event_of_the_plugin_is_one_of_the_schema(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	for (int event = EVENT_RAISED; event < EVENT_COUNT; event++) {
		add_transition(f, "phu-an", event < EVENT_ACKNOWLEDGED ? (uint32_t)event + 1 : 0, 1);
		newest_transition(f)->event = (uint8_t)event;
		newest_transition(f)->sent_us += event;
	}
	commit_well(f);
	assert_int_equal(f->result.refused_others, 0);
	assert_int_equal(COUNT(f, "alert_event"), EVENT_COUNT);
}

static void every_cause_of_the_plugin_is_one_of_the_schema(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	for (int cause = CAUSE_THRESHOLD; cause < CAUSE_COUNT; cause++) {
		add_transition(f, "phu-an", 1, 1);
		newest_transition(f)->cause = (uint8_t)cause;
	}
	commit_well(f);
	assert_int_equal(f->result.refused_others, 0);
	assert_int_equal(COUNT(f, "alert"), CAUSE_COUNT);
}

static void refused_transition_stops_neither_its_neighbours_nor_the_queue(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	add_transition(f, "phu-an", 1, 1);
	add_transition(f, "phu-an", 2, 2);
	f->batch->transitions[1].transition.quality = 7; /* no QARTOD flag */
	add_transition(f, "phu-an", 3, 0);
	add(f, "phu-an", "water_level", 1, 1);
	commit_well(f);
	assert_int_equal(COUNT(f, "alert_event"), 2);
	assert_int_equal(f->result.refused_others, 1);
	assert_int_equal(f->result.refused, 0);
	assert_int_equal(COUNT(f, "rejected"), 1);
	assert_int_equal(COUNT(f, "observation"), 1);
}

static void dead_letters_are_stored_once(void **state)
{
	struct fixture *f = fixture(state);
	char text[200];

	assert_int_equal(position(f), 0);
	add_dead_letter(f, "no good");
	add_dead_letter(f, "cut in a character \xe1\xbb");
	commit_well(f);
	database_do(f->admin, "UPDATE highwater.journal_position SET position = 0");
	commit_well(f);
	assert_int_equal(COUNT(f, "rejected"), 2);
	assert_string_equal(
		database_text(
			f->admin,
			"SELECT concat_ws(' ', topic, client_id, reason, detail, payload, payload_length)"
			" FROM highwater.rejected WHERE position = 1",
			text, sizeof(text)),
		"sensors/x invalid_json cut in a character ?? \\x007b 70000");
}

static void unknown_property_is_a_dead_letter_with_the_servers_reason(void **state)
{
	struct fixture *f = fixture(state);
	char text[200];

	assert_int_equal(position(f), 0);
	add(f, "phu-an", "water_level", 1, 1);
	add(f, "phu-an", "no_such_property", 1, 1);
	add(f, "bad/station", "water_level", 1, 1);
	add(f, "nha-be", "rainfall", 1, 1);
	add_transition(f, "bad/station", 1, 1);
	commit_well(f);
	assert_int_equal(f->result.stored, 2);
	assert_int_equal(f->result.not_registered, 2);
	assert_int_equal(f->result.refused_others, 1);
	assert_int_equal(COUNT(f, "rejected"), 3);
	assert_string_equal(database_text(f->admin,
	                                  "SELECT detail FROM highwater.rejected WHERE position = 1", text,
	                                  sizeof(text)),
	                    "observed property \"no_such_property\" is not known");
	assert_int_equal(
		(int)database_number(
			f->admin, "SELECT count(*) FROM highwater.rejected WHERE reason = 'not_registered'"),
		3);
	assert_int_equal(COUNT(f, "datastream"), 2);
}

static void the_end_of_a_deleted_level_has_no_threshold(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	add_transition(f, "phu-an", 1, 1);
	f->batch->transitions[0].transition.threshold = (double)NAN;
	commit_well(f);
	assert_int_equal(f->result.refused_others, 0);
	assert_int_equal(
		(int)database_number(f->admin,
	                             "SELECT count(*) FROM highwater.alert_event WHERE threshold IS NULL"),
		1);
}

/* Not even the dead letter is taken: the reading is gone, but not without a trace. What was a dead letter
 * from the start is on the broker's ledger already. */
static void each_reading_given_up_is_a_loss(void **state)
{
	struct fixture *f = fixture(state);
	char text[100];

	database_do(f->admin,
	            "ALTER TABLE highwater.rejected ADD CONSTRAINT none CHECK (topic = '') NOT VALID");
	assert_int_equal(position(f), 0);
	add(f, "phu-an", "water_level", 1, (double)NAN);
	add(f, "phu-an", "water_level", 2, 1);
	add_dead_letter(f, "no good");
	f->batch->undecodable = 3;
	commit_well(f);
	database_do(f->admin, "ALTER TABLE highwater.rejected DROP CONSTRAINT none");
	assert_int_equal(f->result.stored, 1);
	assert_int_equal(f->result.dropped, 2);
	assert_int_equal(position(f), 3);
	assert_string_equal(database_text(f->admin,
	                                  "SELECT string_agg(reason || ' ' || count, ', ' ORDER BY reason)"
	                                  " FROM highwater.loss WHERE journal_id IS NOT NULL",
	                                  text, sizeof(text)),
	                    "database 1, undecodable 3");
}

static void registers_a_datastream_once(void **state)
{
	struct fixture *f = fixture(state);

	assert_int_equal(position(f), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 200; i++) {
			char station[16];

			snprintf(station, sizeof(station), "s%d", i);
			add(f, station, "water_level", round, i);
		}
		commit_well(f);
		next_batch(f);
		pg_ids_clear(f->ids); /* as after a reconnect */
	}
	assert_int_equal(COUNT(f, "station"), 200);
	assert_int_equal(COUNT(f, "datastream"), 200);
	assert_int_equal(
		(int)database_number(f->admin, "SELECT max(datastream_id) FROM highwater.datastream"), 200);
	assert_int_equal((int)database_number(f->admin, "SELECT count(*) FROM highwater.reading"
	                                                " WHERE station = 's' || result::text"),
	                 600);
}

/* A table with a rule takes COPY, but no INSERT with ON CONFLICT: that tells the paths apart. */
static void copy_is_tried_again_after_calm_batches(void **state)
{
	struct fixture *f = fixture(state);
	int seconds = 0;

	assert_int_equal(position(f), 0);
	add(f, "phu-an", "water_level", seconds, 1);
	commit_well(f);
	next_batch(f);
	add_more_than_a_trickle(f, &seconds); /* the first is known: the tolerant path from here on */
	for (int i = 0; i < PG_STORE_CALM; i++) {
		commit_well(f);
		next_batch(f);
		add(f, "phu-an", "water_level", seconds++, 1);
	}
	database_do(f->admin, "CREATE RULE rule AS ON INSERT TO highwater.observation DO ALSO SELECT 1");
	assert_int_equal(commit(f), -EPROTO);
	assert_string_equal(f->error.sqlstate, "0A000");
	assert_int_equal(pg_store_rollback(f->conn, &f->error), 0);
	database_do(f->admin, "DROP RULE rule ON highwater.observation");
	commit_well(f);
	next_batch(f);
	database_do(f->admin, "CREATE RULE rule AS ON INSERT TO highwater.observation DO ALSO SELECT 1");
	add(f, "phu-an", "water_level", seconds++, 1);
	commit_well(f);
	database_do(f->admin, "DROP RULE rule ON highwater.observation");
	assert_int_equal(COUNT(f, "observation"), seconds);
}

#define TEST(t)         cmocka_unit_test_setup_teardown(t, make, unmake)
#define TEST_COPYING(t) ((struct CMUnitTest){#t " (by COPY)", t, make_copying, unmake, NULL})

/* Set by the checkpointer after a while: until then a commit does not wait. */
static int commit_until_it_fails(struct fixture *f)
{
	int64_t give_up = clock_monotonic_us() + 20 * SECOND;
	int status = 0;

	for (int i = 0; status == 0 && clock_monotonic_us() < give_up; i++) {
		next_batch(f);
		add(f, "phu-an", "water_level", i, 1);
		status = commit(f);
	}
	return status;
}

/* As when an operator ends the wait: the server then says that it has committed, with a warning. */
static void a_commit_that_no_standby_confirmed_is_unsure(void **state)
{
	struct fixture *f = fixture(state);
	struct pg_error error;
	uint64_t p = 0;
	int status, asked;

	assert_int_equal(position(f), 0);
	add(f, "phu-an", "water_level", -1, 1); /* registers the datastream */
	commit_well(f);
	database_do(f->admin, "SET synchronous_commit = local");
	database_do(f->admin, "ALTER SYSTEM SET synchronous_standby_names = 'missing'");
	database_do(f->admin, "SELECT pg_reload_conf()");
	canceller = f->admin;
	status = commit_until_it_fails(f);
	reconnect(f);
	asked = pg_store_position(f->store, f->conn, &p, &error);
	canceller = NULL;
	database_do(f->admin, "ALTER SYSTEM RESET synchronous_standby_names");
	database_do(f->admin, "SELECT pg_reload_conf()");
	assert_int_equal(status, -ENOTCONN);
	assert_true(f->result.unsure);
	assert_non_null(strstr(f->error.message, "standby did not confirm"));
	assert_int_equal(asked, -ENOTCONN); /* what it would say may be lost with this server */
	reconnect(f);
	assert_int_equal(position(f), f->batch->to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_journal_starts_at_0),
		TEST(stores_readings_with_their_position),
		TEST(known_readings_are_passed_over),
		TEST_COPYING(known_readings_are_passed_over),
		TEST(a_few_readings_are_stored_by_one_statement),
		TEST(later_verdicts_go_along_with_a_few_readings),
		TEST(what_one_statement_cannot_store_is_copied),
		TEST(a_connection_that_cannot_be_prepared_is_an_error),
		TEST(an_error_that_passes_changes_nothing),
		TEST(a_few_readings_are_one_statement_however_many_are_known),
		TEST(refused_readings_become_dead_letters_alone),
		TEST(a_city_trigger_that_raises_costs_one_reading),
		TEST_COPYING(a_city_trigger_that_raises_costs_one_reading),
		TEST(what_was_stored_before_gets_its_later_verdict_and_gaps_are_rows),
		TEST(later_verdicts_find_their_readings_whatever_the_statistics_say),
		TEST(a_later_verdict_that_the_server_refuses_holds_nothing_up),
		TEST(a_later_verdict_that_is_refused_among_a_few_holds_nothing_up),
		TEST(deferred_constraint_costs_one_reading),
		TEST_COPYING(deferred_constraint_costs_one_reading),
		TEST(missing_partition_is_not_a_readings_fault),
		TEST_COPYING(missing_partition_is_not_a_readings_fault),
		TEST(revoked_permission_drops_nothing),
		TEST_COPYING(revoked_permission_drops_nothing),
		TEST(unexpected_position_stores_nothing),
		TEST_COPYING(unexpected_position_stores_nothing),
		TEST(terminated_backend_leaves_nothing_behind),
		TEST(a_few_readings_without_an_answer_are_unsure),
		TEST(lost_answer_to_commit_is_found_out),
		TEST_COPYING(lost_answer_to_commit_is_found_out),
		TEST(transitions_are_stored_once),
		TEST(alarm_of_another_cause_is_stored_with_its_circumstances),
		TEST(actions_of_operators_change_no_incident),
		TEST(every_event_of_the_plugin_is_one_of_the_schema),
		TEST(every_cause_of_the_plugin_is_one_of_the_schema),
		TEST(refused_transition_stops_neither_its_neighbours_nor_the_queue),
		TEST(dead_letters_are_stored_once),
		TEST(unknown_property_is_a_dead_letter_with_the_servers_reason),
		TEST(the_end_of_a_deleted_level_has_no_threshold),
		TEST(each_reading_given_up_is_a_loss),
		TEST(registers_a_datastream_once),
		TEST(copy_is_tried_again_after_calm_batches),
		TEST(a_commit_that_no_standby_confirmed_is_unsure),
		TEST_COPYING(a_commit_that_no_standby_confirmed_is_unsure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
