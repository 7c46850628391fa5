/*
 * json_text - what RFC 8259 calls a digit, and white space between its tokens.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_JSON_TEXT_H
#define HIGHWATER_JSON_TEXT_H

#include <stdbool.h>

static inline bool json_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Section 2, "ws": what is behind it, at most end. */
static inline const char *json_skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

#endif
