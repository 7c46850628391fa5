/*
 * What an alarm costs: nanoseconds per reading through an alarm of three levels with delays and object hold, over
 * 1, 1000 and 100 000 datastreams touched at random: the clock's part, alarm_observe(), alarm_step() until false
 * and alarm_due(). Each datastream has levels of its own, as the registry gives them. The water rises and falls
 * through all levels, so that a reading in 30 makes a transition.
 *
 *   mean     of a run of READINGS, the median of RUNS runs
 *   p50 p99  of single readings, timed one by one, less the clock's own cost
 *   touch    of reading one byte of an alarm's state: the part of it that is the memory's
 *
 * The memory asks for huge pages, as datastream.c does; with SMALL_PAGES in the environment it does not.
 */
#include "alarm.h"
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RUNS        7
#define READINGS    200000
#define LEVELS      3
#define MINUTE      (INT64_C(60) * 1000000)
#define INTERVAL_US (6 * MINUTE)
#define PERIOD      200 /* readings from low water to low water */
#define TEMPLATES   64
#define HUGE_PAGE   ((size_t)2 << 20)

struct alarm_bench {
	struct threshold levels[LEVELS];
	struct alarm_state state;
	int64_t now_us;
};

struct bench {
	struct alarm_bench *alarms;
	size_t count;
	enum cause cause;
	uint64_t random;
	uint64_t transitions;
	int64_t due_us; /* the soonest, so that none is optimised away */
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

/* Water between 0.8 and 1.8 m; its hourly rise, or minutes ahead, or mm of rain, reach these levels too. */
static void set_up(struct bench *b, struct alarm_bench *a)
{
	for (int i = 0; i < LEVELS; i++) {
		a->levels[i] = (struct threshold){.level = i + 1,
		                                  .set_value = 1.4 + 0.1 * i,
		                                  .clear_value = 1.35 + 0.1 * i,
		                                  .on_delay_us = 2 * MINUTE,
		                                  .on_samples = 2,
		                                  .off_delay_us = 15 * MINUTE,
		                                  .repeat_us = 6 * 60 * MINUTE,
		                                  .period_us = 60 * MINUTE,
		                                  .cause = (uint8_t)b->cause,
		                                  .direction = b->cause == CAUSE_PROJECTION};
	}
	a->now_us = INT64_C(1764000000000000);
}

static struct alarm_config config_of(const struct bench *b, const struct alarm_bench *a)
{
	return (struct alarm_config){
		.levels = a->levels,
		.targets = a->levels,
		.count = LEVELS,
		.target_count = LEVELS,
		.hold = {.rise_max = 0.1 / (double)MINUTE, .move = 0.03, .timeout_us = 12 * 60 * MINUTE},
		.interval_us = INTERVAL_US,
		.period_us = 60 * MINUTE,
		.cause = (uint8_t)b->cause};
}

static void settle(struct bench *b, const struct alarm_config *config, struct alarm_state *state)
{
	while (alarm_step(config, state))
		b->transitions++;
}

/* The next reading of an alarm, as it is handled by the plugin. */
static void feed(struct bench *b, size_t i)
{
	struct alarm_bench *a = &b->alarms[i];
	struct alarm_config config = config_of(b, a);
	uint64_t random = next_random(b);
	int64_t place = (a->now_us += INTERVAL_US) / INTERVAL_US % PERIOD;
	double height = 1 - (double)llabs(place - PERIOD / 2) / (PERIOD / 2);
	struct alarm_input in = {.phenomenon_us = a->now_us,
	                         .received_us = a->now_us,
	                         .value = 0.8 + height + (double)(random % 1000) * 2e-5,
	                         .quality = (uint8_t)(random % 50 == 0 ? QUALITY_SUSPECT : QUALITY_PASS)};
	int64_t due_us;

	while (alarm_due(&config, &a->state) <= a->now_us) {
		alarm_clock(&config, &a->state, a->now_us);
		settle(b, &config, &a->state);
	}
	if (alarm_observe(&config, &a->state, &in))
		settle(b, &config, &a->state);
	due_us = alarm_due(&config, &a->state);
	b->due_us = MIN(b->due_us, due_us);
}

/* Alarms with a tide behind them, at different places in the next. */
static void fill(struct bench *b)
{
	size_t filled = MIN(b->count, TEMPLATES);

	for (size_t i = 0; i < filled; i++) {
		set_up(b, &b->alarms[i]);
		for (size_t n = 0; n < PERIOD + 3 * i; n++)
			feed(b, i);
	}
	for (size_t i = filled; i < b->count; i++)
		b->alarms[i] = b->alarms[i % TEMPLATES];
}

static size_t any(struct bench *b)
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
			feed(b, any(b));
		runs[r] = now_ns() - start;
	}
	qsort(runs, RUNS, sizeof(runs[0]), by_size);
	return (double)runs[RUNS / 2] / READINGS;
}

/* Reads one byte of a state: what the memory alone costs. */
static void touch(struct bench *b, size_t i)
{
	b->transitions += *(const volatile uint8_t *)&b->alarms[i].state;
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
		size_t i = any(b);
		int64_t start = now_ns();

		call(b, i);
		took[n] = now_ns() - start - clock_ns;
	}
	qsort(took, READINGS, sizeof(took[0]), by_size);
}

static void print(struct bench *b, int64_t took[READINGS])
{
	uint64_t before = b->transitions;
	double mean = mean_ns(b);

	printf("%7zu datastreams, %-10s  mean %4.0f ns", b->count, threshold_cause_name(b->cause), mean);
	before = b->transitions - before;
	time_singly(b, feed, took);
	printf("  p50 %4lld  p99 %5lld", (long long)took[READINGS / 2], (long long)took[READINGS / 100 * 99]);
	time_singly(b, touch, took);
	printf("  touch p50 %4lld  (1 transition in %.0f readings)\n", (long long)took[READINGS / 2],
	       (double)RUNS * READINGS / (double)MAX(before, 1));
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

static int measure(size_t count, enum cause cause)
{
	struct bench b = {.count = count, .cause = cause, .random = 88172645463325252U, .due_us = INT64_MAX};
	int64_t *took = calloc(READINGS, sizeof(*took));
	bool complete;

	b.alarms = pages(count * sizeof(*b.alarms));
	complete = took && b.alarms;
	if (complete) {
		fill(&b);
		print(&b, took);
	}
	free(b.alarms);
	free(took);
	return complete ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const enum cause causes[] = {CAUSE_THRESHOLD, CAUSE_RATE, CAUSE_RAIN, CAUSE_STALE,
	                                    CAUSE_PROJECTION};
	size_t counts[] = {1, 1000, 100000};
	int failed = 0;

	if (argc > 1)
		counts[2] = MAX(strtoul(argv[1], NULL, 10), 1);
	printf("state %zu B, with its levels %zu B\n", sizeof(struct alarm_state),
	       sizeof(struct alarm_state) + LEVELS * sizeof(struct threshold));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		for (size_t n = 0; n < ARRAY_SIZE(causes); n++)
			failed |= measure(counts[i], causes[n]);
	}
	return failed;
}
