/*
 * writer_state - what the writer's files share.
 *
 * Invariants between two calls from the loop in writer.c:
 * 1. conn is NULL, or connected with schema, position and registry in order.
 * 2. Everything of the journal before own is stored in the database that own
 *    was last compared with. own only moves forward, but when that database went back.
 * 3. expected is the position that the database had when it was last asked or
 *    told. It equals own unless someone else moved it.
 * 4. now and next are the two loads. What is in next counts only if it begins where own is when its turn comes;
 *    it is sorted only when it is full.
 * 5. sent_to is 0, or COMMIT of a batch up to there was sent and its outcome is not known;
 *    then result speaks of that batch.
 *
 * Threads  [writer]; but for what writer_start() sets and never changes, and
 *          what is [care]'s or atomic.
 */
#ifndef HIGHWATER_WRITER_STATE_H
#define HIGHWATER_WRITER_STATE_H

#include "backoff.h"
#include "batch.h"
#include "pg_conn.h"
#include "pg_ids.h"
#include "pg_store.h"
#include "thread.h"
#include "writer.h"
#include "writer_log.h"

#define NEVER INT64_MAX

/* [care] */
struct writer_care {
	struct thread thread;
	sem_t wake; /* posted to end the thread */
	_Atomic bool stopping;
	int64_t sync_due, quality_due;
	int64_t journal_synced; /* when it was flushed last */
	int64_t all_stored;     /* all that was appended before is in the database */
	uint64_t seen_tail;
	struct writer_repeat segment, journal_flush, alarm_flush, quality_flush, ledger_flush;
};

/* A batch on its way: what stands in the journal from one position on, as far as it has come. */
struct writer_load {
	struct batch *batch;
	struct journal_cursor cursor;  /* behind what is in it; of no journal: it is not begun */
	struct pg_store_damage damage; /* between its first position and its last */
	uint64_t records;              /* of the journal, also those that were passed over */
	bool full;                     /* takes no more */
	bool unnumbered;               /* it has a datastream that the server is to be asked for */
	bool sorted;                   /* and numbered, with the numbers of ids_version */
	bool ready;                    /* all encoded, not only the first of the order */
	uint64_t ids_version;
	size_t encoded;
	struct pg_binary copy;
};

struct writer {
	/* set at start */
	char *conninfo, *registry_path;
	int64_t sync_us, stop_timeout_us;
	struct journal *journal;
	struct alarm_store *alarms;
	struct qc_store *quality; /* or NULL */
	struct ledger *ledger;
	struct handover *handover;
	struct stats *stats;
	struct log_box *log;
	struct thread thread;
	struct writer_care care;

	/* when what is due; microseconds of the monotonic clock */
	int64_t retry_due, batch_due, registry_due, partitions_due, ledger_due;
	int64_t stop_end; /* when draining is given up; NEVER until asked to stop */
	struct backoff backoff;

	/* connection */
	struct pg_conn *conn;
	struct pg_store *store;
	struct pg_ids *ids;
	int64_t away_since;       /* since when the database has been away; NEVER when it is not */
	int64_t registry_took_us; /* the last load */
	int64_t registry_loaded;  /* when it ended */
	bool good_before;

	/* where */
	bool known; /* own, expected and records_done are */
	uint64_t own, expected, sent_to;
	uint64_t seen_tail;            /* the journal's tail when the last batch was filled */
	_Atomic uint64_t records_done; /* of journal_records(), before own; [care] reads it too */
	struct pg_store_result result;

	/* batch */
	struct writer_load loads[2], *now, *next;
	bool storing;       /* now is on its way to the server: there is time for next */
	size_t batch_limit; /* readings; halved when the server takes too long */
	uint8_t body[RECORD_BODY_MAX];

	/* lines */
	struct writer_repeat trouble, refusal, moved, left_out, skipped, damaged, retire, unreadable;
};

#define WRITER_POSITION_SIZE 32

/* "3:4096": number of the segment, offset. Returns text. */
char *writer_position_text(uint64_t position, char text[static WRITER_POSITION_SIZE]);

#endif
