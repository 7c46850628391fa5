/*
 * unit - units of measurement and how they convert into each other.
 *
 * Codes are UCUM's (Unified Code for Units of Measure), with the spellings that
 * devices send beside them: "ft" for [ft_i], "in" for [in_i], dBm. Units of one
 * dimension convert by way of its base unit:
 *
 *   base value = factor * value + shift
 *
 * highwater.unit holds the same list, and a city may add to it; a test compares
 * the two. Factors are exact where the unit is defined so (inch 0.0254 m, foot
 * 0.3048 m, pound per square inch by NIST SP 811).
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_UNIT_H
#define HIGHWATER_UNIT_H

#include "reading.h"

#include <stddef.h>

#define DIMENSION_MAX 24

struct unit {
	char code[UNIT_MAX + 1];
	char dimension[DIMENSION_MAX + 1]; /* such as length; only equal ones convert */
	double factor, shift;              /* finite; factor not 0 */
};

/* Sorted by code in byte order. */
extern const struct unit unit_builtin[];
extern const size_t unit_builtin_count;

/* Finds code in a list sorted by code. NULL when it is not there. */
const struct unit *unit_find(const struct unit *list, size_t count, const char *code);

/* Converts *value from one unit into another: true; false, and nothing changed, when they do not convert. */
bool unit_convert(const struct unit *list, size_t count, const char *from, const char *to, double *value);

#endif
