/*
 * thread - a thread that is not waited for longer than is left.
 *
 * Threads  start, join [start]; ending by the thread itself.
 * Errors   0 or a negative errno.
 */
#ifndef HIGHWATER_THREAD_H
#define HIGHWATER_THREAD_H

#include "util.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

struct thread {
	pthread_t id;
	sem_t ended; /* posted as the thread's last act */
};

/* Starts it with all signals blocked: the broker's handlers must run on its own thread. */
int thread_start(struct thread *t, const char *name, void *(*run)(void *), void *context) must_check;

/* The thread's last act. */
void thread_ending(struct thread *t);

/* end_us: of the monotonic clock. -ETIMEDOUT: it goes on and is detached. */
int thread_join(struct thread *t, int64_t end_us) must_check;

#endif
