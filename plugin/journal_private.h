/*
 * journal_private - what the files of journal.h know of a journal.
 *
 * The appender's part, the writer's part, and what they share. The invariants
 * stand at the top of journal_append.c.
 */
#ifndef HIGHWATER_JOURNAL_PRIVATE_H
#define HIGHWATER_JOURNAL_PRIVATE_H

#include "journal_reader.h"
#include "journal_recover.h"
#include "journal_segment.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

struct journal {
	/* Set by journal_open(), then constant. */
	uint8_t id[JOURNAL_ID_SIZE];
	uint32_t seed;
	uint32_t segment_size;
	uint64_t max_size;
	int directory, lock;

	/* Shared. */
	alignas(64) _Atomic uint64_t tail;
	_Atomic uint64_t records;
	_Atomic(struct journal_segment *) next;
	_Atomic uint64_t left_bytes; /* files of segments that the appender has left */
	_Atomic uint64_t bytes;      /* files of all segments */
	_Atomic uint64_t head;
	_Atomic int
		refusal; /* what journal_append() says when there is no room: why there is no next segment */

	/* The appender's. */
	alignas(64) struct journal_segment *active; /* NULL: none yet */
	uint32_t offset;                            /* in active, of the next record */

	/*
	 * The writer's and the care thread's. Who holds upkeep may wait for a flush; who only reads on must not
	 * wait for that: the list changes under both locks, the care thread reads it under upkeep, the writer's
	 * cursors under list. Of a segment they read what was set before it came into the list, and end.
	 */
	pthread_mutex_t upkeep;
	pthread_mutex_t list;                             /* taken after upkeep */
	alignas(64) struct journal_segment_list segments; /* live, active, next */
	struct journal_segment *spare;                    /* made, not yet handed over */
	struct journal_recovery recovery;                 /* its live part has moved to segments */
	bool settled;                                     /* recovery's last step is done */
	bool handed_over;                                 /* the appender has got a segment */
	bool unlinked;                                    /* a file, since the directory was flushed */
	uint32_t highest;                                 /* number used */
	uint32_t retired;                                 /* the format's F */

	/* The writer's. */
	struct journal_reader reader;
};

/* [loop], or [start] before it: goes on in next, which was handed over. */
void journal_private_move_on(struct journal *j, struct journal_segment *next);

/* journal_sync() with upkeep locked; all: up to the tail and with the mark, as when no one appends. */
int journal_private_sync(struct journal *j, bool all) must_check;

/* Stores head: the oldest segment's first record, or what is missing before it. */
void journal_private_set_head(struct journal *j);

/* With one of the locks: first segment with this number or a higher one, or NULL. */
struct journal_segment *journal_private_find(const struct journal *j, uint32_t number);

#endif
