/*
 * What the appender (A, the broker thread) and the other side (W) share, and what
 * holds at any moment. W is two threads, writer and care, which take the lock
 * upkeep before they touch anything that is W's:
 *
 * 1. Bytes of a segment before the tail never change. A alone stores tail,
 *    released after the record it covers; who acquires tail may read up to it.
 * 2. next goes from NULL to a segment by W's hand only (release), and back by
 *    A's only; A stores nothing into a segment before it has taken it (acquire).
 * 3. A has stored a segment's end before tail moves on to a later segment.
 * 4. A does not touch a segment whose number is below tail's again. W unmaps,
 *    deletes and frees such segments only.
 * 5. W may read in the map of the segment with tail's number, below tail, and
 *    store into it only bytes that are there already.
 * 6. left_bytes is the sum of the sizes of segments that A has left and W has
 *    not deleted: A adds, W subtracts. All other counts have one storing
 *    thread and guard no memory, so they are relaxed.
 *
 * A makes no system call, takes no lock and allocates nothing. It may wait
 * where the machine does: for a page fault in the map.
 */
#include "journal.h"

#include "journal_format.h"
#include "journal_private.h"
#include "journal_settle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* The appender. */

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

static void move_on(struct journal *j, struct journal_segment *next)
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
		move_on(j, next);
	}
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

/* Opening and closing. */

static int open_directory(struct journal *j, const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	j->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->directory < 0)
		return -errno;
	/* So that the directory itself outlives a power cut. Where the parent cannot be opened we did not make it. */
	int parent = openat(j->directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return 0;
	int r = fsync(parent) < 0 ? -errno : 0;
	close(parent);
	return r;
}

/* flock() and not fcntl(): it also keeps out a second journal_open() in this process. */
static int take_lock(struct journal *j)
{
	j->lock = openat(j->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (j->lock < 0)
		return -errno;
	if (flock(j->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return 0;
}

static int take_id(struct journal *j)
{
	if (j->recovery.has_id)
		memcpy(j->id, j->recovery.id, sizeof(j->id));
	else if (getrandom(j->id, sizeof(j->id), 0) != (ssize_t)sizeof(j->id))
		return -EIO;
	j->seed = journal_format_seed(j->id);
	return 0;
}

static uint64_t sum_sizes(const struct journal_segment_list *list)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < list->count; i++)
		sum += list->at[i]->size;
	return sum;
}

/* What was recovered becomes the start of the journal. */
static void take_over(struct journal *j)
{
	struct journal_recovery *r = &j->recovery;

	j->segments = r->live;
	r->live = (struct journal_segment_list){0};
	j->highest = r->highest;
	j->retired = r->retired;
	atomic_store_explicit(&j->left_bytes, sum_sizes(&j->segments), memory_order_relaxed);
	atomic_store_explicit(&j->bytes, sum_sizes(&j->segments) + sum_sizes(&r->dead), memory_order_relaxed);
	if (j->segments.count > 0) {
		const struct journal_segment *last = j->segments.at[j->segments.count - 1];
		uint32_t end = atomic_load_explicit(&last->end, memory_order_relaxed);

		atomic_store_explicit(&j->tail, journal_format_position(last->number, end),
		                      memory_order_relaxed);
	}
}

static bool is_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

/* A segment to write and one ahead; with no room for them the journal is open all the same. */
static int prepare_first(struct journal *j)
{
	int r = journal_prepare(j);

	if (r == 0) {
		move_on(j, atomic_load_explicit(&j->next, memory_order_relaxed));
		atomic_store_explicit(&j->tail, journal_format_position(j->active->number, j->offset),
		                      memory_order_relaxed);
		r = journal_prepare(j);
	}
	if (r < 0 && !is_full(r))
		return r;
	journal_private_set_head(j);
	return 0;
}

static int open_parts(struct journal *j, const struct journal_options *options, struct journal_report *report)
{
	int r = open_directory(j, options->directory);

	if (r == 0)
		r = take_lock(j);
	if (r == 0)
		r = journal_recover_look(&j->recovery, j->directory, options, report);
	if (r == 0)
		r = take_id(j);
	if (r == 0)
		r = journal_settle_files(&j->recovery, j->directory);
	if (r < 0)
		return r;
	take_over(j);
	atomic_store_explicit(&j->records, report->records, memory_order_relaxed);
	return prepare_first(j);
}

static struct journal *new_journal(const struct journal_options *options)
{
	/* malloc() would not keep to the alignment. */
	struct journal *j = aligned_alloc(alignof(struct journal), sizeof(*j));

	if (!j)
		return NULL;
	memset(j, 0, sizeof(*j));
	j->directory = j->lock = j->reader.fd = -1;
	j->max_size = options->max_size;
	j->segment_size = options->segment_size & ~4095u;
	atomic_init(&j->refusal, -EBUSY);
	(void)pthread_mutex_init(&j->upkeep, NULL); /* cannot fail: glibc's plain mutex has nothing to get */
	return j;
}

static bool valid_options(const struct journal_options *o)
{
	return o->segment_size >= JOURNAL_SEGMENT_MIN && o->segment_size <= JOURNAL_SEGMENT_MAX &&
	       o->max_size / 2 >= o->segment_size;
}

static const char *reason(int error)
{
	switch (-error) {
	case EAGAIN:
		return "another process has it open; each broker needs a state directory of its own";
	case EINVAL:
		return "segment_size must be 1 MiB to 1 GiB, and max_size twice that or more";
	default:
		return strerror(-error);
	}
}

int journal_open(struct journal **ret, const struct journal_options *options, struct journal_report *report)
{
	struct journal *j = NULL;
	int r = -EINVAL;

	*report = (struct journal_report){0};
	if (valid_options(options)) {
		j = new_journal(options);
		r = j ? open_parts(j, options, report) : -ENOMEM;
	}
	if (r == 0) {
		*ret = j;
		return 0;
	}
	if (r != -EBADMSG)
		snprintf(report->message, sizeof(report->message), "journal %.300s: %s", options->directory,
		         reason(r));
	journal_close(j);
	return r;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	/* There is no one left to tell of a failure; the next journal_open() flushes again. */
	int ignored = journal_private_sync(j, true);
	(void)ignored;
	journal_reader_close(&j->reader);
	journal_segment_free(j->spare);
	journal_segment_list_done(&j->segments);
	journal_recover_done(&j->recovery);
	if (j->lock >= 0)
		close(j->lock);
	if (j->directory >= 0)
		close(j->directory);
	(void)pthread_mutex_destroy(&j->upkeep);
	free(j);
}
