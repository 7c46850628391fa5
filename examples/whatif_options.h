/*
 * whatif_options - the command line of highwater-whatif.
 *
 * Errors   0 or -EINVAL; says on stderr what was wrong and what is allowed.
 * Memory   Texts point into argv; whatif_options_done() frees the rest.
 */
#ifndef HIGHWATER_EXAMPLES_WHATIF_OPTIONS_H
#define HIGHWATER_EXAMPLES_WHATIF_OPTIONS_H

#include "whatif_change.h"

/* Of a list that is chosen from; empty: everything. */
struct whatif_choice {
	const char **text;
	size_t count;
};

struct whatif_options {
	const char *database; /* conninfo; "": what libpq's environment says */
	struct whatif_choice stations, properties;
	struct whatif_change *changes;
	size_t change_count;
	int64_t from_us, to_us; /* Unix µs; INT64_MIN and INT64_MAX: from the first reading, to the last */
	int64_t as_of_us;       /* rules of this moment; INT64_MIN: of now */
	int64_t late_after_us;  /* 0: no reading is late */
	int64_t warm_up_us;
	bool csv, summary_only;
};

/* 1: --help was asked for and answered. */
int whatif_options_parse(struct whatif_options *ret, int argc, char **argv) must_check;

void whatif_options_done(struct whatif_options *o);

/* Whether text is among those chosen. */
bool whatif_is_chosen(const struct whatif_choice *choice, const char *text);

#endif
