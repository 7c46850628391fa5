/*
 * record - what stands in a journal record's body.
 *
 * Little endian; doubles by their bits; a string is its length and the bytes.
 * The layouts are in record.c, a table a kind. The kind byte is the version: a
 * changed layout is a new kind. Enumerators are stored as numbers, so new ones,
 * of enum reject too, go to the end of their lists.
 *
 * Threads  [any]
 * Errors   encode: length in bytes, > 0; never fails for values within their
 *          types' limits. decode: 0 or -EBADMSG, *ret untouched on failure.
 * Memory   Values are copied, but for a dead letter's payload.
 */
#ifndef HIGHWATER_RECORD_H
#define HIGHWATER_RECORD_H

#include "dead_letter.h"
#include "reading.h"
#include "transition.h"

enum record_kind {
	RECORD_PLAIN_READING = 1, /* a reading of before there was quality control; read, no longer written */
	RECORD_TRANSITION = 2,    /* one of before alarms had causes and operators; read, no longer written */
	RECORD_DEAD_LETTER = 3,
	RECORD_READING = 4,
	RECORD_ALARM = 5, /* a transition */
};

/* Longest body of any kind, bytes. */
#define RECORD_BODY_MAX 8192

/* Longest body of a reading: record.c's table, with all that may follow. */
#define RECORD_READING_MAX (30 + 8 + 13 + 12 + 1 + STATION_CODE_MAX + 1 + PROPERTY_CODE_MAX)

/* hindsight may be NULL: it tells nothing. */
size_t record_encode_reading(const struct reading *r, const struct hindsight *hindsight,
                             uint8_t body[static RECORD_READING_MAX]);

/* All but the flag beside. Texts of an operator lose what is not whole characters. */
size_t record_encode_transition(const struct transition *t, uint8_t body[static RECORD_BODY_MAX]);

/* Texts that are too long are cut, between characters; so is the payload. */
size_t record_encode_dead_letter(const struct dead_letter *l, uint8_t body[static RECORD_BODY_MAX]);

/* kind: RECORD_READING or RECORD_PLAIN_READING; any other is -EBADMSG. */
int record_decode_reading(uint8_t kind, const uint8_t *body, size_t length, struct reading *ret,
                          struct hindsight *ret_hindsight) must_check;

/* kind: RECORD_ALARM or RECORD_TRANSITION; any other is -EBADMSG. */
int record_decode_transition(uint8_t kind, const uint8_t *body, size_t length,
                             struct transition *ret) must_check;

/*
 * Texts of a dead letter have no NUL in the record: they are copied to texts,
 * the payload stays a pointer into body.
 */
struct dead_letter_texts {
	char topic[DEAD_LETTER_TOPIC_MAX + 1];
	char client[DEAD_LETTER_CLIENT_MAX + 1];
	char detail[DEAD_LETTER_DETAIL_MAX + 1];
};
int record_decode_dead_letter(const uint8_t *body, size_t length, struct dead_letter_texts *texts,
                              struct dead_letter *ret) must_check;

#endif
