#include "writer_books.h"

#include "writer_position.h"

#include <inttypes.h>
#include <stdio.h>

static void say_refused(struct writer *w)
{
	const struct pg_store_result *r = &w->result;
	char text[LOG_LINE_MAX], follows[200];

	if (r->item[0] == '\0') {
		return;
	}
	(void)snprintf(text, sizeof(text), "database: refused %s: %s", r->item, r->detail);
	(void)snprintf(follows, sizeof(follows),
	               "%" PRIu64 " of this batch are dead letters in highwater.rejected%s%s, continuing",
	               r->refused + r->not_registered + r->refused_others - r->dropped,
	               r->dropped > 0 ? ", and some that it did not take there either are gone" : "",
	               r->unsettled > 0 ? ", later verdicts or gaps were not noted" : "");
	writer_say(&w->refusal, w->log, r->dropped > 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, text, follows);
}

static void count_result(struct writer *w)
{
	const struct pg_store_result *r = &w->result;

	stats_add(w->stats, STATS_WRITER_BATCHES, 1);
	stats_add(w->stats, STATS_READINGS_STORED, r->stored);
	stats_add(w->stats, STATS_READINGS_KNOWN, r->known);
	stats_add(w->stats, STATS_DEAD_LETTERS_DROPPED, r->dropped);
	stats_add(w->stats, STATS_JOURNAL_DAMAGED, w->now->damage.exact + w->now->damage.at_most);
	for (uint64_t i = 0; i < r->refused; i++) {
		stats_reject(w->stats, REJECT_DATABASE);
	}
	for (uint64_t i = 0; i < r->not_registered; i++) {
		stats_reject(w->stats, REJECT_NOT_REGISTERED);
	}
	say_refused(w);
}

void writer_books_enter(struct writer *w)
{
	int error;
	char text[128];

	count_result(w);
	writer_position_advance(w);
	w->batch_limit = MIN(w->batch_limit * 2, BATCH_READINGS_MAX);
	error = journal_retire(w->journal, MIN(w->own, handover_announced(w->handover)));
	if (error != 0) {
		(void)snprintf(text, sizeof(text), "journal: cannot delete what is stored: %s",
		               strerror(-error));
		writer_say(&w->retire, w->log, LOG_LEVEL_WARNING, text, "trying again after the next batch");
	}
}
