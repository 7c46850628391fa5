#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm_store.h"

#include "crc32c.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FEW       16
#define COPY_SIZE 256
#define SLOT_SIZE 512

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

/* Each member another number. */
static struct rules_state state_of(uint32_t n)
{
	return (struct rules_state){
		.last_us = INT64_C(1) << 50 | n,
		.started_us = INT64_C(2) << 50 | n,
		.changed_us = INT64_C(3) << 50 | n,
		.peak_us = -(INT64_C(4) << 50 | n),
		.peak = n + 0.5,
		.value = -(n + 0.25),
		.threshold = n + 0.125,
		.level = -(int32_t)n,
		.previous_level = (int32_t)n + 1,
		.sequence = n,
		.direction = DIRECTION_FALLING,
		.severity = SEVERITY_MINOR,
		.quality = QUALITY_SUSPECT,
	};
}

static void assert_state_equal(const struct rules_state *s, uint32_t n)
{
	const struct rules_state expected = state_of(n);

	assert_int_equal(s->last_us, expected.last_us);
	assert_int_equal(s->started_us, expected.started_us);
	assert_int_equal(s->changed_us, expected.changed_us);
	assert_int_equal(s->peak_us, expected.peak_us);
	assert_true(s->peak == expected.peak && s->value == expected.value &&
	            s->threshold == expected.threshold);
	assert_int_equal(s->level, expected.level);
	assert_int_equal(s->previous_level, expected.previous_level);
	assert_int_equal(s->sequence, expected.sequence);
	assert_int_equal(s->direction, expected.direction);
	assert_int_equal(s->severity, expected.severity);
	assert_int_equal(s->quality, expected.quality);
}

static int try_put(struct fixture *f, uint32_t *slot, uint32_t station, uint32_t n)
{
	struct datastream_key key = key_of(station);
	struct rules_state state = state_of(n);

	return alarm_store_put(f->store, slot, &key, &state);
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

static void find(void *context, uint32_t slot, const struct datastream_key *key,
                 const struct rules_state *state)
{
	struct found *found = context;
	struct datastream_key expected = key_of(slot);

	assert_true(slot < FEW);
	assert_memory_equal(key, &expected, sizeof(expected));
	assert_state_equal(state, state->sequence);
	found->n[slot] = state->sequence;
	found->count++;
}

static struct found find_all(const struct fixture *f)
{
	struct found found = {.count = 0};

	alarm_store_each(f->store, find, &found);
	return found;
}

/* --- a file of version 1, byte by byte as its specification has it --- */

struct image {
	uint8_t bytes[4096 + FEW * SLOT_SIZE];
};

static void place(uint8_t *at, size_t offset, const void *bytes, size_t length)
{
	memcpy(at + offset, bytes, length);
}

static void seal_copy(uint8_t *copy, uint64_t generation, uint32_t seed)
{
	uint32_t crc;

	place(copy, 8, &generation, 8);
	crc = crc32c_portable(seed, copy + 4, COPY_SIZE - 4);
	place(copy, 0, &crc, 4);
}

/* The payload begins at 16; the codes follow the state without a gap. */
static void image_state(struct image *image, uint32_t slot, uint64_t generation, uint32_t station, uint32_t n)
{
	uint8_t *copy = image->bytes + 4096 + slot * SLOT_SIZE + (generation & 1) * COPY_SIZE;
	const struct rules_state s = state_of(n);
	const struct datastream_key key = key_of(station);

	place(copy, 16 + 0, &s.last_us, 8);
	place(copy, 16 + 8, &s.started_us, 8);
	place(copy, 16 + 16, &s.changed_us, 8);
	place(copy, 16 + 24, &s.peak_us, 8);
	place(copy, 16 + 32, &s.peak, 8);
	place(copy, 16 + 40, &s.value, 8);
	place(copy, 16 + 48, &s.threshold, 8);
	place(copy, 16 + 56, &s.level, 4);
	place(copy, 16 + 60, &s.previous_level, 4);
	place(copy, 16 + 64, &s.sequence, 4);
	place(copy, 16 + 68, &s.direction, 1);
	place(copy, 16 + 69, &s.severity, 1);
	place(copy, 16 + 70, &s.quality, 1);
	place(copy, 16 + 71, key.station, strlen(key.station));
	place(copy, 16 + 136, key.property, strlen(key.property));
	seal_copy(copy, generation, slot);
}

static void image_published(struct image *image, uint64_t generation, uint64_t position)
{
	uint8_t *copy = image->bytes + 512 + (generation & 1) * COPY_SIZE;

	place(copy, 16, &position, 8);
	seal_copy(copy, generation, UINT32_MAX);
}

/* Slot 0 has been written once, slot 1 four times, the position three times. */
static struct image image_of_version_1(void)
{
	const uint32_t version = 1, slot_size = SLOT_SIZE;
	struct image image = {0};

	place(image.bytes, 0, "HWALARM", 8);
	place(image.bytes, 8, &version, 4);
	place(image.bytes, 12, &slot_size, 4);
	image_state(&image, 0, 1, 0, 5);
	image_state(&image, 1, 3, 1, 8);
	image_state(&image, 1, 4, 1, 9);
	image_published(&image, 2, 70000);
	image_published(&image, 3, 80000);
	return image;
}

static void file_of_version_1_is_read_and_written_on(void **state)
{
	const struct image image = image_of_version_1();
	struct fixture *f = *state;
	struct found found;
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(&image, sizeof(image), 1, file), 1);
	assert_int_equal(fclose(file), 0);
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

static void file_that_is_written_is_of_version_1_byte_by_byte(void **state)
{
	const struct image expected = image_of_version_1();
	struct fixture *f = *state;
	struct image got;
	struct stat st;
	FILE *file;

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
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, sizeof(got));
	file = fopen(f->path, "r");
	assert_non_null(file);
	assert_int_equal(fread(&got, sizeof(got), 1, file), 1);
	assert_int_equal(fclose(file), 0);
	assert_memory_equal(&got, &expected, sizeof(expected));
}

static void file_of_another_version_is_refused_and_left_as_it_is(void **state)
{
	struct image image = image_of_version_1(), after;
	struct fixture *f = *state;
	uint32_t damaged;
	FILE *file = fopen(f->path, "w+");

	image.bytes[8] = 2;
	assert_non_null(file);
	assert_int_equal(fwrite(&image, sizeof(image), 1, file), 1);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(alarm_store_open(&f->store, f->path, FEW, &damaged), -EBADMSG);
	assert_null(f->store);
	rewind(file);
	assert_int_equal(fread(&after, sizeof(after), 1, file), 1);
	assert_memory_equal(&after, &image, sizeof(image));
	assert_int_equal(fclose(file), 0);
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
		STORE_TEST(file_of_version_1_is_read_and_written_on),
		STORE_TEST(file_that_is_written_is_of_version_1_byte_by_byte),
		STORE_TEST(file_of_another_version_is_refused_and_left_as_it_is),
		STORE_TEST(new_store_is_empty),
		STORE_TEST(state_and_position_are_there_after_reopening),
		STORE_TEST(put_without_a_free_slot_says_so_until_there_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
