/*
 * pg_open - connects to PostgreSQL and makes the session predictable.
 *
 * Everything that the user's connection string says wins, but for the
 * encoding; what it leaves open gets values that notice a dead peer. The session
 * then has its own settings, so that no default of server, database or role
 * changes what is stored.
 *
 * Hosts of a list are tried in turn by libpq, which in its asynchronous form has
 * no limit of time for one host: one that accepts and then keeps silent is left
 * here, and the rest of the list is tried.
 *
 * Threads  pg_open [writer]; the others [any].
 * Errors   As in pg_conn.h. PQconnectStart() may block in a name lookup.
 */
#ifndef HIGHWATER_PG_OPEN_H
#define HIGHWATER_PG_OPEN_H

#include "pg_conn.h"

/* *ret is NULL on failure. */
int pg_open(struct pg_conn **ret, const char *conninfo, const struct pg_waiter *waiter,
            struct pg_error *error) must_check;

/* Whether conninfo can be read at all: 0, or -EINVAL with the reason in error. */
int pg_open_check(const char *conninfo, struct pg_error *error) must_check;

/* "host=… port=… dbname=… user=…" as far as conninfo says: for log lines, no secrets. Returns text. */
const char *pg_open_describe(const char *conninfo, char *text, size_t size);

/* The same of a connection, as it came to be. Returns text. */
const char *pg_open_describe_connection(const struct pg_conn *c, char *text, size_t size);

#endif
