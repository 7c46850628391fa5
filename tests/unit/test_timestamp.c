#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "timestamp.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define S INT64_C(1000000)

struct example {
	const char *text;
	int64_t us;
};

static void assert_parses(const struct example *e)
{
	int64_t us = 42;

	if (timestamp_parse(e->text, strlen(e->text), &us) != 0 || us != e->us)
		fail_msg("%s: %lld", e->text, (long long)us);
}

static void assert_refused(const char *text)
{
	int64_t us = 42;

	if (timestamp_parse(text, strlen(text), &us) != -EINVAL)
		fail_msg("%s was taken", text);
	assert_int_equal(us, 42);
}

static void reads_rfc_3339(void **state)
{
	static const struct example examples[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-22T10:15:00+07:00", 1795317300 * S},
		{"2026-11-22t03:15:00z", 1795317300 * S},
		{"2026-11-22 03:15:00Z", 1795317300 * S},
		{"2026-11-21T21:45:00-05:30", 1795317300 * S},
		{"2026-11-22T03:15:00-00:00", 1795317300 * S},
		{"1969-12-31T23:59:59.5Z", -S / 2},
		{"1985-04-12T23:20:50.52Z", 482196050 * S + 520000},
		{"1990-12-31T15:59:60-08:00", 662688000 * S},
		{"2000-02-29T00:00:00Z", 951782400 * S},
		{"2024-02-29T00:00:00Z", 1709164800 * S},
		{"0001-01-01T00:00:00Z", INT64_C(-62135596800) * S},
		{"9999-12-31T23:59:59.999999Z", INT64_C(253402300799) * S + 999999},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		assert_parses(&examples[i]);
}

static void cuts_a_fraction_to_microseconds(void **state)
{
	static const struct example examples[] = {
		{"1970-01-01T00:00:00.1Z", 100000},      {"1970-01-01T00:00:00.001Z", 1000},
		{"1970-01-01T00:00:00.123456Z", 123456}, {"1970-01-01T00:00:00.123456999Z", 123456},
		{"1970-01-01T00:00:00.0000009Z", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		assert_parses(&examples[i]);
	assert_refused("1970-01-01T00:00:00.Z");
	assert_refused("1970-01-01T00:00:00.1234567890Z");
	assert_refused("1970-01-01T00:00:00,5Z");
}

static void refuses_days_that_no_calendar_has(void **state)
{
	static const char *const bad[] = {
		"2026-02-29T00:00:00Z", "2026-02-30T00:00:00Z", "1900-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z", "2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z",
		"2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "0000-01-01T00:00:00Z",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refused(bad[i]);
}

static void refuses_what_is_not_rfc_3339(void **state)
{
	static const char *const bad[] = {
		"",
		"2026",
		"2026-11-22",
		"2026-11-22T10:15:00", /* no zone */
		"2026-11-22T10:15Z",
		"2026-11-22T10:15:00+0700",
		"2026-11-22T10:15:00+07",
		"2026-11-22T10:15:00+24:00",
		"2026-11-22T10:15:00+07:60",
		"2026-11-22T24:00:00Z",
		"2026-11-22T10:60:00Z",
		"2026-11-22T10:15:61Z",
		"2026-11-22T10:15:00Z ",
		" 2026-11-22T10:15:00Z",
		"2026-11-22  10:15:00Z",
		"2026-1-22T10:15:00Z",
		"+2026-11-22T10:15:00Z",
		"12026-11-22T10:15:00Z",
		"2026/11/22T10:15:00Z",
		"20261122T101500Z",
		"2026-11-22T10:15:00 +07:00",
		"2026-11-22T1O:15:00Z",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refused(bad[i]);
}

static void second_60_stands_only_at_the_end_of_a_utc_month(void **state)
{
	static const struct example leap = {"2016-12-31T23:59:60Z", 1483228800 * S};

	(void)state;
	assert_parses(&leap);
	assert_refused("2016-12-30T23:59:60Z");
	assert_refused("2016-12-31T12:00:60Z");
	assert_refused("2016-12-31T23:59:60+07:00");
}

static void stays_within_the_years_1_to_9999_in_utc(void **state)
{
	static const struct example examples[] = {
		{"0001-01-01T07:00:00+07:00", INT64_C(-62135596800) * S},
		{"9999-12-31T22:59:59-01:00", INT64_C(253402300799) * S},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		assert_parses(&examples[i]);
	assert_refused("0001-01-01T06:59:59+07:00");
	assert_refused("9999-12-31T23:59:59-00:01");
	assert_refused("9999-12-31T23:59:60Z");
}

static void never_reads_past_the_length(void **state)
{
	static const char text[] = "2026-11-22T03:15:00Z";
	int64_t us = 42;

	(void)state;
	for (size_t length = 0; length < sizeof(text) - 1; length++)
		assert_int_equal(timestamp_parse(text, length, &us), -EINVAL);
	assert_int_equal(us, 42);
}

static void tells_seconds_from_milliseconds_by_size(void **state)
{
	int64_t us;

	(void)state;
	assert_int_equal(timestamp_from_number(1795317300, &us), 0);
	assert_int_equal(us, 1795317300 * S);
	assert_int_equal(timestamp_from_number(1795317300.25, &us), 0);
	assert_int_equal(us, 1795317300 * S + 250000);
	assert_int_equal(timestamp_from_number(1795317300123.0, &us), 0);
	assert_int_equal(us, 1795317300 * S + 123000);
	assert_int_equal(timestamp_from_number(99999999999.0, &us), 0);
	assert_int_equal(us, INT64_C(99999999999) * S);
	assert_int_equal(timestamp_from_number(100000000000.0, &us), 0);
	assert_int_equal(us, 100000000 * S);
	assert_int_equal(timestamp_from_number(-1.5, &us), 0);
	assert_int_equal(us, -S * 3 / 2);
}

static void refuses_numbers_that_are_no_time(void **state)
{
	int64_t us = 42;

	(void)state;
	assert_int_equal(timestamp_from_number(253402300800000.0, &us), -EINVAL);
	assert_int_equal(timestamp_from_number(-62135596800001.0, &us), -EINVAL);
	assert_int_equal(timestamp_from_number(1e300, &us), -EINVAL);
	assert_int_equal(timestamp_from_number(NAN, &us), -EINVAL);
	assert_int_equal(timestamp_from_number(-INFINITY, &us), -EINVAL);
	assert_int_equal(us, 42);
	assert_int_equal(timestamp_from_number(253402300799999.0, &us), 0);
	assert_int_equal(us, INT64_C(253402300799) * S + 999000);
}

static void writes_as_few_digits_as_are_needed(void **state)
{
	char text[TIMESTAMP_TEXT_SIZE];

	(void)state;
	assert_string_equal(timestamp_format(1795317300 * S, text), "2026-11-22T03:15:00Z");
	assert_string_equal(timestamp_format(1795317300 * S + 120000, text), "2026-11-22T03:15:00.120Z");
	assert_string_equal(timestamp_format(1795317300 * S + 1, text), "2026-11-22T03:15:00.000001Z");
	assert_string_equal(timestamp_format(-1, text), "1969-12-31T23:59:59.999999Z");
	assert_string_equal(timestamp_format(INT64_C(-62135596800) * S, text), "0001-01-01T00:00:00Z");
}

static void any_number_fits_the_text(void **state)
{
	char text[TIMESTAMP_TEXT_SIZE];

	(void)state;
	assert_string_equal(timestamp_format(INT64_MIN, text), "-290308-12-21T19:59:05.224192Z");
	assert_string_equal(timestamp_format(INT64_MAX, text), "294247-01-10T04:00:54.775807Z");
}

static void what_is_written_reads_back(void **state)
{
	char text[TIMESTAMP_TEXT_SIZE];
	int64_t back;

	(void)state;
	/* A step that is prime to a day meets every month, leap day and time of day. */
	for (int64_t us = INT64_C(-62135596800) * S; us < INT64_C(253402300800) * S;
	     us += INT64_C(5000011) * S + 1009) {
		timestamp_format(us, text);
		assert_int_equal(timestamp_parse(text, strlen(text), &back), 0);
		assert_true(back == us);
	}
}

/* A day, or one past a month's last, at a random time and offset; timegm() says whether there is such a day. */
static void assert_as_timegm_has_it(int year, int month, int day, uint64_t random)
{
	unsigned hour = (unsigned)(random % 24), minute = (unsigned)(random >> 8) % 60,
		 second = (unsigned)(random >> 16) % 60, us = (unsigned)(random >> 24) % 1000000,
		 offset = (unsigned)(random >> 45) % 1440;
	bool west = random >> 63;
	struct tm tm = {.tm_year = year - 1900,
	                .tm_mon = month - 1,
	                .tm_mday = day,
	                .tm_hour = (int)hour,
	                .tm_min = (int)minute,
	                .tm_sec = (int)second};
	int64_t got = 42, expected = timegm(&tm) + (west ? 1 : -1) * (int64_t)offset * 60;
	bool exists =
		tm.tm_mday == day && expected >= INT64_C(-62135596800) && expected < INT64_C(253402300800);
	char text[64];
	size_t length = (size_t)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02u:%02u:%02u.%06u%c%02u:%02u",
	                                 year, month, day, hour, minute, second, us, west ? '-' : '+',
	                                 offset / 60, offset % 60);

	if ((timestamp_parse(text, length, &got) == 0) != exists || got != (exists ? expected * S + us : 42))
		fail_msg("%s: %lld", text, (long long)got);
}

static void every_day_is_where_timegm_has_it(void **state)
{
	uint64_t random = 88172645463325252u;

	(void)state;
	/* One more than a month can have, so that what must not be is tried too. */
	for (int year = 1; year <= 9999; year++) {
		for (int month = 1; month <= 12; month++) {
			/* All days of the years that sensors and archives know, the edges of months otherwise. */
			for (int day = year >= 1850 && year <= 2150 ? 1 : 27; day <= 32; day++) {
				random ^= random << 13;
				random ^= random >> 7;
				random ^= random << 17;
				assert_as_timegm_has_it(year, month, day, random);
			}
			assert_as_timegm_has_it(year, month, 1, random);
		}
	}
}

static void a_wrong_character_is_refused_wherever_it_stands(void **state)
{
	static const char text[] = "2026-11-22T10:15:00.123456+07:00", separators[] = "-T:.+";
	int64_t us = 42;

	(void)state;
	for (size_t at = 0; at < sizeof(text) - 1; at++) {
		for (int c = 0; c < 256; c++) {
			char changed[sizeof(text)];
			bool digit = c >= '0' && c <= '9', was_digit = !strchr(separators, text[at]);

			/* Other digits, and what may stand for one of the separators, have tests of their own. */
			if ((digit && was_digit) || c == text[at] ||
			    (text[at] == 'T' && (c == 't' || c == ' ')) ||
			    (text[at] == '+' && (c == '-' || digit)))
				continue;
			memcpy(changed, text, sizeof(text));
			changed[at] = (char)c;
			if (timestamp_parse(changed, sizeof(text) - 1, &us) != -EINVAL || us != 42)
				fail_msg("0x%02x at %zu was taken", (unsigned)c, at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_rfc_3339),
		cmocka_unit_test(cuts_a_fraction_to_microseconds),
		cmocka_unit_test(refuses_days_that_no_calendar_has),
		cmocka_unit_test(refuses_what_is_not_rfc_3339),
		cmocka_unit_test(second_60_stands_only_at_the_end_of_a_utc_month),
		cmocka_unit_test(stays_within_the_years_1_to_9999_in_utc),
		cmocka_unit_test(never_reads_past_the_length),
		cmocka_unit_test(tells_seconds_from_milliseconds_by_size),
		cmocka_unit_test(refuses_numbers_that_are_no_time),
		cmocka_unit_test(writes_as_few_digits_as_are_needed),
		cmocka_unit_test(any_number_fits_the_text),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(every_day_is_where_timegm_has_it),
		cmocka_unit_test(a_wrong_character_is_refused_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
