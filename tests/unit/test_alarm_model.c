/*
 * The alarm engine against a model written for clarity: the model keeps every value it has believed, and decides
 * by looking at them. Random levels, readings of every quality, gaps, late, repeated and out-of-order data, ticks
 * of the clock at any moment, restarts and acknowledgements; cause threshold, with and without object hold.
 * HIGHWATER_MODEL_STEPS sets how many steps, HIGHWATER_MODEL_SEED the first of the sequences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm.h"
#include "alarm_format.h"
#include "util.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND_US INT64_C(1000000)
#define STEPS     1000000
#define SEQUENCE  1000 /* steps with the same levels */
#define LAG_US    (2 * SECOND_US)
#define NEVER_US  INT64_MAX

struct sample {
	int64_t at_us;
	double value;
};

/* Times of 0: there is none. */
struct model {
	struct threshold levels[3];
	size_t count;
	struct hold_config hold;
	struct sample samples[2 * SEQUENCE]; /* believed, oldest first */
	size_t sample_count;
	struct sample believed, kept, held, run;
	double run_least, run_most;
	int64_t last_us, taken_us, at_us;
	uint8_t quality;
	/* of the incident */
	const struct threshold *now; /* NULL: normal */
	uint8_t direction, transition_quality;
	int32_t level, previous_level;
	uint32_t sequence;
	int64_t started_us, onset_us, changed_us, peak_us;
	double peak, value, threshold;
	bool acknowledged;
};

/* --- the model: which readings are believed --- */

static double allowed(const struct model *m, int64_t passed_us)
{
	return m->hold.rise_max * (double)MIN(passed_us, HOLD_ALLOWANCE_US);
}

static double middle(double a, double b, double c)
{
	if ((a <= b && b <= c) || (c <= b && b <= a)) {
		return b;
	}
	return (b <= a && a <= c) || (c <= a && a <= b) ? a : c;
}

/* A suspect reading: whether it and the one kept before it bear something out. */
static bool is_borne_out(struct model *m, struct sample *reading)
{
	struct sample kept = m->kept;

	m->kept = *reading;
	if (kept.at_us == 0 || (m->hold.rise_max > 0 && fabs(reading->value - kept.value) >
	                                                        allowed(m, reading->at_us - kept.at_us))) {
		return false;
	}
	reading->value = m->believed.at_us != 0 ? middle(m->believed.value, kept.value, reading->value)
	                                        : fmin(kept.value, reading->value);
	return true;
}

static void run_on(struct model *m, const struct sample *reading, bool anew)
{
	m->run = *reading;
	m->run_least = anew ? reading->value : fmin(m->run_least, reading->value);
	m->run_most = anew ? reading->value : fmax(m->run_most, reading->value);
}

static bool ends_the_hold(struct model *m, const struct sample *reading)
{
	int64_t passed_us = reading->at_us - m->run.at_us;
	bool step =
		passed_us <= HOLD_STEP_MAX_US && fabs(reading->value - m->run.value) <= allowed(m, passed_us);

	if (reading->at_us - m->held.at_us >= m->hold.timeout_us) {
		return true; /* whatever it is, it has stood long enough */
	}
	if (!step && reading->value - m->believed.value <= allowed(m, passed_us)) {
		return true; /* the object is gone */
	}
	run_on(m, reading, !step);
	return m->run_most - m->run_least >= m->hold.move; /* water moves */
}

static bool is_believed(struct model *m, struct sample *reading, const struct alarm_input *in)
{
	if (in->quality == QUALITY_SUSPECT && !in->borne_out) {
		if (!is_borne_out(m, reading)) {
			return false;
		}
	} else {
		m->kept.at_us = 0;
	}
	if (m->hold.rise_max > 0 && m->believed.at_us != 0 && !in->borne_out) {
		if (m->held.at_us != 0) {
			if (!ends_the_hold(m, reading)) {
				return false;
			}
		} else if (reading->value - m->believed.value >
		           allowed(m, reading->at_us - m->believed.at_us)) {
			m->held = *reading;
			run_on(m, reading, true);
			return false;
		}
	}
	m->held.at_us = 0;
	return true;
}

/* --- the model: levels --- */

static double signed_by(const struct threshold *t, double value)
{
	return t->direction == DIRECTION_RISING ? value : -value;
}

/* The values at the end that are all beyond the set value, or all behind the clear value: how many, since when. */
static size_t beyond(const struct model *m, const struct threshold *t, bool behind_clear, int64_t *since_us)
{
	size_t n = 0;

	for (size_t i = m->sample_count; i > 0; i--) {
		double value = signed_by(t, m->samples[i - 1].value);

		if (behind_clear ? value >= signed_by(t, t->clear_value)
		                 : value < signed_by(t, t->set_value)) {
			break;
		}
		*since_us = m->samples[i - 1].at_us;
		n++;
	}
	return n;
}

static bool raises(const struct model *m, const struct threshold *t)
{
	int64_t since_us = 0;
	size_t n = beyond(m, t, false, &since_us);

	if (n == 0) {
		return false;
	}
	if (t->on_delay_us == 0 && t->on_samples == 0) {
		return true;
	}
	return (t->on_delay_us > 0 && m->at_us - since_us >= t->on_delay_us) ||
	       (t->on_samples > 0 && n >= t->on_samples);
}

static bool holds(const struct model *m, const struct threshold *t)
{
	int64_t since_us = 0;

	if (m->now == NULL || m->now->direction != t->direction ||
	    signed_by(t, t->set_value) > signed_by(t, m->now->set_value)) {
		return false;
	}
	return (t->latching && !m->acknowledged) || beyond(m, t, true, &since_us) == 0 ||
	       m->at_us - since_us < t->off_delay_us;
}

/* The furthest level of this direction that is raised or held. */
static const struct threshold *furthest(const struct model *m, enum direction direction)
{
	const struct threshold *far = NULL;

	for (size_t i = 0; i < m->count; i++) {
		const struct threshold *t = &m->levels[i];

		if (t->direction == (uint8_t)direction && (raises(m, t) || holds(m, t)) &&
		    (far == NULL || signed_by(t, t->set_value) > signed_by(t, far->set_value))) {
			far = t;
		}
	}
	return far;
}

static bool is_up(const struct model *m, const struct threshold *to)
{
	return to != NULL &&
	       (m->now == NULL || signed_by(to, to->set_value) >= signed_by(to, m->now->set_value));
}

static void model_change(struct model *m, const struct threshold *to)
{
	double value = m->samples[m->sample_count - 1].value;
	int64_t at_us = m->sequence > 0 ? MAX(m->at_us, m->changed_us) : m->at_us;

	if (m->level == LEVEL_NORMAL) {
		at_us += m->sequence > 0 && at_us == m->started_us;
		m->started_us = at_us;
		m->peak = value;
		m->peak_us = at_us;
		m->direction = to->direction;
		m->sequence = 0;
		(void)beyond(m, to, false, &m->onset_us);
	}
	if (is_up(m, to)) {
		m->threshold = to->set_value;
		m->acknowledged = false;
	} else {
		bool crossed =
			m->now != NULL && signed_by(m->now, value) < signed_by(m->now, m->now->clear_value);

		m->threshold = crossed ? m->now->clear_value : NAN;
	}
	m->previous_level = m->level;
	m->level = to != NULL ? to->level : LEVEL_NORMAL;
	m->now = to;
	m->value = value;
	m->changed_us = at_us;
	m->transition_quality = m->quality;
	m->sequence++;
}

static bool model_step(struct model *m)
{
	const struct threshold *to = furthest(m, DIRECTION_RISING);

	if (m->sample_count == 0) {
		return false;
	}
	to = to != NULL ? to : furthest(m, DIRECTION_FALLING);
	if (to != NULL && m->now != NULL && to->direction != m->direction) {
		to = NULL;
	}
	if (to == m->now &&
	    (m->now == NULL || m->now->repeat_us == 0 || m->at_us < m->changed_us + m->now->repeat_us)) {
		return false;
	}
	model_change(m, to);
	return true;
}

/* When the next delay ends by itself. */
static int64_t next_delay(const struct model *m)
{
	int64_t next_us = NEVER_US, since_us = 0;

	for (size_t i = 0; i < m->count; i++) {
		const struct threshold *t = &m->levels[i];

		if (t->on_delay_us > 0 && beyond(m, t, false, &since_us) > 0 &&
		    since_us + t->on_delay_us > m->at_us) {
			next_us = MIN(next_us, since_us + t->on_delay_us);
		}
	}
	if (m->now != NULL && beyond(m, m->now, true, &since_us) > 0 &&
	    since_us + m->now->off_delay_us > m->at_us) {
		next_us = MIN(next_us, since_us + m->now->off_delay_us);
	}
	return next_us;
}

/* Goes on to the next moment at which something is due, not later than until_us; false: there is none. */
static bool model_clock(struct model *m, int64_t until_us)
{
	int64_t delay_us = next_delay(m), repeat_us = NEVER_US;

	if (m->now != NULL && m->now->repeat_us > 0) {
		repeat_us = MAX(m->changed_us + m->now->repeat_us, m->at_us + 1);
	}
	if (MIN(delay_us, repeat_us) > until_us) {
		return false;
	}
	if (repeat_us < delay_us) {
		/* Of several that were missed only the last is told. */
		while (m->changed_us + m->now->repeat_us <= MIN(until_us, delay_us) - m->now->repeat_us) {
			m->changed_us += m->now->repeat_us;
		}
		delay_us = MAX(repeat_us, m->changed_us + m->now->repeat_us);
	}
	m->at_us = delay_us;
	return true;
}

static void model_take(struct model *m, struct sample sample)
{
	m->samples[m->sample_count++] = sample;
	m->at_us = sample.at_us;
	if (m->now != NULL &&
	    (m->direction == DIRECTION_RISING ? sample.value > m->peak : sample.value < m->peak)) {
		m->peak = sample.value;
		m->peak_us = sample.at_us;
	}
}

static void model_observe(struct model *m, const struct alarm_input *in)
{
	struct sample reading = {MIN(in->phenomenon_us, in->received_us), in->value}, kept = m->kept;

	if (in->quality == QUALITY_FAIL || in->quality == QUALITY_MISSING || !isfinite(in->value) ||
	    reading.at_us <= m->last_us) {
		return;
	}
	m->last_us = reading.at_us;
	m->taken_us = in->received_us;
	if (!is_believed(m, &reading, in)) {
		return;
	}
	m->quality = in->quality;
	if (in->quality == QUALITY_SUSPECT && !in->borne_out && kept.at_us > m->believed.at_us) {
		model_take(m, (struct sample){kept.at_us, reading.value});
	}
	model_take(m, reading);
	m->believed = reading;
}

/* --- both, side by side --- */

struct pair {
	struct model model;
	struct alarm_config config;
	struct alarm_state state;
	uint64_t random, seed;
	int64_t now_us;
	unsigned long transitions, restarts, acknowledged, held, repeats;
};

static uint64_t dice(struct pair *p, uint64_t sides)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return (p->random >> 11) % sides;
}

static void differ(const struct pair *p, unsigned step, const char *what)
{
	const struct levels_state *s = &p->state.levels;
	const struct model *m = &p->model;

	fail_msg("seed %" PRIu64
	         ", step %u: %s: level %d/%d, previous %d/%d, sequence %u/%u, changed %" PRId64 "/%" PRId64
	         ", onset %" PRId64 "/%" PRId64 ", value %g/%g, threshold %g/%g, peak %g/%g, "
	         "held %d/%d, samples %zu (engine/model)",
	         p->seed, step, what, s->level, m->level, s->previous_level, m->previous_level, s->sequence,
	         m->sequence, s->changed_us, m->changed_us, s->onset_us, m->onset_us, s->value, m->value,
	         s->threshold, m->threshold, s->peak, m->peak, alarm_is_held(&p->config, &p->state),
	         m->held.at_us != 0, m->sample_count);
}

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static void compare(const struct pair *p, unsigned step)
{
	const struct levels_state *s = &p->state.levels;
	const struct model *m = &p->model;

	if (s->level != m->level || s->sequence != m->sequence || s->acknowledged != m->acknowledged ||
	    alarm_is_held(&p->config, &p->state) != (m->held.at_us != 0)) {
		differ(p, step, "the state");
	}
	if (m->sequence > 0 &&
	    (s->previous_level != m->previous_level || s->started_us != m->started_us ||
	     s->changed_us != m->changed_us || s->onset_us != m->onset_us || s->value != m->value ||
	     !same(s->threshold, m->threshold) || s->direction != m->direction || s->peak != m->peak ||
	     s->peak_us != m->peak_us || s->transition_quality != m->transition_quality)) {
		differ(p, step, "the incident");
	}
}

static void step_both(struct pair *p, unsigned step)
{
	bool engine, model;

	do {
		engine = alarm_step(&p->config, &p->state);
		model = model_step(&p->model);
		if (engine != model) {
			differ(p, step, engine ? "a transition too many" : "a transition is missing");
		}
		compare(p, step);
		p->transitions += engine;
		p->repeats += engine && p->model.level == p->model.previous_level;
	} while (engine);
}

/* What time alone brings, up to now: one by one. */
static void tick_both(struct pair *p, unsigned step)
{
	struct model *m = &p->model;

	while (m->sample_count > 0 && model_clock(m, m->last_us + (p->now_us - m->taken_us))) {
		if (alarm_due(&p->config, &p->state) > p->now_us) {
			differ(p, step, "something is due that the engine does not know of");
		}
		while (p->state.levels.at_us < m->at_us && alarm_due(&p->config, &p->state) <= p->now_us) {
			int64_t before_us = p->state.levels.at_us;

			alarm_clock(&p->config, &p->state, p->now_us);
			if (p->state.levels.at_us == before_us) {
				break;
			}
		}
		if (p->state.levels.at_us != m->at_us) {
			differ(p, step, "another moment is due");
		}
		step_both(p, step);
	}
}

static double any_value(struct pair *p)
{
	const struct model *m = &p->model;
	double near = m->sample_count > 0 ? m->samples[m->sample_count - 1].value : 1.0;

	switch (dice(p, 8)) {
	case 0:
		return (double)dice(p, 400) / 100; /* anywhere */
	case 1:
		return near; /* nothing moves */
	default:
		return near + ((double)dice(p, 41) - 20) / 100;
	}
}

static int64_t any_pause(struct pair *p)
{
	switch (dice(p, 20)) {
	case 0:
		return (int64_t)(dice(p, 14400) + 1) * SECOND_US;
	case 1:
	case 2:
		return (int64_t)(dice(p, 900) + 1) * SECOND_US;
	default:
		return (int64_t)(dice(p, 120) + 1) * SECOND_US;
	}
}

static void read_both(struct pair *p, unsigned step)
{
	static const uint8_t qualities[] = {QUALITY_PASS,          QUALITY_PASS, QUALITY_PASS,
	                                    QUALITY_NOT_EVALUATED, QUALITY_PASS, QUALITY_SUSPECT,
	                                    QUALITY_SUSPECT,       QUALITY_FAIL, QUALITY_MISSING};
	struct alarm_input in = {
		.phenomenon_us = p->now_us - LAG_US,
		.received_us = p->now_us,
		.value = any_value(p),
		.quality = qualities[dice(p, ARRAY_SIZE(qualities))],
		.borne_out = dice(p, 10) == 0,
	};

	if (in.quality == QUALITY_MISSING) {
		in.value = NAN;
	}
	switch (dice(p, 12)) {
	case 0: /* again, or another value for the same time */
		in.phenomenon_us = p->model.last_us != 0 ? p->model.last_us : in.phenomenon_us;
		break;
	case 1: /* out of order */
		in.phenomenon_us -= (int64_t)dice(p, 7200) * SECOND_US;
		in.phenomenon_us = MIN(in.phenomenon_us, MAX(p->model.last_us, INT64_C(1)));
		break;
	default:
		break;
	}
	tick_both(p, step);
	(void)alarm_observe(&p->config, &p->state, &in);
	model_observe(&p->model, &in);
	step_both(p, step);
	p->held += p->model.held.at_us != 0;
}

static void acknowledge_both(struct pair *p, unsigned step)
{
	struct model *m = &p->model;
	bool expected;

	tick_both(p, step);
	expected = m->now != NULL && !m->acknowledged;
	if (alarm_acknowledge(&p->config, &p->state, p->now_us) != expected) {
		differ(p, step, "an acknowledgement");
	}
	if (expected) {
		m->acknowledged = true;
		m->at_us = MAX(m->at_us, m->last_us + (p->now_us - m->taken_us));
		p->acknowledged++;
	}
	step_both(p, step);
}

/* What the alarm store keeps, and gives back after a kill. */
static void restart(struct pair *p)
{
	struct alarm_body body;

	alarm_format_encode(&body, CAUSE_THRESHOLD, 0, &p->state);
	memset(&p->state, 0xa5, sizeof(p->state));
	p->state = body.state;
	alarm_resume(&p->config, &p->state, p->now_us);
	p->restarts++;
}

/* Limits lie between the values, which are hundredths. */
static void set_up(struct pair *p, uint64_t seed)
{
	struct model *m = &p->model;
	bool falling_too = false;

	p->seed = seed;
	p->random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	memset(m, 0, sizeof(*m));
	memset(&p->state, 0, sizeof(p->state));
	p->now_us = INT64_C(1700000000) * SECOND_US;
	m->count = 1 + dice(p, 3);
	falling_too = dice(p, 4) == 0;
	for (size_t i = 0; i < m->count; i++) {
		struct threshold *t = &m->levels[i];
		double deadband = (double)dice(p, 20) / 100;

		*t = (struct threshold){
			.level = (int32_t)i + 1,
			.direction = falling_too && i == 0 ? DIRECTION_FALLING : DIRECTION_RISING,
			.severity = SEVERITY_MODERATE,
			.on_delay_us = dice(p, 2) ? 0 : (int64_t)dice(p, 600) * SECOND_US,
			.off_delay_us = dice(p, 2) ? 0 : (int64_t)dice(p, 1800) * SECOND_US,
			.on_samples = (uint16_t)(dice(p, 3) ? 0 : dice(p, 5)),
			.repeat_us = dice(p, 3) ? 0 : (int64_t)(60 + dice(p, 3600)) * SECOND_US,
			.latching = dice(p, 5) == 0,
		};
		t->set_value = 0.005 + (t->direction == DIRECTION_FALLING ? 0.5 : 1.0 + 0.7 * (double)i) +
		               (double)dice(p, 60) / 100;
		t->clear_value = t->set_value + (t->direction == DIRECTION_FALLING ? deadband : -deadband);
	}
	threshold_sort(m->levels, m->count);
	if (dice(p, 2)) {
		m->hold = (struct hold_config){
			.rise_max = (0.05 + (double)dice(p, 20) / 100) / 60e6,
			.move = (double)(2 + dice(p, 8)) / 100 + 0.001,
			.timeout_us = (int64_t)(600 + dice(p, 7200)) * SECOND_US,
		};
	}
	p->config = (struct alarm_config){
		.levels = m->levels,
		.count = m->count,
		.targets = m->levels,
		.target_count = m->count,
		.hold = m->hold,
		.cause = CAUSE_THRESHOLD,
	};
}

static void run_sequence(struct pair *p, uint64_t seed)
{
	set_up(p, seed);
	for (unsigned step = 0; step < SEQUENCE; step++) {
		p->now_us += any_pause(p);
		switch (dice(p, 16)) {
		case 0:
			tick_both(p, step);
			break;
		case 1:
			acknowledge_both(p, step);
			break;
		case 2:
			restart(p);
			break;
		default:
			read_both(p, step);
			break;
		}
		compare(p, step);
	}
}

static void engine_and_model_agree_at_every_step(void **state)
{
	const char *steps = getenv("HIGHWATER_MODEL_STEPS"), *seed = getenv("HIGHWATER_MODEL_SEED");
	uint64_t first = seed != NULL ? strtoull(seed, NULL, 10) : 1;
	uint64_t sequences = (steps != NULL ? strtoull(steps, NULL, 10) : STEPS) / SEQUENCE;
	struct pair *p = calloc(1, sizeof(*p));

	(void)state;
	assert_non_null(p);
	for (uint64_t i = 0; i < sequences; i++) {
		run_sequence(p, first + i);
	}
	print_message(
		"%" PRIu64 " steps: %lu transitions, of which %lu repeats, %lu readings that left a hold "
		"open, %lu acknowledgements, %lu restarts\n",
		sequences * SEQUENCE, p->transitions, p->repeats, p->held, p->acknowledged, p->restarts);
	assert_true(sequences == 0 || (p->transitions > 0 && p->restarts > 0));
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(engine_and_model_agree_at_every_step)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
