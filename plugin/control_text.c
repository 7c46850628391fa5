#include "control_text.h"

#include "utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int control_sentence(char why[static CONTROL_SENTENCE_MAX], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, CONTROL_SENTENCE_MAX, fmt, args);
	va_end(args);
	why[utf8_prefix(why, strlen(why))] = '\0';
	return -EINVAL;
}

static char *excerpt(char dst[static CONTROL_EXCERPT_SIZE], const char *text, size_t length)
{
	static const char more[] = "…";
	size_t room = CONTROL_EXCERPT_SIZE - sizeof(more);

	if (length <= room) {
		copy_text(dst, CONTROL_EXCERPT_SIZE, text, length);
		return dst;
	}
	length = utf8_prefix(text, room);
	memmove(dst, text, length);
	memcpy(dst + length, more, sizeof(more));
	return dst;
}

char *control_excerpt(char dst[static CONTROL_EXCERPT_SIZE], const char *text)
{
	return excerpt(dst, text, strlen(text));
}

char *control_excerpt_of(char dst[static CONTROL_EXCERPT_SIZE], struct json_slice string)
{
	char text[CONTROL_EXCERPT_SIZE];

	json_slice_string(string, text, sizeof(text));
	return excerpt(dst, text, strlen(text));
}

int control_refuse(char why[static CONTROL_SENTENCE_MAX], const char *name, struct json_slice value,
                   const char *allowed)
{
	char text[CONTROL_EXCERPT_SIZE];

	switch (json_slice_kind(value)) {
	case JSON_KIND_STRING:
		return control_sentence(why, "\"%s\" is \"%s\": allowed is %s", name,
		                        control_excerpt_of(text, value), allowed);
	case JSON_KIND_ARRAY:
	case JSON_KIND_OBJECT:
		return control_sentence(why, "\"%s\" is %s: allowed is %s", name, json_slice_kind_name(value),
		                        allowed);
	case JSON_KIND_NULL:
	case JSON_KIND_BOOLEAN:
	case JSON_KIND_NUMBER:
		break;
	}
	return control_sentence(why, "\"%s\" is %s: allowed is %s", name,
	                        excerpt(text, value.text, value.length), allowed);
}
