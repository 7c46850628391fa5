/*
 * host - the headers of Mosquitto, 2.0 or 2.1.
 *
 * Promise  A module built with either runs in both: the structures have the
 *          same layout, and only names have changed.
 */
#ifndef HIGHWATER_HOST_H
#define HIGHWATER_HOST_H

#include <mosquitto.h>

#if LIBMOSQUITTO_VERSION_NUMBER < 2001000
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
/* Of struct mosquitto_evt_tick: 2.0 never reads it, and 2.1, which does, counts milliseconds there. */
#define HOST_NEXT_MS next_ns
#else
#define HOST_NEXT_MS next_ms
#endif

#endif
