#include "control_command.h"

#include "control_text.h"
#include "quantity.h"
#include "threshold.h"

#include <math.h>
#include <stdio.h>

#define SECOND_US INT64_C(1000000)

/* More alarms than there can be. */
#define OFFSET_MAX 1000000000

/* Room for the longest word or duration that means something. */
#define WORD_SIZE 32

enum {
	M_STATION = 1 << 0,
	M_PROPERTY = 1 << 1,
	M_CAUSE = 1 << 2,
	M_PERIOD = 1 << 3,
	M_DURATION = 1 << 4,
	M_REASON = 1 << 5,
	M_STATE = 1 << 6,
	M_COUNT = 1 << 7,
	M_OFFSET = 1 << 8,
	M_COMMAND = 1 << 9,
	M_CORRELATION = 1 << 10,
	DATASTREAM = M_STATION | M_PROPERTY,
	ALARM = DATASTREAM | M_CAUSE | M_PERIOD,
};

static const struct kind {
	const char *name;
	enum alarm_action action;
	bool is_list;
	unsigned takes, needs;
} kinds[] = {
	{"acknowledge", ACTION_ACKNOWLEDGE, false, ALARM | M_REASON, DATASTREAM},
	{"shelve", ACTION_SHELVE, false, ALARM | M_DURATION | M_REASON, DATASTREAM | M_DURATION | M_REASON},
	{"unshelve", ACTION_UNSHELVE, false, ALARM | M_REASON, DATASTREAM},
	{"suppress", ACTION_SUPPRESS, false, ALARM | M_REASON, DATASTREAM | M_REASON},
	{"unsuppress", ACTION_UNSUPPRESS, false, ALARM | M_REASON, DATASTREAM},
	{"out_of_service", ACTION_OUT_OF_SERVICE, false, ALARM | M_REASON, DATASTREAM | M_REASON},
	{"in_service", ACTION_IN_SERVICE, false, ALARM | M_REASON, DATASTREAM},
	{"test", ACTION_TEST, false, DATASTREAM | M_REASON, DATASTREAM},
	{"list", 0, true, ALARM | M_STATE | M_COUNT | M_OFFSET, 0},
};

static const char names_of_kinds[] = "acknowledge, shelve, unshelve, suppress, unsuppress, out_of_service, "
				     "in_service, test, list";

/* A command under way. */
struct reading_of {
	const struct kind *kind;
	const struct control_rules *rules;
	const struct control_request *request;
	struct control_command *command;
	char *why;
};

/* --- values --- */

/* Reads a string of 1 to size - 1 bytes that keeps to its line. */
static bool is_line(struct json_slice value, char *text, size_t size)
{
	size_t length;

	if (json_slice_kind(value) != JSON_KIND_STRING) {
		return false;
	}
	length = json_slice_string(value, text, size);
	if (length == 0 || length >= size) {
		return false;
	}
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f) {
			return false;
		}
	}
	return true;
}

static int take_station(struct reading_of *r, struct json_slice value)
{
	if (!is_line(value, r->command->order.key.station, STATION_CODE_MAX + 1)) {
		return control_refuse(r->why, "station", value,
		                      "a station's code, 1 to 64 bytes without control characters");
	}
	return 0;
}

static int take_property(struct reading_of *r, struct json_slice value)
{
	if (!is_line(value, r->command->order.key.property, PROPERTY_CODE_MAX + 1)) {
		return control_refuse(r->why, "property", value,
		                      "a property such as \"water_level\", 1 to 40 bytes");
	}
	return 0;
}

static int take_cause(struct reading_of *r, struct json_slice value)
{
	struct alarm_order *order = &r->command->order;
	char text[WORD_SIZE];

	for (uint8_t i = 0; is_line(value, text, sizeof(text)) && i < CAUSE_TEST; i++) {
		if (strcmp(text, threshold_cause_name(i)) == 0) {
			order->has_cause = true;
			order->cause = i;
			return 0;
		}
	}
	return control_refuse(
		r->why, "cause", value,
		"one of threshold, rate, rain, stale, dead, sensor_error, low_battery, projection, "
		"group, upstream");
}

static int take_period(struct reading_of *r, struct json_slice value)
{
	struct alarm_order *order = &r->command->order;
	char text[WORD_SIZE];
	int64_t us;

	if (!is_line(value, text, sizeof(text)) || quantity_duration_us(text, &us) != 0 || us <= 0) {
		return control_refuse(r->why, "period", value, "the alarm's period, such as \"1h\"");
	}
	order->has_period = true;
	order->period_us = us;
	return 0;
}

static int take_reason(struct reading_of *r, struct json_slice value)
{
	if (!is_line(value, r->command->reason, sizeof(r->command->reason))) {
		return control_refuse(r->why, "reason", value,
		                      "a text of 1 to 200 bytes without control characters");
	}
	r->command->order.reason = r->command->reason;
	return 0;
}

/* "8h", as the configuration would have it. */
static void write_duration(char *text, size_t size, int64_t us)
{
	int64_t seconds = us / SECOND_US;

	if (seconds % 3600 == 0) {
		snprintf(text, size, "%lldh", (long long)(seconds / 3600));
	} else if (seconds % 60 == 0) {
		snprintf(text, size, "%lldm", (long long)(seconds / 60));
	} else {
		snprintf(text, size, "%llds", (long long)seconds);
	}
}

static int take_duration(struct reading_of *r, struct json_slice value)
{
	char allowed[128], longest[32], text[WORD_SIZE];
	int64_t us;

	if (is_line(value, text, sizeof(text)) && quantity_duration_us(text, &us) == 0 && us >= SECOND_US &&
	    us <= r->rules->shelve_max_us) {
		r->command->order.until_us = r->request->now_us + us;
		return 0;
	}
	write_duration(longest, sizeof(longest), r->rules->shelve_max_us);
	snprintf(allowed, sizeof(allowed),
	         "a duration such as \"30m\", from \"1s\" to \"%s\" (\"alerts.shelve_max\" of the "
	         "configuration)",
	         longest);
	return control_refuse(r->why, "duration", value, allowed);
}

static int take_state(struct reading_of *r, struct json_slice value)
{
	static const char *const names[CONTROL_STATE_COUNT] = {
		[CONTROL_ANY] = "any",
		[CONTROL_ACTIVE] = "active",
		[CONTROL_NORMAL] = "normal",
		[CONTROL_UNACKNOWLEDGED] = "unacknowledged",
		[CONTROL_SHELVED] = "shelved",
		[CONTROL_SUPPRESSED] = "suppressed",
		[CONTROL_OUT_OF_SERVICE] = "out_of_service",
	};
	char text[WORD_SIZE];

	for (enum control_state i = CONTROL_ANY;
	     is_line(value, text, sizeof(text)) && i < CONTROL_STATE_COUNT; i++) {
		if (strcmp(text, names[i]) == 0) {
			r->command->state = i;
			return 0;
		}
	}
	return control_refuse(
		r->why, "state", value,
		"one of any, active, unacknowledged, normal, shelved, suppressed, out_of_service");
}

static bool is_count(struct json_slice value, double min, double max, size_t *ret)
{
	double number;

	if (json_slice_kind(value) != JSON_KIND_NUMBER || json_slice_number(value, &number) != 0 ||
	    number < min || number > max || number != floor(number)) {
		return false;
	}
	*ret = (size_t)number;
	return true;
}

static int take_count(struct reading_of *r, struct json_slice value)
{
	if (!is_count(value, 1, CONTROL_LIST_MAX, &r->command->count)) {
		return control_refuse(r->why, "count", value,
		                      "a whole number from 1 to 100; \"offset\" leads on");
	}
	return 0;
}

static int take_offset(struct reading_of *r, struct json_slice value)
{
	if (!is_count(value, 0, OFFSET_MAX, &r->command->offset)) {
		return control_refuse(r->why, "offset", value, "a whole number, 0 for the first alarm");
	}
	return 0;
}

/* --- a command --- */

static const struct member {
	const char *name;
	unsigned bit;
	int (*take)(struct reading_of *r, struct json_slice value); /* NULL: has been read, of any command */
} members[] = {
	{"command", M_COMMAND, NULL},
	{"correlationData", M_CORRELATION, NULL},
	{"station", M_STATION, take_station},
	{"property", M_PROPERTY, take_property},
	{"cause", M_CAUSE, take_cause},
	{"period", M_PERIOD, take_period},
	{"duration", M_DURATION, take_duration},
	{"reason", M_REASON, take_reason},
	{"state", M_STATE, take_state},
	{"count", M_COUNT, take_count},
	{"offset", M_OFFSET, take_offset},
};

/* Whether a string is this word. */
static bool is_word(struct json_slice string, const char *word)
{
	char text[WORD_SIZE];

	return json_slice_string(string, text, sizeof(text)) == strlen(word) && strcmp(text, word) == 0;
}

static int refuse_member(const struct reading_of *r, struct json_slice name)
{
	char list[160] = "", excerpt[CONTROL_EXCERPT_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (n < sizeof(list) && (r->kind->takes & members[i].bit) != 0) {
			n += (size_t)snprintf(list + n, sizeof(list) - n, ", %s", members[i].name);
		}
	}
	return control_sentence(r->why, "\"%s\" has no member \"%s\": allowed are command%s, correlationData",
	                        r->kind->name, control_excerpt_of(excerpt, name), list);
}

static int take_member(struct reading_of *r, struct json_slice name, struct json_slice value, unsigned *seen)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const struct member *m = &members[i];

		if (!is_word(name, m->name)) {
			continue;
		}
		if (m->take != NULL && (r->kind->takes & m->bit) == 0) {
			break;
		}
		if ((*seen & m->bit) != 0) {
			return control_sentence(r->why, "\"%s\" stands twice in \"%s\": remove one", m->name,
			                        r->kind->name);
		}
		*seen |= m->bit;
		return m->take != NULL ? m->take(r, value) : 0;
	}
	return refuse_member(r, name);
}

static int take_members(struct reading_of *r, struct json_slice object)
{
	struct json_items items = json_slice_items(object);
	struct json_slice name, value;
	unsigned seen = 0;

	while (json_slice_member(&items, &name, &value)) {
		int error = take_member(r, name, value, &seen);

		if (error != 0) {
			return error;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if ((r->kind->needs & members[i].bit & ~seen) != 0) {
			return control_sentence(r->why, "\"%s\" without \"%s\": add it", r->kind->name,
			                        members[i].name);
		}
	}
	return 0;
}

static int refuse_head(char *why, struct json_slice object)
{
	if (json_slice_kind(object) != JSON_KIND_OBJECT) {
		return control_sentence(why,
		                        "a command is %s: allowed is an object such as "
		                        "{\"command\": \"list\"}",
		                        json_slice_kind_name(object));
	}
	return control_sentence(why, "a command without \"command\": add one of %s", names_of_kinds);
}

/* What it is called, and what the answer is to carry. */
static int take_head(struct json_slice object, struct control_command *ret, char *why)
{
	struct json_items items = json_slice_items(object);
	struct json_slice name, value, wrong = {NULL, 0};

	while (json_slice_member(&items, &name, &value)) {
		bool is_string = json_slice_kind(value) == JSON_KIND_STRING;

		if (is_word(name, "command") && is_string) {
			ret->name = value;
		} else if (is_word(name, "correlationData")) {
			*(is_string ? &ret->correlation : &wrong) = value;
		}
	}
	if (ret->name.text == NULL) {
		return refuse_head(why, object);
	}
	return wrong.text == NULL ? 0 : control_refuse(why, "correlationData", wrong, "a string");
}

static const struct kind *find_kind(struct json_slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (is_word(name, kinds[i].name)) {
			return &kinds[i];
		}
	}
	return NULL;
}

int control_command_read(struct json_slice object, const struct control_rules *rules,
                         const struct control_request *request, struct control_command *ret,
                         char why[static CONTROL_SENTENCE_MAX])
{
	struct reading_of r = {.rules = rules, .request = request, .command = ret, .why = why};
	char excerpt[CONTROL_EXCERPT_SIZE];
	int error;

	*ret = (struct control_command){.count = CONTROL_LIST_MAX};
	error = take_head(object, ret, why);
	if (error != 0) {
		return error;
	}
	r.kind = find_kind(ret->name);
	if (r.kind == NULL) {
		return control_sentence(why, "there is no command \"%s\": allowed are %s",
		                        control_excerpt_of(excerpt, ret->name), names_of_kinds);
	}
	ret->is_list = r.kind->is_list;
	ret->order.action = r.kind->action;
	ret->order.user = request->user;
	ret->order.client = request->client;
	return take_members(&r, object);
}
