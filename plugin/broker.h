/*
 * broker - what the plugin asks of the broker that hosts it.
 *
 * Threads  [loop], or apart (apart.h) while the loop waits: Mosquitto appends to
 *          unlocked lists and its log is not safe from elsewhere.
 */
#ifndef HIGHWATER_BROKER_H
#define HIGHWATER_BROKER_H

#include "log.h"
#include "util.h"

#include <stdbool.h>

/*
 * Publishes text to topic for subscribers; the broker copies both and delivers on the next turn of its
 * loop. 0; -ENOMEM; -EINVAL: it will not take this one, however often it is asked.
 */
int broker_publish(const char *topic, const char *text, int qos, bool retain) must_check;

/* The same for one client, at QoS 0, whether it has subscribed or not. */
int broker_publish_to(const char *client_id, const char *topic, const char *text) must_check;

/* Whom a message came from, by the client of its event: NUL-terminated, "" when that has no id. */
const char *broker_client_id(const void *client);

/* One line in the broker's log, with the plugin's name before it. */
void broker_log(enum log_level level, const char *line);

#endif
