#include "pg_ledger.h"

int pg_ledger_ask(struct pg_conn *c, const uint8_t id[static JOURNAL_ID_SIZE], struct ledger *l,
                  struct pg_error *error)
{
	static const char sql[] = "SELECT reason, max(total) FROM highwater.loss WHERE journal_id = $1::uuid"
				  " AND total IS NOT NULL GROUP BY reason";
	struct pg_params params = {0};
	PGresult *result = NULL;
	int status;

	pg_params_next(&params);
	pg_binary_raw(&params.bytes, id, JOURNAL_ID_SIZE);
	status = pg_conn_query(c, sql, &params, &result, error);
	for (int i = 0; status == 0 && i < PQntuples(result); i++) {
		int64_t total = pg_binary_get_i64(PQgetvalue(result, i, 1));

		ledger_told(l, PQgetvalue(result, i, 0), (uint64_t)total);
	}
	PQclear(result);
	pg_params_done(&params);
	return status;
}

static int tell(struct pg_conn *c, const uint8_t id[static JOURNAL_ID_SIZE], const struct ledger_entry *e,
                struct pg_error *error)
{
	static const char sql[] =
		"INSERT INTO highwater.loss (journal_id, reason, started, ended, count, total)"
		" VALUES ($1::uuid, $2::text, $3::timestamptz, $4::timestamptz, $5::bigint, $6::bigint)"
		" ON CONFLICT DO NOTHING";
	struct pg_params params = {0};
	int status;

	pg_params_next(&params);
	pg_binary_raw(&params.bytes, id, JOURNAL_ID_SIZE);
	pg_params_next(&params);
	pg_binary_raw_text(&params.bytes, e->reason);
	pg_params_next(&params);
	pg_binary_raw_timestamptz(&params.bytes, MIN(e->first_us, e->last_us));
	pg_params_next(&params);
	pg_binary_raw_timestamptz(&params.bytes, MAX(e->first_us, e->last_us));
	pg_params_next(&params);
	pg_binary_raw_i64(&params.bytes, (int64_t)(e->total - e->told));
	pg_params_next(&params);
	pg_binary_raw_i64(&params.bytes, (int64_t)e->total);
	status = pg_conn_execute(c, sql, &params, NULL, error);
	pg_params_done(&params);
	return status;
}

int pg_ledger_tell(struct pg_conn *c, const uint8_t id[static JOURNAL_ID_SIZE], struct ledger *l,
                   struct pg_error *error)
{
	struct ledger_entry e;

	for (unsigned i = 0; i < LOSS_COUNT; i++) {
		int status;

		if (!ledger_pending(l, i, &e)) {
			continue;
		}
		status = tell(c, id, &e, error);
		if (status != 0) {
			return status;
		}
		ledger_told(l, e.reason, e.total);
	}
	return 0;
}
