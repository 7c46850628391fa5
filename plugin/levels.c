#include "levels.h"

#include "util.h"

#include <math.h>

/* Limits that runs are told to keep apart. Delays of further levels may be longer, never shorter. */
#define LIMITS_MAX 64

/* Whether value is at limit or beyond it: above for rising levels, below for falling ones. */
static bool reaches(enum direction direction, double value, double limit)
{
	return direction == DIRECTION_RISING ? value >= limit : value <= limit;
}

static struct run run_to_set(const struct threshold *t, const struct runs *runs)
{
	return t->direction == DIRECTION_RISING ? runs_at_or_above(runs, t->set_value)
	                                        : runs_at_or_below(runs, t->set_value);
}

static struct run run_to_clear(const struct threshold *t, const struct runs *runs)
{
	return t->direction == DIRECTION_RISING ? runs_below(runs, t->clear_value)
	                                        : runs_above(runs, t->clear_value);
}

bool levels_is_set_back(const struct levels_state *state, const struct levels_input *in)
{
	return in->received_us != 0 && state->last_us > in->received_us;
}

int64_t levels_order(struct levels_state *state, const struct levels_input *in)
{
	int64_t at_us = in->received_us != 0 ? MIN(in->phenomenon_us, in->received_us) : in->phenomenon_us;

	if (!isfinite(in->value)) {
		return 0; /* it reaches no limit, and so would end any incident */
	}
	if (levels_is_set_back(state, in)) {
		state->runs = (struct runs){0};
		state->last_us = 0;
		state->at_us = MIN(state->at_us, at_us);
		state->changed_us = MIN(state->changed_us, at_us);
	}
	if (state->last_us != 0 && at_us <= state->last_us) {
		return 0;
	}
	state->last_us = at_us;
	state->taken_us = in->received_us != 0 ? in->received_us : at_us;
	return at_us;
}

static bool is_beyond(const struct levels_state *state, double value)
{
	return state->direction == DIRECTION_RISING ? value > state->peak : value < state->peak;
}

void levels_take(const struct threshold *thresholds, size_t count, struct levels_state *state, int64_t at_us,
                 const struct levels_input *in)
{
	double limits[LIMITS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < count && n < LIMITS_MAX; i++) {
		limits[n++] = thresholds[i].set_value;
		limits[n++] = thresholds[i].clear_value;
	}
	/* cppcheck-suppress uninitvar ; without thresholds n is 0, and none is read */
	runs_add(&state->runs, at_us, in->value, limits, n);
	state->at_us = at_us;
	state->newest = in->value;
	state->quality = in->quality;
	if (state->level != LEVEL_NORMAL && is_beyond(state, in->value)) {
		state->peak = in->value;
		state->peak_us = at_us;
	}
}

/* Values that make up for the on-delay; 0: only time counts. */
static uint32_t on_samples(const struct threshold *t)
{
	switch ((enum cause)t->cause) {
	case CAUSE_STALE:
	case CAUSE_DEAD:
	case CAUSE_GROUP:
	case CAUSE_UPSTREAM:
		return 0;
	case CAUSE_THRESHOLD:
	case CAUSE_RATE:
	case CAUSE_RAIN:
	case CAUSE_SENSOR_ERROR:
	case CAUSE_LOW_BATTERY:
	case CAUSE_PROJECTION:
	case CAUSE_TEST:
	case CAUSE_COUNT:
		break;
	}
	return t->on_samples;
}

static bool is_raised(const struct threshold *t, const struct levels_state *state)
{
	struct run run = run_to_set(t, &state->runs);
	uint32_t samples = on_samples(t);

	if (run.samples == 0) {
		return false;
	}
	return (t->on_delay_us == 0 && samples == 0) || (samples != 0 && run.samples >= samples) ||
	       (t->on_delay_us != 0 && state->at_us - run.since_us >= t->on_delay_us);
}

/* For a level at or below the one in force. */
static bool is_held(const struct threshold *t, const struct levels_state *state)
{
	struct run run;

	if (t->latching && !state->acknowledged) {
		return true;
	}
	run = run_to_clear(t, &state->runs);
	return run.samples == 0 || state->at_us - run.since_us < t->off_delay_us;
}

/*
 * The most extreme level that is raised or held, or NULL. from is the level
 * now, NULL when normal or deleted.
 */
static const struct threshold *level_for(const struct threshold *thresholds, size_t count,
                                         const struct threshold *from, const struct levels_state *state)
{
	const struct threshold *rising = NULL, *falling = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct threshold *t = &thresholds[i];
		bool entered = from != NULL && from->direction == t->direction && t <= from;

		if (!is_raised(t, state) && !(entered && is_held(t, state))) {
			continue;
		}
		if (t->direction == DIRECTION_RISING) {
			rising = t;
		} else {
			falling = t;
		}
	}
	return rising != NULL ? rising : falling;
}

/* The level now as it stands among the thresholds; NULL: normal, deleted or turned round. */
static const struct threshold *current(const struct threshold *thresholds, size_t count,
                                       const struct levels_state *state)
{
	const struct threshold *t = NULL;

	if (state->level != LEVEL_NORMAL) {
		t = threshold_find(thresholds, count, state->level);
	}
	return t != NULL && t->direction == state->direction ? t : NULL;
}

/* The limit that was crossed on the way from one level to another; NULL is normal. */
static double crossed(const struct threshold *from, const struct threshold *to, double value)
{
	if (to != NULL && (from == NULL || from <= to)) {
		return to->set_value;
	}
	if (from == NULL || reaches((enum direction)from->direction, value, from->clear_value)) {
		return NAN;
	}
	return from->clear_value;
}

static void begin_incident(struct levels_state *state, const struct threshold *to, int64_t at_us)
{
	state->started_us = at_us;
	state->onset_us = run_to_set(to, &state->runs).since_us;
	state->peak = state->newest;
	state->peak_us = at_us;
	state->sequence = 0;
	state->direction = to->direction;
}

/* Event time of a transition now: a reading may come that is older than what the clock has made. */
static int64_t transition_time(const struct levels_state *state)
{
	int64_t at_us = state->at_us;

	if (state->sequence != 0) {
		at_us = MAX(at_us, state->changed_us);
	}
	return state->sequence != 0 && state->level == LEVEL_NORMAL && at_us == state->started_us ? at_us + 1
	                                                                                          : at_us;
}

/* Notes a transition. from and to are NULL when normal, from also when deleted. */
static void change(struct levels_state *state, const struct threshold *from, const struct threshold *to)
{
	int64_t at_us = transition_time(state);

	if (state->level == LEVEL_NORMAL) {
		begin_incident(state, to, at_us);
	}
	if (to != NULL && (from == NULL || from <= to)) {
		state->acknowledged = false;
	}
	state->threshold = crossed(from, to, state->newest);
	state->previous_level = state->level;
	state->level = to != NULL ? to->level : LEVEL_NORMAL;
	state->value = state->newest;
	state->changed_us = at_us;
	state->transition_quality = state->quality;
	state->severity = to != NULL ? to->severity : state->severity;
	state->sequence++;
}

/* When the level in force is told again; INT64_MAX: never. */
static int64_t repeat_due(const struct threshold *from, const struct levels_state *state)
{
	return from != NULL && from->repeat_us != 0 ? state->changed_us + from->repeat_us : INT64_MAX;
}

bool levels_step(const struct threshold *thresholds, size_t count, struct levels_state *state)
{
	const struct threshold *from = current(thresholds, count, state);
	const struct threshold *to = level_for(thresholds, count, from, state);

	if (to != NULL && state->level != LEVEL_NORMAL && to->direction != state->direction) {
		to = NULL; /* the other side is another incident: this one ends first */
	}
	if ((to != NULL ? to->level : LEVEL_NORMAL) == state->level &&
	    state->at_us < repeat_due(from, state)) {
		return false;
	}
	change(state, from, to);
	return true;
}

/* The end of the next delay after state->at_us. */
static int64_t delay_due(const struct threshold *thresholds, size_t count, const struct threshold *from,
                         const struct levels_state *state)
{
	int64_t due_us = INT64_MAX;

	for (size_t i = 0; i < count; i++) {
		const struct threshold *t = &thresholds[i];
		struct run run = {0};
		int64_t end_us;

		if (t->on_delay_us != 0) {
			run = run_to_set(t, &state->runs);
		}
		end_us = run.since_us + t->on_delay_us;
		if (run.samples != 0 && end_us > state->at_us) {
			due_us = MIN(due_us, end_us);
		}
	}
	if (from != NULL) {
		struct run run = run_to_clear(from, &state->runs);
		int64_t end_us = run.since_us + from->off_delay_us;

		due_us = run.samples != 0 && end_us > state->at_us ? MIN(due_us, end_us) : due_us;
	}
	return due_us;
}

int64_t levels_due(const struct threshold *thresholds, size_t count, const struct levels_state *state)
{
	const struct threshold *from = current(thresholds, count, state);
	int64_t repeat_us = repeat_due(from, state);

	return MIN(delay_due(thresholds, count, from, state), MAX(repeat_us, state->at_us + 1));
}

bool levels_clock(const struct threshold *thresholds, size_t count, struct levels_state *state,
                  int64_t until_us)
{
	const struct threshold *from = current(thresholds, count, state);
	int64_t delay_us = delay_due(thresholds, count, from, state);
	int64_t repeat_us = MAX(repeat_due(from, state), state->at_us + 1);

	if (MIN(delay_us, repeat_us) > until_us) {
		return false;
	}
	if (repeat_us < delay_us) {
		/* Of repeats that are all past, the last is told. */
		int64_t missed_us = MIN(until_us, delay_us) - state->changed_us;

		delay_us = MAX(repeat_us, state->changed_us + missed_us / from->repeat_us * from->repeat_us);
	}
	state->at_us = delay_us;
	return true;
}

bool levels_is_at_least(const struct threshold *thresholds, size_t count, int32_t level, int32_t least)
{
	const struct threshold *a = threshold_find(thresholds, count, level);
	const struct threshold *b = threshold_find(thresholds, count, least);

	return a != NULL && b != NULL && a->direction == b->direction && a >= b;
}
