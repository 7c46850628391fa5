/*
 * timers - what is due next, among many.
 *
 * A binary heap of timers that are part of what they belong to. Looking whether something is due costs the same
 * however many there are; setting costs the logarithm.
 *
 * Threads  [any] one at a time.
 * Errors   0 or -ENOMEM.
 * Memory   The heap's array grows in timers_reserve() only. A timer that is set stays where it is.
 */
#ifndef HIGHWATER_TIMERS_H
#define HIGHWATER_TIMERS_H

#include "util.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed: not set. */
struct timer {
	int64_t due_us;
	uint32_t place; /* in the heap + 1; 0: not set */
};

/* Zeroed: empty. heap[(i - 1) / 2] is due no later than heap[i], and heap[i]->place is i + 1. */
struct timers {
	struct timer **heap;
	size_t count, room;
};

/* So that `count` timers can be set without memory. */
int timers_reserve(struct timers *t, size_t count) must_check;
void timers_done(struct timers *t);

/* Sets, or moves, a timer; INT64_MAX takes it away. Room must have been reserved. */
void timers_set(struct timers *t, struct timer *timer, int64_t due_us);

/* The timer that is due first, taken away, if it is due at now_us; else NULL. Its due_us is left. */
struct timer *timers_take(struct timers *t, int64_t now_us);

#endif
