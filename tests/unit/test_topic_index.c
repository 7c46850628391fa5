#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scarce_memory.h"

#include "topic_index.h"

#include <errno.h>
#include <stdlib.h>

#define PATTERNS_MAX 1200

static struct {
	struct topic_pattern patterns[PATTERNS_MAX];
	size_t count;
	struct topic_index *index;
} all;

static void add(const char *text)
{
	char message[512];

	assert_true(all.count < PATTERNS_MAX);
	if (topic_pattern_init(&all.patterns[all.count], text, message, sizeof(message)) != 0) {
		fail_msg("%s: %s", text, message);
	}
	all.count++;
}

static int try_to_index(void)
{
	const struct topic_pattern *patterns[PATTERNS_MAX];

	for (size_t i = 0; i < all.count; i++) {
		patterns[i] = &all.patterns[i];
	}
	return topic_index_new(&all.index, patterns, all.count);
}

static void index_these(const char *const *texts)
{
	for (; *texts != NULL; texts++) {
		add(*texts);
	}
	assert_int_equal(try_to_index(), 0);
}

static int forget_all(void **state)
{
	(void)state;
	topic_index_free(all.index);
	for (size_t i = 0; i < all.count; i++) {
		topic_pattern_done(&all.patterns[i]);
	}
	all.count = 0;
	all.index = NULL;
	return 0;
}

#define INDEX(...) index_these((const char *const[]){__VA_ARGS__, NULL})

/* The number of the pattern that takes topic, -1: none does. */
static int taker(const char *topic)
{
	struct topic_match m;
	size_t number = topic_index_match(all.index, topic, &m);

	return number == TOPIC_INDEX_NONE ? -1 : (int)number;
}

static void the_first_in_order_takes_the_topic(void **state)
{
	(void)state;
	INDEX("a/{station}/+", "a/b/{station}", "a/{station}/#", "{station}/b/c");
	assert_int_equal(taker("a/b/c"), 0);
	assert_int_equal(taker("a/b"), 2);
	assert_int_equal(taker("a/b/"), 0);
	assert_int_equal(taker("x/b/c"), 3);
	assert_int_equal(taker("x/b/d"), -1);
}

static void wildcards_before_plain_text_go_first_too(void **state)
{
	(void)state;
	INDEX("+/b/{station}", "a/+/{station}", "a/b/{station}", "a/c/{station}");
	assert_int_equal(taker("a/b/s"), 0);
	assert_int_equal(taker("a/c/s"), 1);
	assert_int_equal(taker("c/c/s"), -1);
}

/* A search that follows plain text first would have to come back from a/b. */
static void what_begins_as_one_and_ends_as_another_is_found(void **state)
{
	(void)state;
	INDEX("a/b/c/{station}", "a/+/d/{station}", "+/b/e/{station}");
	assert_int_equal(taker("a/b/c/s"), 0);
	assert_int_equal(taker("a/b/d/s"), 1);
	assert_int_equal(taker("a/b/e/s"), 2);
	assert_int_equal(taker("a/b/f/s"), -1);
	assert_int_equal(taker("z/b/d/s"), -1);
}

static void names_are_captured_as_the_taker_has_them(void **state)
{
	struct topic_match m;

	(void)state;
	INDEX("a/{property}/{station}/x", "a/{station}/{property}/#", "b/{station}");
	assert_int_equal(topic_index_match(all.index, "a/one/three/x", &m), 0);
	assert_memory_equal(m.station, "three", 5);
	assert_int_equal(m.station_length, 5);
	assert_memory_equal(m.property, "one", 3);
	assert_int_equal(m.property_length, 3);
	assert_int_equal(topic_index_match(all.index, "a/one/three", &m), 1);
	assert_memory_equal(m.station, "one", 3);
	assert_memory_equal(m.property, "three", 5);
	assert_int_equal(m.property_length, 5);
	assert_int_equal(topic_index_match(all.index, "a/one/three/y/z", &m), 1);
	assert_int_equal(m.property_length, 5);
	assert_int_equal(topic_index_match(all.index, "b/four", &m), 2);
	assert_int_equal(m.station_length, 4);
	assert_null(m.property);
	assert_int_equal(m.property_length, 0);
}

static void nothing_is_written_without_a_match(void **state)
{
	struct topic_match m = {.station_length = 77};

	(void)state;
	INDEX("sensors/{station}/{property}", "sensors/{station}");
	assert_int_equal(topic_index_match(all.index, "sensors/a/b/c", &m), TOPIC_INDEX_NONE);
	assert_int_equal(topic_index_match(all.index, "sensors/a/", &m), TOPIC_INDEX_NONE);
	assert_int_equal(topic_index_match(all.index, "sensors", &m), TOPIC_INDEX_NONE);
	assert_int_equal(topic_index_match(all.index, "sensorsx/a", &m), TOPIC_INDEX_NONE);
	assert_int_equal(m.station_length, 77);
	assert_null(m.station);
}

static void empty_levels_are_text_and_wildcards_but_no_names(void **state)
{
	(void)state;
	INDEX("/{station}", "a//{station}", "b/+/{station}", "c/{station}/{property}", "c/{station}/+");
	assert_int_equal(taker("/s"), 0);
	assert_int_equal(taker("a//s"), 1);
	assert_int_equal(taker("a/b/s"), -1);
	assert_int_equal(taker("b//s"), 2);
	assert_int_equal(taker("b//"), -1);
	assert_int_equal(taker("c/s/"), 4);
	assert_int_equal(taker("c//p"), -1);
	assert_int_equal(taker("/"), -1);
	assert_int_equal(taker("//"), -1);
	assert_int_equal(taker(""), -1);
}

static void the_rest_may_be_nothing_or_long(void **state)
{
	(void)state;
	INDEX("a/{station}/#", "{station}/x/#", "{station}/#");
	assert_int_equal(taker("a"), 2);
	assert_int_equal(taker("a/"), 2);
	assert_int_equal(taker("a/s"), 0);
	assert_int_equal(taker("a/s/1/2/3/4/5/6/7/8/9"), 0);
	assert_int_equal(taker("b/x"), 1);
	assert_int_equal(taker("b/x/1/2/3"), 1);
	assert_int_equal(taker("b/y/1/2/3"), 2);
	assert_int_equal(taker("/x"), -1);
}

static void wildcards_and_names_leave_dollar_topics_alone(void **state)
{
	(void)state;
	INDEX("{station}/#", "+/{station}", "$lab/{station}");
	assert_int_equal(taker("$lab/a"), 2);
	assert_int_equal(taker("$lab/a/b"), -1);
	assert_int_equal(taker("$SYS/broker"), -1);
	assert_int_equal(taker("$"), -1);
	assert_int_equal(taker("a/$SYS"), 0);
}

static void nobody_takes_anything_without_patterns(void **state)
{
	(void)state;
	assert_int_equal(try_to_index(), 0);
	assert_int_equal(taker(""), -1);
	assert_int_equal(taker("a"), -1);
	assert_int_equal(taker("/a/b"), -1);
}

static void as_many_levels_as_a_pattern_may_have_and_more_in_a_topic(void **state)
{
	char pattern[200] = "{station}", topic[400] = "s";

	(void)state;
	for (int i = 1; i < TOPIC_LEVELS_MAX; i++) {
		strcat(pattern, "/a");
		strcat(topic, "/a");
	}
	INDEX(pattern);
	assert_int_equal(taker(topic), 0);
	for (int i = 0; i < TOPIC_LEVELS_MAX; i++) {
		strcat(topic, "/a");
		assert_int_equal(taker(topic), -1);
	}
}

static void bytes_beyond_ascii_begin_levels_too(void **state)
{
	(void)state;
	INDEX("\xc4\x91o/{station}", "s\xc3\xb4ng/{station}", "\xf0\x9f\x8c\x8a/{station}/x");
	assert_int_equal(taker("\xc4\x91o/a"), 0);
	assert_int_equal(taker("s\xc3\xb4ng/a"), 1);
	assert_int_equal(taker("\xf0\x9f\x8c\x8a/a/x"), 2);
	assert_int_equal(taker("\xf0\x9f\x8c\x8b/a/x"), -1);
}

static void each_of_a_thousand_is_found(void **state)
{
	char text[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "city/a-district-with-a-long-name-%d/{station}/+", i);
		add(text);
	}
	add("city/+/{station}/+");
	add("{station}/#");
	assert_int_equal(try_to_index(), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "city/a-district-with-a-long-name-%d/s/p", i);
		assert_int_equal(taker(text), i);
		strcat(text, "/q");
		assert_int_equal(taker(text), 1001);
	}
	assert_int_equal(taker("city/a-district-with-a-long-name-1000/s/p"), 1000);
}

/* --- compared with trying each in turn --- */

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

/* Few, so that topics meet patterns; with empty ones, beginnings of one another, long ones and '$'. */
static const char *const words[] = {"a",
                                    "b",
                                    "",
                                    "aa",
                                    "ab",
                                    "$a",
                                    "$",
                                    "a-word-of-sixteen",
                                    "a-word-of-sixteem",
                                    "seventeen bytes+1" /* never in a pattern */};

static void draw_pattern(char *text, size_t size)
{
	uint32_t levels = 1 + draw(6), station = draw(levels), property = draw(levels * 2);
	uint32_t texts = 2 + draw(ARRAY_SIZE(words) - 2);
	size_t length = 0;

	for (uint32_t i = 0; i < levels; i++) {
		const char *level = draw(3) == 0 ? "+" : words[draw(MIN(texts, ARRAY_SIZE(words) - 1))];

		if (i == station) {
			level = "{station}";
		} else if (i == property) {
			level = "{property}";
		} else if (i + 1 == levels && draw(3) == 0) {
			level = "#";
		}
		length += (size_t)snprintf(text + length, size - length, "%s%s", i > 0 ? "/" : "", level);
	}
}

static void draw_topic(char *text, size_t size)
{
	uint32_t levels = 1 + draw(8), texts = 1 + draw(ARRAY_SIZE(words));
	size_t length = 0;

	for (uint32_t i = 0; i < levels; i++) {
		length += (size_t)snprintf(text + length, size - length, "%s%s", i > 0 ? "/" : "",
		                           words[draw(texts)]);
	}
}

static size_t in_turn(const char *topic, struct topic_match *match)
{
	for (size_t i = 0; i < all.count; i++) {
		if (topic_match(&all.patterns[i], topic, match)) {
			return i;
		}
	}
	return TOPIC_INDEX_NONE;
}

static bool compare(const char *topic)
{
	struct topic_match expected = {.station = "none", .property_length = 5}, found = expected;
	size_t number = in_turn(topic, &expected);

	if (topic_index_match(all.index, topic, &found) != number) {
		for (size_t i = 0; i < all.count; i++) {
			print_message("%zu %s\n", i, all.patterns[i].text);
		}
		fail_msg("%s: expected %zu", topic, number);
	}
	assert_ptr_equal(found.station, expected.station);
	assert_int_equal(found.station_length, expected.station_length);
	assert_ptr_equal(found.property, expected.property);
	assert_int_equal(found.property_length, expected.property_length);
	return number != TOPIC_INDEX_NONE;
}

static void compare_sets(size_t sets, size_t topics, uint32_t patterns_max)
{
	size_t matched = 0;

	for (size_t i = 0; i < sets; i++) {
		char text[400];

		for (uint32_t count = 1 + draw(patterns_max); count > 0; count--) {
			draw_pattern(text, sizeof(text));
			if (strstr(text, "$share") == NULL && text[0] != '\0') {
				add(text);
			}
		}
		assert_int_equal(try_to_index(), 0);
		for (size_t n = 0; n < topics; n++) {
			draw_topic(text, sizeof(text));
			matched += compare(text);
		}
		forget_all(NULL);
	}
	/* Both answers are common. */
	assert_in_range(matched, sets * topics / 50, sets * topics * 49 / 50);
}

static void few_patterns_answer_as_each_in_turn(void **state)
{
	(void)state;
	seed = 20261128;
	compare_sets(4000, 60, 6);
}

static void dozens_of_patterns_answer_as_each_in_turn(void **state)
{
	(void)state;
	seed = 4711;
	compare_sets(1000, 200, 64);
}

static void hundreds_of_patterns_answer_as_each_in_turn(void **state)
{
	(void)state;
	seed = 99;
	compare_sets(60, 1000, 400);
}

static void without_memory_there_is_no_index(void **state)
{
	size_t failures = 0;
	int r;

	(void)state;
	add("sensors/{station}/{property}");
	add("v3/+/devices/{station}/#");
	for (;;) {
		scarce_begin(failures + 1, false);
		r = try_to_index();
		if (scarce_end() == 0) {
			break;
		}
		assert_int_equal(r, -ENOMEM);
		assert_null(all.index);
		failures++;
	}
	assert_int_equal(r, 0);
	assert_in_range(failures, 3, 10);
	assert_int_equal(taker("v3/app/devices/s"), 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, forget_all)
	const struct CMUnitTest tests[] = {
		TEST(the_first_in_order_takes_the_topic),
		TEST(wildcards_before_plain_text_go_first_too),
		TEST(what_begins_as_one_and_ends_as_another_is_found),
		TEST(names_are_captured_as_the_taker_has_them),
		TEST(nothing_is_written_without_a_match),
		TEST(empty_levels_are_text_and_wildcards_but_no_names),
		TEST(the_rest_may_be_nothing_or_long),
		TEST(wildcards_and_names_leave_dollar_topics_alone),
		TEST(nobody_takes_anything_without_patterns),
		TEST(as_many_levels_as_a_pattern_may_have_and_more_in_a_topic),
		TEST(bytes_beyond_ascii_begin_levels_too),
		TEST(each_of_a_thousand_is_found),
		TEST(few_patterns_answer_as_each_in_turn),
		TEST(dozens_of_patterns_answer_as_each_in_turn),
		TEST(hundreds_of_patterns_answer_as_each_in_turn),
		TEST(without_memory_there_is_no_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
