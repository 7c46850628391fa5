/*
 * registry - stations, datastreams and thresholds as they are now.
 *
 * An immutable snapshot: built whole, by the writer from PostgreSQL or at
 * start from the copy in the state directory, then only read.
 *
 * Promise  A copy that is torn, foreign or of another version is refused, never
 *          half used.
 * Threads  Building: one thread. A sealed registry: [any], read only.
 * Errors   0 or a negative errno.
 * Memory   registry_free() releases everything; NULL is harmless. Pointers
 *          handed out live as long as the registry.
 */
#ifndef HIGHWATER_REGISTRY_H
#define HIGHWATER_REGISTRY_H

#include "property.h"
#include "rules.h"
#include "transition.h"
#include "util.h"

#include <stdbool.h>

struct registry_datastream {
	struct datastream_key key;
	int32_t datastream_id;    /* highwater.datastream.datastream_id */
	uint32_t threshold_first; /* index of the first of threshold_count thresholds */
	uint32_t threshold_count;
	char name[STATION_NAME_MAX + 1]; /* of the station; "" when not known */
	char unit[UNIT_MAX + 1];
	char datum[DATUM_MAX + 1];  /* "" when not known */
	double latitude, longitude; /* WGS 84 degrees; NAN when not known */
};

/*
 * 1. properties are sorted by code, without duplicates.
 * 2. Each datastream's thresholds stand together, in the order of rules_sort().
 * 3. No two datastreams have the same key.
 * These hold once registry_seal() has returned 0.
 */
struct registry {
	struct property *properties;
	size_t property_count;
	struct registry_datastream *datastreams;
	size_t datastream_count;
	struct threshold *thresholds;
	size_t threshold_count;
	uint32_t *index; /* open addressing by key: datastream + 1, 0 is empty */
	size_t index_size;
	bool provisional;      /* not from PostgreSQL itself: what is missing may be there all the same */
	struct registry *next; /* while in a handover's list */
};

/* Zeroed arrays of these lengths, to be filled and sealed. NULL when memory is short. */
struct registry *registry_new(size_t properties, size_t datastreams, size_t thresholds) must_check;
void registry_free(struct registry *r);

/* Orders and indexes. -EEXIST: invariant 1 or 3 cannot hold; -EINVAL: a threshold range lies outside; -ENOMEM. */
int registry_seal(struct registry *r) must_check;

/* The built-in properties and nothing else, sealed and provisional: a start without database or copy. */
struct registry *registry_builtin(void) must_check;

/* NULL when it is not registered. */
const struct registry_datastream *registry_find(const struct registry *r, const struct datastream_key *key);

/* Thresholds of d, d->threshold_count of them. */
const struct threshold *registry_thresholds(const struct registry *r, const struct registry_datastream *d);

/* FNV-1a over both codes with their ends; for tables keyed by datastream. */
uint64_t datastream_key_hash(const struct datastream_key *key);
bool datastream_key_equal(const struct datastream_key *a, const struct datastream_key *b);

/*
 * The copy in the state directory. Saving writes a new file, flushes it and
 * renames it over the old one. Loading gives a sealed, provisional registry; -ENOENT when
 * there is none, -EBADMSG when it is damaged or of another version of the software, -ENOMEM, or from the
 * file system.
 */
int registry_save(const struct registry *r, const char *path) must_check;
int registry_load(struct registry **ret, const char *path) must_check;

#endif
