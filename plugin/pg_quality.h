/*
 * pg_quality - the rules of quality control in PostgreSQL become the registry's
 * qualities.
 *
 * A property's rules hold for each of its datastreams; a datastream's own rule
 * takes the place of its property's for the same test, as a whole. Most
 * datastreams have none of their own and share their property's quality: equal
 * ones are kept once.
 *
 * Promise  A rule that the plugin cannot use is left out and named in the report.
 * Threads  [writer]
 * Errors   0 or -ENOMEM.
 */
#ifndef HIGHWATER_PG_QUALITY_H
#define HIGHWATER_PG_QUALITY_H

#include "pg_registry.h"

#include <libpq-fe.h>

/* What to ask, each in binary; see pg_quality.c for the columns. */
extern const char pg_quality_rules_sql[];
extern const char pg_quality_seasons_sql[];

/* Intervals of the datastreams, column by column with those of the registry. */
struct pg_quality_interval {
	int64_t interval_us; /* expected between two readings; 0: not known */
	int64_t gap_us;      /* longer is a gap; 0: not known */
};

/*
 * Fills to->qualities and to->seasons, and names them in to's properties and
 * datastreams, which are complete, the latter by ascending datastream_id. to has room for
 * properties + datastreams qualities and the rows of seasons.
 */
int pg_quality_build(struct registry *to, const PGresult *rules, const PGresult *seasons,
                     const struct pg_quality_interval *intervals,
                     struct pg_registry_report *report) must_check;

/* Number of the datastream with this id among to's, see registry_numbered(); 0: it is not there. */
uint32_t pg_quality_number(const struct registry *to, int32_t datastream_id);

#endif
