/*
 * dead_letter - a payload that was not taken, with the reason.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_DEAD_LETTER_H
#define HIGHWATER_DEAD_LETTER_H

#include "reject.h"
#include "util.h"

#include <stdint.h>

/* Bytes of the payload that are kept. payload_length tells how long it was. */
#define DEAD_LETTER_PAYLOAD_MAX 4096
#define DEAD_LETTER_DETAIL_MAX  200
#define DEAD_LETTER_TOPIC_MAX   1024
#define DEAD_LETTER_CLIENT_MAX  256

/* A view: the pointers are the maker's. Texts are NUL-terminated UTF-8. */
struct dead_letter {
	const char *topic, *client; /* client "" when the broker has none */
	const char *detail;
	const void *payload;
	uint32_t payload_kept, payload_length; /* bytes */
	int64_t received_us;                   /* Unix time, µs */
	enum reject reason;
};

/*
 * The message for <prefix>/rejected/<topic>: reason, detail, topic, client, time, payload_length, and
 * what was kept of the payload: as payload, or as payload_base64 when it is not UTF-8 text or holds a NUL.
 * A payload that was cut loses a last character that is not whole. A string from malloc(), or NULL when
 * memory is short.
 */
char *dead_letter_json(const struct dead_letter *letter) must_check;

#endif
