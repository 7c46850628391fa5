#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "group.h"
#include "util.h"

#define HOUR_US  (INT64_C(3600) * 1000000)
#define START_US INT64_C(1600000000000000)
#define EVENTS   60

static unsigned count(const struct group *g, unsigned members, int64_t hours)
{
	return group_count(g, members, START_US + hours * HOUR_US, 2 * HOUR_US);
}

static void set(struct group *g, unsigned member, bool is_at_level, int64_t hours)
{
	group_set(g, member, is_at_level, START_US + hours * HOUR_US);
}

static void nobody_counts_at_first(void **state)
{
	struct group g = {.active = 0};

	(void)state;
	assert_int_equal(count(&g, GROUP_MEMBERS_MAX, 0), 0);
	assert_int_equal(group_next_change(&g, GROUP_MEMBERS_MAX, START_US, HOUR_US), INT64_MAX);
	set(&g, 3, false, 0);
	assert_int_equal(count(&g, GROUP_MEMBERS_MAX, 0), 0);
}

static void a_member_counts_however_long_it_is_at_its_level(void **state)
{
	struct group g = {.active = 0};

	(void)state;
	set(&g, 1, true, 0);
	assert_int_equal(count(&g, 2, 100), 1);
	assert_int_equal(group_next_change(&g, 2, START_US + 100 * HOUR_US, HOUR_US), INT64_MAX);
}

/* Katulampa's flood is still on its way when Katulampa itself has fallen. */
static void a_member_that_left_counts_for_the_period(void **state)
{
	struct group g = {.active = 0};

	(void)state;
	set(&g, 0, true, 0);
	set(&g, 0, false, 5);
	assert_int_equal(count(&g, 1, 6), 1);
	assert_int_equal(group_next_change(&g, 1, START_US + 6 * HOUR_US, 2 * HOUR_US),
	                 START_US + 7 * HOUR_US);
	assert_int_equal(group_count(&g, 1, START_US + 7 * HOUR_US - 1, 2 * HOUR_US), 1);
	assert_int_equal(count(&g, 1, 7), 0);
}

static void said_twice_that_it_is_not_at_its_level_it_left_once(void **state)
{
	struct group g = {.active = 0};

	(void)state;
	set(&g, 0, true, 0);
	set(&g, 0, false, 1);
	set(&g, 0, false, 2);
	assert_int_equal(count(&g, 1, 3), 0);
}

static void without_a_period_only_those_at_their_level_count(void **state)
{
	struct group g = {.active = 0};

	(void)state;
	set(&g, 0, true, 0);
	set(&g, 1, true, 0);
	set(&g, 0, false, 0);
	assert_int_equal(group_count(&g, 2, START_US, 0), 1);
}

static void members_beyond_the_number_asked_for_do_not_count(void **state)
{
	struct group g = {.active = 0};

	(void)state;
	for (unsigned i = 0; i < GROUP_MEMBERS_MAX; i++) {
		set(&g, i, true, 0);
	}
	assert_int_equal(count(&g, 3, 0), 3);
	assert_int_equal(count(&g, GROUP_MEMBERS_MAX, 0), GROUP_MEMBERS_MAX);
	assert_int_equal(count(&g, GROUP_MEMBERS_MAX + 9, 0), GROUP_MEMBERS_MAX);
}

static void a_word_that_comes_late_does_not_shorten_what_counts(void **state)
{
	struct group g = {.active = 0};

	(void)state;
	set(&g, 0, true, 5);
	set(&g, 0, false, 1);
	assert_int_equal(count(&g, 1, 6), 1);
	assert_int_equal(count(&g, 1, 7), 0);
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

struct word {
	int64_t at_us;
	unsigned member;
	bool is_at_level;
};

/* Reads all that was said of a member: whether it counts at at_us, later than all. */
static bool naive_counts(const struct word *words, size_t said, unsigned member, int64_t at_us,
                         int64_t period_us)
{
	bool is_at_level = false;
	int64_t left_us = -1;

	for (size_t i = 0; i < said; i++) {
		if (words[i].member != member) {
			continue;
		}
		left_us = is_at_level && !words[i].is_at_level ? words[i].at_us : left_us;
		is_at_level = words[i].is_at_level;
	}
	return is_at_level || (left_us >= 0 && at_us < left_us + period_us);
}

static unsigned naive_count(const struct word *words, size_t said, unsigned members, int64_t at_us,
                            int64_t period_us)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < members; i++) {
		sum += naive_counts(words, said, i, at_us, period_us);
	}
	return sum;
}

static void check_next_change(const struct group *g, const struct word *words, size_t said, unsigned members,
                              int64_t at_us, int64_t period_us)
{
	int64_t next_us = group_next_change(g, members, at_us, period_us);
	unsigned now = naive_count(words, said, members, at_us, period_us);

	if (next_us == INT64_MAX) {
		assert_int_equal(naive_count(words, said, members, at_us + 1000 * HOUR_US, period_us), now);
		return;
	}
	assert_true(next_us > at_us);
	assert_int_equal(naive_count(words, said, members, next_us - 1, period_us), now);
	assert_true(naive_count(words, said, members, next_us, period_us) < now);
}

static void agrees_with_reading_all_that_was_said(void **state)
{
	uint64_t random = 0x9E3779B97F4A7C15;
	unsigned seen = 0;

	(void)state;
	for (int walk = 0; walk < 1000; walk++) {
		unsigned members = 1 + (unsigned)(next_random(&random) % GROUP_MEMBERS_MAX);
		int64_t period_us = (int64_t)(next_random(&random) % 8) * HOUR_US, now_us = START_US;
		struct group g = {.active = 0};
		struct word words[EVENTS];

		for (size_t said = 0; said < EVENTS;) {
			struct word *w = &words[said++];

			now_us += (int64_t)(next_random(&random) % 3) * HOUR_US;
			*w = (struct word){
				.at_us = now_us,
				.member = (unsigned)(next_random(&random) % GROUP_MEMBERS_MAX),
				.is_at_level = next_random(&random) % 3 == 0,
			};
			group_set(&g, w->member, w->is_at_level, now_us);
			assert_int_equal(group_count(&g, members, now_us, period_us),
			                 naive_count(words, said, members, now_us, period_us));
			check_next_change(&g, words, said, members, now_us, period_us);
			seen += group_count(&g, members, now_us, period_us);
		}
	}
	assert_true(seen > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_counts_at_first),
		cmocka_unit_test(a_member_counts_however_long_it_is_at_its_level),
		cmocka_unit_test(a_member_that_left_counts_for_the_period),
		cmocka_unit_test(said_twice_that_it_is_not_at_its_level_it_left_once),
		cmocka_unit_test(without_a_period_only_those_at_their_level_count),
		cmocka_unit_test(members_beyond_the_number_asked_for_do_not_count),
		cmocka_unit_test(a_word_that_comes_late_does_not_shorten_what_counts),
		cmocka_unit_test(agrees_with_reading_all_that_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
