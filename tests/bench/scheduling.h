/*
 * scheduling - whether the kernel took a thread off its processor, and why.
 *
 * On a busy machine a slow callback is more often one that had to wait for the processor than one that did much.
 * Restartable sequences tell, at the price of two memory accesses: the kernel clears rseq_cs when it takes a thread
 * off its processor outside of the sequence that is named there (linux/rseq.h). Counts of getrusage(2), which costs
 * a system call, then tell why.
 *
 * Threads  One, but for init.
 */
#ifndef HIGHWATER_BENCH_SCHEDULING_H
#define HIGHWATER_BENCH_SCHEDULING_H

#include <stdbool.h>

enum scheduling_cause {
	SCHEDULING_RAN, /* all the time, as far as the kernel knows: a hypervisor may have had it otherwise */
	SCHEDULING_PREEMPTED, /* another thread had its processor */
	SCHEDULING_WAITED,    /* by itself: for a lock, a disk */
	SCHEDULING_CAUSES,
};

struct scheduling_counts {
	long preempted, minor_faults, major_faults;
};

/* False: the C library or the kernel has no restartable sequences; scheduling_left() then is always true. */
bool scheduling_init(void);

/* From here on the thread is watched. */
void scheduling_watch(void);

/* Whether it has left its processor since, or may have. */
bool scheduling_left(void);

/* The thread's counts so far. */
void scheduling_look(struct scheduling_counts *ret);

#endif
