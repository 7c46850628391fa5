#include "alarms_private.h"

#include <math.h>

struct alarm_place *alarms_give(struct alarms *a, struct datastream *d, enum cause cause, int64_t period_us)
{
	struct alarm_place *p = datastream_alarm(d, cause, period_us);

	if (p != NULL) {
		return p;
	}
	/* First the room for its timer: a place is never taken back. */
	if (timers_reserve(&a->timers, datastream_alarm_count(a->table) + 1) != 0) {
		return NULL;
	}
	return datastream_give_alarm(a->table, d, cause, period_us);
}

static bool watches_silence(const struct alarm_place *p)
{
	return p->cause == CAUSE_STALE || p->cause == CAUSE_DEAD;
}

/* Nothing has been heard of its sensor yet: the silence counts from now. */
static void begin_silence(struct alarm_place *p, int64_t now_us)
{
	if (watches_silence(p) && p->state.levels.taken_us == 0) {
		p->state.levels.taken_us = now_us;
		p->state.levels.at_us = now_us;
	}
}

/* Whether all alarms among d's thresholds have their place. */
static bool bind_levels(struct alarms *a, struct datastream *d)
{
	const struct threshold *thresholds = registry_thresholds(a->registry, d->registered);
	uint32_t count = d->registered->threshold_count, end;
	bool whole = true;

	for (uint32_t first = 0; first < count; first = end) {
		enum cause cause = (enum cause)thresholds[first].cause;
		int64_t period_us = thresholds[first].period_us;
		struct alarm_place *p = alarms_give(a, d, cause, period_us);

		end = first;
		while (end < count && thresholds[end].cause == cause &&
		       thresholds[end].period_us == period_us) {
			end++;
		}
		if (p == NULL) {
			whole = false;
			continue;
		}
		p->is_set_up = true;
		begin_silence(p, a->now_us);
	}
	return whole;
}

void alarms_bind(struct alarms *a, struct datastream *d)
{
	bool whole = true;

	datastream_bind(d, a->registry, a->generation);
	if (d->alarms_generation == a->generation) {
		return;
	}
	for (struct alarm_place *p = d->alarms; p != NULL; p = p->next) {
		p->is_set_up = false;
	}
	if (d->registered != NULL) {
		whole = bind_levels(a, d);
	}
	if (whole) {
		d->alarms_generation = a->generation;
	}
}

struct alarm_config alarms_config(const struct alarms *a, const struct alarm_place *p)
{
	const struct datastream *d = p->datastream;
	struct alarm_config c = {
		.cause = p->cause,
		.period_us = p->period_us,
		.interval_us = d->quality->interval_us,
	};
	const struct threshold *thresholds;

	if (d->registered == NULL) {
		return c;
	}
	thresholds = registry_thresholds(a->registry, d->registered);
	c.count = threshold_of_alarm(thresholds, d->registered->threshold_count, (enum cause)p->cause,
	                             p->period_us, &c.levels);
	c.hold = d->registered->hold;
	if (p->cause == CAUSE_THRESHOLD) {
		c.targets = c.levels;
		c.target_count = c.count;
	} else if (p->cause == CAUSE_PROJECTION) {
		c.target_count = threshold_of_alarm(thresholds, d->registered->threshold_count,
		                                    CAUSE_THRESHOLD, 0, &c.targets);
	}
	return c;
}

bool alarms_is_silenced(const struct alarm_place *p)
{
	return p->state.shelved_until_us != 0 || p->state.suppressed || p->state.out_of_service;
}

bool alarms_is_alive(const struct alarm_place *p)
{
	return p->is_set_up || p->state.levels.level != LEVEL_NORMAL;
}

bool alarms_is_waiting(const struct alarms *a, const struct alarm_place *p)
{
	int32_t level = p->state.levels.level;
	struct alarm_config c;

	if (level == LEVEL_NORMAL) {
		return false;
	}
	if (p->datastream->registered == NULL) {
		return true;
	}
	if (!a->registry->provisional) {
		return false;
	}
	c = alarms_config(a, p);
	return threshold_find(c.levels, c.count, level) == NULL;
}

static bool has_delay(const struct alarm_config *c)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->levels[i].on_samples > 0) {
			return true;
		}
	}
	return false;
}

/* Whether p, once restarted, would go on otherwise without what it remembers. */
static bool has_memory(const struct alarms *a, const struct alarm_place *p, const struct alarm_config *c)
{
	const struct alarm_state *s = &p->state;

	if (s->levels.level != LEVEL_NORMAL || alarms_is_silenced(p)) {
		return true;
	}
	if (c->count == 0) {
		return a->registry->provisional; /* else nobody will ask for it */
	}
	if (watches_silence(p)) {
		return false; /* a broker that was down has heard nothing */
	}
	if (p->cause != CAUSE_THRESHOLD && p->cause != CAUSE_LOW_BATTERY) {
		return true;
	}
	return c->hold.rise_max > 0 || s->hold.suspect_us != 0 || has_delay(c) ||
	       alarm_due(c, s) != INT64_MAX;
}

static void keep_memory(struct alarms *a, struct alarm_place *p, const struct alarm_config *c)
{
	bool has = has_memory(a, p, c);

	if (has || p->kept_memory) {
		alarms_keep(a, p);
	}
	p->kept_memory = has;
}

void alarms_settle(struct alarms *a, struct alarm_place *p)
{
	struct alarm_config c = alarms_config(a, p);
	bool can_tell = true, changed = false;

	while (!alarms_is_waiting(a, p) && (can_tell = alarms_can_tell(a)) && alarm_step(&c, &p->state)) {
		alarms_tell(a, p);
		changed = true;
	}
	if (changed) {
		alarms_tell_groups(a, p);
	}
	keep_memory(a, p, &c);
	alarms_set_timer(a, p);
	if (!can_tell) {
		alarms_call_later(a, p);
	}
}

/* --- readings --- */

static bool is_usable(const struct alarm_input *in)
{
	return in->quality != QUALITY_FAIL && in->quality != QUALITY_MISSING && isfinite(in->value);
}

/* Whether p has seen a reading that is as new. */
static bool is_old(const struct alarm_place *p, const struct alarm_input *in)
{
	const struct levels_state *s = &p->state.levels;

	return s->last_us <= in->received_us && MIN(in->phenomenon_us, in->received_us) <= s->last_us;
}

/* False: the reading is older than one that p has seen. */
static bool evaluate(struct alarms *a, struct alarm_place *p, const struct alarm_input *in)
{
	struct alarm_config c = alarms_config(a, p);
	bool is_new = !is_usable(in) || !is_old(p, in);

	/* What the clock has to say came first. */
	if (p->state.shelved_until_us != 0) {
		alarms_see_to_shelving(a, p);
	}
	if (p->timer.place != 0 && p->timer.due_us <= in->received_us) {
		alarms_catch_up(a, p);
	}
	if (alarm_observe(&c, &p->state, in)) {
		alarms_settle(a, p);
	} else if (is_new) {
		keep_memory(a, p, &c); /* a value that is not believed yet */
		alarms_set_timer(a, p);
	}
	if (!p->status_known && alarms_is_alive(p)) {
		alarms_show(a, p);
	}
	return is_new;
}

void alarms_evaluate(struct alarms *a, struct datastream *d, const struct reading *reading)
{
	const struct alarm_input in = {
		.phenomenon_us = reading->phenomenon_us,
		.received_us = reading->received_us,
		.value = reading->result,
		.quality = reading->quality,
		.borne_out = qc_tests_get(reading->tests, QC_NEIGHBOUR) == QUALITY_PASS,
	};
	bool is_new = true;

	a->now_us = reading->received_us;
	alarms_bind(a, d);
	for (struct alarm_place *p = d->alarms; p != NULL; p = p->next) {
		/* What waits for its levels goes on with the water: a delay that ran is not to end by an old value. */
		if (alarm_watches_readings((enum cause)p->cause) && (alarms_is_alive(p) || p->kept_memory)) {
			is_new = evaluate(a, p, &in) && is_new;
		}
	}
	if (!is_new) {
		stats_add(a->stats, STATS_READINGS_OUT_OF_ORDER, 1);
	}
	if (a->called) {
		alarms_fire(a, CALLED_MAX);
	}
}

/* --- for others to see --- */

struct visit {
	void (*each)(void *context, struct alarm_place *p);
	void *context;
};

static void visit_datastream(void *context, struct datastream *d)
{
	const struct visit *v = context;

	for (struct alarm_place *p = d->alarms; p != NULL; p = p->next) {
		v->each(v->context, p);
	}
}

void alarms_each(struct alarms *a, void (*each)(void *context, struct alarm_place *p), void *context)
{
	struct visit v = {each, context};

	datastream_each(a->table, visit_datastream, &v);
}

void alarms_status(struct alarms *a, struct alarm_place *p, struct transition *ret)
{
	alarms_bind(a, p->datastream);
	*ret = alarms_transition(a, p);
}

void alarms_done(struct alarms *a)
{
	timers_done(&a->timers);
}
