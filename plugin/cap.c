#include "cap.h"

#include "cap_document.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CAP_NAMESPACE "urn:oasis:names:tc:emergency:cap:1.2"

/* Every byte of an incident's name may need three. */
#define ESCAPED_SIZE (3 * INCIDENT_TEXT_SIZE)

struct message {
	const struct cap_config *config;
	const struct transition *t;
	struct cap_document *document;
};

static void element(struct message *m, const char *name, const char *text)
{
	cap_document_element(m->document, name, text);
}

/* The text in its language, for the caller to free; NULL when nothing is said, or memory is short. */
static char *expanded(struct message *m, const struct cap_language *l, enum cap_text which)
{
	char *text = NULL;

	if (cap_text_expand(m->config, l, which, m->t, &text) != 0) {
		cap_document_fail(m->document);
	}
	return text;
}

static void time_element(struct message *m, const char *name, int64_t us)
{
	char text[CAP_TIME_SIZE];

	element(m, name, cap_text_time(m->config, us, text));
}

static void text_element(struct message *m, const char *name, const struct cap_language *l,
                         enum cap_text which)
{
	char *text = expanded(m, l, which);

	element(m, name, text);
	free(text);
}

/* As in a URL, and "%" as well, so that different names stay different. Returns escaped. */
static char *escape(const char *text, char escaped[static ESCAPED_SIZE])
{
	size_t length = 0;

	for (; *text != '\0' && length + 4 <= ESCAPED_SIZE; text++) {
		if ((unsigned char)*text <= 0x20 || *text == 0x7F || strchr("%,<>&\"", *text) != NULL) {
			length += (size_t)snprintf(escaped + length, ESCAPED_SIZE - length, "%%%02X",
			                           (unsigned)(unsigned char)*text);
		} else {
			escaped[length++] = *text;
		}
	}
	escaped[length] = '\0';
	return escaped;
}

static char *identifier_of(const struct transition *t, char escaped[static ESCAPED_SIZE])
{
	char text[INCIDENT_TEXT_SIZE];

	return escape(transition_identifier(t, text), escaped);
}

static bool is_test(const struct transition *t)
{
	return t->event == EVENT_TEST;
}

/* Whether there is a message before this one that it changes or takes back. */
static bool has_reference(const struct transition *t)
{
	return t->msg_type != MSG_ALERT && t->before_sent_us != 0 && !transition_is_action(t);
}

/* --- alert --- */

static void put_note(struct message *m)
{
	char text[OPERATOR_REASON_MAX + 32];

	if (!is_test(m->t)) {
		element(m, "note", m->config->note);
		return;
	}
	snprintf(text, sizeof(text), "test alert%s%s", m->t->reason[0] != '\0' ? ": " : "", m->t->reason);
	element(m, "note", text);
}

static void put_references(struct message *m)
{
	struct transition before = *m->t;
	char identifier[ESCAPED_SIZE], sent[CAP_TIME_SIZE];
	size_t size = strlen(m->config->sender) + sizeof(identifier) + sizeof(sent) + 3;
	char *text;

	if (!has_reference(m->t)) {
		return;
	}
	before.sequence = before.before_sequence;
	text = malloc(size);
	if (text == NULL) {
		cap_document_fail(m->document);
		return;
	}
	snprintf(text, size, "%s,%s,%s", m->config->sender, identifier_of(&before, identifier),
	         cap_text_time(m->config, m->t->before_sent_us, sent));
	element(m, "references", text);
	free(text);
}

static void put_alert(struct message *m)
{
	const struct cap_config *c = m->config;
	const struct transition *t = m->t;
	char text[STATION_CODE_MAX + PROPERTY_CODE_MAX + 2], escaped[ESCAPED_SIZE],
		incident[INCIDENT_TEXT_SIZE];

	element(m, "identifier", identifier_of(t, escaped));
	element(m, "sender", c->sender);
	time_element(m, "sent", t->sent_us);
	element(m, "status", is_test(t) ? "Test" : c->status);
	element(m, "msgType",
	        transition_msg_type_name(has_reference(t) ? (enum msg_type)t->msg_type : MSG_ALERT));
	snprintf(text, sizeof(text), "%s/%s", t->key.station, t->key.property);
	element(m, "source", text);
	element(m, "scope", c->scope);
	element(m, "restriction", c->restriction);
	element(m, "addresses", c->addresses);
	put_note(m);
	put_references(m);
	if (transition_has_incident(t)) {
		element(m, "incidents", escape(transition_incident(t, incident), escaped));
	}
}

/* --- info --- */

/* The description, and at its end what is expected next. */
static void put_description(struct message *m, const struct cap_language *l, enum cap_text which,
                            bool projected)
{
	char *said = expanded(m, l, which), *expected = projected ? expanded(m, l, CAP_PROJECTION) : NULL;
	size_t size = (said != NULL ? strlen(said) : 0) + (expected != NULL ? strlen(expected) : 0) + 2;
	char *whole = malloc(size);

	if (whole != NULL) {
		snprintf(whole, size, "%s%s%s", said != NULL ? said : "",
		         said != NULL && expected != NULL ? " " : "", expected != NULL ? expected : "");
		element(m, "description", whole);
	} else {
		cap_document_fail(m->document);
	}
	free(whole);
	free(said);
	free(expected);
}

static void put_texts(struct message *m, const struct cap_language *l)
{
	bool sensor = cap_text_of_sensor(m->t);

	if (is_test(m->t)) {
		text_element(m, "headline", l, CAP_TEST_HEADLINE);
	} else if (m->t->level == LEVEL_NORMAL) {
		text_element(m, "headline", l, sensor ? CAP_SENSOR_END_HEADLINE : CAP_END_HEADLINE);
		put_description(m, l, sensor ? CAP_SENSOR_END_DESCRIPTION : CAP_END_DESCRIPTION, false);
	} else {
		text_element(m, "headline", l, sensor ? CAP_SENSOR_HEADLINE : CAP_HEADLINE);
		put_description(m, l, sensor ? CAP_SENSOR_DESCRIPTION : CAP_DESCRIPTION,
		                m->t->projected_us != 0);
		text_element(m, "instruction", l, sensor ? CAP_SENSOR_INSTRUCTION : CAP_INSTRUCTION);
	}
}

static void parameter(struct message *m, const char *name, const char *value)
{
	if (value[0] == '\0') {
		return;
	}
	cap_document_begin(m->document, "parameter");
	element(m, "valueName", name);
	element(m, "value", value);
	cap_document_end(m->document);
}

/* Any locale's decimal point becomes one. */
static void put_point(char *number)
{
	char *to = number;

	for (const char *p = number; *p != '\0'; p++) {
		if (strchr("0123456789+-e", *p) != NULL) {
			*to++ = *p;
		} else if (to > number && to[-1] != '.') {
			*to++ = '.';
		}
	}
	*to = '\0';
}

static void number_parameter(struct message *m, const char *name, double value)
{
	char text[40];

	if (!isfinite(value)) {
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, value);
		if (strtod(text, NULL) == value) {
			break;
		}
	}
	put_point(text);
	parameter(m, name, text);
}

static void level_parameter(struct message *m, const char *name, int32_t level)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRId32, level);
	parameter(m, name, text);
}

static void put_parameters(struct message *m)
{
	const struct transition *t = m->t;
	char text[INCIDENT_TEXT_SIZE], projected[CAP_TIME_SIZE];

	parameter(m, "station", t->key.station);
	parameter(m, "property", t->key.property);
	parameter(m, "cause", threshold_cause_name((enum cause)t->cause));
	level_parameter(m, "level", t->level);
	parameter(m, "level_name", t->level_name);
	level_parameter(m, "previous_level", t->previous_level);
	number_parameter(m, "value", t->value);
	parameter(m, "unit", t->unit);
	parameter(m, "datum", t->datum);
	number_parameter(m, "threshold", t->threshold);
	number_parameter(m, "peak", t->peak);
	if (t->projected_us != 0) {
		level_parameter(m, "projected_level", t->projected_level);
		parameter(m, "projected_time", cap_text_time(m->config, t->projected_us, projected));
	}
	if (transition_has_incident(t)) {
		parameter(m, "incident", transition_incident(t, text));
	}
}

/* About the station (CAP 1.2, 3.2.4 "circle"). */
static void put_circle(struct message *m)
{
	char latitude[32], longitude[32], radius[32], circle[100];

	snprintf(latitude, sizeof(latitude), "%.6f", m->t->latitude);
	snprintf(longitude, sizeof(longitude), "%.6f", m->t->longitude);
	snprintf(radius, sizeof(radius), "%.3f", m->config->radius_km);
	put_point(latitude);
	put_point(longitude);
	put_point(radius);
	snprintf(circle, sizeof(circle), "%s,%s %s", latitude, longitude, radius);
	element(m, "circle", circle);
}

static void put_area(struct message *m, const char *area)
{
	const struct transition *t = m->t;

	cap_document_begin(m->document, "area");
	element(m, "areaDesc", t->name[0] != '\0' ? t->name : t->key.station);
	if (area[0] != '\0') {
		element(m, "polygon", area);
	} else if (isfinite(t->latitude) && isfinite(t->longitude)) {
		put_circle(m);
	}
	cap_document_end(m->document);
}

/* When the subject began, or, of a level to come, will begin (CAP 1.2, 3.2.2 "onset"). */
static int64_t onset_of(const struct transition *t)
{
	if (t->cause == CAUSE_PROJECTION && t->projected_us != 0) {
		return t->projected_us;
	}
	return t->onset_us != 0 ? t->onset_us : t->started_us;
}

static void put_info(struct message *m, const struct cap_language *l, const char *area)
{
	const struct cap_config *c = m->config;
	const struct transition *t = m->t;
	bool sensor = cap_text_of_sensor(t);

	cap_document_begin(m->document, "info");
	element(m, "language", l->tag);
	element(m, "category", sensor ? "Infra" : "Met");
	text_element(m, "event", l, sensor ? CAP_SENSOR_EVENT : CAP_EVENT);
	element(m, "urgency", transition_urgency_name(t));
	element(m, "severity", transition_severity_name(t));
	element(m, "certainty", transition_certainty_name(t));
	time_element(m, "effective", t->sent_us);
	if (transition_has_incident(t)) {
		time_element(m, "onset", onset_of(t));
	}
	if (c->expires_us != 0) {
		time_element(m, "expires", t->sent_us + c->expires_us);
	}
	element(m, "senderName", c->sender_name);
	put_texts(m, l);
	element(m, "web", c->web);
	element(m, "contact", c->contact);
	put_parameters(m);
	put_area(m, area);
	cap_document_end(m->document);
}

char *cap_xml(const struct cap_config *c, const struct transition *t, const char *area)
{
	struct message m = {.config = c, .t = t, .document = cap_document_new("alert", CAP_NAMESPACE)};

	if (m.document == NULL) {
		return NULL;
	}
	put_alert(&m);
	for (size_t i = 0; i < c->language_count; i++) {
		put_info(&m, &c->languages[i], area);
	}
	return cap_document_finish(m.document);
}
