#include "journal_format.h"
#include "journal_private.h"

#include <errno.h>

void journal_cursor_init(struct journal_cursor *c, struct journal *j, uint64_t position)
{
	*c = (struct journal_cursor){j, MAX(position, journal_head(j))};
}

/*
 * The segment that the cursor reads next and where its records end; the
 * cursor steps to the following segment when it is at that end. NULL at the
 * tail.
 */
static struct journal_segment *settle_on(const struct journal_cursor *c, uint64_t *position,
                                         uint32_t *ret_limit)
{
	uint64_t tail = journal_tail(c->journal);

	while (*position < tail) {
		uint32_t number = journal_format_number(*position);
		struct journal_segment *s = journal_private_find(c->journal, number);

		if (!s || s->number > journal_format_number(tail))
			return NULL;
		if (s->number > number || journal_format_offset(*position) < JOURNAL_FORMAT_START)
			*position = journal_format_position(s->number, JOURNAL_FORMAT_START);
		*ret_limit = s->number == journal_format_number(tail)
		                     ? journal_format_offset(tail)
		                     : atomic_load_explicit(&s->end, memory_order_acquire);
		if (journal_format_offset(*position) < *ret_limit)
			return s;
		*position = journal_format_position(s->number + 1, 0);
	}
	return NULL;
}

int journal_cursor_next(struct journal_cursor *c, uint8_t *buffer, size_t size, struct journal_record *ret)
{
	struct journal *j = c->journal;
	struct journal_record record;
	uint64_t position = c->position;
	uint32_t limit;
	const struct journal_segment *s = settle_on(c, &position, &limit);

	if (!s)
		return 0;
	int r = journal_reader_open(&j->reader, j->directory, s->number, j->seed);
	if (r < 0)
		return r;
	r = journal_reader_next(&j->reader, journal_format_offset(position), limit, &record);
	if (r < 0)
		return r;
	if (r == 0 || record.kind == JOURNAL_FORMAT_SEAL || record.length > size)
		return -EBADMSG;
	memcpy(buffer, record.body, record.length);
	record.body = buffer;
	c->position = record.next;
	*ret = record;
	return 1;
}

uint64_t journal_cursor_skip(struct journal_cursor *c)
{
	uint64_t position = c->position;
	uint32_t limit;
	const struct journal_segment *s = settle_on(c, &position, &limit);

	if (!s)
		return 0;
	c->position = journal_format_position(s->number, limit);
	return limit - journal_format_offset(position);
}
