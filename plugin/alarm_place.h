/*
 * alarm_place - one alarm of one datastream, where the broker thread keeps it.
 *
 * Its levels are those of its cause and period among its datastream's thresholds.
 *
 * Threads  [loop]
 * Memory   Stays where it is until the table of datastreams is freed.
 */
#ifndef HIGHWATER_ALARM_PLACE_H
#define HIGHWATER_ALARM_PLACE_H

#include "alarm.h"
#include "timers.h"

struct datastream;

struct alarm_place {
	struct alarm_place *next; /* of the same datastream */
	struct datastream *datastream;
	struct timer timer;    /* when the clock may have something to do, or earlier */
	int64_t period_us;     /* with cause: which alarm of its datastream this is */
	uint32_t slot;         /* in the alarm store, or ALARM_SLOT_NONE */
	uint8_t cause : 5;     /* enum cause */
	bool is_set_up : 1;    /* there are levels of it in the registry that its datastream is bound to */
	bool status_known : 1; /* its status has been published since start */
	bool kept_memory : 1;  /* what the store has of it is more than the last incident */
	struct alarm_state state;
};

/* Each alarm has three levels as a rule, and a pointer in the heap of timers: all of it below 1 KiB. */
_Static_assert(sizeof(struct alarm_place) + 3 * sizeof(struct threshold) + sizeof(void *) < 1024,
               "100,000 alarms are 100 MB");

#endif
