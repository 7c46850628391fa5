/*
 * writer_books - what follows from a batch that is stored.
 *
 * Threads  [writer]
 */
#ifndef HIGHWATER_WRITER_BOOKS_H
#define HIGHWATER_WRITER_BOOKS_H

#include "writer_state.h"

/* The batch in w->batch is stored, as w->result says: counts it, moves on, and retires what is behind. */
void writer_books_enter(struct writer *w);

#endif
