#include "journal_damage.h"
#include "journal_format.h"
#include "journal_private.h"

#include <errno.h>

void journal_cursor_init(struct journal_cursor *c, struct journal *j, uint64_t position)
{
	*c = (struct journal_cursor){.journal = j, .position = MAX(position, journal_head(j))};
}

/* To the first record of a segment that follows; what is missing in between is counted. */
static void enter(struct journal_cursor *c, const struct journal_segment *s)
{
	uint64_t start = journal_format_position(s->number, JOURNAL_FORMAT_START);

	if (c->position >= start)
		return;
	if (journal_format_number(c->position) < s->number)
		c->lost.bytes += s->gap;
	c->position = start;
}

/*
 * Where the records end that can be read from the cursor on. A cursor that
 * stands in what recovery skipped was there before the damage: what follows is
 * tried, since it may be whole.
 */
static uint32_t find_limit(const struct journal_cursor *c, const struct journal_segment *s, uint64_t tail)
{
	if (s->number == journal_format_number(tail))
		return journal_format_offset(tail);
	uint32_t end = atomic_load_explicit(&s->end, memory_order_acquire);
	return s->damaged && journal_format_offset(c->position) > end ? s->damage_end : end;
}

/* Over the end of a segment's records, and the damage behind it. */
static void leave(struct journal_cursor *c, const struct journal_segment *s, uint32_t limit)
{
	if (s->damaged && journal_format_offset(c->position) == limit && limit < s->damage_end) {
		c->lost.records += s->lost.records;
		c->lost.bytes += s->lost.bytes;
	}
	c->position = journal_format_position(s->number + 1, 0);
}

/*
 * The segment that the cursor reads next and where its records end; the
 * cursor steps to the following segment when it is at that end. NULL at the
 * tail.
 */
static struct journal_segment *settle_on(struct journal_cursor *c, uint32_t *ret_limit)
{
	uint64_t tail = journal_tail(c->journal);

	while (c->position < tail) {
		struct journal_segment *s =
			journal_private_find(c->journal, journal_format_number(c->position));

		if (!s || s->number > journal_format_number(tail))
			return NULL;
		enter(c, s);
		*ret_limit = find_limit(c, s, tail);
		if (journal_format_offset(c->position) < *ret_limit)
			return s;
		if (s->number == journal_format_number(tail))
			return NULL;
		leave(c, s, *ret_limit);
	}
	return NULL;
}

static uint64_t skip(struct journal_cursor *c)
{
	struct journal *j = c->journal;
	uint32_t limit;
	const struct journal_segment *s = settle_on(c, &limit);

	if (!s)
		return 0;
	uint32_t from = journal_format_offset(c->position);
	if (journal_reader_open(&j->reader, j->directory, s->number, j->seed) == 0)
		journal_damage_count(s, &j->reader, from, limit, &c->lost);
	else
		c->lost.bytes += limit - from;
	c->position = journal_format_position(s->number, limit);
	return limit - from;
}

static bool is_seal(int r, const struct journal_record *record)
{
	return r > 0 && record->kind == JOURNAL_FORMAT_SEAL;
}

static int next(struct journal_cursor *c, uint8_t *buffer, size_t size, struct journal_record *ret)
{
	struct journal *j = c->journal;
	struct journal_record record;
	uint32_t limit;
	const struct journal_segment *s;
	int r;

	for (;;) {
		s = settle_on(c, &limit);
		if (!s)
			return 0;
		r = journal_reader_open(&j->reader, j->directory, s->number, j->seed);
		if (r < 0)
			return r;
		r = journal_reader_next(&j->reader, journal_format_offset(c->position), limit, &record);
		if (!s->damaged || limit != s->damage_end || (r != 0 && !is_seal(r, &record)))
			break;
		if (r == 0)
			(void)skip(c); /* known, and told */
		else
			c->position = journal_format_position(s->number + 1, 0);
	}
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

int journal_cursor_next(struct journal_cursor *c, uint8_t *buffer, size_t size, struct journal_record *ret)
{
	pthread_mutex_lock(&c->journal->list);
	int r = next(c, buffer, size, ret);
	pthread_mutex_unlock(&c->journal->list);
	return r;
}

uint64_t journal_cursor_skip(struct journal_cursor *c)
{
	/* What is missing is counted by the marks, which a flush changes. */
	pthread_mutex_lock(&c->journal->upkeep);
	pthread_mutex_lock(&c->journal->list);
	uint64_t bytes = skip(c);
	pthread_mutex_unlock(&c->journal->list);
	pthread_mutex_unlock(&c->journal->upkeep);
	return bytes;
}
