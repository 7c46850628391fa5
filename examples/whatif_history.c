#include "whatif_history.h"

#include "pg_column.h"
#include "pg_open.h"
#include "pg_registry.h"
#include "pg_schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* To sort a year of a city takes the server a while before the first row comes. */
#define SILENCE_US (INT64_C(3600) * 1000000)

#define PAGE "20000"

/* Seconds from 1970 to 2000, where PostgreSQL begins to count. */
#define POSTGRES_EPOCH_US (INT64_C(946684800) * 1000000)

/* Years 1 and 9999: all that a timestamp of ours can be. */
#define EARLIEST_US (INT64_C(-62135596800) * 1000000)
#define LATEST_US   (INT64_C(253402300799) * 1000000)

/* A pager may keep this program waiting for as long as somebody reads. */
static const char session[] =
	"SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET cursor_tuple_fraction = 1;"
	"SET default_transaction_read_only = on";

static const char readings_sql[] =
	"DECLARE reading NO SCROLL CURSOR FOR SELECT datastream_id, phenomenon_time, received_time, result,"
	" quality::int4, quality_tests FROM highwater.observation WHERE datastream_id = ANY ($1)"
	" AND phenomenon_time >= $2 AND phenomenon_time < $3 ORDER BY phenomenon_time, datastream_id";

static const char alerts_sql[] =
	"SELECT datastream_id, cause, (extract(epoch FROM period) * 1000000)::int8, started,"
	" coalesce(ended, 'infinity') FROM highwater.alert WHERE datastream_id = ANY ($1)"
	" AND started < $3 AND coalesce(ended, 'infinity') >= $2 ORDER BY started, datastream_id";

static int say(int status, const char *what, const struct pg_error *error)
{
	if (status == -ECANCELED) {
		return status; /* who stopped it knows */
	}
	fprintf(stderr, "highwater-whatif: %s: %s\n", what, error->message);
	if (strcmp(error->sqlstate, "42501") == 0) {
		fputs("highwater-whatif: the role highwater_analyst may read what is needed: GRANT "
		      "highwater_analyst TO ...\n",
		      stderr);
	}
	return status;
}

static int check_schema(struct whatif_history *h, struct pg_error *error)
{
	char where[200];
	int32_t version;
	int r = pg_schema_version(h->conn, &version, error);

	if (r != 0 || version == HIGHWATER_SCHEMA_VERSION) {
		return r;
	}
	(void)pg_open_describe_connection(h->conn, where, sizeof(where));
	if (version == 0) {
		(void)snprintf(error->message, sizeof(error->message),
		               "there is no schema highwater in %s; name the database with --database",
		               where);
	} else {
		(void)snprintf(error->message, sizeof(error->message),
		               "the schema in %s is of version %d, this program needs %d: psql -f "
		               "schema/install.sql",
		               where, (int)version, HIGHWATER_SCHEMA_VERSION);
	}
	return -EINVAL;
}

int whatif_history_open(struct whatif_history *ret, const char *database, int (*idle)(void *))
{
	const struct pg_waiter waiter = {.idle = idle, .silence_us = SILENCE_US};
	struct pg_error error = {.message = ""};
	char where[200];
	int r = pg_open_check(database, &error);

	*ret = (struct whatif_history){0};
	if (r != 0) {
		return say(r, "--database", &error);
	}
	r = pg_open(&ret->conn, database, &waiter, &error);
	if (r != 0) {
		fprintf(stderr, "highwater-whatif: cannot connect to %s: ",
		        pg_open_describe(database, where, sizeof(where)));
		fprintf(stderr, "%s\n", error.message);
		return r;
	}
	r = check_schema(ret, &error);
	if (r == 0) {
		r = pg_conn_run(ret->conn, session, NULL, &error);
	}
	return r == 0 ? 0 : say(r, "database", &error);
}

void whatif_history_close(struct whatif_history *h)
{
	PQclear(h->page);
	pg_conn_close(h->conn);
	*h = (struct whatif_history){0};
}

int whatif_history_rules(struct whatif_history *h, int64_t as_of_us, struct registry **ret)
{
	struct pg_ids *ids = pg_ids_new();
	struct pg_registry_report report;
	struct pg_error error = {.message = "out of memory"};
	int r = -ENOMEM;

	if (ids != NULL) {
		r = pg_registry_load_as_of(h->conn, as_of_us, ids, ret, &report, &error);
	}
	pg_ids_free(ids);
	if (r != 0) {
		return say(r, "the rules cannot be read", &error);
	}
	if (report.left_out > 0) {
		fprintf(stderr,
		        "highwater-whatif: %zu rows cannot be held, as in the plugin; the first: %s\n",
		        report.left_out, report.first_left_out);
	}
	return 0;
}

/* --- questions about a stretch --- */

static void put_ids(struct pg_params *params, const struct whatif_rules *rules, bool only_listed)
{
	size_t count = only_listed ? rules->listed_count : rules->played_count;

	pg_params_next_array(params, PG_INT4, count, false);
	for (size_t i = 0; i < rules->played_count; i++) {
		const struct whatif_stream *s = &rules->streams[rules->by_id[i]];

		if (s->listed || !only_listed) {
			pg_binary_int4(&params->bytes, s->registered->datastream_id);
		}
	}
}

static void put_time(struct pg_params *params, int64_t us)
{
	pg_params_next(params);
	pg_binary_raw_timestamptz(&params->bytes, MIN(MAX(us, EARLIEST_US), LATEST_US));
}

static int ask(struct whatif_history *h, const char *sql, const struct whatif_rules *rules, bool only_listed,
               int64_t from_us, int64_t to_us, PGresult **ret, struct pg_error *error)
{
	struct pg_params params = {.count = 0};
	int r;

	put_ids(&params, rules, only_listed);
	put_time(&params, from_us);
	put_time(&params, to_us);
	r = pg_conn_query(h->conn, sql, &params, ret, error);
	pg_params_done(&params);
	return r;
}

static int64_t column_time(const PGresult *r, int row, int column)
{
	int64_t us = pg_column_i64(r, row, column);

	return us == INT64_MAX || us == INT64_MIN ? us : us + POSTGRES_EPOCH_US;
}

/* --- readings --- */

int whatif_history_begin(struct whatif_history *h, const struct whatif_rules *rules, int64_t from_us,
                         int64_t to_us)
{
	struct pg_error error;
	PGresult *none = NULL;
	int r = pg_conn_run(h->conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, &error);

	if (r == 0) {
		r = ask(h, readings_sql, rules, false, from_us, to_us, &none, &error);
		PQclear(none);
	}
	return r == 0 ? 0 : say(r, "the readings cannot be read", &error);
}

static int turn_page(struct whatif_history *h)
{
	struct pg_error error;
	int r;

	PQclear(h->page);
	h->page = NULL;
	h->row = 0;
	r = pg_conn_query(h->conn, "FETCH " PAGE " FROM reading", NULL, &h->page, &error);
	return r == 0 ? 0 : say(r, "the readings cannot be read", &error);
}

int whatif_history_next(struct whatif_history *h, struct whatif_reading *ret)
{
	if (h->page == NULL || h->row == PQntuples(h->page)) {
		int r = turn_page(h);

		if (r != 0) {
			return r;
		}
	}
	if (PQntuples(h->page) == 0) {
		return 0;
	}
	ret->datastream_id = pg_column_i32(h->page, h->row, 0);
	ret->phenomenon_us = column_time(h->page, h->row, 1);
	ret->received_us = column_time(h->page, h->row, 2);
	ret->value = pg_column_float8(h->page, h->row, 3);
	ret->quality = (uint8_t)pg_column_i32(h->page, h->row, 4);
	ret->tests = (uint32_t)pg_column_i32(h->page, h->row, 5);
	h->row++;
	return 1;
}

/* --- alerts --- */

static uint8_t cause_named(const char *name)
{
	uint8_t cause = 0;

	while (cause < CAUSE_COUNT && strcmp(name, threshold_cause_name((enum cause)cause)) != 0) {
		cause++;
	}
	return cause;
}

int whatif_history_alerts(struct whatif_history *h, const struct whatif_rules *rules, int64_t from_us,
                          int64_t to_us, struct whatif_alerts *ret)
{
	struct whatif_alerts alerts = {0};
	struct pg_error error = {.message = "out of memory"};
	PGresult *rows = NULL;
	int r = ask(h, alerts_sql, rules, true, from_us, to_us, &rows, &error);

	if (r == 0) {
		alerts.count = (size_t)PQntuples(rows);
		alerts.alert = calloc(alerts.count + 1, sizeof(*alerts.alert));
		r = alerts.alert != NULL ? 0 : -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < alerts.count; i++) {
		int row = (int)i;

		alerts.alert[i] = (struct whatif_alert){
			.datastream_id = pg_column_i32(rows, row, 0),
			.cause = cause_named(PQgetvalue(rows, row, 1)),
			.period_us = pg_column_i64(rows, row, 2),
			.started_us = column_time(rows, row, 3),
			.ended_us = column_time(rows, row, 4),
		};
	}
	PQclear(rows);
	if (r != 0) {
		free(alerts.alert);
		return say(r, "the alerts of then cannot be read", &error);
	}
	*ret = alerts;
	return 0;
}
