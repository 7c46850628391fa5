#include "pg_store.h"

#include "pg_trickle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define UUID_TEXT_SIZE 37
#define HOST_SIZE      256

struct pg_store {
	struct pg_rows rows;
	unsigned tolerant_left; /* batches that take the tolerant path before COPY is tried again */
	bool trickles;          /* the connection takes a few readings as one statement */
	char journal[UUID_TEXT_SIZE];
	char host[HOST_SIZE];
};

struct pg_store *pg_store_new(const uint8_t journal_id[static JOURNAL_ID_SIZE], const char *host)
{
	struct pg_store *s = calloc(1, sizeof(*s));
	char *to;

	if (s == NULL) {
		return NULL;
	}
	memcpy(s->rows.journal_id, journal_id, JOURNAL_ID_SIZE);
	copy_text(s->host, sizeof(s->host), host, strlen(host));
	to = s->journal;
	for (size_t i = 0; i < JOURNAL_ID_SIZE; i++) {
		to += snprintf(to, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
		               journal_id[i]);
	}
	return s;
}

void pg_store_free(struct pg_store *s)
{
	if (s != NULL) {
		pg_rows_done(&s->rows);
		free(s);
	}
}

const char *pg_store_journal(const struct pg_store *s)
{
	return s->journal;
}

int pg_store_attach(struct pg_store *s, struct pg_conn *c, struct pg_error *error)
{
	char sql[512];
	int status;

	(void)snprintf(sql, sizeof(sql),
	               "PREPARE highwater_move (bigint, bigint) AS UPDATE highwater.journal_position"
	               " SET position = $1, updated_at = now() WHERE journal_id = '%s' AND position = $2",
	               s->journal);
	s->trickles = false;
	status = pg_conn_run(c, sql, NULL, error);
	if (status != 0) {
		return status;
	}
	status = pg_trickle_prepare(c, error);
	s->trickles = status == 0;
	/* What this server does not let us prepare is stored in another way. */
	return status == -EPROTO ? 0 : status;
}

static int insert_position(struct pg_store *s, struct pg_conn *c, struct pg_error *error)
{
	struct pg_params *p = &s->rows.params;

	pg_params_clear(p);
	pg_params_next(p);
	pg_binary_raw(&p->bytes, s->rows.journal_id, JOURNAL_ID_SIZE);
	pg_params_next(p);
	pg_binary_raw_text(&p->bytes, s->host);
	return pg_conn_execute(c,
	                       "INSERT INTO highwater.journal_position (journal_id, position, host)"
	                       " VALUES ($1::uuid, 0, $2::text) ON CONFLICT DO NOTHING",
	                       p, NULL, error);
}

int pg_store_position(struct pg_store *s, struct pg_conn *c, uint64_t *ret, struct pg_error *error)
{
	struct pg_params *p = &s->rows.params;
	PGresult *result = NULL;
	int status = insert_position(s, c, error);

	if (status != 0) {
		return status;
	}
	pg_params_clear(p);
	pg_params_next(p);
	pg_binary_raw(&p->bytes, s->rows.journal_id, JOURNAL_ID_SIZE);
	/*
	 * The lock waits for an earlier connection's transaction to end; and a transaction that locks is
	 * flushed and replicated like any other, so what is read here is as safe as an answered COMMIT.
	 */
	status = pg_conn_query(
		c, "SELECT position FROM highwater.journal_position WHERE journal_id = $1::uuid FOR UPDATE",
		p, &result, error);
	if (status != 0) {
		return status;
	}
	if (PQntuples(result) == 1) {
		*ret = (uint64_t)pg_binary_get_i64(PQgetvalue(result, 0, 0));
	} else {
		pg_error_set(error, "the journal's row in highwater.journal_position was deleted meanwhile");
		status = -EPROTO;
	}
	PQclear(result);
	return status;
}

int pg_store_rollback(struct pg_conn *c, struct pg_error *error)
{
	return PQtransactionStatus(c->pg) == PQTRANS_IDLE ? 0 : pg_conn_run(c, "ROLLBACK", NULL, error);
}

/* Moves the position first: it locks the row, so that nothing else of this journal goes on beside us. */
static void write_opening(const struct pg_store_job *job, bool tolerant, char *to, size_t size)
{
	/* On the tolerant path deferred constraints speak up at the row, not at COMMIT: too late to halve. */
	(void)snprintf(to, size, "BEGIN; %sEXECUTE highwater_move(%" PRIu64 ", %" PRIu64 "); ",
	               tolerant ? "SET CONSTRAINTS ALL IMMEDIATE; " : "", job->batch->to, job->expected);
}

/* rows: that the opening touched. */
static int check_moved(const struct pg_items *k, uint64_t rows)
{
	if (rows == 1) {
		return 0;
	}
	pg_error_set(k->error, "the journal's position in the database has moved");
	return -ESTALE;
}

static int note_end(const struct pg_items *k, int status)
{
	k->result->unsure = status != 0 && status != -EPROTO;
	return status;
}

/* The same of what commits by itself. If it has landed after all, all of its readings are there. */
static int note_landing(const struct pg_items *k, int status)
{
	status = note_end(k, status);
	if (k->result->unsure) {
		k->result->stored = k->batch->order_count;
	}
	return status;
}

/* Begins the transaction and copies the readings; commits: ends it as well. */
static int copy(const struct pg_items *k, const struct pg_store_job *job, const char *opening, bool commits)
{
	char sql[1024];
	uint64_t moved = 0;
	int status;

	if (job->copy->failed) {
		pg_error_set(k->error, "out of memory");
		return -ENOMEM;
	}
	(void)snprintf(sql, sizeof(sql), "%s%s%s", opening, pg_rows_copy_sql, commits ? "; COMMIT" : "");
	status = pg_conn_copy_begin(k->conn, sql, &moved, k->error);
	if (status == 0 && check_moved(k, moved) != 0) {
		status = pg_conn_copy_cancel(k->conn, k->error);
		return status == 0 ? check_moved(k, moved) : status;
	}
	if (status == 0) {
		status = pg_conn_copy_end(k->conn, job->copy, commits, &k->result->stored, k->error);
		status = commits ? note_landing(k, status) : status;
	}
	return status;
}

/* As one statement; the server that does not take it, whatever the rows, is not asked again on this connection. */
static int trickle(struct pg_store *s, const struct pg_items *k, const struct pg_store_job *job)
{
	bool moved = false;
	int status;

	*k->result = (struct pg_store_result){.known = job->batch->repeated};
	status = note_landing(k, pg_trickle_store(k, job->expected, &moved));
	if (status == -EPROTO) {
		s->trickles = pg_error_blames_row(k->error) || pg_error_passes(k->error);
	}
	return status != 0 ? status : check_moved(k, moved);
}

static int try_commit(const struct pg_items *k, const struct pg_store_job *job, bool tolerant)
{
	bool copies = !tolerant && job->batch->order_count > 0;
	bool alone = copies && !pg_items_beside(k);
	char opening[512];
	uint64_t moved = 0;
	int status;

	*k->result = (struct pg_store_result){.known = job->batch->repeated};
	write_opening(job, tolerant, opening, sizeof(opening));
	if (copies) {
		status = copy(k, job, opening, alone);
	} else {
		status = pg_conn_run(k->conn, opening, &moved, k->error);
		status = status == 0 ? check_moved(k, moved) : status;
	}
	if (status != 0 || alone) {
		return status;
	}
	status = pg_items_store(k, tolerant);
	return status != 0 ? status
	                   : note_end(k, pg_conn_run_expecting(k->conn, "COMMIT", "COMMIT", k->error));
}

bool pg_store_copies(const struct pg_store *s)
{
	return s->tolerant_left == 0;
}

static int store(struct pg_store *s, const struct pg_items *k, const struct pg_store_job *job, bool *tolerant)
{
	int status;

	if (s->trickles && pg_trickle_takes(k)) {
		status = trickle(s, k, job);
		if (status != -EPROTO || (s->trickles && !pg_error_blames_row(k->error))) {
			return status;
		}
		*tolerant = *tolerant || s->trickles; /* it was a row's fault: COPY would meet it again */
	}
	status = try_commit(k, job, *tolerant);
	if (status == -EPROTO && !*tolerant && pg_error_blames_row(k->error)) {
		*tolerant = true;
		status = pg_store_rollback(k->conn, k->error);
		if (status == 0) {
			status = try_commit(k, job, *tolerant);
		}
	}
	return status;
}

int pg_store_commit(struct pg_store *s, struct pg_conn *c, const struct pg_store_job *job,
                    struct pg_store_result *ret, struct pg_error *error)
{
	const struct pg_items k = {.rows = &s->rows,
	                           .conn = c,
	                           .batch = job->batch,
	                           .damage = job->damage,
	                           .result = ret,
	                           .error = error};
	bool tolerant = !pg_store_copies(s);
	int status = store(s, &k, job, &tolerant);

	if (status == 0 && tolerant) {
		bool calm = ret->known == job->batch->repeated && ret->refused == 0;

		s->tolerant_left = calm && s->tolerant_left > 0 ? s->tolerant_left - 1 : PG_STORE_CALM;
	}
	return status;
}
