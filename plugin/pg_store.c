#include "pg_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define UUID_TEXT_SIZE 37
#define HOST_SIZE      256

struct pg_store {
	struct pg_rows rows;
	unsigned tolerant_left; /* batches that take the tolerant path before COPY is tried again */
	char journal[UUID_TEXT_SIZE];
	char host[HOST_SIZE];
};

/* One commit under way. */
struct commit {
	struct pg_store *store;
	struct pg_conn *conn;
	const struct batch *batch;
	struct pg_store_result *result;
	struct pg_error *error;
};

enum item_kind { ITEM_READING, ITEM_TRANSITION, ITEM_DEAD_LETTER };

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
	return pg_conn_run(c, "ROLLBACK", NULL, error);
}

static void note_refused(const struct commit *k, const char *station, const char *property,
                         const char *detail)
{
	struct pg_store_result *r = k->result;

	if (r->item[0] == '\0') {
		(void)snprintf(r->item, sizeof(r->item), "%s/%s", station, property);
		copy_text(r->detail, sizeof(r->detail), detail, strlen(detail));
	}
}

/* An item becomes a dead letter; index is that of its kind's array, not of the order. */
static int insert_refused(const struct commit *k, enum item_kind kind, size_t index, enum reject reason,
                          const char *detail)
{
	struct pg_rows *rows = &k->store->rows;
	const struct batch *b = k->batch;

	const struct datastream_key *key;

	switch (kind) {
	case ITEM_READING:
		key = &b->readings[index].reading.key;
		note_refused(k, key->station, key->property, detail);
		return pg_rows_refused_reading(rows, k->conn, &b->readings[index], reason, detail, k->error);
	case ITEM_TRANSITION:
		key = &b->transitions[index].transition.key;
		note_refused(k, key->station, key->property, detail);
		return pg_rows_refused_transition(rows, k->conn, &b->transitions[index], reason, detail,
		                                  k->error);
	case ITEM_DEAD_LETTER:
		note_refused(k, "highwater.rejected", b->dead_letters[index].letter.topic, detail);
		return pg_rows_refused_dead_letter(rows, k->conn, &b->dead_letters[index], reason, detail,
		                                   k->error);
	}
	return -EINVAL;
}

static int savepoint(const struct commit *k)
{
	return pg_conn_run(k->conn, "SAVEPOINT item", NULL, k->error);
}

/* Ends the savepoint: keeps what was done, or undoes it when the server blamed a row: -EBADMSG. */
static int end_savepoint(const struct commit *k, int status)
{
	struct pg_error after;

	if (status == 0) {
		return pg_conn_run(k->conn, "RELEASE item", NULL, k->error);
	}
	if (status != -EPROTO || !pg_error_blames_row(k->error)) {
		return status;
	}
	status = pg_conn_run(k->conn, "ROLLBACK TO item; RELEASE item", NULL, &after);
	if (status != 0) {
		*k->error = after;
		return status;
	}
	return -EBADMSG;
}

static void count_refused(const struct commit *k, enum item_kind kind, enum reject reason)
{
	if (kind != ITEM_READING) {
		k->result->refused_others++;
	} else if (reason == REJECT_NOT_REGISTERED) {
		k->result->not_registered++;
	} else {
		k->result->refused++;
	}
}

/* The same under a savepoint: when the server does not take the dead letter either, it is counted. */
static int refuse_item(const struct commit *k, enum item_kind kind, size_t index, enum reject reason,
                       const char *detail)
{
	char text[DEAD_LETTER_DETAIL_MAX + 1];
	int status = savepoint(k);

	copy_text(text, sizeof(text), detail, strlen(detail));
	if (status == 0) {
		status = end_savepoint(k, insert_refused(k, kind, index, reason, text));
	}
	if (status == -EBADMSG) {
		k->result->dropped++;
		status = 0;
	}
	if (status == 0) {
		count_refused(k, kind, reason);
	}
	return status;
}

static int store_range(const struct commit *k, enum item_kind kind, size_t first, size_t end,
                       uint64_t *ret_stored)
{
	struct pg_rows *rows = &k->store->rows;

	*ret_stored = 0;
	switch (kind) {
	case ITEM_READING:
		return pg_rows_readings(rows, k->conn, k->batch, first, end, ret_stored, k->error);
	case ITEM_TRANSITION:
		return pg_rows_transitions(rows, k->conn, k->batch, first, end, k->error);
	case ITEM_DEAD_LETTER:
		return pg_rows_dead_letters(rows, k->conn, k->batch, first, end, k->error);
	}
	return -EINVAL;
}

/* Stores [first, end) of a kind. When the server blames a row, each half by itself, down to the row. */
static int store_halving(const struct commit *k, enum item_kind kind, size_t first, size_t end)
{
	uint64_t stored = 0;
	size_t middle = first + (end - first) / 2;
	int status;

	if (first == end) {
		return 0;
	}
	status = savepoint(k);
	if (status == 0) {
		status = end_savepoint(k, store_range(k, kind, first, end, &stored));
	}
	if (status == 0 && kind == ITEM_READING) {
		k->result->stored += stored;
		k->result->known += end - first - stored;
	}
	if (status != -EBADMSG) {
		return status;
	}
	if (end - first == 1) {
		size_t index = kind == ITEM_READING ? k->batch->order[first].index : first;

		return refuse_item(k, kind, index, REJECT_DATABASE, k->error->message);
	}
	status = store_halving(k, kind, first, middle);
	return status != 0 ? status : store_halving(k, kind, middle, end);
}

/* Items whose datastream the server would not register. */
static int store_unregistered(const struct commit *k)
{
	const struct batch *b = k->batch;

	for (size_t i = 0; i < b->reading_count; i++) {
		const struct batch_reading *item = &b->readings[i];
		int status = item->datastream_id > 0
		                     ? 0
		                     : refuse_item(k, ITEM_READING, i, REJECT_NOT_REGISTERED,
		                                   item->refusal != NULL ? item->refusal : "");

		if (status != 0) {
			return status;
		}
	}
	return 0;
}

/* Transitions in order, from one that has no datastream to the next. */
static int store_transitions(const struct commit *k)
{
	const struct batch *b = k->batch;
	size_t first = 0;

	for (size_t i = 0; i <= b->transition_count; i++) {
		int status = 0;

		if (i < b->transition_count && b->transitions[i].datastream_id > 0) {
			continue;
		}
		status = store_halving(k, ITEM_TRANSITION, first, i);
		if (status == 0 && i < b->transition_count) {
			const char *refusal = b->transitions[i].refusal;

			status = refuse_item(k, ITEM_TRANSITION, i, REJECT_NOT_REGISTERED,
			                     refusal != NULL ? refusal : "");
		}
		if (status != 0) {
			return status;
		}
		first = i + 1;
	}
	return 0;
}

/* What is neither stored nor a dead letter leaves a trace all the same. */
/* Readings that this transaction gives up, by reason. */
static int store_losses(const struct commit *k)
{
	const struct {
		const char *reason;
		uint64_t count;
	} losses[] = {
		{reject_name(REJECT_DATABASE), k->result->refused},
		{reject_name(REJECT_NOT_REGISTERED), k->result->not_registered},
		{"undecodable", k->batch->undecodable},
	};
	int status = 0;

	for (size_t i = 0; i < ARRAY_SIZE(losses) && status == 0; i++) {
		if (losses[i].count > 0) {
			status = pg_rows_loss(&k->store->rows, k->conn, losses[i].reason, losses[i].count,
			                      k->error);
		}
	}
	return status;
}

static int store_items(const struct commit *k, bool tolerant)
{
	const struct batch *b = k->batch;
	int status = 0;

	k->result->known = b->repeated;
	if (tolerant) {
		status = store_halving(k, ITEM_READING, 0, b->order_count);
	} else if (b->order_count > 0) {
		status = pg_rows_copy(&k->store->rows, k->conn, b, &k->result->stored, k->error);
	}
	if (status == 0) {
		status = store_unregistered(k);
	}
	if (status == 0) {
		status = store_transitions(k);
	}
	if (status == 0) {
		status = store_halving(k, ITEM_DEAD_LETTER, 0, b->dead_letter_count);
	}
	if (status == 0) {
		status = store_losses(k);
	}
	return status;
}

/* Moves the position first: it locks the row, so that nothing else of this journal goes on beside us. */
static int begin(const struct commit *k, uint64_t expected, bool tolerant)
{
	char sql[512];
	uint64_t rows = 0;
	int status;

	/* On the tolerant path deferred constraints speak up at the row, not at COMMIT: too late to halve. */
	(void)snprintf(sql, sizeof(sql),
	               "BEGIN; %sUPDATE highwater.journal_position SET position = %" PRIu64
	               ", updated_at = now() WHERE journal_id = '%s' AND position = %" PRIu64,
	               tolerant ? "SET CONSTRAINTS ALL IMMEDIATE; " : "", k->batch->to, k->store->journal,
	               expected);
	status = pg_conn_run(k->conn, sql, &rows, k->error);
	if (status == 0 && rows != 1) {
		pg_error_set(k->error, "the journal's position in the database has moved");
		status = -ESTALE;
	}
	return status;
}

static int try_commit(const struct commit *k, uint64_t expected, bool tolerant)
{
	int status;

	*k->result = (struct pg_store_result){0};
	status = begin(k, expected, tolerant);
	if (status == 0) {
		status = store_items(k, tolerant);
	}
	if (status == 0) {
		status = pg_conn_run_expecting(k->conn, "COMMIT", "COMMIT", k->error);
		k->result->unsure = status != 0 && status != -EPROTO;
	}
	return status;
}

int pg_store_commit(struct pg_store *s, struct pg_conn *c, const struct batch *b, uint64_t expected,
                    struct pg_store_result *ret, struct pg_error *error)
{
	const struct commit k = {.store = s, .conn = c, .batch = b, .result = ret, .error = error};
	bool tolerant = s->tolerant_left > 0;
	int status = try_commit(&k, expected, tolerant);

	if (status == -EPROTO && !tolerant && pg_error_blames_row(error)) {
		status = pg_store_rollback(c, error);
		tolerant = true;
		if (status == 0) {
			status = try_commit(&k, expected, tolerant);
		}
	}
	if (status == 0 && tolerant) {
		bool calm = ret->known == b->repeated && ret->refused == 0;

		s->tolerant_left = calm && s->tolerant_left > 0 ? s->tolerant_left - 1 : PG_STORE_CALM;
	}
	return status;
}
