/*
 * runs - since when a value has stood beyond a limit without a break.
 *
 * For every limit at once, and without knowing the limits: kept are the starts
 * of the suffix minima and maxima of the values seen (monotone stacks, as for a
 * minimum in a sliding window). A limit that nobody thought of when the values
 * came can be asked for.
 *
 * Room is for RUNS_MAX starts on each side. When more are open, those that no
 * limit tells apart are merged, which changes no answer for these limits; if
 * all differ, the mildest two are merged, and the answer for limits between
 * them is later than it was: a delay is never cut short. With values that meet
 * no limit exactly, RUNS_MAX limits have room.
 *
 * Threads  [any] pure; the caller owns the state.
 */
#ifndef HIGHWATER_RUNS_H
#define HIGHWATER_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNS_MAX 6

/* From since_us[i] on no value was beyond bound[i], on the side away from the run; sample[i] is the first's number. */
struct runs_side {
	int64_t since_us[RUNS_MAX]; /* event time, Unix µs; rising with i */
	double bound[RUNS_MAX];
	uint32_t sample[RUNS_MAX];
	uint32_t count;
};

/* Zeroed: nothing seen. */
struct runs {
	struct runs_side least; /* suffix minima, rising with i: runs at or above a limit */
	struct runs_side most;  /* suffix maxima, falling with i: runs at or below a limit */
	uint32_t samples;       /* values seen; what is older than 2^32 of them counts wrong */
	uint32_t zero;
};

/* A run: since when, and how many values. samples 0: the newest value is not beyond the limit. */
struct run {
	int64_t since_us;
	uint32_t samples;
};

/*
 * Takes a finite value of event time at_us, later than all before. limits, in any order, are those that will be
 * asked for.
 */
void runs_add(struct runs *r, int64_t at_us, double value, const double *limits, size_t count);

struct run runs_at_or_above(const struct runs *r, double limit);
struct run runs_below(const struct runs *r, double limit);
struct run runs_at_or_below(const struct runs *r, double limit);
struct run runs_above(const struct runs *r, double limit);

#endif
