/*
 * qc_private - the tests of qc.c that have a memory or a calendar of their own.
 *
 * Each gives the verdict of a fresh reading with a finite value, qc.h says by
 * which rule.
 *
 * Threads  [any] pure; the caller owns the state.
 */
#ifndef HIGHWATER_QC_PRIVATE_H
#define HIGHWATER_QC_PRIVATE_H

#include "qc.h"

/* 4 outside of the fail limits, 3 outside of the suspect limits; a limit that is NAN holds. */
static inline enum quality qc_span(double value, double fail_min, double fail_max, double suspect_min,
                                   double suspect_max)
{
	if (value < fail_min || value > fail_max)
		return QUALITY_FAIL;
	return value < suspect_min || value > suspect_max ? QUALITY_SUSPECT : QUALITY_PASS;
}

/* By the seasons of c; remembers nothing, so the reading need not be fresh. */
enum quality qc_season_judge(const struct qc_config *c, const struct qc_season *seasons, int64_t us,
                             double value);

/* Before s counts the reading. Missing readings are not told: their numbers pass. */
enum quality qc_flat_judge(const struct qc_config *c, struct qc_state *s, int64_t us, double value);
void qc_flat_skip(struct qc_state *s); /* a reading with a value that is not judged: a run starts after it */

enum quality qc_window_judge(const struct qc_config *c, struct qc_window *w, int64_t us, double value);
/* Asks for the memory that the next call needs, so that it comes while other tests go on. */
void qc_window_prefetch(const struct qc_window *w);
void qc_window_miss(const struct qc_config *c, struct qc_window *w, int64_t us);

#endif
