#include "writer_care.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>

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

	if (error == 0 && w->care.text[0] != '\0') {
		log_post(w->log, LOG_LEVEL_NOTICE, "journal: there is room for the next segment again");
		writer_say_reset(&w->care);
	} else if (error != 0) {
		(void)snprintf(text, sizeof(text), "journal: no room for the next segment: %s",
		               strerror(-error));
		writer_say(&w->care, w->log, LOG_LEVEL_ERROR, text, what_follows(error));
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

static void sync_to_disk(struct writer *w)
{
	int error;

	say_flush(w, &w->journal_flush, "journal", journal_sync(w->journal));
	error = alarm_store_extend(w->alarms);
	if (error == 0) {
		error = alarm_store_sync(w->alarms);
	}
	say_flush(w, &w->alarm_flush, "alarm store", error);
	say_flush(w, &w->ledger_flush, "ledger of losses", ledger_sync(w->ledger));
}

void writer_care(struct writer *w)
{
	int64_t now = clock_monotonic_us();
	uint64_t records = journal_records(w->journal);

	prepare(w);
	if (now >= w->sync_due) {
		sync_to_disk(w);
		w->sync_due = clock_monotonic_us() + w->sync_us;
	}
	handover_collect_registries(w->handover);
	stats_set(w->stats, STATS_JOURNAL_BYTES, journal_bytes(w->journal));
	stats_set(w->stats, STATS_JOURNAL_PENDING, records > w->records_done ? records - w->records_done : 0);
	if (w->stop_end == NEVER && handover_stopping(w->handover)) {
		/* The rest of the time is for taking the thread apart. */
		w->stop_end = now + w->stop_timeout_us / 10 * 8;
	}
}

bool writer_care_idle(void *context)
{
	struct writer *w = context;

	writer_care(w);
	/* While connecting there is nothing that could be drained yet. */
	return w->stop_end == NEVER || (w->conn != NULL && clock_monotonic_us() < w->stop_end);
}
