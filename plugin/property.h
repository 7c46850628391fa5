/*
 * property - the observed properties that the software knows before any
 * database has told it more.
 *
 * The same list stands in schema/install.sql; a test compares them. Units are
 * UCUM codes, but for dBm, which UCUM can only spell dB[mW].
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_PROPERTY_H
#define HIGHWATER_PROPERTY_H

#include "reading.h"

#include <stddef.h>

struct property {
	char code[PROPERTY_CODE_MAX + 1];
	char unit[UNIT_MAX + 1];
	uint32_t quality; /* of a datastream that is not registered: see registry_quality(); 0: no test */
};

/* Sorted by code in byte order. */
extern const struct property property_builtin[];
extern const size_t property_builtin_count;

/* Finds code in a list sorted by code. NULL when it is not there. */
const struct property *property_find(const struct property *list, size_t count, const char *code,
                                     size_t length);

#endif
