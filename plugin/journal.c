/* Opening and closing. */
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
		journal_private_move_on(j, atomic_load_explicit(&j->next, memory_order_relaxed));
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
	/* Neither can fail: glibc's plain mutex has nothing to get. */
	(void)pthread_mutex_init(&j->upkeep, NULL);
	(void)pthread_mutex_init(&j->list, NULL);
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
	(void)pthread_mutex_destroy(&j->list);
	free(j);
}
