/*
 * alarm_format - the bytes of the alarm store's bodies.
 *
 * The file is a slot store's (slot_format.h): magic "HWALARM", version 1, slots
 * of 512 bytes, copies of 256. The header does not tell the size of a body, 71:
 * the version stands for it. The mark is the published position. A body:
 *
 *   0     32   phenomenon time of the newest value, of the raise, of the last
 *              transition and of the peak: four integers, Unix µs
 *   32    24   peak, value and threshold: three binary64
 *   56     8   level and previous level: two signed integers
 *   64     4   sequence
 *   68     3   direction, severity, quality: a byte each
 *
 * What they mean is told by struct rules_state.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_ALARM_FORMAT_H
#define HIGHWATER_ALARM_FORMAT_H

#include "rules.h"
#include "slot_format.h"

struct alarm_body {
	int64_t last_us, started_us, changed_us, peak_us;
	double peak, value, threshold;
	int32_t level, previous_level;
	uint32_t sequence;
	uint8_t direction, severity, quality;
};

/* Without the byte that ends the struct. */
#define ALARM_BODY_SIZE 71u

_Static_assert(offsetof(struct alarm_body, peak) == 32 && offsetof(struct alarm_body, level) == 56 &&
                       offsetof(struct alarm_body, direction) == 68 &&
                       offsetof(struct alarm_body, quality) + 1 == ALARM_BODY_SIZE,
               "the body is the file's");

extern const struct slot_kind alarm_format_kind;

void alarm_format_encode(struct alarm_body *ret, const struct rules_state *state);
void alarm_format_decode(const void *body, struct rules_state *ret);

#endif
