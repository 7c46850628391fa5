#include "player_message.h"

#include "player_value.h"
#include "timestamp.h"

#include <errno.h>
#include <mosquitto.h>
#include <stdarg.h>
#include <stdlib.h>

enum { PART_TEXT = -1, PART_PROPERTY = -2 };

static const char *property_of(const struct player_value *v)
{
	return v->property != NULL ? v->property : v->column;
}

/* "no column "x"; the file has: a, b, c" */
static int no_column(const struct csv *header, const char *name, size_t length,
                     char why[static PLAYER_WHY_SIZE])
{
	size_t used = (size_t)snprintf(why, PLAYER_WHY_SIZE,
	                               "no column \"%.*s\"; the file has: ", (int)length, name);

	for (size_t i = 0; i < header->count && used < PLAYER_WHY_SIZE; i++) {
		used += (size_t)snprintf(why + used, PLAYER_WHY_SIZE - used, "%s%s", i > 0 ? ", " : "",
		                         csv_field(header, i));
	}
	return -EINVAL;
}

static int add_part(struct player_binding *b, const char *text, size_t length, long column)
{
	if (b->parts == PLAYER_PARTS_MAX) {
		return -E2BIG;
	}
	if (length > 0) {
		b->part[b->parts++] = (struct player_part){text, length, column};
	}
	return 0;
}

static int bind_topic(struct player_binding *b, const struct csv *header, char why[static PLAYER_WHY_SIZE])
{
	const char *p = b->options->topic;

	while (*p != '\0') {
		size_t text = strcspn(p, "{"), name;
		long column;
		int r = add_part(b, p, text, PART_TEXT);

		p += text;
		if (r == 0 && *p == '{') {
			name = strcspn(++p, "}");
			if (p[name] == '\0') {
				snprintf(why, PLAYER_WHY_SIZE, "--topic: a brace is not closed");
				return -EINVAL;
			}
			column = csv_find(header, p, name);
			if (column < 0 && (name != strlen("property") || memcmp(p, "property", name) != 0)) {
				return no_column(header, p, name, why);
			}
			r = add_part(b, p, name, column < 0 ? PART_PROPERTY : column);
			p += name + 1;
		}
		if (r < 0) {
			snprintf(why, PLAYER_WHY_SIZE, "--topic: too many parts");
			return r;
		}
	}
	return 0;
}

static int bind_values(struct player_binding *b, const struct csv *header, char why[static PLAYER_WHY_SIZE])
{
	const struct player_options *o = b->options;

	for (size_t i = 0; i < o->values; i++) {
		const char *name = o->value[i].column;
		long column = csv_find(header, name, strlen(name));

		if (column < 0) {
			return no_column(header, name, strlen(name), why);
		}
		b->value_column[i] = (size_t)column;
	}
	return 0;
}

static bool topic_has_property(const struct player_binding *b)
{
	for (size_t i = 0; i < b->parts; i++) {
		if (b->part[i].column == PART_PROPERTY) {
			return true;
		}
	}
	return false;
}

/* One value that the topic or the file itself names, so that the payload need not. */
static bool is_single(const struct player_binding *b)
{
	const struct player_value *v = &b->options->value[0];
	const char *last = strrchr(b->options->topic, '/');

	if (topic_has_property(b)) {
		return true;
	}
	return b->options->values == 1 &&
	       (v->property == NULL || strcmp(v->property, last != NULL ? last + 1 : b->options->topic) == 0);
}

int player_binding_init(struct player_binding *ret, const struct player_options *o, const struct csv *header,
                        char ret_why[static PLAYER_WHY_SIZE])
{
	struct player_binding b = {.options = o, .columns = header->count};
	int r = bind_topic(&b, header, ret_why);

	if (r == 0) {
		r = bind_values(&b, header, ret_why);
	}
	if (r < 0) {
		return r;
	}
	b.time_column = csv_find(header, o->time_column, strlen(o->time_column));
	if (b.time_column < 0 && (o->time_column_given || o->times == TIMES_SHIFTED)) {
		return no_column(header, o->time_column, strlen(o->time_column), ret_why);
	}
	b.messages = topic_has_property(&b) ? o->values : 1;
	if (o->unit != NULL && !is_single(&b)) {
		snprintf(ret_why, PLAYER_WHY_SIZE,
		         "--unit goes with single values, not with an object of many");
		return -EINVAL;
	}
	*ret = b;
	return 0;
}

int player_row_time(const struct player_binding *b, const struct csv *row, int64_t *ret_us,
                    const char **ret_why)
{
	const char *text;
	char *end;
	double number;

	if (row->count != b->columns) {
		*ret_why = row->count < b->columns ? "fewer fields than the header"
		                                   : "more fields than the header";
		return -EINVAL;
	}
	if (b->time_column < 0) {
		*ret_us = INT64_MIN;
		return 0;
	}
	text = csv_field(row, (size_t)b->time_column);
	if (timestamp_parse(text, strlen(text), ret_us) == 0) {
		return 0;
	}
	number = strtod(text, &end);
	if (end != text && *end == '\0' && timestamp_from_number(number, ret_us) == 0) {
		return 0;
	}
	*ret_why = "the time is neither RFC 3339 with zone nor Unix seconds or milliseconds";
	return -EINVAL;
}

static int build_topic(const struct player_binding *b, const struct csv *row, size_t i, char *topic)
{
	size_t used = 0;

	for (size_t k = 0; k < b->parts; k++) {
		const struct player_part *part = &b->part[k];
		const char *text = part->text;
		size_t length = part->length;

		if (part->column != PART_TEXT) {
			text = part->column == PART_PROPERTY ? property_of(&b->options->value[i])
			                                     : csv_field(row, (size_t)part->column);
			length = strlen(text);
			if (length == 0) {
				return -EINVAL;
			}
		}
		if (used + length >= PLAYER_TOPIC_SIZE) {
			return -EINVAL;
		}
		memcpy(topic + used, text, length);
		used += length;
	}
	topic[used] = '\0';
	if (mosquitto_pub_topic_check(topic) != MOSQ_ERR_SUCCESS ||
	    mosquitto_validate_utf8(topic, (int)used) != MOSQ_ERR_SUCCESS) {
		return -EINVAL;
	}
	return 0;
}

struct json {
	char *text;
	size_t used;
	bool full;
};

printf_like(2, 3) static void add(struct json *j, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(j->text + j->used, PLAYER_PAYLOAD_SIZE - j->used, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= PLAYER_PAYLOAD_SIZE - j->used) {
		j->full = true;
	} else {
		j->used += (size_t)n;
	}
}

/* 1: added; 0: the field is empty. */
static int add_member(struct json *j, const struct player_binding *b, const struct csv *row, size_t i,
                      bool single)
{
	const struct player_value *v = &b->options->value[i];
	const char *field = csv_field(row, b->value_column[i]);
	char number[PLAYER_NUMBER_SIZE];

	if (field[0] == '\0') {
		return 0;
	}
	if (player_value_convert(v, field, number) < 0) {
		return -EINVAL;
	}
	add(j, "%s\"%s\": %s", j->used > 1 ? ", " : "", single ? "value" : property_of(v), number);
	return 1;
}

static int build_payload(const struct player_binding *b, const struct csv *row, size_t i, int64_t time_us,
                         struct json *j)
{
	bool single = is_single(b);
	size_t end = single ? i + 1 : b->options->values;
	char time[TIMESTAMP_TEXT_SIZE];
	int values = 0;

	add(j, "{");
	if (time_us != INT64_MIN) {
		add(j, "\"time\": \"%s\"", timestamp_format(time_us, time));
	}
	for (; i < end; i++) {
		int r = add_member(j, b, row, i, single);

		if (r < 0) {
			return r;
		}
		values += r;
	}
	if (single && b->options->unit != NULL) {
		add(j, ", \"unit\": \"%s\"", b->options->unit);
	}
	add(j, "}");
	return values > 0 ? 0 : -ENODATA;
}

int player_message_build(const struct player_binding *b, const struct csv *row, size_t i, int64_t time_us,
                         struct player_message *ret, const char **ret_why)
{
	struct json j = {.text = ret->payload};
	int r = build_payload(b, row, i, time_us, &j);

	if (r < 0) {
		*ret_why = r == -ENODATA ? "no value" : "a value is not a decimal number";
		return r;
	}
	if (j.full) {
		*ret_why = "the payload would be longer than 4 KiB";
		return -EINVAL;
	}
	ret->payload_length = (int)j.used;
	if (build_topic(b, row, i, ret->topic) < 0) {
		*ret_why = "a field cannot be part of a topic: empty, too long, with + or #, or not UTF-8";
		return -EINVAL;
	}
	return 0;
}
