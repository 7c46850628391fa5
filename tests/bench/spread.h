/*
 * spread - how a duration is distributed: a histogram of nanoseconds with a
 * relative error of 1/64, from 1 ns to 18 s, and the exact extremes.
 */
#ifndef HIGHWATER_BENCH_SPREAD_H
#define HIGHWATER_BENCH_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#define SPREAD_STEPS   64
#define SPREAD_OCTAVES 34

/* Zeroed: empty. */
struct spread {
	uint64_t count, most_ns;
	double sum_ns;
	uint64_t in[SPREAD_OCTAVES * SPREAD_STEPS];
};

void spread_add(struct spread *s, int64_t ns);

/* The duration that the share (0 to 1) of all does not exceed; 0 when empty. */
double spread_quantile(const struct spread *s, double share);

/* The duration that stands for all that are counted in in[place], ns. */
double spread_middle(size_t place);

#endif
