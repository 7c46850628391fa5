#include "alert.h"

#include "timestamp.h"
#include "utf8.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define US_PER_S 1000000

/* NULL from these means out of memory; json_object_set_new() takes it and fails. */

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* The registry cuts long names by bytes: half a character at the end must not cost the alert. */
static json_t *text(const char *s)
{
	return json_stringn(s, utf8_prefix(s, strlen(s)));
}

static json_t *text_or_null(const char *s)
{
	return s[0] != '\0' ? text(s) : json_null();
}

static json_t *when(int64_t us)
{
	char formatted[TIMESTAMP_TEXT_SIZE];

	return json_string(timestamp_format(us, formatted));
}

static json_t *when_or_null(int64_t us)
{
	return us != 0 ? when(us) : json_null();
}

static json_t *only_if(bool condition, json_t *value)
{
	if (!condition) {
		json_decref(value);
		return json_null();
	}
	return value;
}

/* Before the first incident there is nothing that value could tell, unless an operator has done something. */
static json_t *if_any(const struct transition *t, json_t *value)
{
	return only_if(t->sequence > 0 || transition_is_action(t), value);
}

static json_t *if_incident(const struct transition *t, json_t *value)
{
	return only_if(transition_has_incident(t), value);
}

static json_t *msg_type(const struct transition *t)
{
	bool is_message = t->event == EVENT_TEST || (t->sequence > 0 && !transition_is_action(t));

	return only_if(is_message, json_string(transition_msg_type_name((enum msg_type)t->msg_type)));
}

static int add_identity(json_t *o, const struct transition *t)
{
	char buffer[INCIDENT_TEXT_SIZE];
	int failed = 0;

	failed |= json_object_set_new(o, "identifier", if_any(t, text(transition_identifier(t, buffer))));
	failed |= json_object_set_new(o, "incident", if_incident(t, text(transition_incident(t, buffer))));
	failed |= json_object_set_new(o, "sequence", json_integer(t->sequence));
	failed |= json_object_set_new(o, "msg_type", msg_type(t));
	failed |= json_object_set_new(o, "sent", when(t->sent_us));
	failed |= json_object_set_new(o, "station", text(t->key.station));
	failed |= json_object_set_new(o, "name", text_or_null(t->name));
	failed |= json_object_set_new(o, "property", text(t->key.property));
	failed |= json_object_set_new(o, "latitude", number(t->latitude));
	failed |= json_object_set_new(o, "longitude", number(t->longitude));
	return failed;
}

static json_t *cause(const struct transition *t)
{
	json_t *name = json_string(threshold_cause_name((enum cause)t->cause));

	return t->cause == CAUSE_THRESHOLD ? if_any(t, name) : name;
}

static int add_level(json_t *o, const struct transition *t)
{
	int failed = 0;

	failed |= json_object_set_new(o, "level", json_integer(t->level));
	failed |= json_object_set_new(o, "level_name", text_or_null(t->level_name));
	failed |= json_object_set_new(o, "previous_level", json_integer(t->previous_level));
	failed |= json_object_set_new(o, "cause", cause(t));
	failed |= json_object_set_new(o, "direction",
	                              if_any(t, json_string(threshold_direction_name(t->direction))));
	failed |= json_object_set_new(o, "value", if_any(t, number(t->value)));
	failed |= json_object_set_new(o, "unit", text(t->unit));
	failed |= json_object_set_new(o, "datum", text_or_null(t->datum));
	failed |= json_object_set_new(o, "threshold", if_any(t, number(t->threshold)));
	return failed;
}

static int add_course(json_t *o, const struct transition *t)
{
	int failed = 0;

	failed |= json_object_set_new(o, "phenomenon_time", if_any(t, when(t->phenomenon_us)));
	failed |= json_object_set_new(o, "started", if_incident(t, when(t->started_us)));
	failed |= json_object_set_new(o, "peak", if_incident(t, number(t->peak)));
	failed |= json_object_set_new(o, "peak_time", if_incident(t, when(t->peak_us)));
	failed |= json_object_set_new(o, "quality", if_any(t, json_integer(t->quality)));
	return failed;
}

static int add_cap(json_t *o, const struct transition *t)
{
	int failed = 0;

	failed |= json_object_set_new(o, "severity", json_string(transition_severity_name(t)));
	failed |= json_object_set_new(o, "urgency", json_string(transition_urgency_name(t)));
	failed |= json_object_set_new(o, "certainty", json_string(transition_certainty_name(t)));
	return failed;
}

static json_t *event(const struct transition *t)
{
	return if_any(t, json_string(transition_event_name((enum alarm_event)t->event)));
}

static json_t *period(const struct transition *t)
{
	return only_if(t->period_us > 0, json_integer(t->period_us / US_PER_S));
}

static int add_forecast(json_t *o, const struct transition *t)
{
	bool projected = t->projected_us != 0;
	int failed = 0;

	failed |= json_object_set_new(o, "event", event(t));
	failed |= json_object_set_new(o, "period", period(t));
	failed |= json_object_set_new(o, "onset", if_incident(t, when_or_null(t->onset_us)));
	failed |= json_object_set_new(o, "projected_level",
	                              only_if(projected, json_integer(t->projected_level)));
	failed |= json_object_set_new(o, "projected_level_name",
	                              only_if(projected, text_or_null(t->projected_name)));
	failed |= json_object_set_new(o, "projected_time", when_or_null(t->projected_us));
	return failed;
}

static int add_attention(json_t *o, const struct transition *t)
{
	int failed = 0;

	failed |= json_object_set_new(o, "acknowledged", json_boolean(t->acknowledged));
	failed |= json_object_set_new(o, "shelved_until", when_or_null(t->shelved_until_us));
	failed |= json_object_set_new(o, "suppressed", json_boolean(t->suppressed));
	failed |= json_object_set_new(o, "out_of_service", json_boolean(t->out_of_service));
	failed |= json_object_set_new(o, "held", json_boolean(t->held));
	failed |= json_object_set_new(o, "user", text_or_null(t->user));
	failed |= json_object_set_new(o, "client", text_or_null(t->client));
	failed |= json_object_set_new(o, "reason", text_or_null(t->reason));
	return failed;
}

/* Fewest significant digits, 15 to 17, that read back as the same double. */
static size_t shortest_precision(double value)
{
	char digits[40];

	for (int precision = 15; precision < 17; precision++) {
		snprintf(digits, sizeof(digits), "%.*g", precision, value);
		if (strtod(digits, NULL) == value) {
			return (size_t)precision;
		}
	}
	return 17;
}

static int append(const char *bytes, size_t size, void *context)
{
	return fwrite(bytes, 1, size, context) == size ? 0 : -1;
}

/* jansson knows one precision for a whole dump; so members are dumped one by one. */
static int write_member(FILE *out, const char *key, const json_t *value)
{
	size_t flags = JSON_ENCODE_ANY;

	if (json_is_real(value)) {
		flags |= JSON_REAL_PRECISION(shortest_precision(json_real_value(value)));
	}
	if (fprintf(out, "\"%s\": ", key) < 0) {
		return -1;
	}
	return json_dump_callback(value, append, out, flags);
}

static int write_object(FILE *out, json_t *o)
{
	const char *key, *separator = "{";
	json_t *value;

	json_object_foreach (o, key, value) {
		if (fputs(separator, out) < 0 || write_member(out, key, value) != 0) {
			return -1;
		}
		separator = ", ";
	}
	return fputs("}", out) < 0 ? -1 : 0;
}

static char *dump(json_t *o)
{
	char *result = NULL;
	size_t size;
	FILE *out = open_memstream(&result, &size);
	int failed;

	if (out == NULL) {
		return NULL;
	}
	failed = write_object(out, o);
	/* A memstream finds no memory as late as here. */
	failed |= fclose(out);
	if (failed != 0) {
		free(result);
		return NULL;
	}
	return result;
}

char *alert_json(const struct transition *t)
{
	char *result = NULL;
	json_t *o = json_object();

	if (o != NULL && (add_identity(o, t) | add_level(o, t) | add_course(o, t) | add_cap(o, t) |
	                  add_forecast(o, t) | add_attention(o, t)) == 0) {
		result = dump(o);
	}
	json_decref(o);
	return result;
}
