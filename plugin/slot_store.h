/*
 * slot_store - a few hundred bytes for each datastream that survive a kill -9,
 * a start without database and a power cut.
 *
 * A mapped file of slots of one size, and a header. A slot holds two
 * checksummed copies of a datastream's key and body; a write goes to the older
 * one and makes it the newer, so that whatever tears, one whole copy stays.
 * slot_format.h rules the bytes; what a body means is its user's. A datastream
 * keeps its slot for ever: there are no more than datastreams, and a slot that
 * is never given back cannot be given to two. Beside the slots there is one
 * number, the mark.
 *
 * Promise  What slot_store_put() has written is there after the process is
 *          killed; after a power cut, what slot_store_sync() has flushed.
 * Threads  put, set_mark, mark [loop]; extend, sync [care]; open, close, each
 *          [start].
 * Errors   0 or a negative errno. Nothing here logs.
 * Memory   The file is grown ahead by [care], so that the loop never meets
 *          a full disk: without a free slot put says -ENOSPC and the body
 *          lives in memory only. (On a copy-on-write file system nobody can
 *          promise that; the journal's segments have the same limit.)
 */
#ifndef HIGHWATER_SLOT_STORE_H
#define HIGHWATER_SLOT_STORE_H

#include "slot_format.h"

struct slot_store;

#define SLOT_NONE UINT32_MAX

/*
 * [start] Opens or creates the file; max_slots bounds what it may grow to, but a file that is larger already
 * is used whole. -EBADMSG: not a store of this magic; -ESTALE: of this magic, but of another version, size or
 * byte order; -EAGAIN: another process has it open; else from the file system. A slot of which no copy is
 * whole is left out and counted in *ret_damaged; so is the mark, which is then 0.
 */
int slot_store_open(struct slot_store **ret, const char *path, const struct slot_kind *kind,
                    uint32_t max_slots, uint32_t *ret_damaged) must_check;
void slot_store_close(struct slot_store *s); /* [start] syncs; NULL is harmless */

/* [start] Calls each for every stored body, which stands on a boundary of 8 and is there during the call. */
void slot_store_each(const struct slot_store *s,
                     void (*each)(void *context, uint32_t slot, const struct datastream_key *key,
                                  const void *body),
                     void *context);

/* [start] The body in this slot, as each() gives it, or NULL when there is none. */
const void *slot_store_get(const struct slot_store *s, uint32_t slot, struct datastream_key *ret_key);

/* [loop] Writes the body; *slot is SLOT_NONE the first time and is set then. -ENOSPC: no slot free;
 * -EINVAL: *slot was never handed out. No allocation, no system call. */
int slot_store_put(struct slot_store *s, uint32_t *slot, const struct datastream_key *key,
                   const void *body) must_check;

void slot_store_set_mark(struct slot_store *s, uint64_t mark); /* [loop] */
uint64_t slot_store_mark(const struct slot_store *s);          /* [loop] 0: never set */

/* [care] Keeps free slots ahead of the loop; cheap when there are. On failure (-ENOSPC, …) those that there
 * are go on, and the next call tries again. */
int slot_store_extend(struct slot_store *s) must_check;

/* [care] Flushes to disk what changed since the last call; costs nothing when nothing did. A mark that has moved
 * alone waits for up to ten calls. After a failure the next call flushes the same again. */
int slot_store_sync(struct slot_store *s) must_check;

#endif
