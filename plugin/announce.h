/*
 * announce - what subscribers are told: alerts, the state now, dead letters and
 * counters, each on its topic below the prefix or $SYS.
 *
 * Threads  [loop]
 * Errors   0, -ENOMEM, or -EINVAL when the broker does not take it; what could
 *          not be said is for the caller to count.
 */
#ifndef HIGHWATER_ANNOUNCE_H
#define HIGHWATER_ANNOUNCE_H

#include "dead_letter.h"
#include "stats.h"
#include "transition.h"

#include <stdbool.h>

struct announce {
	const char *prefix; /* the configuration's */
	int alerts_qos;     /* 0 to 2 */
	/* Counters as last published, so that only changes are. */
	bool published;
	uint64_t value[STATS_VALUE_COUNT];
	uint64_t rejected[REJECT_COUNT];
};

/*
 * The transition on alerts/, if it is not a silent one, and, retained, on status/, if it is not a test. *alerted says
 * that alerts/ has had it: then only the status is left to say.
 */
int announce_transition(const struct announce *a, const struct transition *t, bool *alerted) must_check;

/* Only the state now: retained, on status/. */
int announce_status(const struct announce *a, const struct transition *t) must_check;

int announce_dead_letter(const struct announce *a, const struct dead_letter *letter) must_check;

/* Publishes, retained, the counters that changed since the last call. */
int announce_stats(struct announce *a, const struct stats *stats) must_check;

#endif
