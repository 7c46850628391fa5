/*
 * decode - payload bytes to values, by the format that a source names.
 *
 * One entry a format in decode_formats[]; a new format is a new decode_*.c and
 * a line in decode.c. A decoder knows neither clock, registry nor limits of
 * age: it says what the payload says.
 *
 * Promise  Each reading that the payload holds goes to exactly one of the
 *          sink's calls, or is counted as ignored. A payload that cannot be
 *          read at all is one reject without a property.
 * Threads  [any]; the sink is called on the same thread before the return.
 * Errors   0, whatever the payload was: a bad one is a verdict. -ENOMEM from a
 *          format that needs memory, before the first call of the sink: nothing
 *          is known about the payload then, and it must not count as rejected.
 * Memory   What the sink is handed is valid during the call only.
 */
#ifndef HIGHWATER_DECODE_H
#define HIGHWATER_DECODE_H

#include "property.h"
#include "reject.h"
#include "util.h"

#include <stdbool.h>
#include <stdint.h>

struct decode_input {
	const void *payload;
	size_t length;
	const char *property; /* from the topic; NULL: the payload names its properties */
	size_t property_length;
	const struct property *properties; /* sorted by code */
	size_t property_count;
};

struct decode_value {
	const struct property *property;
	double value;
	bool has_time;
	int64_t time_us;  /* Unix time, µs, if has_time */
	const char *unit; /* as the payload says, NUL-terminated; NULL: it does not */
};

/* Longest detail of a reject, bytes; dead letters keep as many. */
#define DECODE_DETAIL_MAX 200

struct decode_sink {
	void *context;
	void (*value)(void *context, const struct decode_value *value);
	/* property may be NULL; detail is a sentence part for people, never NULL: whole UTF-8
	 * characters, none a control character. */
	void (*reject)(void *context, enum reject reason, const char *property, const char *detail);
	/* A member of an object that is no reading; a long name comes cut. */
	void (*ignored)(void *context, const char *member);
};

struct decode_format {
	const char *name;
	int (*decode)(const struct decode_input *in, const struct decode_sink *sink) must_check;
};

/* Longest payload that is looked at, bytes. Larger ones are REJECT_PAYLOAD_TOO_LARGE. */
#define DECODE_PAYLOAD_MAX 65536

/* NULL when there is no such format. */
const struct decode_format *decode_find(const char *name);

/* "json, …": the names for error messages. */
const char *decode_names(void);

#endif
