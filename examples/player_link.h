/*
 * player_link - messages to a broker, each until it is acknowledged.
 *
 * Promise  At QoS 1 and 2 a message that was taken is sent until the broker has
 *          acknowledged it, over any number of lost connections; a broker may so
 *          receive one twice. At QoS 0 what is lost with a connection is counted.
 * Threads  [any] One thread. libmosquitto's own thread is not used.
 * Errors   0 or a negative errno; says on stderr why. -ETIMEDOUT: out of patience.
 */
#ifndef HIGHWATER_EXAMPLES_PLAYER_LINK_H
#define HIGHWATER_EXAMPLES_PLAYER_LINK_H

#include "player_message.h"
#include "player_options.h"
#include "util.h"

#include <stdbool.h>
#include <stdint.h>

struct mosquitto;

struct player_link {
	struct mosquitto *mosquitto;
	const struct player_options *options;
	bool connected, ever_connected;
	bool keeps_session;       /* the broker remembers us over a lost connection */
	char made_id[64];         /* when a session needs a client id and none was given */
	const char *refusal;      /* why the broker will never let us in */
	int64_t retry_us;         /* monotonic: not before */
	int64_t pause_us;         /* between tries, growing */
	int64_t last_progress_us; /* monotonic: connection or acknowledgement */
	unsigned long sent, acknowledged, refused, lost;
	int in_flight;
};

/* Connects, once; a broker that cannot be reached now is an error. */
int player_link_open(struct player_link *ret, const struct player_options *o) must_check;

/* Is there a connection and room in the window? */
static inline bool player_link_ready(const struct player_link *l)
{
	return l->connected && l->in_flight < l->options->max_in_flight;
}

/* Only when player_link_ready(). */
int player_link_publish(struct player_link *l, const struct player_message *m) must_check;

/* Serves the network for timeout_us at most, reconnecting where needed. */
int player_link_turn(struct player_link *l, int64_t timeout_us) must_check;

/* Says goodbye if connected, and frees. Takes a link that was zeroed. */
void player_link_close(struct player_link *l);

#endif
