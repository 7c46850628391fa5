/*
 * cap_text - what CAP messages say: texts of each language, with placeholders.
 *
 * A text is taken as it stands but for {name} and its like, which stand for what
 * a transition tells; {{ and }} are braces.
 *
 * Threads  [any]; a cap_config is only read.
 * Memory   cap_config_free(NULL) is harmless. Strings returned come from malloc().
 */
#ifndef HIGHWATER_CAP_TEXT_H
#define HIGHWATER_CAP_TEXT_H

#include "cap_words.h"
#include "transition.h"
#include "util.h"

#include <stdbool.h>

#define CAP_LANGUAGES_MAX 16
#define CAP_LANGUAGE_MAX  35   /* bytes of a tag; RFC 5646, 4.4.1 */
#define CAP_TEXT_MAX      2000 /* bytes of a text as configured */
#define CAP_TIME_SIZE     40

struct cap_language {
	char tag[CAP_LANGUAGE_MAX + 1]; /* "vi-VN" */
	char *text[CAP_TEXT_COUNT];     /* NULL: the built-in one */
};

/* "alerts": {"cap": …} of the configuration; config.h has the keys. NULL is what was not given. */
struct cap_config {
	char *sender;
	const char *status, *scope; /* CAP's words, constants */
	char *restriction, *addresses, *note, *sender_name, *web, *contact;
	double radius_km;
	int utc_offset_min;
	int64_t expires_us; /* 0: not said */
	struct cap_language *languages;
	size_t language_count;
};

void cap_config_free(struct cap_config *c);

#define CAP_PLACEHOLDERS_SIZE 256

/* All placeholders, for a sentence: "{name} {station} …". Returns text. */
char *cap_text_placeholders(char text[static CAP_PLACEHOLDERS_SIZE]);

/* NULL, or the first of text that is no placeholder: from its brace on. */
const char *cap_text_fault(const char *text);

/* Whether a transition is about a sensor, not about water. */
bool cap_text_of_sensor(const struct transition *t);

/*
 * The text with all in its place: what is not known is "–", a unit "1" is left away. *ret is NULL where the language
 * has nothing to say. 0 or -ENOMEM.
 */
int cap_text_expand(const struct cap_config *c, const struct cap_language *l, enum cap_text which,
                    const struct transition *t, char **ret) must_check;

/*
 * "2026-11-22T10:15:00+07:00": no fraction and no Z, and UTC is -00:00 (CAP 1.2, 3.3.2). Returns text.
 */
char *cap_text_time(const struct cap_config *c, int64_t us, char text[static CAP_TIME_SIZE]);

#endif
