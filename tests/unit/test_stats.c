#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stats.h"

#include "util.h"

static void a_reject_counts_under_its_reason_and_in_the_total(void **state)
{
	struct stats s = {0};

	(void)state;
	stats_reject(&s, REJECT_INVALID_TIME);
	stats_reject(&s, REJECT_INVALID_TIME);
	stats_reject(&s, REJECT_DATABASE);
	assert_int_equal(s.rejected[REJECT_INVALID_TIME], 2);
	assert_int_equal(s.rejected[REJECT_DATABASE], 1);
	assert_int_equal(s.rejected[REJECT_INVALID_JSON], 0);
	assert_int_equal(stats_get(&s, STATS_REJECTED_TOTAL), 3);
}

/* A topic that is another's, or lies below it, would be ambiguous to subscribers. */
static void every_value_has_a_topic_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < STATS_VALUE_COUNT; i++) {
		const char *topic = stats_topic((enum stats_value)i);

		assert_true(strlen(topic) > 0 && !strpbrk(topic, "+# "));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(topic, stats_topic((enum stats_value)j));
	}
}

static void every_reason_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < REJECT_COUNT; i++) {
		const char *name = reject_name((enum reject)i);

		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(name));
		assert_true(strlen(name) > 0 && strlen(reject_text((enum reject)i)) > 0);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, reject_name((enum reject)j));
	}
	assert_string_equal(reject_name(REJECT_NONE), "none");
	assert_string_equal(reject_name(REJECT_TIME_IN_FUTURE), "time_in_future");
}

static void a_number_that_is_no_reason_still_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(reject_name(REJECT_COUNT), "unknown");
	assert_non_null(reject_text(REJECT_COUNT));
	assert_non_null(stats_topic(STATS_VALUE_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reject_counts_under_its_reason_and_in_the_total),
		cmocka_unit_test(every_value_has_a_topic_of_its_own),
		cmocka_unit_test(every_reason_has_a_name_of_its_own),
		cmocka_unit_test(a_number_that_is_no_reason_still_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
