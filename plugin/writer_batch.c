#include "writer_batch.h"

#include "clock.h"
#include "writer_books.h"
#include "writer_fill.h"
#include "writer_position.h"
#include "writer_session.h"

#include <errno.h>
#include <stdio.h>

/* A server that is too slow for a batch gets smaller ones, down to this many readings. */
#define LIMIT_MIN 100

/*
 * When readings pour in, a batch waits until so many have come that it is worth its cost to the server: each
 * datastream's newest reading in it has its verdicts amended by the next batch. At 100,000 readings a second of
 * 1,000 datastreams that were 53 in 100 rows when each batch followed at once, 765 rows long, and 7.4 µs of the
 * server's time a row. Fewer readings, 1,000 a second say, never wait, and neither does what has piled up.
 */
#define POUR_READINGS 1000
#define POUR_SPACE_US 100000

/* Before the position is read again, when someone else moves it too. */
#define STALE_PAUSE_US      250000
#define UNREADABLE_PAUSE_US 1000000

/* The position in the database is not the expected one: asks for it, and goes on from there. */
static int settle_stale(struct writer *w, struct pg_error *error)
{
	uint64_t position = 0;
	int status = pg_store_rollback(w->conn, error);

	if (status == 0) {
		status = pg_store_position(w->store, w->conn, &position, error);
	}
	if (status == 0) {
		(void)writer_position_settle(w, position);
		stats_add(w->stats, STATS_WRITER_RETRIES, 1);
		w->retry_due = clock_monotonic_us() + STALE_PAUSE_US;
	}
	return status;
}

static bool commit_failed(struct writer *w, int status, struct pg_error *error)
{
	if (status == -ETIMEDOUT || strcmp(error->sqlstate, "57014") == 0) {
		w->batch_limit = MAX(w->batch_limit / 2, LIMIT_MIN);
	}
	if (error->misses_partition) {
		w->partitions_due = 0;
	}
	if (status == -ESTALE) {
		status = settle_stale(w, error);
	}
	if (status != 0) {
		writer_session_fail(w, "cannot store", status, error);
	}
	return false;
}

static void say_unreadable(struct writer *w, int error)
{
	char position[WRITER_POSITION_SIZE], text[128];

	(void)snprintf(text, sizeof(text), "journal: cannot be read at %s: %s",
	               writer_position_text(w->own, position), strerror(-error));
	writer_say(&w->unreadable, w->log, LOG_LEVEL_ERROR, text,
	           "trying again every second; check the disk of state_dir");
	w->retry_due = clock_monotonic_us() + UNREADABLE_PAUSE_US;
}

static void space_out(struct writer *w, int64_t started_us)
{
	bool pours = w->now->batch->reading_count >= POUR_READINGS && w->now->batch->to >= w->seen_tail;

	w->batch_due = pours ? started_us + POUR_SPACE_US : 0;
}

static int commit(struct writer *w, struct pg_error *error)
{
	const struct pg_store_job job = {.batch = w->now->batch,
	                                 .copy = &w->now->copy,
	                                 .damage = &w->now->damage,
	                                 .expected = w->expected};
	int status;

	writer_position_note(w, job.batch->to);
	w->storing = true;
	status = pg_store_commit(w->store, w->conn, &job, &w->result, error);
	w->storing = false;
	if (status != 0) {
		w->sent_to = w->result.unsure ? job.batch->to : 0;
	}
	return status;
}

bool writer_batch_store(struct writer *w)
{
	struct pg_error error;
	int64_t started_us = clock_monotonic_us();
	int status = writer_fill(w);

	if (status != 0) {
		say_unreadable(w, status);
		return false;
	}
	if (w->now->batch->to == w->own) {
		writer_session_good(w);
		return false;
	}
	status = writer_fill_finish(w, &error);
	if (status != 0) {
		writer_session_fail(w, "cannot register datastreams", status, &error);
		return false;
	}
	status = commit(w, &error);
	if (status != 0) {
		return commit_failed(w, status, &error);
	}
	writer_session_good(w);
	writer_books_enter(w);
	space_out(w, started_us);
	return true;
}
