#include "slot_format.h"

#include "crc32c.h"

#include <assert.h>
#include <stdatomic.h>

struct slot_header slot_format_header(const struct slot_kind *kind)
{
	struct slot_header h = {
		.version = kind->version,
		.slot_size = 2 * slot_format_copy_size(kind->body_size),
		.body_size = kind->size_untold ? 0 : kind->body_size,
	};

	memcpy(h.magic, kind->magic, sizeof(h.magic));
	return h;
}

static struct slot_copy *copy_at(struct slot_pair p, size_t number)
{
	return (struct slot_copy *)(void *)(p.bytes + number * p.copy_size);
}

static uint32_t head_crc(uint32_t seed, uint32_t zero, uint64_t generation)
{
	uint8_t head[sizeof(zero) + sizeof(generation)];

	memcpy(head, &zero, sizeof(zero));
	memcpy(head + sizeof(zero), &generation, sizeof(generation));
	return crc32c(seed, head, sizeof(head));
}

static bool copy_is_whole(struct slot_pair p, size_t number)
{
	const struct slot_copy *c = copy_at(p, number);
	uint32_t crc = head_crc(p.seed, c->zero, c->generation);

	return c->generation != 0 && (c->generation & 1) == number &&
	       c->crc == crc32c(crc, c->content, p.copy_size - sizeof(*c));
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

enum slot_repair slot_format_repair(struct slot_pair p)
{
	bool written = copy_at(p, 0)->generation != 0 || copy_at(p, 1)->generation != 0;
	bool touched = false;

	for (size_t i = 0; i < 2; i++) {
		uint8_t *bytes = p.bytes + i * p.copy_size;

		if (!copy_is_whole(p, i) && !all_zero(bytes, p.copy_size)) {
			memset(bytes, 0, p.copy_size);
			touched = true;
		}
	}
	if (written && slot_format_newest(p) == NULL) {
		return SLOT_DAMAGED;
	}
	return touched ? SLOT_REPAIRED : SLOT_UNTOUCHED;
}

const uint8_t *slot_format_newest(struct slot_pair p)
{
	const struct slot_copy *newest = copy_at(p, copy_at(p, 1)->generation > copy_at(p, 0)->generation);

	return newest->generation != 0 ? newest->content : NULL;
}

void slot_format_write(struct slot_pair p, const void *body, size_t length, const struct datastream_key *key)
{
	uint64_t generation = MAX(copy_at(p, 0)->generation, copy_at(p, 1)->generation) + 1;
	struct slot_copy *to = copy_at(p, generation & 1);
	uint8_t *rest = to->content + length;
	size_t rest_length = p.copy_size - sizeof(*to) - length;
	uint32_t crc;

	assert(sizeof(*to) + length + (key != NULL ? sizeof(*key) : 0) <= p.copy_size);
	/* Of many slots few are in the processor's cache: they come while the CRC is made of what is. */
	for (size_t i = 0; i < p.copy_size; i += 64) {
		__builtin_prefetch((const uint8_t *)to + i, 1);
	}
	crc = crc32c(head_crc(p.seed, 0, generation), body, length);
	/*
	 * No other thread looks; a kill -9 does. What it leaves is a prefix of the stores as the processor
	 * was given them, so it is enough to hold the compiler to the order.
	 */
	to->generation = 0;
	atomic_signal_fence(memory_order_seq_cst);
	to->zero = 0;
	memcpy(to->content, body, length);
	memset(rest, 0, rest_length);
	if (key != NULL) {
		memcpy(rest, key->station, strnlen(key->station, STATION_CODE_MAX));
		memcpy(rest + sizeof(key->station), key->property, strnlen(key->property, PROPERTY_CODE_MAX));
	}
	to->crc = crc32c(crc, rest, rest_length);
	atomic_signal_fence(memory_order_seq_cst);
	to->generation = generation;
}

void slot_format_key(const uint8_t *content, uint32_t body_size, struct datastream_key *ret)
{
	const uint8_t *key = content + body_size;

	*ret = (struct datastream_key){0};
	memcpy(ret->station, key, STATION_CODE_MAX);
	memcpy(ret->property, key + sizeof(ret->station), PROPERTY_CODE_MAX);
}
