/*
 * writer - the thread that brings the journal to PostgreSQL.
 *
 * Connects with growing pauses, reads from the database how far the journal is
 * stored, then stores batch after batch, each in one transaction with the new
 * position. It brings registry snapshots to the loop. A second thread, care, looks
 * after the journal and the alarm store, whatever the first one waits for.
 *
 * Promise  The loop never waits for it. What is not stored stays in the journal,
 *          whatever happens here. Nothing is given up for an error that is not
 *          the row's own: it is said in the log and tried again.
 * Threads  All of this header [start]; the threads it starts are [writer] and [care].
 * Errors   0 or a negative errno.
 * Memory   Options are copied. The parts must outlive the thread.
 *
 * One line a file: writer.c the thread and its loop; writer_care.c journal and
 * alarm store; writer_position.c where in the journal; writer_session.c what is
 * done with a connection; writer_fill.c a batch made ready, and the next meanwhile;
 * writer_batch.c one batch stored; writer_books.c what follows from it; writer_log.c lines.
 */
#ifndef HIGHWATER_WRITER_H
#define HIGHWATER_WRITER_H

#include "shared.h"

struct writer;

struct writer_options {
	const char *conninfo;      /* of libpq: keywords, URI or name of a database */
	const char *registry_path; /* where the registry's copy is kept */
	int64_t sync_us; /* how often what is not stored of the journal, and the alarm store, are flushed */
	int64_t stop_timeout_us; /* what writer_stop() may take */
};

/* Whether the connection string can be understood; if not, -EINVAL and a sentence in message. */
int writer_check(const char *conninfo, char *message, size_t size) must_check;

/* Starts the threads, with all signals blocked. */
int writer_start(struct writer **ret, const struct writer_options *options,
                 const struct shared *shared) must_check;

/*
 * Asks the threads to end, lets the writer store what it can if the database answers, and
 * frees w. -ETIMEDOUT: one hangs, as in a name lookup, and goes on to use w and
 * the parts: none may be freed, and the module must stay loaded.
 */
int writer_stop(struct writer *w) must_check;

#endif
