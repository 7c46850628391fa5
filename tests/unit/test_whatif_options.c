#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "whatif_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)

static const struct datastream_key phu_an = {"phu-an", "water_level"};

static struct whatif_change change_of(const char *text)
{
	char line[256], why[WHATIF_WHY_SIZE] = "";
	struct whatif_change c;

	copy_text(line, sizeof(line), text, strlen(text));
	if (whatif_change_line(&c, line, why) != 0 || whatif_change_check(&c, why) != 0) {
		fail_msg("%s: %s", text, why);
	}
	return c;
}

/* Levels I and II of Phú An, and a rain alarm beside them. */
static size_t levels(struct threshold *t)
{
	static const struct threshold all[] = {
		{.level = 1, .set_value = 1.40, .clear_value = 1.35, .name = "I"},
		{.level = 2, .set_value = 1.50, .clear_value = 1.45, .on_delay_us = MINUTE, .name = "II"},
		{.level = 1,
	         .cause = CAUSE_RAIN,
	         .period_us = 60 * MINUTE,
	         .set_value = 30,
	         .clear_value = 24},
		{.level = 1,
	         .cause = CAUSE_RAIN,
	         .period_us = 1440 * MINUTE,
	         .set_value = 90,
	         .clear_value = 72},
	};

	memcpy(t, all, sizeof(all));
	return ARRAY_SIZE(all);
}

/* Applies text to those levels; how many are left, and in *ret_hits how many it concerned. */
static size_t apply(const char *text, struct threshold *t, size_t *ret_hits)
{
	struct whatif_change c = change_of(text);
	char why[WHATIF_WHY_SIZE] = "";
	size_t count = levels(t);

	*ret_hits = 0;
	if (whatif_change_apply(&c, &phu_an, t, &count, ret_hits, why) != 0) {
		fail_msg("%s: %s", text, why);
	}
	return count;
}

static void changes_what_is_given_and_leaves_the_rest(void **state)
{
	struct threshold t[5];
	size_t hits;

	(void)state;
	assert_int_equal(
		apply("phu-an/water_level/2 set=1.55 clear=1.48 on-delay=2m on-samples=3 off-delay=15m "
	              "latching=yes repeat-after=1h name=\"báo động hai\"",
	              t, &hits),
		4);
	assert_int_equal(hits, 1);
	assert_float_equal(t[1].set_value, 1.55, 0);
	assert_float_equal(t[1].clear_value, 1.48, 0);
	assert_int_equal(t[1].on_delay_us, 2 * MINUTE);
	assert_int_equal(t[1].on_samples, 3);
	assert_int_equal(t[1].off_delay_us, 15 * MINUTE);
	assert_int_equal(t[1].repeat_us, 60 * MINUTE);
	assert_true(t[1].latching);
	assert_string_equal(t[1].name, "báo động hai");
	assert_float_equal(t[0].set_value, 1.40, 0);

	assert_int_equal(apply("phu-an/water_level/2 off-delay=30s", t, &hits), 4);
	assert_float_equal(t[1].set_value, 1.50, 0);
	assert_int_equal(t[1].on_delay_us, MINUTE);
	assert_int_equal(t[1].off_delay_us, 30 * SECOND);
}

static void deadband_moves_along_with_the_set_value(void **state)
{
	struct threshold t[5];
	size_t hits;

	(void)state;
	(void)apply("phu-an/water_level/1 set=1.60", t, &hits);
	assert_float_equal(t[0].clear_value, 1.55, 1e-12);
}

static void a_path_may_name_cause_and_period(void **state)
{
	struct threshold t[5];
	size_t hits;

	(void)state;
	(void)apply("phu-an/water_level/rain/1h/1 set=40", t, &hits);
	assert_int_equal(hits, 1);
	assert_float_equal(t[2].set_value, 40, 0);
	assert_float_equal(t[3].set_value, 90, 0);
	(void)apply("phu-an/water_level/rain/1 on-delay=1m", t, &hits);
	assert_int_equal(hits, 2);
	assert_int_equal(t[2].on_delay_us, MINUTE);
	assert_int_equal(t[3].on_delay_us, MINUTE);
	assert_int_equal(t[0].on_delay_us, 0);
}

static void a_star_is_all_stations_or_all_levels(void **state)
{
	struct threshold t[5];
	size_t hits;

	(void)state;
	(void)apply("*/water_level/* on-samples=2", t, &hits);
	assert_int_equal(hits, 2);
	assert_int_equal(t[0].on_samples, 2);
	assert_int_equal(t[1].on_samples, 2);
	assert_int_equal(t[2].on_samples, 0);
}

static void other_datastreams_are_left_alone(void **state)
{
	static const char *const texts[] = {
		"nha-be/water_level/1 set=9", "phu-an/water_depth/1 set=9",         "*/water_depth/1 set=9",
		"phu-an/water_level/3 set=9", "phu-an/water_level/rate/1h/1 set=9",
	};
	struct threshold t[5], before[5];
	size_t hits;

	(void)state;
	(void)levels(before);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(apply(texts[i], t, &hits), 4);
		assert_int_equal(hits, 0);
		assert_memory_equal(t, before, 4 * sizeof(t[0]));
	}
}

static void levels_are_dropped_and_added(void **state)
{
	struct threshold t[5];
	size_t hits;

	(void)state;
	assert_int_equal(apply("phu-an/water_level/1 drop", t, &hits), 3);
	assert_int_equal(hits, 1);
	assert_int_equal(t[0].level, 2);
	assert_int_equal(apply("phu-an/water_level/3 new set=1.6 clear=1.5 name=III", t, &hits), 5);
	assert_int_equal(hits, 1);
	assert_int_equal(t[4].level, 3);
	assert_int_equal(t[4].cause, CAUSE_THRESHOLD);
	assert_string_equal(t[4].name, "III");
}

static void refuses_a_change_that_makes_no_sense_there(void **state)
{
	static const char *const texts[] = {
		"phu-an/water_level/1 clear=1.41",        "phu-an/water_level/1 direction=falling",
		"phu-an/water_level/1 new set=1 clear=1", "phu-an/water_level/rain/9 new set=1 clear=1",
		"phu-an/water_level/5 new set=1 clear=2",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct whatif_change c = change_of(texts[i]);
		char why[WHATIF_WHY_SIZE] = "";
		struct threshold t[5];
		size_t count = levels(t), hits = 0;

		assert_int_equal(whatif_change_apply(&c, &phu_an, t, &count, &hits, why), -EINVAL);
		assert_true(why[0] != '\0');
	}
}

static void refuses_changes_that_it_cannot_read(void **state)
{
	static const char *const texts[] = {
		"",
		"phu-an",
		"phu-an/water_level",
		"/water_level/1 set=1",
		"phu-an//1 set=1",
		"phu-an/water_level/0 set=1",
		"phu-an/water_level/I set=1",
		"phu-an/water_level/1x set=1",
		"phu-an/water_level/flood/1 set=1",
		"phu-an/water_level/test/1 set=1",
		"phu-an/water_level/rain/hour/1 set=1",
		"a/b/rain/1h/1/2 set=1",
		"phu-an/water_level/1",
		"phu-an/water_level/1 set",
		"phu-an/water_level/1 set=",
		"phu-an/water_level/1 set=nan",
		"phu-an/water_level/1 set=1,4",
		"phu-an/water_level/1 height=1",
		"phu-an/water_level/1 on-delay=2",
		"phu-an/water_level/1 on-delay=8d",
		"phu-an/water_level/1 on-samples=-1",
		"phu-an/water_level/1 on-samples=1001",
		"phu-an/water_level/1 latching=maybe",
		"phu-an/water_level/1 direction=up",
		"phu-an/water_level/1 name=",
		"phu-an/water_level/1 drop set=1",
		"phu-an/water_level/1 new set=1",
		"phu-an/water_level/* new set=1 clear=1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char line[256], why[WHATIF_WHY_SIZE] = "";
		struct whatif_change c;
		int r;

		copy_text(line, sizeof(line), texts[i], strlen(texts[i]));
		r = whatif_change_line(&c, line, why);
		if (r == 0) {
			r = whatif_change_check(&c, why);
		}
		if (r != -EINVAL || why[0] == '\0') {
			fail_msg("took \"%s\"", texts[i]);
		}
	}
}

/* --- the command line --- */

/* Arguments up to NULL; the parser may cut them up, and what it makes points into them until the next call. */
static int parse(struct whatif_options *o, const char *const *arguments)
{
	static char text[16][160], *argv[17] = {"highwater-whatif"};
	int argc = 1;

	for (; *arguments != NULL; arguments++, argc++) {
		copy_text(text[argc - 1], sizeof(text[0]), *arguments, strlen(*arguments));
		argv[argc] = text[argc - 1];
	}
	argv[argc] = NULL;
	return whatif_options_parse(o, argc, argv);
}

#define PARSE(o, ...) parse(o, (const char *const[]){__VA_ARGS__, NULL})

static void words_after_set_belong_to_its_change(void **state)
{
	struct whatif_options o;

	(void)state;
	assert_int_equal(PARSE(&o, "--set", "phu-an/water_level/1", "set=1.45", "name=báo động I", "--csv",
	                       "--set", "*/water_depth/* on-delay=2m"),
	                 0);
	assert_int_equal(o.change_count, 2);
	assert_string_equal(o.changes[0].station, "phu-an");
	assert_float_equal(o.changes[0].values.set_value, 1.45, 0);
	assert_string_equal(o.changes[0].values.name, "báo động I");
	assert_string_equal(o.changes[1].station, "");
	assert_true(o.changes[1].all_levels);
	assert_true(o.csv);
	whatif_options_done(&o);
}

static void times_are_days_moments_or_ages(void **state)
{
	struct whatif_options o;

	(void)state;
	assert_int_equal(setenv("TZ", "ICT-7", 1), 0);
	assert_int_equal(PARSE(&o, "--from", "2025-11-21", "--to", "2025-11-21T10:00:00+07:00"), 0);
	assert_int_equal(o.from_us, INT64_C(1763658000) * SECOND);
	assert_int_equal(o.to_us, INT64_C(1763694000) * SECOND);
	whatif_options_done(&o);
	assert_int_equal(PARSE(&o, "--from", "90d", "--to", "now"), 0);
	assert_in_range(o.to_us - o.from_us, INT64_C(90) * 86400 * SECOND - SECOND,
	                INT64_C(90) * 86400 * SECOND + SECOND);
	whatif_options_done(&o);
}

static void without_options_it_is_everything_by_the_rules_of_now(void **state)
{
	struct whatif_options o;

	(void)state;
	assert_int_equal(parse(&o, (const char *const[]){NULL}), 0);
	assert_int_equal(o.from_us, INT64_MIN);
	assert_int_equal(o.to_us, INT64_MAX);
	assert_int_equal(o.as_of_us, INT64_MIN);
	assert_int_equal(o.late_after_us, 30 * MINUTE);
	assert_int_equal(o.change_count, 0);
	assert_true(whatif_is_chosen(&o.stations, "any"));
	whatif_options_done(&o);
}

static void chooses_stations_and_properties(void **state)
{
	struct whatif_options o;

	(void)state;
	assert_int_equal(PARSE(&o, "--station", "a", "--station", "b", "--property", "water_level"), 0);
	assert_true(whatif_is_chosen(&o.stations, "b"));
	assert_false(whatif_is_chosen(&o.stations, "c"));
	assert_false(whatif_is_chosen(&o.properties, "water_depth"));
	whatif_options_done(&o);
}

static void reads_changes_from_a_file(void **state)
{
	static const char text[] = "# the streets\n\n*/water_depth/1  set=0.05 clear=0.03 # 5 cm\n"
				   "phu-an/water_level/1 name=\"báo động I\"";
	char path[] = "/tmp/test_whatif.XXXXXX";
	struct whatif_options o;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(PARSE(&o, "--levels", path), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(o.change_count, 2);
	assert_string_equal(o.changes[0].property, "water_depth");
	assert_string_equal(o.changes[1].values.name, "báo động I");
	whatif_options_done(&o);
}

/* Without what it says on stderr. */
static int parse_quietly(struct whatif_options *o, const char *const *arguments)
{
	int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), r;

	assert_true(kept >= 0 && nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0);
	r = parse(o, arguments);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	assert_int_equal(close(kept) | close(nowhere), 0);
	return r;
}

static void refuses_bad_options(void **state)
{
	static const char *const lines[][4] = {
		{"--from", "yesterday"},
		{"--from", "2025-13-01"},
		{"--from", "2025-11-21T10:00:00"},
		{"--to", "0"},
		{"--from", "2025-11-21", "--to", "2025-11-21"},
		{"--late-after", "soon"},
		{"--warm-up", "7"},
		{"--as-of", "then"},
		{"--set", "phu-an/water_level/1"},
		{"--set", "phu-an"},
		{"set=1"},
		{"--csv", "set=1"},
		{"--levels", "/nowhere/levels"},
		{"--csv", "--summary"},
		{"--flood"},
		{"--station"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *const line[5] = {lines[i][0], lines[i][1], lines[i][2], lines[i][3], NULL};
		struct whatif_options o;
		int r = parse_quietly(&o, line);

		if (r != -EINVAL) {
			fail_msg("took %s %s", line[0], line[1] != NULL ? line[1] : "");
		}
		whatif_options_done(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_what_is_given_and_leaves_the_rest),
		cmocka_unit_test(deadband_moves_along_with_the_set_value),
		cmocka_unit_test(a_path_may_name_cause_and_period),
		cmocka_unit_test(a_star_is_all_stations_or_all_levels),
		cmocka_unit_test(other_datastreams_are_left_alone),
		cmocka_unit_test(levels_are_dropped_and_added),
		cmocka_unit_test(refuses_a_change_that_makes_no_sense_there),
		cmocka_unit_test(refuses_changes_that_it_cannot_read),
		cmocka_unit_test(words_after_set_belong_to_its_change),
		cmocka_unit_test(times_are_days_moments_or_ages),
		cmocka_unit_test(without_options_it_is_everything_by_the_rules_of_now),
		cmocka_unit_test(chooses_stations_and_properties),
		cmocka_unit_test(reads_changes_from_a_file),
		cmocka_unit_test(refuses_bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
