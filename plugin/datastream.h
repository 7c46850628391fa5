/*
 * datastream - what the broker thread remembers of each datastream it has seen.
 *
 * Found by one hash of station and property. What the registry says of it is
 * looked up again when the registry has changed, at the next reading: a new
 * snapshot costs nothing at the moment it arrives.
 *
 * Threads  [loop]
 * Memory   Datastreams stay where they are until the table is freed. An
 *          allocation happens only when a new one appears.
 */
#ifndef HIGHWATER_DATASTREAM_H
#define HIGHWATER_DATASTREAM_H

#include "registry.h"

struct datastream {
	struct datastream_key key;
	const struct registry_datastream *registered; /* NULL: not registered; see datastream_bind() */
	uint64_t generation;                          /* of the registry that registered was found in */
	uint64_t hash;
	struct rules_state rules;
	uint32_t alarm_slot; /* in the alarm store, or ALARM_SLOT_NONE */
	bool status_known;   /* its status has been published since start */
	bool has_last;
	int64_t last_us; /* of the last reading journalled, Unix µs */
	double last_result;
};

struct datastream_table;

struct datastream_table *datastream_table_new(void) must_check;
void datastream_table_free(struct datastream_table *t);

/* NULL when it has not been seen. */
struct datastream *datastream_find(const struct datastream_table *t, const struct datastream_key *key);

/* Adds one that is not there. NULL when memory is short. */
struct datastream *datastream_add(struct datastream_table *t, const struct datastream_key *key) must_check;

size_t datastream_count(const struct datastream_table *t);

/* Makes d->registered speak of registry, which is the generation-th one in use. */
void datastream_bind(struct datastream *d, const struct registry *registry, uint64_t generation);

/* The unit of d's results: the registered one, else the property's. Never NULL. */
const char *datastream_unit(const struct datastream *d, const struct registry *registry);

/* Calls each for all of them, in order of appearance. */
void datastream_each(const struct datastream_table *t, void (*each)(void *context, struct datastream *d),
                     void *context);

#endif
