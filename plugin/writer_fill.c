#include "writer_fill.h"

#include "ledger.h"
#include "writer_log.h"
#include "writer_position.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define STEP_RECORDS  1000
#define STEP_READINGS 4000 /* to encode */

int writer_load_init(struct writer_load *load)
{
	load->batch = batch_new();
	return load->batch != NULL ? 0 : -ENOMEM;
}

void writer_load_done(struct writer_load *load)
{
	batch_free(load->batch);
	pg_binary_done(&load->copy);
}

static void begin(const struct writer *w, struct writer_load *load, uint64_t from)
{
	load->damage = (struct pg_store_damage){0};
	load->records = 0;
	load->full = load->unnumbered = load->sorted = load->ready = false;
	batch_reset(load->batch, from, w->batch_limit);
	journal_cursor_init(&load->cursor, w->journal, from);
}

static bool begins_at(const struct writer_load *load, uint64_t position)
{
	return load->cursor.journal != NULL && load->batch->from == position;
}

static void say_undecodable(struct writer *w, const struct journal_record *record)
{
	char position[WRITER_POSITION_SIZE], text[128];

	(void)snprintf(text, sizeof(text), "journal: the record at %s is of kind %u and cannot be understood",
	               writer_position_text(record->position, position), record->kind);
	writer_say(&w->skipped, w->log, LOG_LEVEL_ERROR, text,
	           "passing it over; it was written by another version, or is a mistake of this one");
}

/* The journal no longer gives back what was appended. */
static void pass_over_damage(struct writer *w, struct journal_cursor *cursor)
{
	char from[WRITER_POSITION_SIZE], to[WRITER_POSITION_SIZE], text[LOG_LINE_MAX], follows[160];
	uint64_t damaged = cursor->position;
	uint64_t bytes = journal_cursor_skip(cursor);

	(void)snprintf(text, sizeof(text), "journal: damaged at %s while in use",
	               writer_position_text(damaged, from));
	(void)snprintf(follows, sizeof(follows),
	               "%" PRIu64
	               " bytes are lost (highwater.loss), continuing at %s; check the disk of state_dir",
	               bytes, writer_position_text(cursor->position, to));
	writer_say(&w->damaged, w->log, LOG_LEVEL_ERROR, text, follows);
}

/* What the cursor has passed over is lost with this batch: the batch ends behind it. */
static void note_damage(struct writer_load *load)
{
	uint64_t bytes = load->cursor.lost.bytes;

	load->damage.exact = load->cursor.lost.records;
	load->damage.at_most = bytes > 0 ? MAX(bytes / LEDGER_READING_BYTES, 1) : 0;
}

/* Takes so many records at most. 1: there may be more; 0: the batch is full, or the journal ends; or why not. */
static int take(struct writer *w, struct writer_load *load, size_t count)
{
	struct journal_record record;
	int got = 1;
	int added;

	while (count > 0 && !load->full &&
	       (got = journal_cursor_next(&load->cursor, w->body, sizeof(w->body), &record)) != 0) {
		count--;
		if (got == -EBADMSG) {
			pass_over_damage(w, &load->cursor);
			got = 1;
			continue;
		}
		if (got < 0) {
			break;
		}
		added = batch_add(load->batch, &record);
		if (added == -ENOBUFS) {
			/* And what was passed over before this record belongs to the next batch. */
			load->full = true;
			return 0;
		}
		if (added == -EBADMSG) {
			say_undecodable(w, &record);
		}
		load->records++;
		note_damage(load);
	}
	return load->full ? 0 : MIN(got, 1);
}

/* Behind the last record there was damage: the batch ends behind it. */
static void take_last_damage(struct writer_load *load)
{
	if (!load->full && load->cursor.lost.records + load->cursor.lost.bytes > 0) {
		note_damage(load);
		load->batch->to = load->cursor.position;
	}
}

int writer_fill(struct writer *w)
{
	int got;

	if (begins_at(w->next, w->own)) {
		struct writer_load *load = w->next;

		w->next = w->now;
		w->next->cursor.journal = NULL;
		w->now = load;
	} else {
		begin(w, w->now, w->own);
	}
	w->seen_tail = journal_tail(w->journal);
	do {
		got = take(w, w->now, SIZE_MAX);
	} while (got > 0);
	take_last_damage(w->now);
	/* What could be read before an error is stored first. */
	return got < 0 && w->now->records == 0 ? got : 0;
}

/* Its readings are numbered. */
static void sort(const struct writer *w, struct writer_load *load)
{
	batch_sort(load->batch);
	load->ids_version = pg_ids_version(w->ids);
	load->encoded = 0;
	load->sorted = true;
	load->ready = false;
}

static void encode(struct writer_load *load, size_t count)
{
	size_t all = load->batch->order_count;
	size_t end = load->encoded + MIN(count, all - load->encoded);

	pg_rows_encode(load->batch, load->encoded, end, &load->copy);
	load->encoded = end;
	load->ready = end == all;
}

int writer_fill_finish(struct writer *w, struct pg_error *error)
{
	struct writer_load *load = w->now;

	if (!load->sorted || load->ids_version != pg_ids_version(w->ids)) {
		int status = pg_ids_resolve(w->ids, w->conn, load->batch, error);

		if (status != 0) {
			return status;
		}
		sort(w, load);
	}
	if (!load->ready && pg_store_copies(w->store)) {
		encode(load, SIZE_MAX);
	}
	return 0;
}

bool writer_fill_ahead(struct writer *w)
{
	struct writer_load *load = w->next;

	if (!begins_at(load, w->now->batch->to)) {
		begin(w, load, w->now->batch->to);
	}
	if (!load->full) {
		return take(w, load, STEP_RECORDS) > 0 || load->full;
	}
	if (load->unnumbered || load->ready || (load->sorted && !pg_store_copies(w->store))) {
		return false;
	}
	if (load->sorted) {
		encode(load, STEP_READINGS);
	} else if (pg_ids_number(w->ids, load->batch)) {
		sort(w, load);
	} else {
		load->unnumbered = true; /* the server is to be asked, and is busy */
	}
	return true;
}
