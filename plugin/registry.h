/*
 * registry - stations, datastreams, thresholds, groups, quality control and
 * conversions as they are now.
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

#include "convert.h"
#include "group.h"
#include "hold.h"
#include "property.h"
#include "qc.h"
#include "threshold.h"
#include "transition.h"
#include "unit.h"
#include "util.h"

#include <stdbool.h>

struct registry_datastream {
	struct datastream_key key;
	int32_t datastream_id;    /* highwater.datastream.datastream_id */
	uint32_t threshold_first; /* index of the first of threshold_count thresholds */
	uint32_t threshold_count;
	uint32_t conversion_first; /* index of the first of conversion_count conversions */
	uint32_t conversion_count;
	uint32_t
		member_first; /* index of the first of member_count members of its groups; set by registry_seal() */
	uint32_t member_count;
	uint32_t quality;                /* see registry_quality(); 0: no test */
	uint32_t area;                   /* see registry_area(); 0: none */
	char name[STATION_NAME_MAX + 1]; /* of the station; "" when not known */
	char unit[UNIT_MAX + 1];
	char datum[DATUM_MAX + 1];  /* "" when not known */
	double latitude, longitude; /* WGS 84 degrees; NAN when not known */
	struct hold_config hold;    /* zeroed: no object hold */
};

/* An alarm that counts for a group: the alarm of cause and period of another datastream. */
struct registry_member {
	uint32_t datastream; /* the group's, as registry_numbered() has it */
	uint32_t member;     /* the member's */
	int64_t period_us, member_period_us;
	int64_t travel_us;    /* of water from the member to the group; 0: not known */
	int32_t member_level; /* at which, or beyond, the member counts */
	uint8_t cause, member_cause;
	uint8_t position; /* in struct group, < GROUP_MEMBERS_MAX; one of its own in its group */
};

#define AREA_TEXT_MAX 500

/* A station's area, for CAP: a closed polygon, "10.7,106.7 10.8,106.7 …" (CAP 1.2, 3.2.4). */
struct registry_area {
	char text[AREA_TEXT_MAX + 1];
};

/* What a station reports under one name and is kept as another: key says as the sensor does. */
struct registry_input {
	struct datastream_key key;
	uint32_t datastream; /* index of the one that it feeds */
};

/* X(type, name): the arrays of a registry, name and name_count; in the order of the copy. */
#define REGISTRY_ARRAYS(X)                         \
	X(struct property, properties)             \
	X(struct unit, units)                      \
	X(struct registry_datastream, datastreams) \
	X(struct threshold, thresholds)            \
	X(struct registry_member, members)         \
	X(struct registry_area, areas)             \
	X(struct conversion, conversions)          \
	X(struct registry_input, inputs)           \
	X(struct qc_config, qualities)             \
	X(struct qc_season, seasons)

/* How many of each. */
struct registry_counts {
#define X(type, name) size_t name;
	REGISTRY_ARRAYS(X)
#undef X
};

/*
 * 1. properties and units are sorted by code, inputs by key, without duplicates; members by datastream,
 *    cause, period and position.
 * 2. Each datastream's thresholds stand together, in the order of threshold_sort(); so
 *    do its conversions, by valid_from_us.
 * 3. No two datastreams have the same key.
 * 4. Indexes and ranges are those of the arrays.
 * These hold once registry_seal() has returned 0.
 */
struct registry {
#define X(type, name) type *name;
	REGISTRY_ARRAYS(X)
#undef X
	struct registry_counts count;
	uint32_t *memberships; /* indexes of members, sorted by member */
	uint32_t *index;       /* open addressing by key: datastream + 1, 0 is empty */
	size_t index_size;
	bool provisional;      /* not from PostgreSQL itself: what is missing may be there all the same */
	struct registry *next; /* while in a handover's list */
};

/* Zeroed arrays of these lengths, to be filled and sealed. NULL when memory is short. */
struct registry *registry_new(const struct registry_counts *counts) must_check;
void registry_free(struct registry *r);

/* Orders and indexes. -EEXIST: invariant 1 or 3 cannot hold; -EINVAL: invariant 4 does not; -ENOMEM. */
int registry_seal(struct registry *r) must_check;

/* The built-in properties and units and nothing else, sealed and provisional: a start without database or copy. */
struct registry *registry_builtin(void) must_check;

/* NULL when it is not registered. */
const struct registry_datastream *registry_find(const struct registry *r, const struct datastream_key *key);

/* The datastream that readings of this name are converted for; NULL when they are not. */
const struct registry_datastream *registry_fed_by(const struct registry *r, const struct datastream_key *key);

/* Thresholds of d, d->threshold_count of them; its conversions, d->conversion_count. */
const struct threshold *registry_thresholds(const struct registry *r, const struct registry_datastream *d);
const struct conversion *registry_conversions(const struct registry *r, const struct registry_datastream *d);

/* Members of d's groups, d->member_count of them. */
const struct registry_member *registry_members(const struct registry *r, const struct registry_datastream *d);

/* Where d itself is a member: how many, and the first of their indexes among r->members. */
size_t registry_memberships(const struct registry *r, const struct registry_datastream *d,
                            const uint32_t **ret_first);

/* The area of d's station; "" when it has none. */
const char *registry_area(const struct registry *r, const struct registry_datastream *d);

/* The datastream with number n, its index + 1, as others name it; NULL when n is 0. */
const struct registry_datastream *registry_numbered(const struct registry *r, uint32_t n);

/* The quality control with number n, as property and registry_datastream name it; 0 is one without tests. */
const struct qc_config *registry_quality(const struct registry *r, uint32_t n);

/* A key as it stands in a topic or elsewhere: texts with their lengths, which no NUL need follow. */
struct datastream_name {
	const char *station, *property;
	size_t station_length, property_length;
};

/* The name points into the key. */
struct datastream_name datastream_name_of(const struct datastream_key *key);

/*
 * One number for a key, whichever way it is written; for tables keyed by datastream. It differs from process to
 * process, see hash.h.
 */
uint64_t datastream_name_hash(const struct datastream_name *name);
uint64_t datastream_key_hash(const struct datastream_key *key);
bool datastream_key_equal(const struct datastream_key *a, const struct datastream_key *b);

#endif
