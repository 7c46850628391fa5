#include "ingest_private.h"

#include "alert.h"
#include "broker.h"
#include "clock.h"
#include "control.h"

#include <stdlib.h>

/* Refused clients are logged no more often: whoever can connect can ask. */
#define REFUSALS_EVERY_US (INT64_C(60) * 1000000)

static const char *action_name(enum alarm_action action)
{
	switch (action) {
	case ACTION_ACKNOWLEDGE:
		return "acknowledged";
	case ACTION_SHELVE:
		return "shelved";
	case ACTION_UNSHELVE:
		return "unshelved";
	case ACTION_SUPPRESS:
		return "suppressed";
	case ACTION_UNSUPPRESS:
		return "no longer suppressed";
	case ACTION_OUT_OF_SERVICE:
		return "out of service";
	case ACTION_IN_SERVICE:
		return "in service";
	case ACTION_TEST:
		return "tested";
	}
	return "";
}

static int order_alarms(void *context, const struct alarm_order *order)
{
	struct ingest *in = context;
	int applied = alarms_order(&in->alarms, order);

	if (applied > 0) {
		log_post(in->shared.log, LOG_LEVEL_NOTICE,
		         "operator %s (client %s): %s/%s %s, %d alarm%s%s%s",
		         order->user[0] != '\0' ? order->user : "without a name", order->client,
		         order->key.station, order->key.property, action_name(order->action), applied,
		         applied == 1 ? "" : "s", order->reason != NULL ? ": " : "",
		         order->reason != NULL ? order->reason : "");
	}
	return applied;
}

struct viewer {
	void (*see)(void *list, const struct control_alarm *a);
	void *list;
};

static void view(void *context, struct alarm_place *p)
{
	const struct viewer *viewer = context;
	const struct alarm_state *s = &p->state;
	const struct control_alarm alarm = {
		.key = &p->datastream->key,
		.cause = p->cause,
		.period_us = p->period_us,
		.level = s->levels.level,
		.acknowledged = s->levels.acknowledged,
		.shelved_until_us = s->shelved_until_us,
		.suppressed = s->suppressed,
		.out_of_service = s->out_of_service,
		.place = p,
	};

	/* Its thresholds have been deleted, and nothing is left of it. */
	if (!p->is_set_up && s->levels.level == LEVEL_NORMAL && s->shelved_until_us == 0 && !s->suppressed &&
	    !s->out_of_service) {
		return;
	}
	viewer->see(viewer->list, &alarm);
}

static void view_alarms(void *context, void (*see)(void *list, const struct control_alarm *a), void *list)
{
	struct ingest *in = context;
	struct viewer viewer = {see, list};

	alarms_each(&in->alarms, view, &viewer);
}

static char *status_of(void *context, const struct control_alarm *a)
{
	struct ingest *in = context;
	struct transition status;

	alarms_status(&in->alarms, a->place, &status);
	return alert_json(&status);
}

static void log_refusal(struct ingest *in, const struct control_request *request, const char *why)
{
	int64_t now_us = clock_monotonic_us();

	if (in->refusal_us != 0 && now_us - in->refusal_us < REFUSALS_EVERY_US) {
		in->refusals++;
		return;
	}
	log_post(in->shared.log, LOG_LEVEL_WARNING,
	         "operators: refused client %s: %s (and %u requests more since the last such line)",
	         request->client, why, in->refusals);
	in->refusal_us = now_us;
	in->refusals = 0;
}

static char *answer(struct ingest *in, const struct control_request *request)
{
	const struct control_rules rules = {
		.operators = in->config->operators,
		.operator_count = in->config->operator_count,
		.anonymous = in->config->anonymous_operators,
		.shelve_max_us = in->config->shelve_max_us,
	};
	const struct control_hands hands = {in, order_alarms, view_alarms, status_of};
	char why[CONTROL_SENTENCE_MAX];

	if (!control_permits(&rules, request->user, why)) {
		log_refusal(in, request, why);
		return control_refusal(why);
	}
	return control_answer(&rules, request, &hands);
}

void ingest_control(struct ingest *in, const struct control_message *message)
{
	const struct control_request request = {
		.payload = message->payload,
		.length = message->length,
		.user = message->user,
		.client = message->client_id,
		.now_us = clock_realtime_us(),
	};
	char *text = answer(in, &request);

	if (text == NULL || broker_publish_to(message->client_id, CONTROL_RESPONSE_TOPIC, text) != 0) {
		log_post(in->shared.log, LOG_LEVEL_WARNING, "out of memory: client %s was not answered",
		         message->client_id);
	}
	free(text);
	ingest_tick_if_late(in, request.now_us);
}
