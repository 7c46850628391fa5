/*
 * pg_schema - what the schema in the connected database is asked to do as a
 * whole.
 *
 * Threads  [writer]
 * Errors   As in pg_conn.h.
 */
#ifndef HIGHWATER_PG_SCHEMA_H
#define HIGHWATER_PG_SCHEMA_H

#include "pg_conn.h"

/* highwater.schema_version() that this software writes to. */
#define HIGHWATER_SCHEMA_VERSION 3

/* *ret: the version that is installed, or 0 when there is no such schema. */
int pg_schema_version(struct pg_conn *c, int32_t *ret, struct pg_error *error) must_check;

/* Runs highwater.make_partitions(). Its warning, if any, is in c->notice. */
int pg_schema_make_partitions(struct pg_conn *c, struct pg_error *error) must_check;

#endif
