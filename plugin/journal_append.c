/*
 * What the appender (A, the broker thread) and the other side (W) share, and what
 * holds at any moment. W is two threads, writer and care, which exclude each other
 * as journal_private.h says:
 *
 * 1. Bytes of a segment before the tail never change. A alone stores tail,
 *    released after the record it covers; who acquires tail may read up to it.
 * 2. next goes from NULL to a segment by W's hand only (release), and back by
 *    A's only; A stores nothing into a segment before it has taken it (acquire).
 * 3. A has stored a segment's end before tail moves on to a later segment.
 * 4. A does not touch a segment whose number is below tail's again. W unmaps,
 *    deletes and frees such segments only.
 * 5. W may read in the map of the segment with tail's number, below tail, and
 *    store into it only bytes that are there already. It may have the kernel
 *    map any page of a mapped segment, and unmap pages wholly below tail: that
 *    changes no byte.
 * 6. left_bytes is the sum of the sizes of segments that A has left and W has
 *    not deleted: A adds, W subtracts. All other counts have one storing
 *    thread and guard no memory, so they are relaxed.
 *
 * A makes no system call, takes no lock and allocates nothing. It may wait
 * where the machine does: for a page fault in the map.
 */
#include "journal_format.h"
#include "journal_private.h"

#include <errno.h>

/* Bytes that stay free at the end of a segment for its seal. */
#define SEAL_SIZE ((uint32_t)sizeof(struct journal_format_record))

const uint8_t *journal_id(const struct journal *j)
{
	return j->id;
}

uint64_t journal_tail(const struct journal *j)
{
	return atomic_load_explicit(&j->tail, memory_order_acquire);
}

uint64_t journal_head(const struct journal *j)
{
	return atomic_load_explicit(&j->head, memory_order_relaxed);
}

uint64_t journal_bytes(const struct journal *j)
{
	return atomic_load_explicit(&j->bytes, memory_order_relaxed);
}

uint64_t journal_records(const struct journal *j)
{
	return atomic_load_explicit(&j->records, memory_order_relaxed);
}

/* Body first, then the head in one store: whoever is killed between leaves zeros where the record begins. */
static void put_record(const struct journal *j, const struct journal_segment *s, uint32_t offset,
                       uint8_t kind, const void *body, uint16_t length)
{
	uint8_t *at = s->map + offset;
	uint64_t position = journal_format_position(s->number, offset);
	uint32_t crc = journal_format_record_crc(j->seed, position, length, kind, body);

	if (length > 0)
		memcpy(at + sizeof(struct journal_format_record), body, length);
	atomic_store_explicit((_Atomic uint64_t *)(void *)at, journal_format_head(crc, length, kind),
	                      memory_order_release);
}

void journal_private_move_on(struct journal *j, struct journal_segment *next)
{
	struct journal_segment *old = j->active;

	if (old) {
		put_record(j, old, j->offset, JOURNAL_FORMAT_SEAL, NULL, 0);
		atomic_store_explicit(&old->end, j->offset, memory_order_release);
		atomic_fetch_add_explicit(&j->left_bytes, old->size, memory_order_relaxed);
	}
	j->active = next;
	j->offset = JOURNAL_FORMAT_START;
	atomic_store_explicit(&j->next, NULL, memory_order_release);
}

static bool over_half(const struct journal *j)
{
	uint64_t left = atomic_load_explicit(&j->left_bytes, memory_order_relaxed);

	return left + (j->active ? j->offset : 0) > j->max_size / 2;
}

/* Finds a place for size bytes: at offset of active on success. */
static int make_room(struct journal *j, enum journal_class class, uint32_t size)
{
	if (class == JOURNAL_EXPENDABLE && over_half(j))
		return -EDQUOT;
	for (;;) {
		struct journal_segment *next = atomic_load_explicit(&j->next, memory_order_acquire);
		uint32_t room = j->active ? j->active->size - j->offset : 0;
		uint32_t reserve = next || class == JOURNAL_IMPORTANT ? 0 : JOURNAL_RESERVE;

		if (room >= size + SEAL_SIZE + reserve)
			return 0;
		if (!next)
			return atomic_load_explicit(&j->refusal, memory_order_relaxed);
		journal_private_move_on(j, next);
	}
}

int journal_room(struct journal *j, enum journal_class class, size_t length)
{
	return length <= JOURNAL_BODY_MAX ? make_room(j, class, journal_format_size(length)) : -EMSGSIZE;
}

int journal_append(struct journal *j, uint8_t kind, enum journal_class class, const void *body, size_t length,
                   uint64_t *ret_position)
{
	if (length > JOURNAL_BODY_MAX)
		return -EMSGSIZE;
	if (kind == 0 || kind == JOURNAL_FORMAT_SEAL)
		return -EINVAL;
	uint32_t size = journal_format_size(length);
	int r = make_room(j, class, size);
	if (r < 0)
		return r;
	put_record(j, j->active, j->offset, kind, body, (uint16_t)length);
	*ret_position = journal_format_position(j->active->number, j->offset);
	j->offset += size;
	uint64_t records = atomic_load_explicit(&j->records, memory_order_relaxed);
	atomic_store_explicit(&j->records, records + 1, memory_order_relaxed);
	atomic_store_explicit(&j->tail, *ret_position + size, memory_order_release);
	return 0;
}
