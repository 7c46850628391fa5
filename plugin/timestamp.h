/*
 * timestamp - RFC 3339 text to and from microseconds of Unix time.
 *
 * Own calendar arithmetic on the proleptic Gregorian calendar: neither the C
 * library's time zone nor its locale has a say.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_TIMESTAMP_H
#define HIGHWATER_TIMESTAMP_H

#include "util.h"

#include <stdint.h>

/* "9999-12-31T23:59:59.999999Z" and its NUL, with room to spare. */
#define TIMESTAMP_TEXT_SIZE 32

/*
 * Parses an RFC 3339 date-time: 'T', 't' or a space; fraction of 1 to 9 digits (cut to µs); 'Z', 'z' or
 * ±hh:mm required. Second 60 is taken as the next second, and only where a leap second can stand: at the end
 * of a UTC month (section 5.7). Years 1 to 9999, in UTC as well.
 * 0, or -EINVAL with *ret_us untouched.
 */
int timestamp_parse(const char *text, size_t length, int64_t *ret_us) must_check;

/*
 * A Unix time given as a number: seconds below 1e11 in size (year 5138),
 * milliseconds from there on. -EINVAL when not finite or outside the years 1 to 9999.
 */
int timestamp_from_number(double number, int64_t *ret_us) must_check;

/* Writes "2026-11-22T03:15:00Z", with a fraction of 3 or 6 digits if there is one. Returns text. */
char *timestamp_format(int64_t us, char text[static TIMESTAMP_TEXT_SIZE]);

#endif
