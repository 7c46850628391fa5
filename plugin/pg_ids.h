/*
 * pg_ids - the connected database's number for each datastream, registering
 * those that it has not seen.
 *
 * Numbers are those of one database: forget them with the connection.
 *
 * Promise  After pg_ids_resolve() returned 0 every reading and transition of the
 *          batch has its datastream_id, or 0 and the server's reason.
 * Threads  [writer]
 * Errors   As in pg_conn.h. A datastream that the server refuses is no error: it
 *          is found by asking for each alone, in the next batch again.
 */
#ifndef HIGHWATER_PG_IDS_H
#define HIGHWATER_PG_IDS_H

#include "batch.h"
#include "pg_conn.h"

struct pg_ids;

struct pg_ids *pg_ids_new(void) must_check;
void pg_ids_free(struct pg_ids *ids); /* NULL is harmless */

void pg_ids_clear(struct pg_ids *ids);

/* Adds one that is not there, or gives it another number. 0 or -ENOMEM. */
int pg_ids_put(struct pg_ids *ids, const struct datastream_key *key, int32_t datastream_id) must_check;

/* 0 when it is not known. */
int32_t pg_ids_get(const struct pg_ids *ids, const struct datastream_key *key);

/* Another number when a datastream's number is another than before: what was numbered before is to be again. */
uint64_t pg_ids_version(const struct pg_ids *ids);

/* Numbers b by what is known, without asking. False: something in it is not known. */
bool pg_ids_number(const struct pg_ids *ids, struct batch *b) must_check;

/* Must be called outside a transaction. The reasons in b are valid until the next call. */
int pg_ids_resolve(struct pg_ids *ids, struct pg_conn *c, struct batch *b, struct pg_error *error) must_check;

#endif
