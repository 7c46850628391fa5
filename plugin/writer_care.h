/*
 * writer_care - looks after what must go on whatever the database does: the
 * journal's next segment, flushes to disk, snapshots that the loop has done with.
 *
 * Threads  [writer]
 */
#ifndef HIGHWATER_WRITER_CARE_H
#define HIGHWATER_WRITER_CARE_H

#include "writer_state.h"

/* Does what is due. Cheap when nothing is. */
void writer_care(struct writer *w);

/* The same as pg_waiter's idle function; context is the writer. False: stopping, and no time is left. */
bool writer_care_idle(void *context);

#endif
