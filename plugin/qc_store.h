/*
 * qc_store - the memory of quality control survives a kill -9 and a restart.
 *
 * Two slot stores (slot_store.h): one of memories, for each datastream that has
 * had a reading, and one of windows, only for datastreams with the test of the
 * attenuated signal. A memory names its window by slot; both bear the journal
 * position of the reading that they were put after, and only a pair of the same
 * position is handed out: a kill or power cut between the two costs the window,
 * which fills again.
 *
 * What is kept here is a convenience, unlike the alarms: a file that cannot be
 * used is thrown away and begun anew, and that is told.
 *
 * Promise  As the slot store's.
 * Threads  put [loop]; extend, sync [care]; open, close, each [start].
 * Errors   0 or a negative errno. Nothing here logs.
 * Memory   As the slot store's: grown ahead by [care]; without a free slot put
 *          says -ENOSPC and what it was given lives in memory only.
 */
#ifndef HIGHWATER_QC_STORE_H
#define HIGHWATER_QC_STORE_H

#include "convert.h"
#include "qc.h"
#include "util.h"

#define QC_SLOT_NONE UINT32_MAX

/* Versions of the bodies: to be raised when a member of them changes its meaning or its place. A change of
 * size is seen without. */
#define QC_MEMORY_VERSION 1
#define QC_WINDOW_VERSION 1

/* What is remembered of a datastream between two of its readings; flat, and stored byte for byte. */
struct qc_memory {
	uint64_t position; /* of the newest reading in it, in the journal; 0: there was none */
	int64_t last_us;   /* its phenomenon time, Unix µs */
	double last_raw;   /* what its sensor said */
	int64_t good_us; /* phenomenon time of the newest value that did not fail, Unix µs; 0: there was none */
	double good;
	struct convert_memory conversion;
	struct qc_state qc;
};

/* Where a datastream's memory and window stand; QC_SLOT_NONE twice before the first put. */
struct qc_place {
	uint32_t memory, window;
};

struct qc_store;

struct qc_store_report {
	uint32_t damaged; /* slots of both files that are left out */
	bool discarded;   /* a file was not usable, damaged or of another version, and both are begun anew */
};

/*
 * [start] Opens or creates the files path and "path-windows"; max_slots bounds what each may grow to. -EAGAIN:
 * another process has them open; else from the file system.
 */
int qc_store_open(struct qc_store **ret, const char *path, uint32_t max_slots,
                  struct qc_store_report *ret_report) must_check;
void qc_store_close(struct qc_store *s); /* [start] syncs; NULL is harmless */

/* [start] Calls each for every stored memory. window is NULL when there is none that belongs to it. Both are
 * there during the call. */
void qc_store_each(const struct qc_store *s,
                   void (*each)(void *context, struct qc_place place, const struct datastream_key *key,
                                const struct qc_memory *memory, const struct qc_window *window),
                   void *context);

/*
 * [loop] Writes the memory, and the window when it is not NULL; sets in *place what is new. -ENOSPC: no slot
 * free for one of them; the other is written. No allocation, no system call.
 */
int qc_store_put(struct qc_store *s, struct qc_place *place, const struct datastream_key *key,
                 const struct qc_memory *memory, const struct qc_window *window) must_check;

/*
 * [care] As slot_store_extend() and slot_store_sync(), for both files; the first error. The first put to a
 * page after a flush costs a page fault, and waits while the page is on its way to the disk: what is put often
 * is all over the file, so that sync is for minutes, not for the journal's interval. The kernel writes unasked meanwhile.
 */
int qc_store_extend(struct qc_store *s) must_check;
int qc_store_sync(struct qc_store *s) must_check;

#endif
