/*
 * writer_session - from a connection to a usable database, and what follows when
 * it is not.
 *
 * Threads  [writer]
 * Errors   Nothing is returned that needs handling: what failed is in the log, and
 *          retry_due says when to go on.
 */
#ifndef HIGHWATER_WRITER_SESSION_H
#define HIGHWATER_WRITER_SESSION_H

#include "writer_state.h"

/* Connects and checks schema, position and registry. w->conn is NULL when it did not come to that. */
void writer_session_open(struct writer *w, int (*idle)(void *context));

/* Takes in notifications, reads the registry again and makes partitions when it is time. False: failed. */
bool writer_session_tend(struct writer *w);

/* Something was refused or broke: says so, cleans up or disconnects, and sets the time of the next try. */
void writer_session_fail(struct writer *w, const char *what, int status, const struct pg_error *error);

/* Something worked: the first time after a failure this is said. */
void writer_session_good(struct writer *w);

void writer_session_close(struct writer *w);

#endif
