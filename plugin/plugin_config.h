/*
 * plugin_config - the configuration at start and at SIGHUP.
 *
 * Threads  [loop]
 * Errors   0 or a negative errno with the sentence in message.
 */
#ifndef HIGHWATER_PLUGIN_CONFIG_H
#define HIGHWATER_PLUGIN_CONFIG_H

#include "config.h"

/* Reads the configuration and sees that its connection string can be understood. */
int plugin_config_load(struct config **ret, const struct config_option *options, size_t count, char *message,
                       size_t size) must_check;

/* Mosquitto 2.0 hands no options to a reload; they are the ones of the start then. */
int plugin_config_reload(struct config **ret, const struct config *old, char *message,
                         size_t size) must_check;

/* What a running plugin cannot change: the name of the first such setting that differs, or NULL. */
const char *plugin_config_needs_restart(const struct config *old, const struct config *new);

#endif
