#include "whatif_text.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)

char *whatif_text_duration(int64_t us, char text[static WHATIF_TEXT_SIZE])
{
	long long s = (us + SECOND_US / 2) / SECOND_US;

	if (s < 60) {
		(void)snprintf(text, WHATIF_TEXT_SIZE, "%llds", s);
	} else if (s < 3600) {
		(void)snprintf(text, WHATIF_TEXT_SIZE, s % 60 == 0 ? "%lldm" : "%lldm%02llds", s / 60,
		               s % 60);
	} else if (s < 86400) {
		(void)snprintf(text, WHATIF_TEXT_SIZE, "%lldh%02lldm", s / 3600, s / 60 % 60);
	} else {
		(void)snprintf(text, WHATIF_TEXT_SIZE, "%lldd%02lldh", s / 86400, s / 3600 % 24);
	}
	return text;
}

static struct tm local_time(int64_t us)
{
	time_t seconds = (time_t)(us / SECOND_US);
	struct tm local = {.tm_mday = 1};

	(void)localtime_r(&seconds, &local);
	return local;
}

char *whatif_text_time(int64_t us, char text[static WHATIF_TEXT_SIZE])
{
	struct tm local = local_time(us);
	size_t length = strftime(text, WHATIF_TEXT_SIZE - 1, "%Y-%m-%dT%H:%M:%S%z", &local);

	/* +0700 becomes +07:00. */
	if (length >= 5) {
		memmove(text + length - 1, text + length - 2, 3);
		text[length - 2] = ':';
	}
	return text;
}

char *whatif_text_clock(int64_t us, char text[static WHATIF_TEXT_SIZE])
{
	struct tm local = local_time(us);

	(void)strftime(text, WHATIF_TEXT_SIZE, "%H:%M:%S", &local);
	return text;
}

char *whatif_text_alarm(enum cause cause, int64_t period_us, char text[static WHATIF_TEXT_SIZE])
{
	static const char *const units[] = {"d", "h", "m", "s"};
	static const int64_t lengths[] = {86400, 3600, 60, 1};
	int64_t s = period_us / SECOND_US;
	size_t i = 0;

	if (s == 0) {
		(void)snprintf(text, WHATIF_TEXT_SIZE, "%s", threshold_cause_name(cause));
		return text;
	}
	while (s % lengths[i] != 0) {
		i++;
	}
	(void)snprintf(text, WHATIF_TEXT_SIZE, "%s %lld%s", threshold_cause_name(cause),
	               (long long)(s / lengths[i]), units[i]);
	return text;
}

const char *whatif_text_name(const struct whatif_alarm *alarm, int32_t level)
{
	const struct threshold *t = threshold_find(alarm->config.levels, alarm->config.count, level);

	if (t != NULL) {
		return t->name;
	}
	return level == LEVEL_NORMAL ? "normal" : "";
}

char *whatif_text_level(const struct whatif_alarm *alarm, int32_t level, char text[static WHATIF_TEXT_SIZE])
{
	(void)snprintf(text, WHATIF_TEXT_SIZE, "%d %s", (int)level, whatif_text_name(alarm, level));
	return text;
}

char *whatif_text_value(double value, char text[static WHATIF_TEXT_SIZE])
{
	if (!isfinite(value) || value >= ALARM_NEVER_MINUTES) {
		copy_text(text, WHATIF_TEXT_SIZE, "-", 1);
	} else {
		(void)snprintf(text, WHATIF_TEXT_SIZE, "%.5g", value);
	}
	return text;
}

int whatif_text_width(const char *text)
{
	int width = 0;

	for (; *text != '\0'; text++) {
		width += ((unsigned char)*text & 0xC0) != 0x80;
	}
	return width;
}

void whatif_text_put(const char *text, int width)
{
	printf("%s%*s", text, MAX(width - whatif_text_width(text), 0) + 2, "");
}
