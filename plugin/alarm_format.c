#include "alarm_format.h"

#include "crc32c.h"

#include <stdatomic.h>

const struct alarm_header alarm_format_header = {"HWALARM", 1, sizeof(struct alarm_pair)};

static uint32_t copy_crc(const struct alarm_copy *c, uint32_t seed)
{
	return crc32c(seed, (const uint8_t *)c + sizeof(c->crc), sizeof(*c) - sizeof(c->crc));
}

static bool copy_is_whole(const struct alarm_pair *p, size_t number, uint32_t seed)
{
	const struct alarm_copy *c = &p->copy[number];

	return c->generation != 0 && (c->generation & 1) == number && c->crc == copy_crc(c, seed);
}

enum alarm_repair alarm_format_repair(struct alarm_pair *p, uint32_t seed)
{
	static const struct alarm_copy empty;
	bool written = p->copy[0].generation != 0 || p->copy[1].generation != 0;
	bool touched = false;

	for (size_t i = 0; i < 2; i++) {
		if (!copy_is_whole(p, i, seed) && memcmp(&p->copy[i], &empty, sizeof(empty)) != 0) {
			p->copy[i] = empty;
			touched = true;
		}
	}
	if (written && alarm_format_newest(p) == NULL) {
		return ALARM_DAMAGED;
	}
	return touched ? ALARM_REPAIRED : ALARM_UNTOUCHED;
}

const void *alarm_format_newest(const struct alarm_pair *p)
{
	const struct alarm_copy *newest = &p->copy[p->copy[1].generation > p->copy[0].generation];

	return newest->generation != 0 ? newest->payload : NULL;
}

void alarm_format_write(struct alarm_pair *p, uint32_t seed, const void *payload, size_t length)
{
	uint64_t generation = MAX(p->copy[0].generation, p->copy[1].generation) + 1;
	struct alarm_copy *to = &p->copy[generation & 1];
	struct alarm_copy next = {.generation = generation};

	memcpy(next.payload, payload, length);
	next.crc = copy_crc(&next, seed);
	/*
	 * No other thread looks; a kill -9 does. What it leaves is a prefix of the stores as the processor
	 * was given them, so it is enough to hold the compiler to the order.
	 */
	to->generation = 0;
	atomic_signal_fence(memory_order_seq_cst);
	to->crc = next.crc;
	memcpy(to->payload, next.payload, sizeof(to->payload));
	atomic_signal_fence(memory_order_seq_cst);
	to->generation = generation;
}

void alarm_format_encode(struct alarm_payload *ret, const struct datastream_key *key,
                         const struct rules_state *state)
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
	copy_text(ret->station, sizeof(ret->station), key->station, strlen(key->station));
	copy_text(ret->property, sizeof(ret->property), key->property, strlen(key->property));
}

void alarm_format_decode(const void *payload, struct datastream_key *ret_key, struct rules_state *ret_state)
{
	struct alarm_payload p;

	memcpy(&p, payload, sizeof(p));
	*ret_key = (struct datastream_key){0};
	memcpy(ret_key->station, p.station, STATION_CODE_MAX);
	memcpy(ret_key->property, p.property, PROPERTY_CODE_MAX);
	*ret_state = (struct rules_state){
		.last_us = p.last_us,
		.started_us = p.started_us,
		.changed_us = p.changed_us,
		.peak_us = p.peak_us,
		.peak = p.peak,
		.value = p.value,
		.threshold = p.threshold,
		.level = p.level,
		.previous_level = p.previous_level,
		.sequence = p.sequence,
		.direction = p.direction,
		.severity = p.severity,
		.quality = p.quality,
	};
}
