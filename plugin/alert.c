#include "alert.h"

#include "timestamp.h"
#include "utf8.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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

/* Before the first incident there is nothing that value could tell. */
static json_t *if_any(const struct transition *t, json_t *value)
{
	if (t->sequence == 0) {
		json_decref(value);
		return json_null();
	}
	return value;
}

static int add_identity(json_t *o, const struct transition *t)
{
	char buffer[INCIDENT_TEXT_SIZE];
	int failed = 0;

	failed |= json_object_set_new(o, "identifier", if_any(t, text(transition_identifier(t, buffer))));
	failed |= json_object_set_new(o, "incident", if_any(t, text(transition_incident(t, buffer))));
	failed |= json_object_set_new(o, "sequence", json_integer(t->sequence));
	failed |= json_object_set_new(o, "msg_type",
	                              if_any(t, json_string(transition_msg_type_name(t->msg_type))));
	failed |= json_object_set_new(o, "sent", when(t->sent_us));
	failed |= json_object_set_new(o, "station", text(t->key.station));
	failed |= json_object_set_new(o, "name", text_or_null(t->name));
	failed |= json_object_set_new(o, "property", text(t->key.property));
	failed |= json_object_set_new(o, "latitude", number(t->latitude));
	failed |= json_object_set_new(o, "longitude", number(t->longitude));
	return failed;
}

static int add_level(json_t *o, const struct transition *t)
{
	int failed = 0;

	failed |= json_object_set_new(o, "level", json_integer(t->level));
	failed |= json_object_set_new(o, "level_name", text_or_null(t->level_name));
	failed |= json_object_set_new(o, "previous_level", json_integer(t->previous_level));
	failed |= json_object_set_new(o, "cause", if_any(t, json_string(threshold_cause_name(t->cause))));
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
	failed |= json_object_set_new(o, "started", if_any(t, when(t->started_us)));
	failed |= json_object_set_new(o, "peak", if_any(t, number(t->peak)));
	failed |= json_object_set_new(o, "peak_time", if_any(t, when(t->peak_us)));
	failed |= json_object_set_new(o, "quality", if_any(t, json_integer(t->quality)));
	return failed;
}

static int add_cap(json_t *o, const struct transition *t)
{
	const char *severity = threshold_severity_name(SEVERITY_UNKNOWN), *urgency = "Unknown",
		   *certainty = "Unknown";
	int failed = 0;

	if (t->sequence > 0) {
		severity = threshold_severity_name(t->severity);
		urgency = t->level == LEVEL_NORMAL ? "Past" : "Immediate";
		certainty = "Observed";
	}
	failed |= json_object_set_new(o, "severity", json_string(severity));
	failed |= json_object_set_new(o, "urgency", json_string(urgency));
	failed |= json_object_set_new(o, "certainty", json_string(certainty));
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

	if (o != NULL && (add_identity(o, t) | add_level(o, t) | add_course(o, t) | add_cap(o, t)) == 0) {
		result = dump(o);
	}
	json_decref(o);
	return result;
}
