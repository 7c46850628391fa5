/*
 * READING       offset, size
 *      0     8  phenomenon time, Unix µs
 *      8     8  received time, Unix µs
 *     16     8  result; NAN: there is none
 *     24     4  tests
 *     28     1  quality
 *     29     1  flags: 1 raw, 2 settled, 4 gap follow, in this order
 *     30     8  raw
 *           13  settled: phenomenon time, tests (4), quality (1)
 *           12  gap: phenomenon time of the last reading, expected (4)
 *            …  station, property: each a length byte and the bytes
 *
 * PLAIN READING
 *      0     8  phenomenon time, Unix µs
 *      8     8  received time, Unix µs
 *     16     8  result
 *     24     1  quality
 *     25     …  station, property: as above
 *
 * TRANSITION
 *      0  4× 8  phenomenon, sent, started and peak time, Unix µs
 *     32  5× 8  latitude, longitude, value, threshold, peak
 *     72  3× 4  level, previous level, sequence
 *     84  5× 1  message type, cause, direction, severity, quality
 *     89     …  station, property, name, level name, unit, datum: as above
 *
 * DEAD LETTER
 *      0     8  received time, Unix µs
 *      8     4  length of the whole payload
 *     12     1  reason
 *     13     …  topic, client, detail, payload as far as kept: each a length of
 *               two bytes and the bytes
 *
 * Nothing follows the last field.
 */
#include "record.h"

#include <errno.h>
#include <stdbool.h>

#define HAS_RAW     1u
#define HAS_SETTLED 2u
#define HAS_GAP     4u

_Static_assert(13 + 4 * 2 + DEAD_LETTER_TOPIC_MAX + DEAD_LETTER_CLIENT_MAX + DEAD_LETTER_DETAIL_MAX +
                               DEAD_LETTER_PAYLOAD_MAX <=
                       RECORD_BODY_MAX,
               "the longest dead letter fits");
_Static_assert(REJECT_COUNT <= 256, "a reason fits a byte");

/* Encoding: at points behind what has been written. */

static void put(uint8_t **at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		*(*at)++ = (uint8_t)(value >> (8 * i));
}

static void put_double(uint8_t **at, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put(at, bits, 8);
}

static void put_bytes(uint8_t **at, const void *bytes, size_t length, int length_bytes)
{
	put(at, length, length_bytes);
	if (length > 0)
		memcpy(*at, bytes, length);
	*at += length;
}

static void put_text(uint8_t **at, const char *text, size_t max)
{
	put_bytes(at, text, strnlen(text, max), 1);
}

/* Cut before the character that does not fit: bytes 10xxxxxx continue one (RFC 3629, section 3). */
static void put_long_text(uint8_t **at, const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);

	if (length > max) {
		length = max;
		while (length > 0 && ((uint8_t)text[length] & 0xc0) == 0x80)
			length--;
	}
	put_bytes(at, text, length, 2);
}

static void put_hindsight(uint8_t **at, const struct hindsight *h)
{
	if (h->settles) {
		put(at, (uint64_t)h->settled_us, 8);
		put(at, h->settled_tests, 4);
		put(at, h->settled_quality, 1);
	}
	if (h->gap) {
		put(at, (uint64_t)h->gap_from_us, 8);
		put(at, (uint32_t)h->expected, 4);
	}
}

size_t record_encode_reading(const struct reading *r, const struct hindsight *hindsight,
                             uint8_t body[static RECORD_BODY_MAX])
{
	static const struct hindsight none = {0};
	const struct hindsight *h = hindsight != NULL ? hindsight : &none;
	uint8_t *at = body;

	put(&at, (uint64_t)r->phenomenon_us, 8);
	put(&at, (uint64_t)r->received_us, 8);
	put_double(&at, r->result);
	put(&at, r->tests, 4);
	put(&at, r->quality, 1);
	put(&at, (r->has_raw ? HAS_RAW : 0) | (h->settles ? HAS_SETTLED : 0) | (h->gap ? HAS_GAP : 0), 1);
	if (r->has_raw) {
		put_double(&at, r->raw);
	}
	put_hindsight(&at, h);
	put_text(&at, r->key.station, STATION_CODE_MAX);
	put_text(&at, r->key.property, PROPERTY_CODE_MAX);
	return (size_t)(at - body);
}

size_t record_encode_transition(const struct transition *t, uint8_t body[static RECORD_BODY_MAX])
{
	const int64_t times[] = {t->phenomenon_us, t->sent_us, t->started_us, t->peak_us};
	const double numbers[] = {t->latitude, t->longitude, t->value, t->threshold, t->peak};
	const uint8_t enums[] = {t->msg_type, t->cause, t->direction, t->severity, t->quality};
	uint8_t *at = body;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		put(&at, (uint64_t)times[i], 8);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		put_double(&at, numbers[i]);
	put(&at, (uint32_t)t->level, 4);
	put(&at, (uint32_t)t->previous_level, 4);
	put(&at, t->sequence, 4);
	for (size_t i = 0; i < ARRAY_SIZE(enums); i++)
		put(&at, enums[i], 1);
	put_text(&at, t->key.station, STATION_CODE_MAX);
	put_text(&at, t->key.property, PROPERTY_CODE_MAX);
	put_text(&at, t->name, STATION_NAME_MAX);
	put_text(&at, t->level_name, LEVEL_NAME_MAX);
	put_text(&at, t->unit, UNIT_MAX);
	put_text(&at, t->datum, DATUM_MAX);
	return (size_t)(at - body);
}

size_t record_encode_dead_letter(const struct dead_letter *l, uint8_t body[static RECORD_BODY_MAX])
{
	uint8_t *at = body;

	put(&at, (uint64_t)l->received_us, 8);
	put(&at, l->payload_length, 4);
	put(&at, l->reason, 1);
	put_long_text(&at, l->topic, DEAD_LETTER_TOPIC_MAX);
	put_long_text(&at, l->client, DEAD_LETTER_CLIENT_MAX);
	put_long_text(&at, l->detail, DEAD_LETTER_DETAIL_MAX);
	put_bytes(&at, l->payload, MIN(l->payload_kept, DEAD_LETTER_PAYLOAD_MAX), 2);
	return (size_t)(at - body);
}

/* Decoding: what is missing or wrong is remembered, so that it need be asked once, at the end. */

struct source {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static uint64_t get(struct source *s, size_t bytes)
{
	uint64_t value = 0;

	if (s->left < bytes) {
		s->bad = true;
		s->left = 0;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)s->at[i] << (8 * i);
	s->at += bytes;
	s->left -= bytes;
	return value;
}

static double get_double(struct source *s)
{
	uint64_t bits = get(s, 8);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static const uint8_t *get_bytes(struct source *s, size_t length_bytes, size_t max, uint32_t *ret_length)
{
	size_t length = (size_t)get(s, length_bytes);
	const uint8_t *bytes = s->at;

	if (length > max || length > s->left) {
		s->bad = true;
		length = 0;
	}
	s->at += length;
	s->left -= length;
	*ret_length = (uint32_t)length;
	return bytes;
}

/* dst has room for max bytes and the NUL. */
static void get_text(struct source *s, size_t length_bytes, char *dst, size_t max)
{
	uint32_t length;
	const uint8_t *bytes = get_bytes(s, length_bytes, max, &length);

	if (length > 0 && memchr(bytes, 0, length))
		s->bad = true;
	copy_text(dst, max + 1, (const char *)bytes, length);
}

/* The switches name every enumerator, so that the compiler asks for the ones that come to be. */

static bool is_quality(uint8_t value)
{
	switch ((enum quality)value) {
	case QUALITY_PASS:
	case QUALITY_NOT_EVALUATED:
	case QUALITY_SUSPECT:
	case QUALITY_FAIL:
	case QUALITY_MISSING:
		return true;
	}
	return false;
}

static bool is_msg_type(uint8_t value)
{
	switch ((enum msg_type)value) {
	case MSG_ALERT:
	case MSG_UPDATE:
	case MSG_CANCEL:
		return true;
	}
	return false;
}

static bool is_cause(uint8_t value)
{
	return value < CAUSE_COUNT;
}

static bool is_direction(uint8_t value)
{
	switch ((enum direction)value) {
	case DIRECTION_RISING:
	case DIRECTION_FALLING:
		return true;
	}
	return false;
}

static bool is_severity(uint8_t value)
{
	switch ((enum severity)value) {
	case SEVERITY_EXTREME:
	case SEVERITY_SEVERE:
	case SEVERITY_MODERATE:
	case SEVERITY_MINOR:
	case SEVERITY_UNKNOWN:
		return true;
	}
	return false;
}

static void get_verdicts(struct source *s, struct reading *r, struct hindsight *h)
{
	unsigned flags;

	r->tests = (uint32_t)get(s, 4);
	r->quality = (uint8_t)get(s, 1);
	flags = (unsigned)get(s, 1);
	s->bad = s->bad || (flags & ~(HAS_RAW | HAS_SETTLED | HAS_GAP)) != 0;
	if ((flags & HAS_RAW) != 0) {
		r->has_raw = true;
		r->raw = get_double(s);
	}
	if ((flags & HAS_SETTLED) != 0) {
		h->settles = true;
		h->settled_us = (int64_t)get(s, 8);
		h->settled_tests = (uint32_t)get(s, 4);
		h->settled_quality = (uint8_t)get(s, 1);
		s->bad = s->bad || !is_quality(h->settled_quality);
	}
	if ((flags & HAS_GAP) != 0) {
		h->gap = true;
		h->gap_from_us = (int64_t)get(s, 8);
		h->expected = (int32_t)(uint32_t)get(s, 4);
	}
}

int record_decode_reading(uint8_t kind, const uint8_t *body, size_t length, struct reading *ret,
                          struct hindsight *ret_hindsight)
{
	struct source s = {body, length, kind != RECORD_READING && kind != RECORD_PLAIN_READING};
	struct reading r = {0};
	struct hindsight h = {0};

	r.phenomenon_us = (int64_t)get(&s, 8);
	r.received_us = (int64_t)get(&s, 8);
	r.result = get_double(&s);
	if (kind == RECORD_READING) {
		get_verdicts(&s, &r, &h);
	} else {
		r.quality = (uint8_t)get(&s, 1);
	}
	get_text(&s, 1, r.key.station, STATION_CODE_MAX);
	get_text(&s, 1, r.key.property, PROPERTY_CODE_MAX);
	if (s.bad || s.left > 0 || !is_quality(r.quality))
		return -EBADMSG;
	*ret = r;
	*ret_hindsight = h;
	return 0;
}

static void get_transition_numbers(struct source *s, struct transition *t)
{
	t->phenomenon_us = (int64_t)get(s, 8);
	t->sent_us = (int64_t)get(s, 8);
	t->started_us = (int64_t)get(s, 8);
	t->peak_us = (int64_t)get(s, 8);
	t->latitude = get_double(s);
	t->longitude = get_double(s);
	t->value = get_double(s);
	t->threshold = get_double(s);
	t->peak = get_double(s);
	t->level = (int32_t)(uint32_t)get(s, 4);
	t->previous_level = (int32_t)(uint32_t)get(s, 4);
	t->sequence = (uint32_t)get(s, 4);
	t->msg_type = (uint8_t)get(s, 1);
	t->cause = (uint8_t)get(s, 1);
	t->direction = (uint8_t)get(s, 1);
	t->severity = (uint8_t)get(s, 1);
	t->quality = (uint8_t)get(s, 1);
}

int record_decode_transition(const uint8_t *body, size_t length, struct transition *ret)
{
	struct source s = {body, length, false};
	struct transition t = {0};

	get_transition_numbers(&s, &t);
	get_text(&s, 1, t.key.station, STATION_CODE_MAX);
	get_text(&s, 1, t.key.property, PROPERTY_CODE_MAX);
	get_text(&s, 1, t.name, STATION_NAME_MAX);
	get_text(&s, 1, t.level_name, LEVEL_NAME_MAX);
	get_text(&s, 1, t.unit, UNIT_MAX);
	get_text(&s, 1, t.datum, DATUM_MAX);
	if (s.bad || s.left > 0 || !is_msg_type(t.msg_type) || !is_cause(t.cause) ||
	    !is_direction(t.direction) || !is_severity(t.severity) || !is_quality(t.quality))
		return -EBADMSG;
	*ret = t;
	return 0;
}

int record_decode_dead_letter(const uint8_t *body, size_t length, struct dead_letter_texts *texts,
                              struct dead_letter *ret)
{
	struct source s = {body, length, false};
	struct dead_letter l = {.topic = texts->topic, .client = texts->client, .detail = texts->detail};

	l.received_us = (int64_t)get(&s, 8);
	l.payload_length = (uint32_t)get(&s, 4);
	unsigned reason = (unsigned)get(&s, 1);
	get_text(&s, 2, texts->topic, DEAD_LETTER_TOPIC_MAX);
	get_text(&s, 2, texts->client, DEAD_LETTER_CLIENT_MAX);
	get_text(&s, 2, texts->detail, DEAD_LETTER_DETAIL_MAX);
	l.payload = get_bytes(&s, 2, DEAD_LETTER_PAYLOAD_MAX, &l.payload_kept);
	if (s.bad || s.left > 0 || reason == REJECT_NONE || reason >= REJECT_COUNT ||
	    l.payload_kept > l.payload_length)
		return -EBADMSG;
	l.reason = (enum reject)reason;
	*ret = l;
	return 0;
}
