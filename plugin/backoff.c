#include "backoff.h"

#include "util.h"

/* Marsaglia, "Xorshift RNGs", 2003, triple (13, 7, 17). Good enough to spread reconnections. */
static uint64_t next_random(struct backoff *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random;
}

void backoff_init(struct backoff *b, uint32_t first_ms, uint32_t max_ms, uint64_t seed)
{
	first_ms = MAX(first_ms, 1);
	max_ms = MAX(max_ms, first_ms);
	*b = (struct backoff){
		.first_ms = first_ms,
		.max_ms = max_ms,
		.span_ms = first_ms,
		/* Seeds from a clock differ in few bits; the multiplier (Knuth's 2^64/phi) spreads them. */
		.random = (seed * 0x9E3779B97F4A7C15u) | 1,
	};
}

uint32_t backoff_next_ms(struct backoff *b)
{
	uint32_t span = b->span_ms, half = span / 2;

	b->span_ms = span > b->max_ms / 2 ? b->max_ms : span * 2;
	return half + (uint32_t)(next_random(b) % ((uint64_t)span - half + 1));
}

void backoff_reset(struct backoff *b)
{
	b->span_ms = b->first_ms;
}
