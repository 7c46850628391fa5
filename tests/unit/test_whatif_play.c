/* Play, rules and tally of highwater-whatif, without a database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qc.h"
#include "whatif_tally.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define START  (INT64_C(1763683200) * SECOND)

enum { PHU_AN = 7, NHA_BE = 9, CITY = 3 };

struct told {
	int64_t at_us;
	int32_t datastream_id, level;
	uint8_t cause;
	int64_t arrival_us;
};

struct fixture {
	struct registry *registry;
	struct whatif_options options;
	struct whatif_rules rules;
	struct whatif_play play;
	struct whatif_tally tally;
	struct told told[64];
	size_t count;
};

static void take(void *context, const struct whatif_alarm *alarm)
{
	struct fixture *f = context;
	struct told *t = &f->told[f->count++];

	assert_true(f->count < ARRAY_SIZE(f->told));
	*t = (struct told){
		.at_us = alarm->state.levels.changed_us,
		.datastream_id = alarm->stream->registered->datastream_id,
		.level = alarm->state.levels.level,
		.cause = alarm->config.cause,
		.arrival_us = whatif_play_arrival(&f->rules, alarm),
	};
	if (alarm->stream->listed) {
		whatif_tally_take(&f->tally, alarm);
	}
}

static struct registry_datastream datastream(int32_t id, const char *station, uint32_t first, uint32_t count)
{
	struct registry_datastream d = {
		.key.property = "water_level",
		.datastream_id = id,
		.threshold_first = first,
		.threshold_count = count,
		.quality = 1,
		.unit = "m",
		.latitude = NAN,
		.longitude = NAN,
	};

	copy_text(d.key.station, sizeof(d.key.station), station, strlen(station));
	return d;
}

/* Two gauges, each with its levels, and a city that alarms when both stand high, and of what comes from Nhà Bè. */
static struct registry *city(void)
{
	static const struct threshold thresholds[] = {
		{.level = 1, .set_value = 1.40, .clear_value = 1.35, .name = "I"},
		{.level = 2, .set_value = 1.50, .clear_value = 1.45, .name = "II"},
		{.level = 1, .cause = CAUSE_STALE, .set_value = 3, .clear_value = 1, .name = "stale"},
		{.level = 1, .set_value = 1.30, .clear_value = 1.20, .name = "I"},
		{.level = 1,
	         .cause = CAUSE_GROUP,
	         .set_value = 2,
	         .clear_value = 2,
	         .period_us = 15 * MINUTE},
		{.level = 1, .cause = CAUSE_UPSTREAM, .set_value = 1, .clear_value = 1},
	};
	struct registry *r = registry_new(&(struct registry_counts){
		.datastreams = 3, .thresholds = ARRAY_SIZE(thresholds), .members = 3, .qualities = 1});

	assert_non_null(r);
	r->datastreams[0] = datastream(PHU_AN, "phu-an", 0, 3);
	r->datastreams[1] = datastream(NHA_BE, "nha-be", 3, 1);
	r->datastreams[2] = datastream(CITY, "city", 4, 2);
	memcpy(r->thresholds, thresholds, sizeof(thresholds));
	r->qualities[0].interval_us = 10 * MINUTE;
	for (uint32_t i = 0; i < 3; i++) {
		r->members[i] = (struct registry_member){
			.datastream = 3, .member = i == 0 ? 1 : 2, .member_level = 1, .position = i == 1};
		r->members[i].cause = i < 2 ? CAUSE_GROUP : CAUSE_UPSTREAM;
		r->members[i].period_us = i < 2 ? 15 * MINUTE : 0;
		r->members[i].travel_us = i < 2 ? 0 : 9 * HOUR;
	}
	assert_int_equal(registry_seal(r), 0);
	return r;
}

static int make(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->registry = city();
	*state = f;
	return 0;
}

static int unmake(void **state)
{
	struct fixture *f = *state;

	whatif_play_done(&f->play);
	whatif_tally_done(&f->tally);
	whatif_rules_done(&f->rules);
	whatif_options_done(&f->options);
	registry_free(f->registry);
	free(f);
	return 0;
}

static void add_change(struct fixture *f, const char *text)
{
	char line[200], why[WHATIF_WHY_SIZE];

	copy_text(line, sizeof(line), text, strlen(text));
	f->options.changes = calloc(1, sizeof(*f->options.changes));
	assert_non_null(f->options.changes);
	f->options.change_count = 1;
	assert_int_equal(whatif_change_line(f->options.changes, line, why), 0);
}

static void choose(struct fixture *f, const char *station)
{
	f->options.stations.text = calloc(1, sizeof(*f->options.stations.text));
	assert_non_null(f->options.stations.text);
	f->options.stations.text[0] = station;
	f->options.stations.count = 1;
}

static void begin(struct fixture *f)
{
	char why[WHATIF_WHY_SIZE] = "";

	if (whatif_rules_build(&f->rules, f->registry, &f->options, why) != 0) {
		fail_msg("%s", why);
	}
	assert_int_equal(whatif_tally_init(&f->tally, &f->rules), 0);
	assert_int_equal(whatif_play_init(&f->play, &f->rules, take, f), 0);
	f->tally.from_us = START;
}

/* A reading, so many minutes after the start. */
static void read_at(struct fixture *f, int32_t id, int64_t minutes, double value)
{
	whatif_play_reading(&f->play, &(struct whatif_reading){
					      .datastream_id = id,
					      .phenomenon_us = START + minutes * MINUTE,
					      .received_us = START + minutes * MINUTE,
					      .value = value,
					      .quality = QUALITY_PASS,
				      });
}

static void assert_told(const struct fixture *f, size_t i, int32_t id, enum cause cause, int64_t minutes,
                        int32_t level)
{
	assert_true(i < f->count);
	assert_int_equal(f->told[i].datastream_id, id);
	assert_int_equal(f->told[i].cause, cause);
	assert_int_equal((f->told[i].at_us - START) / MINUTE, minutes);
	assert_int_equal(f->told[i].level, level);
}

static void delay_ends_between_readings(void **state)
{
	struct fixture *f = *state;

	add_change(f, "phu-an/water_level/1 on-delay=12m");
	choose(f, "phu-an");
	begin(f);
	read_at(f, PHU_AN, 0, 1.2);
	read_at(f, PHU_AN, 10, 1.41);
	read_at(f, PHU_AN, 20, 1.42);
	assert_int_equal(f->count, 0);
	read_at(f, PHU_AN, 30, 1.1);
	assert_int_equal(f->count, 2);
	assert_told(f, 0, PHU_AN, CAUSE_THRESHOLD, 22, 1);
	assert_told(f, 1, PHU_AN, CAUSE_THRESHOLD, 30, 0);
}

static void silence_alarms_when_it_has_lasted_and_at_the_end_too(void **state)
{
	struct fixture *f = *state;

	choose(f, "phu-an");
	begin(f);
	whatif_play_until(&f->play, START + HOUR);
	assert_int_equal(f->count, 0); /* nothing has been heard of it yet */
	read_at(f, PHU_AN, 60, 1.2);
	read_at(f, PHU_AN, 100, 1.2);
	assert_int_equal(f->count, 2);
	assert_told(f, 0, PHU_AN, CAUSE_STALE, 90, 1);
	assert_told(f, 1, PHU_AN, CAUSE_STALE, 100, 0);
	whatif_play_until(&f->play, START + 129 * MINUTE);
	assert_int_equal(f->count, 2);
	whatif_play_until(&f->play, START + 131 * MINUTE);
	assert_told(f, 2, PHU_AN, CAUSE_STALE, 130, 1);
}

static void group_follows_its_members_and_the_clock(void **state)
{
	struct fixture *f = *state;
	size_t i = 0;

	add_change(f, "phu-an/water_level/stale/1 drop");
	begin(f);
	read_at(f, PHU_AN, 0, 1.41);
	read_at(f, NHA_BE, 10, 1.31);
	read_at(f, PHU_AN, 20, 1.2);
	read_at(f, PHU_AN, 60, 1.2);
	assert_told(f, i++, PHU_AN, CAUSE_THRESHOLD, 0, 1);
	assert_told(f, i++, NHA_BE, CAUSE_THRESHOLD, 10, 1);
	/* Both alarms of the city follow at once. */
	assert_told(f, i++, CITY, CAUSE_GROUP, 10, 1);
	assert_told(f, i, CITY, CAUSE_UPSTREAM, 10, 1);
	assert_int_equal(f->told[i++].arrival_us, START + 10 * MINUTE + 9 * HOUR);
	assert_told(f, i++, PHU_AN, CAUSE_THRESHOLD, 20, 0);
	/* A member counts for the period after it. */
	assert_told(f, i++, CITY, CAUSE_GROUP, 35, 0);
	assert_int_equal(f->count, i);
}

static void members_of_a_chosen_group_are_played_and_not_listed(void **state)
{
	struct fixture *f = *state;

	choose(f, "city");
	begin(f);
	assert_int_equal(f->rules.played_count, 3);
	assert_int_equal(f->rules.listed_count, 1);
	read_at(f, PHU_AN, 0, 1.6);
	read_at(f, NHA_BE, 10, 1.31);
	whatif_tally_end(&f->tally, START + HOUR);
	assert_int_equal(f->tally.raised, 2);
}

static void only_what_is_chosen_is_played(void **state)
{
	struct fixture *f = *state;

	choose(f, "nha-be");
	begin(f);
	assert_int_equal(f->rules.played_count, 1);
	assert_null(whatif_rules_stream(&f->rules, PHU_AN));
	read_at(f, PHU_AN, 0, 1.6);
	assert_int_equal(f->count, 0);
}

static void change_that_concerns_nothing_is_refused(void **state)
{
	struct fixture *f = *state;
	char why[WHATIF_WHY_SIZE] = "";

	add_change(f, "phu-an/water_level/9 set=1");
	assert_int_equal(whatif_rules_build(&f->rules, f->registry, &f->options, why), -EINVAL);
	assert_non_null(strstr(why, "phu-an/water_level/9"));
}

static void tally_counts_levels_and_their_time_within_the_stretch(void **state)
{
	struct fixture *f = *state;

	choose(f, "nha-be");
	begin(f);
	f->tally.from_us = START + 30 * MINUTE;
	read_at(f, NHA_BE, 0, 1.35); /* before the stretch */
	read_at(f, NHA_BE, 50, 1.1);
	read_at(f, NHA_BE, 60, 1.35);
	read_at(f, NHA_BE, 70, 1.36);
	whatif_tally_end(&f->tally, START + 90 * MINUTE);
	assert_int_equal(f->tally.before, 1);
	assert_int_equal(f->tally.raised, 1);
	assert_int_equal(f->tally.transitions, 2);
	assert_int_equal(f->tally.returned, 1);
	assert_int_equal(f->tally.chattering, 0);
	assert_int_equal(f->tally.levels[0].raised, 1);
	assert_int_equal(f->tally.levels[0].time_us, (20 + 30) * MINUTE);
	assert_int_equal(f->tally.levels[0].longest_us, 30 * MINUTE);
}

static void three_transitions_within_a_minute_are_chattering(void **state)
{
	struct fixture *f = *state;

	choose(f, "nha-be");
	begin(f);
	for (int i = 0; i < 4; i++) {
		whatif_play_reading(&f->play, &(struct whatif_reading){
						      .datastream_id = NHA_BE,
						      .phenomenon_us = START + i * 29 * SECOND,
						      .received_us = START + i * 29 * SECOND,
						      .value = i % 2 == 0 ? 1.4 : 1.0,
						      .quality = QUALITY_PASS,
					      });
	}
	assert_int_equal(f->count, 4);
	assert_int_equal(f->tally.chattering, 1);
}

static void incidents_of_then_are_the_same_when_they_overlap(void **state)
{
	struct whatif_alert then[] = {
		{.datastream_id = NHA_BE, .started_us = START + 200 * MINUTE, .ended_us = INT64_MAX},
		{.datastream_id = NHA_BE, .started_us = START - 5 * MINUTE, .ended_us = START + 3 * MINUTE},
		{.datastream_id = NHA_BE, .started_us = START + 15 * MINUTE, .ended_us = START + 40 * MINUTE},
		{.datastream_id = PHU_AN, .started_us = START + 20 * MINUTE, .ended_us = START + 40 * MINUTE},
		{.datastream_id = NHA_BE,
	         .cause = CAUSE_RATE,
	         .started_us = START + 20 * MINUTE,
	         .ended_us = INT64_MAX},
	};
	struct whatif_alerts alerts = {then, ARRAY_SIZE(then)};
	struct fixture *f = *state;
	size_t gone;

	choose(f, "nha-be");
	begin(f);
	read_at(f, NHA_BE, 20, 1.35);
	read_at(f, NHA_BE, 50, 1.1);
	read_at(f, NHA_BE, 100, 1.35);
	read_at(f, NHA_BE, 110, 1.1);
	whatif_tally_end(&f->tally, START + 300 * MINUTE);
	whatif_tally_compare(&f->tally, &alerts, &gone);
	assert_int_equal(f->tally.raised, 2);
	assert_int_equal(f->tally.as_then, 1);
	assert_int_equal(f->tally.later, 1);
	assert_int_equal(f->tally.later_us, 5 * MINUTE);
	assert_int_equal(f->tally.then, 4); /* one began before the stretch */
	assert_int_equal(f->tally.then_again, 1);
	assert_int_equal(gone, 3);
	for (size_t i = 0; i < gone; i++) {
		assert_true(alerts.alert[i].started_us != START + 15 * MINUTE);
	}
}

static void verdict_of_the_next_reading_is_left_aside(void **state)
{
	uint32_t pass = qc_tests_set(0, QC_GROSS_RANGE, QUALITY_PASS);
	uint32_t spike = qc_tests_set(pass, QC_SPIKE, QUALITY_FAIL);
	uint32_t range =
		qc_tests_set(qc_tests_set(0, QC_GROSS_RANGE, QUALITY_SUSPECT), QC_SPIKE, QUALITY_FAIL);

	(void)state;
	assert_int_equal(whatif_quality_on_arrival(spike, QUALITY_FAIL), QUALITY_PASS);
	assert_int_equal(whatif_quality_on_arrival(range, QUALITY_FAIL), QUALITY_SUSPECT);
	assert_int_equal(whatif_quality_on_arrival(pass, QUALITY_PASS), QUALITY_PASS);
	/* Set by hand. */
	assert_int_equal(whatif_quality_on_arrival(spike, QUALITY_SUSPECT), QUALITY_SUSPECT);
	assert_int_equal(whatif_quality_on_arrival(0, QUALITY_FAIL), QUALITY_FAIL);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(delay_ends_between_readings),
		TEST(silence_alarms_when_it_has_lasted_and_at_the_end_too),
		TEST(group_follows_its_members_and_the_clock),
		TEST(members_of_a_chosen_group_are_played_and_not_listed),
		TEST(only_what_is_chosen_is_played),
		TEST(change_that_concerns_nothing_is_refused),
		TEST(tally_counts_levels_and_their_time_within_the_stretch),
		TEST(three_transitions_within_a_minute_are_chattering),
		TEST(incidents_of_then_are_the_same_when_they_overlap),
		cmocka_unit_test(verdict_of_the_next_reading_is_left_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
