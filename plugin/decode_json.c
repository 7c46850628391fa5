#include "decode_json.h"

#include "decode_flat.h"
#include "json_check.h"
#include "timestamp.h"
#include "utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Bytes of a value or name that a detail quotes. */
#define EXCERPT_MAX 40

struct object {
	const struct decode_member *members;
	size_t count;
};

struct decoding {
	const struct decode_input *in;
	const struct decode_sink *sink;
	const struct property *property; /* the topic's; NULL when it names none */
	bool has_time;
	int64_t time_us;
	size_t told; /* values and rejects handed to the sink */
};

static void printf_like(4, 5)
	reject(struct decoding *d, enum reject reason, const struct property *property, const char *fmt, ...)
{
	char detail[DECODE_DETAIL_MAX + 1];
	va_list args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	detail[utf8_prefix(detail, strlen(detail))] = '\0';
	for (char *p = detail; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			*p = ' ';
	d->told++;
	d->sink->reject(d->sink->context, reason, property ? property->code : NULL, detail);
}

/* How much of a value a detail quotes; reject() must not see half a character in the middle. */
static int excerpt(struct json_slice value)
{
	return (int)utf8_prefix(value.text, MIN(value.length, EXCERPT_MAX));
}

static void take_number(struct decoding *d, const struct property *property, struct json_slice number,
                        const char *unit)
{
	struct decode_value value = {
		.property = property, .has_time = d->has_time, .time_us = d->time_us, .unit = unit};

	if (json_slice_number(number, &value.value) < 0) {
		reject(d, REJECT_OUT_OF_RANGE, property, "\"%s\" is beyond a double: %.*s", property->code,
		       excerpt(number), number.text);
		return;
	}
	d->told++;
	d->sink->value(d->sink->context, &value);
}

static void take_value(struct decoding *d, const struct property *property, enum json_kind kind,
                       struct json_slice value, const char *unit)
{
	if (kind == JSON_KIND_NUMBER)
		take_number(d, property, value, unit);
	else if (kind == JSON_KIND_NULL)
		reject(d, REJECT_MISSING_VALUE, property, "the value of \"%s\" is null", property->code);
	else
		reject(d, REJECT_NOT_A_NUMBER, property, "the value of \"%s\" is %s: %.*s", property->code,
		       json_slice_kind_name(value), excerpt(value), value.text);
}

static void ignore(const struct decoding *d, const struct decode_member *m)
{
	char name[PROPERTY_CODE_MAX + 1];

	copy_text(name, sizeof(name), m->name, m->name_length);
	d->sink->ignored(d->sink->context, name);
}

static const struct decode_member *find(const struct object *object, const char *name, size_t length)
{
	for (size_t i = 0; i < object->count; i++)
		if (decode_member_is(&object->members[i], name, length))
			return &object->members[i];
	return NULL;
}

/* RFC 3339 has nothing to escape, but a writer may do it. */
static int parse_time(struct json_slice string, int64_t *ret_us)
{
	char text[TIMESTAMP_TEXT_SIZE * 2];
	size_t length;

	if (!memchr(string.text, '\\', string.length))
		return timestamp_parse(string.text + 1, string.length - 2, ret_us);
	length = json_slice_string(string, text, sizeof(text));
	return length < sizeof(text) ? timestamp_parse(text, length, ret_us) : -EINVAL;
}

static bool read_time(struct decoding *d, const struct decode_member *time)
{
	double number;

	if (!time)
		return true;
	d->has_time = true;
	switch (time->kind) {
	case JSON_KIND_STRING:
		if (parse_time(time->value, &d->time_us) == 0)
			return true;
		break;
	case JSON_KIND_NUMBER:
		if (json_slice_number(time->value, &number) == 0 &&
		    timestamp_from_number(number, &d->time_us) == 0)
			return true;
		break;
	case JSON_KIND_NULL:
	case JSON_KIND_BOOLEAN:
	case JSON_KIND_ARRAY:
	case JSON_KIND_OBJECT:
		break;
	}
	reject(d, REJECT_INVALID_TIME, d->property,
	       "\"time\" is %.*s: allowed are RFC 3339 with a zone, Unix seconds or milliseconds",
	       excerpt(time->value), time->value.text);
	return false;
}

/* Longer than any unit, so that what is cut cannot pass for one. */
#define UNIT_TEXT_SIZE (UNIT_MAX * 4)

/* *ret_unit: text, or NULL when the payload names no unit. */
static bool read_unit(struct decoding *d, const struct decode_member *unit, char text[static UNIT_TEXT_SIZE],
                      const char **ret_unit)
{
	*ret_unit = NULL;
	if (!unit || unit->kind == JSON_KIND_NULL)
		return true;
	if (unit->kind != JSON_KIND_STRING) {
		reject(d, REJECT_WRONG_UNIT, d->property, "\"unit\" is %s, not a string",
		       json_slice_kind_name(unit->value));
		return false;
	}
	json_slice_string(unit->value, text, UNIT_TEXT_SIZE);
	*ret_unit = text;
	return true;
}

/* {"value": 1.53, "time": …, "unit": "m"} */
static void take_single(struct decoding *d, const struct object *object)
{
	const struct decode_member *time = find(object, "time", 4), *value = find(object, "value", 5),
				   *unit_member = find(object, "unit", 4);
	char text[UNIT_TEXT_SIZE];
	const char *unit;

	if (!read_time(d, time))
		return;
	for (size_t i = 0; i < object->count; i++) {
		const struct decode_member *m = &object->members[i];

		if (m != time && m != value && m != unit_member)
			ignore(d, m);
	}
	if (!value)
		reject(d, REJECT_MISSING_VALUE, d->property, "the object has no member \"value\"");
	else if (read_unit(d, unit_member, text, &unit))
		take_value(d, d->property, value->kind, value->value, unit);
}

/* {"time": …, "water_level": 1.53, "rainfall": 0.2} */
static void take_several(struct decoding *d, const struct object *object)
{
	const struct decode_member *time = find(object, "time", 4);

	if (!read_time(d, time))
		return;
	for (size_t i = 0; i < object->count; i++) {
		const struct decode_member *m = &object->members[i];
		const struct property *property = NULL;

		if (m == time)
			continue;
		if (!m->cut && m->kind != JSON_KIND_NULL)
			property = property_find(d->in->properties, d->in->property_count, m->name,
			                         m->name_length);
		if (property)
			take_value(d, property, m->kind, m->value, NULL);
		else
			ignore(d, m);
	}
	if (!d->told)
		reject(d, REJECT_MISSING_VALUE, NULL,
		       "no member of the object is a known property with a value");
}

static void take_object(struct decoding *d, const struct object *object)
{
	if (d->property)
		take_single(d, object);
	else
		take_several(d, object);
}

/* What is no object. */
static void take_other(struct decoding *d, enum json_kind kind, struct json_slice root)
{
	if (!d->property)
		reject(d, REJECT_WRONG_SHAPE, NULL,
		       "the payload is %s, and the topic names no property: "
		       "send an object such as {\"water_level\": 1.53}",
		       json_slice_kind_name(root));
	else if (kind == JSON_KIND_ARRAY)
		reject(d, REJECT_WRONG_SHAPE, d->property,
		       "the payload is an array: send a number, or an object such as {\"value\": 1.53}");
	else
		take_value(d, d->property, kind, root, NULL);
}

/* The members of an object, for which there is more room here than most need: out of the way of those. */
static void __attribute__((noinline)) read_object(struct decoding *d, struct json_slice value)
{
	char names[DECODE_JSON_MEMBERS_MAX][PROPERTY_CODE_MAX + 1];
	struct decode_member members[DECODE_JSON_MEMBERS_MAX];
	struct json_items items = json_slice_items(value);
	struct object object = {members, 0};
	struct json_slice name;
	struct decode_member m;

	while (json_slice_member(&items, &name, &m.value)) {
		if (object.count == ARRAY_SIZE(members)) {
			reject(d, REJECT_WRONG_SHAPE, NULL, "the object has more than %d members",
			       DECODE_JSON_MEMBERS_MAX);
			return;
		}
		m.name = names[object.count];
		m.cut = json_slice_string(name, names[object.count], sizeof(names[0])) >= sizeof(names[0]);
		m.name_length = (uint8_t)strlen(m.name);
		m.kind = json_slice_kind(m.value);
		if (!m.cut && find(&object, m.name, m.name_length)) {
			reject(d, REJECT_DUPLICATE_KEY, NULL, "\"%s\" stands twice", m.name);
			return;
		}
		members[object.count++] = m;
	}
	take_object(d, &object);
}

static void take_root(struct decoding *d, struct json_slice root)
{
	enum json_kind kind = json_slice_kind(root);

	if (kind == JSON_KIND_OBJECT)
		read_object(d, root);
	else
		take_other(d, kind, root);
}

/* Whether the payload is text of a size that is looked at. */
static bool check_text(struct decoding *d)
{
	const struct decode_input *in = d->in;
	size_t prefix;

	if (in->length == 0) {
		reject(d, REJECT_EMPTY_PAYLOAD, NULL, "the payload has no bytes");
		return false;
	}
	if (in->length > DECODE_PAYLOAD_MAX) {
		reject(d, REJECT_PAYLOAD_TOO_LARGE, NULL, "the payload has %zu bytes, allowed are %d",
		       in->length, DECODE_PAYLOAD_MAX);
		return false;
	}
	prefix = utf8_prefix(in->payload, in->length);
	if (prefix != in->length) {
		reject(d, REJECT_INVALID_UTF8, NULL, "byte %zu of %zu is 0x%02x: not UTF-8 text without NUL",
		       prefix + 1, in->length, (unsigned)((const unsigned char *)in->payload)[prefix]);
		return false;
	}
	return true;
}

/* The property that the topic names, if it names one. */
static bool find_property(struct decoding *d)
{
	struct json_slice name = {d->in->property, d->in->property_length};

	if (!name.text)
		return true;
	d->property = property_find(d->in->properties, d->in->property_count, name.text, name.length);
	if (d->property)
		return true;
	reject(d, REJECT_UNKNOWN_PROPERTY, NULL, "\"%.*s\" is not in highwater.observed_property",
	       excerpt(name), name.text);
	return false;
}

static void decode_checked(struct decoding *d)
{
	const struct decode_input *in = d->in;
	struct json_fault fault;
	struct json_slice root;

	if (!check_text(d))
		return;
	if (json_check(in->payload, in->length, &root, &fault) < 0)
		reject(d, REJECT_INVALID_JSON, NULL, "line %zu, column %zu: %s", fault.line, fault.column,
		       fault.what);
	else
		take_root(d, root);
}

int decode_json_checked(const struct decode_input *in, const struct decode_sink *sink)
{
	struct decoding d = {.in = in, .sink = sink};

	if (find_property(&d))
		decode_checked(&d);
	return 0;
}

int decode_json(const struct decode_input *in, const struct decode_sink *sink)
{
	struct decoding d = {.in = in, .sink = sink};
	struct decode_flat flat;

	if (!find_property(&d))
		return 0;
	if (in->length == 0 || in->length > DECODE_PAYLOAD_MAX ||
	    !decode_flat(in->payload, in->length, &flat))
		decode_checked(&d);
	else if (flat.kind == JSON_KIND_OBJECT)
		take_object(&d, &(struct object){flat.members, flat.count});
	else
		take_other(&d, flat.kind, flat.root);
	return 0;
}
