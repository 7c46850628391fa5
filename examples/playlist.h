/*
 * playlist - the rows of all files in the order of their times.
 *
 * Each file keeps its own order, even where its times step back; among files
 * the earliest next row goes first, and rows without time before all others.
 *
 * Errors   0 or a negative errno. Bad rows are told on stderr (the first ten),
 *          counted and passed over, or with --strict end it with -EBADMSG.
 * Memory   A row lasts until the next playlist_next().
 */
#ifndef HIGHWATER_EXAMPLES_PLAYLIST_H
#define HIGHWATER_EXAMPLES_PLAYLIST_H

#include "csv.h"
#include "player_message.h"
#include "player_options.h"
#include "util.h"

#include <stdbool.h>
#include <stdint.h>

struct playlist_file {
	const char *path;
	struct csv csv;
	struct player_binding binding;
	bool has_row;
	int64_t time_us; /* of the row; INT64_MIN: none */
};

struct playlist {
	const struct player_options *options;
	struct playlist_file *file;
	size_t opened, current;
	bool silent; /* says nothing about bad rows */
	unsigned long rows, bad_rows, noted;
};

int playlist_open(struct playlist *ret, const struct player_options *o, bool silent) must_check;

/* 1 and a row, 0 at the end or at --limit. */
int playlist_next(struct playlist *p, struct playlist_file **ret) must_check;

/* Tells of something about the row of a file, if not too often. */
void playlist_note(struct playlist *p, const struct playlist_file *f, const char *why);

void playlist_close(struct playlist *p);

#endif
