/*
 * control_command - one command of an operator's request, read strictly.
 *
 * Threads  [any]
 * Errors   0, or -EINVAL with the sentence in why.
 * Memory   None is asked for: names and texts are read where they lie, or copied into the command.
 */
#ifndef HIGHWATER_CONTROL_COMMAND_H
#define HIGHWATER_CONTROL_COMMAND_H

#include "control.h"
#include "json_slice.h"
#include "transition.h"

/* Of alarms that a list shows. */
enum control_state {
	CONTROL_ANY,
	CONTROL_ACTIVE,         /* beyond a level, or latched there */
	CONTROL_UNACKNOWLEDGED, /* the same, and nobody has seen to it */
	CONTROL_NORMAL,
	CONTROL_SHELVED,
	CONTROL_SUPPRESSED,
	CONTROL_OUT_OF_SERVICE,
	CONTROL_STATE_COUNT,
};

struct control_command {
	struct json_slice name, correlation; /* as sent, with their quotes; text NULL: none */
	bool is_list;
	enum control_state state;
	size_t offset, count;
	struct alarm_order order; /* of a list: which alarms; "" in the key: all */
	char reason[OPERATOR_REASON_MAX + 1];
};

/* name and correlation are read first, so that a refusal can carry them. ret->order points into *ret. */
int control_command_read(struct json_slice object, const struct control_rules *rules,
                         const struct control_request *request, struct control_command *ret,
                         char why[static CONTROL_SENTENCE_MAX]) must_check;

#endif
