#include "alarms_private.h"
#include "clock.h"

#include <errno.h>

/* More than any configuration allows. What lasts longer was begun when the broker's clock was far ahead. */
#define SHELVED_MAX_US (INT64_C(31) * 86400 * 1000000)

static enum alarm_event event_of(enum alarm_action action)
{
	switch (action) {
	case ACTION_ACKNOWLEDGE:
		return EVENT_ACKNOWLEDGED;
	case ACTION_SHELVE:
		return EVENT_SHELVED;
	case ACTION_UNSHELVE:
		return EVENT_UNSHELVED;
	case ACTION_SUPPRESS:
		return EVENT_SUPPRESSED;
	case ACTION_UNSUPPRESS:
		return EVENT_UNSUPPRESSED;
	case ACTION_OUT_OF_SERVICE:
		return EVENT_OUT_OF_SERVICE;
	case ACTION_IN_SERVICE:
		return EVENT_IN_SERVICE;
	case ACTION_TEST:
		break;
	}
	return EVENT_TEST;
}

static bool set_flag(bool *flag, bool value)
{
	bool changed = *flag != value;

	*flag = value;
	return changed;
}

/* False: it is so already. */
static bool apply(struct alarms *a, struct alarm_place *p, const struct alarm_order *order)
{
	struct alarm_config c = alarms_config(a, p);
	struct alarm_state *s = &p->state;
	int64_t until_us = 0;

	switch (order->action) {
	case ACTION_ACKNOWLEDGE:
		return alarm_acknowledge(&c, s, a->now_us);
	case ACTION_SHELVE:
		until_us = order->until_us;
		break;
	case ACTION_UNSHELVE:
		break;
	case ACTION_SUPPRESS:
		return set_flag(&s->suppressed, true);
	case ACTION_UNSUPPRESS:
		return set_flag(&s->suppressed, false);
	case ACTION_OUT_OF_SERVICE:
		return set_flag(&s->out_of_service, true);
	case ACTION_IN_SERVICE:
		return set_flag(&s->out_of_service, false);
	case ACTION_TEST:
		return false;
	}
	if (s->shelved_until_us == until_us) {
		return false;
	}
	s->shelved_until_us = until_us;
	return true;
}

static void sign(struct transition *t, const struct alarm_order *order)
{
	const char *user = order->user != NULL ? order->user : "";
	const char *client = order->client != NULL ? order->client : "";
	const char *reason = order->reason != NULL ? order->reason : "";

	copy_text(t->user, sizeof(t->user), user, strlen(user));
	copy_text(t->client, sizeof(t->client), client, strlen(client));
	copy_text(t->reason, sizeof(t->reason), reason, strlen(reason));
}

/* What was done to p: a record of the journal, and on status/. */
static void record(struct alarms *a, struct alarm_place *p, const struct alarm_order *order)
{
	struct transition t = alarms_transition(a, p), status;

	t.event = (uint8_t)event_of(order->action);
	t.silent = true;
	if (t.sequence == 0) {
		t.quality = QUALITY_NOT_EVALUATED; /* there has been no value */
		t.phenomenon_us = t.sent_us;
	}
	sign(&t, order);
	/* No two orders of an alarm have the same time: it is their name. */
	t.sent_us = MAX(t.sent_us, p->state.ordered_us + 1);
	p->state.ordered_us = t.sent_us;
	status = t;
	t.sequence = 0;
	t.phenomenon_us = t.sent_us;
	alarms_journal(a, &t);
	alarms_keep(a, p);
	alarms_show_as(a, p, &status);
}

static bool carry_out(struct alarms *a, struct alarm_place *p, const struct alarm_order *order)
{
	if (!apply(a, p, order)) {
		return false;
	}
	record(a, p, order);
	alarms_tell_again(a, p);
	alarms_settle(a, p);
	alarms_tell_groups(a, p);
	return true;
}

void alarms_see_to_shelving(struct alarms *a, struct alarm_place *p)
{
	const struct alarm_order order = {.action = ACTION_UNSHELVE, .reason = "the time is over"};
	int64_t left_us = p->state.shelved_until_us - a->now_us;

	if (p->state.shelved_until_us != 0 && (left_us <= 0 || left_us > SHELVED_MAX_US) &&
	    alarms_can_tell(a)) {
		(void)carry_out(a, p, &order);
	}
}

static int test(struct alarms *a, struct datastream *d, const struct alarm_order *order)
{
	struct transition t = alarms_transition_of(d);

	if (d->registered == NULL) {
		return -ENOENT;
	}
	if (!alarms_can_tell(a)) {
		return -ENOBUFS;
	}
	t.cause = CAUSE_TEST;
	t.event = EVENT_TEST;
	t.severity = SEVERITY_MINOR;
	t.quality = QUALITY_NOT_EVALUATED;
	t.phenomenon_us = t.sent_us;
	copy_text(t.level_name, sizeof(t.level_name), "test", strlen("test"));
	transition_unit(CAUSE_THRESHOLD, datastream_unit(d, a->registry), t.unit);
	sign(&t, order);
	alarms_journal(a, &t);
	return alarms_announce(a, &t) == 0 ? 1 : -ENOBUFS;
}

static struct datastream *find(struct alarms *a, const struct datastream_key *key, int *ret_error)
{
	struct datastream *d = datastream_find(a->table, key);

	*ret_error = -ENOENT;
	if (d == NULL && registry_find(a->registry, key) != NULL) {
		*ret_error = -ENOBUFS;
		d = datastream_add(a->table, key);
	}
	if (d != NULL) {
		*ret_error = -ENOENT;
		alarms_bind(a, d);
	}
	return d;
}

static bool is_meant(const struct alarm_order *order, const struct alarm_place *p)
{
	return (alarms_is_alive(p) || alarms_is_silenced(p)) &&
	       (!order->has_cause || order->cause == p->cause) &&
	       (!order->has_period || order->period_us == p->period_us);
}

int alarms_order(struct alarms *a, const struct alarm_order *order)
{
	int applied = 0, error;
	struct datastream *d = find(a, &order->key, &error);

	if (d == NULL) {
		return error;
	}
	a->now_us = clock_realtime_us();
	if (order->action == ACTION_TEST) {
		return test(a, d, order);
	}
	for (struct alarm_place *p = d->alarms; p != NULL; p = p->next) {
		if (!is_meant(order, p)) {
			continue;
		}
		if (!alarms_can_tell(a)) {
			error = -ENOBUFS;
			break;
		}
		error = -EALREADY;
		applied += carry_out(a, p, order);
	}
	alarms_fire(a, CALLED_MAX);
	return applied > 0 ? applied : error;
}
