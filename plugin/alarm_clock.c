#include "alarm_private.h"
#include "util.h"

#include <math.h>

/* Event time at the broker's time now_us, if nothing has come meanwhile. */
static int64_t event_time(const struct alarm_config *config, const struct alarm_state *state, int64_t now_us)
{
	int64_t offset_us = state->levels.taken_us - state->levels.last_us;

	if (alarm_source(config) == SOURCE_ARRIVAL) {
		return now_us;
	}
	return MAX(now_us, state->levels.taken_us) - offset_us;
}

static double silence(const struct alarm_config *config, const struct alarm_state *state, int64_t at_us)
{
	if (config->interval_us <= 0) {
		return 0;
	}
	return (double)(at_us - state->levels.taken_us) / (double)config->interval_us;
}

/* When the silence is as long as the next level has it. */
static int64_t next_silence(const struct alarm_config *config, const struct alarm_state *state)
{
	int64_t next_us = INT64_MAX;

	if (config->interval_us <= 0 || state->levels.taken_us == 0) {
		return next_us;
	}
	for (size_t i = 0; i < config->count; i++) {
		double set = config->levels[i].set_value;
		double after_us = ceil(set * (double)config->interval_us);
		int64_t at_us;

		if (!(state->levels.newest < set) || !(after_us < (double)(INT64_MAX / 4))) {
			continue;
		}
		at_us = MAX(state->levels.taken_us + (int64_t)after_us, state->levels.at_us);
		while (silence(config, state, at_us) < set) {
			at_us++; /* the division may have rounded down */
		}
		next_us = MIN(next_us, at_us);
	}
	return next_us;
}

/* A sum that only becomes less matters to what it keeps up, and to falling levels. */
static bool is_drying_of_interest(const struct alarm_config *config, const struct alarm_state *state)
{
	const struct levels_state *l = &state->levels;

	return l->level != LEVEL_NORMAL ||
	       (config->count > 0 && config->levels[config->count - 1].direction == DIRECTION_FALLING) ||
	       levels_due(config->levels, config->count, l) != INT64_MAX;
}

/* Event time at which the signal next changes by itself, later than what has been judged. */
static int64_t next_signal(const struct alarm_config *config, const struct alarm_state *state)
{
	if (alarm_source(config) == SOURCE_ARRIVAL) {
		return next_silence(config, state);
	}
	if (alarm_source(config) == SOURCE_RAIN && is_drying_of_interest(config, state)) {
		return rain_next_change(&state->rain, state->levels.at_us, config->period_us);
	}
	return INT64_MAX;
}

static bool is_between(double limit, double a, double b)
{
	return (a < limit) != (b < limit) || (a <= limit) != (b <= limit);
}

/* The rain's sum as it is now. No value comes of it where no level takes notice: values are counted. */
static void dry(const struct alarm_config *config, struct alarm_state *state, int64_t at_us)
{
	double sum = rain_sum(&state->rain, at_us, config->period_us);
	bool noticed = false;

	for (size_t i = 0; i < config->count; i++) {
		noticed = noticed || is_between(config->levels[i].set_value, sum, state->levels.newest) ||
		          is_between(config->levels[i].clear_value, sum, state->levels.newest);
	}
	if (noticed) {
		alarm_take(config, state, at_us, sum, state->levels.quality);
	} else {
		state->levels.newest = sum;
		state->levels.at_us = at_us;
	}
}

int64_t alarm_due(const struct alarm_config *config, const struct alarm_state *state)
{
	int64_t at_us =
		MIN(levels_due(config->levels, config->count, &state->levels), next_signal(config, state));

	if (at_us == INT64_MAX || alarm_source(config) == SOURCE_ARRIVAL) {
		return at_us;
	}
	return at_us + (state->levels.taken_us - state->levels.last_us);
}

void alarm_clock(const struct alarm_config *config, struct alarm_state *state, int64_t now_us)
{
	int64_t until_us = event_time(config, state, now_us), signal_us = next_signal(config, state);

	if (levels_clock(config->levels, config->count, &state->levels, MIN(until_us, signal_us - 1)) ||
	    signal_us > until_us) {
		return;
	}
	if (alarm_source(config) == SOURCE_RAIN) {
		dry(config, state, signal_us);
	} else {
		alarm_take(config, state, signal_us, silence(config, state, signal_us),
		           state->levels.quality);
	}
}

bool alarm_acknowledge(const struct alarm_config *config, struct alarm_state *state, int64_t now_us)
{
	struct levels_state *l = &state->levels;
	int64_t due_us;

	if (l->level == LEVEL_NORMAL || l->acknowledged) {
		return false;
	}
	l->acknowledged = true;
	/* What ends by it ends now, and not when the value let it. */
	due_us = MIN(levels_due(config->levels, config->count, l), next_signal(config, state));
	l->at_us = MAX(l->at_us, MIN(event_time(config, state, now_us), due_us - 1));
	return true;
}

void alarm_resume(const struct alarm_config *config, struct alarm_state *state, int64_t now_us)
{
	int64_t down_us = now_us - state->levels.at_us;

	if (alarm_source(config) != SOURCE_ARRIVAL || state->levels.taken_us == 0 || down_us <= 0) {
		return;
	}
	state->levels.taken_us += down_us;
	state->levels.runs = (struct runs){0};
	alarm_take(config, state, now_us, silence(config, state, now_us), state->levels.quality);
}

bool alarm_is_held(const struct alarm_config *config, const struct alarm_state *state)
{
	return alarm_source(config) == SOURCE_VALUE && state->hold.held_us != 0;
}
