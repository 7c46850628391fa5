/*
 * batch - journal records on their way into one transaction.
 *
 * Records are added in journal order until one kind is full. batch_sort() then
 * puts the readings into the order of observation's primary key, which makes the
 * insert faster and keeps two brokers that store the same readings from
 * deadlocking.
 *
 * Invariants once batch_sort() has returned:
 * 1. order[0 .. order_count) are the readings with a datastream_id, by
 *    (datastream_id, phenomenon time), each key once: of several, the one that
 *    arrived first.
 * 2. order_count + repeated + readings without a datastream_id = reading_count.
 * 3. settled[0 .. settled_count) are the readings that settle one which may be
 *    stored already, by that one's key, each key once: the last to arrive. What is
 *    settled within the batch has its final verdicts in the order already.
 *
 * Threads  [writer]
 * Errors   0 or a negative errno.
 * Memory   Allocated once, in batch_new(), at full size; pages that are never
 *          needed are never touched.
 */
#ifndef HIGHWATER_BATCH_H
#define HIGHWATER_BATCH_H

#include "journal.h"
#include "record.h"
#include "util.h"

#define BATCH_READINGS_MAX     50000
#define BATCH_TRANSITIONS_MAX  1000
#define BATCH_DEAD_LETTERS_MAX 256

struct batch_reading {
	struct reading reading;
	struct hindsight hindsight;
	uint64_t position;   /* in the journal */
	const char *refusal; /* why the datastream could not be registered; the resolver's memory, or NULL */
	int32_t datastream_id; /* in the connected database; 0: it has none */
};

struct batch_transition {
	struct transition transition;
	uint64_t position;
	const char *refusal;
	int32_t datastream_id;
};

struct batch_dead_letter {
	struct dead_letter letter; /* points into texts and payload */
	struct dead_letter_texts texts;
	uint8_t payload[DEAD_LETTER_PAYLOAD_MAX];
	uint64_t position;
};

/* A reading's place in the order of the primary key, its own or that of the one it settles. */
struct batch_key {
	int64_t phenomenon_us;
	int32_t datastream_id;
	uint32_t index; /* into readings */
};

struct batch {
	uint64_t from, to; /* journal positions: everything in between is in the batch or was passed over */
	size_t limit;      /* readings that are taken at most */
	size_t reading_count, transition_count, dead_letter_count;
	size_t order_count, repeated;
	size_t settled_count;
	size_t gap_count;   /* readings with a datastream_id that came after a gap */
	size_t undecodable; /* records that were passed over */
	struct batch_reading *readings;
	struct batch_transition *transitions;
	struct batch_dead_letter *dead_letters;
	struct batch_key *order, *settled;
	struct batch_key *spare; /* for sorting */
	uint32_t *place;         /* of each ordered reading, by its index: where it stands in the order */
};

struct batch *batch_new(void) must_check;
void batch_free(struct batch *b); /* NULL is harmless */

/* Forgets the items; what is added next stands at or after journal position from. */
void batch_reset(struct batch *b, uint64_t from, size_t limit);

/*
 * Takes a journal record and moves b->to behind it. -ENOBUFS: no room, nothing
 * changed. -EBADMSG: of an unknown kind or its body does not decode; it is passed over.
 */
int batch_add(struct batch *b, const struct journal_record *record) must_check;

/* Orders the readings, once each has its datastream_id. */
void batch_sort(struct batch *b);

/* Items of all kinds. */
size_t batch_count(const struct batch *b);

/* The reading at place i of the order, and the one that settles at place i. */
static inline const struct batch_reading *batch_ordered(const struct batch *b, size_t i)
{
	return &b->readings[b->order[i].index];
}

static inline const struct batch_reading *batch_settled(const struct batch *b, size_t i)
{
	return &b->readings[b->settled[i].index];
}

#endif
