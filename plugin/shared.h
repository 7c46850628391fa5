/*
 * shared - what the broker thread and the writer thread both use: this list, and
 * nothing else. Each part says by its own tags which calls are whose.
 *
 * Most of it lies in the state directory: journal, alarm state, memory of quality
 * control and ledger of losses are opened together and closed together.
 *
 * Threads  [start]; open and close apart (apart.h), where the files belong.
 * Errors   0 or a negative errno; what a person has to know of it is in the log box.
 * Memory   The owner of the struct frees it after both threads' use.
 */
#ifndef HIGHWATER_SHARED_H
#define HIGHWATER_SHARED_H

#include "alarm_store.h"
#include "handover.h"
#include "journal.h"
#include "ledger.h"
#include "log.h"
#include "qc_store.h"
#include "stats.h"

struct shared {
	struct journal *journal;
	struct alarm_store *alarm_store;
	struct ledger *ledger;
	struct qc_store
		*qc_store; /* NULL: it could not be opened; quality control begins anew with each start */
	struct handover *handover;
	struct stats *stats;
	struct log_box *log;
};

struct shared_options {
	const char *state_dir; /* created, when its parent is there */
	uint32_t max_datastreams;
	uint64_t journal_max_size;     /* bytes */
	uint32_t journal_segment_size; /* bytes */
	enum journal_on_damage journal_on_damage;
};

/* Makes the parts that have no file. shared_done() takes what this leaves, on failure too. */
int shared_init(struct shared *s) must_check;

/* Opens the parts that have one. shared_close() takes what this leaves, on failure too. */
int shared_open(struct shared *s, const struct shared_options *options) must_check;

/* "state_dir/name" in path. -ENAMETOOLONG. */
int shared_path(const char *state_dir, const char *name, char *path, size_t size) must_check;

/* Closes what shared_open() has opened; the last lines can be drained after it. */
void shared_close(struct shared *s);

/* On the thread that called shared_init(). */
void shared_done(struct shared *s);

#endif
