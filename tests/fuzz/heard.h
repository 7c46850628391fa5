/*
 * heard - what a decoder told its sink, call by call, to be held against what another told.
 */
#ifndef HIGHWATER_FUZZ_HEARD_H
#define HIGHWATER_FUZZ_HEARD_H

#include "decode_json.h"

/* More than any payload makes: each member once, and one reject of the whole. */
#define HEARD_CALLS_MAX (DECODE_JSON_MEMBERS_MAX + 2)

enum heard_kind { HEARD_VALUE, HEARD_REJECT, HEARD_IGNORED };

struct heard_call {
	enum heard_kind kind;
	char property[PROPERTY_CODE_MAX + 1]; /* "": NULL */
	double value;                         /* compared bit by bit */
	bool has_time;
	int64_t time_us;
	enum reject reason;
	bool has_text;
	char text[DECODE_DETAIL_MAX + 1]; /* unit, detail or name */
};

struct heard {
	size_t count;
	struct heard_call calls[HEARD_CALLS_MAX];
};

/* Writes into h, which begins empty. Ends the process when a call breaks what decode.h says of it. */
struct decode_sink heard_sink(struct heard *h);

bool heard_same_value(double a, double b);
bool heard_same(const struct heard *a, const struct heard *b);
void heard_print(const char *who, const struct heard *h);

#endif
