/*
 * journal_fixture - throw-away journals whose records know their number.
 *
 * Record i's body is i and then bytes and a length that follow from i, so that
 * a reader can tell that it is whole, and the one that comes next.
 */
#ifndef HIGHWATER_TESTS_JOURNAL_FIXTURE_H
#define HIGHWATER_TESTS_JOURNAL_FIXTURE_H

#include "journal.h"
#include "journal_format.h"
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIXTURE_KIND    7
#define FIXTURE_SEGMENT JOURNAL_SEGMENT_MIN

struct fixture {
	char directory[SCRATCH_PATH];
	struct journal_options options;
	struct journal_report report;
	struct journal *journal;
};

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	scratch_make(f->directory);
	f->options = (struct journal_options){f->directory, 64u << 20, FIXTURE_SEGMENT, JOURNAL_REFUSE};
	*state = f;
	return 0;
}

static inline void fixture_empty_directory(const char *directory)
{
	char path[512];
	DIR *d = opendir(directory);
	const struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", directory, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	closedir(d);
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	journal_close(f->journal);
	fixture_empty_directory(f->directory);
	rmdir(f->directory);
	free(f);
	return 0;
}

static inline int fixture_try_open(struct fixture *f)
{
	f->journal = NULL;
	return journal_open(&f->journal, &f->options, &f->report);
}

static inline void fixture_open(struct fixture *f)
{
	if (fixture_try_open(f) != 0)
		fail_msg("%s", f->report.message);
}

static inline void fixture_close(struct fixture *f)
{
	journal_close(f->journal);
	f->journal = NULL;
}

/* Files of the directory with this suffix. */
static inline size_t fixture_count_files(const char *directory, const char *suffix)
{
	DIR *d = opendir(directory);
	const struct dirent *e;
	size_t count = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		size_t length = strlen(e->d_name);

		count += length > strlen(suffix) && strcmp(e->d_name + length - strlen(suffix), suffix) == 0;
	}
	closedir(d);
	return count;
}

/* Lengths from 8 to 256 bytes, now and then the longest; the first few short, for the campaigns over every bit. */
static inline size_t fixture_body(uint64_t i, uint8_t body[static JOURNAL_BODY_MAX])
{
	size_t length = i % 500 == 499 ? JOURNAL_BODY_MAX : 8 + (size_t)(i * 37 % (i < 16 ? 25 : 249));

	memcpy(body, &i, sizeof(i));
	for (size_t k = sizeof(i); k < length; k++)
		body[k] = (uint8_t)(i * 31 + k);
	return length;
}

static inline int fixture_try_append(struct journal *j, uint64_t i, enum journal_class class)
{
	uint8_t body[JOURNAL_BODY_MAX];
	size_t length = fixture_body(i, body);
	uint64_t position;

	return journal_append(j, FIXTURE_KIND, class, body, length, &position);
}

/* Records from to to - 1, preparing as the writer does. */
static inline void fixture_append(struct journal *j, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		assert_int_equal(fixture_try_append(j, i, JOURNAL_NORMAL), 0);
		if (i % 64 == 0) {
			int e = journal_prepare(j);

			assert_true(e == 0 || e == -EDQUOT);
		}
	}
}

static inline void fixture_check_record(const struct journal_record *r, uint64_t i)
{
	uint8_t body[JOURNAL_BODY_MAX];
	size_t length = fixture_body(i, body);

	assert_int_equal(r->kind, FIXTURE_KIND);
	assert_int_equal(r->length, length);
	assert_memory_equal(r->body, body, length);
}

/* Reads on and expects records from, from + 1, …; returns the number after the last. */
static inline uint64_t fixture_read(struct journal_cursor *c, uint64_t from)
{
	uint8_t buffer[JOURNAL_BODY_MAX];
	struct journal_record r;
	uint64_t before = c->position;
	int got;

	while ((got = journal_cursor_next(c, buffer, sizeof(buffer), &r)) == 1) {
		assert_true(r.position >= before && r.next > r.position && c->position == r.next);
		before = r.next;
		fixture_check_record(&r, from++);
	}
	assert_int_equal(got, 0);
	return from;
}

/* All that the journal holds are records from to to - 1. */
static inline void fixture_expect(struct journal *j, uint64_t from, uint64_t to)
{
	struct journal_cursor c;

	journal_cursor_init(&c, j, 0);
	assert_int_equal(fixture_read(&c, from), to);
}

#endif
