#include "journal_recover.h"

#include "journal_damage.h"
#include "journal_format.h"
#include "journal_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What was skipped may have been newer segments: their numbers are not to be used again. */
#define SKIP_GAP 65536u

struct look {
	struct journal_recovery *found;
	struct journal_report *report;
	const struct journal_options *options;
	int directory;
	struct journal_segment_list all; /* every file, ascending */
	struct journal_segment *newest;  /* its header is not valid: set aside */
	struct journal_reader reader;
	bool skipped;
};

/*
 * Says what is wrong. Returns -EBADMSG to refuse, 0 to go on without it. With more than one damage that is
 * skipped, the first is told.
 */
printf_like(3, 4) static int damage(struct look *l, uint32_t number, const char *fmt, ...)
{
	char name[JOURNAL_SEGMENT_NAME_SIZE], what[160];
	bool skip = l->options->on_damage == JOURNAL_SKIP;
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	journal_segment_name(number, name);
	if (!l->skipped)
		snprintf(
			l->report->message, sizeof(l->report->message), "journal %.140s/%s: %s%s",
			l->options->directory, name, what,
			skip ? "; skipped, as \"on_damage\" says"
			     : ". Restore the file, or set \"journal\": {\"on_damage\": \"skip\"} in highwater.json "
			       "to go on with what is readable");
	l->skipped = true;
	return skip ? 0 : -EBADMSG;
}

static int add_file(struct look *l, uint32_t number)
{
	struct journal_segment *s = journal_segment_new(number);

	if (!s || journal_segment_list_push(&l->all, s) < 0) {
		journal_segment_free(s);
		return -ENOMEM;
	}
	l->found->highest = MAX(l->found->highest, number);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = (*(struct journal_segment *const *)a)->number;
	uint32_t y = (*(struct journal_segment *const *)b)->number;

	return (x > y) - (x < y);
}

static DIR *open_listing(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	return d;
}

static int list_files(struct look *l)
{
	DIR *d = open_listing(l->directory);
	const struct dirent *e;
	uint32_t number;
	int r = 0;

	if (!d)
		return -errno;
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL) {
		if (journal_segment_parse_name(e->d_name, ".seg", &number))
			r = add_file(l, number);
	}
	if (r == 0 && errno != 0)
		r = -errno;
	closedir(d);
	if (l->all.count > 0)
		qsort(l->all.at, l->all.count, sizeof(l->all.at[0]), by_number);
	return r;
}

/* The oldest valid header says whose journal this is. */
static int load_files(struct look *l)
{
	struct journal_recovery *f = l->found;

	for (size_t i = 0; i < l->all.count; i++) {
		struct journal_segment *s = l->all.at[i];
		int r = journal_segment_load(l->directory, s);

		if (r < 0)
			return r;
		if (s->fault)
			continue;
		if (!f->has_id)
			memcpy(f->id, s->id, sizeof(f->id));
		f->has_id = true;
		s->foreign = memcmp(f->id, s->id, sizeof(f->id)) != 0;
		if (s->foreign)
			s->fault = "the segment belongs to another journal";
		else
			f->retired = MAX(f->retired, s->known.retired);
	}
	if (l->all.count > 0) {
		const struct journal_segment *s = l->all.at[l->all.count - 1];

		if (s->fault && !s->foreign)
			l->newest = l->all.at[--l->all.count];
	}
	return 0;
}

static int keep(struct journal_segment_list *list, struct look *l, size_t i)
{
	int r = journal_segment_list_push(list, l->all.at[i]);

	if (r == 0)
		l->all.at[i] = NULL;
	return r;
}

/* Index of the segment before i in the log, or -1 when the log begins with i. */
static ssize_t step_back(struct look *l, size_t i, int *ret_error)
{
	const struct journal_segment *s = l->all.at[i];
	uint32_t previous = s->fault ? UINT32_MAX : s->previous;
	ssize_t k = (ssize_t)i - 1;

	if (s->fault)
		return k; /* its own word is worth nothing */
	while (k >= 0 && l->all.at[k]->number > previous)
		k--;
	if (previous == 0 || previous < l->found->retired)
		return -1;
	if (k >= 0 && l->all.at[k]->number == previous)
		return k;
	*ret_error = damage(l, previous, "the segment is missing, but the one after it is there");
	uint32_t below =
		MAX(k >= 0 ? l->all.at[k]->number : 0, l->found->retired > 0 ? l->found->retired - 1 : 0);
	l->all.at[i]->gap =
		MIN((uint64_t)(previous - below) * l->options->segment_size, l->options->max_size);
	l->report->skipped_bytes += s->gap;
	return k;
}

/* Sorts the files into those of the log and the rest. */
static int follow_log(struct look *l)
{
	bool *part = calloc(l->all.count + 1, sizeof(bool));
	ssize_t i = (ssize_t)l->all.count - 1;
	int r = 0;

	if (!part)
		return -ENOMEM;
	while (r == 0 && i >= 0 && l->all.at[i]->number >= l->found->retired) {
		part[i] = true;
		i = step_back(l, (size_t)i, &r);
	}
	for (size_t k = 0; r == 0 && k < l->all.count; k++)
		r = keep(part[k] ? &l->found->live : &l->found->dead, l, k);
	free(part);
	return r;
}

/* Reads a segment's records up to where its log ends. */
static int scan(struct look *l, struct journal_segment *s)
{
	uint32_t limit = s->known.sealed ? MIN(s->known.synced, s->size) : s->size;
	uint32_t offset = JOURNAL_FORMAT_START;
	struct journal_record record;
	int r = journal_reader_open(&l->reader, l->directory, s->number, journal_format_seed(l->found->id));

	while (r == 0 && (r = journal_reader_next(&l->reader, offset, limit, &record)) > 0) {
		if (record.kind == JOURNAL_FORMAT_SEAL) {
			s->closed = true;
			break;
		}
		offset = journal_format_offset(record.next);
		s->records++;
		r = 0;
	}
	if (r < 0 && r != -EIO)
		return r;
	atomic_store_explicit(&s->end, offset, memory_order_relaxed);
	l->report->records += s->records;
	l->report->segments += s->records > 0;
	return 0;
}

/* What cannot say how far it was flushed must not be dropped as if it never was. */
static int check_headers(struct look *l)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->found->live.count; i++) {
		const struct journal_segment *s = l->found->live.at[i];

		if (s->fault)
			r = damage(l, s->number, "%s", s->fault);
	}
	return r;
}

/* A later segment has been flushed, for all one can know, so this one has been, all of it. */
static bool passed(const struct look *l, size_t i)
{
	for (size_t k = i + 1; k < l->found->live.count; k++) {
		const struct journal_segment *s = l->found->live.at[k];

		if (s->fault || s->known.sealed || s->known.synced > JOURNAL_FORMAT_START)
			return true;
	}
	return false;
}

static int skip_rest(struct look *l, struct journal_segment *s, bool full)
{
	int r = journal_damage_assess(s, &l->reader, full);

	l->report->skipped_bytes += s->damage_end - atomic_load_explicit(&s->end, memory_order_relaxed);
	s->damaged = true;
	return r;
}

/* Is what was found in live[i] what must be there? */
static int judge(struct look *l, size_t i)
{
	struct journal_segment *s = l->found->live.at[i];
	uint32_t end = atomic_load_explicit(&s->end, memory_order_relaxed);
	bool full = passed(l, i);
	int r = 0;

	if (s->fault)
		full = true; /* told already; what was not read may have been records */
	else if (end < s->known.synced)
		r = damage(l, s->number,
		           "the record at offset %" PRIu32 " is damaged; %" PRIu32 " had been flushed", end,
		           s->known.synced);
	else if (full && !s->closed && !s->known.sealed)
		r = damage(l, s->number,
		           "the record at offset %" PRIu32 " is damaged; later segments had been flushed",
		           end);
	else
		return 0;
	return r < 0 ? r : skip_rest(l, s, full);
}

/* The log ends in live[i]: what comes after was never flushed. */
static int drop_after(struct look *l, size_t i)
{
	struct journal_segment_list *live = &l->found->live;
	int r = 0;

	for (size_t k = i; r >= 0 && !l->report->tail_torn && k < live->count; k++) {
		uint32_t end = atomic_load_explicit(&live->at[k]->end, memory_order_relaxed);

		r = journal_reader_open(&l->reader, l->directory, live->at[k]->number, 0);
		if (r == 0)
			r = journal_reader_zero(&l->reader, k == i ? end : JOURNAL_FORMAT_START);
		l->report->tail_torn = r != 1;
	}
	if (r < 0 && r != -EIO)
		return r;
	while (live->count > i + 1) {
		r = journal_segment_list_push(&l->found->dead, live->at[live->count - 1]);
		if (r < 0)
			return r;
		live->count--;
	}
	return 0;
}

static bool is_open(const struct journal_segment *s)
{
	return !s->damaged && !s->closed && !s->known.sealed;
}

static int read_log(struct look *l)
{
	struct journal_segment_list *live = &l->found->live;
	int r = 0;

	for (size_t i = 0; r == 0 && i < live->count; i++) {
		r = scan(l, live->at[i]);
		if (r == 0)
			r = judge(l, i);
		if (r == 0 && is_open(live->at[i])) {
			r = drop_after(l, i);
			break;
		}
	}
	return r;
}

/* The file set aside was never used, or the log lacks its end. */
static int check_end(struct look *l)
{
	struct journal_segment_list *live = &l->found->live;
	struct journal_segment *last = live->count > 0 ? live->at[live->count - 1] : NULL;
	struct journal_segment *newest = l->newest;
	int r;

	if (!newest && (!last || is_open(last) || last->damaged))
		return 0;
	if (!newest) {
		l->report->skipped_bytes += l->options->segment_size;
		l->report->missing_bytes += l->options->segment_size;
		return damage(l, last->number,
		              "the log goes on after this segment, but the next one is missing");
	}
	bool unused = last && is_open(last);
	r = journal_segment_list_push(unused ? &l->found->dead : live, newest);
	if (r < 0)
		return r;
	l->newest = NULL;
	if (unused)
		return 0;
	r = damage(l, newest->number, "%s", newest->fault);
	if (r == 0)
		r = scan(l, newest);
	return r < 0 ? r : judge(l, live->count - 1);
}

/* Segments at the end in which there is nothing to keep. */
static int drop_empty(struct journal_recovery *f)
{
	int r = 0;

	while (r == 0 && f->live.count > 0) {
		struct journal_segment *s = f->live.at[f->live.count - 1];

		if (s->damaged || atomic_load_explicit(&s->end, memory_order_relaxed) > JOURNAL_FORMAT_START)
			break;
		r = journal_segment_list_push(&f->dead, s);
		f->live.count -= r == 0;
	}
	return r;
}

int journal_recover_look(struct journal_recovery *ret, int directory, const struct journal_options *options,
                         struct journal_report *report)
{
	struct look *l = calloc(1, sizeof(*l));
	int (*const steps[])(struct look *) = {list_files,    load_files, follow_log,
	                                       check_headers, read_log,   check_end};
	int r = 0;

	*ret = (struct journal_recovery){0};
	if (!l)
		return -ENOMEM;
	l->found = ret;
	l->report = report;
	l->options = options;
	l->directory = directory;
	l->reader.fd = -1;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](l);
	if (r == 0)
		r = drop_empty(ret);
	if (l->skipped && r == 0)
		ret->highest = MIN(ret->highest + SKIP_GAP, JOURNAL_FORMAT_NUMBER_MAX);
	journal_reader_close(&l->reader);
	journal_segment_free(l->newest);
	journal_segment_list_done(&l->all);
	free(l);
	return r;
}

void journal_recover_done(struct journal_recovery *r)
{
	journal_segment_list_done(&r->live);
	journal_segment_list_done(&r->dead);
}
