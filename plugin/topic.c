#include "topic.h"

#include "utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* MQTT 5, section 1.5.4: a string's length has two bytes. */
#define TOPIC_MAX 65535

struct complaint {
	char *message;
	size_t size;
};

static int printf_like(2, 3) complain(const struct complaint *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->message, c->size, fmt, args);
	va_end(args);
	return -EINVAL;
}

static bool level_is(const struct topic_level *level, const char *text)
{
	return level->length == strlen(text) && memcmp(level->text, text, level->length) == 0;
}

static int take_name(struct topic_pattern *p, struct topic_level *level, const struct complaint *c)
{
	bool *seen;

	if (level_is(level, "{station}")) {
		level->kind = TOPIC_STATION;
		seen = &p->has_station;
	} else if (level_is(level, "{property}")) {
		level->kind = TOPIC_PROPERTY;
		seen = &p->has_property;
	} else {
		return complain(
			c,
			"level \"%.*s\" of \"%s\": allowed are {station} and {property}, each as a whole "
			"level, and plain text without braces",
			(int)MIN(level->length, 60), level->text, p->text);
	}
	if (*seen)
		return complain(c, "\"%s\" has %.*s twice: a name may stand once", p->text,
		                (int)level->length, level->text);
	*seen = true;
	return 0;
}

static int take_level(struct topic_pattern *p, struct topic_level *level, bool last,
                      const struct complaint *c)
{
	level->kind = TOPIC_LITERAL;
	if (level_is(level, "+")) {
		level->kind = TOPIC_ONE;
		return 0;
	}
	if (level_is(level, "#")) {
		level->kind = TOPIC_REST;
		return last ? 0 : complain(c, "\"%s\": # is allowed as the last level only", p->text);
	}
	if (memchr(level->text, '{', level->length) || memchr(level->text, '}', level->length))
		return take_name(p, level, c);
	if (memchr(level->text, '+', level->length) || memchr(level->text, '#', level->length))
		return complain(c, "level \"%.*s\" of \"%s\": + and # must be a whole level",
		                (int)MIN(level->length, 60), level->text, p->text);
	return 0;
}

static int take_levels(struct topic_pattern *p, const struct complaint *c)
{
	const char *at = p->text;

	for (;;) {
		struct topic_level *level = &p->level[p->count];
		size_t length = strcspn(at, "/");
		bool last = at[length] == '\0';
		int r;

		if (p->count == TOPIC_LEVELS_MAX)
			return complain(c, "\"%.200s\" has more than %d levels", p->text, TOPIC_LEVELS_MAX);
		*level = (struct topic_level){.text = at, .length = length};
		r = take_level(p, level, last, c);
		if (r < 0)
			return r;
		p->count++;
		if (last)
			return 0;
		at += length + 1;
	}
}

int topic_pattern_init(struct topic_pattern *p, const char *text, char *message, size_t size)
{
	const struct complaint c = {message, size};
	size_t length = strlen(text);
	int r;

	memset(p, 0, sizeof(*p));
	if (length == 0 || length > TOPIC_MAX)
		return complain(&c, "a topic has 1 to %d bytes, this one has %zu", TOPIC_MAX, length);
	if (utf8_prefix(text, length) != length)
		return complain(&c, "the topic is not UTF-8 text");
	if (strncmp(text, "$share/", 7) == 0)
		return complain(&c,
		                "\"%.200s\" is a shared subscription; give the topics without $share/group/",
		                text);
	p->text = malloc(length + 1);
	if (!p->text)
		return -ENOMEM;
	memcpy(p->text, text, length + 1);
	r = take_levels(p, &c);
	if (r == 0 && !p->has_station)
		r = complain(&c, "\"%.200s\" has no level {station}: it says where the station's code stands",
		             text);
	if (r < 0)
		topic_pattern_done(p);
	return r;
}

void topic_pattern_done(struct topic_pattern *p)
{
	free(p->text);
	memset(p, 0, sizeof(*p));
}

/* Matches one level of a topic, and captures it if it is named. */
static bool match_level(const struct topic_level *level, const char *text, size_t length,
                        struct topic_match *match)
{
	switch (level->kind) {
	case TOPIC_LITERAL:
		return level->length == length && memcmp(level->text, text, length) == 0;
	case TOPIC_ONE:
	case TOPIC_REST:
		return true;
	case TOPIC_STATION:
		match->station = text;
		match->station_length = length;
		return length > 0;
	case TOPIC_PROPERTY:
		match->property = text;
		match->property_length = length;
		return length > 0;
	}
	return false;
}

bool topic_match(const struct topic_pattern *p, const char *topic, struct topic_match *ret)
{
	struct topic_match match = {0};
	const char *at = topic;

	/* MQTT 5, section 4.7.2. */
	if (p->count == 0 || (topic[0] == '$' && p->level[0].kind != TOPIC_LITERAL))
		return false;
	for (size_t i = 0; i < p->count; i++) {
		size_t length;

		if (p->level[i].kind == TOPIC_REST)
			break;
		length = strcspn(at, "/");
		if (!match_level(&p->level[i], at, length, &match))
			return false;
		at += length;
		if (*at == '\0') {
			/* "a/#" matches "a" too, section 4.7.1.2. */
			if (i + 1 < p->count && p->level[i + 1].kind != TOPIC_REST)
				return false;
			break;
		}
		if (i + 1 == p->count)
			return false;
		at++;
	}
	*ret = match;
	return true;
}

bool topic_pattern_reaches(const struct topic_pattern *p, const char *prefix)
{
	struct topic_match ignored;
	const char *at = prefix;

	for (size_t i = 0; i < p->count; i++) {
		size_t length = strcspn(at, "/");

		if (p->level[i].kind == TOPIC_REST)
			return true;
		if (!match_level(&p->level[i], at, length, &ignored))
			return false;
		at += length;
		if (*at == '\0')
			return true;
		at++;
	}
	return false;
}
