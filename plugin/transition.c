#include "transition.h"

#include "timestamp.h"

#include <inttypes.h>
#include <stdio.h>

#define US_PER_S 1000000

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

char *transition_incident(const struct transition *t, char text[static INCIDENT_TEXT_SIZE])
{
	char started[TIMESTAMP_TEXT_SIZE + 8];

	format_basic_time(t->started_us, started);
	snprintf(text, INCIDENT_TEXT_SIZE, "%s/%s/%s", t->key.station, t->key.property, started);
	return text;
}

char *transition_identifier(const struct transition *t, char text[static INCIDENT_TEXT_SIZE])
{
	char incident[INCIDENT_TEXT_SIZE];

	snprintf(text, INCIDENT_TEXT_SIZE, "%.*s/%" PRIu32, INCIDENT_TEXT_SIZE - 12,
	         transition_incident(t, incident), t->sequence);
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
