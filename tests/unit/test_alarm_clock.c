#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm_fixture.h"

#define INTERVAL (10 * MINUTE)

/* Stale after three expected intervals. */
static struct bell silent_bell(void)
{
	struct bell b = bell_of(CAUSE_STALE, 3);

	b.levels[0].clear_value = 1;
	b.config.interval_us = INTERVAL;
	return b;
}

static int64_t due(struct bell *b)
{
	return alarm_due(config_of(b), &b->state);
}

static void silence_raises_by_the_clock_at_its_interval(void **state)
{
	struct bell b = silent_bell();
	int64_t heard_us;

	(void)state;
	reading(&b, MINUTE, 1.0);
	heard_us = b.now_us;
	assert_int_equal(due(&b), heard_us + 3 * INTERVAL);
	assert_int_equal(pass(&b, 3 * INTERVAL - 1), 0);
	assert_int_equal(pass(&b, HOUR), 1);
	assert_int_equal(b.state.levels.started_us, heard_us + 3 * INTERVAL);
	assert_true(b.state.levels.value == 3);
	assert_true(due(&b) == INT64_MAX);
}

static void a_reading_of_any_quality_ends_silence(void **state)
{
	static const enum quality qualities[] = {QUALITY_PASS, QUALITY_NOT_EVALUATED, QUALITY_SUSPECT,
	                                         QUALITY_FAIL, QUALITY_MISSING};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(qualities); i++) {
		struct bell b = silent_bell();

		reading(&b, MINUTE, 1.0);
		assert_int_equal(pass(&b, HOUR), 1);
		assert_int_equal(read_as(&b, MINUTE, (double)NAN, qualities[i]), 1);
		assert_int_equal(level(&b), LEVEL_NORMAL);
		assert_int_equal(b.state.levels.changed_us, b.now_us);
	}
}

static void silence_is_measured_by_arrival(void **state)
{
	struct bell b = silent_bell();

	(void)state;
	b.latency_us = 25 * MINUTE;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(reading(&b, 2 * INTERVAL, 1.0), 0);
		assert_int_equal(due(&b), b.now_us + 3 * INTERVAL);
	}
}

static void repeated_readings_do_not_end_silence(void **state)
{
	struct bell b = silent_bell();

	(void)state;
	reading(&b, MINUTE, 1.0);
	assert_int_equal(pass(&b, HOUR), 1);
	b.latency_us = HOUR;
	assert_int_equal(reading(&b, 0, 1.0), 0);
	assert_int_equal(level(&b), 1);
}

static void silence_passes_its_levels_one_by_one(void **state)
{
	struct bell b = silent_bell();
	int64_t heard_us;

	(void)state;
	b.levels[1] = b.levels[0];
	b.levels[1].level = 2;
	b.levels[1].set_value = 12.5;
	b.config.count = 2;
	reading(&b, MINUTE, 1.0);
	heard_us = b.now_us;
	assert_int_equal(pass(&b, 100 * HOUR), 2);
	assert_int_equal(level(&b), 2);
	assert_int_equal(b.state.levels.changed_us, heard_us + 125 * MINUTE);
	assert_int_equal(b.state.levels.started_us, heard_us + 30 * MINUTE);
}

static void silence_whose_level_is_no_whole_number_of_microseconds(void **state)
{
	(void)state;
	for (int64_t interval_us = 1; interval_us < 2000; interval_us++) {
		struct bell b = silent_bell();

		b.config.interval_us = interval_us;
		b.levels[0].set_value = 1.1 + (double)interval_us / 7;
		reading(&b, MINUTE, 1.0);
		assert_int_equal(pass(&b, HOUR), 1);
		/* A hair above a whole number of microseconds: the product may round down to it. */
		b.levels[0].set_value = nextafter((double)(3 * interval_us + 1) / (double)interval_us, 9);
		b.state = (struct alarm_state){0};
		reading(&b, MINUTE, 1.0);
		assert_int_equal(pass(&b, HOUR), 1);
	}
}

static void silence_may_have_a_delay_and_a_repeat(void **state)
{
	struct bell b = silent_bell();
	int64_t heard_us;

	(void)state;
	b.levels[0].on_delay_us = 5 * MINUTE;
	b.levels[0].on_samples = 9; /* there are none to count */
	b.levels[0].repeat_us = 12 * HOUR;
	reading(&b, MINUTE, 1.0);
	heard_us = b.now_us;
	assert_int_equal(pass(&b, HOUR), 1);
	assert_int_equal(b.state.levels.started_us, heard_us + 35 * MINUTE);
	assert_int_equal(pass(&b, 12 * HOUR), 1);
	assert_int_equal(b.state.levels.previous_level, 1);
}

static void silence_means_nothing_without_an_interval_or_a_first_reading(void **state)
{
	struct bell b = silent_bell();

	(void)state;
	assert_true(due(&b) == INT64_MAX);
	b.config.interval_us = 0;
	reading(&b, MINUTE, 1.0);
	assert_true(due(&b) == INT64_MAX);
	assert_int_equal(pass(&b, 1000 * HOUR), 0);
}

static void time_that_the_broker_was_down_is_no_silence(void **state)
{
	struct bell b = silent_bell();

	(void)state;
	reading(&b, MINUTE, 1.0);
	b.now_us += 1000 * HOUR;
	alarm_resume(config_of(&b), &b.state, b.now_us);
	assert_int_equal(settle(&b), 0);
	assert_int_equal(due(&b), b.now_us + 3 * INTERVAL);
	assert_int_equal(pass(&b, 3 * INTERVAL), 1);
}

static void silence_that_was_told_before_a_restart_goes_on_after_it(void **state)
{
	struct bell b = silent_bell();
	int64_t down_us = 1000 * HOUR, raised_us;

	(void)state;
	b.levels[1] = b.levels[0];
	b.levels[1].level = 2;
	b.levels[1].set_value = 12;
	b.config.count = 2;
	reading(&b, MINUTE, 1.0);
	pass(&b, 3 * INTERVAL);
	raised_us = b.state.levels.started_us;
	b.now_us += down_us;
	alarm_resume(config_of(&b), &b.state, b.now_us);
	assert_int_equal(settle(&b), 0);
	assert_int_equal(level(&b), 1);
	assert_int_equal(due(&b), b.now_us + 9 * INTERVAL);
	assert_int_equal(pass(&b, 9 * INTERVAL), 1);
	assert_int_equal(level(&b), 2);
	assert_int_equal(b.state.levels.started_us, raised_us);
	assert_int_equal(reading(&b, MINUTE, 1.0), 1);
	assert_int_equal(level(&b), LEVEL_NORMAL);
}

static void a_restart_changes_nothing_of_other_alarms(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);
	struct alarm_state before;

	(void)state;
	b.levels[0].on_delay_us = 2 * MINUTE;
	reading(&b, MINUTE, 2.0);
	before = b.state;
	alarm_resume(config_of(&b), &b.state, b.now_us + SECOND);
	assert_memory_equal(&b.state, &before, sizeof(before));
	assert_int_equal(pass(&b, 2 * MINUTE), 1);
}

static void event_time_goes_on_as_the_clock_since_the_last_arrival(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);
	int64_t event_us;

	(void)state;
	b.latency_us = 20 * MINUTE;
	b.levels[0].on_delay_us = 2 * MINUTE;
	reading(&b, MINUTE, 2.0);
	event_us = b.now_us - b.latency_us;
	assert_int_equal(due(&b), b.now_us + 2 * MINUTE);
	assert_int_equal(pass(&b, 2 * MINUTE - 1), 0);
	assert_int_equal(pass(&b, 1), 1);
	assert_int_equal(b.state.levels.started_us, event_us + 2 * MINUTE);
}

static void a_sensor_whose_clock_is_ahead_raises_now(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);

	(void)state;
	b.latency_us = -4 * MINUTE;
	assert_int_equal(reading(&b, MINUTE, 2.0), 1);
	assert_int_equal(b.state.levels.started_us, b.now_us);
	b.latency_us = 0;
	assert_int_equal(reading(&b, MINUTE, 1.0), 1);
}

static void a_clock_that_was_set_back_silences_no_alarm(void **state)
{
	static const enum cause causes[] = {CAUSE_THRESHOLD, CAUSE_RAIN, CAUSE_SENSOR_ERROR};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		struct bell b = bell_of(causes[i], 0.65);
		enum quality quality = causes[i] == CAUSE_SENSOR_ERROR ? QUALITY_FAIL : QUALITY_PASS;

		b.config.period_us = HOUR;
		b.config.hold =
			(struct hold_config){.rise_max = 0.1 / 60e6, .move = 0.03, .timeout_us = HOUR};
		reading(&b, MINUTE, 0.3);
		assert_int_equal(reading(&b, MINUTE, 0.3), 0);
		b.now_us -= 1000 * HOUR;
		assert_int_equal(read_as(&b, MINUTE, 0.7, quality), 1);
		assert_int_equal(b.state.levels.started_us, b.now_us);
	}
}

static void a_rate_begins_anew_when_the_clock_was_set_back(void **state)
{
	struct bell b = bell_of(CAUSE_RATE, 0.5);

	(void)state;
	b.config.period_us = HOUR;
	reading(&b, HOUR, 1.0);
	reading(&b, HOUR, 1.0);
	b.now_us -= 1000 * HOUR;
	reading(&b, MINUTE, 1.0);
	assert_int_equal(reading(&b, HOUR, 1.6), 1);
	assert_true(fabs(b.state.levels.value - 0.6) < 1e-9);
}

static int count_as(struct bell *b, int64_t at_us, unsigned count)
{
	return alarm_observe_count(config_of(b), &b->state, at_us, b->now_us, count) ? settle(b) : 0;
}

static void members_at_their_levels_raise_a_group(void **state)
{
	struct bell b = bell_of(CAUSE_GROUP, 2);

	(void)state;
	assert_int_equal(count_as(&b, b.now_us, 1), 0);
	assert_int_equal(count_as(&b, b.now_us, 2), 1); /* two of the same moment */
	b.now_us += MINUTE;
	assert_int_equal(count_as(&b, b.now_us - HOUR, 3), 0); /* a member that lags */
	assert_true(b.state.levels.peak == 3);
	assert_int_equal(count_as(&b, b.now_us + HOUR, 1), 1); /* no later than now */
	assert_int_equal(b.state.levels.changed_us, b.now_us);
}

static void a_group_may_have_delays(void **state)
{
	struct bell b = bell_of(CAUSE_UPSTREAM, 1);

	(void)state;
	b.levels[0].on_delay_us = 5 * MINUTE;
	b.levels[0].off_delay_us = 30 * MINUTE;
	count_as(&b, b.now_us, 1);
	assert_int_equal(pass(&b, 5 * MINUTE), 1);
	count_as(&b, b.now_us, 0);
	assert_int_equal(pass(&b, 29 * MINUTE), 0);
	assert_int_equal(pass(&b, MINUTE), 1);
}

static void counts_say_nothing_to_other_alarms(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1);

	(void)state;
	assert_int_equal(count_as(&b, b.now_us, 5), 0);
	assert_int_equal(b.state.levels.last_us, 0);
}

static void acknowledging_ends_a_latched_incident_now(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);

	(void)state;
	b.levels[0].latching = true;
	assert_false(alarm_acknowledge(config_of(&b), &b.state, b.now_us));
	reading(&b, MINUTE, 2.0);
	reading(&b, MINUTE, 1.0);
	assert_int_equal(pass(&b, HOUR), 0);
	assert_int_equal(level(&b), 1);
	assert_true(alarm_acknowledge(config_of(&b), &b.state, b.now_us));
	assert_int_equal(settle(&b), 1);
	assert_int_equal(level(&b), LEVEL_NORMAL);
	assert_int_equal(b.state.levels.changed_us, b.now_us);
	assert_false(alarm_acknowledge(config_of(&b), &b.state, b.now_us));
}

static void an_incident_is_acknowledged_once(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);

	(void)state;
	reading(&b, MINUTE, 2.0);
	assert_true(alarm_acknowledge(config_of(&b), &b.state, b.now_us));
	assert_int_equal(settle(&b), 0);
	assert_false(alarm_acknowledge(config_of(&b), &b.state, b.now_us));
	assert_int_equal(reading(&b, MINUTE, 1.0), 1);
}

static void an_acknowledgement_before_the_tick_leaves_delays_to_it(void **state)
{
	struct bell b = bell_of(CAUSE_THRESHOLD, 1.5);
	int64_t below_us;

	(void)state;
	b.levels[0].latching = true;
	b.levels[0].off_delay_us = 15 * MINUTE;
	reading(&b, MINUTE, 2.0);
	reading(&b, MINUTE, 1.0);
	below_us = b.now_us;
	b.now_us += 20 * MINUTE; /* no tick came */
	assert_true(alarm_acknowledge(config_of(&b), &b.state, b.now_us));
	assert_int_equal(settle(&b), 0);
	assert_int_equal(pass(&b, 0), 1);
	assert_int_equal(b.state.levels.changed_us, below_us + 15 * MINUTE);
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* An alarm of any cause with any delays. */
static struct bell any_bell(enum cause cause, uint64_t *random)
{
	struct bell b = bell_of(cause, 3);

	b.config.count = 3;
	b.config.period_us = HOUR;
	b.config.interval_us = 3 * MINUTE;
	for (size_t i = 0; i < 3; i++) {
		struct threshold *t = &b.levels[i];

		*t = b.levels[0];
		t->level = (int32_t)i + 1;
		t->set_value = 3 + 2 * (double)i;
		t->clear_value = t->set_value - (double)(next_random(random) % 3);
		t->on_delay_us = (int64_t)(next_random(random) % 4) * 3 * MINUTE;
		t->on_samples = (uint16_t)(next_random(random) % 3);
		t->off_delay_us = (int64_t)(next_random(random) % 4) * 7 * MINUTE;
		t->repeat_us = (int64_t)(next_random(random) % 3) * 20 * MINUTE;
	}
	return b;
}

/* A broker that ticks each second, and one that looks only when something is due or comes, say the same. */
static void nothing_is_missed_between_two_dues(void **state)
{
	static const enum cause causes[] = {CAUSE_THRESHOLD, CAUSE_RAIN, CAUSE_STALE, CAUSE_SENSOR_ERROR};
	uint64_t random = 88172645463325252U;

	(void)state;
	for (int run = 0; run < 60; run++) {
		struct bell lazy = any_bell(causes[run % 4], &random), eager = lazy;

		for (int n = 0; n < 60; n++) {
			int64_t passed_us =
				(int64_t)(1 + next_random(&random) % 1100) * SECOND; /* not two repeats */
			double value = (double)(next_random(&random) % 9);
			enum quality quality = next_random(&random) % 3 ? QUALITY_PASS : QUALITY_FAIL;
			int transitions = pass(&lazy, passed_us);

			for (int64_t t = 0; t < passed_us; t += SECOND) {
				eager.now_us += SECOND;
				alarm_clock(config_of(&eager), &eager.state, eager.now_us);
				transitions -= settle(&eager);
			}
			assert_int_equal(transitions, 0);
			assert_int_equal(lazy.state.levels.changed_us, eager.state.levels.changed_us);
			read_as(&lazy, 0, value, quality);
			read_as(&eager, 0, value, quality);
			assert_int_equal(level(&lazy), level(&eager));
			assert_int_equal(lazy.state.levels.sequence, eager.state.levels.sequence);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_raises_by_the_clock_at_its_interval),
		cmocka_unit_test(a_reading_of_any_quality_ends_silence),
		cmocka_unit_test(silence_is_measured_by_arrival),
		cmocka_unit_test(repeated_readings_do_not_end_silence),
		cmocka_unit_test(silence_passes_its_levels_one_by_one),
		cmocka_unit_test(silence_whose_level_is_no_whole_number_of_microseconds),
		cmocka_unit_test(silence_may_have_a_delay_and_a_repeat),
		cmocka_unit_test(silence_means_nothing_without_an_interval_or_a_first_reading),
		cmocka_unit_test(time_that_the_broker_was_down_is_no_silence),
		cmocka_unit_test(silence_that_was_told_before_a_restart_goes_on_after_it),
		cmocka_unit_test(a_restart_changes_nothing_of_other_alarms),
		cmocka_unit_test(event_time_goes_on_as_the_clock_since_the_last_arrival),
		cmocka_unit_test(a_sensor_whose_clock_is_ahead_raises_now),
		cmocka_unit_test(a_clock_that_was_set_back_silences_no_alarm),
		cmocka_unit_test(a_rate_begins_anew_when_the_clock_was_set_back),
		cmocka_unit_test(members_at_their_levels_raise_a_group),
		cmocka_unit_test(a_group_may_have_delays),
		cmocka_unit_test(counts_say_nothing_to_other_alarms),
		cmocka_unit_test(acknowledging_ends_a_latched_incident_now),
		cmocka_unit_test(an_incident_is_acknowledged_once),
		cmocka_unit_test(an_acknowledgement_before_the_tick_leaves_delays_to_it),
		cmocka_unit_test(nothing_is_missed_between_two_dues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
