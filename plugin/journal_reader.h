/*
 * journal_reader - the records of one segment's file.
 *
 * Read calls into a buffer, not a map: a disk that fails is an error code
 * here, and a signal there.
 *
 * Threads  [writer], and [start].
 * Errors   0 or a negative errno.
 * Memory   The struct is large: keep it on the heap. fd = -1 before first use.
 */
#ifndef HIGHWATER_JOURNAL_READER_H
#define HIGHWATER_JOURNAL_READER_H

#include "journal.h"

struct journal_reader {
	int fd; /* -1: none open */
	uint32_t number, seed;
	uint32_t start, length; /* of the file's bytes that are in buffer */
	uint8_t buffer[65536];
};

/* Opens the segment with this number; does nothing when it is open. seed: journal_format_seed(). */
int journal_reader_open(struct journal_reader *r, int directory, uint32_t number, uint32_t seed) must_check;
void journal_reader_close(struct journal_reader *r);

/* 1: a valid record (seals too), body in r's buffer; 0: none; or the error. Looks at no byte from limit on,
 * and remembers those before it: they must not change. */
int journal_reader_next(struct journal_reader *r, uint32_t offset, uint32_t limit,
                        struct journal_record *ret) must_check;

/* 1 when all bytes from offset to the end of the file are zero, else 0; or the error. */
int journal_reader_zero(struct journal_reader *r, uint32_t offset) must_check;

#endif
