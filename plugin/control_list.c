#include "control_list.h"

#include <errno.h>
#include <stdlib.h>

struct listing {
	FILE *out;
	const struct control_command *command;
	const struct control_hands *hands;
	size_t matched, written;
	bool failed;
};

static bool is_in_state(const struct control_alarm *a, enum control_state state)
{
	switch (state) {
	case CONTROL_ANY:
	case CONTROL_STATE_COUNT:
		break;
	case CONTROL_ACTIVE:
		return a->level != 0;
	case CONTROL_UNACKNOWLEDGED:
		return a->level != 0 && !a->acknowledged;
	case CONTROL_NORMAL:
		return a->level == 0;
	case CONTROL_SHELVED:
		return a->shelved_until_us != 0;
	case CONTROL_SUPPRESSED:
		return a->suppressed;
	case CONTROL_OUT_OF_SERVICE:
		return a->out_of_service;
	}
	return true;
}

static bool is_chosen(const struct control_alarm *a, const struct control_command *command)
{
	const struct alarm_order *which = &command->order;

	if ((which->has_cause && a->cause != which->cause) ||
	    (which->has_period && a->period_us != which->period_us) || !is_in_state(a, command->state)) {
		return false;
	}
	return (which->key.station[0] == '\0' || strcmp(which->key.station, a->key->station) == 0) &&
	       (which->key.property[0] == '\0' || strcmp(which->key.property, a->key->property) == 0);
}

static void see(void *list, const struct control_alarm *a)
{
	struct listing *l = list;
	char *text;

	if (l->failed || !is_chosen(a, l->command)) {
		return;
	}
	if (l->matched++ < l->command->offset || l->written == l->command->count) {
		return;
	}
	text = l->hands->status(l->hands->context, a);
	l->failed = text == NULL || fprintf(l->out, "%s%s", l->written > 0 ? ", " : "", text) < 0;
	l->written++;
	free(text);
}

int control_list_write(FILE *out, const struct control_command *command, const struct control_hands *hands)
{
	struct listing l = {.out = out, .command = command, .hands = hands};

	l.failed = fputs("{\"alarms\": [", out) < 0;
	hands->each(hands->context, see, &l);
	if (l.failed || fprintf(out, "], \"totalCount\": %zu}", l.matched) < 0) {
		return -ENOMEM;
	}
	return 0;
}
