#include "writer_session.h"

#include "clock.h"
#include "pg_ledger.h"
#include "pg_open.h"
#include "pg_registry.h"
#include "pg_schema.h"
#include "registry_copy.h"
#include "writer_books.h"
#include "writer_position.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define SECOND_US INT64_C(1000000)

/* Longest silence of the server; the server's own statement_timeout, see pg_open.c, is shorter. */
#define SILENCE_US (30 * SECOND_US)

/* Losses are rows within about this long. */
#define LEDGER_PERIOD_US SECOND_US

/* A burst of changes is one reload; slow reloads are spaced, yet the change is in force within a second. */
#define REGISTRY_SETTLE_US (SECOND_US / 10)
#define REGISTRY_SPACE_US  (SECOND_US / 2)
#define REGISTRY_OWN_US \
	(5 * SECOND_US) /* what we have registered ourselves: the loop knows it, the copy does not */
#define REGISTRY_RETRY_US (10 * SECOND_US)

/* Without any notification, for one that got lost. */
#define REGISTRY_PERIOD_US   (24 * 3600 * SECOND_US)
#define PARTITIONS_PERIOD_US (6 * 3600 * SECOND_US)

#define DESCRIPTION_SIZE 300

void writer_session_close(struct writer *w)
{
	pg_conn_close(w->conn);
	w->conn = NULL;
	stats_set(w->stats, STATS_WRITER_CONNECTED, 0);
}

/*
 * The session itself is at fault: server read-only, recovering, going down, and another host may be better; or what was
 * prepared is gone, by a pooler's hand perhaps.
 */
static bool session_is_useless(const struct pg_error *error)
{
	return strncmp(error->sqlstate, "25", 2) == 0 || strncmp(error->sqlstate, "57P", 3) == 0 ||
	       strncmp(error->sqlstate, "08", 2) == 0 || strncmp(error->sqlstate, "26", 2) == 0;
}

static const char *remedy(const struct pg_error *error)
{
	if (strcmp(error->sqlstate, "42501") == 0) {
		return " (GRANT highwater_writer to the role that the plugin logs in as)";
	}
	return error->misses_partition ? " (run SELECT highwater.make_partitions())" : "";
}

void writer_session_fail(struct writer *w, const char *what, int status, const struct pg_error *error)
{
	int64_t now = clock_monotonic_us();
	int64_t wait_us = (int64_t)backoff_next_ms(&w->backoff) * 1000;
	char text[LOG_LINE_MAX], follows[160], duration[WRITER_DURATION_SIZE];
	struct pg_error after;

	w->retry_due = now + wait_us;
	w->away_since = MIN(w->away_since, now);
	stats_set(w->stats, STATS_WRITER_CONNECTED, 0);
	stats_add(w->stats, STATS_WRITER_RETRIES, 1);
	if (status != -ECANCELED) {
		(void)snprintf(text, sizeof(text), "database: %s: %s%s%s%s", what, error->message,
		               error->sqlstate[0] != '\0' ? ", SQLSTATE " : "", error->sqlstate,
		               remedy(error));
		(void)snprintf(follows, sizeof(follows),
		               "readings are kept in the journal, %" PRIu64 " records wait, retrying in %s",
		               writer_position_pending(w), writer_duration(wait_us, duration));
		writer_say(&w->trouble, w->log, LOG_LEVEL_WARNING, text, follows);
	}
	if (w->conn != NULL &&
	    (status != -EPROTO || session_is_useless(error) || pg_store_rollback(w->conn, &after) != 0)) {
		writer_session_close(w);
	}
}

void writer_session_good(struct writer *w)
{
	char duration[WRITER_DURATION_SIZE], position[WRITER_POSITION_SIZE], database[DESCRIPTION_SIZE];

	backoff_reset(&w->backoff);
	stats_set(w->stats, STATS_WRITER_CONNECTED, 1);
	if (w->away_since == NEVER) {
		return;
	}
	pg_open_describe_connection(w->conn, database, sizeof(database));
	log_post(w->log, LOG_LEVEL_NOTICE,
	         "database: %s %s, schema %d, journal position %s, %" PRIu64 " records to store%s%s",
	         w->good_before ? "back:" : "connected to", database, HIGHWATER_SCHEMA_VERSION,
	         writer_position_text(w->expected, position), writer_position_pending(w),
	         w->trouble.text[0] != '\0' ? ", after " : "",
	         w->trouble.text[0] != '\0' ? writer_duration(clock_monotonic_us() - w->away_since, duration)
	                                    : "");
	writer_say_reset(&w->trouble);
	w->good_before = true;
	w->away_since = NEVER;
}

/* 0 when the schema is the one that is needed; else -EPROTO with a sentence. */
static int check_schema(struct pg_conn *c, struct pg_error *error)
{
	static const char install[] = "run psql -f schema/install.sql";
	char text[PG_MESSAGE_SIZE], database[DESCRIPTION_SIZE];
	int32_t version = 0;
	int status = pg_schema_version(c, &version, error);

	if (status != 0 || version == HIGHWATER_SCHEMA_VERSION) {
		return status;
	}
	pg_open_describe_connection(c, database, sizeof(database));
	if (version == 0) {
		(void)snprintf(text, sizeof(text),
		               "there is no schema highwater in %s, version %d is needed: %s", database,
		               HIGHWATER_SCHEMA_VERSION, install);
	} else {
		(void)snprintf(
			text, sizeof(text), "schema highwater in %s is version %d, version %d is needed: %s",
			database, version, HIGHWATER_SCHEMA_VERSION,
			version < HIGHWATER_SCHEMA_VERSION ? install : "install the plugin's newer version");
	}
	pg_error_set(error, text);
	return -EPROTO;
}

/* Its failure is a warning: rows without a partition of their own go to the default partition. */
static int make_partitions(struct writer *w, struct pg_conn *c, struct pg_error *error)
{
	int status = pg_schema_make_partitions(c, error);
	const char *problem = status != 0 ? error->message : c->notice;

	w->partitions_due = clock_monotonic_us() + PARTITIONS_PERIOD_US;
	if (status != 0 && status != -EPROTO) {
		return status;
	}
	if (problem[0] != '\0') {
		log_post(w->log, LOG_LEVEL_WARNING,
		         "database: highwater.make_partitions() says: %s; rows go to the default partition "
		         "meanwhile, "
		         "trying again in 6 h, or run it by hand",
		         problem);
	}
	return 0;
}

static void offer_registry(struct writer *w, struct registry *r, const struct pg_registry_report *report)
{
	int error = registry_save(r, w->registry_path);
	char text[256];

	if (report->left_out > 0) {
		(void)snprintf(text, sizeof(text),
		               "database: %zu rows of the registry cannot be used, for instance %s",
		               report->left_out, report->first_left_out);
		writer_say(&w->left_out, w->log, LOG_LEVEL_WARNING, text, "continuing without them");
	}
	if (error != 0) {
		log_post(w->log, LOG_LEVEL_WARNING,
		         "registry: cannot write %s: %s; continuing, but a start without database would not "
		         "know "
		         "what has changed",
		         w->registry_path, strerror(-error));
	}
	log_post(w->log, LOG_LEVEL_DEBUG, "registry: %zu datastreams, %zu thresholds, %zu properties",
	         r->count.datastreams, r->count.thresholds, r->count.properties);
	stats_set(w->stats, STATS_REGISTRY_DATASTREAMS, r->count.datastreams);
	handover_offer_registry(w->handover, r);
}

/* Its failure is a warning: the loop goes on with what it knows, and datastreams are looked up one by one. */
static int load_registry(struct writer *w, struct pg_conn *c, struct pg_error *error)
{
	struct pg_registry_report report;
	struct registry *r = NULL;
	int64_t started = clock_monotonic_us();
	int status = pg_registry_load(c, w->ids, &r, &report, error);

	w->registry_loaded = clock_monotonic_us();
	w->registry_took_us = w->registry_loaded - started;
	if (status == 0) {
		offer_registry(w, r, &report);
		w->registry_due = w->registry_loaded + MIN(report.next_change_us, REGISTRY_PERIOD_US);
		return 0;
	}
	if (status != -EPROTO) {
		return status;
	}
	log_post(w->log, LOG_LEVEL_WARNING,
	         "database: cannot read stations and thresholds: %s%s; alerts go by those known before, "
	         "retrying in 10 s",
	         error->message, remedy(error));
	w->registry_due = w->registry_loaded + REGISTRY_RETRY_US;
	return pg_store_rollback(c, error);
}

static int settle_position(struct writer *w, struct pg_conn *c, struct pg_error *error)
{
	uint64_t position = 0;
	int status = pg_store_position(w->store, c, &position, error);

	if (status == 0 && writer_position_settle(w, position)) {
		writer_books_enter(w);
	}
	return status;
}

static int tell_losses(struct writer *w, struct pg_conn *c, struct pg_error *error)
{
	int status = pg_ledger_tell(c, journal_id(w->journal), w->ledger, error);

	w->ledger_due = clock_monotonic_us() + LEDGER_PERIOD_US;
	return status;
}

/* What could not be done, for the log; *ret_status is 0 when all could. */
static const char *set_up(struct writer *w, struct pg_conn *c, int *ret_status, struct pg_error *error)
{
	int status;

	pg_ids_clear(w->ids);
	status = check_schema(c, error);
	*ret_status = status;
	if (status != 0) {
		return "cannot be used";
	}
	/* Before the registry is read, so that no change falls in between. */
	status = pg_conn_run(c, PG_REGISTRY_LISTEN, NULL, error);
	if (status == 0) {
		status = pg_store_attach(w->store, c, error);
	}
	*ret_status = status;
	if (status != 0) {
		return "cannot prepare the session";
	}
	status = settle_position(w, c, error);
	*ret_status = status;
	if (status != 0) {
		return "cannot read how far the journal is stored";
	}
	status = pg_ledger_ask(c, journal_id(w->journal), w->ledger, error);
	if (status == 0) {
		status = tell_losses(w, c, error);
	}
	*ret_status = status;
	if (status != 0) {
		return "cannot write the ledger of losses";
	}
	status = make_partitions(w, c, error);
	if (status == 0) {
		status = load_registry(w, c, error);
	}
	*ret_status = status;
	return "connection lost";
}

void writer_session_open(struct writer *w, int (*idle)(void *context))
{
	const struct pg_waiter waiter = {.idle = idle, .context = w, .silence_us = SILENCE_US};
	char what[DESCRIPTION_SIZE + 32], database[DESCRIPTION_SIZE];
	struct pg_error error;
	struct pg_conn *c;
	int status = pg_open(&c, w->conninfo, &waiter, &error);

	if (status != 0) {
		(void)snprintf(what, sizeof(what), "cannot connect to %s",
		               pg_open_describe(w->conninfo, database, sizeof(database)));
		writer_session_fail(w, what, status, &error);
		return;
	}
	(void)snprintf(what, sizeof(what), "%s", set_up(w, c, &status, &error));
	if (status != 0) {
		pg_conn_close(c);
		writer_session_fail(w, what, status, &error);
		return;
	}
	w->conn = c;
}

static void note_change(struct writer *w)
{
	int64_t settled = clock_monotonic_us() + REGISTRY_SETTLE_US;
	int64_t spaced = w->registry_loaded + MIN(w->registry_took_us * 4, REGISTRY_SPACE_US);

	w->registry_due = MIN(w->registry_due, MAX(settled, spaced));
}

bool writer_session_tend(struct writer *w)
{
	bool notified = false, own = false;
	struct pg_error error;
	int status = pg_conn_listen(w->conn, &notified, &own, &error);

	if (notified) {
		note_change(w);
	}
	if (own) {
		w->registry_due = MIN(w->registry_due, clock_monotonic_us() + REGISTRY_OWN_US);
	}
	if (status == 0 && clock_monotonic_us() >= w->ledger_due) {
		status = tell_losses(w, w->conn, &error);
	}
	if (status == 0 && clock_monotonic_us() >= w->registry_due) {
		status = load_registry(w, w->conn, &error);
	}
	if (status == 0 && clock_monotonic_us() >= w->partitions_due) {
		status = make_partitions(w, w->conn, &error);
	}
	if (status != 0) {
		writer_session_fail(w, "connection lost", status, &error);
	}
	return status == 0;
}
