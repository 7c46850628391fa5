/*
 * pg_trickle - a batch of a few readings, stored by one statement.
 *
 * While readings trickle in, a batch holds few of them, and its time is that of the round trips: one here, two by COPY,
 * four with later verdicts. The statement is its own transaction: it moves the journal's position, and only
 * if that was the expected one inserts the readings and amends the verdicts on earlier ones.
 *
 * Threads  [writer]
 * Errors   As in pg_conn.h. After -EPROTO nothing was done and no transaction is open.
 */
#ifndef HIGHWATER_PG_TRICKLE_H
#define HIGHWATER_PG_TRICKLE_H

#include "pg_items.h"

/* Readings, and verdicts, at most: more of them COPY stores in less time. */
#define PG_TRICKLE_MAX 16

/* Once a connection. */
int pg_trickle_prepare(struct pg_conn *c, struct pg_error *error) must_check;

/* Whether the batch has readings and later verdicts, few of both, and nothing else; and no transaction is open. */
bool pg_trickle_takes(const struct pg_items *k);

/* Of a batch that it takes: fills in k->result. *ret_moved: the position was the expected one. */
int pg_trickle_store(const struct pg_items *k, uint64_t expected, bool *ret_moved) must_check;

#endif
