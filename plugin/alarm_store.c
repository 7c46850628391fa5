#include "alarm_store.h"

#include "alarm_format.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_SIZE 4096u /* unit of the dirty range */

/* The writer grows the file by a chunk when fewer slots than that are free. */
#define SLOTS_CHUNK 2048u
#define SLOTS_AHEAD 1024u

/*
 * The map covers capacity slots at once, most of them beyond the end of the
 * file, so that it never moves under the loop. Invariants, at all times:
 *
 * 1. used <= usable <= capacity.
 * 2. The file's blocks up to slot usable exist on disk, so that writing there
 *    cannot fail; nothing touches the map from there on.
 * 3. Slots from used on have not been written since open: they are zero.
 * 4. usable changes on [writer], after 2 is true of the new slots; used on [loop].
 * 5. Whatever was written to the map since the last successful sync lies in
 *    the dirty range, once the call that wrote it has returned.
 */
struct alarm_store {
	int fd;
	uint8_t *map;
	size_t map_size;
	size_t page_size;
	uint32_t capacity;
	_Atomic uint32_t usable, used;
	_Atomic uint64_t dirty; /* first block << 32 | block after the last; 0: none */
};

static struct alarm_pair *pair_at(const struct alarm_store *s, uint64_t offset)
{
	return (struct alarm_pair *)(void *)(s->map + offset);
}

static void mark_dirty(struct alarm_store *s, uint64_t first, uint64_t end)
{
	uint64_t old = atomic_load_explicit(&s->dirty, memory_order_relaxed);
	uint64_t merged;

	/* Exchanged even when the range stays the same: what was written must be seen by who empties it. */
	do {
		merged = old == 0 ? first << 32 | end
		                  : MIN(old >> 32, first) << 32 | MAX(old & UINT32_MAX, end);
	} while (!atomic_compare_exchange_weak_explicit(&s->dirty, &old, merged, memory_order_release,
	                                                memory_order_relaxed));
}

static void mark_pair_dirty(struct alarm_store *s, uint64_t offset)
{
	mark_dirty(s, offset / BLOCK_SIZE, offset / BLOCK_SIZE + 1);
}

/* Returns true when the pair is damaged. */
static bool repair_pair(struct alarm_store *s, uint64_t offset, uint32_t seed)
{
	enum alarm_repair repair = alarm_format_repair(pair_at(s, offset), seed);

	if (repair != ALARM_UNTOUCHED) {
		mark_pair_dirty(s, offset);
	}
	return repair == ALARM_DAMAGED;
}

static uint32_t repair_all(struct alarm_store *s)
{
	uint32_t usable = atomic_load_explicit(&s->usable, memory_order_relaxed);
	uint32_t used = 0;
	uint32_t damaged = repair_pair(s, ALARM_PUBLISHED_OFFSET, ALARM_PUBLISHED_SEED);

	for (uint32_t slot = 0; slot < usable; slot++) {
		damaged += repair_pair(s, alarm_format_offset(slot), slot);
		if (alarm_format_newest(pair_at(s, alarm_format_offset(slot))) != NULL) {
			used = slot + 1;
		}
	}
	atomic_init(&s->used, used);
	return damaged;
}

static int allocate_blocks(int fd, uint64_t from, uint64_t to)
{
	int error;

	do {
		error = to > from ? posix_fallocate(fd, (off_t)from, (off_t)(to - from)) : 0;
	} while (error == EINTR);
	return -error;
}

static int write_zeros(int fd, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[16384];

	while (from < to) {
		ssize_t n = pwrite(fd, zeros, (size_t)MIN(to - from, sizeof(zeros)), (off_t)from);

		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		from += n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}

/* Zeros are written, not just allocated: the first flush of a slot is then data only. */
static int grow_file(int fd, uint64_t from, uint64_t to)
{
	int r = allocate_blocks(fd, from, to);

	if (r == 0) {
		r = write_zeros(fd, from, to);
	}
	if (r == 0 && fdatasync(fd) != 0) {
		r = -errno;
	}
	if (r < 0) {
		/* Should this fail too, the next try writes over what is there. */
		int unused = ftruncate(fd, (off_t)from);

		(void)unused;
	}
	return r;
}

static int lock_file(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		return 0;
	}
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static int flush_directory_of(const char *path)
{
	char *copy = strdup(path);
	int fd, r;

	if (copy == NULL) {
		return -ENOMEM;
	}
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd < 0) {
		return -errno;
	}
	r = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return r;
}

static int write_new_file(int fd, uint32_t slots)
{
	int r = lock_file(fd);

	if (r < 0) {
		return r;
	}
	if (ftruncate(fd, 0) != 0) {
		return -errno;
	}
	r = grow_file(fd, 0, alarm_format_offset(slots));
	if (r < 0) {
		return r;
	}
	if (pwrite(fd, &alarm_format_header, sizeof(alarm_format_header), 0) !=
	    (ssize_t)sizeof(alarm_format_header)) {
		return -EIO;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* Made beside and renamed: the file is there whole or not at all. Returns the descriptor. */
static int create_file(const char *path, uint32_t slots)
{
	char *beside = NULL;
	int fd, r;

	if (asprintf(&beside, "%s.new", path) < 0) {
		return -ENOMEM;
	}
	fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	r = fd >= 0 ? write_new_file(fd, slots) : -errno;
	if (r == 0 && rename(beside, path) != 0) {
		r = -errno;
	}
	if (r == 0) {
		r = flush_directory_of(path);
	}
	free(beside);
	if (r < 0 && fd >= 0) {
		close(fd);
	}
	return r < 0 ? r : fd;
}

static int check_file(int fd, uint32_t *ret_slots)
{
	struct alarm_header header;
	struct stat st;
	uint64_t slots;

	if (fstat(fd, &st) != 0) {
		return -errno;
	}
	if (st.st_size < (off_t)ALARM_HEADER_SIZE ||
	    pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    memcmp(&header, &alarm_format_header, sizeof(header)) != 0) {
		return -EBADMSG;
	}
	slots = ((uint64_t)st.st_size - ALARM_HEADER_SIZE) / sizeof(struct alarm_pair);
	if (slots >= ALARM_SLOT_NONE) {
		return -EBADMSG;
	}
	*ret_slots = (uint32_t)slots;
	return 0;
}

static int open_file(struct alarm_store *s, const char *path, uint32_t max_slots)
{
	uint32_t slots = 0;
	int r;

	s->fd = open(path, O_RDWR | O_CLOEXEC);
	if (s->fd < 0) {
		s->fd = errno == ENOENT ? create_file(path, MIN(max_slots, SLOTS_CHUNK)) : -errno;
		if (s->fd < 0) {
			return s->fd;
		}
	}
	r = lock_file(s->fd);
	if (r == 0) {
		r = check_file(s->fd, &slots);
	}
	if (r == 0) {
		/* A copy restored from a backup may have holes. */
		r = allocate_blocks(s->fd, 0, alarm_format_offset(slots));
	}
	if (r < 0) {
		return r;
	}
	atomic_init(&s->usable, slots);
	s->capacity = MAX(slots, MIN(max_slots, ALARM_SLOT_NONE - 1));
	return 0;
}

int alarm_store_open(struct alarm_store **ret, const char *path, uint32_t max_slots, uint32_t *ret_damaged)
{
	struct alarm_store *s = calloc(1, sizeof(*s));
	void *map;
	int r;

	if (s == NULL) {
		return -ENOMEM;
	}
	s->page_size = (size_t)sysconf(_SC_PAGESIZE);
	r = open_file(s, path, max_slots);
	if (r < 0) {
		goto fail;
	}
	s->map_size = (size_t)alarm_format_offset(s->capacity);
	map = mmap(NULL, s->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (map == MAP_FAILED) {
		r = -errno;
		goto fail;
	}
	s->map = map;
	*ret_damaged = repair_all(s);
	*ret = s;
	return 0;
fail:
	if (s->fd >= 0) {
		close(s->fd);
	}
	free(s);
	return r;
}

void alarm_store_close(struct alarm_store *s)
{
	if (s == NULL) {
		return;
	}
	if (alarm_store_sync(s) != 0) {
		/* Nobody is left to hear it, and the page cache has it all. */
	}
	munmap(s->map, s->map_size);
	close(s->fd);
	free(s);
}

void alarm_store_each(const struct alarm_store *s,
                      void (*each)(void *context, uint32_t slot, const struct datastream_key *key,
                                   const struct rules_state *state),
                      void *context)
{
	uint32_t used = atomic_load_explicit(&s->used, memory_order_relaxed);

	for (uint32_t slot = 0; slot < used; slot++) {
		const void *payload = alarm_format_newest(pair_at(s, alarm_format_offset(slot)));
		struct datastream_key key;
		struct rules_state state;

		if (payload != NULL) {
			alarm_format_decode(payload, &key, &state);
			each(context, slot, &key, &state);
		}
	}
}

int alarm_store_put(struct alarm_store *s, uint32_t *slot, const struct datastream_key *key,
                    const struct rules_state *state)
{
	uint32_t used = atomic_load_explicit(&s->used, memory_order_relaxed);
	struct alarm_payload p;

	if (*slot == ALARM_SLOT_NONE) {
		if (used >= atomic_load_explicit(&s->usable, memory_order_acquire)) {
			return -ENOSPC;
		}
		*slot = used++;
		atomic_store_explicit(&s->used, used, memory_order_relaxed);
	}
	if (*slot >= used) {
		return -EINVAL;
	}
	alarm_format_encode(&p, key, state);
	alarm_format_write(pair_at(s, alarm_format_offset(*slot)), *slot, &p, sizeof(p));
	mark_pair_dirty(s, alarm_format_offset(*slot));
	return 0;
}

void alarm_store_set_published(struct alarm_store *s, uint64_t position)
{
	alarm_format_write(pair_at(s, ALARM_PUBLISHED_OFFSET), ALARM_PUBLISHED_SEED, &position,
	                   sizeof(position));
	mark_pair_dirty(s, ALARM_PUBLISHED_OFFSET);
}

uint64_t alarm_store_published(const struct alarm_store *s)
{
	const void *payload = alarm_format_newest(pair_at(s, ALARM_PUBLISHED_OFFSET));
	uint64_t position = 0;

	if (payload != NULL) {
		memcpy(&position, payload, sizeof(position));
	}
	return position;
}

int alarm_store_extend(struct alarm_store *s)
{
	uint32_t usable = atomic_load_explicit(&s->usable, memory_order_relaxed);
	uint32_t used = atomic_load_explicit(&s->used, memory_order_relaxed);
	uint32_t more = MIN(SLOTS_CHUNK, s->capacity - usable);
	int r;

	if (more == 0 || usable - used >= SLOTS_AHEAD) {
		return 0;
	}
	r = grow_file(s->fd, alarm_format_offset(usable), alarm_format_offset(usable + more));
	if (r < 0) {
		return r;
	}
	atomic_store_explicit(&s->usable, usable + more, memory_order_release);
	return 0;
}

int alarm_store_sync(struct alarm_store *s)
{
	uint64_t range = atomic_exchange_explicit(&s->dirty, 0, memory_order_acquire);
	uint64_t first = range >> 32, end = range & UINT32_MAX;
	size_t start = (size_t)(first * BLOCK_SIZE) & ~(s->page_size - 1);

	if (range == 0) {
		return 0;
	}
	if (msync(s->map + start, (size_t)(end * BLOCK_SIZE) - start, MS_SYNC) != 0) {
		int r = -errno;

		mark_dirty(s, first, end);
		return r;
	}
	return 0;
}
