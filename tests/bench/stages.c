/*
 * bench_stages.so: the plugin, whole and unchanged, with a clock around the functions of stages.def. At its end it
 * writes to the file that HIGHWATER_STAGES names how long the message callback and its stages took: JSON, times in ns.
 *
 * HIGHWATER_STAGES_SKIP    callbacks that are not counted: the first ones
 * HIGHWATER_STAGES_WHOLE   not empty: only the whole callback is measured, which costs two looks at the clock
 *
 * A stage's time is its own: without that of stages that it calls. Stages of one callback add up, over several calls,
 * to the whole; "own" are the callbacks during which no other thread had their processor. What measuring itself costs
 * is measured first: inside_ns of each call counts for its stage, outside_ns for the stage around it.
 *
 * Threads  Only what the broker's thread does inside of a callback is measured.
 */
#include "scheduling.h"
#include "spread.h"

#include "alarms.h"
#include "convert.h"
#include "datastream.h"
#include "decode_json.h"
#include "handover.h"
#include "ingest.h"
#include "ingest_private.h"
#include "journal.h"
#include "qc.h"
#include "qc_store.h"
#include "record.h"
#include "topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef __x86_64__
#include <cpuid.h>
#include <x86intrin.h>
#endif

#define STAGES(X)              \
	X(TOPIC, "topic")      \
	X(DECODE, "decode")    \
	X(LOOKUP, "look-up")   \
	X(QC, "QC")            \
	X(JOURNAL, "journal")  \
	X(MEMORY, "QC memory") \
	X(RULES, "rules")      \
	X(WAKE, "wake writer") \
	X(REST, "the rest")

enum stage {
#define X(id, name) id,
	STAGES(X)
#undef X
		STAGE_COUNT
};

static const char *const stage_names[] = {
#define X(id, name) name,
	STAGES(X)
#undef X
};

#define SECOND_NS    1000000000
#define SLOW_NS      50000
#define VERY_SLOW_NS 2000000
#define SLOWEST      32 /* callbacks that are shown one by one */
#define LOOK_EVERY   16 /* callbacks: a cause is told from what changed since the last look */
#define TRIALS       20000

/* One call under way, on its function's stack. */
struct frame {
	struct frame *parent;
	enum stage stage;
	uint64_t started, nested; /* ticks */
};

struct slow {
	int64_t whole_ns, at_ns, stage_ns[STAGE_COUNT];
	enum scheduling_cause cause;
	struct scheduling_counts since; /* the look before it */
};

static struct {
	bool counter; /* ticks are the processor's */
	double ns_per_tick;
	bool whole_only, has_left;
	uint64_t skip, calls, inner_calls, first;
	double inside_ns, outside_ns; /* of an empty call */
	struct frame *top;
	uint64_t own[STAGE_COUNT]; /* ticks of the callback under way */
	unsigned since_look;
	struct scheduling_counts seen;
	struct spread stage[STAGE_COUNT], whole, undisturbed, tick;
	uint64_t over[SCHEDULING_CAUSES], far_over[SCHEDULING_CAUSES], over_in[STAGE_COUNT];
	uint64_t preempted;
	struct slow slowest[SLOWEST];
	size_t slow_count;
} books;

/* Whether this thread is inside of a callback: the writer calls some of the same functions. */
static _Thread_local bool inside __attribute__((tls_model("initial-exec")));

/* --- clock --- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

#ifdef __x86_64__

/* A counter that goes on at one rate, whatever the processor does: CPUID 0x80000007, EDX bit 8. */
static bool counter_is_steady(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
}

static uint64_t ticks(void)
{
	return books.counter ? __rdtsc() : now_ns();
}

#else

static bool counter_is_steady(void)
{
	return false;
}

static uint64_t ticks(void)
{
	return now_ns();
}

#endif

static int64_t ns_of(uint64_t count)
{
	return (int64_t)((double)count * books.ns_per_tick + 0.5);
}

static void calibrate_clock(void)
{
	const struct timespec a_while = {.tv_nsec = SECOND_NS / 20};
	uint64_t from_ns, from;

	books.ns_per_tick = 1;
	books.counter = counter_is_steady();
	if (books.counter) {
		from_ns = now_ns();
		from = ticks();
		nanosleep(&a_while, NULL);
		books.ns_per_tick = (double)(now_ns() - from_ns) / (double)(ticks() - from);
	}
}

/* --- calls --- */

static void enter(struct frame *f, enum stage stage)
{
	f->parent = books.top;
	f->stage = stage;
	f->nested = 0;
	books.top = f;
	f->started = ticks();
}

/* Its whole time, ticks. */
static uint64_t leave(struct frame *f)
{
	uint64_t took = ticks() - f->started;

	books.own[f->stage] += took - f->nested;
	books.inner_calls++;
	books.top = f->parent;
	if (f->parent != NULL) {
		f->parent->nested += took;
	}
	return took;
}

/* What an empty call costs: inside, what its own stage is charged with, outside, the stage around it. */
static void calibrate_calls(void)
{
	struct frame around, empty;

	enter(&around, REST);
	for (unsigned i = 0; i < TRIALS; i++) {
		enter(&empty, TOPIC);
		leave(&empty);
	}
	leave(&around);
	books.inside_ns = (double)books.own[TOPIC] * books.ns_per_tick / TRIALS;
	books.outside_ns = (double)books.own[REST] * books.ns_per_tick / TRIALS;
	books.inner_calls = 0;
}

/* --- slow ones --- */

static enum stage worst_of(const struct slow *slow)
{
	size_t worst = 0;

	for (size_t i = 1; i < STAGE_COUNT; i++) {
		if (slow->stage_ns[i] > slow->stage_ns[worst]) {
			worst = i;
		}
	}
	return (enum stage)worst;
}

/* Sorted, the slowest first. */
static void keep_slow(const struct slow *slow)
{
	size_t at = books.slow_count;

	if (at == SLOWEST) {
		at--;
		if (slow->whole_ns <= books.slowest[at].whole_ns) {
			return;
		}
	} else {
		books.slow_count++;
	}
	while (at > 0 && books.slowest[at - 1].whole_ns < slow->whole_ns) {
		books.slowest[at] = books.slowest[at - 1];
		at--;
	}
	books.slowest[at] = *slow;
}

/* Why the callback took as long as it did, with what changed since the last look. */
static enum scheduling_cause find_cause(struct scheduling_counts *since, bool left)
{
	struct scheduling_counts now;

	scheduling_look(&now);
	*since = (struct scheduling_counts){
		.preempted = now.preempted - books.seen.preempted,
		.minor_faults = now.minor_faults - books.seen.minor_faults,
		.major_faults = now.major_faults - books.seen.major_faults,
	};
	books.seen = now;
	books.since_look = 0;
	if (left && since->preempted > 0) {
		return SCHEDULING_PREEMPTED;
	}
	return left && books.has_left ? SCHEDULING_WAITED : SCHEDULING_RAN;
}

static void look_now_and_then(void)
{
	if (++books.since_look >= LOOK_EVERY) {
		books.since_look = 0;
		scheduling_look(&books.seen);
	}
}

static void book(uint64_t took, uint64_t started, bool left)
{
	struct slow slow = {.whole_ns = ns_of(took)};
	bool is_slow = slow.whole_ns > SLOW_NS;

	slow.cause = SCHEDULING_RAN;
	if (is_slow || (left && books.has_left)) {
		slow.cause = find_cause(&slow.since, left);
	} else {
		look_now_and_then();
	}
	if (books.calls++ < books.skip) {
		books.inner_calls = 0;
		return;
	}
	books.first = books.first != 0 ? books.first : started;
	spread_add(&books.whole, slow.whole_ns);
	if (slow.cause == SCHEDULING_PREEMPTED) {
		books.preempted++;
	} else {
		spread_add(&books.undisturbed, slow.whole_ns);
	}
	for (size_t i = 0; i < STAGE_COUNT && !books.whole_only; i++) {
		slow.stage_ns[i] = ns_of(books.own[i]);
		spread_add(&books.stage[i], slow.stage_ns[i]);
	}
	if (is_slow) {
		slow.at_ns = ns_of(started - books.first);
		books.over[slow.cause]++;
		books.far_over[slow.cause] += slow.whole_ns > VERY_SLOW_NS;
		books.over_in[worst_of(&slow)]++;
		keep_slow(&slow);
	}
}

/* --- the functions --- */

struct topic_index;

#define WRAP(stage, name, type, parameters, arguments)       \
	type name parameters;                                \
	type __real_##name parameters __attribute__((weak)); \
	type __wrap_##name parameters;                       \
	type __wrap_##name parameters                        \
	{                                                    \
		struct frame wrap_frame;                     \
		type wrap_result;                            \
                                                             \
		if (!inside) {                               \
			return __real_##name arguments;      \
		}                                            \
		enter(&wrap_frame, stage);                   \
		wrap_result = __real_##name arguments;       \
		leave(&wrap_frame);                          \
		return wrap_result;                          \
	}

#define WRAP_VOID(stage, name, parameters, arguments)        \
	void name parameters;                                \
	void __real_##name parameters __attribute__((weak)); \
	void __wrap_##name parameters;                       \
	void __wrap_##name parameters                        \
	{                                                    \
		struct frame wrap_frame;                     \
                                                             \
		if (!inside) {                               \
			__real_##name arguments;             \
			return;                              \
		}                                            \
		enter(&wrap_frame, stage);                   \
		__real_##name arguments;                     \
		leave(&wrap_frame);                          \
	}

#include "stages.def"

enum ingest_verdict __real_ingest_message(struct ingest *in, const struct message *message);
enum ingest_verdict __wrap_ingest_message(struct ingest *in, const struct message *message);
void __real_ingest_tick(struct ingest *in);
void __wrap_ingest_tick(struct ingest *in);

/* The whole callback, but for the few instructions of plugin.c that lead here. */
enum ingest_verdict __wrap_ingest_message(struct ingest *in, const struct message *message)
{
	enum ingest_verdict verdict;
	struct frame f;
	uint64_t took;

	memset(books.own, 0, sizeof(books.own));
	inside = !books.whole_only;
	scheduling_watch();
	enter(&f, REST);
	verdict = __real_ingest_message(in, message);
	took = leave(&f);
	inside = false;
	book(took, f.started, scheduling_left());
	return verdict;
}

/* Between messages, but on the same thread: a long one holds up the next message. */
void __wrap_ingest_tick(struct ingest *in)
{
	uint64_t started = ticks();

	__real_ingest_tick(in);
	if (books.calls > books.skip) {
		spread_add(&books.tick, ns_of(ticks() - started));
	}
}

/* --- the report --- */

static const char *const cause_names[] = {"ran", "preempted", "waited"};

static void write_spread(FILE *file, const char *name, const struct spread *spread)
{
	const char *separator = "";

	fprintf(file,
	        "  \"%s\": {\"count\": %" PRIu64
	        ", \"mean\": %.1f, \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, "
	        "\"max\": %" PRIu64 ", \"bins\": [",
	        name, spread->count, spread->count > 0 ? spread->sum_ns / (double)spread->count : 0,
	        spread_quantile(spread, 0.5), spread_quantile(spread, 0.99), spread_quantile(spread, 0.999),
	        spread->most_ns);
	for (size_t i = 0; i < ARRAY_SIZE(spread->in); i++) {
		if (spread->in[i] > 0) {
			fprintf(file, "%s[%.1f, %" PRIu64 "]", separator, spread_middle(i), spread->in[i]);
			separator = ", ";
		}
	}
	fprintf(file, "]}");
}

static void write_slow(FILE *file, const struct slow *slow)
{
	fprintf(file,
	        "  {\"whole\": %" PRId64 ", \"at\": %" PRId64 ", \"cause\": \"%s\", \"worst\": \"%s\", "
	        "\"preempted\": %ld, \"minor_faults\": %ld, \"major_faults\": %ld, \"stages\": {",
	        slow->whole_ns, slow->at_ns, cause_names[slow->cause], stage_names[worst_of(slow)],
	        slow->since.preempted, slow->since.minor_faults, slow->since.major_faults);
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		fprintf(file, "%s\"%s\": %" PRId64, i > 0 ? ", " : "", stage_names[i], slow->stage_ns[i]);
	}
	fprintf(file, "}}");
}

static void write_causes(FILE *file, const char *name, const uint64_t counts[static SCHEDULING_CAUSES])
{
	fprintf(file, "\"%s\": {", name);
	for (size_t i = 0; i < SCHEDULING_CAUSES; i++) {
		fprintf(file, "%s\"%s\": %" PRIu64, i > 0 ? ", " : "", cause_names[i], counts[i]);
	}
	fprintf(file, "},\n");
}

static void write_report(FILE *file)
{
	uint64_t counted = MAX(books.whole.count, 1);

	fprintf(file, "{\"clock\": \"%s\", \"tells_preemption\": %s, \"preempted\": %" PRIu64 ",\n",
	        books.counter ? "processor" : "system", books.has_left ? "true" : "false", books.preempted);
	fprintf(file, "\"measuring\": {\"inside_ns\": %.2f, \"outside_ns\": %.2f, \"calls\": %.2f},\n",
	        books.inside_ns, books.outside_ns, (double)books.inner_calls / (double)counted);
	write_causes(file, "over_50_us", books.over);
	write_causes(file, "over_2_ms", books.far_over);
	fprintf(file, "\"over_50_us_in\": {");
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		fprintf(file, "%s\"%s\": %" PRIu64, i > 0 ? ", " : "", stage_names[i], books.over_in[i]);
	}
	fprintf(file, "},\n\"stages\": {\n");
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		write_spread(file, stage_names[i], &books.stage[i]);
		fprintf(file, ",\n");
	}
	write_spread(file, "whole", &books.whole);
	fprintf(file, ",\n");
	write_spread(file, "own", &books.undisturbed);
	fprintf(file, ",\n");
	write_spread(file, "tick", &books.tick);
	fprintf(file, "},\n\"slowest\": [\n");
	for (size_t i = 0; i < books.slow_count; i++) {
		fprintf(file, "%s", i > 0 ? ",\n" : "");
		write_slow(file, &books.slowest[i]);
	}
	fprintf(file, "]}\n");
}

static uint64_t from_environment(const char *name)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
	const char *whole = getenv("HIGHWATER_STAGES_WHOLE");

	books.skip = from_environment("HIGHWATER_STAGES_SKIP");
	books.whole_only = whole != NULL && *whole != '\0';
	calibrate_clock();
	calibrate_calls();
	books.has_left = scheduling_init();
}

/* The module is never unloaded: this is the end of the broker. */
__attribute__((destructor)) static void finish(void)
{
	const char *path = getenv("HIGHWATER_STAGES");
	FILE *file = path != NULL ? fopen(path, "w") : NULL;

	if (file == NULL) {
		fprintf(stderr, "bench_stages: HIGHWATER_STAGES names no file that can be written\n");
		return;
	}
	write_report(file);
	if (fclose(file) != 0) {
		fprintf(stderr, "bench_stages: %s could not be written\n", path);
	}
}
