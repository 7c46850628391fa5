#include "pg_trickle.h"

#define MOVED                                                                                    \
	"WITH moved AS (UPDATE highwater.journal_position SET position = $9, updated_at = now()" \
	" WHERE journal_id = $8::uuid AND position = $10 RETURNING 1), "
#define IF_MOVED "EXISTS (SELECT FROM moved)"
#define STORED   "stored AS (" PG_ROWS_INSERT_READINGS " WHERE " IF_MOVED PG_ROWS_PASS_OVER " RETURNING 1)"
#define SETTLED \
	", settled AS (" PG_ROWS_UPDATE_SETTLED("$11", "$12", "$13", "$14", "$15", "$16") " AND " IF_MOVED ")"
/*
 * The first two are run as they are asked for, settled last of all, since nobody asks for it: readings before verdicts,
 * as pg_store.h wants it. All three see the database as it was before.
 */
#define COUNTS " SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM stored)"

#define PREPARED "highwater_trickle"

static const char prepare_sql[] =
	"PREPARE " PREPARED " (int4[], timestamptz[], float8[], int2[], timestamptz[],"
	" float8[], int4[], uuid, bigint, bigint) AS " MOVED STORED COUNTS;

/* Planned each time, for the span of time at hand. */
static const char settling_sql[] = MOVED STORED SETTLED COUNTS;

int pg_trickle_prepare(struct pg_conn *c, struct pg_error *error)
{
	return pg_conn_run(c, prepare_sql, NULL, error);
}

bool pg_trickle_takes(const struct pg_items *k)
{
	const struct batch *b = k->batch;

	return PQtransactionStatus(k->conn->pg) == PQTRANS_IDLE && b->order_count > 0 &&
	       b->order_count <= PG_TRICKLE_MAX && b->settled_count <= PG_TRICKLE_MAX &&
	       !pg_items_beyond_verdicts(k);
}

int pg_trickle_store(const struct pg_items *k, uint64_t expected, bool *ret_moved)
{
	const struct batch *b = k->batch;
	struct pg_params *p = &k->rows->params;
	PGresult *result = NULL;
	int status;

	pg_params_clear(p);
	pg_rows_put_readings(p, b, 0, b->order_count);
	pg_params_next(p);
	pg_binary_raw(&p->bytes, k->rows->journal_id, JOURNAL_ID_SIZE);
	pg_params_next(p);
	pg_binary_raw_i64(&p->bytes, (int64_t)b->to);
	pg_params_next(p);
	pg_binary_raw_i64(&p->bytes, (int64_t)expected);
	if (b->settled_count > 0) {
		pg_rows_put_settled(p, b, 0, b->settled_count);
		status = pg_conn_query(k->conn, settling_sql, p, &result, k->error);
	} else {
		status = pg_conn_query_prepared(k->conn, PREPARED, p, &result, k->error);
	}
	if (status == 0) {
		*ret_moved = pg_binary_get_i64(PQgetvalue(result, 0, 0)) == 1;
		k->result->stored = (uint64_t)pg_binary_get_i64(PQgetvalue(result, 0, 1));
		k->result->known += *ret_moved ? b->order_count - k->result->stored : 0;
	}
	PQclear(result);
	return status;
}
