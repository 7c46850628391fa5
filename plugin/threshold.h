/*
 * threshold - an alert level of an alarm, as authorities and operators set it.
 *
 * What an alarm watches is its cause; the thresholds of a datastream that have
 * the same cause and period are the levels of one alarm. Delays, deadband,
 * latching and re-alarm are those of ISA-18.2 and IEC 62682. How they act is
 * told in levels.h.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_THRESHOLD_H
#define HIGHWATER_THRESHOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEVEL_NORMAL   0
#define LEVEL_NAME_MAX 48

enum direction { DIRECTION_RISING, DIRECTION_FALLING };

/* CAP 1.2, 3.2.2 "severity", mildest last as in the standard. */
enum severity { SEVERITY_EXTREME, SEVERITY_SEVERE, SEVERITY_MODERATE, SEVERITY_MINOR, SEVERITY_UNKNOWN };

/* What an alarm watches. Stored as numbers in journal and state files: new ones go to the end. */
enum cause {
	CAUSE_THRESHOLD,    /* the value itself */
	CAUSE_RATE,         /* its rise over the period, units an hour; a fall is negative */
	CAUSE_RAIN,         /* the sum of amounts over the period */
	CAUSE_STALE,        /* expected intervals since the last reading */
	CAUSE_DEAD,         /* the same, for a sensor that is given up */
	CAUSE_SENSOR_ERROR, /* readings without a usable value (4, 9) in a row */
	CAUSE_LOW_BATTERY,  /* the value itself, of a battery */
	CAUSE_PROJECTION,   /* minutes until the value is at its next level; falling */
	CAUSE_GROUP,        /* members of a group at their levels */
	CAUSE_UPSTREAM,     /* the same, upstream: water that is on its way */
	CAUSE_TEST,         /* none: a test alert */
	CAUSE_COUNT,
};

/* Values in the unit of the cause: the datastream's for threshold, rain and low_battery, that an hour for rate,
 * minutes for projection, else a number. */
struct threshold {
	double set_value, clear_value;                /* finite */
	int64_t on_delay_us, off_delay_us, repeat_us; /* 0 or more; repeat_us 0: never */
	int64_t period_us; /* with cause: which alarm of its datastream it belongs to; 0 for causes without */
	int32_t level;     /* never LEVEL_NORMAL; unique in its alarm */
	uint16_t on_samples; /* values that make up for on_delay_us; 0: only time counts */
	uint8_t cause;       /* enum cause */
	uint8_t direction;   /* enum direction */
	uint8_t severity;    /* enum severity */
	bool latching;
	char name[LEVEL_NAME_MAX + 1];
};

/*
 * Orders thresholds: by cause and period, then rising before falling, each from
 * the mildest set value to the most extreme; of equal ones the more severe is
 * the more extreme.
 */
void threshold_sort(struct threshold *thresholds, size_t count);

/* Those of one alarm among sorted ones: how many, and the first in *ret_first. */
size_t threshold_of_alarm(const struct threshold *thresholds, size_t count, enum cause cause,
                          int64_t period_us, const struct threshold **ret_first);

/* The threshold with this level number among those of one alarm, or NULL. */
const struct threshold *threshold_find(const struct threshold *thresholds, size_t count, int32_t level);

const char *threshold_direction_name(enum direction d); /* "rising", "falling" */
const char *threshold_severity_name(enum severity s);   /* CAP's spelling */

/* "threshold", "rate", "rain", "stale", "dead", "sensor_error", "low_battery", "projection", "group",
 * "upstream", "test". */
const char *threshold_cause_name(enum cause c);

#endif
