/*
 * alarm - one alarm of one datastream: from readings and the clock to
 * transitions.
 *
 * A datastream has as many alarms as there are pairs of cause and period among
 * its thresholds, each with its own levels, incident and memory, so that
 * silence is never mixed with water. What the levels are compared with is the
 * cause's signal:
 *
 *   threshold, low_battery  the value, as hold.h believes it
 *   rate           rise over the period, units an hour (trail_rate())
 *   rain           sum over the period (rain_sum()). Of a suspect amount no
 *                  more counts than that of the next, if that is suspect too;
 *                  none if that is good
 *   stale, dead    time since the last reading arrived, in expected intervals;
 *                  a reading of any quality counts
 *   sensor_error   readings of quality 4 or 9 in a row
 *   projection     minutes until the value is at the set value of the next
 *                  rising level of its datastream's threshold alarm, by
 *                  trail_slope() over ALARM_TREND_US. No rise, or no level
 *                  above: ALARM_NEVER_MINUTES. Its thresholds are falling ones
 *   group, upstream  members at their levels (group.h), which the caller gives
 *                  to alarm_observe_count()
 *
 * Readings of quality 4 and 9 move nothing else. Values of the first line, of
 * rate and of projection pass hold.h; of two suspect readings of which the
 * second bears out the first, both count for delays, each from its own time.
 * Late data never comes here. Repeated and out-of-order data changes nothing.
 *
 * Event time is phenomenon time; for stale and dead, time of arrival. Without
 * readings it goes on as the broker's clock does since the last arrival.
 *
 * The caller: for each reading alarm_observe(), then alarm_step() until false.
 * When alarm_due() has passed: alarm_clock(), then alarm_step() until false,
 * and again while alarm_due() is not later than now. For the result not to
 * depend on when ticks come, the second goes before the first.
 *
 * Threads  [any] pure; the caller owns the state, which is free of pointers
 *          and persisted as it is.
 */
#ifndef HIGHWATER_ALARM_H
#define HIGHWATER_ALARM_H

#include "group.h"
#include "hold.h"
#include "levels.h"
#include "rain.h"
#include "reading.h"
#include "trail.h"

/* What a projection looks back on, the least distance of its points, and how far ahead it sees. */
#define ALARM_TREND_US          (INT64_C(3600) * 1000000)
#define ALARM_TREND_SPACING_US  (INT64_C(60) * 1000000)
#define ALARM_PROJECTION_MAX_US (INT64_C(24) * 3600 * 1000000)
#define ALARM_LIKELY_US         (INT64_C(3600) * 1000000)
#define ALARM_NEVER_MINUTES     1e9

/* How an alarm is set up; made of the registry for a call. */
struct alarm_config {
	const struct threshold *levels;  /* of one cause and period, in the order of threshold_sort() */
	const struct threshold *targets; /* of the datastream's threshold alarm, in that order */
	size_t count, target_count;
	struct hold_config hold;
	int64_t interval_us; /* between readings; 0: not known, then stale and dead never come */
	int64_t period_us;   /* for rate and rain more than 0 */
	uint8_t cause;       /* enum cause */
};

/* Zeroed: nothing seen. */
struct alarm_state {
	struct levels_state levels;
	union {
		struct {
			struct hold hold;
			struct trail trail;
		}; /* threshold, low_battery, rate, projection */
		struct {
			struct rain rain;
			double rain_kept; /* the newest amount if it is suspect and waits for the next */
		};
		struct group group; /* group, upstream */
		uint32_t errors;    /* sensor_error: unusable readings in a row */
	};
	/* Operators' and announcements', kept here for the caller: */
	int64_t shelved_until_us; /* Unix µs; 0: not shelved */
	int64_t ordered_us;       /* the last order of an operator, Unix µs; 0: none */
	int64_t told_us;          /* `sent` of what subscribers were told last of this incident, Unix µs */
	int32_t told_level;
	uint32_t told_sequence;
	bool told; /* at all */
	bool suppressed, out_of_service;
	uint8_t zero[5];
};

struct alarm_input {
	int64_t phenomenon_us; /* Unix µs */
	int64_t received_us;   /* Unix µs; 0: as phenomenon_us */
	double value;          /* NAN for a reading without */
	uint8_t quality;       /* enum quality */
	bool borne_out;        /* a neighbour agrees */
};

/*
 * Takes a reading of the datastream, of any quality. True: it may have moved
 * the alarm, and alarm_step() is to be called. False: it did not, being not
 * newer than all before, not for this cause, or not believed yet. Either way
 * alarm_due() may be another.
 */
bool alarm_observe(const struct alarm_config *config, struct alarm_state *state,
                   const struct alarm_input *in);

/* How many members of a group count at event time at_us, known at now_us. True: alarm_step() is to be called. */
bool alarm_observe_count(const struct alarm_config *config, struct alarm_state *state, int64_t at_us,
                         int64_t now_us, unsigned count);

/* The next transition; call until false. */
bool alarm_step(const struct alarm_config *config, struct alarm_state *state);

/*
 * When alarm_clock() is to be called if no reading comes, Unix µs by the
 * broker's clock; INT64_MAX: never. May be earlier than needed. Of a group's
 * own ends of time (group_next_change()) it knows nothing.
 */
int64_t alarm_due(const struct alarm_config *config, const struct alarm_state *state);

/* Lets event time go on to the next moment that is due, but no further than now_us allows. */
void alarm_clock(const struct alarm_config *config, struct alarm_state *state, int64_t now_us);

/* Acknowledges the incident: false when there is none, or it is already. True: alarm_step() is to be called. */
bool alarm_acknowledge(const struct alarm_config *config, struct alarm_state *state, int64_t now_us);

/*
 * A broker that was down has heard nothing: that time does not count as
 * silence. For a restored state, at start.
 */
void alarm_resume(const struct alarm_config *config, struct alarm_state *state, int64_t now_us);

/* The level that the value will be at next by its recent rise. */
struct alarm_projection {
	const struct threshold *target;
	int64_t at_us; /* event time, Unix µs */
	bool likely;   /* within ALARM_LIKELY_US: CAP's certainty Likely, else Possible */
};

/* False: it does not rise, there is no level above, or not within ALARM_PROJECTION_MAX_US. For the causes that pass hold.h. */
bool alarm_project(const struct alarm_config *config, const struct alarm_state *state,
                   struct alarm_projection *ret);

/* Whether a jump is held back (hold.h). */
bool alarm_is_held(const struct alarm_config *config, const struct alarm_state *state);

/* Whether alarms of this cause watch the datastream's own readings. group and upstream do not. */
bool alarm_watches_readings(enum cause cause);

#endif
