/*
 * pg_registry - the registry as PostgreSQL has it now.
 *
 * Read in one snapshot, so that datastreams and thresholds fit together. Of the
 * thresholds those in force are taken: of each level of an alarm the one with
 * the latest valid_from that has passed.
 *
 * Promise  What the plugin cannot hold, such as a code that is too long, is left
 *          out and named in the report; the rest is whole. The schema's own
 *          checks let nothing of that kind in.
 * Threads  [writer]
 * Errors   As in pg_conn.h. After an error the transaction may be open.
 */
#ifndef HIGHWATER_PG_REGISTRY_H
#define HIGHWATER_PG_REGISTRY_H

#include "pg_conn.h"
#include "pg_ids.h"
#include "registry.h"

struct pg_registry_report {
	int64_t next_change_us; /* from now until a later valid_from is reached; INT64_MAX: there is none */
	size_t left_out;        /* rows that the plugin cannot hold */
	char first_left_out[120];
};

/* Counts what is left out, and names the first. */
void pg_registry_leave_out(struct pg_registry_report *report, const char *what, const char *name);

/* The channel on which the schema's triggers tell of changes. */
#define PG_REGISTRY_LISTEN "LISTEN highwater_registry"

/* A sealed registry for the caller to free; ids gets the number of each of its datastreams. */
int pg_registry_load(struct pg_conn *c, struct pg_ids *ids, struct registry **ret,
                     struct pg_registry_report *report, struct pg_error *error) must_check;

/* The same with the thresholds that are, were or will be in force at a moment, Unix µs; INT64_MIN: now. */
int pg_registry_load_as_of(struct pg_conn *c, int64_t as_of_us, struct pg_ids *ids, struct registry **ret,
                           struct pg_registry_report *report, struct pg_error *error) must_check;

#endif
