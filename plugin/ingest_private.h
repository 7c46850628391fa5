/*
 * ingest_private - what the parts of ingest share: one message under way.
 *
 * ingest.c         which source a message belongs to, the verdict, duties between messages
 * ingest_reading.c one reading: which datastream, unit, journal, alarm
 * ingest_quality.c its conversion and the verdict on it
 * ingest_memory.c  what quality control remembers: kept on disk, and taken up at start
 * ingest_control.c operators' requests
 * ingest_refusal.c what is not taken: dead letters, and readings that cannot be kept
 *
 * Threads  [loop]
 */
#ifndef HIGHWATER_INGEST_PRIVATE_H
#define HIGHWATER_INGEST_PRIVATE_H

#include "alarms.h"
#include "announce.h"
#include "datastream.h"
#include "decode.h"
#include "ingest.h"

/* Datastreams whose memory is to be stored. */
struct unkept {
	struct datastream *first, *last;
	size_t count;
};

struct ingest {
	struct shared shared; /* what the writer uses too */
	struct config *config;
	struct registry *registry;
	uint64_t generation; /* counts the registries that have been in use */
	struct datastream_table *table;
	struct announce announce;
	struct alarms alarms;
	struct qc_window window_before; /* of a reading that cannot be kept, as it is judged */
	int64_t ticked_us,
		turned_us;  /* when the last tick was: by the clock of the day, by the monotonic one */
	unsigned untimed;   /* messages, since one was timed */
	int64_t stats_us;   /* monotonic time of the last counters */
	int64_t refusal_us; /* monotonic time of the last line about a client that may not act on alarms */
	unsigned refusals;  /* since */
	struct unkept fresh, older; /* see ingest_memory.c */
	bool refusing;              /* the journal has been full since the last reading that it took */
	int unstored;               /* why a memory found no slot since the last tick; 0: all did */
	unsigned ticks_unstored;    /* in a row */
	bool memory_full;           /* said once: the quality store has no slot */
};

/* One message under way. */
struct route {
	struct ingest *in;
	const struct message *message;
	struct topic_match match;
	struct datastream *named; /* of the topic's station and property, if it has been seen; else NULL */
	int64_t now_us;
	unsigned taken, rejected;
	bool refused; /* something could not be kept: the client has to send the message again */
};

/* A reading on its way into a datastream. ingest_judge() fills in hindsight, and of reading all but key and times. */
struct passage {
	struct datastream *d;
	const struct conversion *conversion; /* NULL: it is stored as it came */
	double said;                         /* by the sensor, in the conversion's or the datastream's unit */
	struct reading reading;
	struct hindsight hindsight;
};

/* Ticks if the broker does not, as before 2.0.15 with per_listener_settings. */
void ingest_tick_if_late(struct ingest *in, int64_t now_us);

/* A reading becomes a dead letter. property may be NULL. */
void ingest_reject(struct route *r, enum reject reason, const char *property, const char *detail);

/* A reading cannot be kept: its client is to send it again, and at QoS 0 it is lost. */
void ingest_refuse(struct route *r, int error);

/* The journal has taken a reading. */
void ingest_accepted(struct ingest *in);

/* The decoder's sink: one value that the payload holds. */
void ingest_reading(struct route *r, const struct decode_value *value);

/* Whether the sensor says by this value that it has none. */
bool ingest_is_code(const struct qc_config *quality, double raw);

/* Converts and judges; the datastream remembers. */
void ingest_judge(struct ingest *in, struct passage *p);

/* What d remembers has changed, by a reading that is in the journal: it is stored by the second tick from now. */
void ingest_keep(struct ingest *in, struct datastream *d);

/* Stores what changed before the last tick. */
void ingest_keep_older(struct ingest *in);

/*
 * [start] Takes up what quality control remembers, and what the journal has had since. 0, -ENOMEM, or
 * as journal_cursor_next().
 */
int ingest_restore_memory(struct ingest *in) must_check;

#endif
