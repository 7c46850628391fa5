/*
 * journal_recover - what is left in a journal's directory.
 *
 * The reader of journal_format.h: which segments are the log, where each one's
 * log ends, whether there is damage.
 *
 * Promise  Recovers the records that the format allows, in order, and none
 *          that was not appended; or refuses. Changes nothing.
 * Threads  [start]
 * Errors   0 or a negative errno; -EBADMSG is damage. report->message says
 *          which file, where, what was found and what an operator can do.
 */
#ifndef HIGHWATER_JOURNAL_RECOVER_H
#define HIGHWATER_JOURNAL_RECOVER_H

#include "journal.h"
#include "journal_segment.h"

struct journal_recovery {
	struct journal_segment_list live; /* the log; end is where each one's ends */
	struct journal_segment_list dead; /* to be deleted */
	uint8_t id[JOURNAL_ID_SIZE];      /* zero when there is none yet: has_id */
	bool has_id;
	uint32_t highest; /* number of any file; 0: none */
	uint32_t retired; /* the format's F */
};

/* *ret is to be released with journal_recover_done(), after a failure too. */
int journal_recover_look(struct journal_recovery *ret, int directory, const struct journal_options *options,
                         struct journal_report *report) must_check;

void journal_recover_done(struct journal_recovery *r);

#endif
