/*
 * trail - the recent course of a value: its rate of rise, and when it will be
 * at a level.
 *
 * The newest TRAIL_MAX values that are at least `spacing` apart; the newest of
 * all takes the last place whatever its distance.
 *
 * The slope for projections is Theil's and Sen's (Theil 1950; Sen 1968): the
 * median of the slopes of all pairs, which a fifth of bad values does not move.
 *
 * Threads  [any] pure; the caller owns the state.
 */
#ifndef HIGHWATER_TRAIL_H
#define HIGHWATER_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#define TRAIL_MAX 8

/* at_us[i], i < count, rise. Zeroed: empty. */
struct trail {
	int64_t at_us[TRAIL_MAX];
	double value[TRAIL_MAX];
	uint32_t count;
	uint32_t zero;
};

/* A finite value of event time at_us, later than all before. */
void trail_add(struct trail *t, int64_t at_us, double value, int64_t spacing_us);

/*
 * Rise in units an hour over the period, by the time that really passed: from the newest value that is at least
 * period_us old to the newest of all. With trail_add()'s spacing at most period_us / 6 the value it starts from is the
 * right one to a sixth of the period, or the last one before a gap. NAN until there is such a value.
 */
double trail_rate(const struct trail *t, int64_t period_us);

/*
 * Robust slope in units a µs of the values not older than period_us before the newest; the mean of the middle two when
 * their pairs are even in number. NAN for fewer than three values.
 */
double trail_slope(const struct trail *t, int64_t period_us);

#endif
