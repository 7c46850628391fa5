#include "slot_store.h"

#include "slot_file.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK_SIZE 4096u /* unit of the dirty range */

/* The mark moves with each batch of readings: alone it is flushed with so many calls that are for it only. */
#define MARK_PATIENCE 10

/* [care] grows the file by a chunk when fewer slots than half of that are free. */
#define CHUNK_SLOTS 2048u
#define CHUNK_BYTES (4u << 20)

/*
 * The map covers capacity slots at once, most of them beyond the end of the
 * file, so that it never moves under the loop. Invariants, at all times:
 *
 * 1. used <= usable <= capacity.
 * 2. The file's blocks up to slot usable exist on disk, so that writing there
 *    cannot fail; nothing touches the map from there on.
 * 3. Slots from used on have not been written since open: they are zero.
 * 4. usable changes on [care], after 2 is true of the new slots; used on [loop].
 * 5. Whatever was written to the map since the last successful sync lies in
 *    the dirty range, once the call that wrote it has returned.
 */
struct slot_store {
	int fd;
	uint8_t *map;
	size_t map_size;
	size_t page_size;
	uint32_t body_size, copy_size;
	uint32_t chunk; /* slots */
	uint32_t capacity;
	_Atomic uint32_t usable, used;
	_Atomic uint64_t dirty; /* first block << 32 | block after the last; 0: none */
	unsigned mark_waits;    /* [care] calls that found only the mark moved, since the last flush */
};

static struct slot_pair slot_pair(const struct slot_store *s, uint32_t slot)
{
	return (struct slot_pair){s->map + slot_format_offset(s->copy_size, slot), s->copy_size, slot};
}

static struct slot_pair mark_pair(const struct slot_store *s)
{
	return (struct slot_pair){s->map + SLOT_MARK_OFFSET, SLOT_MARK_COPY_SIZE, SLOT_MARK_SEED};
}

static void mark_dirty(struct slot_store *s, uint64_t first, uint64_t end)
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

static void mark_pair_dirty(struct slot_store *s, struct slot_pair p)
{
	uint64_t first = (uint64_t)(p.bytes - s->map), last = first + 2 * (uint64_t)p.copy_size - 1;

	mark_dirty(s, first / BLOCK_SIZE, last / BLOCK_SIZE + 1);
}

/* Returns true when the pair is damaged. */
static bool repair_pair(struct slot_store *s, struct slot_pair p)
{
	enum slot_repair repair = slot_format_repair(p);

	if (repair != SLOT_UNTOUCHED) {
		mark_pair_dirty(s, p);
	}
	return repair == SLOT_DAMAGED;
}

static uint32_t repair_all(struct slot_store *s)
{
	uint32_t usable = atomic_load_explicit(&s->usable, memory_order_relaxed);
	uint32_t used = 0;
	uint32_t damaged = repair_pair(s, mark_pair(s));

	for (uint32_t slot = 0; slot < usable; slot++) {
		damaged += repair_pair(s, slot_pair(s, slot));
		if (slot_format_newest(slot_pair(s, slot)) != NULL) {
			used = slot + 1;
		}
	}
	atomic_init(&s->used, used);
	return damaged;
}

static int open_map(struct slot_store *s, const char *path, const struct slot_kind *kind, uint32_t max_slots)
{
	uint32_t slots = 0;
	int r = slot_file_open(path, kind, MIN(max_slots, s->chunk), &s->fd, &slots);
	void *map;

	if (r < 0) {
		return r;
	}
	atomic_init(&s->usable, slots);
	s->capacity = MAX(slots, MIN(max_slots, SLOT_COUNT_MAX));
	s->map_size = (size_t)slot_format_offset(s->copy_size, s->capacity);
	map = mmap(NULL, s->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (map == MAP_FAILED) {
		r = -errno;
		close(s->fd);
		return r;
	}
	s->map = map;
	return 0;
}

int slot_store_open(struct slot_store **ret, const char *path, const struct slot_kind *kind,
                    uint32_t max_slots, uint32_t *ret_damaged)
{
	struct slot_store *s = calloc(1, sizeof(*s));
	int r;

	assert(kind->body_size > 0 && kind->body_size <= SLOT_BODY_MAX);
	if (s == NULL) {
		return -ENOMEM;
	}
	s->page_size = (size_t)sysconf(_SC_PAGESIZE);
	s->body_size = kind->body_size;
	s->copy_size = slot_format_copy_size(kind->body_size);
	s->chunk = MIN(CHUNK_SLOTS, CHUNK_BYTES / (2 * s->copy_size));
	r = open_map(s, path, kind, max_slots);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret_damaged = repair_all(s);
	*ret = s;
	return 0;
}

void slot_store_close(struct slot_store *s)
{
	if (s == NULL) {
		return;
	}
	s->mark_waits = MARK_PATIENCE;
	if (slot_store_sync(s) != 0) {
		/* Nobody is left to hear it, and the page cache has it all. */
	}
	munmap(s->map, s->map_size);
	close(s->fd);
	free(s);
}

const void *slot_store_get(const struct slot_store *s, uint32_t slot, struct datastream_key *ret_key)
{
	uint32_t used = atomic_load_explicit(&s->used, memory_order_relaxed);
	const uint8_t *content = slot < used ? slot_format_newest(slot_pair(s, slot)) : NULL;

	if (content != NULL) {
		slot_format_key(content, s->body_size, ret_key);
	}
	return content;
}

void slot_store_each(const struct slot_store *s,
                     void (*each)(void *context, uint32_t slot, const struct datastream_key *key,
                                  const void *body),
                     void *context)
{
	uint32_t used = atomic_load_explicit(&s->used, memory_order_relaxed);

	for (uint32_t slot = 0; slot < used; slot++) {
		struct datastream_key key;
		const void *body = slot_store_get(s, slot, &key);

		if (body != NULL) {
			each(context, slot, &key, body);
		}
	}
}

int slot_store_put(struct slot_store *s, uint32_t *slot, const struct datastream_key *key, const void *body)
{
	uint32_t used = atomic_load_explicit(&s->used, memory_order_relaxed);
	struct slot_pair p;

	if (*slot == SLOT_NONE) {
		if (used >= atomic_load_explicit(&s->usable, memory_order_acquire)) {
			return -ENOSPC;
		}
		*slot = used++;
		atomic_store_explicit(&s->used, used, memory_order_relaxed);
	}
	if (*slot >= used) {
		return -EINVAL;
	}
	p = slot_pair(s, *slot);
	slot_format_write(p, body, s->body_size, key);
	mark_pair_dirty(s, p);
	return 0;
}

void slot_store_set_mark(struct slot_store *s, uint64_t mark)
{
	struct slot_pair p = mark_pair(s);

	slot_format_write(p, &mark, sizeof(mark), NULL);
	mark_pair_dirty(s, p);
}

uint64_t slot_store_mark(const struct slot_store *s)
{
	const uint8_t *content = slot_format_newest(mark_pair(s));
	uint64_t mark = 0;

	if (content != NULL) {
		memcpy(&mark, content, sizeof(mark));
	}
	return mark;
}

int slot_store_extend(struct slot_store *s)
{
	uint32_t usable = atomic_load_explicit(&s->usable, memory_order_relaxed);
	uint32_t used = atomic_load_explicit(&s->used, memory_order_relaxed);
	uint32_t more = MIN(s->chunk, s->capacity - usable);
	int r;

	if (more == 0 || usable - used >= s->chunk / 2) {
		return 0;
	}
	r = slot_file_grow(s->fd, s->copy_size, usable, usable + more);
	if (r < 0) {
		return r;
	}
	atomic_store_explicit(&s->usable, usable + more, memory_order_release);
	return 0;
}

int slot_store_sync(struct slot_store *s)
{
	uint64_t range = atomic_exchange_explicit(&s->dirty, 0, memory_order_acquire);
	uint64_t first = range >> 32, end = range & UINT32_MAX;
	size_t start = (size_t)(first * BLOCK_SIZE) & ~(s->page_size - 1);

	if (range == 0) {
		return 0;
	}
	if (end * BLOCK_SIZE <= slot_format_offset(s->copy_size, 0) && s->mark_waits + 1 < MARK_PATIENCE) {
		s->mark_waits++;
		mark_dirty(s, first, end);
		return 0;
	}
	s->mark_waits = 0;
	if (msync(s->map + start, (size_t)(end * BLOCK_SIZE) - start, MS_SYNC) != 0) {
		int r = -errno;

		mark_dirty(s, first, end);
		return r;
	}
	return 0;
}
