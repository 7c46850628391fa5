#include "group.h"

#include "util.h"

static bool is_active(const struct group *g, unsigned member)
{
	return (g->active >> member & 1) != 0;
}

void group_set(struct group *g, unsigned member, bool is_at_level, int64_t at_us)
{
	uint32_t bit;

	if (member >= GROUP_MEMBERS_MAX) {
		return;
	}
	bit = UINT32_C(1) << member;
	if (is_at_level || is_active(g, member)) {
		g->last_us[member] = MAX(g->last_us[member], at_us);
	}
	g->active = is_at_level ? g->active | bit : g->active & ~bit;
}

/* When a member ceases to count by itself: 0 if it does not count, INT64_MAX while it is at its level. */
static int64_t counts_until(const struct group *g, unsigned member, int64_t at_us, int64_t period_us)
{
	if (is_active(g, member)) {
		return INT64_MAX;
	}
	if (g->last_us[member] == 0 || at_us - g->last_us[member] >= period_us) {
		return 0;
	}
	return g->last_us[member] + period_us;
}

unsigned group_count(const struct group *g, unsigned members, int64_t at_us, int64_t period_us)
{
	unsigned count = 0;

	for (unsigned i = 0; i < MIN(members, GROUP_MEMBERS_MAX); i++) {
		count += counts_until(g, i, at_us, period_us) != 0;
	}
	return count;
}

int64_t group_next_change(const struct group *g, unsigned members, int64_t at_us, int64_t period_us)
{
	int64_t next_us = INT64_MAX;

	for (unsigned i = 0; i < MIN(members, GROUP_MEMBERS_MAX); i++) {
		int64_t until_us = counts_until(g, i, at_us, period_us);

		next_us = until_us != 0 ? MIN(next_us, until_us) : next_us;
	}
	return next_us;
}
