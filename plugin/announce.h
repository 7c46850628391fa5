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

#include "cap_text.h"
#include "dead_letter.h"
#include "registry.h"
#include "stats.h"
#include "transition.h"

#include <stdbool.h>

struct announce {
	const char *prefix;              /* the configuration's */
	int alerts_qos;                  /* 0 to 2 */
	const struct cap_config *cap;    /* the configuration's; NULL: none */
	const struct registry *registry; /* the one in use, for areas */
	/* Counters as last published, so that only changes are. */
	bool published;
	uint64_t value[STATS_VALUE_COUNT];
	uint64_t rejected[REJECT_COUNT];
};

/* What of a transition has been said. */
struct announced {
	bool alert, status, cap; /* nothing more is to go there */
};

/*
 * The transition on alerts/ and, when that is configured, on cap/, if it is not a silent one; and, retained, on
 * status/, if it is not a test. What *said has is not said again, and what has been said by now is added to it.
 */
int announce_transition(const struct announce *a, const struct transition *t,
                        struct announced *said) must_check;

/* Only the state now: retained, on status/. */
int announce_status(const struct announce *a, const struct transition *t) must_check;

int announce_dead_letter(const struct announce *a, const struct dead_letter *letter) must_check;

/* Publishes, retained, the counters that changed since the last call. */
int announce_stats(struct announce *a, const struct stats *stats) must_check;

#endif
