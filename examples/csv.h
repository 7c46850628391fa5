/*
 * csv - rows of a comma-separated file, one at a time.
 *
 * RFC 4180: fields may be quoted, a quote within is doubled, a quoted field may
 * hold commas and line ends. Also taken: LF alone as line end, a UTF-8 byte order
 * mark at the start, a last line without end. Empty lines are passed over.
 *
 * Promise  A row that breaks the rules costs that row; reading can go on.
 * Threads  [any] One reader a thread.
 * Errors   0 or a negative errno.
 * Memory   Fields belong to the reader and last until the next csv_next().
 */
#ifndef HIGHWATER_EXAMPLES_CSV_H
#define HIGHWATER_EXAMPLES_CSV_H

#include "util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A row longer than this is a quote that nobody closed. */
#define CSV_ROW_MAX (1024 * 1024)

struct csv {
	FILE *file;
	bool opened;         /* by csv_open(): to be closed by csv_close() */
	char *text;          /* fields of the row, each with its NUL */
	size_t length, size; /* of text */
	size_t *start;       /* of each field within text */
	size_t count, room;  /* fields */
	unsigned long next_line;
	unsigned long line; /* where the row began, from 1 */
	int state;
	const char *broken; /* rule that the row breaks; NULL when it breaks none */
};

/* Takes "-" for the standard input. */
int csv_open(struct csv *ret, const char *path) must_check;

void csv_close(struct csv *c);

/*
 * 1 and a row, 0 at the end of the file. -EBADMSG: the row is to be skipped, c->broken says why,
 * c->line where. -EFBIG: a row beyond CSV_ROW_MAX; reading on makes no sense. -EIO, -ENOMEM.
 */
int csv_next(struct csv *c) must_check;

/* Field i < count of the row. */
static inline const char *csv_field(const struct csv *c, size_t i)
{
	return c->text + c->start[i];
}

/* Index of the field with this text, or -1. */
long csv_find(const struct csv *c, const char *text, size_t length);

#endif
