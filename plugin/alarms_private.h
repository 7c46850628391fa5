/*
 * alarms_private - what the parts of alarms share.
 *
 * alarms.c          readings and levels: which alarms a datastream has, their transitions
 * alarms_tell.c     a transition in journal, store and on the topics
 * alarms_clock.c    what happens without a reading: timers, the end of shelving, a new registry
 * alarms_group.c    members of groups
 * alarms_order.c    operators
 * alarms_restore.c  at start
 *
 * Threads  [loop]
 */
#ifndef HIGHWATER_ALARMS_PRIVATE_H
#define HIGHWATER_ALARMS_PRIVATE_H

#include "alarms.h"

/* Alarms that one reading's transitions look at: groups and what else is due. */
#define CALLED_MAX 16

/* --- alarms.c --- */

/* Sees to it that d and its alarms speak of the registry now; a new alarm for which there is no memory comes later. */
void alarms_bind(struct alarms *a, struct datastream *d);

/* d's alarm of this cause and period, added when it is not there. NULL when memory is short. */
struct alarm_place *alarms_give(struct alarms *a, struct datastream *d, enum cause cause, int64_t period_us);

/* How p, bound to the registry, is set up. Lives as long as the registry. */
struct alarm_config alarms_config(const struct alarms *a, const struct alarm_place *p);

/* Makes the transitions that p's state calls for, keeps the state and sets the timer. */
void alarms_settle(struct alarms *a, struct alarm_place *p);

/*
 * Whether an open incident waits for the registry: its level is not there, and it is not sure that somebody has
 * taken it away. A copy may be older than the level; an all-clear by mistake is worse than a late one.
 */
bool alarms_is_waiting(const struct alarms *a, const struct alarm_place *p);

/* Whether subscribers are not to hear of p: shelved, suppressed or out of service. */
bool alarms_is_silenced(const struct alarm_place *p);

/* Whether p is set up, or has an incident that goes on without. */
bool alarms_is_alive(const struct alarm_place *p);

/* --- alarms_tell.c --- */

/* Whether one reading's or order's transitions can be told: at most two. */
bool alarms_can_tell(struct alarms *a);

/* A transition of p has been made: journal, store, announce. */
void alarms_tell(struct alarms *a, struct alarm_place *p);

/* p is heard again: tells what it is now, if subscribers were not told. */
void alarms_tell_again(struct alarms *a, struct alarm_place *p);

/* A transition that stands for itself: test alert, or an operator's action that is no alert. */
void alarms_journal(struct alarms *a, const struct transition *t);

/* 0, or as outbox_send() but for -EAGAIN: then it waits, and all is well. */
int alarms_announce(struct alarms *a, const struct transition *t);

/* Announces what waits, as far as memory reaches. */
void alarms_announce_waiting(struct alarms *a);

/* Stores p's state. */
void alarms_keep(struct alarms *a, struct alarm_place *p);

/* Publishes p's status; when it cannot be, p's next reading or timer does. */
void alarms_show(struct alarms *a, struct alarm_place *p);
void alarms_show_as(struct alarms *a, struct alarm_place *p, const struct transition *status);

/* The last transition of p, as its state remembers it; p is bound. */
struct transition alarms_transition(const struct alarms *a, const struct alarm_place *p);

/* What every transition of d says of where it is. */
struct transition alarms_transition_of(const struct datastream *d);

/* Up to the journal's end, if nothing waits: what waits may stand anywhere after the last mark. */
void alarms_mark_announced(struct alarms *a);

/* --- alarms_clock.c --- */

/* So that the clock comes to p in time. */
void alarms_set_timer(struct alarms *a, struct alarm_place *p);

/* So that p is looked at when the reading under way is done with. */
void alarms_call(struct alarms *a, struct alarm_place *p);

/* So that p is looked at again in a while: something could not be done now. */
void alarms_call_later(struct alarms *a, struct alarm_place *p);

/* Lets happen to p what time alone brings, up to now. */
void alarms_catch_up(struct alarms *a, struct alarm_place *p);

/* Looks at those for which it is time, at most so many. */
void alarms_fire(struct alarms *a, size_t most);

/* --- alarms_group.c --- */

/* p's level, or what it counts for, may have changed: tells the groups that p is a member of. */
void alarms_tell_groups(struct alarms *a, const struct alarm_place *p);

/* p is a group, and its members may be others than before. */
void alarms_count_members(struct alarms *a, struct alarm_place *p);

/* When a member next ceases to count by itself, by the broker's clock; INT64_MAX: never, or p is no group. */
int64_t alarms_group_due(const struct alarm_place *p);

/* That moment has come. */
void alarms_group_clock(struct alarms *a, struct alarm_place *p);

/* When the water of p's members is expected; 0: not known. */
int64_t alarms_arrival(const struct alarms *a, const struct alarm_place *p);

/* --- alarms_order.c --- */

/* Ends p's shelving when its time is over. */
void alarms_see_to_shelving(struct alarms *a, struct alarm_place *p);

#endif
