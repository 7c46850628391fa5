#include "journal_damage.h"

#include "journal_format.h"

#include <errno.h>

/* Where the valid records end that follow from at on. *ret_sealed: by a seal. */
static int walk(struct journal_reader *r, uint32_t at, uint32_t limit, uint32_t *count, uint32_t *ret,
                bool *ret_sealed)
{
	struct journal_record record;
	int got;

	*ret_sealed = false;
	while ((got = journal_reader_next(r, at, limit, &record)) > 0) {
		*ret_sealed = record.kind == JOURNAL_FORMAT_SEAL;
		if (*ret_sealed)
			break;
		at = journal_format_offset(record.next);
		++*count;
	}
	*ret = at;
	return got < 0 && got != -EIO ? got : 0;
}

/* Damage before synced: the mark counts what stood there, and what follows it may still be read. */
static int assess_synced(struct journal_segment *s, struct journal_reader *r, uint32_t end, bool full)
{
	uint32_t stop = s->known.synced, count = s->known.records;
	bool closed = s->known.sealed;
	int error = closed ? 0 : walk(r, stop, s->size, &count, &stop, &closed);

	if (error < 0)
		return error;
	s->damage_end = stop;
	if (journal_format_counted(&s->known) && count >= s->records)
		s->lost.records = count - s->records;
	else
		s->lost.bytes = stop - end;
	if (full && !closed) {
		s->damage_end = s->size;
		s->lost.bytes += s->size - stop;
	}
	return 0;
}

int journal_damage_assess(struct journal_segment *s, struct journal_reader *r, bool full)
{
	uint32_t end = atomic_load_explicit(&s->end, memory_order_relaxed);

	s->damage_end = end;
	if (!s->fault && end < s->known.synced)
		return assess_synced(s, r, end, full);
	if (!s->closed && s->size > end) {
		s->damage_end = s->size;
		s->lost.bytes = s->size - end;
	}
	return 0;
}

/* Records before limit; false when that is not known. */
static bool count_before(const struct journal_segment *s, uint32_t limit, uint32_t *ret)
{
	*ret = s->known.records;
	if (!journal_format_counted(&s->known) || limit < s->known.synced)
		return false;
	if (limit == s->known.synced)
		return true;
	return s->map && journal_segment_walk(s, s->known.synced, limit, ret) == limit;
}

void journal_damage_count(const struct journal_segment *s, struct journal_reader *r, uint32_t from,
                          uint32_t limit, struct journal_loss *add)
{
	uint32_t all, read = 0, stop;
	bool sealed;

	if (!s->damaged && count_before(s, limit, &all) &&
	    walk(r, JOURNAL_FORMAT_START, from, &read, &stop, &sealed) == 0 && stop == from && all >= read)
		add->records += all - read;
	else
		add->bytes += limit - from;
}
