#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qc_store.h"

#include "slot_format.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FEW   8
#define KILLS 30

/* A memory is stored with the number of its window's slot, a window with its position. */
#define MEMORY_SLOT (2 * slot_format_copy_size(sizeof(struct qc_memory) + 8))
#define WINDOW_SLOT (2 * slot_format_copy_size(sizeof(struct qc_window) + 8))

/* --- one system call, watched and made to fail --- */

static _Atomic int msync_calls, msync_error;

int msync(void *addr, size_t len, int flags)
{
	if (atomic_fetch_add(&msync_calls, 1) == 0 && atomic_load(&msync_error) != 0) {
		errno = atomic_load(&msync_error);
		return -1;
	}
	return (int)syscall(SYS_msync, addr, len, flags);
}

/* --- a store in a folder of its own --- */

struct fixture {
	char directory[64];
	char path[96], windows_path[128];
	struct qc_store *store;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->directory, sizeof(f->directory), "/tmp/qc_store_test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/quality", f->directory);
	snprintf(f->windows_path, sizeof(f->windows_path), "%s/quality-windows", f->directory);
	atomic_store(&msync_error, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	qc_store_close(f->store);
	unlink(f->path);
	unlink(f->windows_path);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static struct qc_store_report open_store(struct fixture *f, uint32_t max_slots)
{
	struct qc_store_report report = {.damaged = 77};

	assert_int_equal(qc_store_open(&f->store, f->path, max_slots, &report), 0);
	return report;
}

static void assert_opens_as_it_was(struct fixture *f)
{
	struct qc_store_report report = open_store(f, FEW);

	assert_int_equal(report.damaged, 0);
	assert_false(report.discarded);
}

static void close_store(struct fixture *f)
{
	qc_store_close(f->store);
	f->store = NULL;
}

static struct datastream_key key_of(uint32_t station)
{
	struct datastream_key key = {.property = "water_level"};

	snprintf(key.station, sizeof(key.station), "station-%u", station);
	return key;
}

/* Every eight bytes tell n, so that a mixture of two is seen. */
static void fill(void *object, size_t size, uint64_t n)
{
	for (size_t i = 0; i < size; i += sizeof(n)) {
		memcpy((uint8_t *)object + i, &n, sizeof(n));
	}
}

static void assert_filled(const void *object, size_t size, uint64_t n)
{
	uint8_t expected[sizeof(struct qc_window)];

	assert_true(size <= sizeof(expected));
	fill(expected, size, n);
	assert_memory_equal(object, expected, size);
}

static int try_put(struct qc_store *s, struct qc_place *place, uint32_t station, uint64_t n, bool with_window)
{
	const struct datastream_key key = key_of(station);
	struct qc_memory memory;
	struct qc_window window;

	fill(&memory, sizeof(memory), n);
	fill(&window, sizeof(window), n);
	return qc_store_put(s, place, &key, &memory, with_window ? &window : NULL);
}

static const struct qc_place nowhere = {QC_SLOT_NONE, QC_SLOT_NONE};

static struct qc_place put(struct fixture *f, struct qc_place place, uint32_t station, uint64_t n,
                           bool with_window)
{
	assert_int_equal(try_put(f->store, &place, station, n, with_window), 0);
	return place;
}

/* By station, what each() has found; 0 is none. */
struct found {
	uint64_t memory[FEW], window[FEW];
	struct qc_place place[FEW];
	uint32_t count;
};

static void find(void *context, struct qc_place place, const struct datastream_key *key,
                 const struct qc_memory *memory, const struct qc_window *window)
{
	struct found *found = context;
	uint32_t station = (uint32_t)strtoul(key->station + strlen("station-"), NULL, 10);
	const struct datastream_key expected = key_of(station);

	assert_true(station < FEW);
	assert_memory_equal(key, &expected, sizeof(expected));
	assert_int_equal(found->memory[station], 0);
	assert_filled(memory, sizeof(*memory), memory->position);
	found->memory[station] = memory->position;
	if (window != NULL) {
		assert_filled(window, sizeof(*window), memory->position);
		found->window[station] = memory->position;
	}
	found->place[station] = place;
	found->count++;
}

static struct found find_all(const struct fixture *f)
{
	struct found found = {.count = 0};

	qc_store_each(f->store, find, &found);
	return found;
}

static void flip_byte(const char *path, long offset)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static void damage_slot(const char *path, uint32_t slot, long size)
{
	flip_byte(path, 4096 + (long)slot * size + 100);
	flip_byte(path, 4096 + (long)slot * size + size / 2 + 100);
}

/* --- what it keeps --- */

static void new_store_is_empty(void **state)
{
	struct fixture *f = *state;

	assert_opens_as_it_was(f);
	assert_int_equal(find_all(f).count, 0);
}

static void memory_and_window_are_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	struct qc_place one, two;
	struct found found;

	open_store(f, FEW);
	one = put(f, nowhere, 1, 10, false);
	two = put(f, nowhere, 2, 20, true);
	put(f, one, 1, 11, false);
	put(f, two, 2, 21, true);
	for (int i = 0; i < 3; i++) {
		close_store(f);
		assert_opens_as_it_was(f);
		found = find_all(f);
		assert_int_equal(found.count, 2);
		assert_int_equal(found.memory[1], 11);
		assert_int_equal(found.window[1], 0);
		assert_int_equal(found.memory[2], 21);
		assert_int_equal(found.window[2], 21);
		assert_memory_equal(&found.place[1], &one, sizeof(one));
		assert_memory_equal(&found.place[2], &two, sizeof(two));
	}
}

static void window_may_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct qc_place place;
	uint32_t slot;

	open_store(f, FEW);
	place = put(f, nowhere, 1, 10, false);
	assert_int_equal(place.window, QC_SLOT_NONE);
	place = put(f, place, 1, 11, true);
	slot = place.window;
	assert_int_not_equal(slot, QC_SLOT_NONE);
	place = put(f, place, 1, 12, false);
	assert_int_equal(place.window, slot);
	close_store(f);
	open_store(f, FEW);
	assert_int_equal(find_all(f).memory[1], 12);
	assert_int_equal(find_all(f).window[1], 0);
	place = find_all(f).place[1];
	assert_int_equal(place.window, slot);
	put(f, place, 1, 13, true);
	close_store(f);
	open_store(f, FEW);
	assert_int_equal(find_all(f).window[1], 13);
}

/* --- kills and damage --- */

static void copy_file(const char *from, const char *to)
{
	char command[300];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

/* A power cut keeps the one file as it is now and of the other what it was before. */
static void check_cut_between(struct fixture *f, const char *older_path, uint64_t expected)
{
	char kept[128];
	struct qc_place place;
	struct found found;

	snprintf(kept, sizeof(kept), "%s/kept", f->directory);
	open_store(f, FEW);
	place = put(f, nowhere, 1, 10, true);
	close_store(f);
	copy_file(older_path, kept);
	open_store(f, FEW);
	put(f, place, 1, 11, true);
	close_store(f);
	copy_file(kept, older_path);
	unlink(kept);
	assert_opens_as_it_was(f);
	found = find_all(f);
	assert_int_equal(found.memory[1], expected);
	assert_int_equal(found.window[1], 0);
	put(f, found.place[1], 1, 12, true);
	assert_int_equal(find_all(f).window[1], 12);
}

static void window_newer_than_its_memory_is_not_handed_out(void **state)
{
	struct fixture *f = *state;

	check_cut_between(f, f->path, 10);
}

static void window_older_than_its_memory_is_not_handed_out(void **state)
{
	struct fixture *f = *state;

	check_cut_between(f, f->windows_path, 11);
}

static void write_until_killed(const char *path, _Atomic uint64_t *done)
{
	struct fixture f = {.store = NULL};
	struct qc_store_report report;
	struct qc_place place = nowhere;

	if (qc_store_open(&f.store, path, FEW, &report) != 0) {
		_exit(1);
	}
	if (find_all(&f).count > 0) {
		place = find_all(&f).place[1];
	}
	for (uint64_t n = atomic_load(done) + 1;; n++) {
		if (try_put(f.store, &place, 1, n, true) != 0) {
			_exit(2);
		}
		atomic_store(done, n);
	}
}

static void killed_at_any_moment_leaves_what_was_put(void **state)
{
	struct fixture *f = *state;
	_Atomic uint64_t *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t random = 12345, with_window = 0;

	assert_true(done != MAP_FAILED);
	for (int i = 0; i < KILLS; i++) {
		uint64_t before = atomic_load(done);
		struct found found;
		int status;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			write_until_killed(f->path, done);
		}
		while (atomic_load(done) == before && waitpid(child, &status, WNOHANG) == 0) {
			usleep(100);
		}
		random = random * 1664525 + 1013904223;
		usleep(random >> 22);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_opens_as_it_was(f);
		found = find_all(f);
		assert_int_equal(found.count, 1);
		assert_in_range(found.memory[1], atomic_load(done), atomic_load(done) + 1);
		with_window += found.window[1] != 0;
		atomic_store(done, found.memory[1]);
		close_store(f);
	}
	assert_true(with_window > 0);
	munmap((void *)done, 4096);
}

static void damaged_slots_of_both_files_are_counted_and_left_out(void **state)
{
	struct fixture *f = *state;
	struct qc_store_report report;
	struct found found;

	open_store(f, FEW);
	for (uint32_t i = 0; i < 4; i++) {
		put(f, nowhere, i, 10 + i, true);
	}
	close_store(f);
	damage_slot(f->path, 1, MEMORY_SLOT);
	damage_slot(f->windows_path, 2, WINDOW_SLOT);
	report = open_store(f, FEW);
	assert_int_equal(report.damaged, 2);
	assert_false(report.discarded);
	found = find_all(f);
	assert_int_equal(found.count, 3);
	assert_int_equal(found.memory[1], 0);
	assert_int_equal(found.memory[2], 12);
	assert_int_equal(found.window[2], 0);
	assert_int_equal(found.window[3], 13);
}

static void damaged_window_slot_is_never_two_datastreams(void **state)
{
	struct fixture *f = *state;
	struct qc_place three;
	struct found found;

	open_store(f, FEW);
	put(f, nowhere, 1, 10, true);
	put(f, nowhere, 2, 20, true);
	close_store(f);
	damage_slot(f->windows_path, 1, WINDOW_SLOT);
	assert_int_equal(open_store(f, FEW).damaged, 1);
	/* The slot is free again, while the memory of 2 on disk still names it. */
	three = put(f, nowhere, 3, 20, true);
	assert_int_equal(three.window, 1);
	close_store(f);
	assert_opens_as_it_was(f);
	found = find_all(f);
	assert_int_equal(found.window[2], 0);
	assert_int_equal(found.place[2].window, QC_SLOT_NONE);
	assert_int_equal(found.window[3], 20);
	put(f, found.place[2], 2, 30, true);
	found = find_all(f);
	assert_int_equal(found.window[2], 30);
	assert_int_equal(found.window[3], 20);
}

/* --- files that cannot be used --- */

static void check_begun_anew(struct fixture *f, const char *path, long offset)
{
	struct qc_store_report report;

	open_store(f, FEW);
	put(f, nowhere, 1, 10, true);
	close_store(f);
	flip_byte(path, offset);
	report = open_store(f, FEW);
	assert_true(report.discarded);
	assert_int_equal(report.damaged, 0);
	assert_int_equal(find_all(f).count, 0);
	put(f, nowhere, 2, 20, true);
	close_store(f);
	assert_opens_as_it_was(f);
	assert_int_equal(find_all(f).count, 1);
	assert_int_equal(find_all(f).window[2], 20);
	close_store(f);
	unlink(f->path);
	unlink(f->windows_path);
}

static void files_of_another_version_are_begun_anew_and_that_is_told(void **state)
{
	struct fixture *f = *state;
	const char *paths[] = {f->path, f->windows_path};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		check_begun_anew(f, paths[i], 0);  /* magic */
		check_begun_anew(f, paths[i], 8);  /* version */
		check_begun_anew(f, paths[i], 12); /* size of a slot */
		check_begun_anew(f, paths[i], 16); /* size of a body */
	}
}

static void file_cut_short_is_begun_anew(void **state)
{
	struct fixture *f = *state;

	open_store(f, FEW);
	put(f, nowhere, 1, 10, true);
	close_store(f);
	assert_int_equal(truncate(f->windows_path, 0), 0);
	assert_true(open_store(f, FEW).discarded);
	assert_int_equal(find_all(f).count, 0);
}

static void memories_go_on_when_the_windows_are_gone(void **state)
{
	struct fixture *f = *state;

	open_store(f, FEW);
	put(f, nowhere, 1, 10, true);
	close_store(f);
	assert_int_equal(unlink(f->windows_path), 0);
	assert_opens_as_it_was(f);
	assert_int_equal(find_all(f).memory[1], 10);
	assert_int_equal(find_all(f).window[1], 0);
	put(f, find_all(f).place[1], 1, 11, true);
	assert_int_equal(find_all(f).window[1], 11);
}

static void store_that_is_open_elsewhere_is_refused_and_kept(void **state)
{
	struct fixture *f = *state;
	struct qc_store_report report = {.damaged = 77};
	struct qc_store *other = NULL;

	open_store(f, FEW);
	put(f, nowhere, 1, 10, true);
	assert_int_equal(qc_store_open(&other, f->path, FEW, &report), -EAGAIN);
	assert_null(other);
	assert_int_equal(report.damaged, 77);
	close_store(f);
	assert_opens_as_it_was(f);
	assert_int_equal(find_all(f).window[1], 10);
}

static void directory_that_is_not_there_is_an_error(void **state)
{
	struct qc_store_report report;
	struct qc_store *store = NULL;

	(void)state;
	assert_int_equal(qc_store_open(&store, "/tmp/no-such-directory/quality", FEW, &report), -ENOENT);
	assert_null(store);
}

/* --- room and flushing --- */

static void files_grow_to_max_slots_and_no_further(void **state)
{
	struct fixture *f = *state;
	struct qc_place place = nowhere;
	struct stat st;

	open_store(f, FEW);
	for (uint32_t i = 0; i < FEW; i++) {
		put(f, nowhere, i, 10 + i, true);
	}
	assert_int_equal(qc_store_extend(f->store), 0);
	assert_int_equal(try_put(f->store, &place, FEW, 1, true), -ENOSPC);
	assert_memory_equal(&place, &nowhere, sizeof(place));
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, 4096 + FEW * MEMORY_SLOT);
	assert_int_equal(stat(f->windows_path, &st), 0);
	assert_int_equal(st.st_size, 4096 + FEW * WINDOW_SLOT);
}

static void memory_is_kept_where_the_window_finds_no_room(void **state)
{
	struct fixture *f = *state;
	struct qc_place place;
	uint32_t station = 0;
	int r;

	open_store(f, 5000);
	do {
		place = nowhere;
		r = try_put(f->store, &place, station++, 5, true);
	} while (r == 0);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(place.window, QC_SLOT_NONE);
	assert_int_equal(place.memory, station - 1);
	assert_int_equal(qc_store_extend(f->store), 0);
	assert_int_equal(try_put(f->store, &place, station - 1, 6, true), 0);
	assert_int_equal(place.memory, station - 1);
	assert_int_equal(place.window, station - 1);
}

static void sync_flushes_each_file_that_changed(void **state)
{
	struct fixture *f = *state;
	struct qc_place place;

	open_store(f, FEW);
	place = put(f, nowhere, 1, 10, true);
	assert_int_equal(qc_store_sync(f->store), 0);
	atomic_store(&msync_calls, 0);
	assert_int_equal(qc_store_sync(f->store), 0);
	assert_int_equal(atomic_load(&msync_calls), 0);
	place = put(f, place, 1, 11, false);
	assert_int_equal(qc_store_sync(f->store), 0);
	assert_int_equal(atomic_load(&msync_calls), 1);
	put(f, place, 1, 12, true);
	assert_int_equal(qc_store_sync(f->store), 0);
	assert_int_equal(atomic_load(&msync_calls), 3);
}

static void failure_to_flush_one_file_leaves_the_other_flushed(void **state)
{
	struct fixture *f = *state;

	open_store(f, FEW);
	put(f, nowhere, 1, 10, true);
	atomic_store(&msync_calls, 0);
	atomic_store(&msync_error, EIO);
	assert_int_equal(qc_store_sync(f->store), -EIO);
	assert_int_equal(atomic_load(&msync_calls), 2);
	assert_int_equal(qc_store_sync(f->store), 0);
	assert_int_equal(atomic_load(&msync_calls), 3);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(new_store_is_empty),
		STORE_TEST(memory_and_window_are_there_after_reopening),
		STORE_TEST(window_may_come_and_go),
		STORE_TEST(window_newer_than_its_memory_is_not_handed_out),
		STORE_TEST(window_older_than_its_memory_is_not_handed_out),
		STORE_TEST(killed_at_any_moment_leaves_what_was_put),
		STORE_TEST(damaged_slots_of_both_files_are_counted_and_left_out),
		STORE_TEST(damaged_window_slot_is_never_two_datastreams),
		STORE_TEST(files_of_another_version_are_begun_anew_and_that_is_told),
		STORE_TEST(file_cut_short_is_begun_anew),
		STORE_TEST(memories_go_on_when_the_windows_are_gone),
		STORE_TEST(store_that_is_open_elsewhere_is_refused_and_kept),
		STORE_TEST(directory_that_is_not_there_is_an_error),
		STORE_TEST(files_grow_to_max_slots_and_no_further),
		STORE_TEST(memory_is_kept_where_the_window_finds_no_room),
		STORE_TEST(sync_flushes_each_file_that_changed),
		STORE_TEST(failure_to_flush_one_file_leaves_the_other_flushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
