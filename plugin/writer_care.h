/*
 * writer_care - looks after what must go on whatever the database does: the
 * journal's next segment, room for alarm state, flushes to disk.
 *
 * On a thread of its own, since the writer may hang in libpq, looking up a name.
 *
 * Threads  start, stop [start]
 * Errors   0 or a negative errno.
 */
#ifndef HIGHWATER_WRITER_CARE_H
#define HIGHWATER_WRITER_CARE_H

#include "writer_state.h"

int writer_care_start(struct writer *w) must_check;

/* Flushes a last time and ends. end_us as in thread_join(); -ETIMEDOUT: the disk hangs. */
int writer_care_stop(struct writer *w, int64_t end_us) must_check;

#endif
