/*
 * progress - how far it has come: a bar on a terminal, a line now and then elsewhere.
 *
 * Threads  One thread; the state is static, since there is one stderr.
 */
#ifndef HIGHWATER_EXAMPLES_PROGRESS_H
#define HIGHWATER_EXAMPLES_PROGRESS_H

#include "util.h"

#include <stdbool.h>
#include <stdint.h>

struct progress_state {
	unsigned long done, total; /* rows; total 0: not known */
	unsigned long messages;
	int in_flight;
	int64_t time_us; /* of the row that is played; INT64_MIN: has none */
};

void progress_start(bool enabled);

/* Draws when it is time to: ten times a second on a terminal, every ten seconds elsewhere. */
void progress_show(const struct progress_state *s);

/* Takes the bar off the terminal. */
void progress_end(void);

/* A line on stderr, with the program's name before it; the bar makes room for it. */
void progress_note(const char *format, ...) printf_like(1, 2);

#endif
