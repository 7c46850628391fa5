#include "writer_care.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* The next segment must be there before the active one is full, and pages before they are written. */
#define BUSY_US         INT64_C(10000)
#define IDLE_US         INT64_C(50000)
#define BUSY_BYTES      (64u * 1024u) /* that came since the last time */
#define QUALITY_SYNC_US (60 * INT64_C(1000000))

/* Between two flushes of what the database has already. */
#define STORED_SYNC_US INT64_C(1000000)

/* What follows from not getting the journal's next segment. */
static const char *what_follows(int error)
{
	if (error == -EDQUOT) {
		return "journal.max_size is reached: new readings are refused until the database has taken "
		       "some";
	}
	if (error == -ENOSPC) {
		return "the disk of state_dir is full: new readings are refused once the last segment is, "
		       "trying again";
	}
	return "new readings are refused once the last segment is full, trying again";
}

static void prepare(struct writer *w)
{
	int error = journal_prepare(w->journal);
	char text[256];

	if (error == 0 && w->care.segment.text[0] != '\0') {
		log_post(w->log, LOG_LEVEL_NOTICE, "journal: there is room for the next segment again");
		writer_say_reset(&w->care.segment);
	} else if (error != 0) {
		(void)snprintf(text, sizeof(text), "journal: no room for the next segment: %s",
		               strerror(-error));
		writer_say(&w->care.segment, w->log, LOG_LEVEL_ERROR, text, what_follows(error));
	}
}

static void say_flush(struct writer *w, struct writer_repeat *r, const char *what, int error)
{
	char text[256];

	if (error == 0) {
		writer_say_reset(r);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s: cannot be written to disk: %s", what, strerror(-error));
	writer_say(r, w->log, LOG_LEVEL_ERROR, text, "continuing, a power cut now may lose what came last");
}

/*
 * What the database has, no power cut takes: only what it has not is flushed in time. A flush each 100 ms would take
 * the disk from the database's own, and wear it out.
 */
static int64_t journal_due(const struct writer *w)
{
	int64_t since_us = MAX(w->care.journal_synced, w->care.all_stored);

	return MIN(since_us + w->sync_us, w->care.journal_synced + MAX(w->sync_us, STORED_SYNC_US));
}

static void sync_journal(struct writer *w)
{
	say_flush(w, &w->care.journal_flush, "journal", journal_sync(w->journal));
	w->care.journal_synced = clock_monotonic_us();
}

static void sync_rest(struct writer *w)
{
	int error = alarm_store_extend(w->alarms);

	if (error == 0) {
		error = alarm_store_sync(w->alarms);
	}
	say_flush(w, &w->care.alarm_flush, "alarm store", error);
	say_flush(w, &w->care.ledger_flush, "ledger of losses", ledger_sync(w->ledger));
}

/*
 * Readings go round all datastreams, and the first memory that is put on a page that was just flushed costs the
 * broker's thread a fault and perhaps a wait for the disk. So seldom, since a power cut costs no more than the memory
 * of so long.
 */
static void keep_quality(struct writer *w, bool last)
{
	int error;

	if (w->quality == NULL) {
		return;
	}
	error = qc_store_extend(w->quality);
	if (error == 0 && (last || clock_monotonic_us() >= w->care.quality_due)) {
		error = qc_store_sync(w->quality);
		w->care.quality_due = clock_monotonic_us() + QUALITY_SYNC_US;
	}
	say_flush(w, &w->care.quality_flush, "memory of quality control", error);
}

static void care(struct writer *w, bool last)
{
	uint64_t records = journal_records(w->journal);
	uint64_t done = w->records_done;

	if (done >= records) {
		w->care.all_stored = clock_monotonic_us();
	}
	prepare(w);
	journal_make_ready(w->journal);
	if (last || clock_monotonic_us() >= journal_due(w)) {
		sync_journal(w);
	}
	if (last || clock_monotonic_us() >= w->care.sync_due) {
		sync_rest(w);
		w->care.sync_due = clock_monotonic_us() + w->sync_us;
	}
	keep_quality(w, last);
	stats_set(w->stats, STATS_JOURNAL_BYTES, journal_bytes(w->journal));
	stats_set(w->stats, STATS_JOURNAL_PENDING, records > done ? records - done : 0);
}

static void rest(struct writer *w)
{
	uint64_t tail = journal_tail(w->journal);
	int64_t pause_us = tail - w->care.seen_tail > BUSY_BYTES ? BUSY_US : IDLE_US;
	int64_t us = MIN(MIN(w->care.sync_due, journal_due(w)), clock_monotonic_us() + pause_us);
	const struct timespec end = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	w->care.seen_tail = tail;
	(void)sem_clockwait(&w->care.wake, CLOCK_MONOTONIC, &end);
}

static void *run(void *arg)
{
	struct writer *w = arg;
	bool last;

	do {
		last = w->care.stopping;
		care(w, last);
		if (!last) {
			rest(w);
		}
	} while (!last);
	thread_ending(&w->care.thread);
	return NULL;
}

int writer_care_start(struct writer *w)
{
	(void)sem_init(&w->care.wake, 0, 0);
	w->care.journal_synced = clock_monotonic_us();
	w->care.all_stored = w->care.journal_synced;
	w->care.sync_due = w->care.journal_synced + w->sync_us;
	return thread_start(&w->care.thread, "highwater care", run, w);
}

int writer_care_stop(struct writer *w, int64_t end_us)
{
	w->care.stopping = true;
	(void)sem_post(&w->care.wake);
	return thread_join(&w->care.thread, end_us);
}
