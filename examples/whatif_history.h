/*
 * whatif_history - what PostgreSQL has of a stretch of time: rules, readings,
 * and the alerts that were raised then.
 *
 * Nothing is written. Readings come page by page from a cursor, so that years
 * need no memory; they and the alerts are of one snapshot.
 *
 * Errors   0 or a negative errno; says on stderr what was wrong.
 */
#ifndef HIGHWATER_EXAMPLES_WHATIF_HISTORY_H
#define HIGHWATER_EXAMPLES_WHATIF_HISTORY_H

#include "pg_conn.h"
#include "registry.h"
#include "whatif_options.h"
#include "whatif_play.h"

struct whatif_history {
	struct pg_conn *conn;
	PGresult *page;
	int row;
};

/* An incident as highwater.alert has it. */
struct whatif_alert {
	int64_t started_us, ended_us; /* Unix µs; INT64_MAX: it is open */
	int64_t period_us;
	int32_t datastream_id;
	uint8_t cause;
};

struct whatif_alerts {
	struct whatif_alert *alert;
	size_t count;
};

/* idle: as in struct pg_waiter, without a context. */
int whatif_history_open(struct whatif_history *ret, const char *database, int (*idle)(void *)) must_check;
void whatif_history_close(struct whatif_history *h);

/* The plugin's own registry, as of a moment (INT64_MIN: now), for the caller to free. */
int whatif_history_rules(struct whatif_history *h, int64_t as_of_us, struct registry **ret) must_check;

/* Begins to read what the streams of rules that are played have, from (included) to (not included). */
int whatif_history_begin(struct whatif_history *h, const struct whatif_rules *rules, int64_t from_us,
                         int64_t to_us) must_check;

/* The next reading in order of phenomenon time: 1, 0 at the end. */
int whatif_history_next(struct whatif_history *h, struct whatif_reading *ret) must_check;

/* Incidents of streams that are listed which were open at some time in the stretch; ret->alert is to be freed. */
int whatif_history_alerts(struct whatif_history *h, const struct whatif_rules *rules, int64_t from_us,
                          int64_t to_us, struct whatif_alerts *ret) must_check;

#endif
