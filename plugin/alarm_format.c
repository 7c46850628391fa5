#include "alarm_format.h"

const struct slot_kind alarm_format_kind = {
	.magic = "HWALARM",
	.version = 1,
	.body_size = ALARM_BODY_SIZE,
	.size_untold = true,
};

void alarm_format_encode(struct alarm_body *ret, const struct rules_state *state)
{
	memset(ret, 0, sizeof(*ret));
	ret->last_us = state->last_us;
	ret->started_us = state->started_us;
	ret->changed_us = state->changed_us;
	ret->peak_us = state->peak_us;
	ret->peak = state->peak;
	ret->value = state->value;
	ret->threshold = state->threshold;
	ret->level = state->level;
	ret->previous_level = state->previous_level;
	ret->sequence = state->sequence;
	ret->direction = state->direction;
	ret->severity = state->severity;
	ret->quality = state->quality;
}

void alarm_format_decode(const void *body, struct rules_state *ret)
{
	struct alarm_body b;

	memcpy(&b, body, ALARM_BODY_SIZE);
	*ret = (struct rules_state){
		.last_us = b.last_us,
		.started_us = b.started_us,
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
	};
}
