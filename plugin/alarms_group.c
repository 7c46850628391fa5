#include "alarms_private.h"

static bool is_group(const struct alarm_place *p)
{
	return !alarm_watches_readings((enum cause)p->cause);
}

/* Whether p counts for a group that asks for level. What is out of service says nothing of the water. */
static bool is_at_level(const struct alarms *a, const struct alarm_place *p, int32_t level)
{
	struct alarm_config c = alarms_config(a, p);

	return p->state.levels.level != LEVEL_NORMAL && !p->state.out_of_service &&
	       levels_is_at_least(c.levels, c.count, p->state.levels.level, level);
}

static void observe(struct alarms *a, struct alarm_place *group, int64_t at_us)
{
	struct alarm_config c = alarms_config(a, group);
	unsigned count;

	at_us = MAX(at_us, group->state.levels.at_us);
	count = group_count(&group->state.group, GROUP_MEMBERS_MAX, at_us, group->period_us);
	(void)alarm_observe_count(&c, &group->state, at_us, a->now_us, count);
}

static void set_member(struct alarms *a, struct alarm_place *group, const struct registry_member *m,
                       const struct alarm_place *member)
{
	bool was = (group->state.group.active & UINT32_C(1) << m->position) != 0;
	bool is = member != NULL && is_at_level(a, member, m->member_level);
	int64_t at_us = member != NULL ? member->state.levels.changed_us : a->now_us;

	if (is == was) {
		return;
	}
	group_set(&group->state.group, m->position, is, at_us);
	observe(a, group, at_us);
	alarms_call(a, group);
}

void alarms_tell_groups(struct alarms *a, const struct alarm_place *p)
{
	const struct registry_datastream *registered = p->datastream->registered;
	const uint32_t *members;
	size_t count;

	if (registered == NULL) {
		return;
	}
	count = registry_memberships(a->registry, registered, &members);
	for (size_t i = 0; i < count; i++) {
		const struct registry_member *m = &a->registry->members[members[i]];
		struct datastream *d;
		struct alarm_place *group = NULL;

		if (m->member_cause != p->cause || m->member_period_us != p->period_us) {
			continue;
		}
		d = datastream_find(a->table, &registry_numbered(a->registry, m->datastream)->key);
		if (d != NULL) {
			alarms_bind(a, d);
			group = datastream_alarm(d, (enum cause)m->cause, m->period_us);
		}
		if (group != NULL) {
			set_member(a, group, m, p);
		}
	}
}

/* Members of p's own alarm among those of its datastream: how many, from *ret_first on. */
static size_t members_of(const struct alarms *a, const struct alarm_place *p,
                         const struct registry_member **ret_first)
{
	const struct registry_datastream *registered = p->datastream->registered;
	const struct registry_member *m;
	size_t first = 0, end;

	if (registered == NULL) {
		return 0;
	}
	m = registry_members(a->registry, registered);
	while (first < registered->member_count &&
	       (m[first].cause != p->cause || m[first].period_us != p->period_us)) {
		first++;
	}
	end = first;
	while (end < registered->member_count && m[end].cause == p->cause &&
	       m[end].period_us == p->period_us) {
		end++;
	}
	*ret_first = &m[first];
	return end - first;
}

static struct alarm_place *member_place(struct alarms *a, const struct registry_member *m)
{
	struct datastream *d = datastream_find(a->table, &registry_numbered(a->registry, m->member)->key);

	if (d == NULL) {
		return NULL;
	}
	alarms_bind(a, d);
	return datastream_alarm(d, (enum cause)m->member_cause, m->member_period_us);
}

void alarms_count_members(struct alarms *a, struct alarm_place *p)
{
	const struct registry_member *m = NULL;
	struct group *g = &p->state.group;
	uint32_t taken = 0;
	size_t count;

	if (!is_group(p) || !p->is_set_up) {
		return;
	}
	count = members_of(a, p, &m);
	for (size_t i = 0; i < count; i++) {
		taken |= UINT32_C(1) << m[i].position;
		set_member(a, p, &m[i], member_place(a, &m[i]));
	}
	for (unsigned i = 0; i < GROUP_MEMBERS_MAX; i++) {
		if ((taken & UINT32_C(1) << i) == 0 && g->last_us[i] != 0) {
			g->active &= ~(UINT32_C(1) << i);
			g->last_us[i] = 0;
			observe(a, p, a->now_us);
			alarms_call(a, p);
		}
	}
}

/* Event time at which a member next ceases to count; INT64_MAX: never. */
static int64_t next_change(const struct alarm_place *p)
{
	return is_group(p) ? group_next_change(&p->state.group, GROUP_MEMBERS_MAX, p->state.levels.at_us,
	                                       p->period_us)
	                   : INT64_MAX;
}

int64_t alarms_group_due(const struct alarm_place *p)
{
	int64_t at_us = next_change(p);

	return at_us == INT64_MAX ? at_us : at_us + (p->state.levels.taken_us - p->state.levels.last_us);
}

void alarms_group_clock(struct alarms *a, struct alarm_place *p)
{
	observe(a, p, next_change(p));
}

int64_t alarms_arrival(const struct alarms *a, const struct alarm_place *p)
{
	const struct registry_member *m = NULL;
	const struct group *g = &p->state.group;
	size_t count = members_of(a, p, &m);
	int64_t newest_us = 0, arrival_us = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t last_us = g->last_us[m[i].position];

		if (m[i].travel_us > 0 && last_us > newest_us) {
			newest_us = last_us;
			arrival_us = last_us + m[i].travel_us;
		}
	}
	return arrival_us;
}
