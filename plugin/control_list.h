/*
 * control_list - the alarms that an operator asks to see, a page at a time.
 *
 * Threads  [any]
 * Errors   0 or -ENOMEM.
 */
#ifndef HIGHWATER_CONTROL_LIST_H
#define HIGHWATER_CONTROL_LIST_H

#include "control_command.h"

#include <stdio.h>

/* Writes {"alarms": [status, …], "totalCount": how many there are on all pages}. */
int control_list_write(FILE *out, const struct control_command *command,
                       const struct control_hands *hands) must_check;

#endif
