#include "alarm_format.h"

const struct slot_kind alarm_format_kind = {
	.magic = "HWALARM",
	.version = 2,
	.body_size = sizeof(struct alarm_body),
};

const struct slot_kind alarm_format_kind_1 = {
	.magic = "HWALARM",
	.version = 1,
	.body_size = ALARM_BODY_1_SIZE,
	.size_untold = true,
};

/* What a struct ends with is whatever it was; in the file it is zero. */
static void clear_padding(struct levels_state *l)
{
	char *bytes = (char *)l;
	const size_t side_end = offsetof(struct runs_side, count) + sizeof(uint32_t);
	const size_t end = offsetof(struct levels_state, acknowledged) + 1;

	memset((char *)&l->runs.least + side_end, 0, sizeof(struct runs_side) - side_end);
	memset((char *)&l->runs.most + side_end, 0, sizeof(struct runs_side) - side_end);
	memset(bytes + end, 0, sizeof(*l) - end);
}

void alarm_format_encode(struct alarm_body *ret, enum cause cause, int64_t period_us,
                         const struct alarm_state *state)
{
	*ret = (struct alarm_body){.period_us = period_us, .cause = (uint8_t)cause};
	memcpy(&ret->state, state, sizeof(ret->state));
	clear_padding(&ret->state.levels);
}

void alarm_format_upgrade(const void *body_1, struct alarm_body *ret)
{
	struct alarm_state state = {0};
	struct alarm_body_1 b;

	memcpy(&b, body_1, ALARM_BODY_1_SIZE);
	state.levels = (struct levels_state){
		.last_us = b.last_us,
		.taken_us = b.last_us,
		.at_us = b.last_us,
		.newest = b.value,
		.started_us = b.started_us,
		.onset_us = b.started_us, /* there were no delays */
		.changed_us = b.changed_us,
		.peak_us = b.peak_us,
		.peak = b.peak,
		.value = b.value,
		.threshold = b.threshold,
		.level = b.level,
		.previous_level = b.previous_level,
		.sequence = b.sequence,
		.direction = b.direction,
		.severity = b.severity,
		.quality = b.quality,
		.transition_quality = b.quality,
	};
	if (b.level != LEVEL_NORMAL) {
		state.told = true;
		state.told_level = b.level;
		state.told_sequence = b.sequence;
	}
	alarm_format_encode(ret, CAUSE_THRESHOLD, 0, &state);
}
