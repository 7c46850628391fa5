/*
 * alarm_store - alarm state that survives a kill -9, a start without database
 * and a power cut.
 *
 * A slot store (slot_store.h) whose bodies are states of alarms, one for each
 * that has ever had something to remember, and whose mark is the published
 * position. alarm_format.h rules the bytes. A file of version 1 is taken over.
 *
 * Promise  What alarm_store_put() has written is there after the process is
 *          killed; after a power cut, what alarm_store_sync() has flushed.
 * Threads  put, set_published, published [loop]; extend, sync [care]; open,
 *          close, each [start].
 * Errors   0 or a negative errno. Nothing here logs.
 * Memory   As the slot store's: grown ahead by [care]; without a free slot
 *          put says -ENOSPC and the state lives in memory only.
 */
#ifndef HIGHWATER_ALARM_STORE_H
#define HIGHWATER_ALARM_STORE_H

#include "alarm.h"
#include "reading.h"
#include "util.h"

struct alarm_store;

#define ALARM_SLOT_NONE UINT32_MAX

/*
 * [start] Opens or creates the file; max_slots bounds what it may grow to, but a file that is larger already
 * is used whole. -EBADMSG: not an alarm store, or of a later version or another byte order; -EAGAIN: another process
 * has it open; else from the file system. A slot of which no copy is whole is left out and counted in
 * *ret_damaged; so is the published position, which is then 0.
 */
int alarm_store_open(struct alarm_store **ret, const char *path, uint32_t max_slots,
                     uint32_t *ret_damaged) must_check;
void alarm_store_close(struct alarm_store *s); /* [start] syncs; NULL is harmless */

/* [start] Calls each for every stored state. */
void alarm_store_each(const struct alarm_store *s,
                      void (*each)(void *context, uint32_t slot, const struct datastream_key *key,
                                   enum cause cause, int64_t period_us, const struct alarm_state *state),
                      void *context);

/* [loop] Writes the state; *slot is ALARM_SLOT_NONE the first time and is set then. -ENOSPC: no slot free;
 * -EINVAL: *slot was never handed out. No allocation, no system call. */
int alarm_store_put(struct alarm_store *s, uint32_t *slot, const struct datastream_key *key, enum cause cause,
                    int64_t period_us, const struct alarm_state *state) must_check;

/*
 * Up to which journal position transitions have been handed to subscribers.
 * After a crash those behind it are published again, with the same identifier.
 */
void alarm_store_set_published(struct alarm_store *s, uint64_t position); /* [loop] */
uint64_t alarm_store_published(const struct alarm_store *s);              /* [start] 0: never set */

/* [care] Keeps free slots ahead of the loop; cheap when there are. On failure (-ENOSPC, …) those that there
 * are go on, and the next call tries again. */
int alarm_store_extend(struct alarm_store *s) must_check;

/* [care] Flushes to disk what changed since the last call; costs nothing when nothing did. After a failure
 * the next call flushes the same again. */
int alarm_store_sync(struct alarm_store *s) must_check;

#endif
