/*
 * link - one MQTT 3.1.1 connection of the load generator: no library, no copy
 * more than the kernel's, so that it is never the bottleneck.
 *
 * Threads  [any] One thread, edge of an epoll loop of the caller's.
 * Errors   0 or a negative errno.
 */
#ifndef HIGHWATER_BENCH_LINK_H
#define HIGHWATER_BENCH_LINK_H

#include "util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_WINDOW_MAX 4096
#define LINK_BUFFER     (256 * 1024)

struct link {
	int fd;
	unsigned window; /* PUBLISHes that may wait for their acknowledgement, at most LINK_WINDOW_MAX */
	unsigned in_flight, next_id;
	bool wants_write, answered;          /* answered: a PINGRESP has come since the last link_ping() */
	int64_t due_ns[LINK_WINDOW_MAX + 1]; /* by packet id: when the message was due */
	uint8_t *out, *in;
	size_t out_first, out_end, in_end;
};

/* What comes. Either may be NULL. */
struct link_sink {
	void *context;
	void (*acknowledged)(void *context, int64_t due_ns);
	void (*message)(void *context, const char *payload, size_t length);
};

/* Connects (blocking) to host, an IPv4 address, and waits for the CONNACK. Then non-blocking. */
int link_open(struct link *l, const char *host, uint16_t port, const char *client_id, unsigned window,
              bool no_delay) must_check;
void link_close(struct link *l);

/* Waits for the SUBACK; before anything is published. */
int link_subscribe(struct link *l, const char *filter, int qos) must_check;

/* Room for one more message, in the window and in the buffer. */
bool link_ready(const struct link *l, int qos, size_t length);

/* Queues a PUBLISH; only when link_ready(). */
void link_publish(struct link *l, const char *topic, const char *payload, size_t length, int qos,
                  int64_t due_ns);

void link_ping(struct link *l);

/*
 * The owner's poll is woken only when so many acknowledgements are there. The kernel then works once for many of
 * them: what a sensor's own machine does is not to be taken from the broker's. 0 or 1: each wakes.
 */
int link_wake_after(const struct link *l, unsigned acknowledgements) must_check;

/* Writes what is queued and reads what is there. -ECONNRESET when the broker has hung up. */
int link_serve(struct link *l, const struct link_sink *sink) must_check;

#endif
