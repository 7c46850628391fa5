/*
 * watch_table - lines on a terminal: levels in columns, alerts between them.
 *
 * Colour only on a terminal, and not when NO_COLOR is set (no-color.org). A
 * progress bar that another program draws in the same place is wiped first.
 *
 * Threads  One thread.
 * Errors   0 or -EINVAL.
 * Memory   Columns point into the texts they were added with.
 */
#ifndef HIGHWATER_EXAMPLES_WATCH_TABLE_H
#define HIGHWATER_EXAMPLES_WATCH_TABLE_H

#include "util.h"

#include <stddef.h>
#include <stdint.h>

#define WATCH_COLUMNS_MAX 6
#define WATCH_TIME_SIZE   16

struct watch_column {
	const char *datastream; /* "phu-an/water_level" */
	const char *title;
	double low, high; /* ends of the bar */
	double value;     /* NAN: none yet */
	int level;        /* of the last alert */
};

struct watch_table {
	struct watch_column column[WATCH_COLUMNS_MAX];
	size_t columns;
	int64_t every_us;         /* of the readings' time between lines */
	int64_t last_us, next_us; /* INT64_MIN: no reading yet */
};

/* Cuts up "station/property=Title,low,high". */
int watch_table_add(struct watch_table *t, char *spec) must_check;

/* Takes a reading, and prints a line when it is time for one. */
void watch_table_reading(struct watch_table *t, const char *datastream, int64_t time_us, double value);

/* Takes the alert level of a datastream, which colours its column. */
void watch_table_level(struct watch_table *t, const char *station, const char *property, int level);

/* Colour (an SGR code) that stands for an alert level. */
const char *watch_colour(int level);

/* Prints one line in a colour, "" for none. */
void watch_print(const char *colour, const char *line);

/* Day and minute in the local zone. Returns text. */
const char *watch_time(int64_t time_us, char text[static WATCH_TIME_SIZE]);

/* Pads UTF-8 text to a width in characters. Returns padded. */
const char *watch_pad(const char *text, size_t width, char *padded, size_t size);

#endif
