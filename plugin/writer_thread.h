/*
 * writer_thread - a thread that is not waited for longer than is left.
 *
 * Threads  start, join [start]; ending by the thread itself.
 * Errors   0 or a negative errno.
 */
#ifndef HIGHWATER_WRITER_THREAD_H
#define HIGHWATER_WRITER_THREAD_H

#include "util.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

struct writer_thread {
	pthread_t id;
	sem_t ended; /* posted as the thread's last act */
};

/* Starts it with all signals blocked: the broker's handlers must run on its own thread. */
int writer_thread_start(struct writer_thread *t, const char *name, void *(*run)(void *),
                        void *context) must_check;

/* The thread's last act. */
void writer_thread_ending(struct writer_thread *t);

/* end_us: of the monotonic clock. -ETIMEDOUT: it goes on and is detached. */
int writer_thread_join(struct writer_thread *t, int64_t end_us) must_check;

#endif
