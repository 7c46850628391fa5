/*
 * transition - one change of an alert level: the value that travels.
 *
 * Self-contained, so that it can be published, journalled and stored without
 * asking the registry again. rules.h says what level, threshold and peak mean.
 * With sequence 0 it is the status of a datastream that has had no incident yet.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_TRANSITION_H
#define HIGHWATER_TRANSITION_H

#include "reading.h"
#include "rules.h"

#define STATION_NAME_MAX 120
#define DATUM_MAX        40

enum msg_type { MSG_ALERT, MSG_UPDATE, MSG_CANCEL }; /* CAP 1.2, 3.2.1 "msgType" */

struct transition {
	struct datastream_key key;
	char name[STATION_NAME_MAX + 1];     /* of the station */
	char level_name[LEVEL_NAME_MAX + 1]; /* "normal" at level 0 */
	char unit[UNIT_MAX + 1];
	char datum[DATUM_MAX + 1];      /* "" when not known */
	double latitude, longitude;     /* WGS 84 degrees; NAN when not known */
	double value, peak;             /* in unit */
	double threshold;               /* in unit; NAN when none was crossed */
	int64_t phenomenon_us, sent_us; /* Unix time, µs */
	int64_t started_us, peak_us;
	int32_t level, previous_level;
	uint32_t sequence;                                     /* 1 is the raise of the incident */
	uint8_t msg_type, cause, direction, severity, quality; /* the enums of these names */
};

/* STATION_CODE_MAX + PROPERTY_CODE_MAX + a time + a sequence + slashes, and the NUL. */
#define INCIDENT_TEXT_SIZE 160

/*
 * "phu-an/water_level/20261122T031500.000000Z": the same reading gives the same
 * incident, whichever broker sees it and however often. Returns text.
 */
char *transition_incident(const struct transition *t, char text[static INCIDENT_TEXT_SIZE]);

/* The incident, '/' and the sequence: unique to the transition. Returns text. */
char *transition_identifier(const struct transition *t, char text[static INCIDENT_TEXT_SIZE]);

const char *transition_msg_type_name(enum msg_type type); /* CAP's spelling */

#endif
