#include "apart.h"

#include "thread.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <unistd.h>

struct apart {
	struct thread thread;
	sem_t called, done;
	int keep;
	/* Of the call that is under way: written by the caller before called, read by the thread after it. */
	void (*work)(void *context); /* NULL: to end */
	void *context;
};

/* The copy ends at the highest descriptor that is not closed. Without the kernel's help nothing is closed either. */
static void part_tables(int keep)
{
	const unsigned kept = (unsigned)keep;

	if (close_range(kept + 1, UINT_MAX, CLOSE_RANGE_UNSHARE) == 0 && kept > 3) {
		(void)close_range(3, kept - 1, 0);
	}
}

static void wait_for(sem_t *s)
{
	while (sem_wait(s) != 0) {
		/* EINTR: a debugger's doing, since signals are blocked on the thread, and the broker's only interrupt */
	}
}

static void *run(void *arg)
{
	struct apart *a = arg;

	part_tables(a->keep);
	for (;;) {
		wait_for(&a->called);
		if (a->work == NULL) {
			break;
		}
		a->work(a->context);
		(void)sem_post(&a->done);
	}
	thread_ending(&a->thread);
	return NULL;
}

int apart_new(struct apart **ret, int keep)
{
	struct apart *a = calloc(1, sizeof(*a));
	int error;

	if (a == NULL) {
		return -ENOMEM;
	}
	a->keep = keep;
	(void)sem_init(&a->called, 0, 0);
	(void)sem_init(&a->done, 0, 0);
	error = thread_start(&a->thread, "highwater apart", run, a);
	if (error != 0) {
		free(a);
		return error;
	}
	*ret = a;
	return 0;
}

void apart_call(struct apart *a, void (*work)(void *context), void *context)
{
	a->work = work;
	a->context = context;
	(void)sem_post(&a->called);
	wait_for(&a->done);
}

void apart_free(struct apart *a)
{
	if (a == NULL) {
		return;
	}
	a->work = NULL;
	(void)sem_post(&a->called);
	if (thread_join(&a->thread, INT64_MAX) == 0) {
		(void)sem_destroy(&a->called);
		(void)sem_destroy(&a->done);
		free(a);
	}
}
