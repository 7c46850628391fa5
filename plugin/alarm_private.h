/*
 * alarm_private - what alarm.c and alarm_clock.c share.
 *
 * Threads  [any] pure
 */
#ifndef HIGHWATER_ALARM_PRIVATE_H
#define HIGHWATER_ALARM_PRIVATE_H

#include "alarm.h"

/* What a cause's signal is made of. */
enum source { SOURCE_VALUE, SOURCE_RAIN, SOURCE_ARRIVAL, SOURCE_ERRORS, SOURCE_COUNT, SOURCE_NONE };

enum source alarm_source(const struct alarm_config *config);

/* Takes a value of the signal. */
void alarm_take(const struct alarm_config *config, struct alarm_state *state, int64_t at_us, double value,
                uint8_t quality);

#endif
