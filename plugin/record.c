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
 * ALARM
 *      0    89  as TRANSITION
 *     89  5× 8  period, µs; onset, projected time, sent time of the message
 *               before, end of shelving, Unix µs
 *    129  2× 4  projected level, sequence of the message before
 *    137     1  event
 *    138     1  flags: 1 silent, 2 acknowledged, 4 suppressed, 8 out of service,
 *               16 held
 *    139     …  station, property, name, level name, unit, datum, name of the
 *               projected level, user, client, reason: as above
 *
 * DEAD LETTER
 *      0     8  received time, Unix µs
 *      8     4  length of the whole payload
 *     12     1  reason
 *     13     …  topic, client, detail, payload as far as kept: each a length of
 *               two bytes and the bytes
 *
 * Nothing follows the last field. record_decode.c reads them.
 */
#include "record_private.h"
#include "utf8.h"

#include <endian.h>

_Static_assert(13 + 4 * 2 + DEAD_LETTER_TOPIC_MAX + DEAD_LETTER_CLIENT_MAX + DEAD_LETTER_DETAIL_MAX +
                               DEAD_LETTER_PAYLOAD_MAX <=
                       RECORD_BODY_MAX,
               "the longest dead letter fits");
_Static_assert(REJECT_COUNT <= 256, "a reason fits a byte");

/* at points behind what has been written. */

/* In one store: what is read back as a word at once, for the checksum, would wait for bytes one by one. */
static inline void put(uint8_t **at, uint64_t value, size_t bytes)
{
	uint64_t little_endian = htole64(value);

	memcpy(*at, &little_endian, bytes);
	*at += bytes;
}

static void put_double(uint8_t **at, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put(at, bits, 8);
}

static void put_bytes(uint8_t **at, const void *bytes, size_t length, size_t length_bytes)
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
                             uint8_t body[static RECORD_READING_MAX])
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

static void put_change(uint8_t **at, const struct transition *t)
{
	const int64_t times[] = {t->phenomenon_us, t->sent_us, t->started_us, t->peak_us};
	const double numbers[] = {t->latitude, t->longitude, t->value, t->threshold, t->peak};
	const uint8_t enums[] = {t->msg_type, t->cause, t->direction, t->severity, t->quality};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		put(at, (uint64_t)times[i], 8);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		put_double(at, numbers[i]);
	put(at, (uint32_t)t->level, 4);
	put(at, (uint32_t)t->previous_level, 4);
	put(at, t->sequence, 4);
	for (size_t i = 0; i < ARRAY_SIZE(enums); i++)
		put(at, enums[i], 1);
}

static void put_circumstances(uint8_t **at, const struct transition *t)
{
	const int64_t times[] = {t->period_us, t->onset_us, t->projected_us, t->before_sent_us,
	                         t->shelved_until_us};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		put(at, (uint64_t)times[i], 8);
	put(at, (uint32_t)t->projected_level, 4);
	put(at, t->before_sequence, 4);
	put(at, t->event, 1);
	put(at,
	    (t->silent ? IS_SILENT : 0) | (t->acknowledged ? IS_ACKNOWLEDGED : 0) |
	            (t->suppressed ? IS_SUPPRESSED : 0) | (t->out_of_service ? IS_OUT_OF_SERVICE : 0) |
	            (t->held ? IS_HELD : 0),
	    1);
}

/* Of what came from a client and may have been cut anywhere. */
static void put_foreign_text(uint8_t **at, const char *text, size_t max)
{
	put_bytes(at, text, utf8_prefix(text, strnlen(text, max)), 1);
}

size_t record_encode_transition(const struct transition *t, uint8_t body[static RECORD_BODY_MAX])
{
	uint8_t *at = body;

	put_change(&at, t);
	put_circumstances(&at, t);
	put_text(&at, t->key.station, STATION_CODE_MAX);
	put_text(&at, t->key.property, PROPERTY_CODE_MAX);
	put_text(&at, t->name, STATION_NAME_MAX);
	put_text(&at, t->level_name, LEVEL_NAME_MAX);
	put_text(&at, t->unit, UNIT_MAX);
	put_text(&at, t->datum, DATUM_MAX);
	put_text(&at, t->projected_name, LEVEL_NAME_MAX);
	put_foreign_text(&at, t->user, OPERATOR_USER_MAX);
	put_foreign_text(&at, t->client, OPERATOR_CLIENT_MAX);
	put_foreign_text(&at, t->reason, OPERATOR_REASON_MAX);
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
