/*
 * decode_flat - the payloads that nearly every device sends, read in one pass.
 *
 * These are a number by itself, and an object whose names and strings are
 * printable ASCII without a backslash and whose values are numbers, such
 * strings, true, false or null; with JSON's white space, names that are all
 * different and no longer than a property's, and not many members. Whatever
 * else a payload may be, JSON or not, is not decided here: json_check and
 * json_slice decide it, and say why. So what is read here must be what they
 * would read; tests/fuzz holds the two against each other.
 *
 * Threads  [any]
 * Memory   Members point into the text. Nothing is allocated.
 */
#ifndef HIGHWATER_DECODE_FLAT_H
#define HIGHWATER_DECODE_FLAT_H

#include "json_slice.h"

#include <stdint.h>

/* Members of an object that is read here; each name is compared with all others. */
#define DECODE_FLAT_MEMBERS_MAX 16

/* A member of an object, as either reader finds it. */
struct decode_member {
	const char *name;    /* its characters, no quotes or escapes; no NUL after it */
	uint8_t name_length; /* bytes, PROPERTY_CODE_MAX at most */
	bool cut;            /* the name is longer, and that of no property */
	enum json_kind kind; /* of the value: */
	struct json_slice value;
};

/* Whether a member has this name. */
static inline bool decode_member_is(const struct decode_member *m, const char *name, size_t length)
{
	return m->name_length == length && !m->cut && memcmp(m->name, name, length) == 0;
}

struct decode_flat {
	struct json_slice root;
	enum json_kind kind; /* of the root: a number, or an object with these members, in order: */
	size_t count;
	struct decode_member members[DECODE_FLAT_MEMBERS_MAX];
};

/* False: it is not such a payload, and *ret means nothing. */
bool decode_flat(const char *text, size_t length, struct decode_flat *ret) must_check;

#endif
