/*
 * ledger - every loss is counted, by reason, on disk.
 *
 * A small mapped file of totals that only grow. The writer tells PostgreSQL how
 * far each has come (highwater.loss); what the database knows already is asked
 * of it, so that a total is told once whatever is killed in between.
 *
 * Beside the totals it holds how far this broker has brought its journal: what the
 * database says may be the doing of another broker on a copy of the state directory.
 *
 * Promise  After ledger_add() the count outlives the process; after
 *          ledger_sync() it outlives a power cut.
 * Threads  add [loop]; told, pending, progress [writer]; sync [care]; open, close [start]. The totals are atomic.
 * Errors   0 or a negative errno. Nothing here logs.
 */
#ifndef HIGHWATER_LEDGER_H
#define HIGHWATER_LEDGER_H

#include "reject.h"
#include "util.h"

#include <stdbool.h>
#include <stdint.h>

#define LEDGER_NAME_MAX        31
#define LEDGER_JOURNAL_ID_SIZE 16

/* The reasons: every reject by its name, and some of the ledger's own. */
#define LEDGER_JOURNAL_FULL  "journal_full"  /* QoS 0 while the journal could not take it */
#define LEDGER_OUT_OF_MEMORY "out_of_memory" /* QoS 0 while memory was short */

/* Records of the journal that are gone: as many, or where their number is not known, so many at most. */
#define LEDGER_JOURNAL_DAMAGED         "journal_damaged"
#define LEDGER_JOURNAL_DAMAGED_AT_MOST "journal_damaged_at_most"

/* The smallest record of a reading, bytes: what is gone divided by it is the most that it can have been. */
#define LEDGER_READING_BYTES 40

enum loss {
	LOSS_JOURNAL_FULL = REJECT_COUNT, /* below: enum reject */
	LOSS_OUT_OF_MEMORY,
	LOSS_JOURNAL_DAMAGED_AT_MOST, /* by journal_open(); the rest of damage goes with its batch */
	LOSS_COUNT,
};

struct ledger;

/* What has been counted and not yet told. */
struct ledger_entry {
	const char *reason;
	uint64_t total;            /* of all time */
	uint64_t told;             /* of these, how many the database knows */
	int64_t first_us, last_us; /* of those not told, Unix µs */
};

/* [start] -EBADMSG: not a ledger, or of another version. */
int ledger_open(struct ledger **ret, const char *path) must_check;
void ledger_close(struct ledger *l); /* [start] syncs; NULL is harmless */

/* [loop] One reading lost; loss is an enum loss or an enum reject. No system call. */
void ledger_add(struct ledger *l, unsigned loss, int64_t now_us);

/* [start] The same for many. */
void ledger_add_many(struct ledger *l, unsigned loss, uint64_t count, int64_t now_us);

/* [writer] The i-th of LOSS_COUNT. True when there is something to tell. */
bool ledger_pending(const struct ledger *l, unsigned i, struct ledger_entry *ret);

/*
 * [writer] The database knows total of this reason; unknown reasons are ignored. A total higher than the
 * ledger's own says that its file was lost: counting goes on from there.
 */
void ledger_told(struct ledger *l, const char *reason, uint64_t total);

/* Positions in the journal. */
struct ledger_progress {
	uint64_t stored; /* up to here it is stored */
	uint64_t sent;   /* COMMIT of a batch up to here was sent, later than stored was noted; or 0 */
};

/* [writer] What was noted last, by whichever process; false: nothing about this journal. After a power cut it may
 * be that of half a minute before. */
bool ledger_progress(const struct ledger *l, const uint8_t journal_id[static LEDGER_JOURNAL_ID_SIZE],
                     struct ledger_progress *ret);

/* [writer] It outlives the process; no system call. */
void ledger_note_progress(struct ledger *l, const uint8_t journal_id[static LEDGER_JOURNAL_ID_SIZE],
                          const struct ledger_progress *progress);

/* [care] Flushes to disk what changed since the last call. */
int ledger_sync(struct ledger *l) must_check;

#endif
