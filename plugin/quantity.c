#include "quantity.h"

#include <errno.h>
#include <stdbool.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit durations[] = {
	{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", 3600000000}, {"d", 86400000000},
};

static const struct unit sizes[] = {
	{"B", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"TiB", 1ull << 40},
};

/* Reads leading digits. Returns what follows them, NULL when there are none or too many. */
static const char *read_number(const char *text, uint64_t *ret)
{
	uint64_t n = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (n > (UINT64_MAX - digit) / 10)
			return NULL;
		n = n * 10 + digit;
	}
	*ret = n;
	return p == text ? NULL : p;
}

static int read_quantity(const char *text, const struct unit *units, size_t count, uint64_t max,
                         uint64_t *ret)
{
	uint64_t number;
	const char *unit = read_number(text, &number);

	if (!unit)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(unit, units[i].name) != 0)
			continue;
		if (number > max / units[i].factor)
			return -EINVAL;
		*ret = number * units[i].factor;
		return 0;
	}
	return -EINVAL;
}

int quantity_duration_us(const char *text, int64_t *ret_us)
{
	uint64_t us = 0;
	int r = 0;

	if (strcmp(text, "0") != 0)
		r = read_quantity(text, durations, ARRAY_SIZE(durations), INT64_MAX, &us);
	if (r == 0)
		*ret_us = (int64_t)us;
	return r;
}

int quantity_size_bytes(const char *text, uint64_t *ret_bytes)
{
	return read_quantity(text, sizes, ARRAY_SIZE(sizes), UINT64_MAX, ret_bytes);
}
