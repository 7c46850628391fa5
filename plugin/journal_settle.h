/*
 * journal_settle - brings a recovered journal's directory into order.
 *
 * Two steps, with the making of the next segment between them; a power cut or
 * kill -9 anywhere leaves a directory in which the same records are found.
 *
 * Threads  files [start], seal [start] or [care].
 * Errors   0 or a negative errno. Either may be called again after a failure.
 */
#ifndef HIGHWATER_JOURNAL_SETTLE_H
#define HIGHWATER_JOURNAL_SETTLE_H

#include "journal_recover.h"

/* Flushes what was recovered, then frees what disk space it can without taking a segment's number out of use. */
int journal_settle_files(struct journal_recovery *r, int directory) must_check;

/*
 * Seals the log's last segment, if there is one, and deletes what is dead. Only once a segment that follows
 * stands on disk.
 */
int journal_settle_seal(struct journal_segment *last, const struct journal_segment_list *dead,
                        int directory) must_check;

#endif
