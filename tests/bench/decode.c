/*
 * What decoding costs: nanoseconds per canonical payload of the usual sizes, side by side
 *
 *   decode   decode_json(), as the broker calls it
 *   checked  decode_json_checked(): the same payloads by the path of the unusual ones
 *   jansson  json_loadb() and json_decref(): the building of values only, nothing read from them
 *
 * Each the median of RUNS runs with the fastest and the slowest, the three taking turns in every run.
 * Digits and seconds of the payloads vary, so that no branch is learnt by heart.
 */
#include "decode_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RUNS     11
#define PAYLOADS 4096 /* different ones */
#define ROUNDS   25   /* of all of them, in a run */
#define LONGEST  256

struct payload {
	size_t length;
	char text[LONGEST];
};

struct bench {
	const char *name, *property;
	struct payload *payloads;
	double sum; /* of all values, so that none is optimised away */
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void on_value(void *context, const struct decode_value *value)
{
	struct bench *b = context;

	b->sum += value->value;
}

static void on_reject(void *context, enum reject reason, const char *property, const char *detail)
{
	(void)context;
	fprintf(stderr, "%s of %s: %s\n", reject_name(reason), property ? property : "-", detail);
	exit(1);
}

static void on_ignored(void *context, const char *member)
{
	struct bench *b = context;

	b->sum += member[0];
}

typedef int decode_fn(const struct decode_input *in, const struct decode_sink *sink);

static void decode_all(struct bench *b, decode_fn *decode)
{
	const struct decode_sink sink = {b, on_value, on_reject, on_ignored};
	struct decode_input in = {.property = b->property,
	                          .property_length = b->property ? strlen(b->property) : 0,
	                          .properties = property_builtin,
	                          .property_count = property_builtin_count};

	for (size_t i = 0; i < PAYLOADS; i++) {
		in.payload = b->payloads[i].text;
		in.length = b->payloads[i].length;
		if (decode(&in, &sink) < 0)
			exit(1);
	}
}

static void by_decode(struct bench *b)
{
	decode_all(b, decode_json);
}

static void by_checked(struct bench *b)
{
	decode_all(b, decode_json_checked);
}

static void by_jansson(struct bench *b)
{
	for (size_t i = 0; i < PAYLOADS; i++) {
		json_t *value = json_loadb(b->payloads[i].text, b->payloads[i].length,
		                           JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

		if (!value)
			exit(1);
		b->sum += (int)json_typeof(value);
		json_decref(value);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(struct bench *b)
{
	static void (*const ways[])(struct bench * b) = {by_decode, by_checked, by_jansson};
	static const char *const names[] = {"decode", "checked", "jansson"};
	double took[ARRAY_SIZE(ways)][RUNS];

	for (size_t run = 0; run < RUNS; run++) {
		for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
			int64_t start = now_ns();

			for (int round = 0; round < ROUNDS; round++)
				ways[way](b);
			took[way][run] = (double)(now_ns() - start) / (ROUNDS * PAYLOADS);
		}
	}
	printf("%-18s %3zu B", b->name, b->payloads[0].length);
	for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
		qsort(took[way], RUNS, sizeof(took[way][0]), by_size);
		printf("  %s %6.1f ns (%.1f to %.1f)", names[way], took[way][RUNS / 2], took[way][0],
		       took[way][RUNS - 1]);
	}
	printf("\n");
}

/* Each '#' of the template becomes a digit. */
static void fill(struct bench *b, const char *template)
{
	uint64_t random = 88172645463325252U;

	for (size_t i = 0; i < PAYLOADS; i++) {
		struct payload *p = &b->payloads[i];

		copy_text(p->text, sizeof(p->text), template, strlen(template));
		p->length = strlen(p->text);
		for (char *c = p->text; *c; c++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			if (*c == '#')
				*c = (char)('0' + random % 10);
		}
	}
}

int main(void)
{
	static const struct {
		const char *name, *property, *template;
	} cases[] = {
		{"number", "water_level", "1.##"},
		{"number", "water_level", "12.############"},
		{"value", "water_level",
	         "{\"time\":\"2026-11-22T10:15:1#+07:00\",\"value\":1.##,\"unit\":\"m\"}"},
		{"properties", NULL,
	         "{\"time\": \"2026-11-22T10:15:1#.####+07:00\", \"water_level\": 1.##, "
	         "\"rainfall\": 0.#, \"battery_voltage\": 3.##, \"rssi\": -1##, "
	         "\"frame_counter\": 1####, \"snr\": 7.#}"},
		{"with others", NULL,
	         "{\"time\":1795317##0,\"station\":\"Khlong Lat Phrao\",\"water_level\":1.####,"
	         "\"firmware\":\"2.1.##\",\"ok\":true,\"fault\":null,\"battery_voltage\":3.6##,"
	         "\"air_temperature\":31.#,\"humidity\":1#}"},
	};
	struct payload *payloads = calloc(PAYLOADS, sizeof(*payloads));
	double sum = 0;

	if (!payloads)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bench b = {cases[i].name, cases[i].property, payloads, 0};

		fill(&b, cases[i].template);
		measure(&b);
		sum += b.sum;
	}
	printf("(%g)\n", sum);
	free(payloads);
	return 0;
}
