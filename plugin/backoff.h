/*
 * backoff - how long to wait before the next try.
 *
 * Doubles from first_ms up to max_ms; each wait is drawn evenly from the upper
 * half of its span, so that many brokers do not return at once.
 *
 * Threads  [any], one owner.
 */
#ifndef HIGHWATER_BACKOFF_H
#define HIGHWATER_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint32_t first_ms, max_ms;
	uint32_t span_ms; /* the span of the next wait */
	uint64_t random;  /* xorshift state, never 0 */
};

void backoff_init(struct backoff *b, uint32_t first_ms, uint32_t max_ms, uint64_t seed);
uint32_t backoff_next_ms(struct backoff *b);
void backoff_reset(struct backoff *b);

#endif
