#include "ingest_private.h"

#include "record.h"

#include <errno.h>

/*
 * Datastreams whose memory is newer than what is stored of it, in the order in which they came to be so. A
 * reading in the journal is as good as a stored memory: what comes after the alarms' mark is judged again
 * after a crash, and a tick stores all of them before it moves the mark. So datastreams that report often are
 * stored ten times a second rather than with each reading, which costs as much as its verdict.
 */
#define UNKEPT_MAX 1024

static void keep_memory(struct ingest *in, struct datastream *d)
{
	int error = 0;

	if (in->shared.qc_store != NULL) {
		error = qc_store_put(in->shared.qc_store, &d->place, &d->key, &d->memory, d->window);
	}
	if (error != 0 && !in->memory_full) {
		in->memory_full = true;
		log_post(
			in->shared.log, LOG_LEVEL_WARNING,
			"quality control: its memory cannot be kept on disk (%s); it goes on from memory, and a "
			"restart now begins anew for some datastreams",
			strerror(-error));
	}
}

static void keep_first(struct ingest *in)
{
	struct datastream *d = in->unkept;

	in->unkept = d->next_unkept;
	in->unkept_count--;
	d->next_unkept = NULL;
	d->unkept = false;
	keep_memory(in, d);
}

void ingest_keep(struct ingest *in, struct datastream *d)
{
	if (d->unkept) {
		return;
	}
	d->unkept = true;
	if (in->unkept == NULL) {
		in->unkept = d;
	} else {
		in->unkept_last->next_unkept = d;
	}
	in->unkept_last = d;
	in->unkept_count++;
	/* Of many datastreams each reports seldom: a tick is not to store them all at once. */
	if (in->unkept_count > UNKEPT_MAX) {
		keep_first(in);
	}
}

void ingest_keep_all(struct ingest *in)
{
	while (in->unkept != NULL) {
		keep_first(in);
	}
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
	keep_memory(in, p.d);
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
