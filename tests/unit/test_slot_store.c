#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "slot_store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BODY_SIZE 300
#define COPY_SIZE 448
#define SLOT_SIZE 896 /* some slots lie across two pages */
#define FEW       16
#define KILLS     40

static const struct slot_kind kind = {.magic = "SLOTTST", .version = 5, .body_size = BODY_SIZE};

/* --- two system calls, watched and made to fail --- */

static _Atomic int msync_calls, msync_error, fallocate_error;
static _Atomic(char *) msync_start;
static _Atomic size_t msync_length;

int msync(void *addr, size_t len, int flags)
{
	atomic_fetch_add(&msync_calls, 1);
	atomic_store(&msync_start, addr);
	atomic_store(&msync_length, len);
	if (atomic_load(&msync_error) != 0) {
		errno = atomic_load(&msync_error);
		return -1;
	}
	return (int)syscall(SYS_msync, addr, len, flags);
}

/* A failure comes half-way, as it may on a real disk. */
int posix_fallocate(int fd, off_t offset, off_t len)
{
	if (atomic_load(&fallocate_error) != 0) {
		return ftruncate(fd, offset + 100) == 0 ? atomic_load(&fallocate_error) : EIO;
	}
	return syscall(SYS_fallocate, fd, 0, offset, len) == 0 || errno == EOPNOTSUPP ? 0 : errno;
}

/* --- a store in a folder of its own --- */

struct fixture {
	char directory[64];
	char path[96];
	struct slot_store *store;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->directory, sizeof(f->directory), "/tmp/slot_store_test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/slots", f->directory);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char beside[128];

	atomic_store(&msync_error, 0);
	atomic_store(&fallocate_error, 0);
	slot_store_close(f->store);
	snprintf(beside, sizeof(beside), "%s.new", f->path);
	unlink(beside);
	unlink(f->path);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static uint32_t open_store(struct fixture *f, uint32_t max_slots)
{
	uint32_t damaged = 77;

	assert_int_equal(slot_store_open(&f->store, f->path, &kind, max_slots, &damaged), 0);
	return damaged;
}

static void close_store(struct fixture *f)
{
	slot_store_close(f->store);
	f->store = NULL;
}

static struct datastream_key key_of(uint32_t station)
{
	struct datastream_key key = {.property = "water_level"};

	snprintf(key.station, sizeof(key.station), "station-%u", station);
	return key;
}

/* All of it tells n, so that a mixture of two is seen. */
struct body {
	uint32_t n[BODY_SIZE / 4];
};

static struct body body_of(uint32_t n)
{
	struct body b;

	for (size_t i = 0; i < ARRAY_SIZE(b.n); i++) {
		b.n[i] = n;
	}
	return b;
}

static void assert_body_equal(const struct body *b, uint32_t n)
{
	const struct body expected = body_of(n);

	assert_memory_equal(b, &expected, sizeof(expected));
}

static uint32_t put(struct fixture *f, uint32_t slot, uint32_t station, uint32_t n)
{
	struct datastream_key key = key_of(station);
	struct body body = body_of(n);

	assert_int_equal(slot_store_put(f->store, &slot, &key, &body), 0);
	return slot;
}

/* What each() has found: by slot, the n of its body; 0 is none. */
struct found {
	uint32_t n[FEW];
	uint32_t count;
};

static void find(void *context, uint32_t slot, const struct datastream_key *key, const void *stored)
{
	const struct body *body = stored;
	struct found *found = context;
	struct datastream_key expected = key_of(slot);

	assert_true(slot < FEW);
	assert_memory_equal(key, &expected, sizeof(expected));
	assert_body_equal(body, body->n[0]);
	assert_int_equal(found->n[slot], 0);
	found->n[slot] = body->n[0];
	found->count++;
}

static struct found find_all(const struct fixture *f)
{
	struct found found = {.count = 0};

	slot_store_each(f->store, find, &found);
	return found;
}

static long slot_at(uint32_t slot, uint32_t copy)
{
	return 4096L + (long)slot * SLOT_SIZE + (long)copy * COPY_SIZE;
}

static void read_bytes(const struct fixture *f, long offset, void *bytes, size_t length)
{
	int fd = open(f->path, O_RDONLY);

	assert_int_equal(pread(fd, bytes, length, offset), length);
	close(fd);
}

static void write_bytes(const struct fixture *f, long offset, const void *bytes, size_t length)
{
	int fd = open(f->path, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, length, offset), length);
	close(fd);
}

static void flip_byte(const struct fixture *f, long offset)
{
	uint8_t byte;

	read_bytes(f, offset, &byte, 1);
	byte ^= 0x40;
	write_bytes(f, offset, &byte, 1);
}

/* --- what it keeps --- */

static void new_store_is_empty(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_store(f, FEW), 0);
	assert_int_equal(find_all(f).count, 0);
	assert_int_equal(slot_store_mark(f->store), 0);
}

static void file_is_private_to_its_owner(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	open_store(f, FEW);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_was_put_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	struct found found;

	open_store(f, FEW);
	assert_int_equal(put(f, SLOT_NONE, 0, 100), 0);
	assert_int_equal(put(f, SLOT_NONE, 1, 200), 1);
	assert_int_equal(put(f, SLOT_NONE, 2, 300), 2);
	for (uint32_t n = 201; n < 210; n++) {
		assert_int_equal(put(f, 1, 1, n), 1);
	}
	for (int i = 0; i < 3; i++) {
		close_store(f);
		assert_int_equal(open_store(f, FEW), 0);
		found = find_all(f);
		assert_int_equal(found.count, 3);
		assert_int_equal(found.n[0], 100);
		assert_int_equal(found.n[1], 209);
		assert_int_equal(found.n[2], 300);
	}
	assert_int_equal(put(f, SLOT_NONE, 3, 400), 3);
}

static void mark_survives(void **state)
{
	struct fixture *f = *state;

	open_store(f, FEW);
	for (uint64_t i = 1; i <= 5; i++) {
		slot_store_set_mark(f->store, i << 32 | 4096);
		assert_int_equal(slot_store_mark(f->store), i << 32 | 4096);
		close_store(f);
		assert_int_equal(open_store(f, FEW), 0);
		assert_int_equal(slot_store_mark(f->store), i << 32 | 4096);
	}
}

static void file_larger_than_max_slots_is_used_whole(void **state)
{
	struct fixture *f = *state;
	uint32_t slot = SLOT_NONE;
	struct datastream_key key = key_of(4);
	struct body body = body_of(1);

	open_store(f, 4);
	for (uint32_t i = 0; i < 4; i++) {
		put(f, SLOT_NONE, i, 10 + i);
	}
	close_store(f);
	assert_int_equal(open_store(f, 2), 0);
	assert_int_equal(find_all(f).count, 4);
	put(f, 3, 3, 99);
	assert_int_equal(slot_store_extend(f->store), 0);
	assert_int_equal(slot_store_put(f->store, &slot, &key, &body), -ENOSPC);
}

/* --- kills and damage --- */

/* The child writes rising numbers to three slots and tells in shared memory which are through. */
static void write_until_killed(const char *path, _Atomic uint32_t *done)
{
	struct fixture f = {.store = NULL};
	uint32_t damaged, slots[3];

	if (slot_store_open(&f.store, path, &kind, FEW, &damaged) != 0) {
		_exit(1);
	}
	for (uint32_t i = 0; i < 3; i++) {
		slots[i] = i < find_all(&f).count ? i : SLOT_NONE;
	}
	for (uint32_t n = atomic_load(&done[0]) + 1;; n++) {
		for (uint32_t i = 0; i < 3; i++) {
			struct datastream_key key = key_of(i);
			struct body body = body_of(n);

			if (slot_store_put(f.store, &slots[i], &key, &body) != 0) {
				_exit(2);
			}
			atomic_store(&done[i], n);
		}
		slot_store_set_mark(f.store, n);
		atomic_store(&done[3], n);
	}
}

static void killed_at_any_moment_leaves_what_was_put(void **state)
{
	struct fixture *f = *state;
	_Atomic uint32_t *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t random = 12345;

	assert_true(done != MAP_FAILED);
	for (int i = 0; i < KILLS; i++) {
		uint32_t before = atomic_load(&done[3]);
		struct found found;
		int status;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			write_until_killed(f->path, done);
		}
		while (atomic_load(&done[3]) == before && waitpid(child, &status, WNOHANG) == 0) {
			usleep(100);
		}
		random = random * 1664525 + 1013904223;
		usleep(random >> 22);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(open_store(f, FEW), 0);
		found = find_all(f);
		assert_int_equal(found.count, 3);
		for (uint32_t j = 0; j < 3; j++) {
			assert_in_range(found.n[j], atomic_load(&done[j]), atomic_load(&done[j]) + 1);
			/* The next child goes on above what is there. */
			atomic_store(&done[0], MAX(atomic_load(&done[0]), found.n[j]));
		}
		assert_in_range(slot_store_mark(f->store), atomic_load(&done[3]), atomic_load(&done[3]) + 1);
		close_store(f);
	}
	munmap((void *)done, 4096);
}

/* Slot 1 has 7 in its copy 0 (generation 2) and 8 in its copy 1 (generation 3). */
static void make_two_generations(struct fixture *f)
{
	open_store(f, FEW);
	put(f, SLOT_NONE, 0, 50);
	put(f, SLOT_NONE, 1, 6);
	put(f, 1, 1, 7);
	put(f, 1, 1, 8);
	put(f, SLOT_NONE, 2, 60);
	close_store(f);
}

static void damaged_copy_leaves_the_other(void **state)
{
	struct fixture *f = *state;

	make_two_generations(f);
	flip_byte(f, slot_at(1, 1) + 30);
	assert_int_equal(open_store(f, FEW), 0);
	assert_int_equal(find_all(f).count, 3);
	assert_int_equal(find_all(f).n[1], 7);
	put(f, 1, 1, 9);
	close_store(f);
	assert_int_equal(open_store(f, FEW), 0);
	assert_int_equal(find_all(f).n[1], 9);
}

static void slot_without_a_whole_copy_is_left_out_and_counted_once(void **state)
{
	struct fixture *f = *state;
	struct found found;

	make_two_generations(f);
	flip_byte(f, slot_at(1, 0) + 30);
	flip_byte(f, slot_at(1, 1) + 30);
	assert_int_equal(open_store(f, FEW), 1);
	found = find_all(f);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.n[0], 50);
	assert_int_equal(found.n[1], 0);
	assert_int_equal(found.n[2], 60);
	assert_int_equal(put(f, SLOT_NONE, 3, 70), 3);
	close_store(f);
	assert_int_equal(open_store(f, FEW), 0);
	assert_int_equal(find_all(f).count, 3);
}

static void slot_written_in_the_place_of_another_is_not_taken(void **state)
{
	struct fixture *f = *state;
	uint8_t slot[SLOT_SIZE];

	make_two_generations(f);
	read_bytes(f, slot_at(1, 0), slot, sizeof(slot));
	write_bytes(f, slot_at(5, 0), slot, sizeof(slot));
	assert_int_equal(open_store(f, FEW), 1);
	assert_int_equal(find_all(f).count, 3);
}

static void damaged_mark_falls_back_then_is_counted(void **state)
{
	struct fixture *f = *state;

	open_store(f, FEW);
	slot_store_set_mark(f->store, 1000); /* copy 1 */
	slot_store_set_mark(f->store, 2000); /* copy 0 */
	close_store(f);
	flip_byte(f, 512 + 16);
	assert_int_equal(open_store(f, FEW), 0);
	assert_int_equal(slot_store_mark(f->store), 1000);
	close_store(f);
	flip_byte(f, 512 + 256 + 16);
	assert_int_equal(open_store(f, FEW), 1);
	assert_int_equal(slot_store_mark(f->store), 0);
}

static void assert_refused(struct fixture *f, int expected)
{
	uint32_t damaged = 77;
	struct slot_store *store = NULL;

	assert_int_equal(slot_store_open(&store, f->path, &kind, FEW, &damaged), expected);
	assert_null(store);
	assert_int_equal(damaged, 77);
}

static void damaged_header_is_refused(void **state)
{
	struct fixture *f = *state;

	make_two_generations(f);
	for (long i = 0; i < 24; i++) {
		flip_byte(f, i);
		assert_refused(f, i < 8 ? -EBADMSG : -ESTALE);
		flip_byte(f, i);
	}
	assert_int_equal(open_store(f, FEW), 0);
	assert_int_equal(find_all(f).count, 3);
}

static void store_of_another_kind_is_refused_and_left_as_it_is(void **state)
{
	struct fixture *f = *state;
	struct slot_store *store = NULL;
	uint32_t damaged;
	const struct {
		struct slot_kind kind;
		int expected;
	} others[] = {
		{{.magic = "SLOTTSU", .version = 5, .body_size = BODY_SIZE}, -EBADMSG},
		{{.magic = "SLOTTST", .version = 6, .body_size = BODY_SIZE}, -ESTALE},
		{{.magic = "SLOTTST", .version = 5, .body_size = BODY_SIZE + 1}, -ESTALE},
		{{.magic = "SLOTTST", .version = 5, .body_size = BODY_SIZE * 2}, -ESTALE},
		{{.magic = "SLOTTST", .version = 5, .body_size = BODY_SIZE, .size_untold = true}, -ESTALE},
	};

	make_two_generations(f);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(slot_store_open(&store, f->path, &others[i].kind, FEW, &damaged),
		                 others[i].expected);
		assert_null(store);
	}
	assert_int_equal(open_store(f, FEW), 0);
	assert_int_equal(find_all(f).count, 3);
}

static void short_file_is_refused_and_left_as_it_is(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	off_t lengths[] = {4095, 16, 1, 0};

	make_two_generations(f);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		assert_int_equal(truncate(f->path, lengths[i]), 0);
		assert_refused(f, -EBADMSG);
		assert_int_equal(stat(f->path, &st), 0);
		assert_int_equal(st.st_size, lengths[i]);
	}
}

static void half_made_file_of_an_earlier_start_is_no_hindrance(void **state)
{
	struct fixture *f = *state;
	char beside[128];
	FILE *half;

	snprintf(beside, sizeof(beside), "%s.new", f->path);
	half = fopen(beside, "w");
	assert_non_null(half);
	fputs("SLOT", half);
	fclose(half);
	assert_int_equal(open_store(f, FEW), 0);
	put(f, SLOT_NONE, 0, 5);
	assert_int_equal(access(beside, F_OK), -1);
}

static void directory_that_is_not_there_is_an_error(void **state)
{
	struct fixture *f = *state;
	uint32_t damaged;

	assert_int_equal(slot_store_open(&f->store, "/tmp/no-such-directory/slots", &kind, FEW, &damaged),
	                 -ENOENT);
	assert_null(f->store);
}

static void file_that_is_open_elsewhere_is_refused(void **state)
{
	struct fixture *f = *state;

	open_store(f, FEW);
	assert_refused(f, -EAGAIN);
	close_store(f);
	assert_int_equal(open_store(f, FEW), 0);
}

/* --- room --- */

static void put_without_a_free_slot_says_so_and_leaves_the_others(void **state)
{
	struct fixture *f = *state;
	uint32_t slot = SLOT_NONE;
	struct datastream_key key = key_of(3);
	struct body body = body_of(1);

	open_store(f, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(put(f, SLOT_NONE, i, 10 + i), i);
	}
	assert_int_equal(slot_store_put(f->store, &slot, &key, &body), -ENOSPC);
	assert_int_equal(slot, SLOT_NONE);
	assert_int_equal(slot_store_extend(f->store), 0);
	assert_int_equal(slot_store_put(f->store, &slot, &key, &body), -ENOSPC);
	put(f, 2, 2, 20);
	assert_int_equal(find_all(f).count, 3);
	assert_int_equal(find_all(f).n[2], 20);
}

static void slot_that_was_never_handed_out_is_refused(void **state)
{
	struct fixture *f = *state;
	uint32_t slot = 1;
	struct datastream_key key = key_of(1);
	struct body body = body_of(1);

	open_store(f, FEW);
	put(f, SLOT_NONE, 0, 10);
	assert_int_equal(slot_store_put(f->store, &slot, &key, &body), -EINVAL);
	assert_int_equal(find_all(f).count, 1);
}

static uint32_t fill(struct fixture *f)
{
	struct datastream_key key = key_of(0);
	struct body body = body_of(1);
	uint32_t count = 0;

	for (;;) {
		uint32_t slot = SLOT_NONE;
		int r = slot_store_put(f->store, &slot, &key, &body);

		if (r == -ENOSPC) {
			return count;
		}
		assert_int_equal(r, 0);
		count++;
	}
}

static void extend_makes_room_up_to_max_slots(void **state)
{
	struct fixture *f = *state;
	uint32_t count = 0;

	open_store(f, 5000);
	for (int i = 0; i < 10; i++) {
		count += fill(f);
		assert_int_equal(slot_store_extend(f->store), 0);
	}
	assert_int_equal(count, 5000);
}

static void full_disk_leaves_the_slots_that_there_are(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;
	uint32_t count;

	open_store(f, 5000);
	count = fill(f);
	assert_int_equal(stat(f->path, &before), 0);
	atomic_store(&fallocate_error, ENOSPC);
	assert_int_equal(slot_store_extend(f->store), -ENOSPC);
	assert_int_equal(fill(f), 0);
	put(f, count - 1, 0, 5);
	assert_int_equal(stat(f->path, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	atomic_store(&fallocate_error, 0);
	assert_int_equal(slot_store_extend(f->store), 0);
	assert_true(fill(f) > 0);
}

static void full_disk_at_the_first_start_leaves_no_file(void **state)
{
	struct fixture *f = *state;

	atomic_store(&fallocate_error, ENOSPC);
	assert_refused(f, -ENOSPC);
	assert_int_equal(access(f->path, F_OK), -1);
	atomic_store(&fallocate_error, 0);
	assert_int_equal(open_store(f, FEW), 0);
}

/* --- flushing --- */

static void sync_without_a_change_makes_no_system_call(void **state)
{
	struct fixture *f = *state;
	int calls;

	open_store(f, FEW);
	put(f, SLOT_NONE, 0, 5);
	assert_int_equal(slot_store_sync(f->store), 0);
	calls = atomic_load(&msync_calls);
	assert_int_equal(slot_store_sync(f->store), 0);
	assert_int_equal(atomic_load(&msync_calls), calls);
	put(f, 0, 0, 6);
	assert_int_equal(slot_store_sync(f->store), 0);
	assert_int_equal(atomic_load(&msync_calls), calls + 1);
}

static void sync_flushes_what_changed_and_no_more(void **state)
{
	struct fixture *f = *state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *low, *high;

	open_store(f, 2000);
	fill(f);
	assert_int_equal(slot_store_sync(f->store), 0);
	put(f, 500, 0, 5);
	assert_int_equal(slot_store_sync(f->store), 0);
	low = atomic_load(&msync_start);
	assert_int_equal(atomic_load(&msync_length), page);
	put(f, 1000, 0, 5);
	put(f, 500, 0, 5);
	assert_int_equal(slot_store_sync(f->store), 0);
	assert_ptr_equal(atomic_load(&msync_start), low);
	high = low + atomic_load(&msync_length);
	assert_in_range(high - low, 500 * SLOT_SIZE, 500 * SLOT_SIZE + 2 * page);
}

static void a_mark_alone_waits_for_ten_calls_and_goes_along_with_the_rest(void **state)
{
	struct fixture *f = *state;
	int calls;

	open_store(f, 2000);
	fill(f);
	assert_int_equal(slot_store_sync(f->store), 0);
	calls = atomic_load(&msync_calls);
	for (unsigned i = 1; i <= 9; i++) {
		slot_store_set_mark(f->store, i);
		assert_int_equal(slot_store_sync(f->store), 0);
		assert_int_equal(atomic_load(&msync_calls), calls);
	}
	assert_int_equal(slot_store_sync(f->store), 0);
	assert_int_equal(atomic_load(&msync_calls), calls + 1);
	assert_int_equal(atomic_load(&msync_length), sysconf(_SC_PAGESIZE));
	assert_int_equal(slot_store_sync(f->store), 0);
	assert_int_equal(atomic_load(&msync_calls), calls + 1);
	slot_store_set_mark(f->store, 10);
	put(f, 500, 0, 5);
	assert_int_equal(slot_store_sync(f->store), 0);
	assert_int_equal(atomic_load(&msync_calls), calls + 2);
	assert_true(atomic_load(&msync_length) >= 500 * SLOT_SIZE);
	slot_store_set_mark(f->store, 11);
	close_store(f);
	assert_int_equal(atomic_load(&msync_calls), calls + 3);
}

static void sync_that_failed_is_done_again(void **state)
{
	struct fixture *f = *state;
	char *start;
	size_t length;

	open_store(f, FEW);
	put(f, SLOT_NONE, 0, 5);
	atomic_store(&msync_error, EIO);
	assert_int_equal(slot_store_sync(f->store), -EIO);
	start = atomic_load(&msync_start);
	length = atomic_load(&msync_length);
	atomic_store(&msync_error, 0);
	atomic_store(&msync_start, NULL);
	assert_int_equal(slot_store_sync(f->store), 0);
	assert_ptr_equal(atomic_load(&msync_start), start);
	assert_int_equal(atomic_load(&msync_length), length);
}

static void close_flushes(void **state)
{
	struct fixture *f = *state;
	int calls;

	open_store(f, FEW);
	put(f, SLOT_NONE, 0, 5);
	calls = atomic_load(&msync_calls);
	close_store(f);
	assert_int_equal(atomic_load(&msync_calls), calls + 1);
	slot_store_close(NULL);
}

/* --- two threads --- */

struct writer {
	struct slot_store *store;
	_Atomic bool stopping;
	_Atomic int error;
};

static void *run_writer(void *context)
{
	struct writer *w = context;

	while (!atomic_load(&w->stopping)) {
		int r = slot_store_extend(w->store);

		if (r == 0) {
			r = slot_store_sync(w->store);
		}
		if (r != 0) {
			atomic_store(&w->error, r);
		}
		sched_yield();
	}
	return NULL;
}

static void count_bodies(void *context, uint32_t slot, const struct datastream_key *key, const void *body)
{
	struct datastream_key expected = key_of(slot);
	uint32_t *count = context;

	assert_memory_equal(key, &expected, sizeof(expected));
	assert_body_equal(body, slot % 1000);
	(*count)++;
}

static void loop_puts_while_the_writer_extends_and_syncs(void **state)
{
	struct fixture *f = *state;
	struct writer w = {.error = 0};
	pthread_t thread;
	uint32_t count = 0;

	open_store(f, 6000);
	w.store = f->store;
	assert_int_equal(pthread_create(&thread, NULL, run_writer, &w), 0);
	for (uint32_t i = 0; i < 6000;) {
		struct datastream_key key = key_of(i);
		struct body body = body_of(i % 1000);
		uint32_t slot = SLOT_NONE;
		int r = slot_store_put(f->store, &slot, &key, &body);

		if (r == -ENOSPC) {
			usleep(100); /* the writer is behind */
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(slot, i);
		slot_store_set_mark(f->store, i);
		i++;
	}
	atomic_store(&w.stopping, true);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&w.error), 0);
	close_store(f);
	assert_int_equal(open_store(f, 6000), 0);
	slot_store_each(f->store, count_bodies, &count);
	assert_int_equal(count, 6000);
	assert_int_equal(slot_store_mark(f->store), 5999);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(new_store_is_empty),
		STORE_TEST(file_is_private_to_its_owner),
		STORE_TEST(what_was_put_is_there_after_reopening),
		STORE_TEST(mark_survives),
		STORE_TEST(file_larger_than_max_slots_is_used_whole),
		STORE_TEST(killed_at_any_moment_leaves_what_was_put),
		STORE_TEST(damaged_copy_leaves_the_other),
		STORE_TEST(slot_without_a_whole_copy_is_left_out_and_counted_once),
		STORE_TEST(slot_written_in_the_place_of_another_is_not_taken),
		STORE_TEST(damaged_mark_falls_back_then_is_counted),
		STORE_TEST(damaged_header_is_refused),
		STORE_TEST(store_of_another_kind_is_refused_and_left_as_it_is),
		STORE_TEST(short_file_is_refused_and_left_as_it_is),
		STORE_TEST(half_made_file_of_an_earlier_start_is_no_hindrance),
		STORE_TEST(directory_that_is_not_there_is_an_error),
		STORE_TEST(file_that_is_open_elsewhere_is_refused),
		STORE_TEST(put_without_a_free_slot_says_so_and_leaves_the_others),
		STORE_TEST(slot_that_was_never_handed_out_is_refused),
		STORE_TEST(extend_makes_room_up_to_max_slots),
		STORE_TEST(full_disk_leaves_the_slots_that_there_are),
		STORE_TEST(full_disk_at_the_first_start_leaves_no_file),
		STORE_TEST(sync_without_a_change_makes_no_system_call),
		STORE_TEST(sync_flushes_what_changed_and_no_more),
		STORE_TEST(a_mark_alone_waits_for_ten_calls_and_goes_along_with_the_rest),
		STORE_TEST(sync_that_failed_is_done_again),
		STORE_TEST(close_flushes),
		STORE_TEST(loop_puts_while_the_writer_extends_and_syncs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
