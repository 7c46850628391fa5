#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "timers.h"
#include "util.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define TIMERS 50

static struct timers with_room(size_t count)
{
	struct timers t = {.heap = NULL};

	assert_int_equal(timers_reserve(&t, count), 0);
	return t;
}

static void nothing_is_due_when_nothing_is_set(void **state)
{
	struct timers t = {.heap = NULL};

	(void)state;
	assert_null(timers_take(&t, INT64_MAX));
	timers_done(&t);
}

static void a_timer_is_taken_once_and_not_before_its_time(void **state)
{
	struct timers t = with_room(1);
	struct timer a = {.place = 0};

	(void)state;
	timers_set(&t, &a, 10);
	assert_null(timers_take(&t, 9));
	assert_ptr_equal(timers_take(&t, 10), &a);
	assert_int_equal(a.due_us, 10);
	assert_null(timers_take(&t, INT64_MAX));
	timers_done(&t);
}

static void the_one_due_first_comes_first(void **state)
{
	struct timers t = with_room(3);
	struct timer a = {.place = 0}, b = {.place = 0}, c = {.place = 0};

	(void)state;
	timers_set(&t, &a, 30);
	timers_set(&t, &b, -10);
	timers_set(&t, &c, 20);
	assert_ptr_equal(timers_take(&t, 100), &b);
	assert_ptr_equal(timers_take(&t, 100), &c);
	assert_ptr_equal(timers_take(&t, 100), &a);
	timers_done(&t);
}

static void a_timer_set_again_moves_both_ways(void **state)
{
	struct timers t = with_room(2);
	struct timer a = {.place = 0}, b = {.place = 0};

	(void)state;
	timers_set(&t, &a, 10);
	timers_set(&t, &b, 20);
	timers_set(&t, &b, 5);
	timers_set(&t, &a, 30);
	assert_ptr_equal(timers_take(&t, 5), &b);
	assert_null(timers_take(&t, 29));
	assert_ptr_equal(timers_take(&t, 30), &a);
	timers_done(&t);
}

static void never_takes_a_timer_away(void **state)
{
	struct timers t = with_room(2);
	struct timer a = {.place = 0}, b = {.place = 0};

	(void)state;
	timers_set(&t, &a, 10);
	timers_set(&t, &b, 20);
	timers_set(&t, &a, INT64_MAX);
	timers_set(&t, &a, INT64_MAX);
	assert_int_equal(a.place, 0);
	assert_ptr_equal(timers_take(&t, 100), &b);
	assert_null(timers_take(&t, INT64_MAX));
	timers_done(&t);
}

static void refuses_more_room_than_memory_has_and_keeps_what_is_set(void **state)
{
	struct timers t = with_room(1);
	struct timer a = {.place = 0};

	(void)state;
	timers_set(&t, &a, 10);
	assert_int_equal(timers_reserve(&t, SIZE_MAX), -ENOMEM);
	assert_ptr_equal(timers_take(&t, 10), &a);
	timers_done(&t);
}

static void room_grows_under_what_is_set(void **state)
{
	struct timers t = {.heap = NULL};
	struct timer timers[1000] = {{.place = 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		assert_int_equal(timers_reserve(&t, i + 1), 0);
		timers_set(&t, &timers[i], -(int64_t)i);
	}
	for (size_t i = ARRAY_SIZE(timers); i-- > 0;) {
		assert_ptr_equal(timers_take(&t, 0), &timers[i]);
	}
	timers_done(&t);
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* A list without order: when each is due, INT64_MAX for never. */
static int64_t earliest(const int64_t *due_us)
{
	int64_t first_us = INT64_MAX;

	for (size_t i = 0; i < TIMERS; i++) {
		first_us = MIN(first_us, due_us[i]);
	}
	return first_us;
}

static void check_heap(const struct timers *t)
{
	for (size_t i = 0; i < t->count; i++) {
		assert_int_equal(t->heap[i]->place, i + 1);
		assert_true(t->heap[i]->due_us >= t->heap[i > 0 ? (i - 1) / 2 : 0]->due_us);
	}
}

static void take_and_compare(struct timers *t, struct timer *timers, int64_t *due_us, int64_t now_us)
{
	int64_t first_us = earliest(due_us);
	struct timer *taken = timers_take(t, now_us);

	if (first_us > now_us) {
		assert_null(taken);
		return;
	}
	assert_non_null(taken);
	/* Of several due at once any may be first. */
	assert_int_equal(due_us[taken - timers], first_us);
	due_us[taken - timers] = INT64_MAX;
}

static void agrees_with_a_search_through_all(void **state)
{
	uint64_t random = 0x9E3779B97F4A7C15;
	struct timers t = with_room(TIMERS);
	struct timer timers[TIMERS] = {{.place = 0}};
	int64_t due_us[TIMERS];
	int64_t now_us = 0;

	(void)state;
	for (size_t i = 0; i < TIMERS; i++) {
		due_us[i] = INT64_MAX;
	}
	for (int step = 0; step < 200000; step++) {
		uint64_t choice = next_random(&random) % 10;
		size_t i = next_random(&random) % TIMERS;

		if (choice < 4) {
			now_us += (int64_t)(next_random(&random) % 3);
			take_and_compare(&t, timers, due_us, now_us);
		} else {
			due_us[i] = choice == 4 ? INT64_MAX : now_us + (int64_t)(next_random(&random) % 100);
			timers_set(&t, &timers[i], due_us[i]);
		}
		check_heap(&t);
	}
	timers_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_due_when_nothing_is_set),
		cmocka_unit_test(a_timer_is_taken_once_and_not_before_its_time),
		cmocka_unit_test(the_one_due_first_comes_first),
		cmocka_unit_test(a_timer_set_again_moves_both_ways),
		cmocka_unit_test(never_takes_a_timer_away),
		cmocka_unit_test(refuses_more_room_than_memory_has_and_keeps_what_is_set),
		cmocka_unit_test(room_grows_under_what_is_set),
		cmocka_unit_test(agrees_with_a_search_through_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
