#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quantity.h"

#include <errno.h>

static void reads_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} examples[] = {
		{"0", 0},           {"0s", 0},
		{"7us", 7},         {"100ms", 100000},
		{"90s", 90000000},  {"5m", 300000000},
		{"2h", 7200000000}, {"366d", INT64_C(31622400000000)},
		{"007s", 7000000},  {"9223372036854775807us", INT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		int64_t us = -1;

		assert_int_equal(quantity_duration_us(examples[i].text, &us), 0);
		assert_true(us == examples[i].us);
	}
}

static void refuses_what_is_no_duration(void **state)
{
	static const char *const bad[] = {
		"",
		"5",
		"s",
		"5 s",
		" 5s",
		"5s ",
		"-5s",
		"+5s",
		"1.5h",
		"1e3s",
		"5S",
		"5min",
		"5sec",
		"5MiB",
		"1h30m",
		"0x5s",
		"9223372036854775808us",
		"106751992d",
		"99999999999999999999999s",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int64_t us = 42;

		if (quantity_duration_us(bad[i], &us) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(us, 42);
	}
}

static void reads_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} examples[] = {
		{"0B", 0},
		{"512B", 512},
		{"4KiB", 4096},
		{"16MiB", 16777216},
		{"4GiB", UINT64_C(4294967296)},
		{"2TiB", UINT64_C(2199023255552)},
		{"18446744073709551615B", UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		uint64_t bytes = 1;

		assert_int_equal(quantity_size_bytes(examples[i].text, &bytes), 0);
		assert_true(bytes == examples[i].bytes);
	}
}

static void refuses_what_is_no_size(void **state)
{
	static const char *const bad[] = {
		"",    "0",     "16",    "MiB",    "16 MiB",      "16MB",
		"16M", "16mib", "-1MiB", "1.5GiB", "16777216TiB", "18446744073709551616B",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t bytes = 42;

		if (quantity_size_bytes(bad[i], &bytes) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(bytes, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(refuses_what_is_no_duration),
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(refuses_what_is_no_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
