#include "timestamp.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define US_PER_SECOND   1000000
#define SECONDS_PER_DAY 86400

/* 0001-01-01T00:00:00Z and 10000-01-01T00:00:00Z. */
#define FIRST_SECOND (-62135596800LL)
#define END_SECOND   253402300800LL

struct civil {
	int64_t year;
	unsigned month, day;
};

/* Days from 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
static int64_t days_from_civil(struct civil date)
{
	int64_t y = date.year - (date.month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year =
		(153 * ((int64_t)date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

/* The same source, civil_from_days. */
static struct civil civil_from_days(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * day_of_year + 2) / 153;
	struct civil date = {
		.year = year_of_era + era * 400 + (march_month >= 10),
		.month = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9),
		.day = (unsigned)(day_of_year - (153 * march_month + 2) / 5 + 1),
	};

	return date;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

struct text {
	const char *at, *end;
};

static bool take(struct text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

/* Exactly count digits, as a number from low to high. */
static bool take_digits(struct text *t, unsigned count, unsigned low, unsigned high, unsigned *ret)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++, t->at++) {
		if (t->at == t->end || *t->at < '0' || *t->at > '9')
			return false;
		n = n * 10 + (unsigned)(*t->at - '0');
	}
	*ret = n;
	return n >= low && n <= high;
}

static bool take_date(struct text *t, struct civil *ret)
{
	unsigned year, month, day;

	if (!take_digits(t, 4, 1, 9999, &year) || !take(t, '-') || !take_digits(t, 2, 1, 12, &month) ||
	    !take(t, '-') || !take_digits(t, 2, 1, days_in_month(year, month), &day))
		return false;
	*ret = (struct civil){year, month, day};
	return true;
}

static bool take_fraction_us(struct text *t, unsigned *ret_us)
{
	unsigned us = 0, digits = 0;

	*ret_us = 0;
	if (!take(t, '.'))
		return true;
	for (; t->at != t->end && *t->at >= '0' && *t->at <= '9'; t->at++, digits++)
		if (digits < 6)
			us = us * 10 + (unsigned)(*t->at - '0');
	for (unsigned i = digits; i < 6; i++)
		us *= 10;
	*ret_us = us;
	return digits >= 1 && digits <= 9;
}

static bool take_offset_s(struct text *t, int64_t *ret_s)
{
	unsigned hours, minutes;
	bool west;

	*ret_s = 0;
	if (take(t, 'Z') || take(t, 'z'))
		return true;
	west = take(t, '-');
	if ((!west && !take(t, '+')) || !take_digits(t, 2, 0, 23, &hours) || !take(t, ':') ||
	    !take_digits(t, 2, 0, 59, &minutes))
		return false;
	*ret_s = (int64_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

/* Whether a leap second may stand before this moment, which is what second 60 has come to. */
static bool ends_month(int64_t second)
{
	return second % SECONDS_PER_DAY == 0 && civil_from_days(second / SECONDS_PER_DAY).day == 1;
}

int timestamp_parse(const char *text, size_t length, int64_t *ret_us)
{
	struct text t = {text, text + length};
	unsigned hour, minute, second, fraction_us;
	int64_t offset_s, unix_s;
	struct civil date;

	if (!take_date(&t, &date) || (!take(&t, 'T') && !take(&t, 't') && !take(&t, ' ')))
		return -EINVAL;
	if (!take_digits(&t, 2, 0, 23, &hour) || !take(&t, ':') || !take_digits(&t, 2, 0, 59, &minute) ||
	    !take(&t, ':') || !take_digits(&t, 2, 0, 60, &second))
		return -EINVAL;
	if (!take_fraction_us(&t, &fraction_us) || !take_offset_s(&t, &offset_s) || t.at != t.end)
		return -EINVAL;
	unix_s = days_from_civil(date) * SECONDS_PER_DAY + (int64_t)(hour * 3600 + minute * 60 + second) -
	         offset_s;
	if (second == 60 && !ends_month(unix_s))
		return -EINVAL;
	if (unix_s < FIRST_SECOND || unix_s >= END_SECOND)
		return -EINVAL;
	*ret_us = unix_s * US_PER_SECOND + fraction_us;
	return 0;
}

int timestamp_from_number(double number, int64_t *ret_us)
{
	int64_t per_unit = fabs(number) < 1e11 ? US_PER_SECOND : 1000, us;
	double whole, fraction;

	/* In milliseconds, with room: what follows cannot overflow. */
	if (!isfinite(number) || fabs(number) > 1e15)
		return -EINVAL;
	/* Apart, since a double does not hold 18 digits. */
	fraction = modf(number, &whole);
	us = (int64_t)whole * per_unit + llround(fraction * (double)per_unit);
	if (us < FIRST_SECOND * US_PER_SECOND || us >= END_SECOND * US_PER_SECOND)
		return -EINVAL;
	*ret_us = us;
	return 0;
}

char *timestamp_format(int64_t us, char text[static TIMESTAMP_TEXT_SIZE])
{
	int64_t fraction = us % US_PER_SECOND, seconds = us / US_PER_SECOND, day, days;
	struct civil date;
	size_t n;

	if (fraction < 0) {
		fraction += US_PER_SECOND;
		seconds--;
	}
	day = ((seconds % SECONDS_PER_DAY) + SECONDS_PER_DAY) % SECONDS_PER_DAY;
	days = (seconds - day) / SECONDS_PER_DAY;
	date = civil_from_days(days);
	n = (size_t)snprintf(text, TIMESTAMP_TEXT_SIZE, "%04lld-%02u-%02uT%02u:%02u:%02u",
	                     (long long)date.year, date.month, date.day, (unsigned)(day / 3600),
	                     (unsigned)(day / 60 % 60), (unsigned)(day % 60));
	if (fraction % 1000)
		snprintf(text + n, TIMESTAMP_TEXT_SIZE - n, ".%06uZ", (unsigned)fraction);
	else if (fraction)
		snprintf(text + n, TIMESTAMP_TEXT_SIZE - n, ".%03uZ", (unsigned)(fraction / 1000));
	else
		snprintf(text + n, TIMESTAMP_TEXT_SIZE - n, "Z");
	return text;
}
