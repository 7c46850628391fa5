#include "alarms_private.h"
#include "clock.h"
#include "record.h"

#include <errno.h>

struct restore {
	struct alarms *alarms;
	int error;
};

static struct alarm_place *restore_place(struct restore *r, const struct datastream_key *key,
                                         enum cause cause, int64_t period_us)
{
	struct alarms *a = r->alarms;
	struct datastream *d = datastream_find(a->table, key);
	struct alarm_place *p = NULL;

	if (d == NULL) {
		d = datastream_add(a->table, key);
	}
	if (d != NULL) {
		p = alarms_give(a, d, cause, period_us);
	}
	if (p == NULL) {
		r->error = -ENOMEM;
	}
	return p;
}

static void restore_state(void *context, uint32_t slot, const struct datastream_key *key, enum cause cause,
                          int64_t period_us, const struct alarm_state *state)
{
	struct alarm_place *p = restore_place(context, key, cause, period_us);

	if (p != NULL) {
		p->state = *state;
		p->slot = slot;
		p->kept_memory = true;
	}
}

/* --- what the store may not have --- */

/* Whether t came after what s remembers. */
static bool is_newer(const struct transition *t, const struct levels_state *s)
{
	return t->started_us > s->started_us || (t->started_us == s->started_us && t->sequence > s->sequence);
}

/* The course of the value before is in no journal record: it begins with the transition. */
static struct levels_state levels_after(const struct transition *t)
{
	struct levels_state s = {
		.last_us = t->phenomenon_us,
		.taken_us = t->sent_us,
		.at_us = t->phenomenon_us,
		.newest = t->value,
		.started_us = t->started_us,
		.onset_us = t->onset_us,
		.changed_us = t->phenomenon_us,
		.peak_us = t->peak_us,
		.peak = t->peak,
		.value = t->value,
		.threshold = t->threshold,
		.level = t->level,
		.previous_level = t->previous_level,
		.sequence = t->sequence,
		.direction = t->direction,
		.severity = t->severity,
		.quality = t->quality,
		.transition_quality = t->quality,
		.acknowledged = t->acknowledged,
	};

	runs_add(&s.runs, t->phenomenon_us, t->value, NULL, 0);
	return s;
}

static void restore_levels(struct alarm_state *s, const struct transition *t)
{
	if (t->started_us != s->levels.started_us) {
		s->told = false;
	}
	s->levels = levels_after(t);
	if (!t->silent) {
		s->told = true;
		s->told_level = t->level;
		s->told_sequence = t->sequence;
		s->told_us = t->sent_us;
	}
}

static void restore_action(struct alarm_state *s, const struct transition *t)
{
	s->ordered_us = t->sent_us;
	s->shelved_until_us = t->shelved_until_us;
	s->suppressed = t->suppressed;
	s->out_of_service = t->out_of_service;
	s->levels.acknowledged = t->acknowledged;
}

static void restore_transition(struct restore *r, struct transition *t)
{
	struct alarms *a = r->alarms;
	struct alarm_place *p = restore_place(r, &t->key, (enum cause)t->cause, t->period_us);
	bool is_action = transition_is_action(t);

	if (p == NULL) {
		return;
	}
	if (is_action && t->sent_us > p->state.ordered_us) {
		restore_action(&p->state, t);
		alarms_keep(a, p);
	} else if (!is_action && is_newer(t, &p->state.levels)) {
		restore_levels(&p->state, t);
		alarms_keep(a, p);
	}
	if (!is_action) {
		alarms_bind(a, p->datastream);
		t->beside = alarms_transition(a, p).beside;
		r->error = alarms_announce(a, t) == -ENOBUFS ? -ENOMEM : r->error;
	}
}

static void restore_record(struct restore *r, const struct journal_record *record)
{
	struct transition t;

	if ((record->kind != RECORD_ALARM && record->kind != RECORD_TRANSITION) ||
	    record_decode_transition(record->kind, record->body, record->length, &t) != 0) {
		return;
	}
	if (t.event == EVENT_TEST) {
		r->error = alarms_announce(r->alarms, &t) == -ENOBUFS ? -ENOMEM : r->error;
	} else {
		restore_transition(r, &t);
	}
}

/* Transitions behind the published position, or all that the journal has when that was lost: subscribers may or
 * may not have had them. */
static void announce_again(struct restore *r)
{
	struct alarms *a = r->alarms;
	uint8_t buffer[RECORD_BODY_MAX];
	struct journal_record record;
	struct journal_cursor cursor;
	int got;

	journal_cursor_init(&cursor, a->journal, alarm_store_published(a->store));
	while (r->error == 0 && (got = journal_cursor_next(&cursor, buffer, sizeof(buffer), &record)) != 0) {
		if (got < 0) {
			r->error = got;
		} else {
			restore_record(r, &record);
		}
	}
}

/* --- the state now --- */

static void restore_alarm(struct alarms *a, struct alarm_place *p)
{
	struct alarm_config c = alarms_config(a, p);
	bool is_active = p->state.levels.level != LEVEL_NORMAL;

	if (c.interval_us > 0) {
		alarm_resume(&c, &p->state, a->now_us);
	}
	if (is_active) {
		a->active++;
	}
	if (is_active || alarms_is_silenced(p)) {
		alarms_show(a, p);
	}
	alarms_set_timer(a, p);
}

static void restore_datastream(void *context, struct datastream *d)
{
	struct restore *r = context;

	alarms_bind(r->alarms, d);
	for (struct alarm_place *p = d->alarms; p != NULL; p = p->next) {
		restore_alarm(r->alarms, p);
	}
}

int alarms_restore(struct alarms *a)
{
	struct restore r = {.alarms = a};

	a->now_us = clock_realtime_us();
	alarm_store_each(a->store, restore_state, &r);
	announce_again(&r);
	if (r.error != 0) {
		return r.error;
	}
	alarms_mark_announced(a);
	datastream_each(a->table, restore_datastream, &r);
	stats_set(a->stats, STATS_ALERTS_ACTIVE, a->active);
	return 0;
}
