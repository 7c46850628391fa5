#include "payloads.h"

#include "util.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* Below n. */
static size_t below(uint64_t *random, size_t n)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (size_t)((*random >> 11) % n);
}

static bool one_in(uint64_t *random, size_t n)
{
	return below(random, n) == 0;
}

static void put_bytes(struct payload *p, const char *bytes, size_t length)
{
	size_t n = MIN(length, sizeof(p->text) - p->length);

	memcpy(p->text + p->length, bytes, n);
	p->length += n;
}

static void put(struct payload *p, const char *text)
{
	put_bytes(p, text, strlen(text));
}

static void printf_like(2, 3) put_format(struct payload *p, const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(p, text);
}

#define ANY(random, list) ((list)[below((random), ARRAY_SIZE(list))])

static void put_space(struct payload *p, uint64_t *random)
{
	static const char *const spaces[] = {" ",     "  ", "\t", "\n",       "\r\n",
	                                     " \n\t", "\v", "\f", "\xC2\xA0", "/**/"};

	if (one_in(random, 6))
		put(p, spaces[below(random, one_in(random, 30) ? ARRAY_SIZE(spaces) : 6)]);
}

static void put_digits(struct payload *p, uint64_t *random)
{
	static const size_t counts[] = {1,  1,  1,  2,  2,  3,  4,  5,  7,  14,
	                                15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
	size_t count = one_in(random, 400) ? below(random, 1100) : ANY(random, counts);
	bool zeros = one_in(random, 5);

	for (size_t i = 0; i < count; i++)
		put_format(p, "%zu", zeros && i + 1 < count ? 0 : below(random, 10));
}

/* Where readers of numbers err, and what is none. */
static const char *const number_edges[] = {"0",
                                           "-0",
                                           "-0.0",
                                           "0e0",
                                           "-0e9",
                                           "00",
                                           "01",
                                           "-01",
                                           "1.",
                                           ".5",
                                           "-",
                                           "+1",
                                           "1e",
                                           "1e+",
                                           "1.e1",
                                           "1E5",
                                           "0.1e1",
                                           "1e22",
                                           "1e23",
                                           "1e-22",
                                           "1e-23",
                                           "9007199254740991",
                                           "9007199254740992",
                                           "9007199254740993",
                                           "90071992547409.93e2",
                                           "9007199254740993e-1",
                                           "5e-324",
                                           "2e-324",
                                           "1e308",
                                           "1.7976931348623157e308",
                                           "1.7976931348623159e308",
                                           "1e309",
                                           "-1e999",
                                           "1e-999",
                                           "1e00000000022",
                                           "1e4294967297",
                                           "1e-4294967297",
                                           "2.2250738585072011e-308",
                                           "8.5e22",
                                           "123456789012345e22",
                                           "1.0e0000000000000000000000000000000000001",
                                           "9223372036854775808",
                                           "-9223372036854775809",
                                           "0x10",
                                           "1_0",
                                           "1,0",
                                           "NaN",
                                           "Infinity",
                                           "-Infinity",
                                           "1f",
                                           "1e5.5",
                                           "1-1",
                                           "1..5"};

static void put_number(struct payload *p, uint64_t *random)
{
	if (one_in(random, 8)) {
		put(p, ANY(random, number_edges));
		return;
	}
	/* About 2^53, where digits stop fitting a double. */
	if (one_in(random, 20)) {
		put_format(p, "900719925474%04zue%d", 950 + below(random, 100), (int)below(random, 50) - 25);
		return;
	}
	if (one_in(random, 3))
		put(p, "-");
	if (one_in(random, 4))
		put(p, "0");
	else if (one_in(random, 40))
		put_digits(p, random);
	else
		put_format(p, "%zu", 1 + below(random, one_in(random, 2) ? 9 : 99999));
	if (one_in(random, 2)) {
		put(p, ".");
		put_digits(p, random);
	} else if (one_in(random, 2)) {
		put_digits(p, random);
	}
	if (one_in(random, 3))
		put_format(p, "%c%s%zu", one_in(random, 2) ? 'e' : 'E',
		           (const char *[]){"", "+", "-"}[below(random, 3)],
		           below(random, one_in(random, 3) ? 340 : 30));
}

static void put_characters(struct payload *p, uint64_t *random, size_t count)
{
	static const char *const unusual[] = {"\\\"",
	                                      "\\\\",
	                                      "\\/",
	                                      "\\n",
	                                      "\\u0061",
	                                      "\\u00e9",
	                                      "\\ud83c\\udf0a",
	                                      "\\ud800",
	                                      "\\udc00",
	                                      "\\u0000",
	                                      "\\x",
	                                      "\\u12g4",
	                                      "\\",
	                                      "\xC3\xA9",
	                                      "\xE1\xBB\xB1",
	                                      "\xF0\x9F\x8C\x8A",
	                                      "\xC3",
	                                      "\xFF",
	                                      "\xED\xA0\x80",
	                                      "\x01",
	                                      "\x1F",
	                                      "\x7F",
	                                      "\n",
	                                      "\"",
	                                      "'",
	                                      "\xC0\x80"};

	for (size_t i = 0; i < count; i++) {
		if (one_in(random, 60))
			put(p, ANY(random, unusual));
		else if (one_in(random, 8))
			put_bytes(p, &" {}[]:,.-+/~!#"[below(random, 14)], 1);
		else
			put_format(p, "%c", (int)('a' + below(random, 26)));
	}
}

static void put_string(struct payload *p, uint64_t *random)
{
	static const char *const units[] = {"m", "cm", "m3/s", "\\u00b0C", "mm/h", "", "%", "\xC2\xB0\x43"};

	put(p, "\"");
	if (one_in(random, 3))
		put(p, ANY(random, units));
	else
		put_characters(p, random, below(random, one_in(random, 20) ? 100 : 20));
	put(p, "\"");
}

static void put_time(struct payload *p, uint64_t *random)
{
	static const char *const zones[] = {"Z", "z",  "+07:00", "-05:30", "+00:00",
	                                    "",  "+7", "+24:00", "\\u005a"};

	if (one_in(random, 4)) {
		put_format(p, one_in(random, 2) ? "1795317%zu" : "1795317%zu.5", 100 + below(random, 900000));
		return;
	}
	put_format(p, "\"%04zu-%02zu-%02zuT%02zu:%02zu:%02zu",
	           one_in(random, 9) ? below(random, 10000) : 2026, 1 + below(random, 12),
	           below(random, one_in(random, 9) ? 33 : 29), below(random, 24), below(random, 60),
	           below(random, one_in(random, 9) ? 62 : 60));
	if (one_in(random, 3))
		put_format(p, ".%0*zu", 1 + (int)below(random, 10), below(random, 10));
	put_format(p, "%s\"", ANY(random, zones));
}

static void put_value(struct payload *p, uint64_t *random, size_t depth)
{
	static const char *const words[] = {"true", "false", "null",   "nul", "nullx",
	                                    "True", "tru",   "falsey", "n",   ""};
	bool object;

	if (!one_in(random, 3)) {
		put_number(p, random);
	} else if (one_in(random, 3)) {
		put_string(p, random);
	} else if (one_in(random, 3)) {
		put_time(p, random);
	} else if (depth && one_in(random, 4)) {
		object = one_in(random, 2);
		put(p, object ? "{" : "[");
		for (size_t i = below(random, 3); i > 0; i--) {
			if (object)
				put(p, one_in(random, 2) ? "\"a\":" : "\"b\" : ");
			put_value(p, random, depth - 1);
			put(p, i > 1 ? "," : "");
		}
		put(p, object ? "}" : "]");
	} else if (one_in(random, 200)) {
		for (size_t n = 60 + below(random, 8), i = 0; i < 2 * n; i++)
			put(p, i < n ? "[" : "]");
	} else {
		put(p, words[below(random, one_in(random, 10) ? ARRAY_SIZE(words) : 3)]);
	}
}

static void put_name(struct payload *p, uint64_t *random)
{
	static const char *const names[] = {"time",
	                                    "value",
	                                    "unit",
	                                    "water_level",
	                                    "rainfall",
	                                    "flow",
	                                    "battery_voltage",
	                                    "rssi",
	                                    "snr",
	                                    "wetness",
	                                    "rainfall_total",
	                                    "rainfall_totals",
	                                    "rainfall_tota",
	                                    "water_leve",
	                                    "water_temperature",
	                                    "x",
	                                    "",
	                                    "Time",
	                                    "tim\\u0065",
	                                    "v\\u0061lue",
	                                    "flow ",
	                                    "group",
	                                    "a234567890123456789012345678901234567890",
	                                    "a2345678901234567890123456789012345678901",
	                                    "a2345678901234567890123456789012345678902",
	                                    "\xC3\xA9",
	                                    "a23456789012345678901234567890123456789\xC3\xA9",
	                                    "station"};

	put(p, "\"");
	if (one_in(random, 3))
		put_characters(p, random, below(random, one_in(random, 9) ? 46 : 12));
	else
		put(p, ANY(random, names));
	put(p, "\"");
}

static size_t count_of_members(uint64_t *random)
{
	if (one_in(random, 300))
		return 250 + below(random, 10);
	if (one_in(random, 10))
		return 12 + below(random, 10);
	return below(random, 8);
}

static void put_object(struct payload *p, uint64_t *random)
{
	size_t count = count_of_members(random), time = below(random, 6);

	put(p, "{");
	for (size_t i = 0; i < count; i++) {
		put_space(p, random);
		if (i == time) {
			put(p, "\"time\":");
			put_space(p, random);
			put_time(p, random);
		} else {
			if (count > 11)
				put_format(p, "\"m%zu\"", i - one_in(random, 300));
			else
				put_name(p, random);
			put_space(p, random);
			put(p, one_in(random, 300) ? "=" : ":");
			put_space(p, random);
			put_value(p, random, 3);
		}
		put_space(p, random);
		if (i + 1 < count || one_in(random, 300))
			put(p, one_in(random, 300) ? ";" : ",");
	}
	put_space(p, random);
	put(p, one_in(random, 300) ? "]" : "}");
}

void payload_generate(struct payload *p, uint64_t *random)
{
	p->length = 0;
	put_space(p, random);
	if (one_in(random, 4))
		put_value(p, random, 3);
	else
		put_object(p, random);
	put_space(p, random);
	if (one_in(random, 200))
		put_value(p, random, 1);
	if (one_in(random, 100))
		p->length = below(random, p->length + 1);
}

/* Removes some bytes at a place and puts others there. */
static void replace(struct payload *p, size_t at, size_t removed, const char *bytes, size_t length)
{
	removed = MIN(removed, p->length - at);
	if (p->length - removed + length > sizeof(p->text))
		return;
	memmove(p->text + at + length, p->text + at + removed, p->length - at - removed);
	memcpy(p->text + at, bytes, length);
	p->length += length - removed;
}

void payload_mutate(struct payload *p, uint64_t *random)
{
	static const char bytes[] = "{}[]:,\"\\ -+.eE0123456789ntfalsru'/\n\t\r\v\x7F\x80\xC3\xA9\xFF\x01";
	static const char *const words[] = {"null",         "true",    "false",       "\"time\":1,",
	                                    "\"value\":2,", "\\u0041", "\\u0000",     "e5",
	                                    "e-7",          "00",      ".5",          "{}",
	                                    "[]",           "\"\"",    ",\"flow\":3", "9007199254740993"};
	char again[32];

	for (size_t changes = 1 + below(random, 4); changes > 0; changes--) {
		size_t at = below(random, p->length + 1), length;
		const char *word;

		switch (below(random, 5)) {
		case 0:
			replace(p, at, 1 + below(random, 4), "", 0);
			break;
		case 1:
			replace(p, at, 1, &bytes[below(random, sizeof(bytes))], 1);
			break;
		case 2:
			replace(p, at, 0, &bytes[below(random, sizeof(bytes))], 1);
			break;
		case 3:
			word = ANY(random, words);
			replace(p, at, below(random, 3), word, strlen(word));
			break;
		default:
			length = MIN(p->length - at, below(random, sizeof(again)));
			memcpy(again, p->text + at, length);
			replace(p, below(random, p->length + 1), 0, again, length);
			break;
		}
	}
}
