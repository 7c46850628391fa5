/*
 * topic_index - the first of many patterns that matches a topic.
 *
 * A set of patterns, a bit each, is kept for every plain text that stands at some level of a pattern, and
 * for what matches any level there. A topic's levels are looked up from left to right, one probe of a hash
 * table each; the patterns that are in all their sets match it, and the lowest bit is the first of them.
 * Nothing is tried and taken back. A level that no pattern has ends it at once.
 *
 * Promise  Answers as topic_match() of each pattern in turn does. At most TOPIC_LEVELS_MAX levels of a topic
 *          are looked at, however long it is, and not more than the longest pattern has. Besides the texts'
 *          bytes a level costs one probe and, at the very worst, one word for every 64 patterns; sets know
 *          where their first and last words are, so that patterns that begin with different texts cost no
 *          more when there are many of them.
 * Threads  new, free [start]; match [any]: an index is never changed.
 * Errors   0 or -ENOMEM.
 * Memory   The patterns' texts stay theirs and must live as long as the index; the patterns may move.
 *          700 kB for 256 patterns of 32 levels that have no text in common, 40 kB for as many of four levels
 *          that differ in one.
 */
#ifndef HIGHWATER_TOPIC_INDEX_H
#define HIGHWATER_TOPIC_INDEX_H

#include "topic.h"

#include <stdint.h>

#define TOPIC_INDEX_NONE SIZE_MAX

struct topic_index;

/* The patterns in their order, count of them. */
int topic_index_new(struct topic_index **ret, const struct topic_pattern *const *patterns,
                    size_t count) must_check;

/* NULL is harmless. */
void topic_index_free(struct topic_index *x);

/* The number of the first pattern that matches, or TOPIC_INDEX_NONE; ret is written only on a match. */
size_t topic_index_match(const struct topic_index *x, const char *topic, struct topic_match *ret) must_check;

#endif
