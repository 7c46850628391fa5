/*
 * rain - the sum of amounts over a sliding period.
 *
 * Buckets of period / RAIN_BUCKETS each, by phenomenon time. The sum is of the bucket of now and the RAIN_BUCKETS
 * before it: what fell in the period, and up to one bucket (a 30th of the period) more.
 *
 * Amounts are kept in thousandths of the unit, so that 0.2 mm a hundred times is 20 mm and not a hair less.
 *
 * Threads  [any] pure; the caller owns the state.
 */
#ifndef HIGHWATER_RAIN_H
#define HIGHWATER_RAIN_H

#include <stdint.h>

#define RAIN_BUCKETS 30

/* Zeroed: nothing fell. One state is for one period. */
struct rain {
	int64_t newest; /* number of the newest bucket: time / width */
	uint32_t amount[RAIN_BUCKETS +
	                1]; /* of bucket n at n % (RAIN_BUCKETS + 1), in thousandths; full at 2^32 */
	uint32_t zero;
};

/*
 * An amount of time at_us, Unix µs, in a bucket not before the newest; one before it counts as none, as negative ones
 * and NAN do.
 */
void rain_add(struct rain *r, int64_t at_us, double amount, int64_t period_us);

/* In the unit, at at_us, which may be later than the newest amount: rain dries up by the clock. */
double rain_sum(const struct rain *r, int64_t at_us, int64_t period_us);

/* The time at which the sum next becomes less if nothing more falls; INT64_MAX when it is 0. */
int64_t rain_next_change(const struct rain *r, int64_t at_us, int64_t period_us);

#endif
