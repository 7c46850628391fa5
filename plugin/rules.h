/*
 * rules - from a value to the alert level, with memory.
 *
 * Levels are ranked by their set values, not by their numbers: Viet Nam counts
 * up from I, Jakarta down from siaga 4. A rising level is raised at value >=
 * set_value and holds until value < clear_value (deadband, ISA-18.2); a falling
 * one mirrors both. The highest level whose condition holds is the level now,
 * so a jump over several raises the highest at once.
 *
 *   level k holds when   value >= set_k, or
 *                        k is at or below the level now in rank, and value >= clear_k
 *
 * A rising level that holds goes before any falling one. Thresholds may be
 * edited between two calls. An incident whose level is gone from them, or has
 * changed its direction, is judged as if it were normal: it goes on at a level
 * of its direction whose set value holds, or ends.
 *
 * Threads  [any] pure; the caller owns the state.
 */
#ifndef HIGHWATER_RULES_H
#define HIGHWATER_RULES_H

#include "threshold.h"

/*
 * What is remembered of one datastream. Zeroed: normal, nothing seen.
 *
 * 1. level is LEVEL_NORMAL exactly when no incident is open.
 * 2. What follows last_us speaks of the open incident, or of the last one when
 *    none is open; sequence 0 means that there has been none.
 *
 * threshold is the set value of the level entered on the way up, and the clear
 * value of the level left on the way down. It is NAN when neither was crossed:
 * the level left had been deleted or turned round, or a rising level took over
 * from a falling one that still held.
 */
struct rules_state {
	int64_t last_us;    /* phenomenon time of the newest value observed, Unix µs */
	int64_t started_us; /* phenomenon time of the raise */
	int64_t changed_us; /* phenomenon time of the last transition */
	int64_t peak_us;
	double peak;      /* furthest value in the incident's direction */
	double value;     /* that made the last transition */
	double threshold; /* that it crossed, see below */
	int32_t level;
	int32_t previous_level; /* before the last transition */
	uint32_t sequence;      /* transitions of the incident; 1 is its raise */
	uint8_t direction;      /* enum direction of the incident */
	uint8_t severity;       /* of the level now; of the level left when it is normal */
	uint8_t quality;        /* enum quality of the value that made the last transition */
};

struct rules_input {
	int64_t phenomenon_us; /* Unix µs */
	int64_t received_us;   /* Unix µs, when the broker had it; 0: not known */
	double value;          /* finite, in the datastream's unit */
	uint8_t quality;       /* enum quality */
};

/*
 * Takes note of a value: true when it is newer than all before, and so may move
 * the alarm. Late and repeated values change nothing, nor does one that is not
 * finite. A stamp ahead of the arrival counts as the arrival, so that a sensor
 * whose clock is ahead cannot silence what comes after; when all before is
 * ahead of the arrival, the broker's clock has been set back, and order starts anew. While an incident is open every value noted counts for its peak.
 */
bool rules_observe(struct rules_state *state, const struct rules_input *in);

/*
 * Makes the next transition that an observed value calls for: true when the
 * level changed, with state as it is now. Call until it returns false: a swing
 * from a rising to a falling level is two, the end of one incident and the
 * start of the next.
 */
bool rules_step(const struct threshold *thresholds, size_t count, struct rules_state *state,
                const struct rules_input *in);

#endif
