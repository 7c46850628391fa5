/*
 * alarms - the live alarms of all datastreams: readings and the clock moved
 * through them, transitions journalled, remembered and announced.
 *
 * Promise  A transition is announced even when neither journal nor alarm store
 *          can take it, and when memory is short as soon as there is some. After
 *          a crash those that subscribers may not have had are announced again,
 *          with the same identifier, and none is lost or raised anew. While an
 *          alarm is shelved, suppressed or out of service its transitions are
 *          journalled and shown on status/, but not announced, except the end
 *          of an incident that had been; when that time ends, what subscribers
 *          were not told and still is so is told.
 * Threads  [loop]; alarms_restore and alarms_done [start].
 * Errors   Nothing here fails a reading: what could not be kept is logged and counted.
 * Memory   An alarm is a struct alarm_place, and 8 bytes in the heap of timers; its levels are the
 *          registry's, 112 bytes each. With three levels that is 1,016 bytes. Memory is asked for
 *          when a new alarm appears, never for a reading.
 */
#ifndef HIGHWATER_ALARMS_H
#define HIGHWATER_ALARMS_H

#include "alarm_order.h"
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
	const struct registry *registry; /* the generation-th in use; see alarms_use_registry() */
	uint64_t generation;
	size_t visited; /* datastreams of the registry whose alarms have been seen to since it came */
	struct timers timers;
	int64_t now_us; /* received time of the reading under way, or the time of the last turn */
	bool called;    /* an alarm is to be looked at before the reading under way is done with */
	/* Journal positions up to which all is announced: at the last call of alarms_turn(), and at the one before. */
	uint64_t announced, delivered;
	uint32_t active;              /* alarms not at level 0 */
	bool store_full, outbox_full; /* said once */
	struct outbox outbox;
};

/*
 * Takes up the stored states and announces what a crash may have kept from
 * subscribers; then the state now of every alarm with an open incident, or that an operator has taken
 * from service. 0, -ENOMEM or -EBADMSG.
 */
int alarms_restore(struct alarms *a) must_check;
void alarms_done(struct alarms *a);

/*
 * From now on registry, the generation-th in use, says what the alarms are. Those of datastreams that are silent
 * come to it in the turns that follow.
 */
void alarms_use_registry(struct alarms *a, const struct registry *registry, uint64_t generation);

/*
 * Takes a reading of d into account, of any quality. While too much waits for memory
 * no alarm changes its level, so that no transition is made that could not be told: the next reading or turn makes it.
 */
void alarms_evaluate(struct alarms *a, struct datastream *d, const struct reading *reading);

/*
 * Every 100 ms or so, and never twice in a turn of the broker's loop: announces what waits, remembers what has been delivered by now, and does what the
 * clock calls for, a bounded number of alarms at a time.
 */
void alarms_turn(struct alarms *a);

/*
 * Carries out what an operator wants; each alarm's part is a record of the journal and shows on status/. How many alarms it was applied
 * to; -ENOENT: there is no such datastream or alarm; -EALREADY: it is so already; -ENOBUFS: too much waits
 * for memory. ACTION_TEST announces a test alert and changes nothing; it needs the datastream only.
 */
int alarms_order(struct alarms *a, const struct alarm_order *order) must_check;

/* Calls each for all alarms, in order of appearance of their datastreams. */
void alarms_each(struct alarms *a, void (*each)(void *context, struct alarm_place *p), void *context);

/* What the retained status of p says. */
void alarms_status(struct alarms *a, struct alarm_place *p, struct transition *ret);

#endif
