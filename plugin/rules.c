#include "rules.h"

#include "util.h"

#include <math.h>

/* Whether value is at limit or beyond it: above for rising levels, below for falling ones. */
static bool reaches(enum direction direction, double value, double limit)
{
	return direction == DIRECTION_RISING ? value >= limit : value <= limit;
}

static bool is_beyond(const struct rules_state *state, double value)
{
	return state->direction == DIRECTION_RISING ? value > state->peak : value < state->peak;
}

bool rules_observe(struct rules_state *state, const struct rules_input *in)
{
	int64_t at_us = in->phenomenon_us;

	if (!isfinite(in->value)) {
		return false; /* it reaches no limit, and so would end any incident */
	}
	if (in->received_us != 0) {
		at_us = MIN(at_us, in->received_us);
		/* The clock was ahead once and has been set back: what it said orders nothing. */
		state->last_us = state->last_us > in->received_us ? 0 : state->last_us;
	}
	if (state->last_us != 0 && at_us <= state->last_us) {
		return false;
	}
	state->last_us = at_us;
	if (state->level != LEVEL_NORMAL && is_beyond(state, in->value)) {
		state->peak = in->value;
		state->peak_us = in->phenomenon_us;
	}
	return true;
}

/*
 * The most extreme level whose condition holds, or NULL. held is the level now,
 * NULL when normal or deleted; it and the milder ones of its direction hold
 * until their clear value.
 */
static const struct threshold *level_for(const struct threshold *thresholds, size_t count,
                                         const struct threshold *held, double value)
{
	const struct threshold *rising = NULL, *falling = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct threshold *t = &thresholds[i];
		bool holds = held != NULL && held->direction == t->direction && t <= held;
		enum direction direction = (enum direction)t->direction;

		if (!reaches(direction, value, t->set_value) &&
		    !(holds && reaches(direction, value, t->clear_value))) {
			continue;
		}
		if (direction == DIRECTION_RISING) {
			rising = t;
		} else {
			falling = t;
		}
	}
	return rising != NULL ? rising : falling;
}

static void begin_incident(struct rules_state *state, const struct threshold *to,
                           const struct rules_input *in)
{
	state->started_us = in->phenomenon_us;
	state->peak = in->value;
	state->peak_us = in->phenomenon_us;
	state->sequence = 0;
	state->direction = to->direction;
}

/* The level now as it stands among the thresholds; NULL: normal, deleted or turned round. */
static const struct threshold *current(const struct threshold *thresholds, size_t count,
                                       const struct rules_state *state)
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
	if (to != NULL && (from == NULL || from < to)) {
		return to->set_value;
	}
	if (from == NULL || reaches((enum direction)from->direction, value, from->clear_value)) {
		return NAN;
	}
	return from->clear_value;
}

bool rules_step(const struct threshold *thresholds, size_t count, struct rules_state *state,
                const struct rules_input *in)
{
	const struct threshold *from = current(thresholds, count, state);
	const struct threshold *to = level_for(thresholds, count, from, in->value);

	if (to != NULL && state->level != LEVEL_NORMAL && to->direction != state->direction) {
		to = NULL; /* the other side is another incident: this one ends first */
	}
	if ((to != NULL ? to->level : LEVEL_NORMAL) == state->level) {
		return false;
	}
	if (state->level == LEVEL_NORMAL) {
		begin_incident(state, to, in);
	}
	state->threshold = crossed(from, to, in->value);
	state->previous_level = state->level;
	state->level = to != NULL ? to->level : LEVEL_NORMAL;
	state->value = in->value;
	state->changed_us = in->phenomenon_us;
	state->quality = in->quality;
	state->severity = to != NULL ? to->severity : state->severity;
	state->sequence++;
	return true;
}
