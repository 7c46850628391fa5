#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Above 2, also where the broker was started without standard streams: what is written to these is not for us. */
static int make_wake_fd(struct handover *h)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), error = -errno;

	h->wake_fd = fd;
	if (fd >= 0 && fd <= STDERR_FILENO) {
		h->wake_fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		error = -errno;
		close(fd);
	}
	return h->wake_fd >= 0 ? 0 : error;
}

int handover_init(struct handover *h)
{
	atomic_init(&h->fresh, NULL);
	atomic_init(&h->spent, NULL);
	atomic_init(&h->sleeping, false);
	atomic_init(&h->stopping, false);
	atomic_init(&h->announced, 0);
	return make_wake_fd(h);
}

void handover_done(struct handover *h)
{
	registry_free(atomic_exchange(&h->fresh, NULL));
	handover_collect_registries(h);
	if (h->wake_fd >= 0) {
		close(h->wake_fd);
		h->wake_fd = -1;
	}
}

void handover_offer_registry(struct handover *h, struct registry *r)
{
	/* One that the loop has not taken yet is overtaken by the newer. */
	registry_free(atomic_exchange_explicit(&h->fresh, r, memory_order_acq_rel));
}

void handover_collect_registries(struct handover *h)
{
	struct registry *r = atomic_exchange_explicit(&h->spent, NULL, memory_order_acquire);

	while (r != NULL) {
		struct registry *next = r->next;

		registry_free(r);
		r = next;
	}
}

struct registry *handover_take_registry(struct handover *h)
{
	if (atomic_load_explicit(&h->fresh, memory_order_relaxed) == NULL) {
		return NULL;
	}
	return atomic_exchange_explicit(&h->fresh, NULL, memory_order_acquire);
}

void handover_return_registry(struct handover *h, struct registry *r)
{
	struct registry *head = atomic_load_explicit(&h->spent, memory_order_relaxed);

	do {
		r->next = head;
	} while (!atomic_compare_exchange_weak_explicit(&h->spent, &head, r, memory_order_release,
	                                                memory_order_relaxed));
}

static void write_wake(struct handover *h)
{
	uint64_t one = 1;
	ssize_t written = write(h->wake_fd, &one, sizeof(one));

	/* It fails only when the counter is full: then the writer is awake already. */
	(void)written;
}

void handover_wake(struct handover *h)
{
	/*
	 * The append before and this load are not to be swapped: the writer sets sleeping, then looks at the
	 * tail; we move the tail, then look at sleeping. One of us sees the other.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&h->sleeping, memory_order_relaxed) &&
	    atomic_exchange_explicit(&h->sleeping, false, memory_order_acq_rel)) {
		write_wake(h);
	}
}

void handover_set_announced(struct handover *h, uint64_t position)
{
	atomic_store_explicit(&h->announced, position, memory_order_release);
}

uint64_t handover_announced(const struct handover *h)
{
	return atomic_load_explicit(&h->announced, memory_order_acquire);
}

void handover_stop(struct handover *h)
{
	atomic_store_explicit(&h->stopping, true, memory_order_release);
	write_wake(h);
}

bool handover_stopping(const struct handover *h)
{
	return atomic_load_explicit(&h->stopping, memory_order_acquire);
}

void handover_sleep(struct handover *h)
{
	atomic_store_explicit(&h->sleeping, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

void handover_awake(struct handover *h)
{
	uint64_t count;
	ssize_t taken;

	atomic_store_explicit(&h->sleeping, false, memory_order_relaxed);
	taken = read(h->wake_fd, &count, sizeof(count));
	(void)taken; /* -EAGAIN: nobody woke us */
}
