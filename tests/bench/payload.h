/*
 * payload - the load generator's messages, no two alike, written without
 * formatting: what prints numbers costs more than the kernel takes to send
 * them, and the processor is wanted by the broker under test.
 *
 * Threads  [any] One owner.
 * Memory   payload_done() frees; a topic lives as long.
 */
#ifndef HIGHWATER_BENCH_PAYLOAD_H
#define HIGHWATER_BENCH_PAYLOAD_H

#include "util.h"

#include <stdint.h>

#define PAYLOAD_MAX    256
#define PAYLOAD_LEVELS 997

struct payload {
	unsigned stations, size;
	size_t topic_size;
	char *topics;
	int64_t second; /* that when is of, Unix */
	char when[32];  /* "2026-11-22T10:15:00." */
	size_t when_length;
	char levels[PAYLOAD_LEVELS][8]; /* "0.5000" */
};

/* size 60: one value, on a topic with its property; 170: an object of several. 0 or -ENOMEM. */
int payload_init(struct payload *p, const char *prefix, unsigned stations, unsigned size) must_check;
void payload_done(struct payload *p);

/* Topics go round the stations. */
const char *payload_topic(const struct payload *p, uint64_t number);

/* Writes message number of that phenomenon time, Unix µs; its length. */
size_t payload_write(struct payload *p, uint64_t number, int64_t at_us, char text[static PAYLOAD_MAX]);

#endif
