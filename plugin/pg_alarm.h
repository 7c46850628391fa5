/*
 * pg_alarm - what alarms are made of in PostgreSQL becomes the registry's:
 * thresholds, members of groups, object holds, areas.
 *
 * Promise  What the plugin cannot use is left out and named in the report.
 * Threads  [writer]
 */
#ifndef HIGHWATER_PG_ALARM_H
#define HIGHWATER_PG_ALARM_H

#include "pg_registry.h"

#include <libpq-fe.h>

/*
 * What to ask, each in binary; see pg_alarm.c for the columns. Thresholds come in the order of datastream_id and
 * have one parameter, a timestamptz: those in force then; -infinity: now.
 */
extern const char pg_alarm_thresholds_sql[];
extern const char pg_alarm_members_sql[];
extern const char pg_alarm_holds_sql[];
extern const char pg_alarm_areas_sql[];

/* The threshold in a row; its datastream_id is the first column. False: the plugin cannot use it. */
bool pg_alarm_threshold(const PGresult *r, int row, struct threshold *ret);

/*
 * Fill to->members and to->areas, and name holds and areas in to's datastreams, which are complete and in the
 * order of datastream_id. to has room for as many as there are rows.
 */
void pg_alarm_members(struct registry *to, const PGresult *rows, struct pg_registry_report *report);
void pg_alarm_holds(struct registry *to, const PGresult *rows, struct pg_registry_report *report);
void pg_alarm_areas(struct registry *to, const PGresult *rows, struct pg_registry_report *report);

#endif
