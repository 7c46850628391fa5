/*
 * handover - what the broker thread and the writer thread share, but for the
 * journal, the alarm store, the counters and the log box, which have their own
 * rules.
 *
 * Invariants, at all times:
 * 1. A registry has one owner: the writer, until handover_offer_registry();
 *    nobody, while it lies in fresh; the loop, from handover_take_registry()
 *    until handover_return_registry(); the writer again, after
 *    handover_collect_registries().
 * 2. When sleeping is set and something was appended after that, a byte is or
 *    will be in wake_fd: the writer never sleeps through a record.
 *
 * Threads  As tagged.
 */
#ifndef HIGHWATER_HANDOVER_H
#define HIGHWATER_HANDOVER_H

#include "registry.h"

#include <stdatomic.h>

struct handover {
	_Atomic(struct registry *) fresh; /* newest snapshot not yet taken, or NULL */
	_Atomic(struct registry *) spent; /* list of those that the loop has done with */
	_Atomic bool sleeping;            /* the writer is about to wait, or waits */
	_Atomic bool stopping;            /* set once, by the loop */
	_Atomic uint64_t announced;       /* journal position up to which subscribers have had their alerts */
	int wake_fd;                      /* eventfd, non-blocking, above 2 */
};

int handover_init(struct handover *h) must_check; /* [start] 0 or a negative errno */
void handover_done(struct handover *h);           /* [start] frees what is still in it */

void handover_offer_registry(struct handover *h, struct registry *r);  /* [writer] */
void handover_collect_registries(struct handover *h);                  /* [writer] frees the spent ones */
struct registry *handover_take_registry(struct handover *h);           /* [loop] NULL: nothing new */
void handover_return_registry(struct handover *h, struct registry *r); /* [loop] */

/* [loop] After an append: wakes the writer if it sleeps. No system call otherwise. */
void handover_wake(struct handover *h);

/*
 * Transitions before position have left the broker's hands, and what quality control remembers of readings before it
 * is stored. The journal keeps what comes after it, stored in the database or not: a restart after a crash announces
 * and judges it again.
 */
void handover_set_announced(struct handover *h, uint64_t position); /* [loop] */
uint64_t handover_announced(const struct handover *h);              /* [writer] */

/* [loop], or apart while the loop waits: asks the writer to come to an end. */
void handover_stop(struct handover *h);
bool handover_stopping(const struct handover *h); /* [any] */

/*
 * [writer] Announces sleep. The caller then looks once more for work, polls
 * wake_fd among others, and calls handover_awake().
 */
void handover_sleep(struct handover *h);
void handover_awake(struct handover *h); /* [writer] empties wake_fd */

#endif
