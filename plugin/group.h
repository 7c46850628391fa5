/*
 * group - how many members of a group are, or lately were, at their levels.
 *
 * Members are alarms of other datastreams. One counts while it is at its level or beyond, and for less than the group's
 * period after.
 *
 * Threads  [any] pure; the caller owns the state.
 */
#ifndef HIGHWATER_GROUP_H
#define HIGHWATER_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#define GROUP_MEMBERS_MAX 16

/* Zeroed: none has been at its level. */
struct group {
	int64_t last_us
		[GROUP_MEMBERS_MAX]; /* event time at which the member was last known at its level; 0: never */
	uint32_t active;             /* bit i: member i is at its level now */
	uint32_t zero;
};

/* Member i (< GROUP_MEMBERS_MAX) is at its level, or no longer, from event time at_us on. */
void group_set(struct group *g, unsigned member, bool is_at_level, int64_t at_us);

/* How many of the first `members` count at at_us. */
unsigned group_count(const struct group *g, unsigned members, int64_t at_us, int64_t period_us);

/* The time after at_us at which the count next becomes less by itself; INT64_MAX: never. */
int64_t group_next_change(const struct group *g, unsigned members, int64_t at_us, int64_t period_us);

#endif
