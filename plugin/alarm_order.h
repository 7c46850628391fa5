/*
 * alarm_order - what an operator wants done to the alarms of a datastream.
 *
 * The actions are those of ISA-18.2 and IEC 62682: acknowledge an alarm that
 * has been seen; shelve one for a time; suppress one, which is by design; take
 * one out of service, for maintenance.
 *
 * Threads  [any]
 * Memory   Texts are the caller's, and are needed for the call only.
 */
#ifndef HIGHWATER_ALARM_ORDER_H
#define HIGHWATER_ALARM_ORDER_H

#include "reading.h"

enum alarm_action {
	ACTION_ACKNOWLEDGE,
	ACTION_SHELVE,
	ACTION_UNSHELVE,
	ACTION_SUPPRESS,
	ACTION_UNSUPPRESS,
	ACTION_OUT_OF_SERVICE,
	ACTION_IN_SERVICE,
	ACTION_TEST,
};

/* Without cause: every alarm of the datastream. Without period: of any period. */
struct alarm_order {
	enum alarm_action action;
	struct datastream_key key;
	bool has_cause, has_period;
	uint8_t cause;                      /* enum cause */
	int64_t period_us;                  /* more than 0 */
	int64_t until_us;                   /* of ACTION_SHELVE: Unix µs */
	const char *user, *client, *reason; /* NULL: not known */
};

#endif
