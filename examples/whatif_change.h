/*
 * whatif_change - another value for a threshold, tried before the season.
 *
 * Written as a path and words:
 *
 *     STATION/PROPERTY[/CAUSE[/PERIOD]]/LEVEL [new | drop] [KEY=VALUE...]
 *
 * "*" stands for all stations, or for all levels of an alarm. Without CAUSE it
 * is threshold; without PERIOD every period of the cause. When set moves and
 * clear is not given, clear moves along: the deadband stays as wide as it is.
 *
 * Errors   0 or -EINVAL with a sentence in why; -ENOMEM never.
 * Memory   Keeps nothing of what it is given.
 */
#ifndef HIGHWATER_EXAMPLES_WHATIF_CHANGE_H
#define HIGHWATER_EXAMPLES_WHATIF_CHANGE_H

#include "reading.h"
#include "threshold.h"
#include "util.h"

#define WHATIF_WHY_SIZE  400
#define WHATIF_PATH_SIZE 200

enum whatif_change_kind { CHANGE_EDIT, CHANGE_NEW, CHANGE_DROP };

struct whatif_change {
	struct threshold values; /* those given; level, cause and period say which alarm's */
	char path[WHATIF_PATH_SIZE];
	char station[STATION_CODE_MAX + 1]; /* "" is all */
	char property[PROPERTY_CODE_MAX + 1];
	unsigned given;    /* which of values, a bit each */
	bool all_levels;   /* level is not of use */
	bool every_period; /* period_us is not of use */
	uint8_t kind;      /* enum whatif_change_kind */
};

/* Begins a change. */
int whatif_change_path(struct whatif_change *ret, const char *path,
                       char why[static WHATIF_WHY_SIZE]) must_check;

/* Takes one word after the path. */
int whatif_change_word(struct whatif_change *c, const char *word,
                       char why[static WHATIF_WHY_SIZE]) must_check;

/* A path with all its words, parted by blanks; double quotes keep blanks in a value. Cuts line up. */
int whatif_change_line(struct whatif_change *ret, char *line, char why[static WHATIF_WHY_SIZE]) must_check;

/* Whether it says anything, now that all words are there. */
int whatif_change_check(const struct whatif_change *c, char why[static WHATIF_WHY_SIZE]) must_check;

/*
 * Changes the thresholds of the datastream key, *count of them, with room for
 * one more. *ret_hits grows by the number of levels that it concerned.
 */
int whatif_change_apply(const struct whatif_change *c, const struct datastream_key *key,
                        struct threshold *thresholds, size_t *count, size_t *ret_hits,
                        char why[static WHATIF_WHY_SIZE]) must_check;

#endif
