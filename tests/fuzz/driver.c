/*
 * Drives the fuzz target without a fuzzer: the seeds, seeds with changes, and payloads made by a grammar.
 *
 * usage: fuzz_decode [--seconds N] [--seed S] FILE...
 *   --seconds N   how long (5)
 *   --seed S      another course of events (1)
 *   FILE          seeds, or what a fuzzer found; with --seconds 0 these only
 *
 * Prints TAP. A difference ends it, with the payload, on standard error.
 */
#include "fuzz.h"
#include "payloads.h"

#include "decode_flat.h"
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEEDS_MAX 256

struct driver {
	struct payload *seeds;
	size_t seed_count;
	uint64_t random;
	uint64_t runs, flat; /* of these, how many decode_flat reads */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* From memory of exactly its size, so that ASan sees a byte read too many. */
static void run(struct driver *d, const struct payload *p)
{
	uint8_t *copy = malloc(p->length ? p->length : 1);
	struct decode_flat flat;

	if (!copy)
		exit(1);
	memcpy(copy, p->text, p->length);
	LLVMFuzzerTestOneInput(copy, p->length);
	d->runs++;
	d->flat += decode_flat((const char *)copy, p->length, &flat);
	free(copy);
}

static void read_seed(struct driver *d, const char *name)
{
	FILE *file = fopen(name, "rb");
	struct payload *p = &d->seeds[d->seed_count++];

	if (!file) {
		perror(name);
		exit(1);
	}
	p->length = fread(p->text, 1, sizeof(p->text), file);
	fclose(file);
}

static void run_seeds(struct driver *d)
{
	for (size_t i = 0; i < d->seed_count; i++)
		run(d, &d->seeds[i]);
	printf("ok 1 - %llu seeds, %llu of them flat\n", (unsigned long long)d->runs,
	       (unsigned long long)d->flat);
}

static void run_made(struct driver *d, int64_t until_ms)
{
	struct payload *p = malloc(sizeof(*p));

	if (!p)
		exit(1);
	d->runs = d->flat = 0;
	for (uint64_t i = 0; i % 64 || now_ms() < until_ms; i++) {
		if (i % 2 && d->seed_count) {
			const struct payload *seed = &d->seeds[i / 2 % d->seed_count];

			memcpy(p->text, seed->text, seed->length);
			p->length = seed->length;
			payload_mutate(p, &d->random);
		} else {
			payload_generate(p, &d->random);
		}
		run(d, p);
	}
	free(p);
	printf("ok 2 - %llu payloads, %llu of them flat\n", (unsigned long long)d->runs,
	       (unsigned long long)d->flat);
}

int main(int argc, char **argv)
{
	struct driver d = {.seeds = calloc(SEEDS_MAX, sizeof(*d.seeds))};
	uint64_t seed = 1, seconds = 5;
	int64_t begin_ms = now_ms();

	if (!d.seeds)
		return 1;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			seconds = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 10);
		else if (d.seed_count < SEEDS_MAX)
			read_seed(&d, argv[i]);
	}
	/* Seeds that differ by one must not begin alike; zero would stay zero. */
	d.random = (seed * UINT64_C(0x9E3779B97F4A7C15)) | 1;
	printf("1..2\n");
	setvbuf(stdout, NULL, _IOLBF, 0);
	run_seeds(&d);
	run_made(&d, begin_ms + (int64_t)seconds * 1000);
	free(d.seeds);
	return 0;
}
