#include "decode_flat.h"

#include "json_text.h"
#include "reading.h"

/* A function that skips something returns what is behind it, or NULL when something else stands there. */

/* A character, and space before it. */
static const char *skip(const char *p, const char *end, char c)
{
	p = json_skip_space(p, end);
	return p < end && *p == c ? p + 1 : NULL;
}

/* The first of eight bytes, lowest first, that is a quote or does not belong into a plain string; 8: none. */
static unsigned plain_bytes(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	/* Each makes the high bit of such a byte; what it borrows or carries spoils only bytes above that one. */
	uint64_t quote = (word ^ ones * '"') - ones, backslash = (word ^ ones * '\\') - ones;
	uint64_t control = (word - ones * 0x20) | (word + ones), found = word | control | quote | backslash;

	found &= ones << 7;
	return found ? (unsigned)__builtin_ctzll(found) / 8 : 8;
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/* The rest of a string, behind its first quote. */
static const char *skip_plain(const char *p, const char *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	while (end - p >= 8) {
		uint64_t word;
		unsigned n;

		memcpy(&word, p, sizeof(word));
		n = plain_bytes(word);
		p += n;
		if (n < 8)
			return *p == '"' ? p + 1 : NULL;
	}
#endif
	while (p < end && is_plain(*p))
		p++;
	return p < end && *p == '"' ? p + 1 : NULL;
}

static const char *skip_digits(const char *p, const char *end)
{
	const char *begin = p;

	while (p < end && json_is_digit(*p))
		p++;
	return p > begin ? p : NULL;
}

/* RFC 8259, section 6. What follows a number is looked at by those who expect something there. */
static const char *skip_number(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	p = p < end && *p == '0' ? p + 1 : skip_digits(p, end);
	if (p && p < end && *p == '.')
		p = skip_digits(p + 1, end);
	if (p && p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = skip_digits(p, end);
	}
	return p;
}

static const char *skip_word(const char *p, const char *end, const char *word, size_t length)
{
	return (size_t)(end - p) >= length && memcmp(p, word, length) == 0 ? p + length : NULL;
}

static const char *skip_value(const char *p, const char *end, enum json_kind *ret_kind)
{
	switch (*p) {
	case '"':
		*ret_kind = JSON_KIND_STRING;
		return skip_plain(p + 1, end);
	case 'n':
		*ret_kind = JSON_KIND_NULL;
		return skip_word(p, end, "null", 4);
	case 't':
		*ret_kind = JSON_KIND_BOOLEAN;
		return skip_word(p, end, "true", 4);
	case 'f':
		*ret_kind = JSON_KIND_BOOLEAN;
		return skip_word(p, end, "false", 5);
	default:
		*ret_kind = JSON_KIND_NUMBER;
		return skip_number(p, end);
	}
}

/* A value, and space before it. */
static const char *take_value(const char *p, const char *end, enum json_kind *ret_kind,
                              struct json_slice *ret)
{
	const char *begin = json_skip_space(p, end);

	if (begin == end)
		return NULL;
	p = skip_value(begin, end, ret_kind);
	if (p)
		*ret = (struct json_slice){begin, (size_t)(p - begin)};
	return p;
}

static const char *take_name(const char *p, const char *end, struct decode_member *m)
{
	const char *begin = skip(p, end, '"');

	p = begin ? skip_plain(begin, end) : NULL;
	if (!p || p - 1 - begin > PROPERTY_CODE_MAX)
		return NULL;
	m->name = begin;
	m->name_length = (uint8_t)(p - 1 - begin);
	m->cut = false;
	return skip(p, end, ':');
}

/* Whether the last member's name stands twice. Most have a length and a first letter of their own. */
static bool is_double(const struct decode_flat *to, uint64_t *seen)
{
	const struct decode_member *last = &to->members[to->count - 1];
	uint64_t bit = UINT64_C(1) << ((last->name_length * 29U + (uint8_t)last->name[0]) % 64);

	if (*seen & bit)
		for (const struct decode_member *m = to->members; m < last; m++)
			if (decode_member_is(m, last->name, last->name_length))
				return true;
	*seen |= bit;
	return false;
}

/* The rest of an object, behind its brace. */
static const char *take_members(const char *p, const char *end, struct decode_flat *to)
{
	const char *next = skip(p, end, '}');
	uint64_t seen = 0;

	if (next)
		return next;
	do {
		struct decode_member *m = &to->members[to->count];

		if (to->count++ == ARRAY_SIZE(to->members))
			return NULL;
		p = take_name(p, end, m);
		if (!p || is_double(to, &seen))
			return NULL;
		p = take_value(p, end, &m->kind, &m->value);
		if (!p)
			return NULL;
		next = skip(p, end, ',');
		p = next ? next : p;
	} while (next);
	return skip(p, end, '}');
}

bool decode_flat(const char *text, size_t length, struct decode_flat *ret)
{
	const char *end = text + length, *begin = json_skip_space(text, end), *p;

	ret->count = 0;
	if (begin < end && *begin == '{') {
		p = take_members(begin + 1, end, ret);
		ret->kind = JSON_KIND_OBJECT;
		ret->root = (struct json_slice){begin, p ? (size_t)(p - begin) : 0};
	} else {
		p = take_value(begin, end, &ret->kind, &ret->root);
		if (p && ret->kind != JSON_KIND_NUMBER)
			p = NULL;
	}
	return p && json_skip_space(p, end) == end;
}
