#include "control.h"

#include "control_command.h"
#include "control_list.h"
#include "control_text.h"
#include "json_check.h"
#include "threshold.h"
#include "timestamp.h"
#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* As Mosquitto's own plugins call a command that they cannot read the name of. */
#define NO_NAME "Unknown command"

/* A request under way. failed: memory is short. */
struct answer {
	FILE *out;
	const struct control_rules *rules;
	const struct control_request *request;
	const struct control_hands *hands;
	size_t responses;
	bool listed, failed;
};

/* --- who may --- */

bool control_permits(const struct control_rules *rules, const char *user,
                     char why[static CONTROL_SENTENCE_MAX])
{
	char excerpt[CONTROL_EXCERPT_SIZE];

	if (user == NULL || user[0] == '\0') {
		if (!rules->anonymous) {
			control_sentence(why, "this client has no user name: connect with one that is in "
			                      "\"alerts.operators\" of the configuration");
		}
		return rules->anonymous;
	}
	for (size_t i = 0; i < rules->operator_count; i++) {
		if (strcmp(rules->operators[i], user) == 0 || strcmp(rules->operators[i], "*") == 0) {
			return true;
		}
	}
	control_sentence(why,
	                 "user \"%s\" may not act on alarms: add the name to \"alerts.operators\" of the "
	                 "configuration%s",
	                 control_excerpt(excerpt, user),
	                 rules->operator_count == 0 ? ", which has none so far" : "");
	return false;
}

/* --- answers --- */

static void write_text(struct answer *a, const char *text)
{
	a->failed |= fputs(text, a->out) < 0;
}

/* text in quotes; RFC 8259, section 7. */
static void write_string(struct answer *a, const char *text)
{
	char escape[8];

	write_text(a, "\"");
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20) {
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*p);
			write_text(a, escape);
			continue;
		}
		if (*p == '"' || *p == '\\') {
			write_text(a, "\\");
		}
		a->failed |= putc(*p, a->out) == EOF;
	}
	write_text(a, "\"");
}

/* As it was sent. */
static void write_slice(struct answer *a, struct json_slice slice)
{
	a->failed |= fwrite(slice.text, 1, slice.length, a->out) != slice.length;
}

/* command NULL: the request as a whole. */
static void begin_response(struct answer *a, const struct control_command *command)
{
	write_text(a, a->responses++ > 0 ? ", {\"command\": " : "{\"command\": ");
	if (command != NULL && command->name.text != NULL) {
		write_slice(a, command->name);
	} else {
		write_string(a, NO_NAME);
	}
}

static void end_response(struct answer *a, const struct control_command *command)
{
	if (command != NULL && command->correlation.text != NULL) {
		write_text(a, ", \"correlationData\": ");
		write_slice(a, command->correlation);
	}
	write_text(a, "}");
}

static void respond_error(struct answer *a, const struct control_command *command, const char *why)
{
	begin_response(a, command);
	write_text(a, ", \"error\": ");
	write_string(a, why);
	end_response(a, command);
}

/* --- orders --- */

static const char *already(enum alarm_action action)
{
	switch (action) {
	case ACTION_ACKNOWLEDGE:
		return "has nothing to acknowledge: no incident is open, or somebody has seen to it";
	case ACTION_SHELVE:
		return "is shelved until then already";
	case ACTION_UNSHELVE:
		return "is not shelved";
	case ACTION_SUPPRESS:
		return "is suppressed already";
	case ACTION_UNSUPPRESS:
		return "is not suppressed";
	case ACTION_OUT_OF_SERVICE:
		return "is out of service already";
	case ACTION_IN_SERVICE:
		return "is not out of service";
	case ACTION_TEST:
		break;
	}
	return "is so already";
}

/* "phu-an/rainfall", or "the alarm rain of 1h …" as it was asked for. */
static void write_place(char *text, size_t size, const struct alarm_order *order)
{
	char cause[32] = "", period[48] = "";

	if (order->has_cause) {
		snprintf(cause, sizeof(cause), ", cause %s", threshold_cause_name(order->cause));
	}
	if (order->has_period) {
		snprintf(period, sizeof(period), ", period %" PRId64 "s", order->period_us / 1000000);
	}
	snprintf(text, size, "%s/%s%s%s", order->key.station, order->key.property, cause, period);
}

static void explain(char why[static CONTROL_SENTENCE_MAX], const struct alarm_order *order, int error)
{
	char place[STATION_CODE_MAX + PROPERTY_CODE_MAX + 96];

	write_place(place, sizeof(place), order);
	switch (error) {
	case -ENOENT:
		control_sentence(why,
		                 "there is no alarm %s: {\"command\": \"list\"} shows those there are; one "
		                 "begins with a threshold in highwater.threshold",
		                 place);
		return;
	case -EALREADY:
		control_sentence(why, "%s %s", place, already(order->action));
		return;
	case -ENOBUFS:
	case -ENOMEM:
		control_sentence(why, "%s: memory is short, nothing was done: send the command again later",
		                 place);
		return;
	default:
		control_sentence(why, "%s: nothing was done: %s", place, strerror(-error));
	}
}

static void carry_out(struct answer *a, const struct control_command *command)
{
	char why[CONTROL_SENTENCE_MAX], until[TIMESTAMP_TEXT_SIZE], data[64 + TIMESTAMP_TEXT_SIZE];
	int applied = a->hands->order(a->hands->context, &command->order);

	if (applied < 0) {
		explain(why, &command->order, applied);
		respond_error(a, command, why);
		return;
	}
	begin_response(a, command);
	snprintf(data, sizeof(data), ", \"data\": {\"applied\": %d", applied);
	write_text(a, data);
	if (command->order.action == ACTION_SHELVE) {
		snprintf(data, sizeof(data), ", \"shelved_until\": \"%s\"",
		         timestamp_format(command->order.until_us, until));
		write_text(a, data);
	}
	write_text(a, "}");
	end_response(a, command);
}

static void list(struct answer *a, const struct control_command *command)
{
	if (a->listed) {
		respond_error(a, command, "a second list in one request: send it in a request of its own");
		return;
	}
	a->listed = true;
	begin_response(a, command);
	write_text(a, ", \"data\": ");
	a->failed |= control_list_write(a->out, command, a->hands) != 0;
	end_response(a, command);
}

/* --- requests --- */

static int check_text(const struct control_request *q, struct json_slice *ret,
                      char why[static CONTROL_SENTENCE_MAX])
{
	struct json_fault fault;
	size_t text;

	if (q->length == 0 || q->length > CONTROL_REQUEST_MAX) {
		return control_sentence(why, "the request has %zu bytes: allowed are 1 to %u", q->length,
		                        CONTROL_REQUEST_MAX);
	}
	text = utf8_prefix(q->payload, q->length);
	if (text != q->length) {
		return control_sentence(why, "the request is not UTF-8 text: its byte %zu is 0x%02x",
		                        text + 1, (unsigned)((const unsigned char *)q->payload)[text]);
	}
	if (json_check(q->payload, q->length, ret, &fault) != 0) {
		return control_sentence(why, "the request is not JSON: line %zu, column %zu: %s", fault.line,
		                        fault.column, fault.what);
	}
	return 0;
}

static int check_members(struct json_slice root, struct json_slice *ret,
                         char why[static CONTROL_SENTENCE_MAX])
{
	struct json_items items = json_slice_items(root);
	struct json_slice name, value, commands = {NULL, 0};
	char excerpt[CONTROL_EXCERPT_SIZE];

	while (json_slice_member(&items, &name, &value)) {
		if (strcmp(control_excerpt_of(excerpt, name), "commands") != 0) {
			return control_sentence(
				why, "the request has no member \"%s\": allowed is \"commands\"", excerpt);
		}
		if (commands.text != NULL) {
			return control_sentence(why, "\"commands\" stands twice: make one list of them");
		}
		commands = value;
	}
	if (commands.text == NULL) {
		return control_sentence(
			why,
			"a request without \"commands\": send {\"commands\": [{\"command\": \"list\"}]}");
	}
	*ret = commands;
	return 0;
}

static int check_commands(struct json_slice commands, char why[static CONTROL_SENTENCE_MAX])
{
	struct json_items items = json_slice_items(commands);
	struct json_slice command;
	size_t count = 0;

	if (json_slice_kind(commands) != JSON_KIND_ARRAY) {
		return control_refuse(why, "commands", commands, "a list of objects");
	}
	while (json_slice_element(&items, &command)) {
		count++;
	}
	if (count == 0 || count > CONTROL_COMMANDS_MAX) {
		return control_sentence(why,
		                        "\"commands\" has %zu commands: allowed are 1 to %u, and none was "
		                        "carried out",
		                        count, CONTROL_COMMANDS_MAX);
	}
	return 0;
}

static int read_request(const struct control_request *q, struct json_slice *ret_commands,
                        char why[static CONTROL_SENTENCE_MAX])
{
	struct json_slice root = {NULL, 0};
	int error = check_text(q, &root, why);

	if (error != 0) {
		return error;
	}
	if (json_slice_kind(root) != JSON_KIND_OBJECT) {
		return control_sentence(
			why,
			"the request is %s: allowed is an object, {\"commands\": [{\"command\": \"list\"}]}",
			json_slice_kind_name(root));
	}
	error = check_members(root, ret_commands, why);
	return error == 0 ? check_commands(*ret_commands, why) : error;
}

static void answer_request(struct answer *a)
{
	char why[CONTROL_SENTENCE_MAX];
	struct json_slice commands = {NULL, 0}, object;
	struct json_items items;

	if (read_request(a->request, &commands, why) != 0) {
		respond_error(a, NULL, why);
		return;
	}
	items = json_slice_items(commands);
	while (json_slice_element(&items, &object)) {
		struct control_command command;

		if (control_command_read(object, a->rules, a->request, &command, why) != 0) {
			respond_error(a, &command, why);
		} else if (command.is_list) {
			list(a, &command);
		} else {
			carry_out(a, &command);
		}
	}
}

static char *write_answer(struct answer *a, const char *refusal)
{
	char *text = NULL;
	size_t size;

	a->out = open_memstream(&text, &size);
	if (a->out == NULL) {
		return NULL;
	}
	write_text(a, "{\"responses\": [");
	if (a->request != NULL) {
		answer_request(a);
	} else {
		respond_error(a, NULL, refusal);
	}
	write_text(a, "]}");
	/* A memstream finds no memory as late as here. */
	if (fclose(a->out) != 0 || a->failed) {
		free(text);
		return NULL;
	}
	return text;
}

char *control_refusal(const char *why)
{
	struct answer a = {.out = NULL};

	return write_answer(&a, why);
}

char *control_answer(const struct control_rules *rules, const struct control_request *request,
                     const struct control_hands *hands)
{
	struct answer a = {.rules = rules, .request = request, .hands = hands};

	return write_answer(&a, NULL);
}
