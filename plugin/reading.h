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

#include <stdbool.h>
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
	double result;   /* in the datastream's unit; finite, or NAN: there is none, quality is missing */
	double raw;      /* what the sensor said, in its conversion's input unit; only if has_raw */
	uint32_t tests;  /* verdicts of quality control, packed as in qc.h; 0: none was set up */
	uint8_t quality; /* enum quality */
	bool has_raw;    /* else the sensor said result itself */
};

/* What a reading tells of the time before it. */
struct hindsight {
	bool settles; /* the reading before it has its final verdicts now: */
	bool gap;     /* none came for longer than they should: */
	uint8_t settled_quality;
	uint32_t settled_tests;
	int64_t settled_us;  /* its phenomenon time, Unix µs */
	int64_t gap_from_us; /* phenomenon time of the last one, Unix µs */
	int32_t expected;    /* readings that should have come in the gap; -1: not known */
};

#endif
