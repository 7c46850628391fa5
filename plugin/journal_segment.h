/*
 * journal_segment - one file of a journal.
 *
 * Makes, loads, marks and flushes a file as journal_format.h says.
 * Which segments there are, and in which order things happen to them, is for
 * journal.c and journal_recover.c.
 *
 * Promise  A segment that was created has all its blocks written, so that a
 *          store into its map cannot fail for want of disk space (on btrfs:
 *          copy on write is switched off for the file). A failed create
 *          leaves no file.
 * Threads  [writer] and [care], never at once; and [start]. The appender gets a pointer to a mapped
 *          segment and touches nothing but the map, size, number and end.
 * Errors   0 or a negative errno.
 * Memory   Segments come from malloc; journal_segment_free() unmaps.
 */
#ifndef HIGHWATER_JOURNAL_SEGMENT_H
#define HIGHWATER_JOURNAL_SEGMENT_H

#include "journal_format.h"

#include <stdatomic.h>

/* 16 digits, ".seg" and the NUL. */
#define JOURNAL_SEGMENT_NAME_SIZE 21

struct journal_segment {
	uint32_t number, previous; /* as in the header */
	uint32_t seed;             /* journal_format_seed() of its id */
	uint32_t size;             /* of the file now */
	uint8_t id[JOURNAL_ID_SIZE];

	struct journal_format_known known; /* as in the newest mark, or to be in the next */

	/* Where its log ends. 0 while the appender may write; the appender stores it once. */
	_Atomic uint32_t end;
	uint32_t records; /* before end, once it is known */

	/* Recovery only, but for what a cursor reads of it. */
	const char *fault;        /* why the header is not valid, a sentence part; or NULL */
	bool foreign;             /* the header is valid, of another journal */
	bool closed;              /* the log goes on in another segment */
	bool damaged;             /* JOURNAL_SKIP: left as it is until it is retired */
	uint32_t damage_end;      /* where what cannot be read ends; it begins at end */
	struct journal_loss lost; /* in between */
	uint64_t gap;             /* bytes, at most, of segments that are missing before this one */

	/* While mapped. */
	int fd;           /* else -1 */
	uint8_t *map;     /* else NULL */
	uint32_t flushed; /* bytes before it are on disk */
	uint32_t ready;   /* for bytes before it the kernel has been asked to map them ready to be written */
	uint32_t seen;    /* the tail's offset at the last sync */
	unsigned waits;   /* W: calls in a row that left the page being written unflushed */
	bool mark_stale;  /* the newest mark has not been flushed */
	uint32_t
		failed; /* a flush up to here failed: its pages may count as clean and not be on disk. Else 0 */
};

struct journal_segment_list {
	struct journal_segment **at; /* by number, ascending */
	size_t count, room;
};

/* Takes the segment over on success. */
int journal_segment_list_push(struct journal_segment_list *list, struct journal_segment *s) must_check;

/* Frees the segments too. */
void journal_segment_list_done(struct journal_segment_list *list);

void journal_segment_name(uint32_t number, char name[static JOURNAL_SEGMENT_NAME_SIZE]);

/* False when it is not the name of a segment, with this suffix: ".seg" or ".tmp". */
bool journal_segment_parse_name(const char *name, const char *suffix, uint32_t *ret_number);

/* An empty description, or NULL when memory is short. */
struct journal_segment *journal_segment_new(uint32_t number) must_check;
void journal_segment_free(struct journal_segment *s);

/* Makes the file that *s describes by number, previous, id, size and retired, and maps it. */
int journal_segment_create(int directory, struct journal_segment *s) must_check;

/* Reads header and marks of the file with s's number. What is not valid is no error: s->fault says it. */
int journal_segment_load(int directory, struct journal_segment *s) must_check;

/* Writes synced, sealed and retired into the next copy of the mark, and flushes it if told. */
int journal_segment_mark(int directory, struct journal_segment *s, bool flush) must_check;

/* Flushes a mapped segment up to an offset; the page of the offset is included when it lies within. Pages wholly
 * before it leave the page tables: to be read there again costs a fault. */
int journal_segment_flush(struct journal_segment *s, uint32_t offset) must_check;

/*
 * Where the records end, of a mapped segment, that lie wholly before offset; from at, a record's beginning, on.
 * Adds their number to *count.
 */
uint32_t journal_segment_walk(const struct journal_segment *s, uint32_t at, uint32_t offset, uint32_t *count);

/* Both copies of the mark say that everything up to end is on disk, which must be true; records is known. */
int journal_segment_settle(int directory, struct journal_segment *s, bool seal) must_check;

/* Flushes the data of a file that is not mapped. */
int journal_segment_flush_file(int directory, const struct journal_segment *s) must_check;

/* Cuts the file after offset, rounded up to 4096; never makes it longer. */
int journal_segment_cut(int directory, struct journal_segment *s, uint32_t offset) must_check;

void journal_segment_unmap(struct journal_segment *s);

#endif
