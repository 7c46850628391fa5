/*
 * topic - which topics carry readings, and of which station and property.
 *
 * A pattern is an MQTT topic filter (OASIS MQTT 5, section 4.7) whose levels
 * may be names in braces: "sensors/{station}/{property}", "v3/+/devices/{station}/up".
 * A named level matches any one non-empty level and captures it. As in MQTT, a
 * pattern that begins with a wildcard or a name does not match topics that
 * begin with '$'.
 *
 * Threads  compile [start], match [any].
 * Errors   0 or -EINVAL; message says what was found and what is allowed.
 */
#ifndef HIGHWATER_TOPIC_H
#define HIGHWATER_TOPIC_H

#include "util.h"

#include <stdbool.h>

#define TOPIC_LEVELS_MAX 32

enum topic_level_kind { TOPIC_LITERAL, TOPIC_ONE, TOPIC_REST, TOPIC_STATION, TOPIC_PROPERTY };

struct topic_level {
	enum topic_level_kind kind;
	const char *text; /* into topic_pattern.text; literal only */
	size_t length;
};

struct topic_pattern {
	char *text; /* owned */
	size_t count;
	bool has_station, has_property;
	struct topic_level level[TOPIC_LEVELS_MAX];
};

/* Captured levels point into the topic that was matched; length 0 when the pattern names none. */
struct topic_match {
	const char *station, *property;
	size_t station_length, property_length;
};

/*
 * -EINVAL with a sentence in message, or -ENOMEM; *p is empty then. Each name may stand once; {station}
 * must.
 */
int topic_pattern_init(struct topic_pattern *p, const char *text, char *message, size_t size) must_check;
void topic_pattern_done(struct topic_pattern *p);

/* One pattern by itself: topic_index.h says the same of many, and is held against this. ret is written only on a match. */
bool topic_match(const struct topic_pattern *p, const char *topic, struct topic_match *ret) must_check;

/* True when the pattern matches prefix itself or any topic below it. prefix has no empty level. */
bool topic_pattern_reaches(const struct topic_pattern *p, const char *prefix) must_check;

/* True when topic is prefix itself or lies below it: "highwater" covers "highwater/x", not "highwaters". */
static inline bool topic_is_below(const char *topic, const char *prefix)
{
	/* Asked of every message: mostly the first byte is the answer. */
	for (; *prefix != '\0'; topic++, prefix++) {
		if (*topic != *prefix) {
			return false;
		}
	}
	return *topic == '\0' || *topic == '/';
}

#endif
