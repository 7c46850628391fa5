#include "qc_private.h"

#define DAY_US     INT64_C(86400000000)
#define HOUR_US    INT64_C(3600000000)
#define ERA_DAYS   146097 /* 400 years */
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

/* Where a time stands in each kind of season. */
struct calendar {
	int32_t place[QC_SEASON_HOUR + 1];
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* ISO 8601: week 1 has the year's first Thursday. weekday: Monday is 1; day of the year from 1. */
static int32_t iso_week(int64_t year, int32_t day_of_year, int32_t weekday)
{
	int32_t length = is_leap(year) ? 366 : 365;
	int32_t thursday = day_of_year - weekday + 4; /* of this week */

	if (thursday < 1)
		thursday += is_leap(year - 1) ? 366 : 365;
	else if (thursday > length)
		thursday -= length;
	return (thursday - 1) / 7 + 1;
}

/* Proleptic Gregorian; years are counted from March, so that the leap day comes last. */
static struct calendar calendar_of(int64_t us)
{
	int64_t days = floor_div(us, DAY_US);
	int64_t era = floor_div(days + EPOCH_DAYS, ERA_DAYS);
	int32_t day_of_era = (int32_t)(days + EPOCH_DAYS - era * ERA_DAYS);
	int32_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (ERA_DAYS - 1)) / 365;
	int32_t from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int32_t month = (5 * from_march + 2) / 153; /* March is 0 */
	int64_t year = era * 400 + year_of_era + (month >= 10);
	int32_t day_of_year = month >= 10 ? from_march - 305 : from_march + 60 + is_leap(year);
	int32_t weekday = (int32_t)(days + 3 - 7 * floor_div(days + 3, 7)) + 1;
	struct calendar c;

	month = month >= 10 ? month - 9 : month + 3;
	c.place[QC_SEASON_MONTH] = month;
	c.place[QC_SEASON_WEEK] = iso_week(year, day_of_year, weekday);
	c.place[QC_SEASON_DAY_OF_YEAR] = day_of_year;
	c.place[QC_SEASON_QUARTER] = (month - 1) / 3 + 1;
	c.place[QC_SEASON_HOUR] = (int32_t)((us - days * DAY_US) / HOUR_US);
	return c;
}

static bool covers(const struct qc_season *season, int32_t place)
{
	if (season->from <= season->to)
		return place >= season->from && place <= season->to;
	return place >= season->from || place <= season->to;
}

enum quality qc_season_judge(const struct qc_config *c, const struct qc_season *seasons, int64_t us,
                             double value)
{
	struct calendar calendar = calendar_of(us);

	for (uint32_t i = c->season_count; i > 0; i--) {
		const struct qc_season *season = &seasons[c->season_first + i - 1];

		if (covers(season, calendar.place[season->kind]))
			return qc_span(value, season->fail_min, season->fail_max, season->suspect_min,
			               season->suspect_max);
	}
	return QUALITY_NOT_EVALUATED;
}
