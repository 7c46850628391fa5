#include "alarm_private.h"
#include "util.h"

#include <math.h>

static enum source source_of(enum cause cause)
{
	switch (cause) {
	case CAUSE_THRESHOLD:
	case CAUSE_LOW_BATTERY:
	case CAUSE_RATE:
	case CAUSE_PROJECTION:
		return SOURCE_VALUE;
	case CAUSE_RAIN:
		return SOURCE_RAIN;
	case CAUSE_STALE:
	case CAUSE_DEAD:
		return SOURCE_ARRIVAL;
	case CAUSE_SENSOR_ERROR:
		return SOURCE_ERRORS;
	case CAUSE_GROUP:
	case CAUSE_UPSTREAM:
		return SOURCE_COUNT;
	case CAUSE_TEST:
	case CAUSE_COUNT:
		break;
	}
	return SOURCE_NONE;
}

enum source alarm_source(const struct alarm_config *config)
{
	return source_of((enum cause)config->cause);
}

bool alarm_watches_readings(enum cause cause)
{
	enum source s = source_of(cause);

	return s != SOURCE_COUNT && s != SOURCE_NONE;
}

static bool is_usable(const struct alarm_input *in)
{
	return (in->quality == QUALITY_PASS || in->quality == QUALITY_NOT_EVALUATED ||
	        in->quality == QUALITY_SUSPECT) &&
	       isfinite(in->value);
}

void alarm_take(const struct alarm_config *config, struct alarm_state *state, int64_t at_us, double value,
                uint8_t quality)
{
	struct levels_input in = {.value = value, .quality = quality};

	levels_take(config->levels, config->count, &state->levels, at_us, &in);
}

/* The broker's clock was set back to at_us: what was remembered of the course is ahead of it. */
static void forget_course(const struct alarm_config *config, struct alarm_state *state, int64_t at_us)
{
	if (alarm_source(config) == SOURCE_VALUE) {
		state->trail = (struct trail){0};
		hold_restart(&state->hold, at_us);
	} else if (alarm_source(config) == SOURCE_RAIN) {
		state->rain = (struct rain){0};
		state->rain_kept = 0;
	}
}

/* levels_order() for a reading whatever its value. */
static int64_t order(const struct alarm_config *config, struct alarm_state *state,
                     const struct alarm_input *in)
{
	struct levels_input input = {.phenomenon_us = in->phenomenon_us, .received_us = in->received_us};
	bool set_back = levels_is_set_back(&state->levels, &input);
	int64_t at_us = levels_order(&state->levels, &input);

	if (set_back) {
		forget_course(config, state, at_us);
	}
	return at_us;
}

/* The newest value of the trail; it has one. */
static double newest(const struct trail *t)
{
	return t->value[t->count - 1];
}

bool alarm_project(const struct alarm_config *config, const struct alarm_state *state,
                   struct alarm_projection *ret)
{
	const struct threshold *target = NULL;
	double slope, ahead_us;

	if (alarm_source(config) != SOURCE_VALUE || state->trail.count == 0) {
		return false;
	}
	slope = trail_slope(&state->trail, ALARM_TREND_US);
	for (size_t i = 0; i < config->target_count && target == NULL; i++) {
		const struct threshold *t = &config->targets[i];

		if (t->direction == DIRECTION_RISING && t->set_value > newest(&state->trail)) {
			target = t;
		}
	}
	if (target == NULL || !(slope > 0)) {
		return false;
	}
	ahead_us = (target->set_value - newest(&state->trail)) / slope;
	if (!(ahead_us <= (double)ALARM_PROJECTION_MAX_US)) {
		return false;
	}
	ret->target = target;
	ret->at_us = state->trail.at_us[state->trail.count - 1] + (int64_t)ahead_us;
	ret->likely = ahead_us <= (double)ALARM_LIKELY_US;
	return true;
}

static double minutes_ahead(const struct alarm_config *config, const struct alarm_state *state)
{
	struct alarm_projection p;

	if (!alarm_project(config, state, &p)) {
		return ALARM_NEVER_MINUTES;
	}
	return (double)(p.at_us - state->trail.at_us[state->trail.count - 1]) / 60e6;
}

/* The signal after a believed value; NAN: there is none yet. */
static double signal_of_value(const struct alarm_config *config, struct alarm_state *state, int64_t at_us,
                              double value)
{
	switch ((enum cause)config->cause) {
	case CAUSE_RATE:
		trail_add(&state->trail, at_us, value, config->period_us / 6);
		return trail_rate(&state->trail, config->period_us);
	case CAUSE_PROJECTION:
		trail_add(&state->trail, at_us, value, ALARM_TREND_SPACING_US);
		return minutes_ahead(config, state);
	case CAUSE_THRESHOLD:
		trail_add(&state->trail, at_us, value, ALARM_TREND_SPACING_US);
		return value;
	case CAUSE_RAIN:
	case CAUSE_STALE:
	case CAUSE_DEAD:
	case CAUSE_SENSOR_ERROR:
	case CAUSE_LOW_BATTERY:
	case CAUSE_GROUP:
	case CAUSE_UPSTREAM:
	case CAUSE_TEST:
	case CAUSE_COUNT:
		break;
	}
	return value;
}

static bool is_of_value_itself(const struct alarm_config *config)
{
	return config->cause == CAUSE_THRESHOLD || config->cause == CAUSE_LOW_BATTERY;
}

static bool observe_value(const struct alarm_config *config, struct alarm_state *state,
                          const struct alarm_input *in)
{
	struct hold_input input = {.value = in->value, .quality = in->quality, .borne_out = in->borne_out};
	int64_t kept_us, believed_us;
	double value, signal;

	input.at_us = is_usable(in) ? order(config, state, in) : 0;
	if (input.at_us == 0) {
		return false;
	}
	kept_us = state->hold.suspect_us;
	believed_us = state->hold.believed_us;
	if (!hold_judge(&config->hold, &state->hold, &input, &value)) {
		return false;
	}
	signal = signal_of_value(config, state, input.at_us, value);
	if (!isfinite(signal)) {
		return false;
	}
	if (is_of_value_itself(config) && state->hold.suspect_us != 0 && kept_us > believed_us) {
		alarm_take(config, state, kept_us, signal, in->quality);
	}
	alarm_take(config, state, input.at_us, signal, in->quality);
	return true;
}

static bool observe_rain(const struct alarm_config *config, struct alarm_state *state,
                         const struct alarm_input *in)
{
	int64_t at_us = is_usable(in) ? order(config, state, in) : 0;
	bool is_kept = in->quality == QUALITY_SUSPECT && !in->borne_out;
	double amount = is_kept ? MIN(state->rain_kept, in->value) : in->value;

	if (at_us == 0) {
		return false;
	}
	state->rain_kept = is_kept ? MAX(in->value, 0) : 0;
	rain_add(&state->rain, at_us, amount, config->period_us);
	alarm_take(config, state, at_us, rain_sum(&state->rain, at_us, config->period_us), in->quality);
	return true;
}

static bool observe_arrival(const struct alarm_config *config, struct alarm_state *state,
                            const struct alarm_input *in)
{
	if (order(config, state, in) == 0) {
		return false;
	}
	alarm_take(config, state, MAX(state->levels.taken_us, state->levels.at_us), 0, in->quality);
	return true;
}

static bool observe_errors(const struct alarm_config *config, struct alarm_state *state,
                           const struct alarm_input *in)
{
	int64_t at_us = order(config, state, in);

	if (at_us == 0) {
		return false;
	}
	state->errors = is_usable(in) ? 0 : MIN(state->errors, UINT32_MAX - 1) + 1;
	alarm_take(config, state, at_us, state->errors, in->quality);
	return true;
}

bool alarm_observe(const struct alarm_config *config, struct alarm_state *state, const struct alarm_input *in)
{
	switch (alarm_source(config)) {
	case SOURCE_VALUE:
		return observe_value(config, state, in);
	case SOURCE_RAIN:
		return observe_rain(config, state, in);
	case SOURCE_ARRIVAL:
		return observe_arrival(config, state, in);
	case SOURCE_ERRORS:
		return observe_errors(config, state, in);
	case SOURCE_COUNT:
	case SOURCE_NONE:
		break;
	}
	return false;
}

bool alarm_observe_count(const struct alarm_config *config, struct alarm_state *state, int64_t at_us,
                         int64_t now_us, unsigned count)
{
	struct levels_input in = {.phenomenon_us = at_us, .received_us = now_us};

	if (alarm_source(config) != SOURCE_COUNT) {
		return false;
	}
	/* Members tell of their levels in any order, and several at a time. */
	if (levels_order(&state->levels, &in) == 0) {
		at_us = state->levels.last_us;
		state->levels.taken_us = now_us;
	}
	alarm_take(config, state, MIN(at_us, now_us), count, QUALITY_PASS);
	return true;
}

bool alarm_step(const struct alarm_config *config, struct alarm_state *state)
{
	return levels_step(config->levels, config->count, &state->levels);
}
