/*
 * journal_damage - what damage has cost.
 *
 * The marks of a segment count its records, so that of a damaged one it is known
 * how many can no longer be read; where no mark tells, the bytes are known.
 *
 * Promise  Never less than what was lost. What counts as records is exact.
 * Threads  [writer], and [start].
 * Errors   0 or a negative errno.
 */
#ifndef HIGHWATER_JOURNAL_DAMAGE_H
#define HIGHWATER_JOURNAL_DAMAGE_H

#include "journal_reader.h"
#include "journal_segment.h"

/*
 * For recovery: sets damage_end and lost of a segment of which end and records are known, and which is open in
 * r. full: its log goes on in a later one, so that all of it may have been records.
 */
int journal_damage_assess(struct journal_segment *s, struct journal_reader *r, bool full) must_check;

/* Of a segment that was whole when it was opened: adds what stands in [from, limit), where it no longer reads. r
 * has it open. */
void journal_damage_count(const struct journal_segment *s, struct journal_reader *r, uint32_t from,
                          uint32_t limit, struct journal_loss *add);

#endif
