#include "config_line.h"

#include "json_check.h"
#include "quantity.h"
#include "utf8.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* More keys than any object has. */
#define KEYS_MAX 32

/* Bytes of what was found that a sentence quotes. */
#define EXCERPT_MAX 60

static size_t line_of(const struct config_file *f, const char *place)
{
	size_t line = 1;

	for (const char *p = f->text; p < place; p++)
		line += *p == '\n';
	return line;
}

int config_line_fail(const struct config_file *f, struct json_slice place, const char *fmt, ...)
{
	int n = snprintf(f->message, f->size, "%s:%zu: ", f->path, line_of(f, place.text));
	va_list args;

	if (n >= 0 && (size_t)n < f->size) {
		va_start(args, fmt);
		vsnprintf(f->message + n, f->size - (size_t)n, fmt, args);
		va_end(args);
	}
	return -EINVAL;
}

static bool holds_comment(const char *text, size_t length, size_t line)
{
	const char *p = text, *end;

	for (; line > 1 && p; line--) {
		p = memchr(p, '\n', length - (size_t)(p - text));
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return false;
	end = memchr(p, '\n', length - (size_t)(p - text));
	for (end = end ? end : text + length; end - p >= 2; p++)
		if (p[0] == '/' && (p[1] == '/' || p[1] == '*'))
			return true;
	return false;
}

int config_line_check(const struct config_file *f, size_t length, struct json_slice *ret)
{
	size_t prefix = utf8_prefix(f->text, length);
	struct json_fault fault;

	if (prefix != length)
		return config_line_fail(f, (struct json_slice){f->text + prefix, 0},
		                        "not UTF-8 text: byte 0x%02x; save the file as UTF-8",
		                        (unsigned)(unsigned char)f->text[prefix]);
	if (json_check(f->text, length, ret, &fault) < 0) {
		snprintf(f->message, f->size, "%s:%zu: not JSON at column %zu: %s%s", f->path, fault.line,
		         fault.column, fault.what,
		         holds_comment(f->text, length, fault.line) ? "; JSON has no comments, remove them"
		                                                    : "");
		return -EINVAL;
	}
	return 0;
}

/* Levenshtein's distance, but 99 for long texts. */
static size_t distance(const char *a, const char *b)
{
	size_t row[33], a_length = strlen(a), b_length = strlen(b);

	if (a_length > 32 || b_length > 32)
		return 99;
	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[b_length];
}

const char *config_line_suggest(const char *found, const char *const *allowed, size_t count)
{
	const char *best = NULL;
	size_t best_distance = 3;

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(found, allowed[i]);

		/* Two slips in a short word leave nothing of it. */
		if (d < best_distance && d * 2 < strlen(allowed[i])) {
			best = allowed[i];
			best_distance = d;
		}
	}
	return best;
}

static int refuse_key(const struct config_file *f, const char *what, struct json_slice name,
                      const struct config_key *keys, size_t count)
{
	const char *names[KEYS_MAX] = {NULL}, *near;
	char found[EXCERPT_MAX + 1], list[400] = "";
	size_t n = 0;

	for (size_t i = 0; i < count && i < KEYS_MAX; i++) {
		names[i] = keys[i].name;
		if (n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", names[i]);
	}
	json_slice_string(name, found, sizeof(found));
	near = config_line_suggest(found, names, MIN(count, KEYS_MAX));
	if (near)
		return config_line_fail(f, name, "%s has no key \"%s\": did you mean \"%s\"?", what, found,
		                        near);
	return config_line_fail(f, name, "%s has no key \"%s\": allowed are %s", what, found, list);
}

static const struct config_key *find_key(struct json_slice name, const struct config_key *keys, size_t count)
{
	char text[64];
	size_t length = json_slice_string(name, text, sizeof(text));

	for (size_t i = 0; i < count; i++)
		if (length == strlen(keys[i].name) && strcmp(text, keys[i].name) == 0)
			return &keys[i];
	return NULL;
}

int config_line_object(const struct config_file *f, const char *what, struct json_slice object,
                       const struct config_key *keys, size_t count, void *context)
{
	struct json_items items = json_slice_items(object);
	const char *seen_at[KEYS_MAX] = {NULL};
	struct config_member m;

	if (json_slice_kind(object) != JSON_KIND_OBJECT)
		return config_line_fail(f, object, "%s is %s: allowed is an object, { … }", what,
		                        json_slice_kind_name(object));
	while (json_slice_member(&items, &m.name, &m.value)) {
		const struct config_key *key = find_key(m.name, keys, count);
		int r;

		if (!key)
			return refuse_key(f, what, m.name, keys, count);
		if (seen_at[key - keys])
			return config_line_fail(f, m.name,
			                        "\"%s\" stands twice, first on line %zu: remove one",
			                        key->name, line_of(f, seen_at[key - keys]));
		seen_at[key - keys] = m.name.text;
		r = key->take(f, &m, context);
		if (r < 0)
			return r;
	}
	return 0;
}

int config_line_refuse(const struct config_file *f, const struct config_member *m, const char *allowed)
{
	size_t shown = utf8_prefix(m->value.text, MIN(m->value.length, EXCERPT_MAX));
	enum json_kind kind = json_slice_kind(m->value);

	if (kind == JSON_KIND_OBJECT || kind == JSON_KIND_ARRAY)
		return config_line_fail(f, m->name, "%.*s is %s: allowed is %s", (int)m->name.length,
		                        m->name.text, json_slice_kind_name(m->value), allowed);
	return config_line_fail(f, m->name, "%.*s is %.*s: allowed is %s", (int)m->name.length, m->name.text,
	                        (int)shown, m->value.text, allowed);
}

int config_line_string(const struct config_file *f, const struct config_member *m, const char *allowed,
                       char **ret)
{
	size_t size;
	char *text;

	if (json_slice_kind(m->value) != JSON_KIND_STRING)
		return config_line_refuse(f, m, allowed);
	size = m->value.length; /* escapes only shrink */
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	json_slice_string(m->value, text, size);
	*ret = text;
	return 0;
}

/* For values that are short when they are right. False when it is not a string that fits. */
static bool short_string(struct json_slice value, char *text, size_t size)
{
	return json_slice_kind(value) == JSON_KIND_STRING && json_slice_string(value, text, size) < size;
}

int config_line_integer(const struct config_file *f, const struct config_member *m, int64_t min, int64_t max,
                        const char *allowed, int64_t *ret)
{
	double number;

	if (json_slice_kind(m->value) != JSON_KIND_NUMBER || json_slice_number(m->value, &number) < 0 ||
	    number < (double)min || number > (double)max || number != floor(number))
		return config_line_refuse(f, m, allowed);
	*ret = (int64_t)number;
	return 0;
}

int config_line_duration(const struct config_file *f, const struct config_member *m, int64_t min_us,
                         int64_t max_us, const char *allowed, int64_t *ret_us)
{
	char text[64];
	int64_t us;

	if (!short_string(m->value, text, sizeof(text)) || quantity_duration_us(text, &us) < 0 ||
	    us < min_us || us > max_us)
		return config_line_refuse(f, m, allowed);
	*ret_us = us;
	return 0;
}

int config_line_size(const struct config_file *f, const struct config_member *m, uint64_t min, uint64_t max,
                     const char *allowed, uint64_t *ret)
{
	char text[64];
	uint64_t bytes;

	if (!short_string(m->value, text, sizeof(text)) || quantity_size_bytes(text, &bytes) < 0 ||
	    bytes < min || bytes > max)
		return config_line_refuse(f, m, allowed);
	*ret = bytes;
	return 0;
}

int config_line_boolean(const struct config_file *f, const struct config_member *m, bool *ret)
{
	if (json_slice_kind(m->value) != JSON_KIND_BOOLEAN)
		return config_line_refuse(f, m, "true or false");
	*ret = m->value.text[0] == 't';
	return 0;
}

int config_line_choice(const struct config_file *f, const struct config_member *m, const char *first,
                       const char *second, bool *ret)
{
	char text[64], allowed[160];

	if (short_string(m->value, text, sizeof(text))) {
		if (strcmp(text, first) == 0 || strcmp(text, second) == 0) {
			*ret = strcmp(text, second) == 0;
			return 0;
		}
	}
	snprintf(allowed, sizeof(allowed), "\"%s\" or \"%s\"", first, second);
	return config_line_refuse(f, m, allowed);
}
