/*
 * What it costs to find a reading's datastream: nanoseconds, with 1000 and 100 000 datastreams in random order, from
 * the bytes of station and property as they stand in a topic.
 *
 *   hash   of the name alone
 *   find   datastream_find_named()
 *   use    find, and what the plugin reads first of what it has found
 *   new    datastream_find_named() of one that is not there
 *
 * The median of RUNS runs. The topics are read in order, as they come from the network.
 */
#include "datastream.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RUNS      15
#define TEXT_SIZE 48
#define ASKED     200000

struct name_text {
	char text[TEXT_SIZE]; /* station, slash, property */
	uint8_t station_length, property_length;
};

struct bench {
	struct datastream_table *table;
	struct name_text *asked; /* ASKED of them */
	size_t count;
	uint64_t random, sink;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t next_random(struct bench *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random;
}

static void write_name(struct name_text *n, size_t number)
{
	static const char *const properties[] = {"water_level", "rainfall", "flow", "battery_voltage"};
	static const char *const districts[] = {"phu-an", "nha-be", "thu-dau-mot", "q7"};
	const char *property = properties[number % 4];
	int length = snprintf(n->text, TEXT_SIZE, "%s-%zu", districts[number / 4 % 4], number / 4);

	n->station_length = (uint8_t)length;
	n->property_length = (uint8_t)strlen(property);
	(void)snprintf(n->text + length, TEXT_SIZE - (size_t)length, "/%s", property);
}

static struct datastream_name name_of(const struct name_text *n)
{
	return (struct datastream_name){
		.station = n->text,
		.station_length = n->station_length,
		.property = n->text + n->station_length + 1,
		.property_length = n->property_length,
	};
}

static void hash(struct bench *b, const struct datastream_name *name)
{
	b->sink += datastream_name_hash(name);
}

static void find(struct bench *b, const struct datastream_name *name)
{
	b->sink += datastream_find_named(b->table, name) != NULL;
}

static void use(struct bench *b, const struct datastream_name *name)
{
	const struct datastream *d = datastream_find_named(b->table, name);

	b->sink += d == NULL ? 0
	                     : d->generation + (uint64_t)d->memory.last_us + d->memory.position +
	                               (uint64_t)d->key.property[0];
}

static double measure(struct bench *b, void (*call)(struct bench *b, const struct datastream_name *name))
{
	int64_t runs[RUNS];

	for (int r = 0; r < RUNS; r++) {
		int64_t start = now_ns();

		for (size_t i = 0; i < ASKED; i++) {
			const struct datastream_name name = name_of(&b->asked[i]);

			call(b, &name);
		}
		runs[r] = now_ns() - start;
	}
	qsort(runs, RUNS, sizeof(runs[0]), by_size);
	return (double)runs[RUNS / 2] / ASKED;
}

static bool fill(struct bench *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct name_text text;
		struct datastream_name name;
		struct datastream_key key = {0};

		write_name(&text, i);
		name = name_of(&text);
		copy_text(key.station, sizeof(key.station), name.station, name.station_length);
		copy_text(key.property, sizeof(key.property), name.property, name.property_length);
		if (datastream_add(b->table, &key) == NULL) {
			return false;
		}
	}
	return true;
}

static void ask(struct bench *b, size_t from)
{
	for (size_t i = 0; i < ASKED; i++) {
		write_name(&b->asked[i], from + next_random(b) % b->count);
	}
}

static bool run(size_t count)
{
	struct bench b = {.table = datastream_table_new(),
	                  .asked = calloc(ASKED, sizeof(*b.asked)),
	                  .count = count,
	                  .random = 88172645463325252U};
	bool whole = b.table != NULL && b.asked != NULL && fill(&b);

	if (whole) {
		double hash_ns, find_ns, use_ns;

		ask(&b, 0);
		hash_ns = measure(&b, hash);
		find_ns = measure(&b, find);
		use_ns = measure(&b, use);
		ask(&b, count);
		printf("%7zu datastreams  hash %5.1f ns  find %5.1f ns  use %5.1f ns  new %5.1f ns\n", count,
		       hash_ns, find_ns, use_ns, measure(&b, find));
	}
	datastream_table_free(b.table);
	free(b.asked);
	return whole && b.sink != 0;
}

int main(void)
{
	return run(1000) && run(100000) ? 0 : 1;
}
