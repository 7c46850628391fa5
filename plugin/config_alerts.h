/*
 * config_alerts - what the keys of "alerts" mean and allow.
 *
 * Threads  [loop]
 * Errors   as config_line.
 */
#ifndef HIGHWATER_CONFIG_ALERTS_H
#define HIGHWATER_CONFIG_ALERTS_H

#include "config.h"
#include "config_line.h"

void config_alerts_defaults(struct config *c);
int config_alerts_read(const struct config_file *f, const struct config_member *m,
                       struct config *c) must_check;
void config_alerts_done(struct config *c);

#endif
