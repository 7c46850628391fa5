#include "alarms_private.h"
#include "clock.h"
#include "record.h"

#include <errno.h>
#include <math.h>

/* --- what a transition says --- */

static void name_level(const struct alarm_config *c, int32_t level, char name[static LEVEL_NAME_MAX + 1])
{
	const struct threshold *t = threshold_find(c->levels, c->count, level);

	if (t != NULL) {
		memcpy(name, t->name, LEVEL_NAME_MAX + 1);
	} else if (level == LEVEL_NORMAL) {
		copy_text(name, LEVEL_NAME_MAX + 1, "normal", strlen("normal"));
	} else {
		name[0] = '\0'; /* the level has been deleted since */
	}
}

static enum alarm_event event_of(const struct levels_state *s)
{
	if (s->level == LEVEL_NORMAL) {
		return EVENT_CLEARED;
	}
	if (s->previous_level == s->level) {
		return EVENT_REPEATED;
	}
	return s->previous_level == LEVEL_NORMAL ? EVENT_RAISED : EVENT_CHANGED;
}

static enum msg_type msg_type_of(const struct levels_state *s)
{
	if (s->level == LEVEL_NORMAL) {
		return MSG_CANCEL;
	}
	return s->sequence == 1 ? MSG_ALERT : MSG_UPDATE;
}

/* A datastream's own status is that of its values: as a rule its threshold alarm's. */
static bool is_beside(const struct alarm_place *p)
{
	return p->cause != CAUSE_THRESHOLD && !(p->cause == CAUSE_LOW_BATTERY &&
	                                        datastream_alarm(p->datastream, CAUSE_THRESHOLD, 0) == NULL);
}

struct transition alarms_transition_of(const struct datastream *d)
{
	const struct registry_datastream *registered = d->registered;
	struct transition t = {
		.key = d->key,
		.latitude = NAN,
		.longitude = NAN,
		.value = NAN,
		.peak = NAN,
		.threshold = NAN,
		.sent_us = clock_realtime_us(),
	};

	if (registered != NULL) {
		memcpy(t.name, registered->name, sizeof(t.name));
		memcpy(t.datum, registered->datum, sizeof(t.datum));
		t.latitude = registered->latitude;
		t.longitude = registered->longitude;
	}
	return t;
}

static void add_levels(struct transition *t, const struct levels_state *s)
{
	t->value = s->value;
	t->threshold = s->threshold;
	t->peak = s->peak;
	t->phenomenon_us = s->changed_us;
	t->started_us = s->started_us;
	t->onset_us = s->onset_us;
	t->peak_us = s->peak_us;
	t->level = s->level;
	t->previous_level = s->previous_level;
	t->sequence = s->sequence;
	t->direction = s->direction;
	t->severity = s->severity;
	t->quality = s->transition_quality;
	t->msg_type = (uint8_t)msg_type_of(s);
	t->event = (uint8_t)event_of(s);
}

struct transition alarms_transition(const struct alarms *a, const struct alarm_place *p)
{
	struct alarm_config c = alarms_config(a, p);
	const struct alarm_state *s = &p->state;
	struct transition t = alarms_transition_of(p->datastream);

	t.cause = p->cause;
	t.period_us = p->period_us;
	t.beside = is_beside(p);
	add_levels(&t, &s->levels);
	transition_unit((enum cause)p->cause, datastream_unit(p->datastream, a->registry), t.unit);
	name_level(&c, t.level, t.level_name);
	t.acknowledged = s->levels.acknowledged;
	t.suppressed = s->suppressed;
	t.out_of_service = s->out_of_service;
	t.shelved_until_us = s->shelved_until_us;
	t.held = alarm_is_held(&c, s);
	return t;
}

/* When and what comes next: by the value's rise, or by the way that the water has to go. */
static void add_projection(const struct alarms *a, const struct alarm_place *p, struct transition *t)
{
	struct alarm_config c = alarms_config(a, p);
	struct alarm_projection ahead;

	if (t->level == LEVEL_NORMAL) {
		return;
	}
	if (p->cause == CAUSE_UPSTREAM || p->cause == CAUSE_GROUP) {
		t->projected_us = alarms_arrival(a, p);
		if (t->projected_us != 0) {
			t->projected_level = t->level;
			memcpy(t->projected_name, t->level_name, sizeof(t->projected_name));
		}
	} else if ((p->cause == CAUSE_PROJECTION ||
	            (p->cause == CAUSE_THRESHOLD && t->direction == DIRECTION_RISING)) &&
	           alarm_project(&c, &p->state, &ahead)) {
		t->projected_us = ahead.at_us;
		t->projected_level = ahead.target->level;
		memcpy(t->projected_name, ahead.target->name, sizeof(t->projected_name));
	}
}

/* --- journal and store --- */

void alarms_journal(struct alarms *a, const struct transition *t)
{
	uint8_t body[RECORD_BODY_MAX];
	size_t length = record_encode_transition(t, body);
	uint64_t position;
	int error = journal_append(a->journal, RECORD_ALARM, JOURNAL_IMPORTANT, body, length, &position);

	if (error == 0) {
		return;
	}
	stats_add(a->stats, STATS_ALERTS_UNJOURNALLED, 1);
	log_post(
		a->log, LOG_LEVEL_ERROR,
		"journal: no room for the alert of %s/%s (%s); it is published, but PostgreSQL will not have it",
		t->key.station, t->key.property, strerror(-error));
}

void alarms_keep(struct alarms *a, struct alarm_place *p)
{
	const struct datastream_key *key = &p->datastream->key;
	int error = alarm_store_put(a->store, &p->slot, key, (enum cause)p->cause, p->period_us, &p->state);

	if (error != 0 && !a->store_full) {
		a->store_full = true;
		log_post(a->log, LOG_LEVEL_ERROR,
		         "alarm state of %s/%s cannot be kept on disk (%s): it goes on in memory, "
		         "but a restart would forget it; make room in the state directory",
		         key->station, key->property, strerror(-error));
	}
	if (error == 0) {
		a->store_full = false;
	}
}

/* --- topics --- */

int alarms_announce(struct alarms *a, const struct transition *t)
{
	int error = outbox_send(&a->outbox, a->announce, t);

	if (error == 0) {
		stats_add(a->stats, STATS_ALERTS_PUBLISHED, t->silent ? 0 : 1);
	} else if (error == -EAGAIN) {
		log_post(a->log, LOG_LEVEL_ERROR,
		         "out of memory: the alert of %s/%s, level %d, waits until there is some",
		         t->key.station, t->key.property, (int)t->level);
		error = 0;
	} else {
		log_post(a->log, LOG_LEVEL_ERROR, "the alert of %s/%s, level %d, was not published (%s)",
		         t->key.station, t->key.property, (int)t->level, strerror(-error));
	}
	return error;
}

void alarms_announce_waiting(struct alarms *a)
{
	size_t dropped, left;

	if (a->outbox.count == 0) {
		return;
	}
	left = outbox_flush(&a->outbox, a->announce, &dropped);
	stats_add(a->stats, STATS_ALERTS_PUBLISHED, left - dropped);
	if (dropped > 0) {
		log_post(a->log, LOG_LEVEL_ERROR, "%zu alerts that waited were not published: refused",
		         dropped);
	}
	if (a->outbox.count == 0) {
		log_post(a->log, LOG_LEVEL_NOTICE, "the alerts that waited for memory are published");
		a->outbox_full = false;
	}
}

bool alarms_can_tell(struct alarms *a)
{
	if (outbox_room(&a->outbox) >= 2) {
		return true;
	}
	alarms_announce_waiting(a);
	if (outbox_room(&a->outbox) >= 2) {
		return true;
	}
	if (!a->outbox_full) {
		a->outbox_full = true;
		log_post(
			a->log, LOG_LEVEL_ERROR,
			"out of memory: %zu alerts wait; until they are published no alarm is raised or ended",
			a->outbox.count);
	}
	return false;
}

void alarms_mark_announced(struct alarms *a)
{
	if (a->outbox.count == 0) {
		a->announced = journal_tail(a->journal);
	}
}

void alarms_show_as(struct alarms *a, struct alarm_place *p, const struct transition *status)
{
	/* What waits would come after it and say what was before. */
	p->status_known = a->outbox.count == 0 && announce_status(a->announce, status) == 0;
	if (!p->status_known) {
		alarms_call_later(a, p);
	}
}

void alarms_show(struct alarms *a, struct alarm_place *p)
{
	struct transition t = alarms_transition(a, p);

	alarms_show_as(a, p, &t);
}

/* --- a transition --- */

static void count_active(struct alarms *a, bool was_active, bool is_active)
{
	if (is_active && !was_active) {
		a->active++;
	} else if (was_active && !is_active) {
		a->active--;
	}
	stats_set(a->stats, STATS_ALERTS_ACTIVE, a->active);
}

/* What subscribers will have been told of the incident, and what they were told before. */
static void note_told(struct alarm_state *s, struct transition *t)
{
	if (s->told) {
		t->before_sequence = s->told_sequence;
		t->before_sent_us = s->told_us;
	}
	if (t->silent) {
		return;
	}
	if (t->level != LEVEL_NORMAL) {
		t->msg_type = s->told ? MSG_UPDATE : MSG_ALERT;
	}
	s->told = true;
	s->told_level = t->level;
	s->told_sequence = t->sequence;
	s->told_us = t->sent_us;
}

static void tell(struct alarms *a, struct alarm_place *p, struct transition *t)
{
	add_projection(a, p, t);
	note_told(&p->state, t);
	alarms_journal(a, t);
	alarms_keep(a, p);
	(void)alarms_announce(a, t); /* alarms_can_tell() has seen to it that it may wait */
	p->status_known = true;
}

void alarms_tell(struct alarms *a, struct alarm_place *p)
{
	struct alarm_state *s = &p->state;
	struct transition t = alarms_transition(a, p);

	if (s->levels.sequence == 1) {
		s->told = false; /* another incident than the one that was told */
	}
	t.silent = alarms_is_silenced(p) && !(t.event == EVENT_CLEARED && s->told);
	tell(a, p, &t);
	count_active(a, t.previous_level != LEVEL_NORMAL, t.level != LEVEL_NORMAL);
}

void alarms_tell_again(struct alarms *a, struct alarm_place *p)
{
	struct alarm_state *s = &p->state;
	struct transition t;

	if (s->levels.level == LEVEL_NORMAL || alarms_is_silenced(p) ||
	    (s->told && s->told_level == s->levels.level)) {
		return;
	}
	s->levels.previous_level = s->told ? s->told_level : LEVEL_NORMAL;
	s->levels.sequence++;
	t = alarms_transition(a, p);
	tell(a, p, &t);
}
