#include "datastream.h"

#include "alarm_store.h"

#include <stdlib.h>
#include <sys/mman.h>

/*
 * Memory comes in blocks of a huge page of x86-64 and of ARM with 4 KiB pages: with 100,000 datastreams in turn
 * the misses of address translation cost more than the tests of quality control.
 */
#define BLOCK_SIZE ((size_t)2 << 20)

/* Elements of one size, where they were put for ever. */
struct pool {
	char **blocks;
	size_t element, count, block_count;
};

struct slot {
	struct datastream *datastream; /* NULL: empty */
	uint32_t hash;                 /* the lower half of its name's */
};

struct datastream_table {
	struct slot *slots; /* open addressing, at most half full */
	size_t slot_count;  /* a power of two, at most 2^32 */
	struct pool datastreams, alarms, windows;
};

static size_t per_block(const struct pool *p)
{
	return BLOCK_SIZE / p->element;
}

static void *pool_at(const struct pool *p, size_t i)
{
	return p->blocks[i / per_block(p)] + i % per_block(p) * p->element;
}

static bool pool_grow(struct pool *p)
{
	char **blocks = realloc(p->blocks, (p->block_count + 1) * sizeof(*blocks));
	char *block;

	if (blocks == NULL) {
		return false;
	}
	p->blocks = blocks;
	block = aligned_alloc(BLOCK_SIZE, BLOCK_SIZE);
	if (block == NULL) {
		return false;
	}
	(void)madvise(block, BLOCK_SIZE, MADV_HUGEPAGE);
	p->blocks[p->block_count++] = block;
	return true;
}

/* Zeroed, or NULL when memory is short. */
static void *pool_add(struct pool *p)
{
	void *added;

	if (p->count == p->block_count * per_block(p) && !pool_grow(p)) {
		return NULL;
	}
	added = pool_at(p, p->count++);
	memset(added, 0, p->element);
	return added;
}

static void pool_free(struct pool *p)
{
	for (size_t i = 0; i < p->block_count; i++) {
		free(p->blocks[i]);
	}
	free(p->blocks);
}

struct datastream_table *datastream_table_new(void)
{
	struct datastream_table *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		return NULL;
	}
	t->datastreams.element = sizeof(struct datastream);
	t->alarms.element = sizeof(struct alarm_place);
	t->windows.element = sizeof(struct qc_window);
	t->slot_count = 1024;
	t->slots = calloc(t->slot_count, sizeof(*t->slots));
	if (t->slots == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void datastream_table_free(struct datastream_table *t)
{
	if (t == NULL) {
		return;
	}
	pool_free(&t->windows);
	pool_free(&t->alarms);
	pool_free(&t->datastreams);
	free(t->slots);
	free(t);
}

bool datastream_has_name(const struct datastream *d, const struct datastream_name *name)
{
	return name->station_length <= STATION_CODE_MAX && name->property_length <= PROPERTY_CODE_MAX &&
	       memcmp(d->key.station, name->station, name->station_length) == 0 &&
	       d->key.station[name->station_length] == '\0' &&
	       memcmp(d->key.property, name->property, name->property_length) == 0 &&
	       d->key.property[name->property_length] == '\0';
}

struct datastream *datastream_find_named(const struct datastream_table *t, const struct datastream_name *name)
{
	uint32_t hash = (uint32_t)datastream_name_hash(name);
	size_t i = hash & (t->slot_count - 1);

	while (t->slots[i].datastream != NULL &&
	       !(t->slots[i].hash == hash && datastream_has_name(t->slots[i].datastream, name))) {
		i = (i + 1) & (t->slot_count - 1);
	}
	return t->slots[i].datastream;
}

struct datastream *datastream_find(const struct datastream_table *t, const struct datastream_key *key)
{
	const struct datastream_name name = datastream_name_of(key);

	return datastream_find_named(t, &name);
}

/* Puts in what is not there; there is an empty slot. */
static void put(struct slot *slots, size_t slot_count, struct slot added)
{
	size_t i = added.hash & (slot_count - 1);

	while (slots[i].datastream != NULL) {
		i = (i + 1) & (slot_count - 1);
	}
	slots[i] = added;
}

static bool grow_slots(struct datastream_table *t)
{
	size_t slot_count = t->slot_count * 2;
	struct slot *slots = calloc(slot_count, sizeof(*slots));

	if (slots == NULL) {
		return false;
	}
	for (size_t i = 0; i < t->slot_count; i++) {
		if (t->slots[i].datastream != NULL) {
			put(slots, slot_count, t->slots[i]);
		}
	}
	free(t->slots);
	t->slots = slots;
	t->slot_count = slot_count;
	return true;
}

struct datastream *datastream_add(struct datastream_table *t, const struct datastream_key *key)
{
	struct datastream *d;

	if ((t->datastreams.count + 1) * 2 > t->slot_count && !grow_slots(t)) {
		return NULL;
	}
	d = pool_add(&t->datastreams);
	if (d == NULL) {
		return NULL;
	}
	d->key = *key;
	d->place = (struct qc_place){QC_SLOT_NONE, QC_SLOT_NONE};
	put(t->slots, t->slot_count, (struct slot){d, (uint32_t)datastream_key_hash(key)});
	return d;
}

bool datastream_give_window(struct datastream_table *t, struct datastream *d)
{
	if (d->window == NULL) {
		d->window = pool_add(&t->windows);
	}
	return d->window != NULL;
}

struct alarm_place *datastream_give_alarm(struct datastream_table *t, struct datastream *d, enum cause cause,
                                          int64_t period_us)
{
	struct alarm_place *added = pool_add(&t->alarms), **end = &d->alarms;

	if (added == NULL) {
		return NULL;
	}
	added->datastream = d;
	added->cause = (unsigned)cause & 0x1fU;
	added->period_us = period_us;
	added->slot = ALARM_SLOT_NONE;
	while (*end != NULL) {
		end = &(*end)->next;
	}
	*end = added;
	return added;
}

struct alarm_place *datastream_alarm(const struct datastream *d, enum cause cause, int64_t period_us)
{
	struct alarm_place *p = d->alarms;

	while (p != NULL && (p->cause != cause || p->period_us != period_us)) {
		p = p->next;
	}
	return p;
}

size_t datastream_alarm_count(const struct datastream_table *t)
{
	return t->alarms.count;
}

size_t datastream_count(const struct datastream_table *t)
{
	return t->datastreams.count;
}

static const struct qc_config *quality_of(const struct datastream *d, const struct registry *registry)
{
	const struct property *p;

	if (d->registered != NULL) {
		return registry_quality(registry, d->registered->quality);
	}
	p = property_find(registry->properties, registry->count.properties, d->key.property,
	                  strlen(d->key.property));
	return registry_quality(registry, p != NULL ? p->quality : 0);
}

void datastream_bind(struct datastream *d, const struct registry *registry, uint64_t generation)
{
	if (d->generation == generation) {
		return;
	}
	d->generation = generation;
	d->registered = registry_find(registry, &d->key);
	d->feeds = registry_fed_by(registry, &d->key);
	d->fed = NULL;
	d->quality = quality_of(d, registry);
}

const char *datastream_unit(const struct datastream *d, const struct registry *registry)
{
	const struct property *p;

	if (d->registered != NULL) {
		return d->registered->unit;
	}
	p = property_find(registry->properties, registry->count.properties, d->key.property,
	                  strlen(d->key.property));
	return p != NULL ? p->unit : "";
}

void datastream_each(const struct datastream_table *t, void (*each)(void *context, struct datastream *d),
                     void *context)
{
	for (size_t i = 0; i < t->datastreams.count; i++) {
		each(context, pool_at(&t->datastreams, i));
	}
}
