/*
 * writer_fill - from the journal to a batch that is ready for the server, and the
 * one behind it while the server is at work.
 *
 * A server that takes its data as fast as it can is not to wait for the next batch. While it works on w->now,
 * w->next is filled from where w->now ends, in small steps; once it is full it is numbered, sorted and encoded
 * too. When its turn comes only what is missing is done, and when w->now was not stored after all, or
 * a number has changed, it is done again.
 *
 * Threads  [writer]
 */
#ifndef HIGHWATER_WRITER_FILL_H
#define HIGHWATER_WRITER_FILL_H

#include "writer_state.h"

int writer_load_init(struct writer_load *load) must_check; /* 0 or -ENOMEM */
void writer_load_done(struct writer_load *load);           /* zeroed or half made is harmless */

/*
 * Fills w->now from own on. 0, or why the journal cannot be read. What does not
 * read back or decode is passed over, with a line: it must not stop the queue.
 */
int writer_fill(struct writer *w) must_check;

/* Numbers, sorts and encodes w->now. Errors as in pg_conn.h. */
int writer_fill_finish(struct writer *w, struct pg_error *error) must_check;

/* A step towards w->next, some 100 µs but for the sorting. False: there is nothing to do for now. */
bool writer_fill_ahead(struct writer *w);

#endif
