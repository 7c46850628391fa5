/*
 * alarm_format - the bytes of the alarm store's bodies.
 *
 * The file is a slot store's (slot_format.h): magic "HWALARM", version 2, a
 * slot for each alarm. The key is the datastream's, the mark the published
 * position. A body:
 *
 *   0      8   period, µs: with the cause, which alarm of its datastream it is
 *   8      1   cause
 *   9      7   zero
 *   16   624   struct alarm_state as it is in memory, padding zero:
 *              0   376   levels: the runs, 264; four times and a number of 8
 *                        bytes each, of the newest input and value; times of
 *                        raise, onset, last transition and peak; peak, value
 *                        and threshold; level, previous level, sequence;
 *                        direction, severity, quality, quality then,
 *                        acknowledged
 *            376   208   what the cause remembers: hold and trail, rain and
 *                        the amount kept, group, or the number of errors
 *            584    40   end of shelving, last order, told: time, level,
 *                        sequence, whether; suppressed, out of service
 *
 * Version 1 had a slot for each datastream, of its alarm of cause threshold
 * without memory of the course; its header does not tell the size of a body, 71:
 *
 *   0     32   phenomenon time of the newest value, of the raise, of the last
 *              transition and of the peak: four integers, Unix µs
 *   32    24   peak, value and threshold: three binary64
 *   56     8   level and previous level: two signed integers
 *   64     4   sequence
 *   68     3   direction, severity, quality: a byte each
 *
 * What they mean is told by struct alarm_state and struct levels_state. A
 * change of their layout is a new version here.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_ALARM_FORMAT_H
#define HIGHWATER_ALARM_FORMAT_H

#include "alarm.h"
#include "slot_format.h"

struct alarm_body {
	int64_t period_us;
	uint8_t cause; /* enum cause */
	uint8_t zero[7];
	struct alarm_state state;
};

_Static_assert(sizeof(struct alarm_body) == 640 && offsetof(struct alarm_body, state) == 16 &&
                       sizeof(struct alarm_state) == 624 &&
                       offsetof(struct alarm_state, shelved_until_us) == 584 &&
                       offsetof(struct alarm_state, told_us) == 600 &&
                       offsetof(struct alarm_state, told) == 616 &&
                       offsetof(struct alarm_state, out_of_service) == 618,
               "the body is the file's");
_Static_assert(sizeof(struct levels_state) == 376 && offsetof(struct levels_state, last_us) == 264 &&
                       offsetof(struct levels_state, newest) == 288 &&
                       offsetof(struct levels_state, peak) == 328 &&
                       offsetof(struct levels_state, level) == 352 &&
                       offsetof(struct levels_state, acknowledged) == 368,
               "the levels are the file's");
_Static_assert(RUNS_MAX == 6 && sizeof(struct runs_side) == 128 && offsetof(struct runs_side, bound) == 48 &&
                       offsetof(struct runs_side, count) == 120,
               "the runs are the file's");
_Static_assert(offsetof(struct alarm_state, hold) == 376 && sizeof(struct hold) == 72 &&
                       offsetof(struct alarm_state, trail) == 448 && sizeof(struct trail) == 136 &&
                       offsetof(struct alarm_state, rain) == 376 && sizeof(struct rain) == 136 &&
                       offsetof(struct alarm_state, rain_kept) == 512 &&
                       offsetof(struct alarm_state, group) == 376 && sizeof(struct group) == 136 &&
                       offsetof(struct alarm_state, errors) == 376,
               "what the cause remembers is the file's");

struct alarm_body_1 {
	int64_t last_us, started_us, changed_us, peak_us;
	double peak, value, threshold;
	int32_t level, previous_level;
	uint32_t sequence;
	uint8_t direction, severity, quality;
};

/* Without the byte that ends the struct. */
#define ALARM_BODY_1_SIZE 71u

_Static_assert(offsetof(struct alarm_body_1, peak) == 32 && offsetof(struct alarm_body_1, level) == 56 &&
                       offsetof(struct alarm_body_1, direction) == 68 &&
                       offsetof(struct alarm_body_1, quality) + 1 == ALARM_BODY_1_SIZE,
               "the body is that of version 1");

extern const struct slot_kind alarm_format_kind, alarm_format_kind_1;

void alarm_format_encode(struct alarm_body *ret, enum cause cause, int64_t period_us,
                         const struct alarm_state *state);

/* The body that a body of version 1 becomes. An open incident counts as told: its alert went out with the raise. */
void alarm_format_upgrade(const void *body_1, struct alarm_body *ret);

#endif
