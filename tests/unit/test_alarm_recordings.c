/*
 * Floods and parked cars as FloodNet NYC recorded them, through an alarm with
 * the settings of a street: 50 mm. Runs when the recordings are beside the
 * project. Readings come as they came; between them the clock goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm.h"
#include "timestamp.h"
#include "util.h"

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND        INT64_C(1000000)
#define MINUTE        (60 * SECOND)
#define READINGS_MAX  20000
#define INCIDENTS_MAX 64
#define FLOODS        11
#define SET           0.05

struct sample {
	int64_t at_us;
	double depth;
};

struct recording {
	struct sample sample[READINGS_MAX];
	size_t count;
};

struct incident {
	int64_t raised_us, cleared_us; /* cleared 0: not */
};

struct result {
	struct incident incident[INCIDENTS_MAX];
	size_t count;
};

static const char *path_of(const char *name)
{
	static char path[4096];
	const char *root = getenv("HIGHWATER_ROOT");

	snprintf(path, sizeof(path), "%s/../shared/data/%s", root ? root : ".", name);
	return path;
}

static int64_t time_of(const char *text, size_t length)
{
	int64_t us;

	assert_int_equal(timestamp_parse(text, length, &us), 0);
	return us;
}

static void add(struct recording *r, int64_t at_us, double depth)
{
	assert_true(r->count < READINGS_MAX);
	r->sample[r->count++] = (struct sample){at_us, depth};
}

/* Depths over a baseline, both in mm; 5000 and 9999 are no echo. Skips the test without the recording. */
static struct recording *load(const char *name, double baseline)
{
	struct recording *r;
	FILE *file = fopen(path_of(name), "r");
	char line[256];

	if (!file)
		skip();
	r = calloc(1, sizeof(*r));
	assert_non_null(r);
	assert_non_null(fgets(line, sizeof(line), file));
	while (fgets(line, sizeof(line), file)) {
		const char *comma = strchr(line, ',');
		double distance;

		assert_non_null(comma);
		distance = strtod(comma + 1, NULL); /* 0: a frame without one */
		if (distance > 0 && distance < 5000)
			add(r, time_of(line, (size_t)(comma - line)), (baseline - distance) / 1000);
	}
	fclose(file);
	return r;
}

static const struct threshold street = {.level = 1,
                                        .set_value = SET,
                                        .clear_value = 0.03,
                                        .on_delay_us = 2 * MINUTE,
                                        .on_samples = 2,
                                        .off_delay_us = 15 * MINUTE};

static const struct alarm_config config = {
	.levels = &street,
	.count = 1,
	.hold = {.rise_max = 0.1 / 60e6, .move = 0.03, .timeout_us = INT64_C(12) * 60 * MINUTE},
};

static void settle(struct alarm_state *state, struct result *result)
{
	while (alarm_step(&config, state)) {
		assert_true(result->count < INCIDENTS_MAX);
		if (state->levels.level != LEVEL_NORMAL)
			result->incident[result->count++].raised_us = state->levels.changed_us;
		else
			result->incident[result->count - 1].cleared_us = state->levels.changed_us;
	}
}

static void clock_to(struct alarm_state *state, struct result *result, int64_t now_us)
{
	while (alarm_due(&config, state) <= now_us) {
		alarm_clock(&config, state, now_us);
		settle(state, result);
	}
}

static struct result play(const struct recording *r)
{
	struct alarm_state state = {0};
	struct result result = {0};

	for (size_t i = 0; i < r->count; i++) {
		struct alarm_input in = {.phenomenon_us = r->sample[i].at_us,
		                         .received_us = r->sample[i].at_us,
		                         .value = r->sample[i].depth,
		                         .quality = QUALITY_PASS};

		clock_to(&state, &result, in.received_us);
		if (alarm_observe(&config, &state, &in))
			settle(&state, &result);
	}
	return result;
}

/* A flood as judged by eye, with what an alarm had to go by. */
struct flood {
	int64_t start_us, end_us;
	int64_t first_us, second_us; /* delivered samples at or above SET; INT64_MAX: none */
};

static int64_t member_time(const json_t *event, const char *name)
{
	const json_t *value = json_object_get(event, name);

	return time_of(json_string_value(value), json_string_length(value));
}

static void load_floods(struct flood floods[FLOODS])
{
	json_t *events = json_load_file(path_of("floodnet_event_candidates.json"), 0, NULL), *event;
	size_t count = 0, i;

	assert_non_null(events);
	json_array_foreach (events, i, event) {
		if (strcmp(json_string_value(json_object_get(event, "judged")), "flood-like") != 0)
			continue;
		assert_true(count < FLOODS);
		floods[count++] = (struct flood){.start_us = member_time(event, "start"),
		                                 .end_us = member_time(event, "end")};
	}
	json_decref(events);
	assert_int_equal(count, FLOODS);
}

/* A lone last sample raises after the flood, by the clock. */
static bool is_within(const struct flood *f, int64_t at_us)
{
	return at_us >= f->start_us && at_us <= f->end_us + street.on_delay_us;
}

/* The first two samples of the flood that are at or above the level. */
static void find_samples(const struct recording *r, struct flood *f)
{
	f->first_us = f->second_us = INT64_MAX;
	for (size_t i = 0; i < r->count && f->second_us == INT64_MAX; i++) {
		const struct sample *s = &r->sample[i];

		if (!is_within(f, s->at_us) || s->depth < SET)
			continue;
		if (f->first_us == INT64_MAX)
			f->first_us = s->at_us;
		else
			f->second_us = s->at_us;
	}
}

/* Every flood that was delivered raises one incident, by its second sample at the latest. Returns the others. */
static size_t check_floods(const struct recording *r)
{
	struct flood floods[FLOODS];
	struct result result = play(r);
	size_t others = result.count;

	load_floods(floods);
	for (size_t i = 0; i < FLOODS; i++) {
		struct flood *f = &floods[i];
		size_t incidents = 0;

		find_samples(r, f);
		for (size_t k = 0; k < result.count; k++) {
			const struct incident *incident = &result.incident[k];

			if (is_within(f, incident->raised_us)) {
				incidents++;
				assert_true(incident->raised_us >= f->first_us);
				assert_true(incident->raised_us <= f->second_us);
				assert_true(incident->cleared_us > incident->raised_us);
			}
		}
		assert_int_equal(incidents, f->first_us != INT64_MAX ? 1 : 0);
		others -= incidents;
	}
	return others;
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static void each_flood_raises_one_incident_by_its_second_sample(void **state)
{
	struct recording *r = load("floodnet_daily_happy_satyr_2023-06.csv", 1578);

	(void)state;
	assert_int_equal(play(r).count, FLOODS);
	assert_int_equal(check_floods(r), 0);
	free(r);
}

static void a_baseline_two_millimetres_off_makes_no_difference(void **state)
{
	static const double baselines[] = {1576, 1577, 1579};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(baselines); i++) {
		struct recording *r = load("floodnet_daily_happy_satyr_2023-06.csv", baselines[i]);

		assert_int_equal(play(r).count, FLOODS);
		assert_int_equal(check_floods(r), 0);
		free(r);
	}
}

/*
 * Three weeks have two lone echoes of 0.2 m. With five minutes of loss before and two after it, such a one is all
 * that is known, and raises; the tests that lose frames do without them.
 */
static struct recording *load_without_lone_echoes(void)
{
	struct recording *r = load("floodnet_daily_happy_satyr_2023-06.csv", 1578);
	double before = 0;
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		double depth = r->sample[i].depth, after = i + 1 < r->count ? r->sample[i + 1].depth : 0;

		if (depth < SET || before >= SET || after >= SET)
			r->sample[n++] = r->sample[i];
		before = depth;
	}
	assert_int_equal(r->count - n, 2);
	r->count = n;
	return r;
}

static void half_of_the_frames_are_enough(void **state)
{
	struct recording *r = load_without_lone_echoes(), *half;
	uint64_t random = 88172645463325252U;

	(void)state;
	half = calloc(1, sizeof(*half));
	assert_non_null(half);
	for (int run = 0; run < 20; run++) {
		half->count = 0;
		for (size_t i = 0; i < r->count; i++) {
			if (next_random(&random) % 2 == 0)
				half->sample[half->count++] = r->sample[i];
		}
		assert_int_equal(check_floods(half), 0);
	}
	free(half);
	free(r);
}

/* Whether an object of this time would stand on a flood or leave just before. */
static bool is_near_a_flood(const struct flood floods[FLOODS], int64_t from_us, int64_t to_us)
{
	for (size_t i = 0; i < FLOODS; i++) {
		if (from_us < floods[i].end_us + 60 * MINUTE && to_us > floods[i].start_us - 10 * MINUTE)
			return true;
	}
	return false;
}

/* Parks cars of 1.1 m for five minutes to nine hours. */
static void park(struct recording *r, uint64_t *random)
{
	struct flood floods[FLOODS];

	load_floods(floods);
	for (int car = 0; car < 10; car++) {
		size_t first = next_random(random) % r->count;
		int64_t from_us = r->sample[first].at_us;
		int64_t to_us = from_us + (int64_t)(5 + next_random(random) % 535) * MINUTE;

		if (is_near_a_flood(floods, from_us, to_us))
			continue;
		for (size_t i = first; i < r->count && r->sample[i].at_us < to_us; i++)
			r->sample[i].depth = 1.1 + (double)(next_random(random) % 10) / 1000;
	}
}

/* Gaps of up to an hour, in each hundredth reading. */
static void lose(struct recording *r, uint64_t *random)
{
	int64_t until_us = 0;
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		if (next_random(random) % 100 == 0)
			until_us = r->sample[i].at_us + (int64_t)(next_random(random) % 60) * MINUTE;
		if (r->sample[i].at_us >= until_us)
			r->sample[n++] = r->sample[i];
	}
	r->count = n;
}

static void cars_that_come_and_go_in_gaps_raise_nothing(void **state)
{
	struct recording *r = load_without_lone_echoes(), *changed;
	uint64_t random = 88172645463325252U;

	(void)state;
	changed = malloc(sizeof(*changed));
	assert_non_null(changed);
	for (int run = 0; run < 20; run++) {
		*changed = *r;
		park(changed, &random);
		lose(changed, &random);
		assert_int_equal(check_floods(changed), 0);
	}
	free(changed);
	free(r);
}

static void a_street_where_cars_park_raises_nothing(void **state)
{
	static const double baselines[] = {2722, 2726, 2730};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(baselines); i++) {
		struct recording *r = load("floodnet_daily_gentle_beetle_2023-06.csv", baselines[i]);

		assert_int_equal(play(r).count, 0);
		free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_flood_raises_one_incident_by_its_second_sample),
		cmocka_unit_test(a_baseline_two_millimetres_off_makes_no_difference),
		cmocka_unit_test(half_of_the_frames_are_enough),
		cmocka_unit_test(cars_that_come_and_go_in_gaps_raise_nothing),
		cmocka_unit_test(a_street_where_cars_park_raises_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
