/*
 * alarms - the live alarm of each datastream: rules applied, transitions
 * journalled, remembered and announced.
 *
 * Promise  A transition is announced even when neither journal nor alarm store
 *          can take it, and when memory is short as soon as there is some. After a crash those that subscribers may not have had
 *          are announced again, with the same identifier, and none is lost or raised anew.
 * Threads  [loop]; alarms_restore [start].
 * Errors   Nothing here fails a reading: what could not be kept is logged and counted.
 */
#ifndef HIGHWATER_ALARMS_H
#define HIGHWATER_ALARMS_H

#include "alarm_store.h"
#include "announce.h"
#include "datastream.h"
#include "handover.h"
#include "journal.h"
#include "log.h"
#include "outbox.h"

struct alarms {
	struct journal *journal;
	struct alarm_store *store;
	struct datastream_table *table;
	struct announce *announce;
	struct handover *handover;
	struct stats *stats;
	struct log_box *log;
	/* Journal positions up to which all is announced: at the last call of alarms_turn(), and at the one before. */
	uint64_t announced, delivered;
	uint32_t active;              /* datastreams not at level 0 */
	bool store_full, outbox_full; /* said once */
	struct outbox outbox;
};

/*
 * Takes up the stored states and announces what a crash may have kept from
 * subscribers; then the state now of every datastream with an open incident.
 * datastreams are bound to registry, the generation-th in use. 0, -ENOMEM or -EBADMSG.
 */
int alarms_restore(struct alarms *a, const struct registry *registry, uint64_t generation) must_check;

/*
 * Takes a reading into account. d is bound to registry; unit is the datastream's. While too much waits for memory
 * no alarm moves, so that no transition is made that could not be told: the next reading makes it.
 */
void alarms_evaluate(struct alarms *a, const struct registry *registry, struct datastream *d,
                     const char *unit, const struct reading *reading);

/* Once a turn of the broker's loop: announces what waits, and remembers what has been delivered by now. */
void alarms_turn(struct alarms *a);

#endif
