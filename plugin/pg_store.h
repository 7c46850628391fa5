/*
 * pg_store - a batch of the journal becomes rows, exactly once.
 *
 * One transaction holds the observations, the alert rows, the dead letters and
 * the journal position up to which they reach. Optimistic first: binary COPY,
 * sorted by the key; with nothing beside, COMMIT goes along with it. When the server
 * finds a duplicate or refuses a row, the batch is done again on the tolerant path:
 * INSERT from arrays with ON CONFLICT DO NOTHING, under a savepoint that is halved
 * until a refused row stands alone and becomes a dead letter. Arrays rather than a
 * staging table: measured no slower, and no TEMP privilege is needed. A few readings
 * go as one statement (pg_trickle.h), which passes over duplicates itself; refused
 * rows take them to the tolerant path too.
 *
 * However stored, readings come before the verdicts on earlier ones: brokers that
 * store the same readings would else wait for each other, with a row updated here
 * and a key inserted there.
 *
 * The tolerant path stays until PG_STORE_CALM batches in a row met
 * neither a duplicate nor a refusal: a replay, or a second broker with the same
 * readings, would pay for each batch twice.
 *
 * Promise  After pg_store_commit() returned 0 the position in the database is
 *          batch->to and every item of the batch is stored, was there before, is a dead letter
 *          or is a row in highwater.loss. After an error nothing of the batch is stored;
 *          or, when the answer to COMMIT was lost or no synchronous standby confirmed it
 *          (ret->unsure), all of it:
 *          pg_store_position() tells which.
 * Threads  [writer]
 * Errors   As in pg_conn.h, and -ESTALE: the position in the database is not the
 *          one expected; nothing was done. After these two a transaction may be open:
 *          pg_store_rollback().
 */
#ifndef HIGHWATER_PG_STORE_H
#define HIGHWATER_PG_STORE_H

#include "batch.h"
#include "pg_conn.h"
#include "pg_items.h"

#define PG_STORE_CALM 8

struct pg_store;

/* host names this machine in journal_position, for people. NULL when memory is short. */
struct pg_store *pg_store_new(const uint8_t journal_id[static JOURNAL_ID_SIZE], const char *host) must_check;
void pg_store_free(struct pg_store *s); /* NULL is harmless */

/* The journal's id as PostgreSQL writes an uuid. */
const char *pg_store_journal(const struct pg_store *s);

/* Prepares a new connection for the journal's batches: planned once, not with each. Once a connection. */
int pg_store_attach(struct pg_store *s, struct pg_conn *c, struct pg_error *error) must_check;

/*
 * The journal's position in the database, 0 for a new journal. Waits until a
 * transaction of an earlier connection that still holds it has ended.
 */
int pg_store_position(struct pg_store *s, struct pg_conn *c, uint64_t *ret,
                      struct pg_error *error) must_check;

/* What is to be stored. */
struct pg_store_job {
	const struct batch *batch;    /* sorted */
	const struct pg_binary *copy; /* if pg_store_copies(): all its readings, of pg_rows_encode() */
	const struct pg_store_damage *damage; /* goes on the ledger; NULL: none */
	uint64_t expected;                    /* the position in the database, or nothing is done */
};

/* Whether the next batch may go by COPY. */
bool pg_store_copies(const struct pg_store *s);

int pg_store_commit(struct pg_store *s, struct pg_conn *c, const struct pg_store_job *job,
                    struct pg_store_result *ret, struct pg_error *error) must_check;

int pg_store_rollback(struct pg_conn *c, struct pg_error *error) must_check;

#endif
