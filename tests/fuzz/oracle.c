#include "oracle.h"

#include "json_check.h"
#include "timestamp.h"
#include "utf8.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#define FLAGS (JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL)

/* Stands for a number beyond a double, in no more bytes than the shortest of them. */
#define BEYOND_TEXT "7e307"
#define BEYOND      7e307

static struct heard expected;
static struct decode_sink sink;
static const struct property *topic_property;

const struct heard *oracle_expected(void)
{
	return &expected;
}

static bool in_number(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static size_t digits(const char *text, size_t length)
{
	size_t n = 0;

	while (n < length && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

/* Whether the text is one number. */
static bool is_number(const char *text, size_t length)
{
	size_t at = length && text[0] == '-', n = digits(text + at, length - at);

	if (!n || (n > 1 && text[at] == '0'))
		return false;
	at += n;
	if (at < length && text[at] == '.') {
		at++;
		n = digits(text + at, length - at);
		if (!n)
			return false;
		at += n;
	}
	if (at < length && (text[at] == 'e' || text[at] == 'E')) {
		at++;
		at += at < length && (text[at] == '+' || text[at] == '-');
		n = digits(text + at, length - at);
		if (!n)
			return false;
		at += n;
	}
	return at == length;
}

/* Overwrites the number that ends at position; with space, and so that it touches nothing it did not. */
static bool tame(char *text, int position)
{
	size_t end = position < 0 ? 0 : (size_t)position, begin = end;

	while (begin > 0 && in_number(text[begin - 1]))
		begin--;
	while (begin < end && !is_number(text + begin, end - begin))
		begin++;
	if (end - begin < sizeof(BEYOND_TEXT) - 1)
		return false;
	memset(text + begin, ' ', end - begin);
	memcpy(text + end - (sizeof(BEYOND_TEXT) - 1), BEYOND_TEXT, sizeof(BEYOND_TEXT) - 1);
	return true;
}

static json_t *parse(char *text, size_t length, size_t flags, json_error_t *error)
{
	json_t *value;

	do
		value = json_loadb(text, length, FLAGS | flags, error);
	while (!value && json_error_code(error) == json_error_numeric_overflow &&
	       tame(text, error->position));
	return value;
}

/* The deepest level within the first bytes of JSON, or the level at their end. */
static size_t count_levels(const char *text, size_t length, size_t *ret_at_end)
{
	size_t level = 0, most = 0;
	bool inside = false;

	for (size_t i = 0; i < length; i++) {
		if (inside) {
			inside = text[i] != '"';
			i += text[i] == '\\';
		} else if (text[i] == '"') {
			inside = true;
		} else if (text[i] == '{' || text[i] == '[') {
			level++;
			most = MAX(most, level);
		} else if ((text[i] == '}' || text[i] == ']') && level) {
			level--;
		}
	}
	*ret_at_end = level;
	return most;
}

static bool has_long_number(const char *text, size_t length)
{
	size_t run = 0;

	for (size_t i = 0; i < length; i++) {
		run = in_number(text[i]) ? run + 1 : 0;
		if (run > JSON_SLICE_NUMBER_MAX)
			return true;
	}
	return false;
}

static bool is_text(const char *text, size_t length)
{
	json_t *string = json_stringn(text, length);
	bool valid = string && !memchr(text, '\0', length);

	json_decref(string);
	return valid;
}

static void expect_reject(enum reject reason, const struct property *property)
{
	sink.reject(sink.context, reason, property ? property->code : NULL, "");
}

static void expect_value(const struct property *property, json_t *value, const struct decode_value *rest)
{
	struct decode_value told = *rest;

	if (json_is_number(value)) {
		told.property = property;
		told.value = json_number_value(value);
		sink.value(sink.context, &told);
	} else {
		expect_reject(json_is_null(value) ? REJECT_MISSING_VALUE : REJECT_NOT_A_NUMBER, property);
	}
}

static void expect_ignored(const char *name)
{
	char cut[PROPERTY_CODE_MAX + 1];

	copy_text(cut, sizeof(cut), name, utf8_prefix(name, MIN(strlen(name), PROPERTY_CODE_MAX)));
	sink.ignored(sink.context, cut);
}

static bool read_time(json_t *time, struct decode_value *rest)
{
	if (!time)
		return true;
	rest->has_time = true;
	if (json_is_string(time) &&
	    timestamp_parse(json_string_value(time), json_string_length(time), &rest->time_us) == 0)
		return true;
	if (json_is_number(time) && timestamp_from_number(json_number_value(time), &rest->time_us) == 0)
		return true;
	expect_reject(REJECT_INVALID_TIME, topic_property);
	return false;
}

static void expect_single(json_t *object, const struct decode_value *with_time)
{
	struct decode_value rest = *with_time;
	json_t *value = json_object_get(object, "value"), *unit = json_object_get(object, "unit"), *member;
	char text[PROPERTY_CODE_MAX * 2];
	const char *name;

	json_object_foreach (object, name, member)
		if (strcmp(name, "time") != 0 && strcmp(name, "value") != 0 && strcmp(name, "unit") != 0)
			expect_ignored(name);
	if (!value) {
		expect_reject(REJECT_MISSING_VALUE, topic_property);
	} else if (unit && !json_is_string(unit) && !json_is_null(unit)) {
		expect_reject(REJECT_WRONG_UNIT, topic_property);
	} else {
		if (json_is_string(unit)) {
			copy_text(text, sizeof(text), json_string_value(unit),
			          utf8_prefix(json_string_value(unit),
			                      MIN(json_string_length(unit), sizeof(text) - 1)));
			rest.unit = text;
		}
		expect_value(topic_property, value, &rest);
	}
}

static void expect_several(const struct decode_input *in, json_t *object, const struct decode_value *rest)
{
	bool told = false;
	const char *name;
	json_t *member;

	json_object_foreach (object, name, member) {
		const struct property *property = NULL;

		if (strcmp(name, "time") == 0)
			continue;
		for (size_t i = 0; i < in->property_count && !json_is_null(member); i++)
			if (strcmp(name, in->properties[i].code) == 0)
				property = &in->properties[i];
		if (property)
			expect_value(property, member, rest);
		else
			expect_ignored(name);
		told = told || property;
	}
	if (!told)
		expect_reject(REJECT_MISSING_VALUE, NULL);
}

static void expect(const struct decode_input *in, json_t *root)
{
	struct decode_value rest = {.unit = NULL};

	if (json_is_object(root)) {
		if (!read_time(json_object_get(root, "time"), &rest))
			return;
		if (topic_property)
			expect_single(root, &rest);
		else
			expect_several(in, root, &rest);
	} else if (!topic_property || json_is_array(root)) {
		expect_reject(REJECT_WRONG_SHAPE, topic_property);
	} else {
		expect_value(topic_property, root, &rest);
	}
}

/* A unit longer than any comes cut, at a whole character. */
static bool same_unit(const struct heard_call *ours, const struct heard_call *theirs)
{
	size_t length = strlen(ours->text);

	if (ours->has_text != theirs->has_text || strncmp(ours->text, theirs->text, length) != 0)
		return false;
	return theirs->text[length] == '\0' || length > UNIT_MAX;
}

static bool same_call(const struct heard_call *ours, const struct heard_call *theirs)
{
	if (strcmp(ours->property, theirs->property) != 0)
		return false;
	if (theirs->kind == HEARD_VALUE && theirs->value == copysign(BEYOND, theirs->value) &&
	    ours->kind == HEARD_REJECT)
		return ours->reason == REJECT_OUT_OF_RANGE;
	if (ours->kind != theirs->kind || ours->reason != theirs->reason)
		return false;
	if (ours->kind == HEARD_VALUE)
		return heard_same_value(ours->value, theirs->value) && ours->has_time == theirs->has_time &&
		       ours->time_us == theirs->time_us && same_unit(ours, theirs);
	return ours->kind == HEARD_REJECT || strcmp(ours->text, theirs->text) == 0;
}

static bool same(const struct heard *ours)
{
	if (ours->count != expected.count)
		return false;
	for (size_t i = 0; i < ours->count; i++)
		if (!same_call(&ours->calls[i], &expected.calls[i]))
			return false;
	return true;
}

/* Whether a name that stands twice, the second time just before position, is one that we do not compare. */
static bool may_repeat(char *text, int position)
{
	size_t end = position < 0 ? 0 : (size_t)position, begin, level;
	json_t *name = NULL;

	count_levels(text, end, &level);
	if (level > 1)
		return true;
	/* The longest string that ends here: an escaped quote may look like a beginning. */
	for (begin = end; begin-- > 0 && !name;)
		if (text[begin] == '"' && end - begin > PROPERTY_CODE_MAX + 1)
			name = json_loadb(text + begin, end - begin, JSON_DECODE_ANY, NULL);
	level = json_string_length(name);
	json_decref(name);
	return level > PROPERTY_CODE_MAX;
}

static enum reject only_reject(const struct heard *heard)
{
	return heard->count == 1 && heard->calls[0].kind == HEARD_REJECT ? heard->calls[0].reason
	                                                                 : REJECT_NONE;
}

/* Texts that are not JSON. NULL: we are right about it. */
static const char *judge_refusal(char *text, size_t length, enum reject reason)
{
	size_t level;
	json_t *value;
	json_error_t error;

	if (is_text(text, length) != (reason != REJECT_INVALID_UTF8))
		return "one says UTF-8, the other not";
	if (reason == REJECT_INVALID_UTF8)
		return NULL;
	value = parse(text, length, 0, &error);
	json_decref(value);
	if (value && count_levels(text, length, &level) <= JSON_CHECK_DEPTH_MAX)
		return "refused, but it is JSON";
	return NULL;
}

static const char *judge_meaning(const struct decode_input *in, char *text, const struct heard *heard)
{
	enum reject reason = only_reject(heard);
	json_error_t error, other;
	json_t *root = parse(text, in->length, JSON_REJECT_DUPLICATES, &error);
	bool twice = !root && json_error_code(&error) == json_error_duplicate_key;
	const char *why = NULL;

	if (twice)
		root = parse(text, in->length, 0, &other);
	if (!root)
		return "taken, but it is not JSON";
	if (reason == REJECT_DUPLICATE_KEY) {
		why = twice ? NULL : "no name stands twice";
	} else if (json_object_size(root) > DECODE_JSON_MEMBERS_MAX) {
		why = reason == REJECT_WRONG_SHAPE ? NULL : "too many members";
	} else if (twice) {
		/* The order of members is lost. */
		why = may_repeat(text, error.position) || reason == REJECT_WRONG_SHAPE
		              ? NULL
		              : "a name stands twice";
	} else if (!has_long_number(text, in->length)) {
		expect(in, root);
		why = same(heard) ? NULL : "another meaning";
	}
	json_decref(root);
	return why;
}

static const char *judge(const struct decode_input *in, char *text, const struct heard *heard)
{
	enum reject reason = only_reject(heard);

	if (in->length == 0)
		return reason == REJECT_EMPTY_PAYLOAD ? NULL : "empty";
	if (in->length > DECODE_PAYLOAD_MAX)
		return reason == REJECT_PAYLOAD_TOO_LARGE ? NULL : "too large";
	if (reason == REJECT_INVALID_UTF8 || reason == REJECT_INVALID_JSON)
		return judge_refusal(text, in->length, reason);
	return judge_meaning(in, text, heard);
}

bool oracle_allows(const struct decode_input *in, const struct heard *heard, const char **ret_why)
{
	char *text = malloc(in->length + 1);

	if (!text)
		abort();
	if (in->length)
		memcpy(text, in->payload, in->length);
	text[in->length] = '\0';
	sink = heard_sink(&expected);
	topic_property = NULL;
	if (in->property)
		for (size_t i = 0; i < in->property_count; i++)
			if (strcmp(in->property, in->properties[i].code) == 0)
				topic_property = &in->properties[i];
	*ret_why = judge(in, text, heard);
	free(text);
	return !*ret_why;
}
