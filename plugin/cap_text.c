#include "cap_text.h"

#include "timestamp.h"
#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define US_PER_S   INT64_C(1000000)
#define US_PER_MIN (60 * US_PER_S)
#define UNKNOWN    "–"

void cap_config_free(struct cap_config *c)
{
	if (c == NULL) {
		return;
	}
	for (size_t i = 0; i < c->language_count; i++) {
		for (size_t which = 0; which < CAP_TEXT_COUNT; which++) {
			free(c->languages[i].text[which]);
		}
	}
	free(c->languages);
	free(c->sender);
	free(c->restriction);
	free(c->addresses);
	free(c->note);
	free(c->sender_name);
	free(c->web);
	free(c->contact);
	free(c);
}

bool cap_text_of_sensor(const struct transition *t)
{
	return t->cause == CAUSE_STALE || t->cause == CAUSE_DEAD || t->cause == CAUSE_SENSOR_ERROR ||
	       t->cause == CAUSE_LOW_BATTERY;
}

/* Local time as RFC 3339 would have it with a Z; its last character is to be replaced. */
static char *local_time(const struct cap_config *c, int64_t us, char text[static TIMESTAMP_TEXT_SIZE])
{
	int64_t fraction = (us % US_PER_S + US_PER_S) % US_PER_S;

	return timestamp_format(us - fraction + c->utc_offset_min * US_PER_MIN, text);
}

char *cap_text_time(const struct cap_config *c, int64_t us, char text[static CAP_TIME_SIZE])
{
	char local[TIMESTAMP_TEXT_SIZE];
	int minutes = abs(c->utc_offset_min);

	snprintf(text, CAP_TIME_SIZE, "%.19s%c%02d:%02d", local_time(c, us, local),
	         c->utc_offset_min > 0 ? '+' : '-', minutes / 60 % 100, minutes % 60);
	return text;
}

/* --- values of placeholders --- */

#define VALUE_SIZE 192

struct source {
	const struct cap_config *config;
	const struct cap_language *language;
	const struct transition *t;
};

/* "2026-11-22 10:15 +07:00": for people. */
static void put_time(const struct cap_config *c, int64_t us, char value[static VALUE_SIZE])
{
	char iso[CAP_TIME_SIZE];

	cap_text_time(c, us, iso);
	snprintf(value, VALUE_SIZE, "%.10s %.5s %s", iso, iso + 11,
	         c->utc_offset_min != 0 ? iso + 19 : "UTC");
}

/* At most three decimals, as people read them, with a point in every locale. */
static void put_number(double number, char value[static VALUE_SIZE])
{
	double rounded = round(number * 1000);

	if (!isfinite(number)) {
		snprintf(value, VALUE_SIZE, UNKNOWN);
	} else if (fabs(rounded) >= 1e15) {
		snprintf(value, VALUE_SIZE, "%.0f", number);
	} else {
		int64_t thousandths = (int64_t)fabs(rounded);
		int length = snprintf(value, VALUE_SIZE, "%s%" PRId64 ".%03" PRId64, rounded < 0 ? "-" : "",
		                      thousandths / 1000, thousandths % 1000);

		while (value[length - 1] == '0') {
			value[--length] = '\0';
		}
		if (value[length - 1] == '.') {
			value[length - 1] = '\0';
		}
	}
}

static void put_level(const struct source *s, int32_t level, const char *name, char value[static VALUE_SIZE])
{
	const char *normal = s->language->text[CAP_NORMAL];

	if (normal == NULL) {
		normal = cap_words_text(s->language->tag, CAP_NORMAL);
	}
	if (level == LEVEL_NORMAL && normal != NULL) {
		copy_text(value, VALUE_SIZE, normal,
		          utf8_prefix(normal, MIN(strlen(normal), VALUE_SIZE - 1)));
	} else if (name[0] != '\0') {
		snprintf(value, VALUE_SIZE, "%s", name);
	} else {
		snprintf(value, VALUE_SIZE, "%" PRId32, level);
	}
}

static void put_name(const struct source *s, char value[static VALUE_SIZE])
{
	const char *name = s->t->name[0] != '\0' ? s->t->name : s->t->key.station;

	copy_text(value, VALUE_SIZE, name, utf8_prefix(name, strlen(name)));
}

static void put_station(const struct source *s, char value[static VALUE_SIZE])
{
	snprintf(value, VALUE_SIZE, "%s", s->t->key.station);
}

static void put_property(const struct source *s, char value[static VALUE_SIZE])
{
	snprintf(value, VALUE_SIZE, "%s", s->t->key.property);
}

static void put_cause(const struct source *s, char value[static VALUE_SIZE])
{
	const char *known = cap_words_cause(s->language->tag, s->t->cause);

	snprintf(value, VALUE_SIZE, "%s", known != NULL ? known : threshold_cause_name(s->t->cause));
}

static void put_level_number(const struct source *s, char value[static VALUE_SIZE])
{
	snprintf(value, VALUE_SIZE, "%" PRId32, s->t->level);
}

static void put_level_name(const struct source *s, char value[static VALUE_SIZE])
{
	put_level(s, s->t->level, s->t->level_name, value);
}

static void put_value(const struct source *s, char value[static VALUE_SIZE])
{
	put_number(s->t->value, value);
}

static void put_unit(const struct source *s, char value[static VALUE_SIZE])
{
	snprintf(value, VALUE_SIZE, "%s", strcmp(s->t->unit, "1") == 0 ? "" : s->t->unit);
}

static void put_threshold(const struct source *s, char value[static VALUE_SIZE])
{
	put_number(s->t->threshold, value);
}

static void put_peak(const struct source *s, char value[static VALUE_SIZE])
{
	put_number(s->t->peak, value);
}

static void put_phenomenon_time(const struct source *s, char value[static VALUE_SIZE])
{
	put_time(s->config, s->t->phenomenon_us, value);
}

static void put_projected_time(const struct source *s, char value[static VALUE_SIZE])
{
	if (s->t->projected_us != 0) {
		put_time(s->config, s->t->projected_us, value);
	} else {
		snprintf(value, VALUE_SIZE, UNKNOWN);
	}
}

static void put_projected_level_name(const struct source *s, char value[static VALUE_SIZE])
{
	if (s->t->projected_us != 0) {
		put_level(s, s->t->projected_level, s->t->projected_name, value);
	} else {
		snprintf(value, VALUE_SIZE, UNKNOWN);
	}
}

static const struct placeholder {
	const char *name;
	void (*put)(const struct source *s, char value[static VALUE_SIZE]);
} placeholders[] = {
	{"{name}", put_name},
	{"{station}", put_station},
	{"{property}", put_property},
	{"{cause}", put_cause},
	{"{level}", put_level_number},
	{"{level_name}", put_level_name},
	{"{value}", put_value},
	{"{unit}", put_unit},
	{"{threshold}", put_threshold},
	{"{phenomenon_time}", put_phenomenon_time},
	{"{projected_time}", put_projected_time},
	{"{projected_level_name}", put_projected_level_name},
	{"{peak}", put_peak},
};

/* --- texts --- */

char *cap_text_placeholders(char text[static CAP_PLACEHOLDERS_SIZE])
{
	size_t length = 0;

	for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++) {
		length += (size_t)snprintf(text + length, CAP_PLACEHOLDERS_SIZE - length, "%s%s",
		                           i > 0 ? " " : "", placeholders[i].name);
	}
	return text;
}

static const struct placeholder *placeholder_at(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++) {
		if (strncmp(text, placeholders[i].name, strlen(placeholders[i].name)) == 0) {
			return &placeholders[i];
		}
	}
	return NULL;
}

static bool is_doubled_brace(const char *text)
{
	return (text[0] == '{' || text[0] == '}') && text[1] == text[0];
}

const char *cap_text_fault(const char *text)
{
	while (*(text += strcspn(text, "{}")) != '\0') {
		const struct placeholder *p = placeholder_at(text);

		if (p == NULL && !is_doubled_brace(text)) {
			return text;
		}
		text += p != NULL ? strlen(p->name) : 2;
	}
	return NULL;
}

/* Writes the text expanded, or, at NULL, only measures it. Returns its length without the NUL. */
static size_t expand(const struct source *s, const char *text, char *to)
{
	char value[VALUE_SIZE];
	size_t length = 0, part;

	for (; *text != '\0'; text += part) {
		const struct placeholder *p = placeholder_at(text);

		if (p != NULL) {
			p->put(s, value);
			part = strlen(p->name);
		} else {
			copy_text(value, sizeof(value), text, 1);
			part = is_doubled_brace(text) ? 2 : 1;
		}
		/* A space before a unit that is left away. */
		length -= value[0] == '\0' && length > 0 && text[-1] == ' ';
		if (to != NULL) {
			memcpy(to + length, value, strlen(value) + 1);
		}
		length += strlen(value);
	}
	return length;
}

int cap_text_expand(const struct cap_config *c, const struct cap_language *l, enum cap_text which,
                    const struct transition *t, char **ret)
{
	const struct source s = {c, l, t};
	const char *text = l->text[which] != NULL ? l->text[which] : cap_words_text(l->tag, which);
	char *expanded;

	if (text == NULL || text[0] == '\0') {
		*ret = NULL;
		return 0;
	}
	expanded = malloc(expand(&s, text, NULL) + VALUE_SIZE);
	if (expanded == NULL) {
		return -ENOMEM;
	}
	expanded[0] = '\0';
	(void)expand(&s, text, expanded);
	*ret = expanded;
	return 0;
}
