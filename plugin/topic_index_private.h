/*
 * topic_index_private - what is in an index.
 *
 * topic_index_make.c  patterns into sets
 * topic_index.c       a topic looked up
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_TOPIC_INDEX_PRIVATE_H
#define HIGHWATER_TOPIC_INDEX_PRIVATE_H

#include "hash.h"
#include "topic_index.h"

#define WORD_BITS 64

/* Patterns, a bit each. The words before first and from end on are zero. */
struct set {
	uint32_t first, end;
	uint64_t words[];
};

struct literal {
	const char *text; /* into a pattern; NULL: the slot is empty */
	uint32_t length, hash;
	struct set *set; /* that a level of this text suits, be it by a wildcard */
};

/* One level of all patterns, counted from the left. */
struct depth {
	struct literal *slots; /* open addressing, at most half full */
	size_t slot_count;     /* a power of two; 0: no pattern has a text here */
	size_t literal_count;
	const struct literal *only; /* when there is one text and no other */
	size_t longest;             /* of the texts */
	uint64_t begins[4]; /* a bit for each byte that a text begins with, or that an empty one ends with */
	struct set *filled; /* that a level suits which is none of the texts */
	struct set *empty;  /* and an empty level */
};

/* Where a pattern has its names: the level's number + 1, 0 when it has none. */
struct names {
	uint8_t station, property;
};

struct topic_index {
	size_t depth_count; /* levels of the longest pattern, # not counted */
	size_t word_count;  /* of a set */
	size_t set_count;
	struct depth depths[TOPIC_LEVELS_MAX];
	struct set *ending[TOPIC_LEVELS_MAX + 1]; /* that suit a topic of so many levels */
	struct set *deeper;                       /* or of more than depth_count */
	struct names *names;                      /* of each pattern */
	struct literal *slots;                    /* of all depths */
	char *sets;                               /* all of them, one behind the other */
};

/* The text's slot, or the empty one where it belongs. */
static inline struct literal *slot_of(const struct depth *d, const char *text, size_t length)
{
	uint32_t hash = (uint32_t)hash_text(text, length, 0);
	size_t i = hash & (d->slot_count - 1);

	while (d->slots[i].text != NULL && (d->slots[i].hash != hash || d->slots[i].length != length ||
	                                    memcmp(d->slots[i].text, text, length) != 0)) {
		i = (i + 1) & (d->slot_count - 1);
	}
	return &d->slots[i];
}

#endif
