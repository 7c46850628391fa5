/*
 * ingest - one message's whole route, from PUBLISH to the verdict.
 *
 * topic, decode, check, journal, alarms: in the broker's callback, from memory.
 *
 * Promise  Nothing here waits for a database, a disk flush or another thread.
 *          INGEST_PASS after a match means: every reading of the message is in
 *          the journal, or was there before, or has its dead letter.
 * Threads  [loop]; ingest_new and ingest_free [start].
 * Errors   A message never fails: it has a verdict.
 */
#ifndef HIGHWATER_INGEST_H
#define HIGHWATER_INGEST_H

#include "config.h"
#include "shared.h"

struct alarms;
struct ingest;

/* A view of the broker's message, during the callback. */
struct message {
	const char *topic;  /* NUL-terminated */
	const void *client; /* the broker's, for broker_client_id() */
	const void *payload;
	size_t length; /* bytes */
	int qos;
	bool retain;
};

/* What an operator asks, during the callback. */
struct control_message {
	const char *client_id; /* NUL-terminated: whom to answer */
	const char *user;      /* "": the client has no name */
	const void *payload;
	size_t length; /* bytes */
};

enum ingest_verdict {
	INGEST_PASS,   /* let the broker go on as if we were not there */
	INGEST_DENY,   /* acknowledge as not authorised; subscribers do not get it */
	INGEST_REFUSE, /* do not acknowledge: it could not be kept, the client has to send it again */
};

/*
 * Takes config and registry over, also on failure. Announces again what a crash may
 * have kept from subscribers. 0, -ENOMEM or -EBADMSG.
 */
int ingest_new(struct ingest **ret, struct config *config, struct registry *registry,
               const struct shared *shared) must_check;

/* NULL is harmless. */
void ingest_free(struct ingest *in);

enum ingest_verdict ingest_message(struct ingest *in, const struct message *message);

/* Carries out what an operator asks, if the configuration lets that user, and answers that client. */
void ingest_control(struct ingest *in, const struct control_message *message);

/* Takes config over; the old one is freed. Sources, limits and qualities of service hold from the next message on. */
void ingest_set_config(struct ingest *in, struct config *config);
const struct config *ingest_config(const struct ingest *in);

/* For operators. They live as long as in. */
struct alarms *ingest_alarms(struct ingest *in);

/*
 * The small duties between messages: a new registry, alarms that wait for the clock, lines to log, counters to
 * publish. To be called about
 * every 100 ms; messages see to it themselves when the broker does not tick.
 */
void ingest_tick(struct ingest *in);

#endif
