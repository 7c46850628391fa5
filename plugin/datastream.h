/*
 * datastream - what the broker thread remembers of each datastream it has seen.
 *
 * Found by one hash of station and property, half of which stands in the table
 * itself: only the datastream that is meant is touched. The hash holds a secret
 * of the process, so that names cannot be made up which meet in the table; a
 * lookup would pass at most as many as there are, and those are limited by
 * max_datastreams and what is registered. What the registry says of a datastream
 * is looked up again when the registry has changed, at the next reading: a new
 * snapshot costs nothing at the moment it arrives.
 *
 * Threads  [loop]
 * Memory   Datastreams, their alarms and windows stay where they are until the table
 *          is freed. An allocation happens only now and then when a new one appears.
 */
#ifndef HIGHWATER_DATASTREAM_H
#define HIGHWATER_DATASTREAM_H

#include "alarm_place.h"
#include "qc_store.h"
#include "registry.h"

struct datastream {
	struct datastream_key key;
	const struct registry_datastream *registered; /* NULL: not registered; see datastream_bind() */
	const struct registry_datastream *feeds;      /* what its readings are converted for, or NULL */
	const struct qc_config *quality;              /* never NULL once bound */
	struct datastream *fed;                       /* feeds, once it has been looked up */
	uint64_t generation;                          /* of the registry that these were found in */
	struct alarm_place *alarms; /* in order of appearance; see datastream_give_alarm() */
	uint64_t alarms_generation; /* of the registry that their levels are of */
	struct qc_place place;      /* of memory and window in the quality store */
	bool unkept; /* the quality store has an older memory; then the next that is so, or NULL: */
	struct datastream *next_unkept;
	struct qc_memory memory;  /* of quality control; position 0: no reading so far */
	struct qc_window *window; /* of the attenuated signal, or NULL; see datastream_give_window() */
};

struct datastream_table;

struct datastream_table *datastream_table_new(void) must_check;
void datastream_table_free(struct datastream_table *t);

/* NULL when it has not been seen. */
struct datastream *datastream_find(const struct datastream_table *t, const struct datastream_key *key);
struct datastream *datastream_find_named(const struct datastream_table *t,
                                         const struct datastream_name *name);

bool datastream_has_name(const struct datastream *d, const struct datastream_name *name);

/* Begins to bring what is remembered of d into the processor's cache: among many it is not there. */
static inline void datastream_fetch(const struct datastream *d)
{
	for (const char *line = (const char *)d; line < (const char *)(d + 1); line += 64) {
		__builtin_prefetch(line, 1);
	}
}

/* Adds one that is not there. NULL when memory is short. */
struct datastream *datastream_add(struct datastream_table *t, const struct datastream_key *key) must_check;

/* Gives d a zeroed window if it has none. False when memory is short. */
bool datastream_give_window(struct datastream_table *t, struct datastream *d);

/* Gives d one more alarm, zeroed but for cause, period and an empty slot. NULL when memory is short. */
struct alarm_place *datastream_give_alarm(struct datastream_table *t, struct datastream *d, enum cause cause,
                                          int64_t period_us) must_check;

/* d's alarm of this cause and period, or NULL. */
struct alarm_place *datastream_alarm(const struct datastream *d, enum cause cause, int64_t period_us);

/* Alarms of all datastreams. */
size_t datastream_alarm_count(const struct datastream_table *t);

size_t datastream_count(const struct datastream_table *t);

/* Makes d speak of registry, which is the generation-th one in use. */
void datastream_bind(struct datastream *d, const struct registry *registry, uint64_t generation);

/* The unit of d's results: the registered one, else the property's. Never NULL. */
const char *datastream_unit(const struct datastream *d, const struct registry *registry);

/* Calls each for all of them, in order of appearance. */
void datastream_each(const struct datastream_table *t, void (*each)(void *context, struct datastream *d),
                     void *context);

#endif
