#include "batch.h"

#include "qc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define DIGIT_BITS 11
#define DIGIT_MASK ((1u << DIGIT_BITS) - 1)

/* Fewer keys are sorted faster by comparing them than by going through all digits. */
#define RADIX_MIN 256

struct batch *batch_new(void)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (b == NULL) {
		return NULL;
	}
	b->readings = calloc(BATCH_READINGS_MAX, sizeof(*b->readings));
	b->transitions = calloc(BATCH_TRANSITIONS_MAX, sizeof(*b->transitions));
	b->dead_letters = calloc(BATCH_DEAD_LETTERS_MAX, sizeof(*b->dead_letters));
	b->order = calloc(BATCH_READINGS_MAX, sizeof(*b->order));
	b->settled = calloc(BATCH_READINGS_MAX, sizeof(*b->settled));
	b->spare = calloc(BATCH_READINGS_MAX, sizeof(*b->spare));
	b->place = calloc(BATCH_READINGS_MAX, sizeof(*b->place));
	if (b->readings == NULL || b->transitions == NULL || b->dead_letters == NULL || b->order == NULL ||
	    b->settled == NULL || b->spare == NULL || b->place == NULL) {
		batch_free(b);
		return NULL;
	}
	return b;
}

void batch_free(struct batch *b)
{
	if (b == NULL) {
		return;
	}
	free(b->readings);
	free(b->transitions);
	free(b->dead_letters);
	free(b->order);
	free(b->settled);
	free(b->spare);
	free(b->place);
	free(b);
}

void batch_reset(struct batch *b, uint64_t from, size_t limit)
{
	b->from = from;
	b->to = from;
	b->limit = MIN(limit, BATCH_READINGS_MAX);
	b->reading_count = 0;
	b->transition_count = 0;
	b->dead_letter_count = 0;
	b->order_count = 0;
	b->repeated = 0;
	b->settled_count = 0;
	b->gap_count = 0;
	b->undecodable = 0;
}

static int add_reading(struct batch *b, const struct journal_record *record)
{
	struct batch_reading *item;

	if (b->reading_count == b->limit) {
		return -ENOBUFS;
	}
	item = &b->readings[b->reading_count];
	if (record_decode_reading(record->kind, record->body, record->length, &item->reading,
	                          &item->hindsight) != 0) {
		return -EBADMSG;
	}
	item->position = record->position;
	item->refusal = NULL;
	item->datastream_id = 0;
	b->reading_count++;
	return 0;
}

static int add_transition(struct batch *b, const struct journal_record *record)
{
	struct batch_transition *item;

	if (b->transition_count == BATCH_TRANSITIONS_MAX) {
		return -ENOBUFS;
	}
	item = &b->transitions[b->transition_count];
	if (record_decode_transition(record->kind, record->body, record->length, &item->transition) != 0) {
		return -EBADMSG;
	}
	item->position = record->position;
	item->refusal = NULL;
	item->datastream_id = 0;
	b->transition_count++;
	return 0;
}

static int add_dead_letter(struct batch *b, const struct journal_record *record)
{
	struct batch_dead_letter *item;

	if (b->dead_letter_count == BATCH_DEAD_LETTERS_MAX) {
		return -ENOBUFS;
	}
	item = &b->dead_letters[b->dead_letter_count];
	if (record_decode_dead_letter(record->body, record->length, &item->texts, &item->letter) != 0 ||
	    item->letter.payload_kept > sizeof(item->payload)) {
		return -EBADMSG;
	}
	/* The payload stands in the record's body, which is the next record's soon. */
	if (item->letter.payload_kept > 0) {
		memcpy(item->payload, item->letter.payload, item->letter.payload_kept);
	}
	item->letter.payload = item->payload;
	item->position = record->position;
	b->dead_letter_count++;
	return 0;
}

int batch_add(struct batch *b, const struct journal_record *record)
{
	int result = -EBADMSG;

	if (record->kind == RECORD_READING || record->kind == RECORD_PLAIN_READING) {
		result = add_reading(b, record);
	} else if (record->kind == RECORD_ALARM || record->kind == RECORD_TRANSITION) {
		result = add_transition(b, record);
	} else if (record->kind == RECORD_DEAD_LETTER) {
		result = add_dead_letter(b, record);
	}
	if (result != -ENOBUFS) {
		b->to = record->next;
	}
	b->undecodable += result == -EBADMSG;
	return result;
}

static bool same_key(const struct batch_key *a, const struct batch_key *b)
{
	return a->datastream_id == b->datastream_id && a->phenomenon_us == b->phenomenon_us;
}

static bool is_before(const struct batch_key *a, const struct batch_key *b)
{
	return a->datastream_id < b->datastream_id ||
	       (a->datastream_id == b->datastream_id && a->phenomenon_us < b->phenomenon_us);
}

static int compare_keys(const void *left, const void *right)
{
	const struct batch_key *a = left;
	const struct batch_key *b = right;

	if (!same_key(a, b)) {
		return is_before(a, b) ? -1 : 1;
	}
	/* The order of arrival: which of two with the same key is first is not left to qsort(). */
	return (a->index > b->index) - (a->index < b->index);
}

/* One pass of a radix sort, stable: by the digit that begins at bit shift of the datastream's number. */
static void scatter(const struct batch_key *from, struct batch_key *to, size_t count, int shift)
{
	uint32_t place[1u << DIGIT_BITS] = {0};
	uint32_t next = 0;

	for (size_t i = 0; i < count; i++) {
		place[(uint32_t)from[i].datastream_id >> shift & DIGIT_MASK]++;
	}
	for (size_t digit = 0; digit <= DIGIT_MASK; digit++) {
		uint32_t here = place[digit];

		place[digit] = next;
		next += here;
	}
	for (size_t i = 0; i < count; i++) {
		to[place[(uint32_t)from[i].datastream_id >> shift & DIGIT_MASK]++] = from[i];
	}
}

/*
 * Puts keys, which are in the order of arrival, into that of datastreams, then times, then arrival. Readings mostly
 * arrive in the order of their times: then there is nothing left to sort within a datastream.
 */
static void sort_keys(struct batch *b, struct batch_key *keys, size_t count)
{
	struct batch_key *from = keys, *to = b->spare;
	int32_t most = 0;
	size_t end;

	if (count < RADIX_MIN) {
		qsort(keys, count, sizeof(*keys), compare_keys);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		most = MAX(most, keys[i].datastream_id);
	}
	for (int shift = 0; shift < 31 && most >> shift > 0; shift += DIGIT_BITS) {
		struct batch_key *sorted = to;

		scatter(from, to, count, shift);
		to = from;
		from = sorted;
	}
	if (from != keys) {
		memcpy(keys, from, count * sizeof(*keys));
	}
	for (size_t first = 0; first < count; first = end) {
		bool in_order = true;

		for (end = first + 1; end < count && keys[end].datastream_id == keys[first].datastream_id;
		     end++) {
			in_order = in_order && keys[end - 1].phenomenon_us <= keys[end].phenomenon_us;
		}
		if (!in_order) {
			qsort(&keys[first], end - first, sizeof(*keys), compare_keys);
		}
	}
}

static void order_readings(struct batch *b)
{
	size_t found = 0;
	size_t kept = 0;

	for (size_t i = 0; i < b->reading_count; i++) {
		if (b->readings[i].datastream_id > 0) {
			b->order[found++] = (struct batch_key){
				.phenomenon_us = b->readings[i].reading.phenomenon_us,
				.datastream_id = b->readings[i].datastream_id,
				.index = (uint32_t)i,
			};
		}
	}
	sort_keys(b, b->order, found);
	for (size_t i = 0; i < found; i++) {
		if (kept == 0 || !same_key(&b->order[kept - 1], &b->order[i])) {
			b->order[kept++] = b->order[i];
		}
		b->place[b->order[i].index] = (uint32_t)kept - 1;
	}
	b->order_count = kept;
	b->repeated = found - kept;
}

/* The reading in the order with this key, or NULL. What a reading settles mostly stands just before it. */
static struct batch_reading *find_ordered(struct batch *b, const struct batch_key *key)
{
	size_t first = 0;
	size_t end = b->order_count;
	size_t place = b->place[key->index];

	if (place > 0 && same_key(&b->order[place - 1], key)) {
		return &b->readings[b->order[place - 1].index];
	}
	if (place > 0 && is_before(&b->order[place - 1], key) && !is_before(&b->order[place], key)) {
		first = place;
		end = place + 1;
	}
	while (first < end) {
		size_t middle = first + (end - first) / 2;
		const struct batch_key *at = &b->order[middle];

		if (same_key(at, key)) {
			return &b->readings[at->index];
		}
		if (is_before(at, key)) {
			first = middle + 1;
		} else {
			end = middle;
		}
	}
	return NULL;
}

/*
 * Whether the row with its stamp may have been stored before, from another reading: verdicts on the stamp are that
 * one's. A reading without a value is never settled.
 */
static bool may_be_copy(const struct reading *r)
{
	return isnan(r->result) || qc_tests_get(r->tests, QC_TIME) == QUALITY_SUSPECT;
}

/* In the order of arrival, so that of several verdicts on one reading the last stays. */
static void settle(struct batch *b)
{
	size_t found = 0;
	size_t kept = 0;

	for (size_t i = 0; i < b->reading_count; i++) {
		const struct batch_reading *item = &b->readings[i];
		const struct hindsight *h = &item->hindsight;
		const struct batch_key key = {h->settled_us, item->datastream_id, (uint32_t)i};
		struct batch_reading *target;
		bool copy;

		b->gap_count += item->datastream_id > 0 && h->gap;
		if (item->datastream_id <= 0 || !h->settles) {
			continue;
		}
		target = find_ordered(b, &key);
		copy = target != NULL && may_be_copy(&target->reading);
		if (target != NULL && target < item && !isnan(target->reading.result)) {
			target->reading.quality = h->settled_quality;
			target->reading.tests = h->settled_tests;
		}
		/* Of a stamp that comes twice the row may have been stored before. */
		if (target == NULL || copy || h->settled_us == item->reading.phenomenon_us) {
			b->settled[found++] = key;
		}
	}
	sort_keys(b, b->settled, found);
	for (size_t i = 0; i < found; i++) {
		kept -= kept > 0 && same_key(&b->settled[kept - 1], &b->settled[i]);
		b->settled[kept++] = b->settled[i];
	}
	b->settled_count = kept;
}

void batch_sort(struct batch *b)
{
	order_readings(b);
	settle(b);
}

size_t batch_count(const struct batch *b)
{
	return b->reading_count + b->transition_count + b->dead_letter_count;
}
