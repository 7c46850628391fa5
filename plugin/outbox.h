/*
 * outbox - transitions on their way to subscribers.
 *
 * As a rule each leaves at once. When memory is too short to say it, it waits
 * here, whole, in a place made at start, and everything after it waits behind
 * it; so what is heard is late, but complete and in order.
 *
 * Promise  A transition that was given a place is announced, or the process
 *          ends first: then the journal has it.
 * Threads  [loop]
 * Errors   0 or a negative errno. Nothing here logs.
 * Memory   All of it is part of the struct.
 */
#ifndef HIGHWATER_OUTBOX_H
#define HIGHWATER_OUTBOX_H

#include "announce.h"
#include "util.h"

/* Transitions that can wait. */
#define OUTBOX_PLACES 64

struct outbox_item {
	struct transition transition;
	struct announced said; /* not all of it */
};

/* item[(first + i) % OUTBOX_PLACES], i < count, are those waiting, oldest first. Zeroed: empty. */
struct outbox {
	size_t first, count;
	struct outbox_item item[OUTBOX_PLACES];
};

/*
 * Announces t, or lets it wait. 0: announced; -EAGAIN: it waits; -ENOBUFS: there is no place, and t is not
 * taken; another error: the broker does not take it, now or ever, and nobody will have it.
 */
int outbox_send(struct outbox *o, const struct announce *a, const struct transition *t) must_check;

/* Announces what waits, as far as memory reaches. How many left: of those *ret_dropped the broker refused for good. */
size_t outbox_flush(struct outbox *o, const struct announce *a, size_t *ret_dropped);

size_t outbox_room(const struct outbox *o);

#endif
