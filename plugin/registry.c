#include "registry_private.h"

#include "hash.h"

#include <errno.h>
#include <stdlib.h>

struct registry *registry_new(const struct registry_counts *counts)
{
	struct registry *r = calloc(1, sizeof(*r));
	bool whole;

	if (r == NULL) {
		return NULL;
	}
	r->count = *counts;
	whole = true;
	/* One element more than asked, so that an empty array is not NULL. */
#define X(type, name)                                     \
	r->name = calloc(counts->name + 1, sizeof(type)); \
	whole = whole && r->name != NULL;
	REGISTRY_ARRAYS(X)
#undef X
	if (!whole) {
		registry_free(r);
		return NULL;
	}
	return r;
}

void registry_free(struct registry *r)
{
	if (r == NULL) {
		return;
	}
#define X(type, name) free(r->name);
	REGISTRY_ARRAYS(X)
#undef X
	free(r->memberships);
	free(r->index);
	free(r);
}

struct datastream_name datastream_name_of(const struct datastream_key *key)
{
	return (struct datastream_name){
		.station = key->station,
		.station_length = strlen(key->station),
		.property = key->property,
		.property_length = strlen(key->property),
	};
}

uint64_t datastream_name_hash(const struct datastream_name *name)
{
	return hash_text(name->property, name->property_length,
	                 hash_text(name->station, name->station_length, 0));
}

uint64_t datastream_key_hash(const struct datastream_key *key)
{
	const struct datastream_name name = datastream_name_of(key);

	return datastream_name_hash(&name);
}

bool datastream_key_equal(const struct datastream_key *a, const struct datastream_key *b)
{
	return strcmp(a->station, b->station) == 0 && strcmp(a->property, b->property) == 0;
}

static int compare_properties(const void *a, const void *b)
{
	return strcmp(((const struct property *)a)->code, ((const struct property *)b)->code);
}

static int compare_units(const void *a, const void *b)
{
	return strcmp(((const struct unit *)a)->code, ((const struct unit *)b)->code);
}

static int compare_inputs(const void *left, const void *right)
{
	const struct registry_input *a = left;
	const struct registry_input *b = right;
	int order = strcmp(a->key.station, b->key.station);

	return order != 0 ? order : strcmp(a->key.property, b->key.property);
}

int registry_seal_array(void *array, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	const char *element = array;

	qsort(array, count, size, compare);
	for (size_t i = 1; i < count; i++, element += size) {
		if (compare(element, element + size) == 0) {
			return -EEXIST;
		}
	}
	return 0;
}

static int compare_conversions(const void *left, const void *right)
{
	const struct conversion *a = left;
	const struct conversion *b = right;

	return (a->valid_from_us > b->valid_from_us) - (a->valid_from_us < b->valid_from_us);
}

/* Whether [first, first + count) lies in an array. */
static bool is_range(size_t first, size_t count, size_t length)
{
	return first <= length && count <= length - first;
}

static int seal_datastreams(struct registry *r)
{
	for (size_t i = 0; i < r->count.datastreams; i++) {
		const struct registry_datastream *d = &r->datastreams[i];

		if (!is_range(d->threshold_first, d->threshold_count, r->count.thresholds) ||
		    !is_range(d->conversion_first, d->conversion_count, r->count.conversions) ||
		    d->quality > r->count.qualities || d->area > r->count.areas) {
			return -EINVAL;
		}
		threshold_sort(&r->thresholds[d->threshold_first], d->threshold_count);
		qsort(&r->conversions[d->conversion_first], d->conversion_count, sizeof(*r->conversions),
		      compare_conversions);
	}
	return 0;
}

/* Indexes of what stands in no datastream's range. */
static int seal_indexes(const struct registry *r)
{
	for (size_t i = 0; i < r->count.properties; i++) {
		if (r->properties[i].quality > r->count.qualities) {
			return -EINVAL;
		}
	}
	for (size_t i = 0; i < r->count.inputs; i++) {
		if (r->inputs[i].datastream >= r->count.datastreams) {
			return -EINVAL;
		}
	}
	for (size_t i = 0; i < r->count.conversions; i++) {
		if (r->conversions[i].air > r->count.datastreams) {
			return -EINVAL;
		}
	}
	for (size_t i = 0; i < r->count.qualities; i++) {
		const struct qc_config *q = &r->qualities[i];

		if (!is_range(q->season_first, q->season_count, r->count.seasons) ||
		    q->neighbour > r->count.datastreams) {
			return -EINVAL;
		}
	}
	return 0;
}

/* The place of key in the index: of its entry, or the empty one where it belongs. */
static size_t index_place(const struct registry *r, const struct datastream_key *key)
{
	size_t place = (size_t)datastream_key_hash(key) & (r->index_size - 1);

	while (r->index[place] != 0 && !datastream_key_equal(&r->datastreams[r->index[place] - 1].key, key)) {
		place = (place + 1) & (r->index_size - 1);
	}
	return place;
}

static int seal_index(struct registry *r)
{
	size_t size = 16;

	if (r->count.datastreams >= UINT32_MAX / 4) {
		return -EINVAL;
	}
	while (size < r->count.datastreams * 2) {
		size *= 2;
	}
	free(r->index);
	r->index = calloc(size, sizeof(*r->index));
	if (r->index == NULL) {
		return -ENOMEM;
	}
	r->index_size = size;
	for (size_t i = 0; i < r->count.datastreams; i++) {
		size_t place = index_place(r, &r->datastreams[i].key);

		if (r->index[place] != 0) {
			return -EEXIST;
		}
		r->index[place] = (uint32_t)i + 1;
	}
	return 0;
}

int registry_seal(struct registry *r)
{
	int error = registry_seal_array(r->properties, r->count.properties, sizeof(*r->properties),
	                                compare_properties);

	if (error == 0) {
		error = registry_seal_array(r->units, r->count.units, sizeof(*r->units), compare_units);
	}
	if (error == 0) {
		error = registry_seal_array(r->inputs, r->count.inputs, sizeof(*r->inputs), compare_inputs);
	}
	if (error == 0) {
		error = registry_seal_members(r);
	}
	if (error == 0) {
		error = seal_datastreams(r);
	}
	if (error == 0) {
		error = seal_indexes(r);
	}
	if (error == 0) {
		error = seal_index(r);
	}
	return error;
}

struct registry *registry_builtin(void)
{
	const struct registry_counts counts = {.properties = property_builtin_count,
	                                       .units = unit_builtin_count};
	struct registry *r = registry_new(&counts);

	if (r == NULL) {
		return NULL;
	}
	memcpy(r->properties, property_builtin, property_builtin_count * sizeof(*r->properties));
	memcpy(r->units, unit_builtin, unit_builtin_count * sizeof(*r->units));
	r->provisional = true;
	if (registry_seal(r) != 0) {
		registry_free(r);
		return NULL;
	}
	return r;
}

const struct registry_datastream *registry_find(const struct registry *r, const struct datastream_key *key)
{
	uint32_t entry = r->index[index_place(r, key)];

	return entry != 0 ? &r->datastreams[entry - 1] : NULL;
}

const struct registry_datastream *registry_fed_by(const struct registry *r, const struct datastream_key *key)
{
	const struct registry_input wanted = {.key = *key};
	const struct registry_input *found =
		bsearch(&wanted, r->inputs, r->count.inputs, sizeof(*r->inputs), compare_inputs);

	return found != NULL ? &r->datastreams[found->datastream] : NULL;
}

const struct threshold *registry_thresholds(const struct registry *r, const struct registry_datastream *d)
{
	return &r->thresholds[d->threshold_first];
}

const struct conversion *registry_conversions(const struct registry *r, const struct registry_datastream *d)
{
	return &r->conversions[d->conversion_first];
}

const char *registry_area(const struct registry *r, const struct registry_datastream *d)
{
	return d->area > 0 ? r->areas[d->area - 1].text : "";
}

const struct registry_datastream *registry_numbered(const struct registry *r, uint32_t n)
{
	return n > 0 ? &r->datastreams[n - 1] : NULL;
}

const struct qc_config *registry_quality(const struct registry *r, uint32_t n)
{
	static const struct qc_config none = {0};

	return n > 0 ? &r->qualities[n - 1] : &none;
}
