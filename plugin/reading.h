/*
 * reading - one observed value of one datastream: the value that travels.
 *
 * Fixed size and free of pointers, so that it is copied, journalled and passed
 * between threads without owners.
 *
 * Names follow OGC SensorThings 1.1: phenomenon time is when the water had the
 * level, received time is when the broker had the message.
 */
#ifndef HIGHWATER_READING_H
#define HIGHWATER_READING_H

#include <stdint.h>

/* Longest codes in bytes, without the NUL. The schema holds the same limits. */
#define STATION_CODE_MAX  64
#define PROPERTY_CODE_MAX 40
#define UNIT_MAX          16

/* QARTOD primary flags (IOOS, Manual for Real-Time QC, table "flags"). */
enum quality {
	QUALITY_PASS = 1,
	QUALITY_NOT_EVALUATED = 2,
	QUALITY_SUSPECT = 3,
	QUALITY_FAIL = 4,
	QUALITY_MISSING = 9,
};

/* A datastream is one property of one station. Both NUL-terminated UTF-8. */
struct datastream_key {
	char station[STATION_CODE_MAX + 1];
	char property[PROPERTY_CODE_MAX + 1];
};

struct reading {
	struct datastream_key key;
	int64_t phenomenon_us; /* Unix time, µs */
	int64_t received_us;   /* Unix time, µs */
	double result;         /* finite; in the datastream's unit */
	uint8_t quality;       /* enum quality */
};

#endif
