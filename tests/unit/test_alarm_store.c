#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm_store.h"

#include "crc32c.h"
#include "scarce_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FEW 16

/* Of version 2, and of version 1. */
#define COPY_SIZE   768
#define SLOT_SIZE   1536
#define COPY_SIZE_1 256
#define SLOT_SIZE_1 512

/* --- a store in a folder of its own --- */

struct fixture {
	char directory[64];
	char path[96];
	struct alarm_store *store;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->directory, sizeof(f->directory), "/tmp/alarm_store_test.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/alarms", f->directory);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	alarm_store_close(f->store);
	unlink(f->path);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static uint32_t open_store(struct fixture *f, uint32_t max_slots)
{
	uint32_t damaged = 77;

	assert_int_equal(alarm_store_open(&f->store, f->path, max_slots, &damaged), 0);
	return damaged;
}

static void close_store(struct fixture *f)
{
	alarm_store_close(f->store);
	f->store = NULL;
}

static struct datastream_key key_of(uint32_t station)
{
	struct datastream_key key = {.property = "water_level"};

	snprintf(key.station, sizeof(key.station), "station-%u", station);
	return key;
}

/* The numbers that the n-th state is made of. */
#define STARTED(n)   (INT64_C(2) << 50 | (n))
#define CHANGED(n)   (INT64_C(3) << 50 | (n))
#define PEAK_TIME(n) (-(INT64_C(4) << 50 | (n)))
#define PEAK(n)      ((n) + 0.5)
#define VALUE(n)     (-((n) + 0.25))
#define THRESHOLD(n) ((n) + 0.125)

static struct alarm_state state_of(uint32_t n)
{
	return (struct alarm_state){
		.levels =
			{
				.last_us = INT64_C(1) << 50 | n,
				.started_us = STARTED(n),
				.changed_us = CHANGED(n),
				.peak_us = PEAK_TIME(n),
				.peak = PEAK(n),
				.value = VALUE(n),
				.threshold = THRESHOLD(n),
				.level = -(int32_t)n,
				.previous_level = (int32_t)n + 1,
				.sequence = n,
				.direction = DIRECTION_FALLING,
				.severity = SEVERITY_MINOR,
				.transition_quality = QUALITY_SUSPECT,
			},
		.rain = {.newest = n, .amount = {[0] = n + 1, [RAIN_BUCKETS] = n + 2}},
		.shelved_until_us = INT64_C(5) << 50 | n,
		.told_us = INT64_C(6) << 50 | n,
		.told_level = (int32_t)n + 3,
		.told = true,
		.out_of_service = true,
	};
}

/* As it stands in the file: what the compiler leaves between members is zero there. */
static void clear_padding(struct alarm_state *s)
{
	uint8_t *bytes = (uint8_t *)s;

	memset(bytes + 124, 0, 4);
	memset(bytes + 252, 0, 4);
	memset(bytes + 369, 0, 7);
}

/* Alarms differ by these too. */
static enum cause cause_of(uint32_t n)
{
	return n % 2 == 0 ? CAUSE_RAIN : CAUSE_STALE;
}

static int64_t period_of(uint32_t n)
{
	return INT64_C(60000000) * n;
}

static int try_put(struct fixture *f, uint32_t *slot, uint32_t station, uint32_t n)
{
	struct datastream_key key = key_of(station);
	struct alarm_state state = state_of(n);

	return alarm_store_put(f->store, slot, &key, cause_of(n), period_of(n), &state);
}

static uint32_t put(struct fixture *f, uint32_t slot, uint32_t station, uint32_t n)
{
	assert_int_equal(try_put(f, &slot, station, n), 0);
	return slot;
}

/* By slot, the n of its state; 0 is none. */
struct found {
	uint32_t n[FEW];
	uint32_t count;
};

static void find(void *context, uint32_t slot, const struct datastream_key *key, enum cause cause,
                 int64_t period_us, const struct alarm_state *state)
{
	const uint32_t n = state->levels.sequence;
	struct alarm_state expected = state_of(n);
	const struct datastream_key expected_key = key_of(slot);
	struct found *found = context;

	clear_padding(&expected);
	assert_true(slot < FEW);
	assert_memory_equal(key, &expected_key, sizeof(expected_key));
	assert_int_equal(cause, cause_of(n));
	assert_int_equal(period_us, period_of(n));
	assert_memory_equal(state, &expected, sizeof(expected));
	found->n[slot] = n;
	found->count++;
}

static struct found find_all(const struct fixture *f)
{
	struct found found = {.count = 0};

	alarm_store_each(f->store, find, &found);
	return found;
}

/* --- files byte by byte as their specification has it --- */

static void place(uint8_t *at, size_t offset, const void *bytes, size_t length)
{
	memcpy(at + offset, bytes, length);
}

static void seal_copy(uint8_t *copy, size_t size, uint64_t generation, uint32_t seed)
{
	uint32_t crc;

	place(copy, 8, &generation, 8);
	crc = crc32c_portable(seed, copy + 4, size - 4);
	place(copy, 0, &crc, 4);
}

static void image_published(uint8_t *image, uint64_t generation, uint64_t position)
{
	uint8_t *copy = image + 512 + (generation & 1) * 256;

	place(copy, 16, &position, 8);
	seal_copy(copy, 256, generation, UINT32_MAX);
}

static void image_header(uint8_t *image, uint32_t version, uint32_t slot_size, uint32_t body_size)
{
	place(image, 0, "HWALARM", 8);
	place(image, 8, &version, 4);
	place(image, 12, &slot_size, 4);
	place(image, 16, &body_size, 4);
}

static void image_key(uint8_t *copy, size_t at, uint32_t station)
{
	const struct datastream_key key = key_of(station);

	place(copy, at, key.station, strlen(key.station));
	place(copy, at + 65, key.property, strlen(key.property));
}

struct image {
	uint8_t bytes[4096 + FEW * SLOT_SIZE];
};

/* The payload begins at 16; the codes follow the state without a gap. */
static void image_state(struct image *image, uint32_t slot, uint64_t generation, uint32_t station, uint32_t n)
{
	uint8_t *copy = image->bytes + 4096 + slot * SLOT_SIZE + (generation & 1) * COPY_SIZE;
	struct alarm_state s = state_of(n);
	const int64_t period_us = period_of(n);
	const uint8_t cause = (uint8_t)cause_of(n);

	clear_padding(&s);
	place(copy, 16 + 0, &period_us, 8);
	place(copy, 16 + 8, &cause, 1);
	place(copy, 16 + 16, &s, 624);
	image_key(copy, 16 + 640, station);
	seal_copy(copy, COPY_SIZE, generation, slot);
}

/* Slot 0 has been written once, slot 1 four times, the position three times. */
static struct image image_of_version_2(void)
{
	struct image image = {0};

	image_header(image.bytes, 2, SLOT_SIZE, 640);
	image_state(&image, 0, 1, 0, 5);
	image_state(&image, 1, 3, 1, 8);
	image_state(&image, 1, 4, 1, 9);
	image_published(image.bytes, 2, 70000);
	image_published(image.bytes, 3, 80000);
	return image;
}

static void write_file(const struct fixture *f, const void *bytes, size_t size)
{
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, size, 1, file), 1);
	assert_int_equal(fclose(file), 0);
}

static void expect_file(const struct fixture *f, const void *bytes, size_t size)
{
	uint8_t *got = malloc(size);
	struct stat st;
	FILE *file = fopen(f->path, "r");

	assert_non_null(got);
	assert_non_null(file);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(fread(got, size, 1, file), 1);
	assert_int_equal(fclose(file), 0);
	assert_memory_equal(got, bytes, size);
	free(got);
}

static void file_of_version_2_is_read_and_written_on(void **state)
{
	const struct image image = image_of_version_2();
	struct fixture *f = *state;
	struct found found;

	write_file(f, &image, sizeof(image));
	assert_int_equal(open_store(f, FEW), 0);
	found = find_all(f);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.n[0], 5);
	assert_int_equal(found.n[1], 9);
	assert_int_equal(alarm_store_published(f->store), 80000);
	put(f, 1, 1, 10);
	assert_int_equal(put(f, ALARM_SLOT_NONE, 2, 20), 2);
	close_store(f);
	assert_int_equal(open_store(f, FEW), 0);
	found = find_all(f);
	assert_int_equal(found.count, 3);
	assert_int_equal(found.n[1], 10);
}

static void file_that_is_written_is_of_version_2_byte_by_byte(void **state)
{
	const struct image expected = image_of_version_2();
	struct fixture *f = *state;

	open_store(f, FEW);
	put(f, ALARM_SLOT_NONE, 0, 5);
	put(f, ALARM_SLOT_NONE, 1, 6);
	for (uint32_t n = 7; n < 10; n++) {
		put(f, 1, 1, n);
	}
	for (uint64_t position = 60000; position <= 80000; position += 10000) {
		alarm_store_set_published(f->store, position);
	}
	close_store(f);
	expect_file(f, &expected, sizeof(expected));
}

static void file_of_a_later_version_is_refused_and_left_as_it_is(void **state)
{
	struct image image = image_of_version_2();
	struct fixture *f = *state;
	uint32_t damaged;

	image.bytes[8] = 3;
	write_file(f, &image, sizeof(image));
	assert_int_equal(alarm_store_open(&f->store, f->path, FEW, &damaged), -EBADMSG);
	assert_null(f->store);
	expect_file(f, &image, sizeof(image));
}

/* --- a file of version 1 --- */

struct image_1 {
	uint8_t *bytes;
	size_t size;
	uint32_t slots;
};

/* Station n in slot n, at level n: of station 0 there is no incident open. */
static void image_1_state(const struct image_1 *image, uint32_t slot, uint64_t generation, uint32_t n)
{
	uint8_t *copy = image->bytes + 4096 + slot * SLOT_SIZE_1 + (generation & 1) * COPY_SIZE_1;
	const int64_t times[] = {INT64_C(1) << 50 | n, STARTED(n), CHANGED(n), PEAK_TIME(n)};
	const double numbers[] = {PEAK(n), VALUE(n), THRESHOLD(n)};
	const int32_t levels[] = {(int32_t)n, (int32_t)n + 1};
	const uint32_t sequence = n + 7;
	const uint8_t rest[] = {DIRECTION_FALLING, SEVERITY_MINOR, QUALITY_SUSPECT};

	place(copy, 16 + 0, times, 32);
	place(copy, 16 + 32, numbers, 24);
	place(copy, 16 + 56, levels, 8);
	place(copy, 16 + 64, &sequence, 4);
	place(copy, 16 + 68, rest, 3);
	image_key(copy, 16 + 71, slot);
	seal_copy(copy, COPY_SIZE_1, generation, slot);
}

static struct image_1 image_of_version_1(uint32_t slots)
{
	struct image_1 image = {.size = 4096 + (size_t)slots * SLOT_SIZE_1, .slots = slots};

	image.bytes = calloc(1, image.size);
	assert_non_null(image.bytes);
	image_header(image.bytes, 1, SLOT_SIZE_1, 0);
	for (uint32_t slot = 0; slot < slots; slot++) {
		image_1_state(&image, slot, 3, slot + 100000); /* the older copy */
		image_1_state(&image, slot, 4, slot);
	}
	image_published(image.bytes, 2, 70000);
	image_published(image.bytes, 3, 80000);
	return image;
}

/* Which of the stations 0 to count - 1 are there. */
struct taken {
	bool *seen;
	uint32_t count, found;
};

static void take_one(void *context, uint32_t slot, const struct datastream_key *key, enum cause cause,
                     int64_t period_us, const struct alarm_state *state)
{
	struct taken *taken = context;
	const struct levels_state *l = &state->levels;
	const uint32_t n = l->sequence - 7;
	const struct datastream_key expected = key_of(n);

	(void)slot;
	assert_true(n < taken->count && !taken->seen[n]);
	taken->seen[n] = true;
	taken->found++;
	assert_memory_equal(key, &expected, sizeof(expected));
	assert_int_equal(cause, CAUSE_THRESHOLD);
	assert_int_equal(period_us, 0);
	assert_int_equal(l->level, n);
	assert_int_equal(l->started_us, STARTED(n));
	assert_int_equal(l->changed_us, CHANGED(n));
	assert_int_equal(l->peak_us, PEAK_TIME(n));
	assert_true(l->peak == PEAK(n) && l->value == VALUE(n) && l->threshold == THRESHOLD(n));
	assert_int_equal(state->told, n > 0);
	assert_int_equal(state->told_level, n);
}

static uint32_t count_taken(const struct fixture *f, uint32_t count)
{
	struct taken taken = {.seen = calloc(count, sizeof(bool)), .count = count};

	assert_non_null(taken.seen);
	alarm_store_each(f->store, take_one, &taken);
	free(taken.seen);
	return taken.found;
}

static void file_of_version_1_is_taken_over(void **state)
{
	struct image_1 image = image_of_version_1(FEW);
	struct fixture *f = *state;
	uint32_t slot = ALARM_SLOT_NONE;

	write_file(f, image.bytes, image.size);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(open_store(f, 2 * FEW), 0);
		assert_int_equal(count_taken(f, FEW), FEW);
		assert_int_equal(alarm_store_published(f->store), 80000);
		close_store(f);
	}
	open_store(f, 2 * FEW);
	assert_int_equal(try_put(f, &slot, FEW, 1), 0);
	assert_int_equal(slot, FEW);
	free(image.bytes);
}

static void file_of_version_1_is_taken_over_whole_beyond_max_slots(void **state)
{
	struct image_1 image = image_of_version_1(5000);
	struct fixture *f = *state;

	write_file(f, image.bytes, image.size);
	assert_int_equal(open_store(f, FEW), 0);
	assert_int_equal(count_taken(f, 5000), 5000);
	assert_int_equal(alarm_store_published(f->store), 80000);
	free(image.bytes);
}

static void damaged_slot_of_version_1_is_left_out_and_counted(void **state)
{
	struct image_1 image = image_of_version_1(FEW);
	struct fixture *f = *state;

	image.bytes[4096 + 5 * SLOT_SIZE_1 + 100] ^= 1;
	image.bytes[4096 + 5 * SLOT_SIZE_1 + COPY_SIZE_1 + 100] ^= 1;
	write_file(f, image.bytes, image.size);
	assert_int_equal(open_store(f, FEW), 1);
	assert_int_equal(count_taken(f, FEW), FEW - 1);
	free(image.bytes);
}

/* What a crash before the new file took the old one's place has left. */
static void what_a_crash_left_beside_is_made_anew(void **state)
{
	struct image_1 image = image_of_version_1(FEW);
	struct fixture *f = *state;
	char beside[100], path[96];

	snprintf(beside, sizeof(beside), "%s.2", f->path);
	memcpy(path, f->path, sizeof(path));
	for (int whole = 0; whole < 2; whole++) {
		memcpy(f->path, beside, sizeof(path));
		if (whole) {
			open_store(f, FEW);
			put(f, ALARM_SLOT_NONE, 0, 1);
			alarm_store_set_published(f->store, 5);
			close_store(f);
		} else {
			write_file(f, "HWALARM", 8);
		}
		memcpy(f->path, path, sizeof(path));
		write_file(f, image.bytes, image.size);
		assert_int_equal(open_store(f, FEW), 0);
		assert_int_equal(count_taken(f, FEW), FEW);
		assert_int_equal(alarm_store_published(f->store), 80000);
		assert_int_equal(access(beside, F_OK), -1);
		close_store(f);
	}
	free(image.bytes);
}

static void file_of_version_1_that_cannot_be_taken_over_stays(void **state)
{
	struct image_1 image = image_of_version_1(FEW);
	struct fixture *f = *state;
	char beside[100];
	uint32_t damaged;

	snprintf(beside, sizeof(beside), "%s.2", f->path);
	write_file(f, image.bytes, image.size);
	assert_int_equal(mkdir(beside, 0700), 0);
	assert_true(alarm_store_open(&f->store, f->path, FEW, &damaged) < 0);
	assert_null(f->store);
	expect_file(f, image.bytes, image.size);
	assert_int_equal(rmdir(beside), 0);
	assert_int_equal(open_store(f, FEW), 0);
	assert_int_equal(count_taken(f, FEW), FEW);
	free(image.bytes);
}

static void file_of_version_1_that_another_broker_uses_is_not_taken(void **state)
{
	struct image_1 image = image_of_version_1(FEW);
	struct fixture *f = *state;
	uint32_t damaged;
	int fd;

	write_file(f, image.bytes, image.size);
	fd = open(f->path, O_RDONLY);
	assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
	assert_int_equal(alarm_store_open(&f->store, f->path, FEW, &damaged), -EAGAIN);
	expect_file(f, image.bytes, image.size);
	close(fd);
	free(image.bytes);
}

static void taking_over_without_memory_loses_nothing(void **state)
{
	struct image_1 image = image_of_version_1(FEW);
	struct fixture *f = *state;
	size_t failures = 0;
	uint32_t damaged;
	int r;

	write_file(f, image.bytes, image.size);
	do {
		scarce_begin(failures + 1, false);
		r = alarm_store_open(&f->store, f->path, FEW, &damaged);
		if (scarce_end() == 0) {
			break;
		}
		assert_int_equal(r, -ENOMEM);
		assert_null(f->store);
		failures++;
	} while (failures < 100);
	assert_int_equal(r, 0);
	assert_in_range(failures, 4, 99);
	assert_int_equal(count_taken(f, FEW), FEW);
	assert_int_equal(alarm_store_published(f->store), 80000);
	free(image.bytes);
}

static void taking_over_killed_at_any_moment_loses_nothing(void **state)
{
	enum { SLOTS = 3000 };
	struct image_1 image = image_of_version_1(SLOTS);
	struct fixture *f = *state;
	uint32_t random = 1, unfinished = 0, damaged;

	for (int i = 0; i < 25; i++) {
		struct image_1 found = {.bytes = malloc(16), .size = 16};
		int status;
		pid_t child;
		FILE *file;

		write_file(f, image.bytes, image.size);
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			_exit(alarm_store_open(&f->store, f->path, FEW, &damaged) == 0 ? 0 : 1);
		}
		random = random * 1664525 + 1013904223;
		usleep((random >> 16) % 40000);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		file = fopen(f->path, "r");
		assert_non_null(file);
		assert_int_equal(fread(found.bytes, found.size, 1, file), 1);
		fclose(file);
		unfinished += found.bytes[8] == 1;
		free(found.bytes);
		assert_int_equal(open_store(f, FEW), 0);
		assert_int_equal(count_taken(f, SLOTS), SLOTS);
		assert_int_equal(alarm_store_published(f->store), 80000);
		close_store(f);
	}
	assert_true(unfinished > 0);
	free(image.bytes);
}

/* --- what it keeps --- */

static void new_store_is_empty(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_store(f, FEW), 0);
	assert_int_equal(find_all(f).count, 0);
	assert_int_equal(alarm_store_published(f->store), 0);
}

static void state_and_position_are_there_after_reopening(void **state)
{
	struct fixture *f = *state;

	open_store(f, FEW);
	assert_int_equal(put(f, ALARM_SLOT_NONE, 0, 100), 0);
	assert_int_equal(put(f, ALARM_SLOT_NONE, 1, 200), 1);
	assert_int_equal(put(f, 0, 0, 101), 0);
	alarm_store_set_published(f->store, UINT64_C(3) << 32 | 4096);
	for (int i = 0; i < 3; i++) {
		close_store(f);
		assert_int_equal(open_store(f, FEW), 0);
		assert_int_equal(find_all(f).count, 2);
		assert_int_equal(find_all(f).n[0], 101);
		assert_int_equal(find_all(f).n[1], 200);
		assert_int_equal(alarm_store_published(f->store), UINT64_C(3) << 32 | 4096);
	}
}

static void put_without_a_free_slot_says_so_until_there_is_one(void **state)
{
	struct fixture *f = *state;
	uint32_t slot;
	int r;

	open_store(f, 5000);
	do {
		slot = ALARM_SLOT_NONE;
		r = try_put(f, &slot, 0, 1);
	} while (r == 0);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(slot, ALARM_SLOT_NONE);
	assert_int_equal(alarm_store_extend(f->store), 0);
	assert_int_equal(try_put(f, &slot, 0, 1), 0);
	slot++;
	assert_int_equal(try_put(f, &slot, 0, 1), -EINVAL);
	assert_int_equal(alarm_store_sync(f->store), 0);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(file_of_version_2_is_read_and_written_on),
		STORE_TEST(file_that_is_written_is_of_version_2_byte_by_byte),
		STORE_TEST(file_of_a_later_version_is_refused_and_left_as_it_is),
		STORE_TEST(file_of_version_1_is_taken_over),
		STORE_TEST(file_of_version_1_is_taken_over_whole_beyond_max_slots),
		STORE_TEST(damaged_slot_of_version_1_is_left_out_and_counted),
		STORE_TEST(what_a_crash_left_beside_is_made_anew),
		STORE_TEST(file_of_version_1_that_cannot_be_taken_over_stays),
		STORE_TEST(file_of_version_1_that_another_broker_uses_is_not_taken),
		STORE_TEST(taking_over_without_memory_loses_nothing),
		STORE_TEST(taking_over_killed_at_any_moment_loses_nothing),
		STORE_TEST(new_store_is_empty),
		STORE_TEST(state_and_position_are_there_after_reopening),
		STORE_TEST(put_without_a_free_slot_says_so_until_there_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
