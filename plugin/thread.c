#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

int thread_start(struct thread *t, const char *name, void *(*run)(void *), void *context)
{
	sigset_t all, before;
	int error;

	(void)sem_init(&t->ended, 0, 0);
	sigfillset(&all);
	error = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (error == 0) {
		error = pthread_create(&t->id, NULL, run, context);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (error == 0) {
		(void)pthread_setname_np(t->id, name);
	}
	return -error;
}

void thread_ending(struct thread *t)
{
	(void)sem_post(&t->ended);
}

int thread_join(struct thread *t, int64_t end_us)
{
	const struct timespec end = {.tv_sec = end_us / 1000000, .tv_nsec = end_us % 1000000 * 1000};

	while (sem_clockwait(&t->ended, CLOCK_MONOTONIC, &end) != 0) {
		if (errno != EINTR) {
			(void)pthread_detach(t->id);
			return -ETIMEDOUT;
		}
	}
	(void)pthread_join(t->id, NULL);
	(void)sem_destroy(&t->ended);
	return 0;
}
