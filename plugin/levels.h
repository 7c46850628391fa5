/*
 * levels - from the course of a value to the alert level, with memory.
 *
 * Levels are ranked by their set values, not by their numbers: Viet Nam counts
 * up from I, Jakarta down from siaga 4. Delays, deadband, latching and
 * re-alarm are ISA-18.2's (IEC 62682). Of a rising level k, in event time:
 *
 *   raised  the value is at or above set_k, and has been without a break for
 *           on_delay_k (when not 0) or for on_samples_k values (when not 0),
 *           whichever is first; with neither, at once
 *   held    k is at or below the level now in rank, and the value is at or
 *           above clear_k, or has been below it for less than off_delay_k, or
 *           k is latching and the incident not acknowledged
 *
 * The level now is the highest that is raised or held, so a jump over several
 * raises the highest at once; the levels that it passes count as entered. A
 * falling level mirrors all. A rising level goes before any falling one. While
 * a level other than normal is in force, every repeat_k after the last
 * transition (0: never) it is told again: a transition to the same level,
 * which takes the acknowledgement back.
 *
 * Delays run in event time. When no reading comes, the newest value is taken
 * to hold and levels_clock() lets the delays end; what ends so has the event
 * time at which its delay ended, not the one of the call, so that two brokers
 * agree. Repeats that were missed meanwhile are one, the last.
 *
 * Thresholds may be edited between two calls. An incident whose level is gone
 * from them, or has changed its direction, is judged as if it were normal: it
 * goes on at a level of its direction that is raised, or ends.
 *
 * on_samples counts readings, and is ignored where values are not readings:
 * for stale, dead, group and upstream.
 *
 * Threads  [any] pure; the caller owns the state.
 */
#ifndef HIGHWATER_LEVELS_H
#define HIGHWATER_LEVELS_H

#include "runs.h"
#include "threshold.h"

/*
 * What is remembered of one alarm's levels. Zeroed: normal, nothing seen.
 *
 * 1. level is LEVEL_NORMAL exactly when no incident is open.
 * 2. What follows newest speaks of the open incident, or of the last one when
 *    none is open; sequence 0 means that there has been none.
 * 3. changed_us never goes back while the broker's clock does not, and no two
 *    incidents have the same started_us.
 *
 * threshold is the set value of the level entered on the way up or told again,
 * and the clear value of the level left on the way down. It is NAN when
 * neither was crossed: the level left had been deleted or turned round, or a
 * rising level took over from a falling one that still held.
 */
struct levels_state {
	struct runs runs;
	int64_t last_us;  /* event time of the newest input, Unix µs; 0: none */
	int64_t taken_us; /* when the broker had it, Unix µs */
	int64_t at_us; /* event time that has been judged: that of the newest value, or later by the clock */
	double newest; /* the newest value */
	int64_t started_us; /* event time of the raise */
	int64_t onset_us;   /* when the value first was beyond what was raised then */
	int64_t changed_us; /* event time of the last transition */
	int64_t peak_us;
	double peak;      /* furthest value in the incident's direction */
	double value;     /* at the last transition */
	double threshold; /* that it crossed, see above */
	int32_t level;
	int32_t previous_level;     /* before the last transition; equal to level: it was a repeat */
	uint32_t sequence;          /* transitions of the incident; 1 is its raise */
	uint8_t direction;          /* enum direction of the incident */
	uint8_t severity;           /* of the level now; of the level left when it is normal */
	uint8_t quality;            /* enum quality of the newest value */
	uint8_t transition_quality; /* the same, at the last transition */
	bool acknowledged; /* set by the caller; a raise, a change upwards and a repeat take it back */
};

struct levels_input {
	int64_t phenomenon_us; /* Unix µs */
	int64_t received_us;   /* Unix µs, when the broker had it; 0: not known */
	double value;
	uint8_t quality; /* enum quality */
};

/*
 * Takes note of an input in the order of event time: returns its event time if
 * it is newer than all before and so may move the alarm; 0 when it is not: late,
 * repeated or not finite. A stamp ahead of the arrival counts as the arrival,
 * so that a sensor whose clock is ahead cannot silence what comes after. When
 * all before is ahead of the arrival, the broker's clock has been set back
 * (levels_is_set_back()): order starts anew, and the runs with it.
 */
int64_t levels_order(struct levels_state *state, const struct levels_input *in);
bool levels_is_set_back(const struct levels_state *state, const struct levels_input *in);

/*
 * Takes a value as that of event time at_us, which levels_order() gave or the clock has come to, not earlier than the
 * values before. While an incident is open every value counts for its peak.
 */
void levels_take(const struct threshold *thresholds, size_t count, struct levels_state *state, int64_t at_us,
                 const struct levels_input *in);

/*
 * Makes the next transition that the state calls for at state->at_us: true when
 * there was one, with state as it is then. Call until it returns false: a swing
 * from a rising to a falling level is two, the end of one incident and the
 * start of the next. thresholds are those of one alarm.
 */
bool levels_step(const struct threshold *thresholds, size_t count, struct levels_state *state);

/*
 * Event time of the next moment after state->at_us at which levels_step() may
 * have something to do without a new value: the end of a delay, or a repeat.
 * INT64_MAX: never.
 */
int64_t levels_due(const struct threshold *thresholds, size_t count, const struct levels_state *state);

/* Goes on to that moment, if it is not later than until_us: true when it did. */
bool levels_clock(const struct threshold *thresholds, size_t count, struct levels_state *state,
                  int64_t until_us);

/* Whether level is at or beyond the level `least` in rank, both of one alarm and of one direction. */
bool levels_is_at_least(const struct threshold *thresholds, size_t count, int32_t level, int32_t least);

#endif
