#include "timers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int timers_reserve(struct timers *t, size_t count)
{
	struct timer **heap;
	size_t room = MAX(count, MIN(t->room * 2, UINT32_MAX));

	if (count <= t->room) {
		return 0;
	}
	if (count > UINT32_MAX) {
		return -ENOMEM; /* struct timer's place */
	}
	heap = reallocarray(t->heap, room, sizeof(struct timer *));
	if (heap == NULL) {
		return -ENOMEM;
	}
	t->heap = heap;
	t->room = room;
	return 0;
}

void timers_done(struct timers *t)
{
	free(t->heap);
	*t = (struct timers){.heap = NULL};
}

static void put(struct timers *t, size_t i, struct timer *timer)
{
	t->heap[i] = timer;
	timer->place = (uint32_t)(i + 1);
}

/* The place of a timer that goes up from place i, past those that are due later. */
static size_t up(struct timers *t, size_t i, int64_t due_us)
{
	while (i > 0 && t->heap[(i - 1) / 2]->due_us > due_us) {
		put(t, i, t->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	return i;
}

static size_t down(struct timers *t, size_t i, int64_t due_us)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < t->count && t->heap[child + 1]->due_us < t->heap[child]->due_us) {
			child++;
		}
		if (child >= t->count || t->heap[child]->due_us >= due_us) {
			return i;
		}
		put(t, i, t->heap[child]);
		i = child;
	}
}

/* Place i is free: a timer goes into the heap from there. */
static void settle(struct timers *t, size_t i, struct timer *timer)
{
	put(t, down(t, up(t, i, timer->due_us), timer->due_us), timer);
}

static void take_away(struct timers *t, struct timer *timer)
{
	size_t i = timer->place - 1;
	struct timer *last = t->heap[--t->count];

	timer->place = 0;
	if (last != timer) {
		settle(t, i, last);
	}
}

void timers_set(struct timers *t, struct timer *timer, int64_t due_us)
{
	if (due_us == INT64_MAX) {
		if (timer->place != 0) {
			take_away(t, timer);
		}
		return;
	}
	timer->due_us = due_us;
	if (timer->place == 0) {
		assert(t->count < t->room);
		timer->place = (uint32_t)++t->count;
	}
	settle(t, timer->place - 1, timer);
}

struct timer *timers_take(struct timers *t, int64_t now_us)
{
	struct timer *first = t->count > 0 ? t->heap[0] : NULL;

	if (first == NULL || first->due_us > now_us) {
		return NULL;
	}
	take_away(t, first);
	return first;
}
