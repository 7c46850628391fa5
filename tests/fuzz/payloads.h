/*
 * payloads - texts on both sides of every edge of the decoder, from a number that repeats.
 */
#ifndef HIGHWATER_FUZZ_PAYLOADS_H
#define HIGHWATER_FUZZ_PAYLOADS_H

#include <stddef.h>
#include <stdint.h>

/* Longest payload that is made here, bytes. */
#define PAYLOAD_SIZE 8192

struct payload {
	size_t length;
	char text[PAYLOAD_SIZE];
};

/* An object or a single value, mostly JSON, mostly of the canonical kinds. */
void payload_generate(struct payload *p, uint64_t *random);

/* A few bytes removed, doubled, replaced; words of JSON put in. */
void payload_mutate(struct payload *p, uint64_t *random);

#endif
