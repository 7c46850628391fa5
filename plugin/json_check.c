#include "json_check.h"

#include "json_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct scan {
	const char *text, *at, *end;
	struct json_fault *fault;
};

static bool printf_like(2, 3) fail(struct scan *s, const char *fmt, ...)
{
	struct json_fault *fault = s->fault;
	va_list args;

	fault->line = 1;
	fault->column = 1;
	for (const char *p = s->text; p < s->at; p++) {
		if (*p == '\n') {
			fault->line++;
			fault->column = 1;
		} else if (((unsigned char)*p & 0xC0) != 0x80) {
			fault->column++;
		}
	}
	va_start(args, fmt);
	vsnprintf(fault->what, sizeof(fault->what), fmt, args);
	va_end(args);
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Fails saying what stands here instead of what was expected. */
static bool fail_here(struct scan *s, const char *expected)
{
	const char *p = s->at;

	if (p == s->end)
		return fail(s, "the text ends where %s should follow", expected);
	if ((unsigned char)*p < 0x20 || *p == 0x7F)
		return fail(s, "control character 0x%02x where %s should be", (unsigned)*p, expected);
	if ((unsigned char)*p >= 0x80)
		return fail(s, "a character outside a string where %s should be", expected);
	if (!is_letter(*p))
		return fail(s, "'%c' where %s should be", *p, expected);
	while (p < s->end && p - s->at < 20 && is_letter(*p))
		p++;
	return fail(s, "%.*s where %s should be", (int)(p - s->at), s->at, expected);
}

/* Four hexadecimal digits, or -1. */
static int hex4(const char *p, const char *end)
{
	int n = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (json_is_digit(c))
			n = n * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			n = n * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return n;
}

static bool check_unicode(struct scan *s)
{
	int high = hex4(s->at + 2, s->end), low;

	if (high < 0)
		return fail(s, "\\u needs four hexadecimal digits");
	if (high == 0)
		return fail(s, "\\u0000 is not allowed");
	if (high >= 0xDC00 && high <= 0xDFFF)
		return fail(s, "\\u%04X is half of a surrogate pair", (unsigned)high);
	if (high < 0xD800 || high > 0xDBFF) {
		s->at += 6;
		return true;
	}
	low = s->end - s->at >= 12 && s->at[6] == '\\' && s->at[7] == 'u' ? hex4(s->at + 8, s->end) : -1;
	if (low < 0xDC00 || low > 0xDFFF)
		return fail(s, "\\u%04X is half of a surrogate pair", (unsigned)high);
	s->at += 12;
	return true;
}

static bool check_escape(struct scan *s)
{
	if (s->end - s->at < 2)
		return fail(s, "the text ends inside a string");
	if (s->at[1] == 'u')
		return check_unicode(s);
	if (s->at[1] == '\0' || !strchr("\"\\/bfnrt", s->at[1]))
		return fail(s, "a backslash before what it cannot escape");
	s->at += 2;
	return true;
}

static bool check_string(struct scan *s)
{
	for (s->at++; s->at < s->end && *s->at != '"';) {
		if ((unsigned char)*s->at < 0x20)
			return fail(s, "control character 0x%02x inside a string", (unsigned)*s->at);
		if (*s->at != '\\')
			s->at++;
		else if (!check_escape(s))
			return false;
	}
	if (s->at == s->end)
		return fail(s, "the text ends inside a string");
	s->at++;
	return true;
}

static bool check_digits(struct scan *s)
{
	if (s->at == s->end || !json_is_digit(*s->at))
		return fail_here(s, "a digit");
	while (s->at < s->end && json_is_digit(*s->at))
		s->at++;
	return true;
}

static bool check_number(struct scan *s)
{
	if (*s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0') {
		s->at++;
		if (s->at < s->end && json_is_digit(*s->at))
			return fail(s, "a number with a leading zero");
	} else if (!check_digits(s)) {
		return false;
	}
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!check_digits(s))
			return false;
	}
	if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		return check_digits(s);
	}
	return true;
}

static bool check_word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};
	const char *p = s->at;

	while (p < s->end && is_letter(*p))
		p++;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if ((size_t)(p - s->at) == strlen(words[i]) &&
		    memcmp(s->at, words[i], strlen(words[i])) == 0) {
			s->at = p;
			return true;
		}
	}
	return fail_here(s, "a value");
}

static bool check_value(struct scan *s, unsigned depth);

static bool check_name(struct scan *s)
{
	if (s->at == s->end || *s->at != '"')
		return fail_here(s, "a member's name in quotes");
	if (!check_string(s))
		return false;
	s->at = json_skip_space(s->at, s->end);
	if (s->at == s->end || *s->at != ':')
		return fail_here(s, "':'");
	s->at++;
	return true;
}

static bool check_container(struct scan *s, char closing, unsigned depth)
{
	if (depth > JSON_CHECK_DEPTH_MAX)
		return fail(s, "more than %d levels of arrays and objects", JSON_CHECK_DEPTH_MAX);
	s->at = json_skip_space(s->at + 1, s->end);
	if (s->at < s->end && *s->at == closing) {
		s->at++;
		return true;
	}
	for (;;) {
		s->at = json_skip_space(s->at, s->end);
		if (closing == '}' && !check_name(s))
			return false;
		if (!check_value(s, depth))
			return false;
		s->at = json_skip_space(s->at, s->end);
		if (s->at == s->end || (*s->at != ',' && *s->at != closing))
			return fail_here(s, closing == '}' ? "',' or '}'" : "',' or ']'");
		if (*s->at++ == closing)
			return true;
	}
}

static bool check_value(struct scan *s, unsigned depth)
{
	s->at = json_skip_space(s->at, s->end);
	if (s->at == s->end)
		return fail_here(s, "a value");
	switch (*s->at) {
	case '{':
		return check_container(s, '}', depth + 1);
	case '[':
		return check_container(s, ']', depth + 1);
	case '"':
		return check_string(s);
	default:
		return json_is_digit(*s->at) || *s->at == '-' ? check_number(s) : check_word(s);
	}
}

int json_check(const char *text, size_t length, struct json_slice *ret, struct json_fault *fault)
{
	struct scan s = {.text = text, .at = text, .end = text + length, .fault = fault};
	const char *begin = json_skip_space(text, text + length), *end;

	if (!check_value(&s, 0))
		return -EBADMSG;
	end = s.at;
	s.at = json_skip_space(s.at, s.end);
	if (s.at != s.end) {
		fail_here(&s, "the end of the text");
		return -EBADMSG;
	}
	*ret = (struct json_slice){begin, (size_t)(end - begin)};
	return 0;
}
