/*
 * control - operators' requests: JSON in, orders out, answers as JSON.
 *
 * In the manner of Mosquitto's dynamic security plugin:
 *
 *   {"commands": [{"command": "shelve", "station": "phu-an", …}, …]}
 *   {"responses": [{"command": "shelve", "data": {…}}, …]}
 *
 *   command                      members beside "command" and "correlationData"
 *   acknowledge unshelve         station, property; cause, period, reason if wanted
 *   unsuppress in_service
 *   suppress out_of_service      the same, and reason must be there
 *   shelve                       the same, and duration
 *   test                         station, property; reason if wanted
 *   list                         station, property, cause, period, state, count, offset if wanted
 *
 * Promise  Each command is carried out, or refused with a sentence that says what was found and what to
 *          do, by itself. A request that is refused as a whole changes nothing.
 * Threads  [any] pure; what is done is done by control_hands, in the order of the request.
 * Memory   Answers come from malloc(); NULL when memory is short. A request is bounded: by its bytes,
 *          its commands, one list, and the alarms that a list shows.
 */
#ifndef HIGHWATER_CONTROL_H
#define HIGHWATER_CONTROL_H

#include "alarm_order.h"
#include "util.h"

#define CONTROL_TOPIC          "$CONTROL/highwater/v1"
#define CONTROL_RESPONSE_TOPIC CONTROL_TOPIC "/response"

#define CONTROL_REQUEST_MAX  65536u /* bytes */
#define CONTROL_COMMANDS_MAX 100u
#define CONTROL_LIST_MAX     100u /* alarms in an answer; each takes a few microseconds to write */
#define CONTROL_SENTENCE_MAX 400

/* What the configuration says. */
struct control_rules {
	char *const *operators; /* users; "*": any that has a name */
	size_t operator_count;
	bool anonymous;        /* clients without a user name too */
	int64_t shelve_max_us; /* the longest shelving */
};

struct control_request {
	const void *payload;
	size_t length;             /* bytes */
	const char *user, *client; /* NULL: not known */
	int64_t now_us;            /* Unix µs */
};

/* What a list chooses by. */
struct control_alarm {
	const struct datastream_key *key;
	int64_t period_us, shelved_until_us; /* 0: none; not shelved */
	int32_t level;
	uint8_t cause; /* enum cause */
	bool acknowledged, suppressed, out_of_service;
	void *place; /* the hands' own */
};

struct control_hands {
	void *context;
	/* As alarms_order(). */
	int (*order)(void *context, const struct alarm_order *order);
	/* Calls see for every alarm. */
	void (*each)(void *context, void (*see)(void *list, const struct control_alarm *a), void *list);
	/* Its status as a JSON object, from malloc(); NULL when memory is short. */
	char *(*status)(void *context, const struct control_alarm *a);
};

/* Whether a client with this user name may act; else why says who may, and which key says so. */
bool control_permits(const struct control_rules *rules, const char *user,
                     char why[static CONTROL_SENTENCE_MAX]) must_check;

/* The answer to a request that is not looked at. */
char *control_refusal(const char *why) must_check;

/* Carries out what is asked. NULL: what was carried out is, but there is no memory to say so. */
char *control_answer(const struct control_rules *rules, const struct control_request *request,
                     const struct control_hands *hands) must_check;

#endif
