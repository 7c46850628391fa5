/*
 * writer_position - where in the journal the writer stands, and whether that is
 * what the database says.
 *
 * The database decides, with one exception: records that this broker has not
 * stored are never passed over because somebody else moved the position, now or
 * while it was down. To store a record again is harmless, to miss one is not.
 *
 * Threads  [writer]
 */
#ifndef HIGHWATER_WRITER_POSITION_H
#define HIGHWATER_WRITER_POSITION_H

#include "writer_state.h"

/*
 * Takes the database's position into account: on connecting, after a COMMIT
 * without an answer, and when it is not the expected one. True when it says that
 * the COMMIT with the unknown outcome has happened: w->result is to be counted.
 */
bool writer_position_settle(struct writer *w, uint64_t database);

/* The batch of w->now is stored. */
void writer_position_advance(struct writer *w);

/* Notes in the state directory how far this broker is, and that COMMIT of a batch up to sent_to is next; 0: none. */
void writer_position_note(struct writer *w, uint64_t sent_to);

/* Records that wait to be stored. */
uint64_t writer_position_pending(const struct writer *w);

#endif
