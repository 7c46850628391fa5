#include "pg_items.h"

#include "ledger.h"

#include <errno.h>
#include <stdio.h>

enum item_kind { ITEM_READING, ITEM_TRANSITION, ITEM_DEAD_LETTER, ITEM_SETTLED, ITEM_GAP };

static void note_refused(const struct pg_items *k, const char *station, const char *property,
                         const char *detail)
{
	struct pg_store_result *r = k->result;

	if (r->item[0] == '\0') {
		(void)snprintf(r->item, sizeof(r->item), "%s/%s", station, property);
		copy_text(r->detail, sizeof(r->detail), detail, strlen(detail));
	}
}

/* An item becomes a dead letter; index is that of its kind's array, not of the order. */
static int insert_refused(const struct pg_items *k, enum item_kind kind, size_t index, enum reject reason,
                          const char *detail)
{
	const struct batch *b = k->batch;
	const struct datastream_key *key;

	switch (kind) {
	case ITEM_READING:
		key = &b->readings[index].reading.key;
		note_refused(k, key->station, key->property, detail);
		return pg_rows_refused_reading(k->rows, k->conn, &b->readings[index], reason, detail,
		                               k->error);
	case ITEM_TRANSITION:
		key = &b->transitions[index].transition.key;
		note_refused(k, key->station, key->property, detail);
		return pg_rows_refused_transition(k->rows, k->conn, &b->transitions[index], reason, detail,
		                                  k->error);
	case ITEM_DEAD_LETTER:
		note_refused(k, "highwater.rejected", b->dead_letters[index].letter.topic, detail);
		return pg_rows_refused_dead_letter(k->rows, k->conn, &b->dead_letters[index], reason, detail,
		                                   k->error);
	case ITEM_SETTLED:
	case ITEM_GAP:
		break; /* no dead letters: see leave_unsettled() */
	}
	return -EINVAL;
}

static int savepoint(const struct pg_items *k)
{
	return pg_conn_run(k->conn, "SAVEPOINT item", NULL, k->error);
}

/* Ends the savepoint: keeps what was done, or undoes it when the server blamed a row: -EBADMSG. */
static int end_savepoint(const struct pg_items *k, int status)
{
	struct pg_error after;

	if (status == 0) {
		return pg_conn_run(k->conn, "RELEASE item", NULL, k->error);
	}
	if (status != -EPROTO || !pg_error_blames_row(k->error)) {
		return status;
	}
	status = pg_conn_run(k->conn, "ROLLBACK TO item; RELEASE item", NULL, &after);
	if (status != 0) {
		*k->error = after;
		return status;
	}
	return -EBADMSG;
}

static void count_refused(const struct pg_items *k, enum item_kind kind, enum reject reason)
{
	if (kind != ITEM_READING) {
		k->result->refused_others++;
	} else if (reason == REJECT_NOT_REGISTERED) {
		k->result->not_registered++;
	} else {
		k->result->refused++;
	}
}

/* The same under a savepoint: when the server does not take the dead letter either, it is counted. */
static int refuse_item(const struct pg_items *k, enum item_kind kind, size_t index, enum reject reason,
                       const char *detail)
{
	char text[DEAD_LETTER_DETAIL_MAX + 1];
	int status = savepoint(k);

	copy_text(text, sizeof(text), detail, strlen(detail));
	if (status == 0) {
		status = end_savepoint(k, insert_refused(k, kind, index, reason, text));
	}
	if (status == -EBADMSG) {
		k->result->dropped++;
		status = 0;
	}
	if (status == 0) {
		count_refused(k, kind, reason);
	}
	return status;
}

static int store_range(const struct pg_items *k, enum item_kind kind, size_t first, size_t end,
                       uint64_t *ret_stored)
{
	*ret_stored = 0;
	switch (kind) {
	case ITEM_READING:
		return pg_rows_readings(k->rows, k->conn, k->batch, first, end, ret_stored, k->error);
	case ITEM_TRANSITION:
		return pg_rows_transitions(k->rows, k->conn, k->batch, first, end, k->error);
	case ITEM_DEAD_LETTER:
		return pg_rows_dead_letters(k->rows, k->conn, k->batch, first, end, k->error);
	case ITEM_SETTLED:
		return pg_rows_settled(k->rows, k->conn, k->batch, first, end, k->error);
	case ITEM_GAP:
		return pg_rows_gaps(k->rows, k->conn, k->batch, first, end, k->error);
	}
	return -EINVAL;
}

/* A later verdict or a gap that the server refuses: the reading itself is stored. */
static int leave_unsettled(const struct pg_items *k, enum item_kind kind, size_t index)
{
	const struct batch *b = k->batch;
	const struct datastream_key *key = kind == ITEM_SETTLED ? &batch_settled(b, index)->reading.key
	                                                        : &b->readings[index].reading.key;

	note_refused(k, key->station, key->property, k->error->message);
	k->result->unsettled++;
	return 0;
}

/* Stores [first, end) of a kind. When the server blames a row, each half by itself, down to the row. */
static int store_halving(const struct pg_items *k, enum item_kind kind, size_t first, size_t end)
{
	uint64_t stored = 0;
	size_t middle = first + (end - first) / 2;
	int status;

	if (first == end) {
		return 0;
	}
	status = savepoint(k);
	if (status == 0) {
		status = end_savepoint(k, store_range(k, kind, first, end, &stored));
	}
	if (status == 0 && kind == ITEM_READING) {
		k->result->stored += stored;
		k->result->known += end - first - stored;
	}
	if (status != -EBADMSG) {
		return status;
	}
	if (end - first == 1 && (kind == ITEM_SETTLED || kind == ITEM_GAP)) {
		return leave_unsettled(k, kind, first);
	}
	if (end - first == 1) {
		size_t index = kind == ITEM_READING ? k->batch->order[first].index : first;

		return refuse_item(k, kind, index, REJECT_DATABASE, k->error->message);
	}
	status = store_halving(k, kind, first, middle);
	return status != 0 ? status : store_halving(k, kind, middle, end);
}

/* Items whose datastream the server would not register. */
static int store_unregistered(const struct pg_items *k)
{
	const struct batch *b = k->batch;

	for (size_t i = 0; i < b->reading_count; i++) {
		const struct batch_reading *item = &b->readings[i];
		int status = item->datastream_id > 0
		                     ? 0
		                     : refuse_item(k, ITEM_READING, i, REJECT_NOT_REGISTERED,
		                                   item->refusal != NULL ? item->refusal : "");

		if (status != 0) {
			return status;
		}
	}
	return 0;
}

/* Transitions in order, from one that has no datastream to the next. */
static int store_transitions(const struct pg_items *k)
{
	const struct batch *b = k->batch;
	size_t first = 0;

	for (size_t i = 0; i <= b->transition_count; i++) {
		int status = 0;

		if (i < b->transition_count && b->transitions[i].datastream_id > 0) {
			continue;
		}
		status = store_halving(k, ITEM_TRANSITION, first, i);
		if (status == 0 && i < b->transition_count) {
			const char *refusal = b->transitions[i].refusal;

			status = refuse_item(k, ITEM_TRANSITION, i, REJECT_NOT_REGISTERED,
			                     refusal != NULL ? refusal : "");
		}
		if (status != 0) {
			return status;
		}
		first = i + 1;
	}
	return 0;
}

/* What this transaction gives up, by reason: what is not stored leaves a trace all the same. */
static int store_losses(const struct pg_items *k)
{
	const struct {
		const char *reason;
		uint64_t count;
	} losses[] = {
		{reject_name(REJECT_DATABASE), k->result->refused},
		{reject_name(REJECT_NOT_REGISTERED), k->result->not_registered},
		{"undecodable", k->batch->undecodable},
		{LEDGER_JOURNAL_DAMAGED, k->damage != NULL ? k->damage->exact : 0},
		{LEDGER_JOURNAL_DAMAGED_AT_MOST, k->damage != NULL ? k->damage->at_most : 0},
	};
	int status = 0;

	for (size_t i = 0; i < ARRAY_SIZE(losses) && status == 0; i++) {
		if (losses[i].count > 0) {
			status = pg_rows_loss(k->rows, k->conn, losses[i].reason, losses[i].count, k->error);
		}
	}
	return status;
}

/* What readings tell of those before them. */
static int store_hindsight(const struct pg_items *k, bool tolerant)
{
	const struct batch *b = k->batch;
	int status = 0;

	if (tolerant) {
		status = store_halving(k, ITEM_SETTLED, 0, b->settled_count);
		return status == 0 && b->gap_count > 0 ? store_halving(k, ITEM_GAP, 0, b->reading_count)
		                                       : status;
	}
	if (b->settled_count > 0) {
		status = pg_rows_settled(k->rows, k->conn, b, 0, b->settled_count, k->error);
	}
	if (status == 0 && b->gap_count > 0) {
		status = pg_rows_gaps(k->rows, k->conn, b, 0, b->reading_count, k->error);
	}
	return status;
}

bool pg_items_beside(const struct pg_items *k)
{
	return k->batch->settled_count > 0 || pg_items_beyond_verdicts(k);
}

bool pg_items_beyond_verdicts(const struct pg_items *k)
{
	const struct batch *b = k->batch;

	return b->gap_count + b->transition_count + b->dead_letter_count + b->undecodable > 0 ||
	       b->order_count + b->repeated < b->reading_count ||
	       (k->damage != NULL && k->damage->exact + k->damage->at_most > 0);
}

int pg_items_store(const struct pg_items *k, bool tolerant)
{
	const struct batch *b = k->batch;
	int status = 0;

	if (tolerant) {
		status = store_halving(k, ITEM_READING, 0, b->order_count);
	}
	if (status == 0) {
		status = store_hindsight(k, tolerant);
	}
	if (status == 0) {
		status = store_unregistered(k);
	}
	if (status == 0) {
		status = store_transitions(k);
	}
	if (status == 0) {
		status = store_halving(k, ITEM_DEAD_LETTER, 0, b->dead_letter_count);
	}
	if (status == 0) {
		status = store_losses(k);
	}
	return status;
}
