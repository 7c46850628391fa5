/*
 * cap_words - the built-in texts of CAP messages, Vietnamese and English.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_CAP_WORDS_H
#define HIGHWATER_CAP_WORDS_H

#include "threshold.h"

/* The texts of a language: of water, of its end, of a sensor that fails, of its end, of a test. */
enum cap_text {
	CAP_EVENT,
	CAP_HEADLINE,
	CAP_DESCRIPTION,
	CAP_INSTRUCTION,
	CAP_PROJECTION, /* ends the description when a next level is expected */
	CAP_END_HEADLINE,
	CAP_END_DESCRIPTION,
	CAP_NORMAL, /* the name of level 0 */
	CAP_SENSOR_EVENT,
	CAP_SENSOR_HEADLINE,
	CAP_SENSOR_DESCRIPTION,
	CAP_SENSOR_INSTRUCTION,
	CAP_SENSOR_END_HEADLINE,
	CAP_SENSOR_END_DESCRIPTION,
	CAP_TEST_HEADLINE,
	CAP_TEXT_COUNT,
};

/* The configuration's name of a text: "end_headline". */
const char *cap_words_name(enum cap_text which);

/* tag is that of a language, "vi-VN". NULL: there is no such text, and nothing is to be said. */
const char *cap_words_text(const char *tag, enum cap_text which);

/* What an alarm of this cause is called; NULL for other languages. */
const char *cap_words_cause(const char *tag, enum cause cause);

#endif
