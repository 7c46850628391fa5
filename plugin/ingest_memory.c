#include "ingest_private.h"

#include "record.h"

#include <errno.h>

/*
 * Datastreams whose memory is newer than what is stored of it are in one of two lists: fresh, since the last tick;
 * older, since the one before. A reading in the journal is as good as a stored memory: what comes after the alarms'
 * mark is judged again after a crash. That mark is at least a tick behind, and a tick stores what is left of older
 * before it moves the mark, so that nothing before the mark is lost, but for memories that find no slot.
 *
 * So datastreams that report often are stored some times a second rather than with each reading, which costs as
 * much as its verdict. Each reading stores one of older: a tick is not to store them all at once, when each may
 * meet a page that was just flushed.
 */
#define FRESH_MAX 2048

/* In a row, a second or two: the store has not grown, so that it is full, or the disk. */
#define TICKS_UNSTORED_MAX 20

static void append(struct unkept *u, struct datastream *d)
{
	d->unkept = true;
	d->next_unkept = NULL;
	if (u->first == NULL) {
		u->first = d;
	} else {
		u->last->next_unkept = d;
	}
	u->last = d;
	u->count++;
}

/* Without a slot d is fresh again, if it may be: there may be a slot by the next tick. */
static void keep(struct ingest *in, struct datastream *d)
{
	int error = 0;

	if (in->shared.qc_store != NULL) {
		error = qc_store_put(in->shared.qc_store, &d->place, &d->key, &d->memory, d->window);
	}
	if (error != 0) {
		in->unstored = error;
		if (in->fresh.count < FRESH_MAX) {
			append(&in->fresh, d);
		}
	}
}

static void keep_first(struct ingest *in, struct unkept *u)
{
	struct datastream *d = u->first;

	u->first = d->next_unkept;
	u->count--;
	d->unkept = false;
	keep(in, d);
}

/* Whether d asks the store for a slot, of which it has only so many until it has grown again. */
static bool is_new(const struct datastream *d)
{
	return d->place.memory == QC_SLOT_NONE || (d->window != NULL && d->place.window == QC_SLOT_NONE);
}

void ingest_keep(struct ingest *in, struct datastream *d)
{
	if (!d->unkept && is_new(d)) {
		keep(in, d); /* at once: many at the same time would find no slot */
	} else if (!d->unkept) {
		append(&in->fresh, d);
	}
	if (in->older.first != NULL) {
		keep_first(in, &in->older);
	} else if (in->fresh.count > FRESH_MAX) {
		keep_first(in, &in->fresh);
	}
}

static void say_unstored(struct ingest *in)
{
	in->ticks_unstored = in->unstored != 0 ? in->ticks_unstored + 1 : 0;
	if (in->ticks_unstored > TICKS_UNSTORED_MAX && !in->memory_full) {
		in->memory_full = true;
		log_post(
			in->shared.log, LOG_LEVEL_WARNING,
			"quality control: its memory cannot be kept on disk (%s); it goes on from memory, and a "
			"restart now begins anew for some datastreams",
			strerror(-in->unstored));
	}
	in->unstored = 0;
}

void ingest_keep_older(struct ingest *in)
{
	while (in->older.first != NULL) {
		keep_first(in, &in->older);
	}
	in->older = in->fresh;
	in->fresh = (struct unkept){0};
	say_unstored(in);
}

/* --- at start --- */

struct restore {
	struct ingest *in;
	int error;
};

static struct datastream *find_or_add(struct ingest *in, const struct datastream_key *key)
{
	struct datastream *d = datastream_find(in->table, key);

	return d != NULL ? d : datastream_add(in->table, key);
}

static void restore_stored(void *context, struct qc_place place, const struct datastream_key *key,
                           const struct qc_memory *memory, const struct qc_window *window)
{
	struct restore *r = context;
	struct datastream *d = find_or_add(r->in, key);

	if (d == NULL) {
		r->error = -ENOMEM;
		return;
	}
	d->place = place;
	d->memory = *memory;
	if (window != NULL) {
		if (!datastream_give_window(r->in->table, d)) {
			r->error = -ENOMEM;
			return;
		}
		*d->window = *window;
	}
}

/* A reading that was journalled after its datastream's memory was kept: between the two the broker was killed. */
static int remember(struct ingest *in, const struct reading *reading, uint64_t position)
{
	struct passage p = {.d = find_or_add(in, &reading->key), .reading = *reading};

	if (p.d == NULL) {
		return -ENOMEM;
	}
	if (p.d->memory.position >= position) {
		return 0;
	}
	datastream_bind(p.d, in->registry, in->generation);
	if (p.d->registered != NULL && reading->has_raw) {
		p.conversion = convert_find(registry_conversions(in->registry, p.d->registered),
		                            p.d->registered->conversion_count, reading->phenomenon_us);
	}
	p.said = reading->has_raw ? reading->raw : reading->result;
	ingest_judge(in, &p);
	p.d->memory.position = position;
	ingest_keep(in, p.d);
	return 0;
}

int ingest_restore_memory(struct ingest *in)
{
	struct restore r = {.in = in};
	uint8_t buffer[RECORD_BODY_MAX];
	struct journal_record record;
	struct journal_cursor cursor;
	struct reading reading;
	struct hindsight hindsight;
	int got = 0;

	if (in->shared.qc_store != NULL) {
		qc_store_each(in->shared.qc_store, restore_stored, &r);
	}
	/* What alarms may have to announce again the journal still holds, and more than was in flight. */
	journal_cursor_init(&cursor, in->shared.journal, alarm_store_published(in->shared.alarm_store));
	while (r.error == 0 && (got = journal_cursor_next(&cursor, buffer, sizeof(buffer), &record)) == 1) {
		if (record.kind == RECORD_READING &&
		    record_decode_reading(record.kind, record.body, record.length, &reading, &hindsight) ==
		            0) {
			r.error = remember(in, &reading, record.position);
		}
	}
	return r.error != 0 ? r.error : got;
}
