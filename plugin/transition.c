#include "transition.h"

#include "timestamp.h"

#include <inttypes.h>
#include <stdio.h>

#define US_PER_S 1000000

/* How far ahead a level to come is likely: as far as the recent rise is looked back on. */
#define LIKELY_US (INT64_C(3600) * US_PER_S)

/* Codes, the longest cause, a period, the slashes and the dash, and the NUL. */
#define ALARM_TEXT_SIZE (STATION_CODE_MAX + PROPERTY_CODE_MAX + 40)

/* "20261122T031500.000000Z": always six places, so that the text sorts by time. */
static void format_basic_time(int64_t us, char text[static TIMESTAMP_TEXT_SIZE + 8])
{
	char extended[TIMESTAMP_TEXT_SIZE];
	int64_t fraction = (us % US_PER_S + US_PER_S) % US_PER_S;
	size_t length = 0;

	for (const char *c = timestamp_format(us - fraction, extended); *c != '\0'; c++) {
		if (*c != '-' && *c != ':' && *c != 'Z') {
			text[length++] = *c;
		}
	}
	snprintf(text + length, TIMESTAMP_TEXT_SIZE + 8 - length, ".%06" PRId64 "Z", fraction);
}

/* "phu-an/water_level", and of which alarm: "/rain-3600". The value's own is not named in incidents. */
static void format_alarm(const struct transition *t, bool always, char *text, size_t size)
{
	int64_t seconds = t->period_us / US_PER_S;
	int length = snprintf(text, size, "%s/%s", t->key.station, t->key.property);

	if (!always && t->cause == CAUSE_THRESHOLD) {
		return;
	}
	length += snprintf(text + length, size - (size_t)length, "/%s",
	                   threshold_cause_name((enum cause)t->cause));
	if (seconds > 0) {
		snprintf(text + length, size - (size_t)length, "-%" PRId64, seconds);
	}
}

char *transition_incident(const struct transition *t, char text[static INCIDENT_TEXT_SIZE])
{
	char started[TIMESTAMP_TEXT_SIZE + 8];
	char alarm[ALARM_TEXT_SIZE];

	format_basic_time(t->started_us, started);
	format_alarm(t, false, alarm, sizeof(alarm));
	snprintf(text, INCIDENT_TEXT_SIZE, "%s/%s", alarm, started);
	return text;
}

char *transition_identifier(const struct transition *t, char text[static INCIDENT_TEXT_SIZE])
{
	char time[TIMESTAMP_TEXT_SIZE + 8];
	char alarm[ALARM_TEXT_SIZE];

	if (transition_is_action(t)) {
		format_basic_time(t->sent_us, time);
		format_alarm(t, true, alarm, sizeof(alarm));
		snprintf(text, INCIDENT_TEXT_SIZE, "%s/%s/%s", alarm, time,
		         transition_event_name((enum alarm_event)t->event));
	} else {
		format_basic_time(t->started_us, time);
		format_alarm(t, false, alarm, sizeof(alarm));
		snprintf(text, INCIDENT_TEXT_SIZE, "%s/%s/%" PRIu32, alarm, time, t->sequence);
	}
	return text;
}

bool transition_is_action(const struct transition *t)
{
	return t->event >= EVENT_ACKNOWLEDGED;
}

bool transition_has_incident(const struct transition *t)
{
	if (!transition_is_action(t)) {
		return t->sequence > 0;
	}
	return t->event != EVENT_TEST && t->level != LEVEL_NORMAL;
}

enum alarm_event transition_event_of(int32_t previous_level, int32_t level, uint32_t sequence)
{
	if (level == LEVEL_NORMAL) {
		return EVENT_CLEARED;
	}
	if (sequence <= 1) {
		return EVENT_RAISED;
	}
	return level == previous_level ? EVENT_REPEATED : EVENT_CHANGED;
}

char *transition_unit(enum cause cause, const char *unit, char text[static UNIT_MAX + 1])
{
	switch (cause) {
	case CAUSE_THRESHOLD:
	case CAUSE_RAIN:
	case CAUSE_LOW_BATTERY:
		snprintf(text, UNIT_MAX + 1, "%s", unit);
		break;
	case CAUSE_RATE:
		snprintf(text, UNIT_MAX + 1, "%s/h", unit);
		break;
	case CAUSE_PROJECTION:
		snprintf(text, UNIT_MAX + 1, "min");
		break;
	case CAUSE_STALE:
	case CAUSE_DEAD:
	case CAUSE_SENSOR_ERROR:
	case CAUSE_GROUP:
	case CAUSE_UPSTREAM:
	case CAUSE_TEST:
	case CAUSE_COUNT:
		snprintf(text, UNIT_MAX + 1, "1");
		break;
	}
	return text;
}

const char *transition_msg_type_name(enum msg_type type)
{
	switch (type) {
	case MSG_UPDATE:
		return "Update";
	case MSG_CANCEL:
		return "Cancel";
	case MSG_ALERT:
		break;
	}
	return "Alert";
}

const char *transition_event_name(enum alarm_event event)
{
	static const char *const names[EVENT_COUNT] = {
		[EVENT_RAISED] = "raised",
		[EVENT_CHANGED] = "changed",
		[EVENT_CLEARED] = "cleared",
		[EVENT_REPEATED] = "repeated",
		[EVENT_ACKNOWLEDGED] = "acknowledged",
		[EVENT_SHELVED] = "shelved",
		[EVENT_UNSHELVED] = "unshelved",
		[EVENT_SUPPRESSED] = "suppressed",
		[EVENT_UNSUPPRESSED] = "unsuppressed",
		[EVENT_OUT_OF_SERVICE] = "out_of_service",
		[EVENT_IN_SERVICE] = "in_service",
		[EVENT_TEST] = "test",
	};

	return (size_t)event < EVENT_COUNT ? names[event] : "unknown";
}

/* --- CAP's three --- */

enum cap_case { CAP_NOTHING, CAP_MEASURED, CAP_EXPECTED, CAP_FAULT, CAP_ENDED };

static enum cap_case cap_case_of(const struct transition *t)
{
	if (!transition_has_incident(t)) {
		return CAP_NOTHING;
	}
	if (t->level == LEVEL_NORMAL) {
		return CAP_ENDED;
	}
	switch ((enum cause)t->cause) {
	case CAUSE_PROJECTION:
	case CAUSE_UPSTREAM:
		return CAP_EXPECTED;
	case CAUSE_STALE:
	case CAUSE_DEAD:
	case CAUSE_SENSOR_ERROR:
	case CAUSE_LOW_BATTERY:
		return CAP_FAULT;
	case CAUSE_THRESHOLD:
	case CAUSE_RATE:
	case CAUSE_RAIN:
	case CAUSE_GROUP:
	case CAUSE_TEST:
	case CAUSE_COUNT:
		break;
	}
	return CAP_MEASURED;
}

const char *transition_severity_name(const struct transition *t)
{
	if (t->event == EVENT_TEST) {
		return threshold_severity_name(SEVERITY_MINOR);
	}
	return threshold_severity_name(transition_has_incident(t) ? (enum severity)t->severity
	                                                          : SEVERITY_UNKNOWN);
}

const char *transition_urgency_name(const struct transition *t)
{
	switch (cap_case_of(t)) {
	case CAP_MEASURED:
		return "Immediate";
	case CAP_EXPECTED:
		return "Expected";
	case CAP_ENDED:
		return "Past";
	case CAP_FAULT:
	case CAP_NOTHING:
		break;
	}
	return "Unknown";
}

const char *transition_certainty_name(const struct transition *t)
{
	switch (cap_case_of(t)) {
	case CAP_MEASURED:
	case CAP_FAULT:
	case CAP_ENDED:
		return "Observed";
	case CAP_EXPECTED:
		return t->projected_us != 0 && t->projected_us - t->phenomenon_us <= LIKELY_US ? "Likely"
		                                                                               : "Possible";
	case CAP_NOTHING:
		break;
	}
	return "Unknown";
}
