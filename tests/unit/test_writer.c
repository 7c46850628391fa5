/* The writer's thread between a real journal and a real PostgreSQL; with_postgres provides it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batch.h"
#include "clock.h"
#include "database.h"
#include "record.h"
#include "registry_copy.h"
#include "writer.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SECOND   INT64_C(1000000)
#define PATIENCE (20 * SECOND)

/* What a broker has. */
struct broker {
	char directory[64];
	struct journal *journal;
	struct alarm_store *alarms;
	struct ledger *ledger;
	struct handover handover;
	struct stats stats;
	struct log_box *log;
	struct writer *writer;
	struct registry *registry;
};

struct fixture {
	PGconn *admin;
	struct broker broker, other;
	int64_t base_us;
};

static char log_text[65536];

static void keep_line(enum log_level level, const char *line)
{
	size_t used = strlen(log_text);

	(void)level;
	snprintf(log_text + used, sizeof(log_text) - used, "%s\n", line);
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static void open_files(struct broker *b)
{
	char path[128];
	uint32_t damaged;
	struct journal_report report;
	struct journal_options options = {.max_size = 64u << 20, .segment_size = 1u << 20};

	snprintf(path, sizeof(path), "%s/journal", b->directory);
	options.directory = path;
	assert_int_equal(journal_open(&b->journal, &options, &report), 0);
	snprintf(path, sizeof(path), "%s/alarms", b->directory);
	assert_int_equal(alarm_store_open(&b->alarms, path, 1000, &damaged), 0);
	snprintf(path, sizeof(path), "%s/ledger", b->directory);
	assert_int_equal(ledger_open(&b->ledger, path), 0);
}

static void close_files(struct broker *b)
{
	journal_close(b->journal);
	alarm_store_close(b->alarms);
	ledger_close(b->ledger);
}

/* original: its state directory is copied; NULL: a new one. */
static void open_broker(struct broker *b, const struct broker *original)
{
	char command[192];

	snprintf(b->directory, sizeof(b->directory), "/tmp/highwater-writer.XXXXXX");
	assert_non_null(mkdtemp(b->directory));
	if (original != NULL) {
		snprintf(command, sizeof(command), "cp -r %s/. %s", original->directory, b->directory);
		assert_int_equal(system(command), 0);
	}
	open_files(b);
	assert_int_equal(handover_init(&b->handover), 0);
	handover_set_announced(&b->handover, UINT64_MAX); /* no subscriber holds the journal back */
	b->log = log_box_new();
	assert_non_null(b->log);
}

static void start_writer(struct broker *b, const char *conninfo)
{
	char path[128];
	const struct writer_options options = {.conninfo = conninfo,
	                                       .registry_path = path,
	                                       .sync_us = SECOND / 10,
	                                       .stop_timeout_us = SECOND};

	const struct shared shared = {.journal = b->journal,
	                              .alarm_store = b->alarms,
	                              .ledger = b->ledger,
	                              .handover = &b->handover,
	                              .stats = &b->stats,
	                              .log = b->log};

	snprintf(path, sizeof(path), "%s/registry", b->directory);
	assert_int_equal(writer_start(&b->writer, &options, &shared), 0);
}

static void stop_writer(struct broker *b)
{
	if (b->writer != NULL) {
		assert_int_equal(writer_stop(b->writer), 0);
		b->writer = NULL;
	}
	log_drain(b->log, keep_line);
}

static void close_broker(struct broker *b)
{
	char command[128];

	if (b->log == NULL) {
		return;
	}
	stop_writer(b);
	close_files(b);
	registry_free(b->registry);
	handover_done(&b->handover);
	log_box_free(b->log);
	snprintf(command, sizeof(command), "rm -r %s", b->directory);
	assert_int_equal(system(command), 0);
}

/* As when the broker ended and started again, some times over. */
static void restart(struct broker *b, int times)
{
	stop_writer(b);
	for (; times > 0; times--) {
		close_files(b);
		open_files(b);
	}
	handover_done(&b->handover);
	assert_int_equal(handover_init(&b->handover), 0);
	handover_set_announced(&b->handover, UINT64_MAX);
}

static int make(void **state)
{
	struct fixture *f;

	*state = NULL;
	if (database_conninfo() == NULL) {
		return 0;
	}
	f = calloc(1, sizeof(*f));
	f->admin = database_connect();
	database_empty(f->admin);
	f->base_us = clock_realtime_us() / SECOND * SECOND;
	log_text[0] = '\0';
	open_broker(&f->broker, NULL);
	*state = f;
	return 0;
}

static int unmake(void **state)
{
	struct fixture *f = *state;

	if (f != NULL) {
		close_broker(&f->broker);
		close_broker(&f->other);
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

/* Appends readings [first, end), one a second from the base time on, to four stations. */
/* Each reading tells the final verdict on the one before it, as with a spike test. */
static bool settling;

static void append(struct fixture *f, struct broker *b, int first, int end)
{
	uint8_t body[RECORD_BODY_MAX];

	for (int i = first; i < end; i++) {
		struct reading r = {.phenomenon_us = f->base_us + i * SECOND / 100,
		                    .received_us = f->base_us,
		                    .result = i,
		                    .quality = QUALITY_PASS,
		                    .key = {.property = "water_level"}};
		const struct hindsight h = {.settles = settling && i >= 4,
		                            .settled_us = r.phenomenon_us - 4 * SECOND / 100,
		                            .settled_quality = QUALITY_PASS};
		uint64_t position;
		int64_t give_up = clock_monotonic_us() + PATIENCE;
		int error;

		snprintf(r.key.station, sizeof(r.key.station), "s%d", i % 4);
		while ((error = journal_append(b->journal, RECORD_READING, JOURNAL_NORMAL, body,
		                               record_encode_reading(&r, &h, body), &position)) != 0) {
			assert_true(clock_monotonic_us() < give_up);
			nap();
		}
		handover_wake(&b->handover);
	}
}

static int stored(struct fixture *f)
{
	return (int)database_number(f->admin, "SELECT count(*) FROM highwater.observation");
}

static void wait_until_stored(struct fixture *f, int count)
{
	int64_t give_up = clock_monotonic_us() + PATIENCE;

	while (stored(f) < count) {
		if (clock_monotonic_us() > give_up) {
			log_drain(f->broker.log, keep_line);
			fail_msg("%d of %d stored\n%s", stored(f), count, log_text);
		}
		nap();
	}
	assert_int_equal(stored(f), count);
}

/* Waits for a line with this text. */
static void wait_for_line(struct broker *b, const char *text)
{
	int64_t give_up = clock_monotonic_us() + PATIENCE;

	while (log_drain(b->log, keep_line), strstr(log_text, text) == NULL) {
		if (clock_monotonic_us() > give_up) {
			fail_msg("no line says %s:\n%s", text, log_text);
		}
		nap();
	}
}

static uint64_t value(struct broker *b, enum stats_value id)
{
	return stats_get(&b->stats, id);
}

static void wait_until_connected(struct broker *b)
{
	int64_t give_up = clock_monotonic_us() + PATIENCE;

	while (value(b, STATS_WRITER_CONNECTED) == 0) {
		assert_true(clock_monotonic_us() < give_up);
		nap();
	}
}

static void stores_what_is_in_the_journal_and_what_comes(void **state)
{
	struct fixture *f = fixture(state);

	append(f, &f->broker, 0, 1000);
	start_writer(&f->broker, database_conninfo());
	wait_for_line(&f->broker, "1000 records to store");
	append(f, &f->broker, 1000, 3000);
	wait_until_stored(f, 3000);
	append(f, &f->broker, 3000, 3001);
	stop_writer(&f->broker); /* stores the last one first */
	assert_int_equal(stored(f), 3001);
	assert_int_equal(value(&f->broker, STATS_READINGS_STORED), 3001);
	assert_int_equal(value(&f->broker, STATS_READINGS_KNOWN), 0);
	assert_int_equal(value(&f->broker, STATS_WRITER_RETRIES), 0);
	assert_non_null(strstr(log_text, "connected to host="));
	assert_true(database_number(f->admin, "SELECT position FROM highwater.journal_position") ==
	            (double)journal_tail(f->broker.journal));
}

/* 1,000 every 5 ms or so; stored one batch after the other, as they come, they would be a batch each. */
static void readings_that_pour_in_are_stored_in_few_batches(void **state)
{
	struct fixture *f = fixture(state);
	uint64_t batches;

	start_writer(&f->broker, database_conninfo());
	wait_until_connected(&f->broker);
	append(f, &f->broker, 0, 3000);
	wait_until_stored(f, 3000);
	batches = value(&f->broker, STATS_WRITER_BATCHES);
	for (int i = 3000; i < 43000; i += 1000) {
		append(f, &f->broker, i, i + 1000);
		nap();
		nap();
	}
	wait_until_stored(f, 43000);
	assert_in_range(value(&f->broker, STATS_WRITER_BATCHES) - batches, 1, 20);
}

static void append_dead_letters(struct broker *b, int count)
{
	const struct dead_letter letter = {.topic = "sensors/s0/water_level",
	                                   .client = "gauge",
	                                   .detail = "not a number",
	                                   .payload = "x",
	                                   .payload_kept = 1,
	                                   .payload_length = 1,
	                                   .received_us = clock_realtime_us(),
	                                   .reason = REJECT_NOT_A_NUMBER};
	uint8_t body[RECORD_BODY_MAX];
	size_t length = record_encode_dead_letter(&letter, body);
	uint64_t position;

	for (int i = 0; i < count; i++) {
		assert_int_equal(journal_append(b->journal, RECORD_DEAD_LETTER, JOURNAL_NORMAL, body, length,
		                                &position),
		                 0);
	}
}

/* How long it takes to store what is in the journal already, microseconds. */
static int64_t drain(struct fixture *f, int count)
{
	int64_t started;

	start_writer(&f->broker, database_conninfo());
	wait_until_connected(&f->broker);
	started = clock_monotonic_us();
	wait_until_stored(f, count);
	stop_writer(&f->broker);
	restart(&f->broker, 0);
	return clock_monotonic_us() - started;
}

/* Each batch ends where it has no room for a dead letter: it is no sign that it is the last for now. */
static void what_has_piled_up_is_not_spaced_out(void **state)
{
	struct fixture *f = fixture(state);
	int64_t plain, mixed;

	for (int i = 0; i < 30000; i += 1500) {
		assert_int_equal(journal_prepare(f->broker.journal), 0);
		append(f, &f->broker, i, i + 1500);
	}
	plain = drain(f, 30000);
	for (int i = 30000; i < 60000; i += 1500) {
		assert_int_equal(journal_prepare(f->broker.journal), 0);
		append(f, &f->broker, i, i + 1500);
		append_dead_letters(&f->broker, BATCH_DEAD_LETTERS_MAX);
	}
	mixed = drain(f, 60000);
	/* Twenty batches, which would be two seconds more. */
	if (mixed > 6 * plain + SECOND) {
		fail_msg("%d ms with dead letters, %d ms without", (int)(mixed / 1000), (int)(plain / 1000));
	}
}

/* The table has a batch before the writer, which waits for the answer, has counted it; last it counts readings. */
static void wait_until_counted(struct fixture *f, uint64_t count)
{
	int64_t give_up = clock_monotonic_us() + PATIENCE;

	wait_until_stored(f, (int)count);
	while (value(&f->broker, STATS_READINGS_STORED) < count) {
		assert_true(clock_monotonic_us() < give_up);
		nap();
	}
}

static void few_readings_are_stored_as_they_come(void **state)
{
	struct fixture *f = fixture(state);
	uint64_t batches;

	start_writer(&f->broker, database_conninfo());
	wait_until_connected(&f->broker);
	append(f, &f->broker, 0, 1);
	wait_until_counted(f, 1);
	batches = value(&f->broker, STATS_WRITER_BATCHES);
	for (int i = 1; i <= 20; i++) {
		append(f, &f->broker, i, i + 1);
		wait_until_counted(f, (uint64_t)i + 1);
	}
	assert_int_equal(value(&f->broker, STATS_WRITER_BATCHES) - batches, 20);
}

/* Of the journal: the other files are flushed by pages, or are as large as the ledger. */
static _Atomic int journal_flushes;

int __real_msync(void *address, size_t length, int flags);
int __wrap_msync(void *address, size_t length, int flags);

int __wrap_msync(void *address, size_t length, int flags)
{
	journal_flushes += length > 4 * 4096;
	return __real_msync(address, length, flags);
}

static void wait_for_flush(void)
{
	int before = journal_flushes;
	int64_t give_up = clock_monotonic_us() + PATIENCE;

	while (journal_flushes == before) {
		assert_true(clock_monotonic_us() < give_up);
		nap();
	}
}

/* A flush each 100 ms is for what else a power cut would take. */
static void what_the_database_has_is_flushed_once_a_second(void **state)
{
	struct fixture *f = fixture(state);
	int64_t started, before;
	int flushes, late = 0;

	start_writer(&f->broker, database_conninfo());
	wait_until_connected(&f->broker);
	append(f, &f->broker, 0, 1000);
	wait_for_flush();
	started = clock_monotonic_us();
	flushes = journal_flushes;
	for (int i = 1000; i < 9000; i += 200) {
		before = clock_monotonic_us();
		append(f, &f->broker, i, i + 200);
		wait_until_stored(f, i + 200);
		while (clock_monotonic_us() - before < SECOND / 20) {
			nap();
		}
		late += clock_monotonic_us() - before > SECOND / 18;
	}
	assert_in_range(journal_flushes - flushes, 0,
	                1 + late + (int)((clock_monotonic_us() - started) / SECOND));
}

static void what_the_database_has_not_is_flushed_in_time(void **state)
{
	struct fixture *f = fixture(state);

	database_do(f->admin, "ALTER ROLE plugin NOLOGIN");
	start_writer(&f->broker, database_conninfo());
	wait_for_line(&f->broker, "cannot connect to host=");
	append(f, &f->broker, 0, 1000);
	wait_for_flush();
	database_do(f->admin, "ALTER ROLE plugin LOGIN");
}

static void absent_database_is_waited_for(void **state)
{
	struct fixture *f = fixture(state);

	database_do(f->admin, "ALTER ROLE plugin NOLOGIN");
	append(f, &f->broker, 0, 100);
	start_writer(&f->broker, database_conninfo());
	wait_for_line(&f->broker, "cannot connect to host=");
	wait_for_line(&f->broker, "readings are kept in the journal, 100 records wait, retrying in");
	assert_int_equal(value(&f->broker, STATS_WRITER_CONNECTED), 0);
	database_do(f->admin, "ALTER ROLE plugin LOGIN");
	wait_until_stored(f, 100);
	wait_for_line(&f->broker, "connected to host=");
	assert_int_equal(value(&f->broker, STATS_WRITER_CONNECTED), 1);
}

static void missing_schema_is_named_with_its_remedy(void **state)
{
	struct fixture *f = fixture(state);
	char conninfo[512];

	snprintf(conninfo, sizeof(conninfo), "%s dbname=postgres", database_conninfo());
	start_writer(&f->broker, conninfo);
	wait_for_line(&f->broker, "there is no schema highwater in host=");
	assert_non_null(strstr(log_text, "version 3 is needed: run psql -f schema/install.sql"));
}

static void newer_schema_is_not_written_to(void **state)
{
	struct fixture *f = fixture(state);

	database_do(f->admin, "INSERT INTO highwater.schema_history (version) VALUES (7)");
	append(f, &f->broker, 0, 10);
	start_writer(&f->broker, database_conninfo());
	wait_for_line(&f->broker, "is version 7, version 3 is needed: install the plugin's newer version");
	assert_int_equal(stored(f), 0);
	database_do(f->admin, "DELETE FROM highwater.schema_history WHERE version = 7");
	wait_until_stored(f, 10);
}

static void terminated_backends_lose_and_double_nothing(void **state)
{
	struct fixture *f = fixture(state);

	start_writer(&f->broker, database_conninfo());
	for (int i = 0; i < 40; i++) {
		append(f, &f->broker, i * 500, (i + 1) * 500);
		database_do(
			f->admin,
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'plugin'");
		nap();
	}
	wait_until_stored(f, 20000);
	stop_writer(&f->broker);
	assert_int_equal(value(&f->broker, STATS_READINGS_STORED) + value(&f->broker, STATS_READINGS_KNOWN),
	                 20000);
	assert_int_equal(value(&f->broker, STATS_READINGS_KNOWN), 0);
	assert_int_equal(value(&f->broker, STATS_JOURNAL_PENDING), 0);
}

/* A batch that is under way has the next one behind it, made ready: neither may be lost or come twice. */
static void a_backlog_loses_and_doubles_nothing_when_its_batches_are_broken_off(void **state)
{
	struct fixture *f = fixture(state);
	const int count = 5 * BATCH_READINGS_MAX / 2;

	for (int i = 0; i < count; i += 5000) {
		assert_int_equal(journal_prepare(f->broker.journal), 0);
		append(f, &f->broker, i, i + 5000);
	}
	start_writer(&f->broker, database_conninfo());
	wait_until_connected(&f->broker);
	for (int i = 0; i < 4; i++) {
		database_do(
			f->admin,
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'plugin'");
		nap();
		wait_until_connected(&f->broker);
	}
	wait_until_stored(f, count);
	stop_writer(&f->broker);
	assert_int_equal(value(&f->broker, STATS_READINGS_STORED), count);
	assert_int_equal(value(&f->broker, STATS_READINGS_KNOWN), 0);
	assert_int_equal(value(&f->broker, STATS_JOURNAL_PENDING), 0);
}

static void revoked_permission_is_said_and_waited_out(void **state)
{
	struct fixture *f = fixture(state);

	start_writer(&f->broker, database_conninfo());
	append(f, &f->broker, 0, 10);
	wait_until_stored(f, 10);
	database_do(f->admin, "REVOKE INSERT ON highwater.observation FROM highwater_writer");
	append(f, &f->broker, 10, 20);
	wait_for_line(&f->broker,
	              "permission denied for table observation, SQLSTATE 42501 (GRANT highwater_writer");
	database_do(f->admin, "GRANT INSERT ON highwater.observation TO highwater_writer");
	wait_until_stored(f, 20);
	wait_for_line(&f->broker, "database: back:");
	assert_int_equal((int)database_number(f->admin, "SELECT count(*) FROM highwater.rejected"), 0);
}

static void wait_for_thresholds(struct broker *b, size_t count)
{
	int64_t give_up = clock_monotonic_us() + PATIENCE;

	for (;;) {
		struct registry *fresh = handover_take_registry(&b->handover);

		if (fresh != NULL) {
			if (b->registry != NULL) {
				handover_return_registry(&b->handover, b->registry);
			}
			b->registry = fresh;
		}
		if (b->registry != NULL && b->registry->count.thresholds == count) {
			return;
		}
		assert_true(clock_monotonic_us() < give_up);
		nap();
	}
}

static void registry_change_arrives_within_a_second_under_load(void **state)
{
	struct fixture *f = fixture(state);
	char path[128];
	struct registry *copy = NULL;
	int64_t changed;

	start_writer(&f->broker, database_conninfo());
	wait_for_thresholds(&f->broker, 0);
	database_do(f->admin, "SELECT highwater.set_threshold('phu-an', 'water_level', 3, 'Alarm III', 1.6)");
	changed = clock_monotonic_us();
	append(f, &f->broker, 0, 20000);
	wait_for_thresholds(&f->broker, 1);
	assert_true(clock_monotonic_us() - changed < SECOND);
	snprintf(path, sizeof(path), "%s/registry", f->broker.directory);
	assert_int_equal(registry_load(&copy, path), 0);
	assert_int_equal(copy->count.thresholds, 1);
	registry_free(copy);
	wait_until_stored(f, 20000);
}

static void threshold_comes_into_force_by_itself(void **state)
{
	struct fixture *f = fixture(state);

	database_do(f->admin, "SELECT highwater.set_threshold('phu-an', 'water_level', 1, 'Alarm I', 1.4)");
	database_do(f->admin, "UPDATE highwater.threshold SET valid_from = now() + interval '700 ms'");
	start_writer(&f->broker, database_conninfo());
	wait_for_thresholds(&f->broker, 0);
	wait_for_thresholds(&f->broker, 1);
}

static void foreign_move_of_the_position_loses_nothing(void **state)
{
	struct fixture *f = fixture(state);

	start_writer(&f->broker, database_conninfo());
	append(f, &f->broker, 0, 10);
	wait_until_stored(f, 10);
	database_do(f->admin, "UPDATE highwater.journal_position SET position = position + 4294967296");
	append(f, &f->broker, 10, 20);
	wait_until_stored(f, 20);
	wait_for_line(&f->broker, "another broker runs, or ran, on a copy of this state directory");
}

static void database_that_went_back_gets_again_what_the_journal_holds(void **state)
{
	struct fixture *f = fixture(state);

	start_writer(&f->broker, database_conninfo());
	append(f, &f->broker, 0, 1000);
	wait_until_stored(f, 1000);
	database_do(f->admin, "UPDATE highwater.journal_position SET position = 0");
	database_do(f->admin, "DELETE FROM highwater.observation WHERE result >= 500");
	append(f, &f->broker, 1000, 1001);
	wait_until_stored(f, 1001);
	wait_for_line(&f->broker, "went back from");
	stop_writer(&f->broker);
	assert_int_equal(value(&f->broker, STATS_READINGS_KNOWN), 500);
	assert_int_equal(value(&f->broker, STATS_JOURNAL_PENDING), 0);
}

static void two_brokers_with_the_same_readings_store_them_once(void **state)
{
	struct fixture *f = fixture(state);

	open_broker(&f->other, NULL);
	start_writer(&f->broker, database_conninfo());
	start_writer(&f->other, database_conninfo());
	wait_until_connected(&f->broker);
	wait_until_connected(&f->other); /* one alone could have stored all before the other came */
	for (int i = 0; i < 20; i++) {
		append(f, &f->broker, i * 200, (i + 1) * 200);
		append(f, &f->other, i * 200, (i + 1) * 200);
	}
	wait_until_stored(f, 4000);
	stop_writer(&f->broker);
	stop_writer(&f->other);
	assert_int_equal(value(&f->broker, STATS_READINGS_STORED) + value(&f->other, STATS_READINGS_STORED),
	                 4000);
	assert_int_equal(value(&f->broker, STATS_READINGS_KNOWN) + value(&f->other, STATS_READINGS_KNOWN),
	                 4000);
}

/* A session's are counted at the latest when it has ended. */
static int count_deadlocks(struct fixture *f)
{
	int64_t give_up = clock_monotonic_us() + PATIENCE;

	while (database_number(f->admin, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'plugin'") >
	       0) {
		assert_true(clock_monotonic_us() < give_up);
		nap();
	}
	return (int)database_number(
		f->admin, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
}

/* As by a pooler between two of our transactions. */
static void a_session_whose_prepared_statements_are_gone_is_replaced(void **state)
{
	struct fixture *f = fixture(state);

	database_do(f->admin, "CREATE FUNCTION public.forget() RETURNS trigger LANGUAGE plpgsql AS"
	                      " $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NULL; END $$;"
	                      "CREATE TRIGGER forget AFTER INSERT ON highwater.observation"
	                      " EXECUTE FUNCTION forget()");
	start_writer(&f->broker, database_conninfo());
	append(f, &f->broker, 0, 10);
	wait_until_stored(f, 10);
	database_do(f->admin, "DROP FUNCTION public.forget() CASCADE");
	append(f, &f->broker, 10, 1000);
	wait_until_stored(f, 1000);
	assert_int_not_equal(value(&f->broker, STATS_WRITER_RETRIES), 0);
}

/* Each has rows that the other is to amend, and keys that the other is to insert. */
static void two_brokers_with_the_same_verdicts_do_not_wait_for_each_other(void **state)
{
	struct fixture *f = fixture(state);
	int deadlocks;

	settling = true;
	open_broker(&f->other, NULL);
	deadlocks = count_deadlocks(f);
	start_writer(&f->broker, database_conninfo());
	start_writer(&f->other, database_conninfo());
	wait_until_connected(&f->broker);
	wait_until_connected(&f->other);
	for (int i = 0; i < 8000; i += 20) {
		append(f, &f->broker, i, i + 20);
		append(f, &f->other, i, i + 20);
		if (i % 100 == 0) {
			nap();
		}
	}
	settling = false;
	wait_until_stored(f, 8000);
	stop_writer(&f->broker);
	stop_writer(&f->other);
	assert_int_equal(value(&f->broker, STATS_WRITER_RETRIES) + value(&f->other, STATS_WRITER_RETRIES), 0);
	assert_int_equal(count_deadlocks(f), deadlocks); /* one that is got over by itself is no retry */
	assert_int_equal(value(&f->broker, STATS_READINGS_STORED) + value(&f->other, STATS_READINGS_STORED),
	                 8000);
}

/* Each goes on from where it was itself, not from where the other moved the position. */
static void brokers_on_copies_of_a_state_directory_lose_nothing_over_restarts(void **state)
{
	struct fixture *f = fixture(state);

	start_writer(&f->broker, database_conninfo());
	append(f, &f->broker, 0, 10);
	wait_until_stored(f, 10);
	stop_writer(&f->broker);
	open_broker(&f->other, &f->broker);
	append(f, &f->broker, 10, 30);
	start_writer(&f->other, database_conninfo());
	append(f, &f->other, 30, 60);
	wait_until_stored(f, 40);
	stop_writer(&f->other);
	append(f, &f->other, 60, 70);
	restart(&f->broker, 4); /* its journal is now beyond what the other stored */
	append(f, &f->broker, 70, 80);
	start_writer(&f->broker, database_conninfo());
	wait_until_stored(f, 70);
	wait_for_line(&f->broker, "another broker runs, or ran, on a copy");
	restart(&f->other, 8);
	start_writer(&f->other, database_conninfo());
	wait_until_stored(f, 80);
}

/* A COMMIT whose answer the killed process never saw is its own doing: nothing is stored again. */
static void a_commit_that_was_under_way_at_a_kill_is_known(void **state)
{
	struct fixture *f = fixture(state);
	struct ledger_progress noted;

	start_writer(&f->broker, database_conninfo());
	append(f, &f->broker, 0, 10);
	wait_until_stored(f, 10);
	restart(&f->broker, 0);
	assert_true(ledger_progress(f->broker.ledger, journal_id(f->broker.journal), &noted));
	assert_int_equal(noted.stored, journal_tail(f->broker.journal));
	noted.sent = noted.stored;
	noted.stored -= 8;
	ledger_note_progress(f->broker.ledger, journal_id(f->broker.journal), &noted);
	append(f, &f->broker, 10, 20);
	start_writer(&f->broker, database_conninfo());
	wait_until_stored(f, 20);
	stop_writer(&f->broker);
	assert_int_equal(value(&f->broker, STATS_READINGS_KNOWN), 0);
	assert_null(strstr(log_text, "on a copy"));
}

static _Atomic bool lookup_hangs;
static _Atomic int lookups;

/* In place of libc's, for libpq: a name server that does not answer. All else here goes through a socket file. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	(void)node;
	(void)service;
	(void)hints;
	(void)ret;
	lookups++;
	while (lookup_hangs) {
		nap();
	}
	return EAI_AGAIN;
}

static void readings_go_on_being_taken_while_a_name_lookup_hangs(void **state)
{
	struct fixture *f = fixture(state);

	lookup_hangs = true;
	start_writer(&f->broker, "host=database.invalid dbname=highwater");
	append(f, &f->broker, 0,
	       100000); /* over two segments, and over those that are ready from the start */
	assert_true(journal_tail(f->broker.journal) >> 32 > 4);
	assert_int_equal(lookups, 1); /* the same one */
	assert_int_equal(value(&f->broker, STATS_WRITER_RETRIES), 0);
	lookup_hangs = false;
	wait_for_line(&f->broker, "cannot connect to host=database.invalid");
}

/* A server that hangs must not keep the broker from ending. */
static void stop_is_bounded_when_the_server_is_frozen(void **state)
{
	struct fixture *f = fixture(state);
	int64_t started;
	pid_t backend;

	start_writer(&f->broker, database_conninfo());
	append(f, &f->broker, 0, 10);
	wait_until_stored(f, 10);
	backend =
		(pid_t)database_number(f->admin, "SELECT pid FROM pg_stat_activity WHERE usename = 'plugin'");
	assert_int_equal(kill(backend, SIGSTOP), 0);
	append(f, &f->broker, 10, 20);
	started = clock_monotonic_us();
	stop_writer(&f->broker);
	assert_true(clock_monotonic_us() - started < SECOND);
	assert_int_equal(kill(backend, SIGCONT), 0);
}

static void restart_goes_on_where_it_was(void **state)
{
	struct fixture *f = fixture(state);

	start_writer(&f->broker, database_conninfo());
	append(f, &f->broker, 0, 10);
	wait_until_stored(f, 10);
	restart(&f->broker, 0);
	append(f, &f->broker, 10, 30);
	start_writer(&f->broker, database_conninfo());
	wait_until_stored(f, 30);
	stop_writer(&f->broker);
	assert_int_equal(value(&f->broker, STATS_READINGS_KNOWN), 0);
	assert_non_null(strstr(log_text, "20 records to store"));
}

/* Changes a byte of the journal's first segment. */
static void damage_journal(const struct broker *b, uint64_t position)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/journal/%016x.seg", b->directory, (unsigned)(position >> 32));
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, (long)(position & UINT32_MAX) + 12, SEEK_SET), 0);
	fputc('!', file);
	assert_int_equal(fclose(file), 0);
}

static void damage_in_use_is_a_row_with_the_number_of_records(void **state)
{
	struct fixture *f = fixture(state);
	uint64_t position;

	append(f, &f->broker, 0, 60);
	position = journal_tail(f->broker.journal);
	append(f, &f->broker, 60, 100);
	damage_journal(&f->broker, position);
	start_writer(&f->broker, database_conninfo());
	wait_for_line(&f->broker, "while in use");
	wait_until_stored(f, 60);
	append(f, &f->broker, 100, 110);
	wait_until_stored(f, 70);
	stop_writer(&f->broker);
	assert_int_equal((int)database_number(f->admin, "SELECT sum(count) FROM highwater.loss"), 40);
	assert_int_equal((int)database_number(f->admin, "SELECT count(*) FROM highwater.loss WHERE reason ="
	                                                " 'journal_damaged' AND count = 40"),
	                 1);
	assert_int_equal(value(&f->broker, STATS_JOURNAL_DAMAGED), 40);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stores_what_is_in_the_journal_and_what_comes),
		TEST(readings_that_pour_in_are_stored_in_few_batches),
		TEST(what_has_piled_up_is_not_spaced_out),
		TEST(few_readings_are_stored_as_they_come),
		TEST(what_the_database_has_is_flushed_once_a_second),
		TEST(what_the_database_has_not_is_flushed_in_time),
		TEST(absent_database_is_waited_for),
		TEST(missing_schema_is_named_with_its_remedy),
		TEST(newer_schema_is_not_written_to),
		TEST(terminated_backends_lose_and_double_nothing),
		TEST(a_backlog_loses_and_doubles_nothing_when_its_batches_are_broken_off),
		TEST(revoked_permission_is_said_and_waited_out),
		TEST(registry_change_arrives_within_a_second_under_load),
		TEST(threshold_comes_into_force_by_itself),
		TEST(foreign_move_of_the_position_loses_nothing),
		TEST(database_that_went_back_gets_again_what_the_journal_holds),
		TEST(two_brokers_with_the_same_readings_store_them_once),
		TEST(a_session_whose_prepared_statements_are_gone_is_replaced),
		TEST(two_brokers_with_the_same_verdicts_do_not_wait_for_each_other),
		TEST(damage_in_use_is_a_row_with_the_number_of_records),
		TEST(brokers_on_copies_of_a_state_directory_lose_nothing_over_restarts),
		TEST(a_commit_that_was_under_way_at_a_kill_is_known),
		TEST(readings_go_on_being_taken_while_a_name_lookup_hangs),
		TEST(stop_is_bounded_when_the_server_is_frozen),
		TEST(restart_goes_on_where_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
