/*
 * transition - what happened to an alarm: the value that travels.
 *
 * A change of its level, the same level told again, or what an operator did to
 * it. Self-contained, so that it can be published, journalled and stored
 * without asking the registry again. The state of the rules says what level,
 * threshold and peak mean. Operators' actions have the sequence 0 and belong to
 * the incident that is open, if one is. Any other with sequence 0 is the status
 * of an alarm that has had no incident yet.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_TRANSITION_H
#define HIGHWATER_TRANSITION_H

#include "reading.h"
#include "threshold.h"

#define STATION_NAME_MAX 120
#define DATUM_MAX        40

/* Of an operator's action; what is longer is cut. */
#define OPERATOR_USER_MAX   64
#define OPERATOR_CLIENT_MAX 128
#define OPERATOR_REASON_MAX 200

enum msg_type { MSG_ALERT, MSG_UPDATE, MSG_CANCEL }; /* CAP 1.2, 3.2.1 "msgType" */

/* What a transition tells. Stored as numbers: new ones go to the end. */
enum alarm_event {
	EVENT_RAISED,
	EVENT_CHANGED,
	EVENT_CLEARED,
	EVENT_REPEATED,
	EVENT_ACKNOWLEDGED, /* from here on: operators' actions */
	EVENT_SHELVED,
	EVENT_UNSHELVED,
	EVENT_SUPPRESSED,
	EVENT_UNSUPPRESSED,
	EVENT_OUT_OF_SERVICE,
	EVENT_IN_SERVICE,
	EVENT_TEST,
	EVENT_COUNT,
};

struct transition {
	struct datastream_key key;
	char name[STATION_NAME_MAX + 1];     /* of the station */
	char level_name[LEVEL_NAME_MAX + 1]; /* "normal" at level 0 */
	char unit[UNIT_MAX + 1];             /* of the cause, see transition_unit() */
	char datum[DATUM_MAX + 1];           /* "" when not known */
	double latitude, longitude;          /* WGS 84 degrees; NAN when not known */
	double value, peak;                  /* in unit */
	double threshold;                    /* in unit; NAN when none was crossed */
	int64_t phenomenon_us, sent_us;      /* Unix time, µs */
	int64_t started_us, peak_us;
	int64_t period_us;        /* of the alarm; 0 for causes without */
	int64_t onset_us;         /* when the value first was beyond what was raised; 0: not known */
	int64_t projected_us;     /* when the next level is expected; 0: no projection */
	int64_t before_sent_us;   /* sent_us of the message before in the incident; 0: there is none */
	int64_t shelved_until_us; /* 0: not shelved */
	int32_t level, previous_level;
	int32_t projected_level;
	uint32_t sequence;                                     /* 1 is the raise of the incident */
	uint32_t before_sequence;                              /* of the message before */
	uint8_t msg_type, cause, direction, severity, quality; /* the enums of these names */
	uint8_t event;                                         /* enum alarm_event */
	bool silent; /* not for alerts/: shelved, suppressed, out of service, or an action that is no alert */
	bool acknowledged, suppressed, out_of_service; /* the alarm, now */
	bool held;                                     /* a jump is held back until it is believed */
	bool beside; /* its status stands below a topic of its cause; not journalled */
	char projected_name[LEVEL_NAME_MAX + 1]; /* of projected_level */
	/* Who did it, and why; "" when not known, or nobody did. */
	char user[OPERATOR_USER_MAX + 1];
	char client[OPERATOR_CLIENT_MAX + 1];
	char reason[OPERATOR_REASON_MAX + 1];
};

/* Codes, cause and period, time, sequence or event, the slashes between them, and the NUL. */
#define INCIDENT_TEXT_SIZE 192

/*
 * "phu-an/water_level/20261122T031500.000000Z": the same reading gives the same
 * incident, whichever broker sees it and however often. Before the time stands
 * the cause of alarms other than of the value itself, with the period's seconds:
 * "…/rainfall/rain-3600/…". Returns text.
 */
char *transition_incident(const struct transition *t, char text[static INCIDENT_TEXT_SIZE]);

/*
 * Unique to the transition. The incident and the sequence; of an operator's action
 * when it was and what: "phu-an/water_level/threshold/20261122T041500.250000Z/shelved".
 * Returns text.
 */
char *transition_identifier(const struct transition *t, char text[static INCIDENT_TEXT_SIZE]);

/* Whether an operator did it. */
bool transition_is_action(const struct transition *t);

/* Whether it belongs to an incident. Of a test, and of an action while the level is normal, there is none. */
bool transition_has_incident(const struct transition *t);

/* What a change from one level to another tells, as the n-th transition of its incident. */
enum alarm_event transition_event_of(int32_t previous_level, int32_t level, uint32_t sequence);

/* What values of an alarm of this cause are counted in, for a datastream in unit. Returns text. */
char *transition_unit(enum cause cause, const char *unit, char text[static UNIT_MAX + 1]);

const char *transition_msg_type_name(enum msg_type type); /* CAP's spelling */

/* "raised", "changed", "cleared", "repeated", "acknowledged", "shelved", "unshelved", "suppressed",
 * "unsuppressed", "out_of_service", "in_service", "test". */
const char *transition_event_name(enum alarm_event event);

/*
 * CAP 1.2, 3.2.2, in CAP's spelling.
 *
 *                                       urgency    certainty
 *   a crossing that was measured        Immediate  Observed
 *   a level to come (projection,        Expected   Likely if expected within an
 *   upstream)                                      hour, else Possible
 *   a station's fault (stale, dead,     Unknown    Observed: it is sure, and asks
 *   sensor_error, low_battery)                     nothing of who reads the warning
 *   the end of any                      Past       Observed
 *   a test, or no incident              Unknown    Unknown
 *
 * Severity is the level's; Minor for a test, Unknown when there has been no incident.
 */
const char *transition_severity_name(const struct transition *t);
const char *transition_urgency_name(const struct transition *t);
const char *transition_certainty_name(const struct transition *t);

#endif
