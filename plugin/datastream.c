#include "datastream.h"

#include "alarm_store.h"

#include <stdlib.h>

#define CHUNK 256 /* datastreams allocated at once */

struct datastream_table {
	struct datastream **slots; /* open addressing; NULL is empty */
	size_t slot_count;         /* a power of two */
	struct datastream **chunks;
	size_t count, chunk_count;
};

struct datastream_table *datastream_table_new(void)
{
	struct datastream_table *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		return NULL;
	}
	t->slot_count = 1024;
	t->slots = calloc(t->slot_count, sizeof(struct datastream *));
	if (t->slots == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

static void free_window(void *context, struct datastream *d)
{
	(void)context;
	free(d->window);
}

void datastream_table_free(struct datastream_table *t)
{
	if (t == NULL) {
		return;
	}
	datastream_each(t, free_window, NULL);
	for (size_t i = 0; i < t->chunk_count; i++) {
		free(t->chunks[i]);
	}
	free(t->chunks);
	free(t->slots);
	free(t);
}

/* Where key stands, or the empty place where it belongs. */
static struct datastream **place(struct datastream **slots, size_t slot_count, uint64_t hash,
                                 const struct datastream_key *key)
{
	size_t i = (size_t)hash & (slot_count - 1);

	while (slots[i] != NULL && !(slots[i]->hash == hash && datastream_key_equal(&slots[i]->key, key))) {
		i = (i + 1) & (slot_count - 1);
	}
	return &slots[i];
}

struct datastream *datastream_find(const struct datastream_table *t, const struct datastream_key *key)
{
	return *place(t->slots, t->slot_count, datastream_key_hash(key), key);
}

static bool grow_slots(struct datastream_table *t)
{
	size_t slot_count = t->slot_count * 2;
	struct datastream **slots = calloc(slot_count, sizeof(struct datastream *));

	if (slots == NULL) {
		return false;
	}
	for (size_t i = 0; i < t->slot_count; i++) {
		struct datastream *d = t->slots[i];

		if (d != NULL) {
			*place(slots, slot_count, d->hash, &d->key) = d;
		}
	}
	free(t->slots);
	t->slots = slots;
	t->slot_count = slot_count;
	return true;
}

static bool grow_chunks(struct datastream_table *t)
{
	struct datastream **chunks = realloc(t->chunks, (t->chunk_count + 1) * sizeof(struct datastream *));

	if (chunks == NULL) {
		return false;
	}
	t->chunks = chunks;
	chunks[t->chunk_count] = calloc(CHUNK, sizeof(struct datastream));
	if (chunks[t->chunk_count] == NULL) {
		return false;
	}
	t->chunk_count++;
	return true;
}

struct datastream *datastream_add(struct datastream_table *t, const struct datastream_key *key)
{
	struct datastream *d;

	if (t->count == t->chunk_count * CHUNK && !grow_chunks(t)) {
		return NULL;
	}
	if ((t->count + 1) * 2 > t->slot_count && !grow_slots(t)) {
		return NULL;
	}
	d = &t->chunks[t->count / CHUNK][t->count % CHUNK];
	d->key = *key;
	d->hash = datastream_key_hash(key);
	d->alarm_slot = ALARM_SLOT_NONE;
	d->place = (struct qc_place){QC_SLOT_NONE, QC_SLOT_NONE};
	*place(t->slots, t->slot_count, d->hash, key) = d;
	t->count++;
	return d;
}

size_t datastream_count(const struct datastream_table *t)
{
	return t->count;
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
	for (size_t i = 0; i < t->count; i++) {
		each(context, &t->chunks[i / CHUNK][i % CHUNK]);
	}
}
