#include "alarms_private.h"
#include "clock.h"

/* Datastreams of a new registry that a turn sees to, and alarms that it looks at: a millisecond or so. */
#define VISITED_MAX 500
#define FIRED_MAX   256

/* Steps of one alarm's time at a time: delays of its levels, repeats. */
#define STEPS_MAX 8

#define LATER_US 1000000

/* --- timers --- */

static int64_t due_of(const struct alarms *a, const struct alarm_place *p)
{
	struct alarm_config c = alarms_config(a, p);
	int64_t due_us = MIN(alarm_due(&c, &p->state), alarms_group_due(p));

	if (p->state.shelved_until_us != 0) {
		due_us = MIN(due_us, p->state.shelved_until_us);
	}
	return due_us;
}

void alarms_set_timer(struct alarms *a, struct alarm_place *p)
{
	int64_t due_us = due_of(a, p);

	/* One that is early is only looked at in vain, once; moving it at each reading would cost more. */
	if (p->timer.place == 0 || p->timer.due_us > due_us) {
		timers_set(&a->timers, &p->timer, due_us);
	}
}

void alarms_call(struct alarms *a, struct alarm_place *p)
{
	timers_set(&a->timers, &p->timer, a->now_us);
	a->called = true;
}

void alarms_call_later(struct alarms *a, struct alarm_place *p)
{
	if (p->timer.place == 0 || p->timer.due_us <= a->now_us || p->timer.due_us > a->now_us + LATER_US) {
		timers_set(&a->timers, &p->timer, a->now_us + LATER_US);
	}
}

void alarms_catch_up(struct alarms *a, struct alarm_place *p)
{
	struct alarm_config c = alarms_config(a, p);

	for (int i = 0; i < STEPS_MAX && alarms_can_tell(a); i++) {
		if (alarm_due(&c, &p->state) <= a->now_us) {
			alarm_clock(&c, &p->state, a->now_us);
		} else if (alarms_group_due(p) <= a->now_us) {
			alarms_group_clock(a, p);
		} else {
			break;
		}
		alarms_settle(a, p);
	}
}

/* p has been looked at: what is due still could not be done, and has its reason, the registry or short memory. */
static void put_off(struct alarms *a, struct alarm_place *p)
{
	int64_t due_us;

	if (p->timer.place != 0 && p->timer.due_us <= a->now_us) {
		due_us = due_of(a, p);
		timers_set(&a->timers, &p->timer, due_us > a->now_us ? due_us : a->now_us + LATER_US);
	}
}

static void look_at(struct alarms *a, struct alarm_place *p)
{
	alarms_bind(a, p->datastream);
	alarms_see_to_shelving(a, p);
	alarms_catch_up(a, p);
	alarms_settle(a, p);
	if (!p->status_known && alarms_is_alive(p)) {
		alarms_show(a, p);
	}
	put_off(a, p);
}

void alarms_fire(struct alarms *a, size_t most)
{
	for (size_t i = 0; i < most; i++) {
		struct timer *t = timers_take(&a->timers, a->now_us);

		if (t == NULL) {
			a->called = false;
			return;
		}
		look_at(a, (struct alarm_place *)((char *)t - offsetof(struct alarm_place, timer)));
	}
}

/* --- a new registry --- */

void alarms_use_registry(struct alarms *a, const struct registry *registry, uint64_t generation)
{
	a->registry = registry;
	a->generation = generation;
	a->visited = 0;
}

/* Whether an alarm of this cause may have something to say of a datastream that says nothing. */
static bool speaks_of_silence(enum cause cause)
{
	return cause == CAUSE_STALE || cause == CAUSE_DEAD || !alarm_watches_readings(cause);
}

static bool has_silent_alarm(const struct registry *registry, const struct registry_datastream *d)
{
	const struct threshold *t = registry_thresholds(registry, d);

	for (uint32_t i = 0; i < d->threshold_count; i++) {
		if (speaks_of_silence((enum cause)t[i].cause)) {
			return true;
		}
	}
	return false;
}

/* An alarm whose levels may be others than before. One of values waits for the next, if it has levels at all. */
static void visit_alarm(struct alarms *a, struct alarm_place *p)
{
	bool is_silent = speaks_of_silence((enum cause)p->cause);

	alarms_count_members(a, p);
	if (is_silent || !p->is_set_up) {
		alarms_settle(a, p);
	} else {
		alarms_set_timer(a, p);
	}
	if (is_silent && !p->status_known && alarms_is_alive(p)) {
		alarms_show(a, p);
	}
}

/* False: there is no memory for it now. */
static bool visit_datastream(struct alarms *a, const struct registry_datastream *registered)
{
	struct datastream *d = datastream_find(a->table, &registered->key);

	if (d == NULL && has_silent_alarm(a->registry, registered)) {
		d = datastream_add(a->table, &registered->key);
		if (d == NULL) {
			return false;
		}
	}
	if (d == NULL) {
		return true;
	}
	alarms_bind(a, d);
	for (struct alarm_place *p = d->alarms; p != NULL; p = p->next) {
		visit_alarm(a, p);
	}
	return d->alarms_generation == a->generation;
}

static void visit_some(struct alarms *a)
{
	size_t end = MIN(a->visited + VISITED_MAX, a->registry->count.datastreams);

	while (a->visited < end && visit_datastream(a, &a->registry->datastreams[a->visited])) {
		a->visited++;
	}
}

void alarms_turn(struct alarms *a)
{
	a->now_us = clock_realtime_us();
	/*
	 * What was announced in one turn of the broker's loop is delivered at the start of the next. One call more,
	 * since one of two may come in the middle of a long turn.
	 */
	if (a->delivered != 0 && a->delivered != alarm_store_published(a->store)) {
		alarm_store_set_published(a->store, a->delivered);
		handover_set_announced(a->handover, a->delivered);
	}
	a->delivered = a->announced;
	alarms_announce_waiting(a);
	alarms_mark_announced(a);
	visit_some(a);
	alarms_fire(a, FIRED_MAX);
}
