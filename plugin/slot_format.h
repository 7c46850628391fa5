/*
 * slot_format - the bytes of a slot store's file, and what makes them valid.
 *
 * The file: a header page, then slots. Numbers are in the byte order of the
 * machine that made it; on a machine of the other one the version is wrong.
 *
 *   offset          bytes
 *   0               8      magic of the kind, ends with a NUL
 *   8               4      version of the kind
 *   12              4      size of a slot, S = 2 C
 *   16              4      size of a body, B; zero when the kind does not tell it
 *   20              492    zero
 *   512             512    the mark, a pair with C = 256
 *   1024            3072   zero
 *   4096 + S n      S      slot n, a pair
 *
 * A pair is two copies of C bytes, numbered 0 and 1:
 *
 *   0               4      CRC-32C of bytes 4 to C - 1, begun with the seed
 *   4               4      zero
 *   8               8      generation; 0: never written, or being written
 *   16              C-16   content, zero where it is not used
 *
 * The content of a slot is a body of B bytes and the key: 65 bytes station, 41
 * bytes property, both ended by a NUL and zero after it. C is 16 + B + 106,
 * made up to the next multiple of 64. The content of the mark is one number of
 * 8 bytes.
 *
 * The seed is the slot's number, and UINT32_MAX for the mark, so that a copy
 * is not taken for another's that a disk wrote in the wrong place.
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
#ifndef HIGHWATER_SLOT_FORMAT_H
#define HIGHWATER_SLOT_FORMAT_H

#include "reading.h"
#include "util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOT_HEADER_SIZE    4096u
#define SLOT_MARK_OFFSET    512u
#define SLOT_MARK_COPY_SIZE 256u
#define SLOT_MARK_SEED      UINT32_MAX
#define SLOT_BODY_MAX       65536u
#define SLOT_COUNT_MAX      (1u << 24)

/* What a store holds; its user's constant. */
struct slot_kind {
	char magic[8];
	uint32_t version;   /* of the body, counted by the user */
	uint32_t body_size; /* at most SLOT_BODY_MAX */
	bool size_untold;   /* the version alone stands for body_size */
};

struct slot_header {
	char magic[8];
	uint32_t version, slot_size, body_size, zero;
};

struct slot_copy {
	uint32_t crc, zero;
	uint64_t generation;
	uint8_t content[];
};

/* Where a pair stands, and what it must be. */
struct slot_pair {
	uint8_t *bytes; /* two copies; on a boundary of 8 */
	uint32_t copy_size;
	uint32_t seed;
};

_Static_assert(sizeof(struct slot_header) == 24 && offsetof(struct slot_header, body_size) == 16,
               "the header is the file's");
_Static_assert(offsetof(struct slot_copy, content) == 16, "the copy is the file's");
_Static_assert(sizeof(struct datastream_key) == 106 && offsetof(struct datastream_key, property) == 65,
               "the key is the file's");

/* The first bytes of every file of this kind. */
struct slot_header slot_format_header(const struct slot_kind *kind);

/* C, of a body of this size. */
static inline uint32_t slot_format_copy_size(uint32_t body_size)
{
	return ((uint32_t)(sizeof(struct slot_copy) + sizeof(struct datastream_key)) + body_size + 63) / 64 *
	       64;
}

/* Where slot stands in the file; of the slot after the last: the file's size. */
static inline uint64_t slot_format_offset(uint32_t copy_size, uint32_t slot)
{
	return SLOT_HEADER_SIZE + (uint64_t)slot * 2 * copy_size;
}

enum slot_repair {
	SLOT_UNTOUCHED, /* all copies were whole or zero */
	SLOT_REPAIRED,  /* a copy was set to zero; nothing that counted is lost */
	SLOT_DAMAGED,   /* the pair was written once, and no copy is whole: it is free now */
};

/* Sets copies that are not whole to zero. To be done once to every pair before the calls below. */
enum slot_repair slot_format_repair(struct slot_pair p);

/* The content that counts, on a boundary of 8, or NULL when there is none. */
const uint8_t *slot_format_newest(struct slot_pair p);

/* Replaces the content by length bytes of body and, when it is not NULL, the key. A kill at any instant
 * leaves the one before or this one. */
void slot_format_write(struct slot_pair p, const void *body, size_t length, const struct datastream_key *key);

/* The key that stands behind a body of body_size bytes. */
void slot_format_key(const uint8_t *content, uint32_t body_size, struct datastream_key *ret);

#endif
