/*
 * What quality control costs: nanoseconds per reading with every test set up, over 1, 1000 and 100 000
 * datastreams touched at random. Windows of 12 hours at 6 minutes, so the window is over-full. The
 * last number of datastreams takes 250 MB; an argument gives another one.
 *
 *   mean     of a run of READINGS, the median of RUNS runs
 *   p50 p99  of single readings, timed one by one, less the clock's own cost
 *   touch    of reading one byte of a datastream's state: the part of it that is the memory's
 *
 * The memory asks for huge pages, as datastream.c does; with SMALL_PAGES in the environment it does not.
 */
#include "qc.h"
#include "util.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RUNS        7
#define READINGS    200000
#define INTERVAL_US INT64_C(360000000)
#define TEMPLATES   64
#define HUGE_PAGE   ((size_t)2 << 20)

struct bench {
	struct qc_config config;
	struct qc_season seasons[12];
	struct qc_state *states;
	struct qc_window *windows;
	int64_t *now_us;
	size_t count;
	uint64_t random;
	bool with_window;
	uint32_t seen; /* all verdicts, so that none is optimised away */
};

static uint64_t next_random(struct bench *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* what: the method of attenuated_signal, or "none" for all tests but this. */
static void set_up(struct bench *b, const char *what)
{
	b->config = (struct qc_config){
		.enabled = (1U << QC_TEST_COUNT) - 1,
		.season_count = ARRAY_SIZE(b->seasons),
		.interval_us = INTERVAL_US,
		.gap_us = 3 * INTERVAL_US,
		.fail_min = -3,
		.fail_max = 5,
		.suspect_min = -2.5,
		.suspect_max = 3,
		.spike_suspect = 0.1,
		.spike_fail = 0.2,
		.rate_suspect = 0.001,
		.rate_fail = NAN,
		.flat_suspect_us = 3 * INTERVAL_US,
		.flat_fail_us = 5 * INTERVAL_US,
		.flat_tolerance = 0.05,
		.attenuated_period_us = 120 * INTERVAL_US,
		.attenuated_suspect = 0.5,
		.attenuated_fail = 0.1,
		.attenuated_min_count = 20,
		.attenuated_method = strcmp(what, "std") == 0 ? QC_ATTENUATED_STD : QC_ATTENUATED_RANGE,
		.neighbour_suspect = 0.03,
		.neighbour_fail = 0.05,
		.neighbour_window_us = INTERVAL_US,
		.neighbour = 1,
		.codes = {9999, 5000, -999999},
		.code_count = 3,
	};
	b->with_window = strcmp(what, "none") != 0;
	if (!b->with_window)
		b->config.enabled &= ~(1U << QC_ATTENUATED_SIGNAL);
	for (int i = 0; i < 12; i++)
		b->seasons[i] = (struct qc_season){.from = i + 1,
		                                   .to = i + 1,
		                                   .suspect_min = -2,
		                                   .suspect_max = 2,
		                                   .fail_min = NAN,
		                                   .fail_max = NAN};
}

/* One reading of a tide with some noise, as the datastream's next. */
static void feed(struct bench *b, size_t i)
{
	double noise = (double)(next_random(b) % 1000) * 1e-5;
	double phase = (double)(b->now_us[i] / INTERVAL_US % 124) / 124 - 0.5;
	struct qc_input in = {.phenomenon_us = b->now_us[i] += INTERVAL_US,
	                      .value = 8 * phase * (0.5 - fabs(phase)) + noise};
	struct qc_result result;

	in.raw = in.value;
	in.neighbour = in.value + noise;
	in.neighbour_us = b->now_us[i];
	qc_check(&b->config, b->seasons, &b->states[i], b->with_window ? &b->windows[i] : NULL, &in, &result);
	b->seen |= result.tests | result.settled_tests;
}

/* Datastreams with a day behind them, at different places in it. */
static void fill(struct bench *b)
{
	size_t filled = MIN(b->count, TEMPLATES);

	for (size_t i = 0; i < filled; i++) {
		b->now_us[i] = INT64_C(1764000000000000);
		for (size_t n = 0; n < 240 + i; n++)
			feed(b, i);
	}
	for (size_t i = filled; i < b->count; i++) {
		b->states[i] = b->states[i % TEMPLATES];
		b->windows[i] = b->windows[i % TEMPLATES];
		b->now_us[i] = b->now_us[i % TEMPLATES];
	}
}

static size_t any_stream(struct bench *b)
{
	return next_random(b) % b->count;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double mean_ns(struct bench *b)
{
	int64_t runs[RUNS];

	for (int r = 0; r < RUNS; r++) {
		int64_t start = now_ns();

		for (int n = 0; n < READINGS; n++)
			feed(b, any_stream(b));
		runs[r] = now_ns() - start;
	}
	qsort(runs, RUNS, sizeof(runs[0]), by_size);
	return (double)runs[RUNS / 2] / READINGS;
}

/* Reads one byte of a state: what the memory alone costs. */
static void touch(struct bench *b, size_t i)
{
	b->seen |= *(const volatile uint8_t *)&b->states[i];
}

/* Sorted times of single calls. */
static void time_singly(struct bench *b, void (*call)(struct bench *b, size_t i), int64_t took[READINGS])
{
	int64_t clock_ns = INT64_MAX;

	for (int n = 0; n < 1000; n++) {
		int64_t start = now_ns(), took_ns = now_ns() - start;

		clock_ns = MIN(clock_ns, took_ns);
	}
	for (int n = 0; n < READINGS; n++) {
		size_t i = any_stream(b);
		int64_t start = now_ns();

		call(b, i);
		took[n] = now_ns() - start - clock_ns;
	}
	qsort(took, READINGS, sizeof(took[0]), by_size);
}

static void print(struct bench *b, const char *what, int64_t took[READINGS])
{
	printf("%7zu datastreams, attenuated_signal by %-5s  mean %4.0f ns", b->count, what, mean_ns(b));
	time_singly(b, feed, took);
	printf("  p50 %4lld  p99 %5lld", (long long)took[READINGS / 2], (long long)took[READINGS / 100 * 99]);
	time_singly(b, touch, took);
	printf("  touch p50 %4lld  (%08x)\n", (long long)took[READINGS / 2], b->seen);
}

/* Zeroed. */
static void *pages(size_t size)
{
	size_t whole = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	void *memory = aligned_alloc(HUGE_PAGE, whole);

	if (!memory)
		return NULL;
	if (!getenv("SMALL_PAGES"))
		madvise(memory, whole, MADV_HUGEPAGE);
	memset(memory, 0, whole);
	return memory;
}

static int measure(size_t count, const char *what)
{
	struct bench b = {.count = count, .random = 88172645463325252U};
	int64_t *took = calloc(READINGS, sizeof(*took));
	bool complete;

	set_up(&b, what);
	b.states = pages(count * sizeof(*b.states));
	b.windows = pages(count * sizeof(*b.windows));
	b.now_us = pages(count * sizeof(*b.now_us));
	complete = took && b.states && b.windows && b.now_us;
	if (complete) {
		fill(&b);
		print(&b, what, took);
	}
	free(b.states);
	free(b.windows);
	free(b.now_us);
	free(took);
	return complete ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const char *const whats[] = {"range", "std", "none"};
	size_t counts[] = {1, 1000, 100000};
	int failed = 0;

	if (argc > 1)
		counts[2] = MAX(strtoul(argv[1], NULL, 10), 1);
	printf("state %zu B, window %zu B\n", sizeof(struct qc_state), sizeof(struct qc_window));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		for (size_t n = 0; n < ARRAY_SIZE(whats); n++)
			failed |= measure(counts[i], whats[n]);
	}
	return failed;
}
