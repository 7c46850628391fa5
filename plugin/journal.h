/*
 * journal - an accepted reading is not forgotten.
 *
 * Preallocated, memory-mapped segments of checksummed records in order of
 * arrival. journal_format.h rules the bytes; this file the behaviour.
 *
 * Promise  After journal_append() returns 0 the record outlives the process;
 *          once journal_sync() has passed it, it outlives a power cut.
 * Threads  One [loop] appender; one [care] thread that prepares and syncs, one
 *          [writer] that reads and retires: these two exclude each other, but to
 *          read on is never to wait for a flush. With the appender they share the
 *          atomic tail and the handover of the next segment, and a few counts
 *          (invariants in journal_append.c).
 * Errors   0 or a negative errno. Nothing here logs; journal_open() leaves a
 *          sentence for the operator in the report.
 * Memory   Callers keep what they pass. No pointer into a map is returned.
 *
 * A position is segment number << 32 | byte offset in the segment's file.
 * Positions grow for ever, across restarts too: every journal_open() goes on in
 * a segment whose number is above that of every file it found, so a position
 * that a database has seen is never used again, even when a power cut took the
 * records before it. A position fits PostgreSQL's bigint.
 *
 * Room. While the active segment is written, one more is kept ready.
 * journal_prepare() must be called more often than a segment fills.
 * - Of the active segment's last JOURNAL_RESERVE bytes, while no next segment
 *   is ready, only JOURNAL_IMPORTANT gets any.
 * - JOURNAL_EXPENDABLE is refused while more than half of max_size is in use by
 *   records: the files of earlier segments and the used part of the active one.
 * - When neither max_size nor the disk has room for a segment at
 *   journal_open(), it opens all the same, with a small segment that is all
 *   reserve, or, when not even that fits, with none: then every append is
 *   refused until a journal_prepare() succeeds. So max_size may be exceeded, by
 *   the size of such a reserve.
 */
#ifndef HIGHWATER_JOURNAL_H
#define HIGHWATER_JOURNAL_H

#include "util.h"

#include <stdbool.h>
#include <stdint.h>

#define JOURNAL_ID_SIZE 16

/* Longest body of a record, bytes. */
#define JOURNAL_BODY_MAX 8192

/* Bytes of the last segment that only records of importance may use, so that alerts are journalled when
 * readings no longer are. */
#define JOURNAL_RESERVE (128u * 1024u)

#define JOURNAL_SEGMENT_MIN (1u << 20)
#define JOURNAL_SEGMENT_MAX (1u << 30)

enum journal_on_damage {
	JOURNAL_REFUSE, /* damage before the synced position: journal_open() fails with -EBADMSG */
	JOURNAL_SKIP,   /* the rest of the damaged segment is skipped, and reported */
};

struct journal_options {
	const char *directory; /* created with mode 0700 when it is not there; its parent must be */
	uint64_t max_size;     /* bytes of disk for all segments; at least two segments */
	uint32_t segment_size; /* bytes of a segment's file; rounded down to a multiple of 4096 */
	enum journal_on_damage on_damage;
};

/* What journal_open() found. */
struct journal_report {
	uint64_t records;  /* valid records that are still there */
	uint64_t segments; /* files that they stand in */
	/* Lost to damage, JOURNAL_SKIP only; an upper bound where a file is missing. */
	uint64_t skipped_bytes;
	/* Of these, after the last record. No cursor comes by there, and the next journal_open() does not find it. */
	uint64_t missing_bytes;
	bool tail_torn;    /* the end was unfinished: a crash or power cut, nothing to do */
	char message[512]; /* on failure, or when something was skipped: what, where, what to do; else "" */
};

struct journal;

/*
 * [start] May take tens of milliseconds: reads what is there, prepares the first segments. Damage that was
 * skipped stays in the files until they are retired, so JOURNAL_REFUSE refuses them until then.
 * -EBADMSG: damaged; -EAGAIN: another process has it open; -EINVAL: sizes out of bounds; else from the file system.
 */
int journal_open(struct journal **ret, const struct journal_options *options,
                 struct journal_report *report) must_check;

/* [start] Syncs and closes; NULL is harmless. */
void journal_close(struct journal *j);

/* [any] JOURNAL_ID_SIZE random bytes, made with the journal; tells journals apart in the database. */
const uint8_t *journal_id(const struct journal *j);

enum journal_class {
	JOURNAL_EXPENDABLE, /* refused once half of max_size is used: dead letters */
	JOURNAL_NORMAL,     /* readings */
	JOURNAL_IMPORTANT,  /* may use the reserve: transitions */
};

/*
 * [loop] Appends one record. No allocation, no system call. Kinds are 1 to 254.
 * Without room: what the last journal_prepare() found, -EDQUOT: max_size is reached, -ENOSPC: the disk has no room
 * for the next segment, or another error; -EBUSY when it found nothing wrong: the next segment is not ready yet.
 * -EMSGSIZE: over JOURNAL_BODY_MAX. -EINVAL: the kind.
 * *ret_position: where it stands.
 */
int journal_append(struct journal *j, uint8_t kind, enum journal_class class, const void *body, size_t length,
                   uint64_t *ret_position) must_check;

/*
 * [loop] What the next append of this class would say if its body had up to so many bytes: after 0 it succeeds.
 */
int journal_room(struct journal *j, enum journal_class class, size_t length) must_check;

/* [any] Position after the last record appended. */
uint64_t journal_tail(const struct journal *j);

/* [any] Position of the oldest record that is still there, or of what is missing before it; with none, where the
 * next will stand, or before. */
uint64_t journal_head(const struct journal *j);

/* [any] Disk space in use, bytes, prepared segments included; records appended since open plus those recovered. */
uint64_t journal_bytes(const struct journal *j);
uint64_t journal_records(const struct journal *j);

/* [care] Makes the next segment ready if it is not. 0, or why not: -ENOSPC, -EDQUOT, … Cheap when ready. */
int journal_prepare(struct journal *j) must_check;

/*
 * [care] Has the kernel map what is appended next, ready to be written: a page's first store by the appender would
 * else be a fault of some 10 µs, one in forty readings. To be called about every 10 ms while readings come. Cheap.
 */
void journal_make_ready(struct journal *j);

/* [care] Flushes what the appender has left behind; the page it is writing only when nothing was
 * appended since the last call, or when readings trickle so slowly that ten calls have found it still the same. After an error the next call tries the same again. */
int journal_sync(struct journal *j) must_check;

/* [writer] Deletes segments that end at or before position and are no longer written. */
int journal_retire(struct journal *j, uint64_t position) must_check;

/* What damage has cost. */
struct journal_loss {
	uint64_t records; /* where it is known how many stood there */
	uint64_t bytes;   /* of stretches where it is not */
};

/* Reads forward from a position. [writer], or [start] before the writer exists. */
struct journal_cursor {
	struct journal *journal;
	uint64_t position;        /* of the next record */
	struct journal_loss lost; /* what it has passed over */
};

struct journal_record {
	uint64_t position; /* where it stands */
	uint64_t next;     /* position after it */
	uint8_t kind;
	size_t length;
	const uint8_t *body; /* the caller's buffer */
};

/* A position before the head starts at the head; one after the tail stays and reads nothing. */
void journal_cursor_init(struct journal_cursor *c, struct journal *j, uint64_t position);

/*
 * 1 with *ret filled from buffer (JOURNAL_BODY_MAX bytes or more), 0 at the tail, -EBADMSG when a record that
 * was appended no longer reads back, or why the file cannot be read. The cursor moves over a record only when it
 * is 1. Damage that journal_open() skipped it passes over on its way, and counts it.
 */
int journal_cursor_next(struct journal_cursor *c, uint8_t *buffer, size_t size,
                        struct journal_record *ret) must_check;

/* After an error: goes on in the next segment, or at the tail when there is none. Bytes passed over; they are
 * counted in the cursor too. */
uint64_t journal_cursor_skip(struct journal_cursor *c);

#endif
