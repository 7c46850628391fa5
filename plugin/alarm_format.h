/*
 * alarm_format - the bytes of the alarm store's file, and what makes them valid.
 *
 * The file: a header page, then slots. Numbers are in the byte order of the
 * machine that made it; on a machine of the other one the version is wrong.
 *
 *   offset          bytes
 *   0               8      magic "HWALARM" and a NUL
 *   8               4      version, 1
 *   12              4      size of a slot, 512
 *   16              496    zero
 *   512             512    published position, a pair
 *   1024            3072   zero
 *   4096 + 512 n    512    slot n, a pair
 *
 * A pair is two copies of 256 bytes, numbered 0 and 1:
 *
 *   0               4      CRC-32C of bytes 4 to 255, begun with the seed
 *   4               4      zero
 *   8               8      generation; 0: never written, or being written
 *   16              240    payload, zero where it is not used
 *
 * The seed is the slot's number, and UINT32_MAX for the published position, so
 * that a copy is not taken for another's that a disk wrote in the wrong place.
 * struct alarm_payload is the payload of a slot; that of the published position
 * is the position, 8 bytes.
 *
 * A copy is whole if and only if
 *   1. its generation is not 0,
 *   2. the lowest bit of its generation is its number, and
 *   3. its CRC is right.
 * Of two whole copies the one of the higher generation counts. A slot without
 * a whole copy is free when both generations are 0, else it is damaged.
 *
 * Writing: generation g + 1, after the higher g of the two, goes to the copy
 * that has its lowest bit, the older one. There the generation is set to 0,
 * then the rest is written, then the generation. Opening sets copies that are
 * not whole to zero, so that writing need not look whether g is to be trusted.
 *
 * After a kill the page cache has what was written, in the order in which it
 * was written. A power cut may leave any mixture of sectors: the CRC tells.
 *
 * Threads  [any], one writer.
 */
#ifndef HIGHWATER_ALARM_FORMAT_H
#define HIGHWATER_ALARM_FORMAT_H

#include "reading.h"
#include "rules.h"
#include "util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALARM_HEADER_SIZE      4096u
#define ALARM_PUBLISHED_OFFSET 512u
#define ALARM_PUBLISHED_SEED   UINT32_MAX

struct alarm_header {
	char magic[8];
	uint32_t version, slot_size;
};

struct alarm_copy {
	uint32_t crc, zero;
	uint64_t generation;
	uint8_t payload[240];
};

struct alarm_pair {
	struct alarm_copy copy[2];
};

/* struct rules_state and the key; what is not told here is told there. */
struct alarm_payload {
	int64_t last_us, started_us, changed_us, peak_us;
	double peak, value, threshold;
	int32_t level, previous_level;
	uint32_t sequence;
	uint8_t direction, severity, quality;
	char station[STATION_CODE_MAX + 1];
	char property[PROPERTY_CODE_MAX + 1];
};

_Static_assert(sizeof(struct alarm_header) == 16, "the header is the file's");
_Static_assert(sizeof(struct alarm_pair) == 512 && offsetof(struct alarm_copy, payload) == 16,
               "the pair is the file's");
_Static_assert(sizeof(struct alarm_payload) <= sizeof(((struct alarm_copy *)0)->payload),
               "a state fits its copy");
_Static_assert(offsetof(struct alarm_payload, peak) == 32 && offsetof(struct alarm_payload, level) == 56 &&
                       offsetof(struct alarm_payload, direction) == 68 &&
                       offsetof(struct alarm_payload, station) == 71 &&
                       offsetof(struct alarm_payload, property) == 136,
               "the payload is the file's");

/* The first bytes of every file of this version. */
extern const struct alarm_header alarm_format_header;

/* Where slot stands in the file; of the slot after the last: the file's size. */
static inline uint64_t alarm_format_offset(uint32_t slot)
{
	return ALARM_HEADER_SIZE + (uint64_t)slot * sizeof(struct alarm_pair);
}

enum alarm_repair {
	ALARM_UNTOUCHED, /* all copies were whole or zero */
	ALARM_REPAIRED,  /* a copy was set to zero; nothing that counted is lost */
	ALARM_DAMAGED,   /* the pair was written once, and no copy is whole: it is free now */
};

/* Sets copies that are not whole to zero. To be done once to every pair before the calls below. */
enum alarm_repair alarm_format_repair(struct alarm_pair *p, uint32_t seed);

/* The payload that counts, or NULL when there is none. */
const void *alarm_format_newest(const struct alarm_pair *p);

/* Replaces the payload. A kill at any instant leaves the one before or this one. */
void alarm_format_write(struct alarm_pair *p, uint32_t seed, const void *payload, size_t length);

void alarm_format_encode(struct alarm_payload *ret, const struct datastream_key *key,
                         const struct rules_state *state);
void alarm_format_decode(const void *payload, struct datastream_key *ret_key, struct rules_state *ret_state);

#endif
