#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal_fixture.h"
#include "journal_segment.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void records_come_back_in_order_across_many_segments(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	fixture_append(f->journal, 0, 30000);
	assert_in_range(journal_format_number(journal_tail(f->journal)), 4, 20);
	fixture_expect(f->journal, 0, 30000);
	assert_int_equal(journal_records(f->journal), 30000);
}

static void records_are_there_after_a_restart(void **state)
{
	struct fixture *f = *state;
	uint8_t id[JOURNAL_ID_SIZE];

	fixture_open(f);
	memcpy(id, journal_id(f->journal), sizeof(id));
	fixture_append(f->journal, 0, 12000);
	fixture_close(f);
	fixture_open(f);
	assert_int_equal(f->report.records, 12000);
	assert_int_equal(f->report.segments, 2);
	assert_false(f->report.tail_torn);
	assert_int_equal(f->report.skipped_bytes, 0);
	assert_string_equal(f->report.message, "");
	assert_memory_equal(journal_id(f->journal), id, sizeof(id));
	assert_int_equal(journal_records(f->journal), 12000);
	fixture_expect(f->journal, 0, 12000);
	fixture_append(f->journal, 12000, 24000);
	fixture_expect(f->journal, 0, 24000);
}

static void positions_grow_across_restarts_and_fit_a_bigint(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0, position;

	for (int i = 0; i < 5; i++) {
		fixture_open(f);
		assert_true(journal_tail(f->journal) > last);
		assert_int_equal(journal_append(f->journal, 1, JOURNAL_NORMAL, "x", 1, &position), 0);
		assert_true(position > last && position <= INT64_MAX);
		last = journal_tail(f->journal);
		assert_true(last > position);
		fixture_close(f);
	}
}

static void a_position_is_the_number_of_the_segment_and_the_offset(void **state)
{
	struct fixture *f = *state;
	uint64_t position;

	fixture_open(f);
	assert_int_equal(journal_append(f->journal, 1, JOURNAL_NORMAL, "123456789", 9, &position), 0);
	assert_int_equal(position, (uint64_t)1 << 32 | 4096);
	assert_int_equal(journal_tail(f->journal), position + 24);
	assert_int_equal(journal_head(f->journal), position);
}

static void a_body_may_be_empty_and_has_a_limit(void **state)
{
	struct fixture *f = *state;
	uint8_t body[JOURNAL_BODY_MAX + 1] = {0}, buffer[JOURNAL_BODY_MAX];
	struct journal_cursor c;
	struct journal_record r;
	uint64_t position;

	fixture_open(f);
	assert_int_equal(journal_append(f->journal, 1, JOURNAL_NORMAL, body, sizeof(body), &position),
	                 -EMSGSIZE);
	assert_int_equal(journal_append(f->journal, 0, JOURNAL_NORMAL, body, 1, &position), -EINVAL);
	assert_int_equal(journal_append(f->journal, 255, JOURNAL_NORMAL, body, 1, &position), -EINVAL);
	assert_int_equal(journal_append(f->journal, 254, JOURNAL_NORMAL, NULL, 0, &position), 0);
	assert_int_equal(journal_append(f->journal, 1, JOURNAL_NORMAL, body, sizeof(body) - 1, &position), 0);
	journal_cursor_init(&c, f->journal, 0);
	assert_int_equal(journal_cursor_next(&c, buffer, sizeof(buffer), &r), 1);
	assert_int_equal(r.length, 0);
	assert_int_equal(r.kind, 254);
	assert_int_equal(journal_cursor_next(&c, buffer, sizeof(buffer), &r), 1);
	assert_int_equal(r.length, JOURNAL_BODY_MAX);
	assert_int_equal(journal_cursor_next(&c, buffer, sizeof(buffer), &r), 0);
}

static void refuses_sizes_out_of_bounds(void **state)
{
	struct fixture *f = *state;

	f->options.segment_size = JOURNAL_SEGMENT_MIN - 1;
	assert_int_equal(fixture_try_open(f), -EINVAL);
	assert_string_not_equal(f->report.message, "");
	f->options.segment_size = JOURNAL_SEGMENT_MIN;
	f->options.max_size = 2 * JOURNAL_SEGMENT_MIN - 1;
	assert_int_equal(fixture_try_open(f), -EINVAL);
	assert_int_equal(fixture_count_files(f->directory, ".seg"), 0);
}

static void a_second_open_is_told_that_the_journal_is_in_use(void **state)
{
	struct fixture *f = *state;
	struct journal *second = NULL;
	struct journal_report report;

	fixture_open(f);
	assert_int_equal(journal_open(&second, &f->options, &report), -EAGAIN);
	assert_null(second);
	assert_non_null(strstr(report.message, "another process"));
	fixture_close(f);
	assert_int_equal(journal_open(&second, &f->options, &report), 0);
	journal_close(second);
}

static void a_cursor_starts_where_it_is_told(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[JOURNAL_BODY_MAX];
	struct journal_cursor c;
	struct journal_record r;

	fixture_open(f);
	fixture_append(f->journal, 0, 10);
	journal_cursor_init(&c, f->journal, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(journal_cursor_next(&c, buffer, sizeof(buffer), &r), 1);
	journal_cursor_init(&c, f->journal, r.next);
	assert_int_equal(fixture_read(&c, 5), 10);
	fixture_append(f->journal, 10, 12); /* it follows the tail */
	assert_int_equal(fixture_read(&c, 10), 12);
	journal_cursor_init(&c, f->journal, journal_tail(f->journal) + 4096);
	assert_int_equal(journal_cursor_next(&c, buffer, sizeof(buffer), &r), 0);
	journal_cursor_init(&c, f->journal, (uint64_t)77 << 32 | 4096);
	assert_int_equal(journal_cursor_next(&c, buffer, sizeof(buffer), &r), 0);
}

static void a_record_that_went_bad_stops_the_cursor_until_it_is_skipped(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[JOURNAL_BODY_MAX];
	struct journal_cursor c;
	struct journal_record r;
	char path[128];

	fixture_open(f);
	fixture_append(f->journal, 0, 10);
	fixture_close(f);
	fixture_open(f);
	fixture_append(f->journal, 10, 20);
	snprintf(path, sizeof(path), "%s/%016x.seg", f->directory, 1);
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 4096 + 16 + 4, SEEK_SET), 0);
	fputc('!', file);
	fclose(file);
	journal_cursor_init(&c, f->journal, 0);
	assert_int_equal(journal_cursor_next(&c, buffer, sizeof(buffer), &r), 1);
	uint64_t stuck = c.position;
	assert_int_equal(journal_cursor_next(&c, buffer, sizeof(buffer), &r), -EBADMSG);
	assert_int_equal(journal_cursor_next(&c, buffer, sizeof(buffer), &r), -EBADMSG);
	assert_int_equal(c.position, stuck);
	assert_in_range(journal_cursor_skip(&c), 100, 4096);
	assert_int_equal(c.lost.records, 9); /* the mark counts them */
	assert_int_equal(c.lost.bytes, 0);
	assert_int_equal(fixture_read(&c, 10), 20);
	assert_int_equal(journal_cursor_skip(&c), 0);
	assert_int_equal(c.lost.records, 9);
}

/* Appends of one class until the journal takes no more. */
static int append_until_refused(struct journal *j, enum journal_class class, uint64_t *i)
{
	int e;

	while ((e = fixture_try_append(j, *i, class)) == 0) {
		if (++*i % 64 == 0)
			e = journal_prepare(j);
	}
	return e;
}

/* Nothing is wrong with the disk: whoever reads the log is not sent there. */
static void a_segment_that_is_merely_not_ready_is_told_apart_from_a_full_disk(void **state)
{
	struct fixture *f = *state;
	uint64_t i = 0;
	int error;

	fixture_open(f);
	while ((error = fixture_try_append(f->journal, i, JOURNAL_NORMAL)) == 0)
		i++;
	assert_int_equal(error, -EBUSY);
	assert_int_equal(journal_prepare(f->journal), 0);
	assert_int_equal(fixture_try_append(f->journal, i, JOURNAL_NORMAL), 0);
}

/* What the marks do not count yet, the map does. */
static void what_goes_bad_in_the_segment_being_written_is_counted_too(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[JOURNAL_BODY_MAX];
	struct journal_cursor c;
	struct journal_record r;
	char path[128];

	fixture_open(f);
	fixture_append(f->journal, 0, 10);
	assert_int_equal(journal_sync(f->journal), 0);
	fixture_append(f->journal, 10, 20);
	snprintf(path, sizeof(path), "%s/%016x.seg", f->directory, 1);
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 4096 + 8, SEEK_SET), 0);
	fputc('!', file);
	fclose(file);
	journal_cursor_init(&c, f->journal, 0);
	assert_int_equal(journal_cursor_next(&c, buffer, sizeof(buffer), &r), -EBADMSG);
	assert_true(journal_cursor_skip(&c) > 0);
	assert_int_equal(c.lost.records, 20);
	assert_int_equal(c.lost.bytes, 0);
	assert_int_equal(c.position, journal_tail(f->journal));
}

/* The mark as it is in the file. */
static struct journal_format_known mark_of(const struct fixture *f, uint32_t number)
{
	int directory = open(f->directory, O_RDONLY | O_DIRECTORY);
	struct journal_segment *s = journal_segment_new(number);

	assert_non_null(s);
	assert_int_equal(journal_segment_load(directory, s), 0);
	assert_null(s->fault);
	struct journal_format_known known = s->known;
	journal_segment_free(s);
	close(directory);
	return known;
}

static void sync_leaves_the_page_alone_that_is_being_written(void **state)
{
	struct fixture *f = *state;
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), tail = 0, synced = 0;

	fixture_open(f);
	for (uint64_t i = 0; i < 400; i += 10) {
		fixture_append(f->journal, i, i + 10);
		assert_int_equal(journal_sync(f->journal), 0);
		tail = journal_format_offset(journal_tail(f->journal));
		synced = mark_of(f, 1).synced;
		assert_true(synced <= MAX(tail & ~(page - 1), JOURNAL_FORMAT_START));
		assert_true(synced + 2 * page > tail);
	}
	assert_true(synced < tail);
	assert_int_equal(journal_sync(f->journal), 0); /* nothing came since */
	assert_int_equal(mark_of(f, 1).synced, tail);
}

static void sync_takes_a_trickle_along_after_ten_calls(void **state)
{
	struct fixture *f = *state;
	uint32_t first;

	fixture_open(f);
	fixture_append(f->journal, 0, 1);
	first = journal_format_offset(journal_tail(f->journal));
	for (uint64_t i = 1; i <= 10; i++) {
		assert_int_equal(journal_sync(f->journal), 0);
		assert_true(mark_of(f, 1).synced < first);
		fixture_append(f->journal, i, i + 1);
	}
	assert_int_equal(journal_sync(f->journal), 0);
	assert_int_equal(mark_of(f, 1).synced, journal_format_offset(journal_tail(f->journal)));
}

static long page_faults(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_THREAD, &u), 0);
	return u.ru_minflt + u.ru_majflt;
}

/* A sanitizer's shadow of the maps has page faults too. */
static bool has_shadow(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#else
	return false;
#endif
}

static bool can_populate(void)
{
	void *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool can = madvise(page, 1, MADV_POPULATE_WRITE) == 0;

	munmap(page, 1);
	return can;
}

/* More than a segment: what comes next is made ready across its end too. */
static void what_is_made_ready_is_appended_without_a_page_fault(void **state)
{
	struct fixture *f = *state;
	long faults, unready;

	if (has_shadow() || !can_populate())
		skip();
	fixture_open(f);
	assert_int_equal(journal_prepare(f->journal), 0);
	faults = page_faults();
	fixture_append(f->journal, 0, 1000);
	unready = page_faults() - faults;
	assert_true(unready > 10);
	for (uint64_t i = 1000; i < 12000; i += 1000) {
		assert_int_equal(journal_prepare(f->journal), 0);
		journal_make_ready(f->journal);
		faults = page_faults();
		fixture_append(f->journal, i, i + 1000);
		assert_true(page_faults() - faults <= unready / 10);
	}
	fixture_expect(f->journal, 0, 12000);
}

static void sync_seals_the_segments_left_behind(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	fixture_append(f->journal, 0, 15000);
	assert_int_equal(journal_format_number(journal_tail(f->journal)), 3);
	assert_false(mark_of(f, 1).sealed);
	assert_int_equal(journal_sync(f->journal), 0);
	assert_true(mark_of(f, 1).sealed);
	assert_true(mark_of(f, 2).sealed);
	assert_false(mark_of(f, 3).sealed);
	assert_in_range(mark_of(f, 1).synced, FIXTURE_SEGMENT - 8208, FIXTURE_SEGMENT - 8);
	fixture_expect(f->journal, 0, 15000);
	fixture_append(f->journal, 15000, 16000);
	fixture_expect(f->journal, 0, 16000);
}

static void close_leaves_everything_marked_as_synced(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	fixture_append(f->journal, 0, 10);
	uint32_t tail = journal_format_offset(journal_tail(f->journal));
	fixture_close(f);
	assert_int_equal(mark_of(f, 1).synced, tail);
}

static void each_class_is_refused_at_its_limit_and_not_before(void **state)
{
	struct fixture *f = *state;
	uint64_t i = 0, used;

	f->options.max_size = 4 * FIXTURE_SEGMENT;
	fixture_open(f);
	assert_int_equal(append_until_refused(f->journal, JOURNAL_EXPENDABLE, &i), -EDQUOT);
	used = (uint64_t)(journal_format_number(journal_tail(f->journal)) - 1) * FIXTURE_SEGMENT +
	       journal_format_offset(journal_tail(f->journal));
	assert_in_range(used, f->options.max_size / 2 + 1, f->options.max_size / 2 + 8200);

	assert_int_equal(append_until_refused(f->journal, JOURNAL_NORMAL, &i), -EDQUOT);
	assert_int_equal(journal_format_number(journal_tail(f->journal)), 4);
	uint32_t left = FIXTURE_SEGMENT - journal_format_offset(journal_tail(f->journal));
	assert_in_range(left, JOURNAL_RESERVE, JOURNAL_RESERVE + 8208);
	assert_int_equal(fixture_try_append(f->journal, i, JOURNAL_EXPENDABLE), -EDQUOT);

	assert_int_equal(append_until_refused(f->journal, JOURNAL_IMPORTANT, &i), -EDQUOT);
	assert_in_range(FIXTURE_SEGMENT - journal_format_offset(journal_tail(f->journal)), 8, 8215);
	assert_true(journal_bytes(f->journal) <= f->options.max_size);
	fixture_expect(f->journal, 0, i);
}

static void room_returns_when_segments_are_retired(void **state)
{
	struct fixture *f = *state;
	uint8_t buffer[JOURNAL_BODY_MAX];
	struct journal_cursor c;
	struct journal_record r;
	uint64_t i = 0, first = 0;

	f->options.max_size = 3 * FIXTURE_SEGMENT;
	fixture_open(f);
	assert_int_equal(append_until_refused(f->journal, JOURNAL_NORMAL, &i), -EDQUOT);
	assert_int_equal(journal_prepare(f->journal), -EDQUOT);

	/* One position short of the segment's end nothing goes. */
	journal_cursor_init(&c, f->journal, 0);
	while (journal_cursor_next(&c, buffer, sizeof(buffer), &r) == 1 &&
	       journal_format_number(r.position) == 1)
		first++;
	uint64_t second = r.position;
	assert_int_equal(journal_retire(f->journal, (uint64_t)1 << 32 | 8192), 0);
	assert_int_equal(fixture_count_files(f->directory, ".seg"), 3);
	assert_int_equal(journal_retire(f->journal, second), 0);
	assert_int_equal(fixture_count_files(f->directory, ".seg"), 2);
	assert_int_equal(journal_head(f->journal), second);
	assert_int_equal(journal_bytes(f->journal), 2 * FIXTURE_SEGMENT);

	assert_int_equal(journal_prepare(f->journal), 0);
	fixture_append(f->journal, i, i + 1000);
	fixture_expect(f->journal, first, i + 1000);
	fixture_close(f);
	fixture_open(f);
	fixture_expect(f->journal, first, i + 1000);
}

static void the_segment_that_is_written_is_never_retired(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	fixture_append(f->journal, 0, 20000);
	assert_int_equal(journal_sync(f->journal), 0);
	assert_int_equal(journal_retire(f->journal, UINT64_MAX), 0);
	assert_int_equal(journal_format_number(journal_head(f->journal)),
	                 journal_format_number(journal_tail(f->journal)));
	fixture_append(f->journal, 20000, 40000);
	assert_int_equal(journal_retire(f->journal, journal_tail(f->journal)), 0);
	assert_int_equal(fixture_count_files(f->directory, ".seg"), 2);
	fixture_close(f);
	fixture_open(f);
	assert_true(f->report.records > 0);
}

static void restarts_without_records_leave_no_files_behind(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 10; i++) {
		fixture_open(f);
		fixture_close(f);
	}
	assert_int_equal(fixture_count_files(f->directory, ".seg"), 2);
	assert_int_equal(fixture_count_files(f->directory, ".tmp"), 0);
}

static void restarts_keep_only_what_the_records_need_of_the_disk(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < 10; i++) {
		fixture_open(f);
		fixture_append(f->journal, i, i + 1);
		fixture_close(f);
	}
	fixture_open(f);
	assert_int_equal(f->report.records, 10);
	assert_int_equal(f->report.segments, 10);
	assert_int_equal(journal_bytes(f->journal), 10 * 8192 + 2 * FIXTURE_SEGMENT);
	assert_int_equal(journal_retire(f->journal, journal_tail(f->journal)), 0);
	assert_int_equal(journal_bytes(f->journal), 2 * FIXTURE_SEGMENT);
}

static void a_full_journal_opens_with_a_reserve_for_what_is_important(void **state)
{
	struct fixture *f = *state;
	uint64_t i = 0;

	f->options.max_size = 2 * FIXTURE_SEGMENT;
	fixture_open(f);
	assert_int_equal(append_until_refused(f->journal, JOURNAL_IMPORTANT, &i), -EDQUOT);
	for (int restart = 0; restart < 3; restart++) {
		fixture_close(f);
		fixture_open(f);
		assert_int_equal(f->report.records, i);
		assert_int_equal(fixture_try_append(f->journal, i, JOURNAL_NORMAL), -EDQUOT);
		assert_int_equal(fixture_try_append(f->journal, i, JOURNAL_IMPORTANT), 0);
		i++;
	}
	fixture_expect(f->journal, 0, i);
	assert_true(journal_bytes(f->journal) < f->options.max_size + 2 * (JOURNAL_RESERVE + 8192));
	/* The database took everything: readings go on. */
	assert_int_equal(journal_retire(f->journal, journal_tail(f->journal)), 0);
	assert_int_equal(journal_prepare(f->journal), 0);
	fixture_append(f->journal, i, i + 3000);
}

/* The journal goes onto a file system of three and a half segments; parent is its root. Or the test is skipped. */
static void mount_small(struct fixture *f, char parent[static SCRATCH_PATH])
{
	strcpy(parent, f->directory);
	if (mount("none", parent, "tmpfs", 0, "size=3584k,mode=0700") != 0) {
		print_message("skipped: mounting a small file system is not allowed here\n");
		skip();
	}
	strcat(f->directory, "/j");
}

static void unmount_small(struct fixture *f, const char *parent)
{
	fixture_close(f);
	strcpy(f->directory, parent);
	assert_int_equal(umount(parent), 0);
}

static void fill_disk(const char *directory)
{
	static const char block[4096];
	char path[128];

	snprintf(path, sizeof(path), "%s/ballast", directory);
	FILE *file = fopen(path, "a");
	assert_non_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	while (fwrite(block, sizeof(block), 1, file) == 1)
		;
	fclose(file);
}

static void free_disk(const char *directory)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/ballast", directory);
	assert_int_equal(unlink(path), 0);
}

static void check_full_disk(struct fixture *f)
{
	uint64_t i = 0;

	fixture_open(f);
	assert_int_equal(append_until_refused(f->journal, JOURNAL_NORMAL, &i), -ENOSPC);
	assert_int_equal(journal_prepare(f->journal), -ENOSPC);
	assert_int_equal(fixture_count_files(f->directory, ".seg"), 3);
	assert_int_equal(fixture_count_files(f->directory, ".tmp"), 0);
	assert_int_equal(journal_bytes(f->journal), 3 * FIXTURE_SEGMENT);
	assert_int_equal(fixture_try_append(f->journal, i, JOURNAL_IMPORTANT), 0);
	i++;
	assert_int_equal(journal_sync(f->journal), 0);

	/* Not a byte left, and the broker starts again. */
	fixture_close(f);
	fill_disk(f->directory);
	fixture_open(f);
	assert_int_equal(f->report.records, i);
	fixture_expect(f->journal, 0, i);
	assert_int_equal(fixture_try_append(f->journal, i, JOURNAL_NORMAL), -ENOSPC);
	assert_int_equal(fixture_count_files(f->directory, ".tmp"), 0);

	/* Room again, by the operator or by the database. */
	free_disk(f->directory);
	assert_int_equal(journal_retire(f->journal, (uint64_t)2 << 32 | 4096), 0);
	assert_int_equal(journal_prepare(f->journal), 0);
	assert_int_equal(fixture_try_append(f->journal, i, JOURNAL_NORMAL), 0);
	fixture_close(f);
	fixture_open(f);
	struct journal_cursor c;
	journal_cursor_init(&c, f->journal, (uint64_t)2 << 32 | 4096);
	uint8_t buffer[JOURNAL_BODY_MAX];
	struct journal_record r;
	uint64_t last = 0, count = 0;
	while (journal_cursor_next(&c, buffer, sizeof(buffer), &r) == 1) {
		memcpy(&last, r.body, sizeof(last));
		fixture_check_record(&r, last);
		count++;
	}
	assert_int_equal(last, i);
	assert_int_equal(count, f->report.records);
}

static void a_full_disk_is_an_error_code_and_leaves_no_half_file(void **state)
{
	struct fixture *f = *state;
	char parent[SCRATCH_PATH];

	mount_small(f, parent);
	check_full_disk(f);
	unmount_small(f, parent);
}

static int unmount_and_teardown(void **state)
{
	struct fixture *f = *state;
	char *below = strstr(f->directory, "/j");

	if (below) { /* the test failed half way */
		fixture_close(f);
		*below = '\0';
		umount(f->directory);
	}
	return fixture_teardown(state);
}

static void when_not_even_the_reserve_fits_it_opens_and_waits_for_room(void **state)
{
	struct fixture *f = *state;
	char parent[SCRATCH_PATH];
	uint64_t i = 0;

	mount_small(f, parent);
	fill_disk(parent);
	fixture_open(f);
	assert_int_equal(fixture_try_append(f->journal, i, JOURNAL_IMPORTANT), -ENOSPC);
	fixture_expect(f->journal, 0, 0);
	free_disk(parent);
	assert_int_equal(journal_prepare(f->journal), 0);
	assert_int_equal(append_until_refused(f->journal, JOURNAL_IMPORTANT, &i), -ENOSPC);
	fixture_close(f);
	fill_disk(parent);
	fixture_open(f);
	assert_int_equal(f->report.records, i);
	assert_int_equal(fixture_try_append(f->journal, i, JOURNAL_IMPORTANT), -ENOSPC);
	assert_int_equal(journal_prepare(f->journal), -ENOSPC);
	fixture_expect(f->journal, 0, i);
	assert_int_equal(journal_retire(f->journal, journal_tail(f->journal)), 0);
	assert_int_equal(journal_prepare(f->journal), 0);
	assert_int_equal(fixture_try_append(f->journal, i, JOURNAL_IMPORTANT), 0);
	assert_int_equal(journal_sync(f->journal), 0);
	unmount_small(f, parent);
}

/* What the child says it has appended; it is killed at any moment. */
static void append_for_ever(const struct fixture *f, uint64_t from, _Atomic uint64_t *appended)
{
	struct journal_report report;
	struct journal *j;

	if (journal_open(&j, &f->options, &report) != 0)
		_exit(1);
	for (uint64_t i = from;; i++) {
		if (fixture_try_append(j, i, JOURNAL_NORMAL) != 0)
			_exit(2);
		atomic_store(appended, i + 1);
		if (i % 64 == 0 && (journal_prepare(j) != 0 || (i % 1024 == 0 && journal_sync(j) != 0)))
			_exit(3);
	}
}

static void kill_9_loses_nothing_that_append_returned_for(void **state)
{
	struct fixture *f = *state;
	_Atomic uint64_t *appended =
		mmap(NULL, sizeof(*appended), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t from = 0;

	assert_ptr_not_equal(appended, MAP_FAILED);
	for (int round = 0; round < 12; round++) {
		int status;
		uint64_t first = from + 1 + (uint64_t)round * 300;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			append_for_ever(f, from, appended);
		while (atomic_load(appended) < first && waitpid(child, &status, WNOHANG) == 0)
			sched_yield();
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		uint64_t told = atomic_load(appended);
		assert_true(told >= first);
		fixture_open(f);
		assert_in_range(f->report.records, told, told + 1);
		from = f->report.records;
		fixture_expect(f->journal, 0, from);
		fixture_close(f);
	}
	munmap(appended, sizeof(*appended));
}

#define CONCURRENT_RECORDS 150000u

struct traffic {
	struct journal *journal;
	_Atomic bool appended_all, stored_all, care_ended;
	uint64_t refused;
	int care_error;
};

static void *append_all(void *context)
{
	struct traffic *t = context;

	for (uint64_t i = 0; i < CONCURRENT_RECORDS; i++) {
		int e;

		while (((e = fixture_try_append(t->journal, i, JOURNAL_NORMAL)) == -EDQUOT || e == -EBUSY) &&
		       !atomic_load(&t->care_ended)) {
			t->refused++;
			sched_yield();
		}
		if (e != 0)
			break;
	}
	atomic_store(&t->appended_all, true);
	return NULL;
}

static void *take_care(void *context)
{
	struct traffic *t = context;
	int e = 0;

	for (unsigned turn = 0; !atomic_load(&t->stored_all) && (e == 0 || e == -EDQUOT); turn++) {
		e = journal_prepare(t->journal);
		journal_make_ready(t->journal);
		if (turn % 4 == 0 && journal_sync(t->journal) != 0)
			e = -EIO;
	}
	t->care_error = e == -EDQUOT ? 0 : e;
	atomic_store(&t->care_ended, true);
	return NULL;
}

static void one_thread_appends_another_takes_care_and_a_third_reads_and_retires(void **state)
{
	struct fixture *f = *state;
	struct journal_cursor c;
	struct traffic t = {0};
	pthread_t appender, care;
	uint64_t next = 0;

	f->options.max_size = 4 * FIXTURE_SEGMENT;
	fixture_open(f);
	t.journal = f->journal;
	journal_cursor_init(&c, f->journal, 0);
	assert_int_equal(pthread_create(&appender, NULL, append_all, &t), 0);
	assert_int_equal(pthread_create(&care, NULL, take_care, &t), 0);
	for (bool last = false; next < CONCURRENT_RECORDS && !last;) {
		last = atomic_load(&t.appended_all);
		next = fixture_read(&c, next);
		assert_int_equal(journal_retire(f->journal, c.position), 0);
		assert_true(journal_bytes(f->journal) <= f->options.max_size);
	}
	atomic_store(&t.stored_all, true);
	pthread_join(appender, NULL);
	pthread_join(care, NULL);
	assert_int_equal(t.care_error, 0);
	assert_int_equal(fixture_read(&c, next), CONCURRENT_RECORDS);
	assert_int_equal(journal_records(f->journal), CONCURRENT_RECORDS);
	assert_in_range(journal_format_number(journal_tail(f->journal)), 15, 200);
}

/* The disk of the journal: while it is slow, a flush ends when it is told to, or after a time without end. */
static struct {
	_Atomic bool slow;
	sem_t flushing, done;
	int waited; /* as sem_timedwait(3) */
} disk;

/* In the place of libc's. */
int msync(void *address, size_t length, int flags)
{
	struct timespec end;

	if (atomic_load(&disk.slow)) {
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_sec += 20;
		sem_post(&disk.flushing);
		disk.waited = sem_timedwait(&disk.done, &end);
		atomic_store(&disk.slow, false);
	}
	return (int)syscall(SYS_msync, address, length, flags);
}

static void *flush(void *context)
{
	return journal_sync(context) == 0 ? context : NULL;
}

static void a_slow_flush_keeps_no_one_from_reading(void **state)
{
	struct fixture *f = *state;
	struct journal_cursor c;
	pthread_t care;
	void *flushed = NULL;

	fixture_open(f);
	fixture_append(f->journal, 0, 500);
	sem_init(&disk.flushing, 0, 0);
	sem_init(&disk.done, 0, 0);
	disk.waited = -1;
	atomic_store(&disk.slow, true);
	assert_int_equal(pthread_create(&care, NULL, flush, f->journal), 0);
	sem_wait(&disk.flushing);
	journal_cursor_init(&c, f->journal, 0);
	assert_int_equal(fixture_read(&c, 0), 500);
	assert_int_equal(journal_retire(f->journal, c.position), 0); /* nothing is to be deleted yet */
	sem_post(&disk.done);
	pthread_join(care, &flushed);
	assert_int_equal(disk.waited, 0);
	assert_ptr_equal(flushed, f->journal);
	sem_destroy(&disk.flushing);
	sem_destroy(&disk.done);
}

#define CASE(f)          cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
#define CASE_ON_MOUNT(f) cmocka_unit_test_setup_teardown(f, fixture_setup, unmount_and_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(records_come_back_in_order_across_many_segments),
		CASE(records_are_there_after_a_restart),
		CASE(positions_grow_across_restarts_and_fit_a_bigint),
		CASE(a_position_is_the_number_of_the_segment_and_the_offset),
		CASE(a_body_may_be_empty_and_has_a_limit),
		CASE(refuses_sizes_out_of_bounds),
		CASE(a_second_open_is_told_that_the_journal_is_in_use),
		CASE(a_cursor_starts_where_it_is_told),
		CASE(a_record_that_went_bad_stops_the_cursor_until_it_is_skipped),
		CASE(a_segment_that_is_merely_not_ready_is_told_apart_from_a_full_disk),
		CASE(what_goes_bad_in_the_segment_being_written_is_counted_too),
		CASE(sync_leaves_the_page_alone_that_is_being_written),
		CASE(sync_takes_a_trickle_along_after_ten_calls),
		CASE(what_is_made_ready_is_appended_without_a_page_fault),
		CASE(sync_seals_the_segments_left_behind),
		CASE(close_leaves_everything_marked_as_synced),
		CASE(each_class_is_refused_at_its_limit_and_not_before),
		CASE(room_returns_when_segments_are_retired),
		CASE(the_segment_that_is_written_is_never_retired),
		CASE(restarts_without_records_leave_no_files_behind),
		CASE(restarts_keep_only_what_the_records_need_of_the_disk),
		CASE(a_full_journal_opens_with_a_reserve_for_what_is_important),
		CASE_ON_MOUNT(a_full_disk_is_an_error_code_and_leaves_no_half_file),
		CASE_ON_MOUNT(when_not_even_the_reserve_fits_it_opens_and_waits_for_room),
		CASE(kill_9_loses_nothing_that_append_returned_for),
		CASE(one_thread_appends_another_takes_care_and_a_third_reads_and_retires),
		CASE(a_slow_flush_keeps_no_one_from_reading),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
