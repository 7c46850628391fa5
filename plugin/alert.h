/*
 * alert - a transition as subscribers receive it.
 *
 * Promise  What is not known is null, never left out. A number has the fewest
 *          digits that read back as the same double: 1.53, not 1.5300000000000000266.
 *          A text that was cut inside a character is sent without that character.
 * Threads  [any]
 * Memory   Strings come from malloc(); NULL when memory is short.
 */
#ifndef HIGHWATER_ALERT_H
#define HIGHWATER_ALERT_H

#include "transition.h"
#include "util.h"

/*
 * The alert message of the contract as JSON. The retained status of an alarm is
 * the same object: its last transition, or what an operator did after it.
 * transition.h tells how CAP's severity, urgency and certainty are chosen.
 * Without a transition to speak of, what would tell of one is null, and CAP's
 * three are Unknown; the cause is null only then, and only of an alarm of the
 * value itself. period is in seconds.
 */
char *alert_json(const struct transition *t) must_check;

#endif
