/*
 * clock - what time it is.
 *
 * The only place that asks. Domain code is handed the time instead.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_CLOCK_H
#define HIGHWATER_CLOCK_H

#include <stdint.h>

/* Microseconds since 1970-01-01T00:00:00Z; follows steps of the system clock. */
int64_t clock_realtime_us(void);

/* Behind that by one tick of the kernel at most, 1 to 10 ms, and several times cheaper. */
int64_t clock_coarse_us(void);

/* Microseconds since an arbitrary start; never steps back. For intervals. */
int64_t clock_monotonic_us(void);

#endif
