#include "alarms.h"

#include "clock.h"
#include "record.h"

#include <errno.h>
#include <math.h>

static enum msg_type msg_type_of(const struct rules_state *s)
{
	if (s->level == LEVEL_NORMAL) {
		return MSG_CANCEL;
	}
	return s->sequence == 1 ? MSG_ALERT : MSG_UPDATE;
}

/* Those of the value itself. */
static size_t levels_of(const struct registry *registry, const struct registry_datastream *registered,
                        const struct threshold **ret)
{
	return threshold_of_alarm(registry_thresholds(registry, registered), registered->threshold_count,
	                          CAUSE_THRESHOLD, 0, ret);
}

static const struct threshold *find_level(const struct registry *registry,
                                          const struct registry_datastream *registered, int32_t level)
{
	const struct threshold *levels = NULL;
	size_t count = levels_of(registry, registered, &levels);

	return threshold_find(levels, count, level);
}

static void name_level(const struct registry *registry, const struct registry_datastream *registered,
                       int32_t level, char name[static LEVEL_NAME_MAX + 1])
{
	const struct threshold *t = NULL;

	if (registered != NULL) {
		t = find_level(registry, registered, level);
	}
	if (t != NULL) {
		memcpy(name, t->name, LEVEL_NAME_MAX + 1);
	} else if (level == LEVEL_NORMAL) {
		copy_text(name, LEVEL_NAME_MAX + 1, "normal", strlen("normal"));
	} else {
		name[0] = '\0'; /* the level has been deleted since */
	}
}

/* The last transition of d, as its state remembers it. */
static struct transition transition_of(const struct registry *registry, const struct datastream *d,
                                       const char *unit)
{
	const struct registry_datastream *registered = d->registered;
	const struct rules_state *s = &d->rules;
	struct transition t = {
		.key = d->key,
		.latitude = NAN,
		.longitude = NAN,
		.value = s->value,
		.threshold = s->threshold,
		.peak = s->peak,
		.phenomenon_us = s->changed_us,
		.sent_us = clock_realtime_us(),
		.started_us = s->started_us,
		.peak_us = s->peak_us,
		.level = s->level,
		.previous_level = s->previous_level,
		.sequence = s->sequence,
		.msg_type = (uint8_t)msg_type_of(s),
		.cause = CAUSE_THRESHOLD,
		.direction = s->direction,
		.severity = s->severity,
		.quality = s->quality,
		.event = (uint8_t)transition_event_of(s->previous_level, s->level, s->sequence),
	};

	if (registered != NULL) {
		memcpy(t.name, registered->name, sizeof(t.name));
		memcpy(t.datum, registered->datum, sizeof(t.datum));
		t.latitude = registered->latitude;
		t.longitude = registered->longitude;
	}
	copy_text(t.unit, sizeof(t.unit), unit, strlen(unit));
	name_level(registry, registered, s->level, t.level_name);
	return t;
}

static void journal_transition(struct alarms *a, const struct transition *t)
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

static struct alarm_state stored_state(const struct rules_state *s)
{
	return (struct alarm_state){
		.levels =
			{
				.last_us = s->last_us,
				.taken_us = s->last_us,
				.at_us = s->last_us,
				.newest = s->value,
				.started_us = s->started_us,
				.onset_us = s->started_us,
				.changed_us = s->changed_us,
				.peak_us = s->peak_us,
				.peak = s->peak,
				.value = s->value,
				.threshold = s->threshold,
				.level = s->level,
				.previous_level = s->previous_level,
				.sequence = s->sequence,
				.direction = s->direction,
				.severity = s->severity,
				.quality = s->quality,
				.transition_quality = s->quality,
			},
		.told = s->level != LEVEL_NORMAL,
		.told_level = s->level,
		.told_sequence = s->level != LEVEL_NORMAL ? s->sequence : 0,
	};
}

static void store_state(struct alarms *a, struct datastream *d)
{
	const struct alarm_state state = stored_state(&d->rules);
	int error = alarm_store_put(a->store, &d->alarm_slot, &d->key, CAUSE_THRESHOLD, 0, &state);

	if (error != 0 && !a->store_full) {
		a->store_full = true;
		log_post(a->log, LOG_LEVEL_ERROR,
		         "alarm state of %s/%s cannot be kept on disk (%s): it goes on in memory, "
		         "but a restart would forget it; make room in the state directory",
		         d->key.station, d->key.property, strerror(-error));
	}
	if (error == 0) {
		a->store_full = false;
	}
}

static void count_active(struct alarms *a, bool was_active, bool is_active)
{
	if (is_active && !was_active) {
		a->active++;
	} else if (was_active && !is_active) {
		a->active--;
	}
	stats_set(a->stats, STATS_ALERTS_ACTIVE, a->active);
}

static int announce(struct alarms *a, const struct transition *t)
{
	int error = outbox_send(&a->outbox, a->announce, t);

	if (error == 0) {
		stats_add(a->stats, STATS_ALERTS_PUBLISHED, 1);
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

static void announce_waiting(struct alarms *a)
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

/* Whether what one reading may bring can be told: the end of an incident and the start of the next. */
static bool can_tell(struct alarms *a)
{
	if (outbox_room(&a->outbox) >= 2) {
		return true;
	}
	announce_waiting(a);
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

/* Up to the journal's end, if nothing waits: what waits may stand anywhere after the last mark. */
static void mark_announced(struct alarms *a)
{
	if (a->outbox.count == 0) {
		a->announced = journal_tail(a->journal);
	}
}

static void take_transition(struct alarms *a, const struct registry *registry, struct datastream *d,
                            const char *unit)
{
	struct transition t = transition_of(registry, d, unit);

	journal_transition(a, &t);
	store_state(a, d);
	(void)announce(a, &t); /* can_tell() has seen to it that it may wait */
	d->status_known = true;
	count_active(a, t.previous_level != LEVEL_NORMAL, t.level != LEVEL_NORMAL);
}

static void show_status(struct alarms *a, const struct registry *registry, struct datastream *d,
                        const char *unit)
{
	struct transition t = transition_of(registry, d, unit);

	/* Tried again at the next reading when memory is short. */
	d->status_known = announce_status(a->announce, &t) == 0;
}

/*
 * Whether an open incident waits for the registry: its level is not there, and it is not sure that somebody has
 * taken it away. A copy may be older than the level; an all-clear by mistake is worse than a late one.
 */
static bool is_held(const struct registry *registry, const struct datastream *d)
{
	const struct registry_datastream *registered = d->registered;

	if (d->rules.level == LEVEL_NORMAL) {
		return false;
	}
	if (registered == NULL) {
		return true;
	}
	return registry->provisional && find_level(registry, registered, d->rules.level) == NULL;
}

void alarms_evaluate(struct alarms *a, const struct registry *registry, struct datastream *d,
                     const char *unit, const struct reading *reading)
{
	const struct threshold *thresholds = NULL;
	struct rules_input input = {
		.phenomenon_us = reading->phenomenon_us,
		.received_us = reading->received_us,
		.value = reading->result,
		.quality = reading->quality,
	};
	size_t count = 0;
	bool changed = false;

	if (d->registered != NULL) {
		count = levels_of(registry, d->registered, &thresholds);
	}
	if (count == 0 && d->rules.level == LEVEL_NORMAL) {
		return;
	}
	if (!can_tell(a)) {
		return;
	}
	if (!rules_observe(&d->rules, &input)) {
		stats_add(a->stats, STATS_READINGS_OUT_OF_ORDER, 1);
		return;
	}
	while (!is_held(registry, d) && rules_step(thresholds, count, &d->rules, &input)) {
		take_transition(a, registry, d, unit);
		changed = true;
	}
	if (!changed && d->rules.level != LEVEL_NORMAL) {
		store_state(a, d); /* the peak may have moved */
	}
	if (!d->status_known) {
		show_status(a, registry, d, unit);
	}
}

void alarms_turn(struct alarms *a)
{
	/*
	 * What was announced in one turn of the broker's loop is delivered at the start of the next. One call more,
	 * since one of two may come in the middle of a long turn.
	 */
	if (a->delivered != 0 && a->delivered != alarm_store_published(a->store)) {
		alarm_store_set_published(a->store, a->delivered);
		handover_set_announced(a->handover, a->delivered);
	}
	a->delivered = a->announced;
	announce_waiting(a);
	mark_announced(a);
}

/* --- at start --- */

struct restore {
	struct alarms *alarms;
	const struct registry *registry;
	uint64_t generation;
	int error;
};

static struct datastream *restore_datastream(struct restore *r, const struct datastream_key *key)
{
	struct datastream *d = datastream_find(r->alarms->table, key);

	if (d == NULL) {
		d = datastream_add(r->alarms->table, key);
	}
	if (d == NULL) {
		r->error = -ENOMEM;
		return NULL;
	}
	datastream_bind(d, r->registry, r->generation);
	return d;
}

static struct rules_state rules_of(const struct levels_state *s)
{
	return (struct rules_state){
		.last_us = s->last_us,
		.started_us = s->started_us,
		.changed_us = s->changed_us,
		.peak_us = s->peak_us,
		.peak = s->peak,
		.value = s->value,
		.threshold = s->threshold,
		.level = s->level,
		.previous_level = s->previous_level,
		.sequence = s->sequence,
		.direction = s->direction,
		.severity = s->severity,
		.quality = s->transition_quality,
	};
}

static void restore_state(void *context, uint32_t slot, const struct datastream_key *key, enum cause cause,
                          int64_t period_us, const struct alarm_state *state)
{
	struct restore *r = context;
	struct datastream *d = cause == CAUSE_THRESHOLD ? restore_datastream(r, key) : NULL;

	(void)period_us;
	if (d != NULL) {
		d->rules = rules_of(&state->levels);
		d->alarm_slot = slot;
	}
}

/* Whether t came after what s remembers. */
static bool is_newer(const struct transition *t, const struct rules_state *s)
{
	return t->started_us > s->started_us || (t->started_us == s->started_us && t->sequence > s->sequence);
}

static struct rules_state state_after(const struct transition *t)
{
	return (struct rules_state){
		.last_us = t->phenomenon_us,
		.changed_us = t->phenomenon_us,
		.started_us = t->started_us,
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
	};
}

static void restore_transition(struct restore *r, const struct transition *t)
{
	struct datastream *d = restore_datastream(r, &t->key);

	if (d == NULL) {
		return;
	}
	if (is_newer(t, &d->rules)) {
		d->rules = state_after(t);
		store_state(r->alarms, d);
	}
	if (announce(r->alarms, t) == -ENOBUFS) {
		r->error = -ENOMEM;
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
	struct transition t;
	int got;

	journal_cursor_init(&cursor, a->journal, alarm_store_published(a->store));
	while (r->error == 0 && (got = journal_cursor_next(&cursor, buffer, sizeof(buffer), &record)) != 0) {
		if (got < 0) {
			r->error = got;
		} else if ((record.kind == RECORD_ALARM || record.kind == RECORD_TRANSITION) &&
		           record_decode_transition(record.kind, record.body, record.length, &t) == 0) {
			restore_transition(r, &t);
		}
	}
}

static void restore_status(void *context, struct datastream *d)
{
	struct restore *r = context;

	if (d->rules.level != LEVEL_NORMAL) {
		r->alarms->active++;
		show_status(r->alarms, r->registry, d, datastream_unit(d, r->registry));
	}
}

int alarms_restore(struct alarms *a, const struct registry *registry, uint64_t generation)
{
	struct restore r = {.alarms = a, .registry = registry, .generation = generation};

	alarm_store_each(a->store, restore_state, &r);
	announce_again(&r);
	if (r.error != 0) {
		return r.error;
	}
	mark_announced(a);
	datastream_each(a->table, restore_status, &r);
	stats_set(a->stats, STATS_ALERTS_ACTIVE, a->active);
	return 0;
}
