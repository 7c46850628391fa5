#include "writer_position.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

char *writer_position_text(uint64_t position, char text[static WRITER_POSITION_SIZE])
{
	(void)snprintf(text, WRITER_POSITION_SIZE, "%" PRIu64 ":%" PRIu64, position >> 32,
	               position & UINT32_MAX);
	return text;
}

/* Records that stand in the journal between two positions. */
static uint64_t count_records(struct writer *w, uint64_t from, uint64_t to)
{
	struct journal_cursor cursor;
	struct journal_record record;
	uint64_t count = 0;

	journal_cursor_init(&cursor, w->journal, from);
	while (cursor.position < to) {
		int got = journal_cursor_next(&cursor, w->body, sizeof(w->body), &record);

		if (got == -EBADMSG && journal_cursor_skip(&cursor) > 0) {
			continue;
		}
		if (got != 1 || record.position >= to) {
			break;
		}
		count++;
	}
	return count;
}

static void settle_foreign(struct writer *w)
{
	char text[LOG_LINE_MAX];

	(void)snprintf(
		text, sizeof(text),
		"database: somebody else moves the position of this journal: another broker runs, or ran, on a "
		"copy of this state directory (journal_id %s); give each a state directory of its own",
		pg_store_journal(w->store));
	writer_say(&w->moved, w->log, LOG_LEVEL_ERROR, text, "storing all the same, nothing is lost");
}

/*
 * What this broker noted last, and then the database: when the database is ahead
 * of the note, and not by the COMMIT that was under way, somebody else moved it.
 */
static uint64_t find_own(struct writer *w, uint64_t database)
{
	struct ledger_progress noted;

	if (!ledger_progress(w->ledger, journal_id(w->journal), &noted) || database <= noted.stored ||
	    database == noted.sent) {
		return database;
	}
	settle_foreign(w);
	return noted.stored;
}

static void settle_first(struct writer *w, uint64_t database)
{
	char there[WRITER_POSITION_SIZE], here[WRITER_POSITION_SIZE];

	if (database > journal_tail(w->journal)) {
		log_post(w->log, LOG_LEVEL_WARNING,
		         "database: the journal ends at %s, but the database has it stored up to %s: the "
		         "state directory "
		         "is older than the database, restored from a backup perhaps; storing all of the "
		         "journal again, "
		         "which is harmless",
		         writer_position_text(journal_tail(w->journal), here),
		         writer_position_text(database, there));
		w->own = 0;
	} else {
		w->own = find_own(w, database);
	}
	w->records_done = count_records(w, 0, w->own);
	w->known = true;
}

static void settle_backwards(struct writer *w, uint64_t database)
{
	char there[WRITER_POSITION_SIZE], here[WRITER_POSITION_SIZE], head[WRITER_POSITION_SIZE],
		text[LOG_LINE_MAX];
	uint64_t again = count_records(w, database, w->own);

	(void)snprintf(
		text, sizeof(text),
		"database: its position of this journal went back from %s to %s: it was restored from a "
		"backup, "
		"or failed over to a server that was behind; storing again what the journal still holds, "
		"from %s on",
		writer_position_text(w->expected, here), writer_position_text(database, there),
		writer_position_text(MAX(database, journal_head(w->journal)), head));
	writer_say(&w->moved, w->log, LOG_LEVEL_WARNING, text, "");
	uint64_t done = w->records_done;

	w->records_done = done - MIN(again, done);
	w->own = MIN(w->own, database);
}

bool writer_position_settle(struct writer *w, uint64_t database)
{
	bool landed = false;

	if (!w->known) {
		settle_first(w, database);
	} else if (w->sent_to != 0 && database == w->sent_to && database != w->expected) {
		landed = true;
	} else if (database < w->expected) {
		settle_backwards(w, database);
	} else if (database > w->expected) {
		settle_foreign(w);
	}
	w->expected = database;
	w->sent_to = 0;
	if (!landed) {
		writer_position_note(w, 0);
	}
	return landed;
}

void writer_position_advance(struct writer *w)
{
	w->own = w->now->batch->to;
	w->expected = w->now->batch->to;
	w->sent_to = 0;
	w->records_done += w->now->records;
	writer_position_note(w, 0);
}

void writer_position_note(struct writer *w, uint64_t sent_to)
{
	const struct ledger_progress progress = {.stored = w->own, .sent = sent_to};

	ledger_note_progress(w->ledger, journal_id(w->journal), &progress);
}

uint64_t writer_position_pending(const struct writer *w)
{
	uint64_t records = journal_records(w->journal), done = w->records_done;

	return records > done ? records - done : 0;
}
