#include "registry_copy.h"

#include "crc32c.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The copy: this header, then the arrays as they are in memory. It is read
 * by the machine that wrote it; the sizes refuse another layout, the CRC damage.
 */
/* clang-format off */
enum {
#define X(type, name) ARRAY_##name,
	REGISTRY_ARRAYS(X)
#undef X
	ARRAYS,
};
/* clang-format on */

struct copy_header {
	char magic[8];
	uint32_t crc; /* of what follows it: rest of the header, arrays */
	uint32_t version;
	uint64_t size[ARRAYS]; /* of an element */
	uint64_t count[ARRAYS];
};

#define COPY_MAGIC   "HWREGIST"
#define COPY_VERSION 4u
#define COPY_MAX     (UINT64_C(64) << 30) /* no count beyond this is believed, bytes */

static const size_t sizes[ARRAYS] = {
#define X(type, name) sizeof(type),
	REGISTRY_ARRAYS(X)
#undef X
};

/* The arrays, to be gone through. */
static void list_arrays(const struct registry *r, void *arrays[static ARRAYS])
{
	void *const list[] = {
#define X(type, name) r->name,
		REGISTRY_ARRAYS(X)
#undef X
	};

	memcpy(arrays, list, sizeof(list));
}

static uint32_t copy_crc(const struct copy_header *h, const struct registry *r)
{
	size_t skipped = offsetof(struct copy_header, version);
	uint32_t crc = crc32c(0, (const char *)h + skipped, sizeof(*h) - skipped);
	void *arrays[ARRAYS];

	list_arrays(r, arrays);
	for (size_t i = 0; i < ARRAYS; i++) {
		crc = crc32c(crc, arrays[i], h->count[i] * sizes[i]);
	}
	return crc;
}

static struct copy_header copy_header_of(const struct registry *r)
{
	const size_t counts[ARRAYS] = {
#define X(type, name) r->count.name,
		REGISTRY_ARRAYS(X)
#undef X
	};
	struct copy_header h = {.version = COPY_VERSION};

	memcpy(h.magic, COPY_MAGIC, sizeof(h.magic));
	for (size_t i = 0; i < ARRAYS; i++) {
		h.size[i] = sizes[i];
		h.count[i] = counts[i];
	}
	h.crc = copy_crc(&h, r);
	return h;
}

static int write_copy(FILE *f, const struct registry *r)
{
	struct copy_header h = copy_header_of(r);
	void *arrays[ARRAYS];
	bool good = fwrite(&h, sizeof(h), 1, f) == 1;

	list_arrays(r, arrays);
	for (size_t i = 0; i < ARRAYS && good; i++) {
		good = fwrite(arrays[i], sizes[i], h.count[i], f) == h.count[i];
	}
	if (!good || fflush(f) != 0 || fsync(fileno(f)) != 0) {
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
	uint64_t described = sizeof(*h);

	if (memcmp(h->magic, COPY_MAGIC, sizeof(h->magic)) != 0 || h->version != COPY_VERSION ||
	    size > COPY_MAX) {
		return false;
	}
	for (size_t i = 0; i < ARRAYS; i++) {
		if (h->size[i] != sizes[i] || h->count[i] > size) {
			return false;
		}
		described += h->count[i] * h->size[i];
	}
	return size == described;
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
	void *arrays[ARRAYS];
	int error = 0;

	list_arrays(r, arrays);
	for (size_t i = 0; i < ARRAYS && error == 0; i++) {
		error = read_array(f, arrays[i], sizes[i], (size_t)h->count[i]);
	}
	if (error == 0 && copy_crc(h, r) != h->crc) {
		error = -EBADMSG;
	}
	return error;
}

static struct registry *registry_for(const struct copy_header *h)
{
	struct registry_counts counts;
	size_t next = 0;

#define X(type, name) counts.name = (size_t)h->count[next++];
	REGISTRY_ARRAYS(X)
#undef X
	return registry_new(&counts);
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
	r = registry_for(&h);
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
