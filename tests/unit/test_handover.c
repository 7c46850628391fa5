#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handover.h"

#include <fcntl.h>
#include <unistd.h>

#include <poll.h>
#include <pthread.h>

static bool is_woken(const struct handover *h, int timeout_ms)
{
	struct pollfd fd = {.fd = h->wake_fd, .events = POLLIN};

	return poll(&fd, 1, timeout_ms) == 1;
}

static void the_newest_registry_overtakes_one_not_taken(void **state)
{
	struct handover h;
	struct registry *old = registry_builtin(), *new = registry_builtin();

	(void)state;
	assert_int_equal(handover_init(&h), 0);
	assert_null(handover_take_registry(&h));
	handover_offer_registry(&h, old);
	handover_offer_registry(&h, new); /* frees old: valgrind and ASan would tell */
	assert_ptr_equal(handover_take_registry(&h), new);
	assert_null(handover_take_registry(&h));
	handover_return_registry(&h, new);
	handover_collect_registries(&h);
	handover_done(&h);
}

static void what_was_never_taken_or_collected_is_freed_at_the_end(void **state)
{
	struct handover h;

	(void)state;
	assert_int_equal(handover_init(&h), 0);
	handover_return_registry(&h, registry_builtin());
	handover_return_registry(&h, registry_builtin());
	handover_offer_registry(&h, registry_builtin());
	handover_done(&h);
	assert_int_equal(h.wake_fd, -1);
}

static void wakes_only_a_writer_that_sleeps(void **state)
{
	struct handover h;

	(void)state;
	assert_int_equal(handover_init(&h), 0);
	handover_wake(&h);
	assert_false(is_woken(&h, 0));
	handover_sleep(&h);
	handover_wake(&h);
	assert_true(is_woken(&h, 0));
	handover_awake(&h);
	assert_false(is_woken(&h, 0));
	handover_done(&h);
}

static void stop_wakes_at_any_time(void **state)
{
	struct handover h;

	(void)state;
	assert_int_equal(handover_init(&h), 0);
	assert_false(handover_stopping(&h));
	handover_stop(&h);
	assert_true(handover_stopping(&h));
	assert_true(is_woken(&h, 0));
	handover_done(&h);
}

/* One thread produces, the other sleeps whenever it finds nothing: no item may be slept through. */
#define ITEMS 20000

struct pair {
	struct handover h;
	_Atomic int produced;
};

static void *produce(void *context)
{
	struct pair *p = context;

	for (int i = 0; i < ITEMS; i++) {
		atomic_fetch_add_explicit(&p->produced, 1, memory_order_release);
		handover_wake(&p->h);
	}
	return NULL;
}

static void never_sleeps_through_work(void **state)
{
	struct pair p = {.produced = 0};
	pthread_t thread;
	int seen = 0;

	(void)state;
	assert_int_equal(handover_init(&p.h), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce, &p), 0);
	while (seen < ITEMS) {
		handover_sleep(&p.h);
		if (atomic_load_explicit(&p.produced, memory_order_acquire) == seen) {
			assert_true(is_woken(&p.h, 5000));
		}
		handover_awake(&p.h);
		seen = atomic_load_explicit(&p.produced, memory_order_acquire);
	}
	pthread_join(thread, NULL);
	handover_done(&p.h);
}

/* What is printed to a standard stream that was closed must not go to a file of ours. */
static void the_descriptor_is_above_the_standard_streams(void **state)
{
	struct handover h;
	int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), error;

	(void)state;
	close(STDIN_FILENO);
	error = handover_init(&h);
	if (input >= 0) {
		dup2(input, STDIN_FILENO);
		close(input);
	}
	assert_int_equal(error, 0);
	assert_true(h.wake_fd > STDERR_FILENO);
	handover_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_registry_overtakes_one_not_taken),
		cmocka_unit_test(what_was_never_taken_or_collected_is_freed_at_the_end),
		cmocka_unit_test(wakes_only_a_writer_that_sleeps),
		cmocka_unit_test(stop_wakes_at_any_time),
		cmocka_unit_test(never_sleeps_through_work),
		cmocka_unit_test(the_descriptor_is_above_the_standard_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
