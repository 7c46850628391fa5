#include "json_slice.h"

#include "json_text.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum json_kind json_slice_kind(struct json_slice value)
{
	switch (value.text[0]) {
	case '{':
		return JSON_KIND_OBJECT;
	case '[':
		return JSON_KIND_ARRAY;
	case '"':
		return JSON_KIND_STRING;
	case 't':
	case 'f':
		return JSON_KIND_BOOLEAN;
	case 'n':
		return JSON_KIND_NULL;
	default:
		return JSON_KIND_NUMBER;
	}
}

const char *json_slice_kind_name(struct json_slice value)
{
	static const char *const names[] = {
		[JSON_KIND_NULL] = "null",       [JSON_KIND_BOOLEAN] = "a boolean",
		[JSON_KIND_NUMBER] = "a number", [JSON_KIND_STRING] = "a string",
		[JSON_KIND_ARRAY] = "an array",  [JSON_KIND_OBJECT] = "an object",
	};

	return names[json_slice_kind(value)];
}

static const char *skip_string(const char *p)
{
	for (p++; *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p + 1;
}

static const char *skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		p++;
	} while (p < end && (depth || !strchr(",]} \t\r\n", *p)));
	return p;
}

struct json_items json_slice_items(struct json_slice container)
{
	enum json_kind kind = json_slice_kind(container);

	if (kind != JSON_KIND_ARRAY && kind != JSON_KIND_OBJECT)
		return (struct json_items){NULL, NULL};
	return (struct json_items){container.text + 1, container.text + container.length - 1};
}

/* A value, and the comma after it. */
static struct json_slice take_value(struct json_items *items)
{
	const char *begin = json_skip_space(items->at, items->end), *end = skip_value(begin, items->end);

	items->at = json_skip_space(end, items->end);
	if (items->at < items->end && *items->at == ',')
		items->at++;
	return (struct json_slice){begin, (size_t)(end - begin)};
}

bool json_slice_element(struct json_items *items, struct json_slice *ret_value)
{
	items->at = json_skip_space(items->at, items->end);
	if (items->at == items->end)
		return false;
	*ret_value = take_value(items);
	return true;
}

bool json_slice_member(struct json_items *items, struct json_slice *ret_name, struct json_slice *ret_value)
{
	const char *end;

	items->at = json_skip_space(items->at, items->end);
	if (items->at == items->end)
		return false;
	end = skip_string(items->at);
	*ret_name = (struct json_slice){items->at, (size_t)(end - items->at)};
	items->at = json_skip_space(end, items->end) + 1;
	*ret_value = take_value(items);
	return true;
}

/* Digits from p on, after those in *digits. NULL: more than a double holds for sure. */
static const char *read_digits(const char *p, const char *end, uint64_t *digits)
{
	for (; p < end && json_is_digit(*p); p++) {
		if (*digits >= UINT64_C(900719925474099))
			return NULL;
		*digits = *digits * 10 + (uint64_t)(*p - '0');
	}
	return p;
}

/* The exponent after its 'e'; far from what it is when that is beyond any double. */
static int read_exponent(const char *p, const char *end)
{
	bool negative = *p == '-';
	int exponent = 0;

	for (p += negative || *p == '+'; p < end; p++)
		if (exponent < 10000)
			exponent = exponent * 10 + (*p - '0');
	return negative ? -exponent : exponent;
}

/*
 * Clinger, "How to Read Floating Point Numbers Accurately", 1990: digits below 2^53 and a power of ten that
 * is exact in a double need one rounding only, in the direction that is set. Nearly every sensor value is one
 * of these. Where doubles are computed with more bits than they have, a second rounding follows: not there.
 */
static bool read_short_number(struct json_slice number, double *ret)
{
	static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	const int most = (int)ARRAY_SIZE(tens) - 1;
	const char *p = number.text, *end = p + number.length, *point;
	bool negative = *p == '-';
	uint64_t digits = 0;
	int exponent = 0;
	double value;

	p = read_digits(p + negative, end, &digits);
	if (p && p < end && *p == '.') {
		point = ++p;
		p = read_digits(p, end, &digits);
		exponent = p ? (int)(point - p) : 0;
	}
	if (FLT_EVAL_METHOD != 0 || !p)
		return false;
	if (p < end)
		exponent += read_exponent(p + 1, end);
	if (exponent < -most || exponent > most)
		return false;
	value = negative ? -(double)digits : (double)digits;
	*ret = exponent < 0 ? value / tens[-exponent] : value * tens[exponent];
	return true;
}

static int __attribute__((noinline)) read_long_number(struct json_slice number, double *ret)
{
	char text[JSON_SLICE_NUMBER_MAX + MB_LEN_MAX + 1];
	const char *point;
	double value;

	/* strtod() wants the locale's point, and another plugin may have set a locale. */
	point = memchr(number.text, '.', number.length);
	if (point) {
		int before = (int)(point - number.text), after = (int)number.length - before - 1;

		snprintf(text, sizeof(text), "%.*s%.*s%.*s", before, number.text, MB_LEN_MAX,
		         localeconv()->decimal_point, after, point + 1);
	} else {
		copy_text(text, sizeof(text), number.text, number.length);
	}
	value = strtod(text, NULL);
	if (isinf(value))
		return -ERANGE;
	*ret = value;
	return 0;
}

int json_slice_number(struct json_slice number, double *ret)
{
	if (number.length > JSON_SLICE_NUMBER_MAX)
		return -ERANGE;
	return read_short_number(number, ret) ? 0 : read_long_number(number, ret);
}

/* The four hexadecimal digits of a checked \uXXXX. */
static uint32_t unit_of(const char *escape)
{
	uint32_t n = 0;

	for (const char *p = escape + 2; p < escape + 6; p++)
		n = n << 4 | (uint32_t)(json_is_digit(*p) ? *p - '0' : (*p | 0x20) - 'a' + 10);
	return n;
}

/* The character at *p of a checked string, which moves past it. */
static uint32_t next_character(const char **p)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const unsigned char *u = (const unsigned char *)*p;
	uint32_t code;
	size_t n;

	if (u[0] == '\\' && u[1] != 'u') {
		*p += 2;
		return (uint32_t)to[strchr(from, u[1]) - from];
	}
	if (u[0] == '\\') {
		code = unit_of(*p);
		*p += 6;
		if (code < 0xD800 || code > 0xDBFF)
			return code;
		code = 0x10000 + ((code - 0xD800) << 10) + (unit_of(*p) - 0xDC00);
		*p += 6;
		return code;
	}
	n = u[0] < 0x80 ? 1 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
	code = n == 1 ? u[0] : u[0] & (0x7Fu >> n);
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (u[i] & 0x3Fu);
	*p += n;
	return code;
}

static size_t encode(uint32_t code, char bytes[static 4])
{
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (n == 1) {
		bytes[0] = (char)code;
		return 1;
	}
	for (size_t i = n - 1; i > 0; i--, code >>= 6)
		bytes[i] = (char)(0x80 | (code & 0x3F));
	bytes[0] = (char)(((0xF00u >> n) & 0xFF) | code);
	return n;
}

size_t json_slice_string(struct json_slice string, char *dst, size_t size)
{
	const char *p = string.text + 1, *end = string.text + string.length - 1;
	size_t total = 0, kept = 0;

	while (p < end) {
		char bytes[4];
		size_t n = encode(next_character(&p), bytes);

		if (kept == total && kept + n < size) {
			memcpy(dst + kept, bytes, n);
			kept += n;
		}
		total += n;
	}
	dst[kept] = '\0';
	return total;
}
