/*
 * writer_batch - one batch from the journal to the database, and the books.
 *
 * Threads  [writer]
 */
#ifndef HIGHWATER_WRITER_BATCH_H
#define HIGHWATER_WRITER_BATCH_H

#include "writer_state.h"

/* Stores what is next in the journal. False: there was nothing, or it failed and retry_due is set. */
bool writer_batch_store(struct writer *w);

#endif
