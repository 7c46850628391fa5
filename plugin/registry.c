#include "registry.h"

#include "crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct registry *registry_new(size_t properties, size_t datastreams, size_t thresholds)
{
	struct registry *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		return NULL;
	}
	/* One element more than asked, so that an empty array is not NULL. */
	r->properties = calloc(properties + 1, sizeof(*r->properties));
	r->datastreams = calloc(datastreams + 1, sizeof(*r->datastreams));
	r->thresholds = calloc(thresholds + 1, sizeof(*r->thresholds));
	if (r->properties == NULL || r->datastreams == NULL || r->thresholds == NULL) {
		registry_free(r);
		return NULL;
	}
	r->property_count = properties;
	r->datastream_count = datastreams;
	r->threshold_count = thresholds;
	return r;
}

void registry_free(struct registry *r)
{
	if (r == NULL) {
		return;
	}
	free(r->properties);
	free(r->datastreams);
	free(r->thresholds);
	free(r->index);
	free(r);
}

uint64_t datastream_key_hash(const struct datastream_key *key)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (const char *s = key->station;; s++) {
		hash = (hash ^ (uint8_t)*s) * 0x100000001b3u;
		if (*s == '\0') {
			break;
		}
	}
	for (const char *s = key->property; *s != '\0'; s++) {
		hash = (hash ^ (uint8_t)*s) * 0x100000001b3u;
	}
	return hash;
}

bool datastream_key_equal(const struct datastream_key *a, const struct datastream_key *b)
{
	return strcmp(a->station, b->station) == 0 && strcmp(a->property, b->property) == 0;
}

static int compare_properties(const void *a, const void *b)
{
	return strcmp(((const struct property *)a)->code, ((const struct property *)b)->code);
}

static int seal_properties(struct registry *r)
{
	qsort(r->properties, r->property_count, sizeof(*r->properties), compare_properties);
	for (size_t i = 1; i < r->property_count; i++) {
		if (strcmp(r->properties[i - 1].code, r->properties[i].code) == 0) {
			return -EEXIST;
		}
	}
	return 0;
}

static int seal_thresholds(struct registry *r)
{
	for (size_t i = 0; i < r->datastream_count; i++) {
		const struct registry_datastream *d = &r->datastreams[i];

		if ((size_t)d->threshold_first + d->threshold_count > r->threshold_count) {
			return -EINVAL;
		}
		rules_sort(&r->thresholds[d->threshold_first], d->threshold_count);
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

	if (r->datastream_count >= UINT32_MAX / 4) {
		return -EINVAL;
	}
	while (size < r->datastream_count * 2) {
		size *= 2;
	}
	free(r->index);
	r->index = calloc(size, sizeof(*r->index));
	if (r->index == NULL) {
		return -ENOMEM;
	}
	r->index_size = size;
	for (size_t i = 0; i < r->datastream_count; i++) {
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
	int error = seal_properties(r);

	if (error == 0) {
		error = seal_thresholds(r);
	}
	if (error == 0) {
		error = seal_index(r);
	}
	return error;
}

struct registry *registry_builtin(void)
{
	struct registry *r = registry_new(property_builtin_count, 0, 0);

	if (r == NULL) {
		return NULL;
	}
	memcpy(r->properties, property_builtin, property_builtin_count * sizeof(*r->properties));
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

const struct threshold *registry_thresholds(const struct registry *r, const struct registry_datastream *d)
{
	return &r->thresholds[d->threshold_first];
}

/*
 * The copy: this header, then the three arrays as they are in memory. It is read
 * by the machine that wrote it; the sizes refuse another layout, the CRC damage.
 */
struct copy_header {
	char magic[8];
	uint32_t crc; /* of what follows it: rest of the header, arrays */
	uint32_t version;
	uint32_t property_size, datastream_size, threshold_size, reserved;
	uint64_t property_count, datastream_count, threshold_count;
};

#define COPY_MAGIC   "HWREGIST"
#define COPY_VERSION 1u
#define COPY_MAX     (UINT64_C(64) << 30) /* no count beyond this is believed, bytes */

static uint32_t copy_crc(const struct copy_header *h, const struct registry *r)
{
	size_t skipped = offsetof(struct copy_header, version);
	uint32_t crc = crc32c(0, (const char *)h + skipped, sizeof(*h) - skipped);

	crc = crc32c(crc, r->properties, r->property_count * sizeof(*r->properties));
	crc = crc32c(crc, r->datastreams, r->datastream_count * sizeof(*r->datastreams));
	return crc32c(crc, r->thresholds, r->threshold_count * sizeof(*r->thresholds));
}

static struct copy_header copy_header_of(const struct registry *r)
{
	struct copy_header h = {
		.version = COPY_VERSION,
		.property_size = sizeof(*r->properties),
		.datastream_size = sizeof(*r->datastreams),
		.threshold_size = sizeof(*r->thresholds),
		.property_count = r->property_count,
		.datastream_count = r->datastream_count,
		.threshold_count = r->threshold_count,
	};

	memcpy(h.magic, COPY_MAGIC, sizeof(h.magic));
	h.crc = copy_crc(&h, r);
	return h;
}

static int write_copy(FILE *f, const struct registry *r)
{
	struct copy_header h = copy_header_of(r);

	if (fwrite(&h, sizeof(h), 1, f) != 1 ||
	    fwrite(r->properties, sizeof(*r->properties), r->property_count, f) != r->property_count ||
	    fwrite(r->datastreams, sizeof(*r->datastreams), r->datastream_count, f) != r->datastream_count ||
	    fwrite(r->thresholds, sizeof(*r->thresholds), r->threshold_count, f) != r->threshold_count ||
	    fflush(f) != 0 || fsync(fileno(f)) != 0) {
		return errno != 0 ? -errno : -EIO;
	}
	return 0;
}

int registry_save(const struct registry *r, const char *path)
{
	char temporary[PATH_MAX];
	int length = snprintf(temporary, sizeof(temporary), "%s.new", path);
	int error;
	FILE *f;

	if (length < 0 || (size_t)length >= sizeof(temporary)) {
		return -ENAMETOOLONG;
	}
	f = fopen(temporary, "we");
	if (f == NULL) {
		return -errno;
	}
	errno = 0;
	error = write_copy(f, r);
	if (fclose(f) != 0 && error == 0) {
		error = -errno;
	}
	if (error == 0 && rename(temporary, path) != 0) {
		error = -errno;
	}
	if (error != 0) {
		(void)unlink(temporary);
	}
	return error;
}

/* Whether h is ours and describes a file of exactly size bytes. */
static bool copy_header_valid(const struct copy_header *h, uint64_t size)
{
	if (memcmp(h->magic, COPY_MAGIC, sizeof(h->magic)) != 0 || h->version != COPY_VERSION ||
	    h->property_size != sizeof(struct property) ||
	    h->datastream_size != sizeof(struct registry_datastream) ||
	    h->threshold_size != sizeof(struct threshold)) {
		return false;
	}
	if (size > COPY_MAX || h->property_count > size || h->datastream_count > size ||
	    h->threshold_count > size) {
		return false;
	}
	return size == sizeof(*h) + h->property_count * h->property_size +
	                       h->datastream_count * h->datastream_size +
	                       h->threshold_count * h->threshold_size;
}

/* A file that ends early is damaged; one that cannot be read may be good. */
static int read_array(FILE *f, void *array, size_t size, size_t count)
{
	if (fread(array, size, count, f) == count) {
		return 0;
	}
	return ferror(f) ? -errno : -EBADMSG;
}

static int read_arrays(FILE *f, const struct copy_header *h, struct registry *r)
{
	int error = read_array(f, r->properties, sizeof(*r->properties), r->property_count);

	if (error == 0) {
		error = read_array(f, r->datastreams, sizeof(*r->datastreams), r->datastream_count);
	}
	if (error == 0) {
		error = read_array(f, r->thresholds, sizeof(*r->thresholds), r->threshold_count);
	}
	if (error == 0 && copy_crc(h, r) != h->crc) {
		error = -EBADMSG;
	}
	return error;
}

static int read_copy(FILE *f, struct registry **ret)
{
	struct copy_header h;
	struct stat st;
	struct registry *r;
	int error;

	if (fstat(fileno(f), &st) != 0) {
		return -errno;
	}
	error = read_array(f, &h, sizeof(h), 1);
	if (error != 0 || !copy_header_valid(&h, (uint64_t)st.st_size)) {
		return error != 0 ? error : -EBADMSG;
	}
	r = registry_new((size_t)h.property_count, (size_t)h.datastream_count, (size_t)h.threshold_count);
	if (r == NULL) {
		return -ENOMEM;
	}
	error = read_arrays(f, &h, r);
	if (error == 0) {
		error = registry_seal(r);
	}
	if (error != 0) {
		registry_free(r);
		return error == -EEXIST || error == -EINVAL ? -EBADMSG : error;
	}
	r->provisional = true;
	*ret = r;
	return 0;
}

int registry_load(struct registry **ret, const char *path)
{
	FILE *f = fopen(path, "re");
	int error;

	if (f == NULL) {
		return -errno;
	}
	error = read_copy(f, ret);
	fclose(f);
	return error;
}
