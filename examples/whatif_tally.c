#include "whatif_tally.h"

#include <errno.h>
#include <stdlib.h>

int whatif_tally_init(struct whatif_tally *ret, const struct whatif_rules *rules)
{
	struct whatif_tally t = {.rules = rules, .from_us = INT64_MIN};

	for (size_t i = 0; i < rules->alarm_count; i++) {
		t.level_count += rules->alarms[i].config.count;
	}
	t.courses = calloc(rules->alarm_count + 1, sizeof(*t.courses));
	t.levels = calloc(t.level_count + 1, sizeof(*t.levels));
	if (t.courses == NULL || t.levels == NULL) {
		whatif_tally_done(&t);
		return -ENOMEM;
	}
	for (size_t i = 0, level = 0; i < rules->alarm_count; i++) {
		const struct alarm_config *c = &rules->alarms[i].config;

		t.courses[i].level_first = level;
		for (size_t k = 0; k < c->count; k++) {
			t.levels[level++].threshold = &c->levels[k];
		}
	}
	*ret = t;
	return 0;
}

void whatif_tally_done(struct whatif_tally *t)
{
	free(t->courses);
	free(t->levels);
	free(t->incidents);
	*t = (struct whatif_tally){0};
}

static struct whatif_course *course_of(struct whatif_tally *t, const struct whatif_alarm *alarm)
{
	return &t->courses[alarm - t->rules->alarms];
}

/* NULL for normal. */
static struct whatif_level *level_of(struct whatif_tally *t, const struct whatif_alarm *alarm, int32_t level)
{
	struct whatif_level *l = &t->levels[course_of(t, alarm)->level_first];

	for (size_t i = 0; i < alarm->config.count; i++) {
		if (l[i].threshold->level == level) {
			return &l[i];
		}
	}
	return NULL;
}

/* The level that holds since then holds until at_us. */
static void add_time(struct whatif_tally *t, const struct whatif_alarm *alarm, int64_t at_us)
{
	struct whatif_course *c = course_of(t, alarm);
	struct whatif_level *l = level_of(t, alarm, c->level);
	int64_t since_us = MAX(c->since_us, t->from_us);

	if (l != NULL && at_us > since_us) {
		l->time_us += at_us - since_us;
		l->longest_us = MAX(l->longest_us, at_us - since_us);
	}
}

static void begin_incident(struct whatif_tally *t, const struct whatif_alarm *alarm, bool before)
{
	struct whatif_course *c = course_of(t, alarm);

	if (t->incident_count == t->incident_room) {
		size_t room = MAX(64, 2 * t->incident_room);
		struct whatif_incident *grown = realloc(t->incidents, room * sizeof(*grown));

		if (grown == NULL) {
			t->failed = true;
			return;
		}
		t->incidents = grown;
		t->incident_room = room;
	}
	if (!before && c->incident != 0 &&
	    alarm->state.levels.started_us - t->incidents[c->incident - 1].ended_us < WHATIF_RETURN_US) {
		c->returned++;
		t->returned++;
	}
	t->incidents[t->incident_count++] = (struct whatif_incident){
		.alarm = alarm,
		.started_us = alarm->state.levels.started_us,
		.ended_us = INT64_MAX,
		.before = before,
	};
	c->incident = t->incident_count;
}

static void count_chattering(struct whatif_tally *t, struct whatif_course *c, int64_t at_us)
{
	int64_t oldest_us;

	c->recent_us[c->transitions % WHATIF_CHATTER_COUNT] = at_us;
	c->transitions++;
	oldest_us = c->recent_us[c->transitions % WHATIF_CHATTER_COUNT];
	if (c->transitions >= WHATIF_CHATTER_COUNT && at_us - oldest_us < WHATIF_CHATTER_US) {
		c->chattering++;
		t->chattering += c->chattering == 1;
	}
}

static void count_transition(struct whatif_tally *t, const struct whatif_alarm *alarm)
{
	const struct levels_state *s = &alarm->state.levels;
	struct whatif_level *l = level_of(t, alarm, s->level);

	t->transitions++;
	t->raised += s->sequence == 1;
	count_chattering(t, course_of(t, alarm), s->changed_us);
	if (l == NULL || s->level == s->previous_level) {
		return;
	}
	if (s->previous_level == LEVEL_NORMAL ||
	    levels_is_at_least(alarm->config.levels, alarm->config.count, s->level, s->previous_level)) {
		l->raised++;
	}
}

void whatif_tally_take(struct whatif_tally *t, const struct whatif_alarm *alarm)
{
	const struct levels_state *s = &alarm->state.levels;
	struct whatif_course *c = course_of(t, alarm);
	bool before = s->changed_us < t->from_us;

	if (s->sequence == 1) {
		begin_incident(t, alarm, before);
	}
	if (s->level == LEVEL_NORMAL && c->incident != 0) {
		t->incidents[c->incident - 1].ended_us = s->changed_us;
	}
	if (!before) {
		count_transition(t, alarm);
	}
	if (s->level != c->level) {
		add_time(t, alarm, s->changed_us);
		c->level = s->level;
		c->since_us = s->changed_us;
	}
}

void whatif_tally_end(struct whatif_tally *t, int64_t to_us)
{
	size_t kept = 0;

	t->to_us = to_us;
	for (size_t i = 0; i < t->rules->alarm_count; i++) {
		if (t->rules->alarms[i].stream->listed) {
			add_time(t, &t->rules->alarms[i], to_us);
		}
	}
	/* Incidents that were over before the stretch. */
	for (size_t i = 0; i < t->incident_count; i++) {
		if (t->incidents[i].ended_us >= t->from_us) {
			t->before += t->incidents[i].before;
			t->incidents[kept++] = t->incidents[i];
		}
	}
	t->incident_count = kept;
}

/* --- then and now --- */

static int compare_alerts(const void *left, const void *right)
{
	const struct whatif_alert *a = left;
	const struct whatif_alert *b = right;
	int order = (a->datastream_id > b->datastream_id) - (a->datastream_id < b->datastream_id);

	return order != 0 ? order : (a->started_us > b->started_us) - (a->started_us < b->started_us);
}

/* Place of the first alert of the datastream, or of what comes after it. */
static size_t first_of(const struct whatif_alerts *alerts, int32_t datastream_id)
{
	size_t low = 0, high = alerts->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (alerts->alert[middle].datastream_id < datastream_id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static bool is_same(const struct whatif_incident *i, const struct whatif_alert *a)
{
	return a->cause == i->alarm->config.cause && a->period_us == i->alarm->config.period_us &&
	       a->started_us <= i->ended_us && i->started_us <= a->ended_us;
}

static void find_again(struct whatif_incident *i, const struct whatif_alerts *alerts, bool *again)
{
	int32_t id = i->alarm->stream->registered->datastream_id;

	for (size_t k = first_of(alerts, id); k < alerts->count && alerts->alert[k].datastream_id == id;
	     k++) {
		if (is_same(i, &alerts->alert[k])) {
			i->then_us = i->again ? MIN(i->then_us, alerts->alert[k].started_us)
			                      : alerts->alert[k].started_us;
			i->again = true;
			again[k] = true;
		}
	}
}

static void compare_start(struct whatif_tally *t, const struct whatif_incident *i)
{
	int64_t later_us = i->started_us - i->then_us;

	if (i->before || !i->again) {
		return;
	}
	t->as_then++;
	t->later += later_us > 0;
	t->earlier += later_us < 0;
	t->later_us = MAX(t->later_us, later_us);
	t->earlier_us = MAX(t->earlier_us, -later_us);
}

static void count_then(struct whatif_tally *t, struct whatif_alerts *alerts, const bool *again,
                       size_t *ret_gone)
{
	size_t gone = 0;

	for (size_t k = 0; k < alerts->count; k++) {
		struct whatif_alert a = alerts->alert[k];

		if (a.started_us < t->from_us) {
			continue;
		}
		t->then++;
		t->then_again += again[k];
		if (!again[k]) {
			alerts->alert[gone++] = a;
		}
	}
	*ret_gone = gone;
}

void whatif_tally_compare(struct whatif_tally *t, struct whatif_alerts *alerts, size_t *ret_gone)
{
	bool *again = calloc(alerts->count + 1, sizeof(*again));

	*ret_gone = 0;
	if (again == NULL) {
		t->failed = true;
		return;
	}
	qsort(alerts->alert, alerts->count, sizeof(*alerts->alert), compare_alerts);
	for (size_t i = 0; i < t->incident_count; i++) {
		find_again(&t->incidents[i], alerts, again);
		compare_start(t, &t->incidents[i]);
	}
	count_then(t, alerts, again, ret_gone);
	free(again);
}
