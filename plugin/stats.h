/*
 * stats - counters and gauges, as published below $SYS/broker/highwater.
 *
 * Threads  [any] but stats_count() [loop]. Relaxed atomics, since no other memory hangs on a count.
 */
#ifndef HIGHWATER_STATS_H
#define HIGHWATER_STATS_H

#include "reject.h"

#include <stdatomic.h>
#include <stdint.h>

/* X(enumerator, topic below $SYS/broker/highwater/, meaning) */
#define STATS_VALUES(X)                                                                                 \
	X(STATS_MESSAGES_MATCHED, "messages/matched", "messages that a source matched")                 \
	X(STATS_MESSAGES_REFUSED, "messages/refused", "publishes refused below the prefix")             \
	X(STATS_READINGS_RECEIVED, "readings/received", "readings decoded from messages")               \
	X(STATS_READINGS_JOURNALLED, "readings/journalled", "readings taken into the journal")          \
	X(STATS_READINGS_DUPLICATE, "readings/duplicate", "same time and value as the last one")        \
	X(STATS_READINGS_LATE, "readings/late", "stored, but too old for a live alarm")                 \
	X(STATS_READINGS_UNJOURNALLED, "readings/unjournalled", "journal could not take them")          \
	X(STATS_READINGS_STORED, "readings/stored", "rows written to observation")                      \
	X(STATS_READINGS_KNOWN, "readings/already_stored", "rows that were in observation before")      \
	X(STATS_READINGS_OUT_OF_ORDER, "readings/out_of_order",                                         \
	  "stored; not newer than one that alarms saw")                                                 \
	X(STATS_READINGS_LOST, "readings/lost", "of these, QoS 0: nobody sends them again")             \
	X(STATS_READINGS_SUSPECT, "readings/suspect", "stored with quality 3")                          \
	X(STATS_READINGS_FAILED, "readings/failed", "stored with quality 4, without a say in alarms")   \
	X(STATS_READINGS_MISSING, "readings/missing", "stored with quality 9: no value")                \
	X(STATS_MEMBERS_IGNORED, "members/ignored", "object members that name no property")             \
	X(STATS_REJECTED_TOTAL, "rejected/total", "readings rejected, all reasons")                     \
	X(STATS_DEAD_LETTERS_DROPPED, "rejected/dropped", "dead letters not kept: journal half full")   \
	X(STATS_ALERTS_PUBLISHED, "alerts/published", "transitions published")                          \
	X(STATS_ALERTS_UNJOURNALLED, "alerts/unjournalled", "published, but the journal was full")      \
	X(STATS_ALERTS_ACTIVE, "alerts/active", "datastreams not at level 0")                           \
	X(STATS_DATASTREAMS, "datastreams", "datastreams seen since start")                             \
	X(STATS_JOURNAL_BYTES, "journal/bytes", "disk space the journal takes")                         \
	X(STATS_JOURNAL_PENDING, "journal/pending", "records journalled, not yet committed")            \
	X(STATS_JOURNAL_DAMAGED, "journal/damaged", "records lost to damage; where not known, at most") \
	X(STATS_WRITER_CONNECTED, "database/connected", "1 while the database is usable")               \
	X(STATS_WRITER_BATCHES, "database/batches", "transactions committed")                           \
	X(STATS_WRITER_RETRIES, "database/retries", "transactions or connections tried again")          \
	X(STATS_REGISTRY_DATASTREAMS, "registry/datastreams", "datastreams in the registry")            \
	X(STATS_CALLBACK_MAX_US, "callback/max_us",                                                     \
	  "longest message callback; of those below 10 ms, of one in eight, µs")

/* clang-format off */
enum stats_value {
#define X(id, topic, text) id,
	STATS_VALUES(X)
#undef X
	STATS_VALUE_COUNT,
};
/* clang-format on */

struct stats {
	_Atomic uint64_t value[STATS_VALUE_COUNT];
	_Atomic uint64_t rejected[REJECT_COUNT];
};

static inline void stats_add(struct stats *s, enum stats_value id, uint64_t n)
{
	atomic_fetch_add_explicit(&s->value[id], n, memory_order_relaxed);
}

/* [loop] One more, of what no other thread ever changes: without the lock that stats_add() takes of the memory. */
static inline void stats_count(struct stats *s, enum stats_value id)
{
	uint64_t before = atomic_load_explicit(&s->value[id], memory_order_relaxed);

	atomic_store_explicit(&s->value[id], before + 1, memory_order_relaxed);
}

static inline void stats_set(struct stats *s, enum stats_value id, uint64_t v)
{
	atomic_store_explicit(&s->value[id], v, memory_order_relaxed);
}

static inline uint64_t stats_get(const struct stats *s, enum stats_value id)
{
	return atomic_load_explicit(&s->value[id], memory_order_relaxed);
}

/* Counts one rejected reading, under its reason and in the total. */
void stats_reject(struct stats *s, enum reject reason);

/* Topic below $SYS/broker/highwater/. Never NULL. */
const char *stats_topic(enum stats_value id);

#endif
