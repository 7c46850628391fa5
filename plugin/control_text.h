/*
 * control_text - sentences for operators, about what they have sent.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_CONTROL_TEXT_H
#define HIGHWATER_CONTROL_TEXT_H

#include "control.h"
#include "json_slice.h"

/* Room for the beginning of a text and "…". */
#define CONTROL_EXCERPT_SIZE 64

/* Writes a sentence, cut at a character's end. Returns -EINVAL. */
int control_sentence(char why[static CONTROL_SENTENCE_MAX], const char *fmt, ...) printf_like(2, 3);

/* The beginning of a string. Returns dst. */
char *control_excerpt(char dst[static CONTROL_EXCERPT_SIZE], const char *text);
char *control_excerpt_of(char dst[static CONTROL_EXCERPT_SIZE], struct json_slice string);

/* Says that the member name has this value, and what is allowed. Returns -EINVAL. */
int control_refuse(char why[static CONTROL_SENTENCE_MAX], const char *name, struct json_slice value,
                   const char *allowed);

#endif
