/* W's side of journal.h: prepare, make ready, sync and retire. The invariants stand at the top of journal_append.c. */
#include "journal_format.h"
#include "journal_private.h"
#include "journal_settle.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* A small segment, all of it reserve. */
#define RESERVE_SEGMENT_SIZE (JOURNAL_FORMAT_START + JOURNAL_RESERVE)

/* What the appender may write between two calls of journal_make_ready(). */
#define READY_AHEAD (1u << 20)
#define READY_PIECE (64u << 10)

/* Calls of journal_sync() that leave the page being written alone. */
#define SYNC_WAITS_MAX 10u

static uint32_t tail_number(const struct journal *j)
{
	return journal_format_number(journal_tail(j));
}

struct journal_segment *journal_private_find(const struct journal *j, uint32_t number)
{
	size_t low = 0, high = j->segments.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (j->segments.at[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < j->segments.count ? j->segments.at[low] : NULL;
}

static int make_spare(struct journal *j, uint32_t size)
{
	if (j->highest >= JOURNAL_FORMAT_NUMBER_MAX)
		return -EOVERFLOW;
	struct journal_segment *s = journal_segment_new(j->highest + 1);
	if (!s)
		return -ENOMEM;
	if (j->segments.count > 0)
		s->previous = j->segments.at[j->segments.count - 1]->number;
	s->size = size;
	s->known.retired = j->retired;
	memcpy(s->id, j->id, sizeof(s->id));
	int r = journal_segment_create(j->directory, s);
	if (r < 0) {
		journal_segment_free(s);
		return r;
	}
	j->spare = s;
	j->highest++;
	atomic_fetch_add_explicit(&j->bytes, size, memory_order_relaxed);
	return 0;
}

/* As long as there is nothing to append to, a small segment is better than none. */
static int find_spare(struct journal *j)
{
	int r = journal_bytes(j) + j->segment_size > j->max_size ? -EDQUOT : make_spare(j, j->segment_size);

	atomic_store_explicit(&j->refusal, r < 0 ? r : -EBUSY, memory_order_relaxed);
	if ((r == -EDQUOT || r == -ENOSPC) && !j->handed_over && make_spare(j, RESERVE_SEGMENT_SIZE) == 0)
		return 0;
	return r;
}

/* What recovery had to leave until the log went on in a new segment. */
static int finish_recovery(struct journal *j)
{
	struct journal_segment_list *dead = &j->recovery.dead;
	struct journal_segment *last = j->segments.count > 0 ? j->segments.at[j->segments.count - 1] : NULL;

	if (j->settled)
		return 0;
	int r = journal_settle_seal(last, dead, j->directory);
	if (r < 0)
		return r;
	for (size_t i = 0; i < dead->count; i++)
		atomic_fetch_sub_explicit(&j->bytes, dead->at[i]->size, memory_order_relaxed);
	journal_segment_list_done(dead);
	j->settled = true;
	return 0;
}

static int prepare(struct journal *j)
{
	int r = j->spare ? 0 : find_spare(j);
	if (r == 0)
		r = finish_recovery(j);
	if (r < 0)
		return r;
	pthread_mutex_lock(&j->list);
	r = journal_segment_list_push(&j->segments, j->spare);
	pthread_mutex_unlock(&j->list);
	if (r < 0)
		return r;
	atomic_store_explicit(&j->next, j->spare, memory_order_release);
	j->spare = NULL;
	j->handed_over = true;
	return 0;
}

int journal_prepare(struct journal *j)
{
	if (atomic_load_explicit(&j->next, memory_order_relaxed))
		return 0;
	pthread_mutex_lock(&j->upkeep);
	int r = prepare(j);
	pthread_mutex_unlock(&j->upkeep);
	if (r < 0)
		atomic_store_explicit(&j->refusal, r, memory_order_relaxed);
	return r;
}

/* From the segment's offset from on, up to end. Kernels before 5.14 know no such advice: then appends fault. */
static void make_ready(struct journal_segment *s, uint32_t from, uint32_t end)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	from = MAX(from, s->ready) & ~(page - 1);
	/* In pieces: while the kernel does one, whoever changes the process's memory waits. */
	for (; s->map && s->ready < end; from += READY_PIECE) {
		s->ready = MIN(end, from + READY_PIECE);
		(void)madvise(s->map + from, s->ready - from, MADV_POPULATE_WRITE);
	}
}

void journal_make_ready(struct journal *j)
{
	uint64_t tail = journal_tail(j);
	uint32_t from = journal_format_offset(tail), left = READY_AHEAD;

	pthread_mutex_lock(&j->upkeep);
	for (size_t i = 0; i < j->segments.count && left > 0; i++) {
		struct journal_segment *s = j->segments.at[i];
		uint32_t end;

		if (s->number < journal_format_number(tail))
			continue;
		end = MIN(s->size, from + left);
		make_ready(s, from, end);
		left -= end - MIN(from, end);
		from = 0;
	}
	pthread_mutex_unlock(&j->upkeep);
}

void journal_private_set_head(struct journal *j)
{
	const struct journal_segment *first = j->segments.count > 0 ? j->segments.at[0] : NULL;
	uint64_t head = 0;

	if (first && first->gap > 0)
		head = journal_format_position(first->previous, 0);
	else if (first)
		head = journal_format_position(first->number, JOURNAL_FORMAT_START);
	atomic_store_explicit(&j->head, head, memory_order_relaxed);
}

/*
 * The page that the appender writes is left out while it does: a flush of it
 * would stall the append. Readings that only trickle would wait long for their
 * page to fill: so few are rarely stalled, and a bound is worth more to them.
 * The mark is written after the flush that it speaks of and goes to disk with
 * the next one.
 */
static int sync_active(struct journal *j, struct journal_segment *s, uint32_t tail, bool all)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	bool whole = all || tail == s->seen || s->waits >= SYNC_WAITS_MAX;
	uint32_t offset = whole ? tail : tail & ~(page - 1);

	s->waits = whole || offset > s->flushed ? 0 : s->waits + 1;
	s->seen = tail;
	if (offset <= s->flushed && !s->mark_stale)
		return 0;
	/* Before the flush, which takes the pages away that are read here. */
	uint32_t records = s->known.records;
	uint32_t synced = journal_segment_walk(s, s->known.synced, offset, &records);
	int r = journal_segment_flush(s, MAX(offset, 1));
	if (r < 0)
		return r;
	if (synced == s->known.synced)
		return 0;
	s->known.synced = synced;
	s->known.records = records;
	return journal_segment_mark(j->directory, s, all);
}

static int sync_left(struct journal *j, struct journal_segment *s)
{
	uint32_t end = atomic_load_explicit(&s->end, memory_order_acquire);
	int r = journal_segment_flush(s, end + (uint32_t)sizeof(struct journal_format_record));

	s->records = s->known.records;
	if (journal_segment_walk(s, s->known.synced, end, &s->records) != end)
		s->records = 0; /* the map is damaged: not known */
	if (r == 0)
		r = journal_segment_settle(j->directory, s, true);
	if (r == 0)
		journal_segment_unmap(s);
	return r;
}

int journal_private_sync(struct journal *j, bool all)
{
	uint64_t tail = journal_tail(j);
	uint32_t number = journal_format_number(tail);
	int r = 0;

	/* Oldest first: a mark may only advance when all before it is on disk. */
	for (size_t i = 0; r == 0 && i < j->segments.count && j->segments.at[i]->number <= number; i++) {
		struct journal_segment *s = j->segments.at[i];

		if (!s->map)
			continue;
		r = s->number < number ? sync_left(j, s)
		                       : sync_active(j, s, journal_format_offset(tail), all);
	}
	return r;
}

int journal_sync(struct journal *j)
{
	pthread_mutex_lock(&j->upkeep);
	int r = journal_private_sync(j, false);
	pthread_mutex_unlock(&j->upkeep);
	return r;
}

/* The oldest segment goes. The directory is flushed before the next one does: never a gap among those that remain. */
static int delete_oldest(struct journal *j)
{
	char name[JOURNAL_SEGMENT_NAME_SIZE];
	struct journal_segment *s = j->segments.at[0];

	if (j->unlinked && fsync(j->directory) < 0)
		return -errno;
	j->unlinked = false;
	journal_segment_name(s->number, name);
	if (unlinkat(j->directory, name, 0) < 0 && errno != ENOENT)
		return -errno;
	j->unlinked = true;
	if (j->reader.number == s->number)
		journal_reader_close(&j->reader);
	atomic_fetch_sub_explicit(&j->bytes, s->size, memory_order_relaxed);
	atomic_fetch_sub_explicit(&j->left_bytes, s->size, memory_order_relaxed);
	pthread_mutex_lock(&j->list);
	j->segments.count--;
	memmove(j->segments.at, j->segments.at + 1, j->segments.count * sizeof(j->segments.at[0]));
	pthread_mutex_unlock(&j->list);
	journal_segment_free(s);
	journal_private_set_head(j);
	return 0;
}

static bool is_done(const struct journal *j, size_t i, uint64_t position)
{
	const struct journal_segment *s = j->segments.at[i];

	if (i + 1 >= j->segments.count || s->number >= tail_number(j))
		return false;
	uint64_t end = journal_format_position(
		s->number, MAX(atomic_load_explicit(&s->end, memory_order_acquire), s->damage_end));
	/* What is missing behind it is told first: without it no one would know. */
	const struct journal_segment *after = j->segments.at[i + 1];
	if (after->gap > 0)
		end = journal_format_position(after->number, JOURNAL_FORMAT_START);
	return end <= position;
}

/* How many of the oldest segments nobody needs any more. */
static size_t count_done(const struct journal *j, uint64_t position)
{
	size_t count = 0;

	while (count < j->segments.count && is_done(j, count, position))
		count++;
	return count;
}

static int retire(struct journal *j, size_t count)
{
	struct journal_segment *keeper = journal_private_find(j, tail_number(j));
	j->retired = j->segments.at[count]->number;
	keeper->known.retired = j->retired;
	int r = journal_segment_mark(j->directory, keeper, true);
	for (; r == 0 && count > 0; count--)
		r = delete_oldest(j);
	return r;
}

int journal_retire(struct journal *j, uint64_t position)
{
	/* Asked after each batch, and rarely needed: that is no reason to wait for a flush. No one else retires. */
	pthread_mutex_lock(&j->list);
	size_t count = count_done(j, position);
	pthread_mutex_unlock(&j->list);
	if (count == 0)
		return 0;
	pthread_mutex_lock(&j->upkeep);
	int r = retire(j, count);
	pthread_mutex_unlock(&j->upkeep);
	return r;
}
