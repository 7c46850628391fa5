#include "decode_flat.h"

#include "reading.h"

struct scan {
	const char *at, *end;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_space(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

/* A character that stands here, with space before it. */
static bool take(struct scan *s, char c)
{
	skip_space(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* The first of eight bytes, lowest first, that is a quote or does not belong into a plain string; 8: none. */
static unsigned plain_bytes(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	/* A borrow or carry spoils only bytes above the first that is found, so the first is the first. */
	uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
	uint64_t found = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
	                 ((word - ones * 0x20) & ~word) | (word + ones) | word;

	found &= ones << 7;
	return found ? (unsigned)__builtin_ctzll(found) / 8 : 8;
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/* To the quote that ends a string. */
static bool skip_plain(struct scan *s)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	while (s->end - s->at >= 8) {
		uint64_t word;
		unsigned n;

		memcpy(&word, s->at, sizeof(word));
		n = plain_bytes(word);
		s->at += n;
		if (n < 8)
			return *s->at == '"';
	}
#endif
	while (s->at < s->end && is_plain(*s->at))
		s->at++;
	return s->at < s->end && *s->at == '"';
}

static bool skip_digits(struct scan *s)
{
	const char *begin = s->at;

	while (s->at < s->end && is_digit(*s->at))
		s->at++;
	return s->at > begin;
}

/* RFC 8259, section 6. What follows a number is looked at by those who expect something there. */
static bool skip_number(struct scan *s)
{
	if (s->at < s->end && *s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0')
		s->at++;
	else if (!skip_digits(s))
		return false;
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!skip_digits(s))
			return false;
	}
	if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		return skip_digits(s);
	}
	return true;
}

static bool skip_word(struct scan *s, const char *word, size_t length)
{
	if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
		return false;
	s->at += length;
	return true;
}

static bool skip_value(struct scan *s, enum json_kind *ret_kind)
{
	switch (*s->at) {
	case '"':
		*ret_kind = JSON_KIND_STRING;
		s->at++;
		if (!skip_plain(s))
			return false;
		s->at++;
		return true;
	case 'n':
		*ret_kind = JSON_KIND_NULL;
		return skip_word(s, "null", 4);
	case 't':
		*ret_kind = JSON_KIND_BOOLEAN;
		return skip_word(s, "true", 4);
	case 'f':
		*ret_kind = JSON_KIND_BOOLEAN;
		return skip_word(s, "false", 5);
	default:
		*ret_kind = JSON_KIND_NUMBER;
		return skip_number(s);
	}
}

static bool take_value(struct scan *s, enum json_kind *ret_kind, struct json_slice *ret)
{
	skip_space(s);
	if (s->at == s->end)
		return false;
	ret->text = s->at;
	if (!skip_value(s, ret_kind))
		return false;
	ret->length = (size_t)(s->at - ret->text);
	return true;
}

static bool take_name(struct scan *s, struct decode_member *m)
{
	if (!take(s, '"'))
		return false;
	m->name = s->at;
	if (!skip_plain(s) || s->at - m->name > PROPERTY_CODE_MAX)
		return false;
	m->name_length = (uint8_t)(s->at++ - m->name);
	m->cut = false;
	return true;
}

static bool take_member(struct scan *s, struct decode_flat *to)
{
	struct decode_member *m = &to->members[to->count];

	if (to->count == ARRAY_SIZE(to->members) || !take_name(s, m) || !take(s, ':') ||
	    !take_value(s, &m->kind, &m->value))
		return false;
	for (size_t i = 0; i < to->count; i++)
		if (decode_member_is(&to->members[i], m->name, m->name_length))
			return false;
	to->count++;
	return true;
}

static bool take_object(struct scan *s, struct decode_flat *to)
{
	to->kind = JSON_KIND_OBJECT;
	to->root.text = s->at++;
	if (!take(s, '}')) {
		do {
			if (!take_member(s, to))
				return false;
		} while (take(s, ','));
		if (!take(s, '}'))
			return false;
	}
	to->root.length = (size_t)(s->at - to->root.text);
	return true;
}

bool decode_flat(const char *text, size_t length, struct decode_flat *ret)
{
	struct scan s = {text, text + length};

	ret->count = 0;
	skip_space(&s);
	if (s.at < s.end && *s.at == '{') {
		if (!take_object(&s, ret))
			return false;
	} else if (!take_value(&s, &ret->kind, &ret->root) || ret->kind != JSON_KIND_NUMBER) {
		return false;
	}
	skip_space(&s);
	return s.at == s.end;
}
