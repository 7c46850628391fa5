/*
 * player_value - which column is sent, as which property, in which scale.
 *
 * Numbers are scaled by a division when that is what was asked for: 1571/1000
 * is 1.571 to the last digit, 1571*0.001 is not.
 *
 * Threads  [any]
 * Errors   0 or -EINVAL.
 */
#ifndef HIGHWATER_EXAMPLES_PLAYER_VALUE_H
#define HIGHWATER_EXAMPLES_PLAYER_VALUE_H

#include "util.h"

#include <stdbool.h>

/* Enough for any double in 17 digits. */
#define PLAYER_NUMBER_SIZE 32

/* Sent is column * factor / divisor. */
struct player_value {
	const char *column;
	const char *property; /* NULL: not given */
	double factor, divisor;
};

/* Cuts up "COLUMN[=PROPERTY][/DIVISOR | *FACTOR]"; the result points into text. */
int player_value_parse(struct player_value *ret, char *text) must_check;

/* Can go into a JSON string without escapes. */
bool player_value_is_plain(const char *text);

/*
 * Takes a field's text to the JSON number to send: the shortest decimal that
 * reads back as the same double. -EINVAL: no decimal number, or not finite.
 */
int player_value_convert(const struct player_value *v, const char *field,
                         char ret[static PLAYER_NUMBER_SIZE]) must_check;

#endif
