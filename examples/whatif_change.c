#include "whatif_change.h"

#include "quantity.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH_PARTS_MAX 5
#define DELAY_MAX_US   (INT64_C(7) * 24 * 3600 * 1000000)
#define SAMPLES_MAX    1000

enum key {
	KEY_SET,
	KEY_CLEAR,
	KEY_ON_DELAY,
	KEY_ON_SAMPLES,
	KEY_OFF_DELAY,
	KEY_LATCHING,
	KEY_REPEAT,
	KEY_DIRECTION,
	KEY_NAME,
	KEYS
};

static const char *const KEY_NAMES[KEYS] = {
	"set",      "clear",        "on-delay",  "on-samples", "off-delay",
	"latching", "repeat-after", "direction", "name",
};

/* -EINVAL, with the sentence in why. */
#define refuse(why, ...) (snprintf(why, WHATIF_WHY_SIZE, __VA_ARGS__), -EINVAL)

/* --- the path --- */

/* Cuts text at its slashes. More than PATH_PARTS_MAX: the last holds the rest. */
static size_t cut(char *text, char *parts[static PATH_PARTS_MAX])
{
	size_t count = 0;

	while (text != NULL && count < PATH_PARTS_MAX) {
		parts[count++] = text;
		text = strchr(text, '/');
		if (text != NULL) {
			*text++ = '\0';
		}
	}
	return text == NULL ? count : PATH_PARTS_MAX + 1;
}

static bool find_cause(const char *name, uint8_t *ret)
{
	for (int c = CAUSE_THRESHOLD; c < CAUSE_TEST; c++) {
		if (strcmp(name, threshold_cause_name((enum cause)c)) == 0) {
			*ret = (uint8_t)c;
			return true;
		}
	}
	return false;
}

static int take_level(struct whatif_change *c, const char *text, char *why)
{
	char *end;
	long level;

	c->all_levels = strcmp(text, "*") == 0;
	if (c->all_levels) {
		return 0;
	}
	errno = 0;
	level = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || level == LEVEL_NORMAL || level < INT32_MIN ||
	    level > INT32_MAX) {
		return refuse(why, "the level \"%s\" is no number other than 0 (which is normal), nor \"*\"",
		              text);
	}
	c->values.level = (int32_t)level;
	return 0;
}

static int take_code(const char *what, const char *text, char *to, size_t size, char *why)
{
	if (text[0] == '\0' || strlen(text) >= size) {
		return refuse(why, "the %s \"%s\" is empty or too long", what, text);
	}
	copy_text(to, size, text, strlen(text));
	return 0;
}

int whatif_change_path(struct whatif_change *ret, const char *path, char why[static WHATIF_WHY_SIZE])
{
	struct whatif_change c = {.every_period = true};
	char text[WHATIF_PATH_SIZE], *parts[PATH_PARTS_MAX];
	size_t count;
	int r;

	copy_text(c.path, sizeof(c.path), path, strlen(path));
	memcpy(text, c.path, sizeof(text));
	count = cut(text, parts);
	if (count < 3 || count > PATH_PARTS_MAX || strlen(path) >= sizeof(text)) {
		return refuse(why, "not STATION/PROPERTY/LEVEL, nor STATION/PROPERTY/CAUSE[/PERIOD]/LEVEL");
	}
	r = strcmp(parts[0], "*") == 0 ? 0
	                               : take_code("station", parts[0], c.station, sizeof(c.station), why);
	if (r == 0) {
		r = take_code("property", parts[1], c.property, sizeof(c.property), why);
	}
	if (r == 0) {
		r = take_level(&c, parts[count - 1], why);
	}
	if (r == 0 && count > 3 && !find_cause(parts[2], &c.values.cause)) {
		r = refuse(why,
		           "\"%s\" is no cause: threshold, rate, rain, stale, dead, sensor_error, "
		           "low_battery, projection, group or upstream",
		           parts[2]);
	}
	c.every_period = count <= 4;
	if (r == 0 && count > 4 && quantity_duration_us(parts[3], &c.values.period_us) != 0) {
		r = refuse(why, "the period \"%s\" is no duration as in 10m, 1h or 7d", parts[3]);
	}
	if (r == 0) {
		*ret = c;
	}
	return r;
}

/* --- the words --- */

static int take_number(const char *name, const char *text, double *ret, char *why)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(v)) {
		return refuse(why, "%s=%s: not a number", name, text);
	}
	*ret = v;
	return 0;
}

static int take_duration(const char *name, const char *text, int64_t *ret, char *why)
{
	if (quantity_duration_us(text, ret) != 0 || *ret > DELAY_MAX_US) {
		return refuse(why, "%s=%s: a duration from 0 to 7d, as in 90s, 2m or 1h", name, text);
	}
	return 0;
}

static int take_samples(const char *text, uint16_t *ret, char *why)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (end == text || *end != '\0' || v < 0 || v > SAMPLES_MAX) {
		return refuse(why, "on-samples=%s: a whole number from 0 to %d", text, SAMPLES_MAX);
	}
	*ret = (uint16_t)v;
	return 0;
}

/* The one of two words that text is: 0 or 1. */
static int take_either(const char *name, const char *text, const char *zero, const char *one, uint8_t *ret,
                       char *why)
{
	if (strcmp(text, zero) != 0 && strcmp(text, one) != 0) {
		return refuse(why, "%s=%s: %s or %s", name, text, one, zero);
	}
	*ret = strcmp(text, one) == 0;
	return 0;
}

static int take_name(const char *text, struct threshold *t, char *why)
{
	return take_code("name", text, t->name, sizeof(t->name), why);
}

static int take_value(struct threshold *t, enum key key, const char *text, char *why)
{
	const char *name = KEY_NAMES[key];
	uint8_t latching = 0;
	int r;

	switch (key) {
	case KEY_SET:
		return take_number(name, text, &t->set_value, why);
	case KEY_CLEAR:
		return take_number(name, text, &t->clear_value, why);
	case KEY_ON_DELAY:
		return take_duration(name, text, &t->on_delay_us, why);
	case KEY_ON_SAMPLES:
		return take_samples(text, &t->on_samples, why);
	case KEY_OFF_DELAY:
		return take_duration(name, text, &t->off_delay_us, why);
	case KEY_LATCHING:
		r = take_either(name, text, "no", "yes", &latching, why);
		t->latching = latching != 0;
		return r;
	case KEY_REPEAT:
		return take_duration(name, text, &t->repeat_us, why);
	case KEY_DIRECTION:
		return take_either(name, text, "rising", "falling", &t->direction, why);
	case KEY_NAME:
		return take_name(text, t, why);
	case KEYS:
		break;
	}
	return -EINVAL;
}

int whatif_change_word(struct whatif_change *c, const char *word, char why[static WHATIF_WHY_SIZE])
{
	size_t length = strcspn(word, "=");

	if (strcmp(word, "new") == 0 || strcmp(word, "drop") == 0) {
		c->kind = word[0] == 'n' ? CHANGE_NEW : CHANGE_DROP;
		return 0;
	}
	for (int key = 0; key < KEYS; key++) {
		if (word[length] == '=' && strlen(KEY_NAMES[key]) == length &&
		    strncmp(KEY_NAMES[key], word, length) == 0) {
			c->given |= 1u << key;
			return take_value(&c->values, (enum key)key, word + length + 1, why);
		}
	}
	return refuse(why,
	              "\"%s\": after the path come set=, clear=, on-delay=, on-samples=, off-delay=, "
	              "latching=, repeat-after=, direction=, name=, or the words new or drop",
	              word);
}

/* The next word of *text, cut off; NULL at the end. Double quotes are taken away. */
static char *next_word(char **text)
{
	char *from = *text + strspn(*text, " \t\r\n"), *to = from, *word = from;
	bool quoted = false;

	if (*from == '\0') {
		return NULL;
	}
	for (; *from != '\0' && (quoted || strchr(" \t\r\n", *from) == NULL); from++) {
		if (*from == '"') {
			quoted = !quoted;
		} else {
			*to++ = *from;
		}
	}
	*text = *from == '\0' ? from : from + 1;
	*to = '\0';
	return word;
}

int whatif_change_line(struct whatif_change *ret, char *line, char why[static WHATIF_WHY_SIZE])
{
	struct whatif_change c = {.path = ""};
	char *word = next_word(&line);
	int r = whatif_change_path(&c, word != NULL ? word : "", why);

	while (r == 0 && (word = next_word(&line)) != NULL) {
		r = whatif_change_word(&c, word, why);
	}
	if (r == 0) {
		*ret = c;
	}
	return r;
}

static bool is_given(const struct whatif_change *c, enum key key)
{
	return (c->given & 1u << key) != 0;
}

int whatif_change_check(const struct whatif_change *c, char why[static WHATIF_WHY_SIZE])
{
	if (c->kind == CHANGE_DROP) {
		return c->given == 0 ? 0 : refuse(why, "drop takes the level away: no values with it");
	}
	if (c->given == 0) {
		return refuse(why, "nothing is changed: give a value as in set=1.45, or drop");
	}
	if (c->kind == CHANGE_NEW && (c->all_levels || !is_given(c, KEY_SET) || !is_given(c, KEY_CLEAR))) {
		return refuse(why, "a new level needs its number, set= and clear=");
	}
	return 0;
}

/* --- the change --- */

static void overlay(const struct whatif_change *c, struct threshold *t)
{
	const struct threshold *v = &c->values;
	double deadband = t->set_value - t->clear_value;

	t->set_value = is_given(c, KEY_SET) ? v->set_value : t->set_value;
	if (is_given(c, KEY_CLEAR)) {
		t->clear_value = v->clear_value;
	} else if (is_given(c, KEY_SET)) {
		t->clear_value = v->set_value - deadband;
	}
	t->on_delay_us = is_given(c, KEY_ON_DELAY) ? v->on_delay_us : t->on_delay_us;
	t->on_samples = is_given(c, KEY_ON_SAMPLES) ? v->on_samples : t->on_samples;
	t->off_delay_us = is_given(c, KEY_OFF_DELAY) ? v->off_delay_us : t->off_delay_us;
	t->latching = is_given(c, KEY_LATCHING) ? v->latching : t->latching;
	t->repeat_us = is_given(c, KEY_REPEAT) ? v->repeat_us : t->repeat_us;
	t->direction = is_given(c, KEY_DIRECTION) ? v->direction : t->direction;
	if (is_given(c, KEY_NAME)) {
		memcpy(t->name, v->name, sizeof(t->name));
	}
}

static int check_result(const struct threshold *t, const struct datastream_key *key, char *why)
{
	bool rising = t->direction == DIRECTION_RISING;

	if (rising ? t->clear_value > t->set_value : t->clear_value < t->set_value) {
		return refuse(why,
		              "%s/%s would have set %.10g and clear %.10g: a %s level clears at or %s its "
		              "set value",
		              key->station, key->property, t->set_value, t->clear_value,
		              threshold_direction_name((enum direction)t->direction),
		              rising ? "below" : "above");
	}
	return 0;
}

static bool concerns(const struct whatif_change *c, const struct threshold *t)
{
	return t->cause == c->values.cause && (c->every_period || t->period_us == c->values.period_us) &&
	       (c->all_levels || t->level == c->values.level);
}

static int add(const struct whatif_change *c, const struct datastream_key *key, struct threshold *t,
               char *why)
{
	*t = (struct threshold){
		.cause = c->values.cause,
		.period_us = c->values.period_us,
		.level = c->values.level,
		.severity = SEVERITY_UNKNOWN,
		.direction = c->values.cause == CAUSE_PROJECTION ? DIRECTION_FALLING : DIRECTION_RISING,
	};
	(void)snprintf(t->name, sizeof(t->name), "new %d", (int)t->level);
	overlay(c, t);
	if ((t->cause == CAUSE_RATE || t->cause == CAUSE_RAIN) && t->period_us == 0) {
		return refuse(why, "a new level of %s needs the period in its path, as in .../rain/1h/1",
		              threshold_cause_name((enum cause)t->cause));
	}
	return check_result(t, key, why);
}

int whatif_change_apply(const struct whatif_change *c, const struct datastream_key *key,
                        struct threshold *thresholds, size_t *count, size_t *ret_hits,
                        char why[static WHATIF_WHY_SIZE])
{
	size_t kept = 0, hits = 0;
	int r = 0;

	if (strcmp(c->property, key->property) != 0 ||
	    (c->station[0] != '\0' && strcmp(c->station, key->station) != 0)) {
		return 0;
	}
	for (size_t i = 0; i < *count && r == 0; i++) {
		bool hit = concerns(c, &thresholds[i]);

		hits += hit;
		if (hit && c->kind == CHANGE_DROP) {
			continue;
		}
		thresholds[kept] = thresholds[i];
		if (hit && c->kind == CHANGE_EDIT) {
			overlay(c, &thresholds[kept]);
			r = check_result(&thresholds[kept], key, why);
		}
		kept++;
	}
	if (r == 0 && c->kind == CHANGE_NEW) {
		r = hits > 0 ? refuse(why, "%s/%s has this level already: leave out new", key->station,
		                      key->property)
		             : add(c, key, &thresholds[kept++], why);
		hits = 1;
	}
	if (r == 0) {
		*count = kept;
		*ret_hits += hits;
	}
	return r;
}
