/*
 * journal_format - the bytes of a journal, and what they mean.
 *
 * This is the specification; code follows at the end. Integers are little
 * endian, offsets count from the start of the file, sizes are bytes. CRC means
 * CRC-32C (crc32c.h). A position is segment number << 32 | offset.
 *
 * A journal is a directory of segment files. A file is named by its segment's
 * number, from 1 up, in 16 lower case hex digits and ".seg"; the same with
 * ".tmp" is a file in preparation and means nothing.
 *
 * SEGMENT FILE
 *      0    64  header, written once
 *    512    32  mark, copy A: generations that are even
 *   1024    32  mark, copy B: generations that are odd
 *   4096     …  records, and after the last of them zeros
 * Other bytes of the first 4096 are written as zero and never read.
 *
 * HEADER
 *      0     8  magic 89 'H' 'W' 'J' 0D 0A 1A 0A
 *      8     4  format version, 1
 *     12     4  CRC of bytes 0..11 and 16..63
 *     16    16  journal id: random, the same in all segments
 *     32     4  segment number
 *     36     4  previous: number of the segment in which the log was before
 *               this one; 0 when the log begins here
 *     40     8  size of the file as it was made
 *     48     8  time it was made, Unix µs
 *     56     8  zero
 *
 * MARK   what is known for certain; each copy in a disk sector of its own
 *      0     4  CRC of bytes 4..31, seeded by the mark's position
 *      4     4  1 when sealed, else 0
 *      8     8  generation; the valid copy with the higher one counts
 *     16     4  synced: every record before this offset has been flushed. When
 *               sealed, the segment's log ends here
 *     20     4  retired: segments with lower numbers may have been deleted
 *     24     4  how many records stand before synced; 0 with a synced beyond 4096
 *               in marks of versions that did not count
 *     28     4  zero
 *
 * RECORD   begins at a multiple of 8
 *      0     4  CRC of bytes 4..7 and the body, seeded by the record's position
 *      4     2  length of the body, 0..8192
 *      6     1  kind: 1..254 the caller's; 255 the seal
 *      7     1  flags, 0
 *      8     …  body, then zeros up to the next multiple of 8
 *
 * "Seeded by a position": the CRC goes over the journal id and the position (8
 * bytes) first. Bytes that stood elsewhere, or in another journal, never pass.
 *
 * A HEADER IS VALID if and only if
 *   1. the file has 4096 bytes or more, and magic, CRC and version are right;
 *   2. the segment number is that of the file's name, and previous is lower;
 *   3. at least one copy of the mark is valid: its CRC is right, and synced is a
 *      multiple of 8, not below 4096 and not over the size in the header.
 *
 * A RECORD IS VALID if and only if
 *   1. it stands at a multiple of 8, not below 4096, and all of it lies before
 *      the end of the file and, in a sealed segment, before synced;
 *   2. the kind is not 0, the flags are 0, the length is 8192 at most, and 0 for
 *      a seal;
 *   3. the bytes that fill it up are zero;
 *   4. the CRC is right.
 *
 * ORDER OF WRITING   what a reader may count on
 *   1. A segment is zeroed, given its header, flushed, renamed to its name and
 *      the directory flushed, before the first record goes into it.
 *   2. A record's body is stored before its first 8 bytes, these in one store,
 *      and a record before the next one: a killed process leaves whole records.
 *   3. A seal is stored before the first record of the next segment.
 *   4. A mark is written after what it speaks of has been flushed, and the mark
 *      of a segment moves beyond 4096 only when all earlier ones are flushed.
 *   5. A segment that recovery found open is sealed by its mark alone, after the
 *      segment that follows it in the log has come to stand on disk.
 *   6. Records go into new segments only; nothing is ever overwritten.
 *   7. Deleting goes from the lowest number up, and what is deleted is below
 *      the retired of a mark that has been flushed.
 *   8. The disk may tear a write between sectors; it leaves unchanged bytes of
 *      the sectors it writes as they were ("powersafe overwrite").
 *
 * THE READER
 *   1. F is the highest retired in any valid mark.
 *   2. The newest file may have an invalid header if the log, read without it,
 *      is open at its end (6.): it was never used. It is set aside.
 *   3. The log is followed back from the newest file by previous, until previous
 *      is below F. Files that are passed over are of no meaning: recovery had
 *      dropped them, or they are retired.
 *   4. From the oldest on, records are read in each of these segments until a
 *      seal, the synced of a sealed mark, or the first record that is not valid.
 *   5. The last of these, in a segment that is not sealed, at or after synced,
 *      with all later marks at 4096 and not sealed, is the end of the log: what
 *      follows was never flushed. It is dropped, later segments included.
 *   6. The log is open at its end when it ends so, closed when the newest
 *      segment has a seal or a sealed mark.
 *
 * DAMAGE, which a reader refuses, since it would lose what had been flushed:
 *   1. in the log, an invalid header, or a journal id that is not that of the
 *      oldest valid header;
 *   2. a segment that is the previous of another, not below F and not there;
 *   3. a record that is not valid before synced, or in a sealed segment;
 *   4. a record that is not valid, while a later segment is sealed or has a mark
 *      beyond 4096;
 *   5. a log that is closed at its end: the segment after it is missing.
 */
#ifndef HIGHWATER_JOURNAL_FORMAT_H
#define HIGHWATER_JOURNAL_FORMAT_H

#include "crc32c.h"
#include "journal.h"

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_FORMAT_VERSION 1u
#define JOURNAL_FORMAT_SEAL    0xffu /* kind of the record that ends a segment */
#define JOURNAL_FORMAT_SEALED  1u    /* in a mark */
#define JOURNAL_FORMAT_START   4096u /* offset of the first record */
#define JOURNAL_FORMAT_MARK_A  512u
#define JOURNAL_FORMAT_MARK_B  1024u

/* So that a position fits PostgreSQL's bigint. */
#define JOURNAL_FORMAT_NUMBER_MAX 0x7fffffffu

struct journal_format_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t crc;
	uint8_t id[JOURNAL_ID_SIZE];
	uint32_t number;
	uint32_t previous;
	uint64_t size;
	int64_t created_us;
	uint8_t zero[8];
};

struct journal_format_mark {
	uint32_t crc;
	uint32_t sealed;
	uint64_t generation;
	uint32_t synced;
	uint32_t retired;
	uint32_t records;
	uint8_t zero[4];
};

struct journal_format_record {
	uint32_t crc;
	uint16_t length;
	uint8_t kind;
	uint8_t flags;
};

_Static_assert(sizeof(struct journal_format_header) == 64, "header is 64 bytes");
_Static_assert(offsetof(struct journal_format_header, crc) == 12, "header: crc at 12");
_Static_assert(offsetof(struct journal_format_header, number) == 32, "header: number at 32");
_Static_assert(offsetof(struct journal_format_header, created_us) == 48, "header: created at 48");
_Static_assert(sizeof(struct journal_format_mark) == 32, "mark is 32 bytes");
_Static_assert(offsetof(struct journal_format_mark, synced) == 16, "mark: synced at 16");
_Static_assert(sizeof(struct journal_format_record) == 8, "record head is 8 bytes");
_Static_assert(offsetof(struct journal_format_record, kind) == 6, "record: kind at 6");
_Static_assert(JOURNAL_SEGMENT_MAX <= UINT32_MAX / 2, "sums of offsets fit 32 bits");
_Static_assert(JOURNAL_BODY_MAX <= UINT16_MAX, "a length fits 16 bits");

/* To little endian and back. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define JOURNAL_LE16(x) __builtin_bswap16(x)
#define JOURNAL_LE32(x) __builtin_bswap32(x)
#define JOURNAL_LE64(x) __builtin_bswap64(x)
#else
#define JOURNAL_LE16(x) ((uint16_t)(x))
#define JOURNAL_LE32(x) ((uint32_t)(x))
#define JOURNAL_LE64(x) ((uint64_t)(x))
#endif

static inline uint64_t journal_format_position(uint32_t number, uint32_t offset)
{
	return (uint64_t)number << 32 | offset;
}

static inline uint32_t journal_format_number(uint64_t position)
{
	return (uint32_t)(position >> 32);
}

static inline uint32_t journal_format_offset(uint64_t position)
{
	return (uint32_t)position;
}

/* Bytes that a record takes in the file. */
static inline uint32_t journal_format_size(size_t length)
{
	return (uint32_t)(sizeof(struct journal_format_record) + ((length + 7) & ~(size_t)7));
}

/* The first 8 bytes of a record, as one word to store. */
static inline uint64_t journal_format_head(uint32_t crc, uint16_t length, uint8_t kind)
{
	return JOURNAL_LE64((uint64_t)crc | (uint64_t)length << 32 | (uint64_t)kind << 48);
}

/* CRC of the journal id: where every seeded CRC starts. */
uint32_t journal_format_seed(const uint8_t id[static JOURNAL_ID_SIZE]);

/* Of a record with flags 0. */
uint32_t journal_format_record_crc(uint32_t seed, uint64_t position, uint16_t length, uint8_t kind,
                                   const void *body);

/* What a header says, in the machine's byte order. */
struct journal_format_facts {
	uint8_t id[JOURNAL_ID_SIZE];
	uint32_t number, previous;
	uint32_t size;
	int64_t created_us;
};

void journal_format_write_header(const struct journal_format_facts *facts, struct journal_format_header *ret);

/* NULL and *ret when the header is valid (rules 1 and 2), else why not, as a sentence part. */
const char *journal_format_read_header(const struct journal_format_header *h, uint32_t number,
                                       struct journal_format_facts *ret) must_check;

/* What a mark says. */
struct journal_format_known {
	uint64_t generation;
	uint32_t synced, retired, records;
	bool sealed;
};

/* Whether records says how many stand before synced. */
static inline bool journal_format_counted(const struct journal_format_known *known)
{
	return known->records > 0 || known->synced == JOURNAL_FORMAT_START;
}

/* The copy that a generation is written to: its offset in the file. */
uint32_t journal_format_mark_offset(uint64_t generation);

void journal_format_write_mark(const struct journal_format_known *known, uint32_t seed, uint32_t number,
                               struct journal_format_mark *ret);

/* True and *ret when the copy at offset is valid; size: the one in the header. */
bool journal_format_read_mark(const struct journal_format_mark *m, uint32_t seed, uint32_t number,
                              uint32_t offset, uint32_t size, struct journal_format_known *ret) must_check;

/* Size in the file of the record that begins with these 8 bytes; 0 when no valid record can (rule 2). */
uint32_t journal_format_check_head(const struct journal_format_record *head) must_check;

/* All of rules 2 to 4; bytes holds what journal_format_check_head() says. */
bool journal_format_check_record(const uint8_t *bytes, uint32_t seed, uint64_t position) must_check;

#endif
