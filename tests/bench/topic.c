/*
 * What it costs to find a topic's source: nanoseconds a topic, each pattern tried in turn with topic_match() and all
 * at once with topic_index_match(), with 2, 10, 100 and 1000 sources. TOPICS topics of each kind are asked in an
 * order that repeats only after all of them.
 *
 *   first   the first source takes it
 *   last    the last one
 *   other   other people's traffic, which has nothing in common with any source
 *   near    begins as sources do, and no source takes it
 *   prefix  topic_is_below() of the plugin's own prefix, for topics as in "last"
 *
 * The median of RUNS runs, both ways in turn in each run. "branching" are 256 sources of all combinations of a text
 * and a wildcard at eight levels, which is the worst for anything that tries and goes back.
 */
#include "topic_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RUNS        15
#define TOPICS      512
#define ASKED       100000 /* topics a run, fewer when there are many sources */
#define TOPIC_SIZE  96
#define SOURCES_MAX 1000

struct sources {
	struct topic_pattern patterns[SOURCES_MAX];
	size_t count;
	struct topic_index *index;
};

struct topics {
	char text[TOPICS][TOPIC_SIZE];
};

static size_t sink; /* so that nothing is optimised away */

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static size_t in_turn(const struct sources *s, const char *topic, struct topic_match *match)
{
	for (size_t i = 0; i < s->count; i++) {
		if (topic_match(&s->patterns[i], topic, match)) {
			return i;
		}
	}
	return TOPIC_INDEX_NONE;
}

static double time_in_turn(const struct sources *s, const struct topics *t, size_t asked)
{
	int64_t start = now_ns();
	struct topic_match match = {0};

	for (size_t i = 0; i < asked; i++) {
		sink += in_turn(s, t->text[i * 37 % TOPICS], &match) + match.station_length;
	}
	return (double)(now_ns() - start) / (double)asked;
}

static double time_index(const struct sources *s, const struct topics *t, size_t asked)
{
	int64_t start = now_ns();
	struct topic_match match = {0};

	for (size_t i = 0; i < asked; i++) {
		sink += topic_index_match(s->index, t->text[i * 37 % TOPICS], &match) + match.station_length;
	}
	return (double)(now_ns() - start) / (double)asked;
}

static double time_prefix(const struct sources *s, const struct topics *t, size_t asked)
{
	int64_t start = now_ns();

	(void)s;
	for (size_t i = 0; i < asked; i++) {
		sink += topic_is_below(t->text[i * 37 % TOPICS], "highwater");
	}
	return (double)(now_ns() - start) / (double)asked;
}

static void measure(const char *name, const char *kind, const struct sources *s, const struct topics *t)
{
	double turn[RUNS], index[RUNS];
	size_t asked = MAX(ASKED / MAX(s->count / 10, 1), TOPICS);

	for (size_t i = 0; i < TOPICS; i++) {
		struct topic_match a = {0}, b = {0};

		if (in_turn(s, t->text[i], &a) != topic_index_match(s->index, t->text[i], &b) ||
		    a.station != b.station || a.property != b.property) {
			printf("%s: they differ at %s\n", name, t->text[i]);
		}
	}
	for (size_t r = 0; r < RUNS; r++) {
		turn[r] = time_in_turn(s, t, asked);
		index[r] = time_index(s, t, ASKED);
	}
	qsort(turn, RUNS, sizeof(turn[0]), by_size);
	qsort(index, RUNS, sizeof(index[0]), by_size);
	printf("%-10s %5zu  %-6s  in turn %8.1f ns   index %6.1f ns\n", name, s->count, kind, turn[RUNS / 2],
	       index[RUNS / 2]);
}

static void measure_prefix(const struct topics *t)
{
	double took[RUNS];

	for (size_t r = 0; r < RUNS; r++) {
		took[r] = time_prefix(NULL, t, ASKED);
	}
	qsort(took, RUNS, sizeof(took[0]), by_size);
	printf("prefix %.1f ns\n", took[RUNS / 2]);
}

/* --- sources and topics --- */

static bool add(struct sources *s, const char *text)
{
	char message[512];

	return topic_pattern_init(&s->patterns[s->count], text, message, sizeof(message)) == 0 && ++s->count;
}

static bool finish(struct sources *s)
{
	const struct topic_pattern *patterns[SOURCES_MAX];

	for (size_t i = 0; i < s->count; i++) {
		patterns[i] = &s->patterns[i];
	}
	return topic_index_new(&s->index, patterns, s->count) == 0;
}

static void done(struct sources *s)
{
	for (size_t i = 0; i < s->count; i++) {
		topic_pattern_done(&s->patterns[i]);
	}
	topic_index_free(s->index);
	*s = (struct sources){0};
}

/* Text with a station's and a property's names of different lengths, where format has %s and %s. */
static void fill(struct topics *t, const char *format, int district)
{
	static const char *const properties[] = {"water_level", "rainfall", "flow", "battery_voltage"};

	for (size_t i = 0; i < TOPICS; i++) {
		char station[24];
		size_t random = i * 2654435761U >> 7;

		(void)snprintf(station, sizeof(station), "%.*s%zu", (int)(random % 12), "tram-do-muc-nuoc",
		               i);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(t->text[i], TOPIC_SIZE, format, district, station,
		               properties[random / 16 % 4]);
#pragma GCC diagnostic pop
	}
}

static bool measure_defaults(struct sources *s, struct topics *t)
{
	if (!add(s, "sensors/{station}/{property}") || !add(s, "sensors/{station}") || !finish(s)) {
		return false;
	}
	fill(t, "sensors%.0d/%s/%s", 0);
	measure("defaults", "first", s, t);
	measure_prefix(t);
	fill(t, "sensors%.0d/%s", 0);
	measure("defaults", "last", s, t);
	fill(t, "zigbee2mqtt%.0d/%s/%s", 0);
	measure("defaults", "other", s, t);
	fill(t, "sensors%.0d/%s/%s/raw", 0);
	measure("defaults", "near", s, t);
	done(s);
	return true;
}

static bool measure_districts(struct sources *s, struct topics *t, int count)
{
	for (int i = 0; i < count; i++) {
		char text[TOPIC_SIZE];

		(void)snprintf(text, sizeof(text), "city/district-%d/{station}/{property}", i);
		if (!add(s, text)) {
			return false;
		}
	}
	if (!finish(s)) {
		return false;
	}
	fill(t, "city/district-%d/%s/%s", 0);
	measure("districts", "first", s, t);
	fill(t, "city/district-%d/%s/%s", count - 1);
	measure("districts", "last", s, t);
	fill(t, "zigbee2mqtt%.0d/%s/%s", 0);
	measure("districts", "other", s, t);
	fill(t, "city/district-%d/%s/%s", count);
	measure("districts", "near", s, t);
	done(s);
	return true;
}

static bool measure_branching(struct sources *s, struct topics *t)
{
	for (unsigned i = 0; i < 256; i++) {
		char text[TOPIC_SIZE] = "";

		for (unsigned n = 0; n < 8; n++) {
			strcat(text, (i >> n & 1) != 0 ? "+/" : "a/");
		}
		strcat(text, "{station}");
		if (!add(s, text)) {
			return false;
		}
	}
	if (!finish(s)) {
		return false;
	}
	fill(t, "a/a/a/a/a/a/a/a%.0d/%s", 0);
	measure("branching", "first", s, t);
	fill(t, "b/b/b/b/b/b/b/b%.0d/%s", 0);
	measure("branching", "last", s, t);
	fill(t, "a/a/a/a/a/a/a/a%.0d/%s/%s", 0);
	measure("branching", "near", s, t);
	done(s);
	return true;
}

int main(void)
{
	static struct sources s;
	static struct topics t;
	bool whole = measure_defaults(&s, &t);

	for (int count = 10; whole && count <= SOURCES_MAX; count *= 10) {
		whole = measure_districts(&s, &t, count);
	}
	whole = whole && measure_branching(&s, &t);
	done(&s);
	return whole && sink != 0 ? 0 : 1;
}
