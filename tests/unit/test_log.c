#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log.h"
#include "utf8.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* log_drain()'s sink has no context. */
static struct {
	size_t count;
	enum log_level level[LOG_LINES * 2];
	char line[LOG_LINES * 2][LOG_LINE_MAX + 1];
	struct log_box *post_to;
} heard;

static void hear(enum log_level level, const char *line)
{
	if (heard.count < ARRAY_SIZE(heard.line)) {
		heard.level[heard.count] = level;
		copy_text(heard.line[heard.count], LOG_LINE_MAX + 1, line, strlen(line));
	}
	heard.count++;
	if (heard.post_to)
		log_post(heard.post_to, LOG_LEVEL_DEBUG, "about %s", line);
}

static int setup(void **state)
{
	memset(&heard, 0, sizeof(heard));
	*state = log_box_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	log_box_free(*state);
	return 0;
}

static void hands_out_lines_in_order_and_once(void **state)
{
	log_post(*state, LOG_LEVEL_WARNING, "first %d", 1);
	log_post(*state, LOG_LEVEL_ERROR, "second %s", "line");
	log_drain(*state, hear);
	assert_int_equal(heard.count, 2);
	assert_string_equal(heard.line[0], "first 1");
	assert_int_equal(heard.level[0], LOG_LEVEL_WARNING);
	assert_string_equal(heard.line[1], "second line");
	assert_int_equal(heard.level[1], LOG_LEVEL_ERROR);
	log_drain(*state, hear);
	assert_int_equal(heard.count, 2);
}

static void order_holds_when_the_ring_wraps(void **state)
{
	int next = 0;

	for (int round = 0; round < 7; round++) {
		heard.count = 0;
		for (int i = 0; i < 50; i++)
			log_post(*state, LOG_LEVEL_INFO, "%d", next + i);
		log_drain(*state, hear);
		assert_int_equal(heard.count, 50);
		for (int i = 0; i < 50; i++)
			assert_int_equal(atoi(heard.line[i]), next + i);
		next += 50;
	}
}

static void tells_how_many_lines_are_missing_and_where(void **state)
{
	for (int i = 0; i < LOG_LINES + 5; i++)
		log_post(*state, LOG_LEVEL_INFO, "%d", i);
	log_drain(*state, hear);
	assert_int_equal(heard.count, LOG_LINES + 1);
	assert_int_equal(atoi(heard.line[LOG_LINES - 1]), LOG_LINES - 1);
	assert_non_null(strstr(heard.line[LOG_LINES], "5 log lines"));
	assert_int_equal(heard.level[LOG_LINES], LOG_LEVEL_WARNING);
	log_post(*state, LOG_LEVEL_INFO, "after");
	log_drain(*state, hear);
	assert_int_equal(heard.count, LOG_LINES + 2);
	assert_string_equal(heard.line[LOG_LINES + 1], "after");
}

static void a_long_line_is_cut_at_a_whole_character(void **state)
{
	char text[LOG_LINE_MAX + 100];

	memset(text, 'x', sizeof(text));
	for (size_t i = LOG_LINE_MAX - 5; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xE1\xBB\xB1", 3);
	text[sizeof(text) - 1] = '\0';
	log_post(*state, LOG_LEVEL_INFO, "%s", text);
	log_post(*state, LOG_LEVEL_INFO, "%s", text + 1);
	log_post(*state, LOG_LEVEL_INFO, "%s", text + 2);
	log_drain(*state, hear);
	assert_int_equal(heard.count, 3);
	for (size_t i = 0; i < 3; i++) {
		size_t length = strlen(heard.line[i]);

		assert_in_range(length, LOG_LINE_MAX - 4, LOG_LINE_MAX);
		assert_int_equal(utf8_prefix(heard.line[i], length), length);
	}
}

static void a_line_of_the_longest_length_is_whole(void **state)
{
	char text[LOG_LINE_MAX + 1];

	memset(text, 'x', sizeof(text));
	memcpy(text + LOG_LINE_MAX - 2, "\xC3\xA9", 3);
	log_post(*state, LOG_LEVEL_INFO, "%s", text);
	log_drain(*state, hear);
	assert_string_equal(heard.line[0], text);
}

static void a_line_stays_one_line(void **state)
{
	log_post(*state, LOG_LEVEL_INFO, "ERROR: a\n\tDETAIL: b\r\x1b[31m");
	log_drain(*state, hear);
	assert_string_equal(heard.line[0], "ERROR: a  DETAIL: b  [31m");
}

static void the_sink_may_post_and_the_drain_still_ends(void **state)
{
	heard.post_to = *state;
	log_post(*state, LOG_LEVEL_INFO, "one");
	log_drain(*state, hear);
	assert_in_range(heard.count, 2, LOG_LINES + 1);
	assert_string_equal(heard.line[1], "about one");
}

#define POSTERS  3
#define POSTINGS 2000

struct poster {
	struct log_box *box;
	int id;
	_Atomic int *done;
};

static void *post_many(void *context)
{
	const struct poster *p = context;

	for (int i = 0; i < POSTINGS; i++)
		log_post(p->box, LOG_LEVEL_INFO, "%d %d", p->id, i);
	atomic_fetch_add(p->done, 1);
	return NULL;
}

static long told_lines, lost_lines;
static int last_of[POSTERS];

static void tally(enum log_level level, const char *line)
{
	int id, number;
	unsigned lost;

	if (level == LOG_LEVEL_WARNING && sscanf(line, "%u log lines", &lost) == 1) {
		lost_lines += lost;
		return;
	}
	assert_int_equal(sscanf(line, "%d %d", &id, &number), 2);
	assert_in_range(id, 0, POSTERS - 1);
	assert_true(number > last_of[id]);
	last_of[id] = number;
	told_lines++;
}

static void every_line_of_several_threads_is_told_or_counted_as_lost(void **state)
{
	pthread_t threads[POSTERS];
	struct poster posters[POSTERS];
	_Atomic int done = 0;

	for (int i = 0; i < POSTERS; i++) {
		last_of[i] = -1;
		posters[i] = (struct poster){*state, i, &done};
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
	}
	while (atomic_load(&done) < POSTERS)
		log_drain(*state, tally);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	log_drain(*state, tally);
	log_drain(*state, tally);
	assert_int_equal(told_lines + lost_lines, POSTERS * POSTINGS);
	assert_true(told_lines >= LOG_LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hands_out_lines_in_order_and_once, setup, teardown),
		cmocka_unit_test_setup_teardown(order_holds_when_the_ring_wraps, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_how_many_lines_are_missing_and_where, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut_at_a_whole_character, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_of_the_longest_length_is_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_stays_one_line, setup, teardown),
		cmocka_unit_test_setup_teardown(the_sink_may_post_and_the_drain_still_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(every_line_of_several_threads_is_told_or_counted_as_lost,
	                                        setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
