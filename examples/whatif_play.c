#include "whatif_play.h"

#include "qc.h"

#include <errno.h>

static void settle(struct whatif_play *p, struct whatif_alarm *a);

/* --- groups --- */

static bool is_group(const struct whatif_alarm *a)
{
	return !alarm_watches_readings((enum cause)a->config.cause);
}

/* Brings a group's count up to date. */
static void count_members(struct whatif_play *p, struct whatif_alarm *group, int64_t at_us)
{
	unsigned count;

	at_us = MAX(at_us, group->state.levels.at_us);
	count = group_count(&group->state.group, GROUP_MEMBERS_MAX, at_us, group->config.period_us);
	(void)alarm_observe_count(&group->config, &group->state, at_us, p->now_us, count);
}

static void tell_group(struct whatif_play *p, const struct registry_member *m,
                       const struct whatif_alarm *member)
{
	const struct levels_state *levels = &member->state.levels;
	struct whatif_alarm *group = whatif_rules_alarm(p->rules, &p->rules->streams[m->datastream - 1],
	                                                (enum cause)m->cause, m->period_us);
	bool was, is;

	if (group == NULL || m->member_cause != member->config.cause ||
	    m->member_period_us != member->config.period_us) {
		return;
	}
	was = (group->state.group.active & UINT32_C(1) << m->position) != 0;
	is = levels->level != LEVEL_NORMAL &&
	     levels_is_at_least(member->config.levels, member->config.count, levels->level, m->member_level);
	if (is != was) {
		group_set(&group->state.group, m->position, is, levels->changed_us);
		count_members(p, group, levels->changed_us);
		settle(p, group);
	}
}

static void tell_groups(struct whatif_play *p, const struct whatif_alarm *member)
{
	const struct registry *registry = p->rules->registry;
	const uint32_t *memberships;
	size_t count = registry_memberships(registry, member->stream->registered, &memberships);

	for (size_t i = 0; i < count; i++) {
		tell_group(p, &registry->members[memberships[i]], member);
	}
}

int64_t whatif_play_arrival(const struct whatif_rules *rules, const struct whatif_alarm *alarm)
{
	const struct registry_datastream *d = alarm->stream->registered;
	const struct registry_member *m = registry_members(rules->registry, d);
	int64_t newest_us = 0, arrival_us = 0;

	for (uint32_t i = 0; is_group(alarm) && i < d->member_count; i++) {
		int64_t last_us = alarm->state.group.last_us[m[i].position];

		if (m[i].cause == alarm->config.cause && m[i].period_us == alarm->config.period_us &&
		    m[i].travel_us > 0 && last_us > newest_us) {
			newest_us = last_us;
			arrival_us = last_us + m[i].travel_us;
		}
	}
	return arrival_us;
}

/* --- one alarm --- */

/* Event time at which a member next ceases to count; INT64_MAX: never. */
static int64_t group_due(const struct whatif_alarm *a)
{
	return is_group(a) ? group_next_change(&a->state.group, GROUP_MEMBERS_MAX, a->state.levels.at_us,
	                                       a->config.period_us)
	                   : INT64_MAX;
}

static void set_timer(struct whatif_play *p, struct whatif_alarm *a)
{
	timers_set(&p->timers, &a->timer, MIN(alarm_due(&a->config, &a->state), group_due(a)));
}

/* Makes the transitions that its state calls for. */
static void settle(struct whatif_play *p, struct whatif_alarm *a)
{
	bool changed = false;

	while (alarm_step(&a->config, &a->state)) {
		p->told(p->context, a);
		changed = true;
	}
	set_timer(p, a);
	if (changed) {
		tell_groups(p, a);
	}
}

static void ring(struct whatif_play *p, struct whatif_alarm *a)
{
	if (alarm_due(&a->config, &a->state) <= p->now_us) {
		alarm_clock(&a->config, &a->state, p->now_us);
	} else if (group_due(a) <= p->now_us) {
		count_members(p, a, group_due(a));
	}
	settle(p, a);
}

/* --- time goes on --- */

void whatif_play_until(struct whatif_play *p, int64_t until_us)
{
	struct timer *t;

	while ((t = timers_take(&p->timers, until_us)) != NULL) {
		p->now_us = MAX(p->now_us, t->due_us);
		ring(p, (struct whatif_alarm *)((char *)t - offsetof(struct whatif_alarm, timer)));
	}
	p->now_us = MAX(p->now_us, until_us);
}

uint8_t whatif_quality_on_arrival(uint32_t tests, uint8_t quality)
{
	/* Where somebody has set another flag by hand, that is what holds. */
	if (tests == 0 || qc_tests_get(tests, QC_SPIKE) == 0 ||
	    qc_aggregate(tests) != (enum quality)quality) {
		return quality;
	}
	return (uint8_t)qc_aggregate(qc_tests_set(tests, QC_SPIKE, QUALITY_NOT_EVALUATED));
}

void whatif_play_reading(struct whatif_play *p, const struct whatif_reading *reading)
{
	const struct whatif_stream *s = whatif_rules_stream(p->rules, reading->datastream_id);
	const struct alarm_input in = {
		.phenomenon_us = reading->phenomenon_us,
		.received_us = reading->phenomenon_us,
		.value = reading->value,
		.quality = whatif_quality_on_arrival(reading->tests, reading->quality),
		.borne_out = qc_tests_get(reading->tests, QC_NEIGHBOUR) == QUALITY_PASS,
	};

	whatif_play_until(p, reading->phenomenon_us);
	for (size_t i = 0; s != NULL && i < s->alarm_count; i++) {
		struct whatif_alarm *a = &p->rules->alarms[s->alarm_first + i];

		if (is_group(a)) {
			continue;
		}
		if (alarm_observe(&a->config, &a->state, &in)) {
			settle(p, a);
		} else {
			set_timer(p, a);
		}
	}
}

int whatif_play_init(struct whatif_play *ret, const struct whatif_rules *rules, whatif_told *told,
                     void *context)
{
	*ret = (struct whatif_play){.rules = rules, .told = told, .context = context};
	return timers_reserve(&ret->timers, rules->alarm_count);
}

void whatif_play_done(struct whatif_play *p)
{
	timers_done(&p->timers);
}
