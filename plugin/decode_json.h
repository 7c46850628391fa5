/*
 * decode_json - the canonical payloads.
 *
 *   topic names a property    1.53
 *                             {"value": 1.53, "time": …, "unit": "m"}
 *   topic names none          {"time": …, "water_level": 1.53, "rainfall": 0.2}
 *
 * "time" is RFC 3339 with a zone, or Unix seconds or milliseconds (see
 * timestamp_from_number); null is no time. A value must be a JSON number
 * (RFC 8259, section 6): no strings, no NaN. Where several members are
 * readings, a bad one costs itself only, one that overflows a double too; a bad
 * time costs the payload. Members that name no property are ignored; so is a
 * property that is null. Names may stand once in the object that is read; those
 * that are longer than any property's are not compared, and what is inside
 * ignored members is checked as JSON only.
 *
 * Never -ENOMEM: it allocates nothing.
 */
#ifndef HIGHWATER_DECODE_JSON_H
#define HIGHWATER_DECODE_JSON_H

#include "decode.h"

/* Members of an object. More are REJECT_WRONG_SHAPE, since each name is compared with all others. */
#define DECODE_JSON_MEMBERS_MAX 256

int decode_json(const struct decode_input *in, const struct decode_sink *sink) must_check;

/* The same without decode_flat: what every payload means, told slowly. For tests. */
int decode_json_checked(const struct decode_input *in, const struct decode_sink *sink) must_check;

#endif
