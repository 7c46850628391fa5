#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry.h"
#include "registry_copy.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct datastream_key key_of(const char *station, const char *property)
{
	struct datastream_key key = {0};

	copy_text(key.station, sizeof(key.station), station, strlen(station));
	copy_text(key.property, sizeof(key.property), property, strlen(property));
	return key;
}

/* Phú An and Nhà Bè, three and two levels, given in no order. */
static struct registry *two_stations(void)
{
	struct registry *r =
		registry_new(&(struct registry_counts){.properties = 2, .datastreams = 2, .thresholds = 5});

	assert_non_null(r);
	strcpy(r->properties[0].code, "water_level");
	strcpy(r->properties[0].unit, "m");
	strcpy(r->properties[1].code, "rainfall");
	strcpy(r->properties[1].unit, "mm");
	r->datastreams[0] = (struct registry_datastream){
		.key = key_of("phu-an", "water_level"),
		.datastream_id = 7,
		.threshold_count = 3,
		.name = "Phú An",
		.unit = "m",
		.latitude = 10.77,
		.longitude = 106.71,
	};
	r->datastreams[1] = (struct registry_datastream){
		.key = key_of("nha-be", "water_level"),
		.datastream_id = 9,
		.threshold_first = 3,
		.threshold_count = 2,
		.unit = "m",
		.latitude = NAN,
		.longitude = NAN,
	};
	for (int i = 0; i < 5; i++) {
		r->thresholds[i].level = i < 3 ? 3 - i : 6 - i;
		r->thresholds[i].set_value = 1.30 + 0.10 * r->thresholds[i].level;
		r->thresholds[i].clear_value = r->thresholds[i].set_value - 0.05;
	}
	return r;
}

static void finds_what_is_registered_and_nothing_else(void **state)
{
	struct registry *r = two_stations();
	struct datastream_key phu_an = key_of("phu-an", "water_level"), rain = key_of("phu-an", "rainfall");
	struct datastream_key shifted = key_of("phu-anw", "ater_level");

	(void)state;
	assert_int_equal(registry_seal(r), 0);
	assert_int_equal(registry_find(r, &phu_an)->datastream_id, 7);
	assert_null(registry_find(r, &rain));
	assert_null(registry_find(r, &shifted));
	registry_free(r);
}

static void seal_orders_properties_and_thresholds(void **state)
{
	struct registry *r = two_stations();

	(void)state;
	assert_int_equal(registry_seal(r), 0);
	assert_string_equal(r->properties[0].code, "rainfall");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(registry_thresholds(r, &r->datastreams[0])[i].level, i + 1);
	}
	registry_free(r);
}

static void refuses_a_datastream_that_stands_twice(void **state)
{
	struct registry *r = two_stations();

	(void)state;
	r->datastreams[1].key = r->datastreams[0].key;
	assert_int_equal(registry_seal(r), -EEXIST);
	registry_free(r);
}

static void refuses_a_property_that_stands_twice(void **state)
{
	struct registry *r = two_stations();

	(void)state;
	strcpy(r->properties[1].code, "water_level");
	assert_int_equal(registry_seal(r), -EEXIST);
	registry_free(r);
}

static void refuses_thresholds_outside_the_array(void **state)
{
	struct registry *r = two_stations();

	(void)state;
	r->datastreams[1].threshold_count = 3;
	assert_int_equal(registry_seal(r), -EINVAL);
	registry_free(r);
}

static void finds_each_of_ten_thousand(void **state)
{
	struct registry *r = registry_new(&(struct registry_counts){.datastreams = 10000});
	struct datastream_key absent = key_of("s-10000", "flow");
	char code[32];

	(void)state;
	assert_non_null(r);
	for (int i = 0; i < 10000; i++) {
		snprintf(code, sizeof(code), "s-%d", i);
		r->datastreams[i].key = key_of(code, "flow");
		r->datastreams[i].datastream_id = i;
	}
	assert_int_equal(registry_seal(r), 0);
	for (int i = 0; i < 10000; i++) {
		snprintf(code, sizeof(code), "s-%d", i);
		struct datastream_key key = key_of(code, "flow");

		assert_int_equal(registry_find(r, &key)->datastream_id, i);
	}
	assert_null(registry_find(r, &absent));
	registry_free(r);
}

static void builtin_knows_the_water_level(void **state)
{
	struct registry *r = registry_builtin();

	(void)state;
	assert_non_null(r);
	assert_string_equal(property_find(r->properties, r->count.properties, "water_level", 11)->unit, "m");
	assert_int_equal(r->count.datastreams, 0);
	registry_free(r);
}

/* --- groups --- */

/* Number 1 and 3 watch 2; 3 watches 1 too. Given in no order. */
static struct registry *two_groups(void)
{
	struct registry *r =
		registry_new(&(struct registry_counts){.datastreams = 4, .members = 5, .areas = 1});

	assert_non_null(r);
	r->datastreams[0].key = key_of("a", "group");
	r->datastreams[1].key = key_of("b", "water_level");
	r->datastreams[2].key = key_of("c", "group");
	r->datastreams[3].key = key_of("d", "flow");
	r->members[0] = (struct registry_member){
		.datastream = 3, .member = 2, .cause = CAUSE_GROUP, .position = 1, .member_level = 2};
	r->members[1] = (struct registry_member){
		.datastream = 3, .member = 2, .cause = CAUSE_UPSTREAM, .travel_us = 9, .member_level = 3};
	r->members[2] = (struct registry_member){
		.datastream = 1, .member = 2, .cause = CAUSE_GROUP, .period_us = 60, .member_level = 4};
	r->members[3] = (struct registry_member){.datastream = 3,
	                                         .member = 1,
	                                         .cause = CAUSE_GROUP,
	                                         .member_cause = CAUSE_GROUP,
	                                         .member_level = 1};
	r->members[4] = (struct registry_member){
		.datastream = 1, .member = 2, .cause = CAUSE_GROUP, .period_us = 30, .member_level = 5};
	strcpy(r->areas[0].text, "1,1 1,2 2,2 1,1");
	r->datastreams[3].area = 1;
	return r;
}

static void expect_members(const struct registry *r, size_t datastream, const int *levels, size_t count)
{
	const struct registry_datastream *d = &r->datastreams[datastream];
	const struct registry_member *m = registry_members(r, d);

	assert_int_equal(d->member_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(m[i].member_level, levels[i]);
		assert_ptr_equal(registry_numbered(r, m[i].datastream), d);
	}
}

static void groups_have_their_members_by_cause_period_and_position(void **state)
{
	struct registry *r = two_groups();

	(void)state;
	assert_int_equal(registry_seal(r), 0);
	expect_members(r, 0, (const int[]){5, 4}, 2);
	expect_members(r, 1, NULL, 0);
	expect_members(r, 2, (const int[]){1, 2, 3}, 3);
	expect_members(r, 3, NULL, 0);
	registry_free(r);
}

static void datastream_knows_the_groups_that_it_is_a_member_of(void **state)
{
	struct registry *r = two_groups();
	static const size_t expected[] = {1, 4, 0, 0};
	const uint32_t *at = NULL;

	(void)state;
	assert_int_equal(registry_seal(r), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(registry_memberships(r, &r->datastreams[i], &at), expected[i]);
		for (size_t j = 0; j < expected[i]; j++) {
			assert_int_equal(r->members[at[j]].member, i + 1);
			assert_true(j == 0 || at[j - 1] < at[j]);
		}
	}
	registry_free(r);
}

static void memberships_are_found_among_ten_thousand_members(void **state)
{
	struct registry *r = registry_new(&(struct registry_counts){.datastreams = 10000, .members = 10000});
	const uint32_t *at;
	char code[32];

	(void)state;
	assert_non_null(r);
	for (uint32_t i = 0; i < 10000; i++) {
		snprintf(code, sizeof(code), "s-%u", i);
		r->datastreams[i].key = key_of(code, "flow");
		/* 7919 is prime: every datastream is a member of one other. */
		r->members[i] = (struct registry_member){
			.datastream = i + 1, .member = i * 7919 % 10000 + 1, .cause = CAUSE_GROUP};
	}
	assert_int_equal(registry_seal(r), 0);
	for (uint32_t i = 0; i < 10000; i++) {
		assert_int_equal(registry_memberships(r, &r->datastreams[i * 7919 % 10000], &at), 1);
		assert_int_equal(r->members[at[0]].datastream, i + 1);
	}
	registry_free(r);
}

static void refuses_members_that_make_no_sense(void **state)
{
	static const struct registry_member bad[] = {
		{.datastream = 0, .member = 1, .cause = CAUSE_GROUP},
		{.datastream = 5, .member = 1, .cause = CAUSE_GROUP},
		{.datastream = 1, .member = 0, .cause = CAUSE_GROUP},
		{.datastream = 1, .member = 5, .cause = CAUSE_GROUP},
		{.datastream = 1, .member = 2, .cause = CAUSE_GROUP, .position = GROUP_MEMBERS_MAX},
		{.datastream = 1, .member = 2, .cause = CAUSE_COUNT},
		{.datastream = 1, .member = 2, .cause = CAUSE_GROUP, .member_cause = CAUSE_COUNT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct registry *r = two_groups();

		r->members[2] = bad[i];
		assert_int_equal(registry_seal(r), -EINVAL);
		registry_free(r);
	}
}

static void refuses_two_members_at_one_position(void **state)
{
	struct registry *r = two_groups();

	(void)state;
	r->members[3].position = r->members[0].position;
	assert_int_equal(registry_seal(r), -EEXIST);
	registry_free(r);
}

static void area_is_that_of_the_station_or_empty(void **state)
{
	struct registry *r = two_groups();

	(void)state;
	assert_int_equal(registry_seal(r), 0);
	assert_string_equal(registry_area(r, &r->datastreams[0]), "");
	assert_string_equal(registry_area(r, &r->datastreams[3]), "1,1 1,2 2,2 1,1");
	r->datastreams[0].area = 2;
	assert_int_equal(registry_seal(r), -EINVAL);
	registry_free(r);
}

/* --- the copy on disk --- */

static char path[] = "/tmp/highwater-registry-XXXXXX";

static int make_path(void **state)
{
	int fd;

	(void)state;
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	return fd >= 0 ? close(fd) : -1;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static void copy_reads_back_what_was_saved(void **state)
{
	struct registry *r = two_stations(), *copy = NULL;
	struct datastream_key phu_an = key_of("phu-an", "water_level"),
			      nha_be = key_of("nha-be", "water_level");

	(void)state;
	assert_int_equal(registry_seal(r), 0);
	assert_int_equal(registry_save(r, path), 0);
	assert_int_equal(registry_load(&copy, path), 0);
	assert_string_equal(registry_find(copy, &phu_an)->name, "Phú An");
	assert_true(isnan(registry_find(copy, &nha_be)->latitude));
	assert_int_equal(registry_thresholds(copy, registry_find(copy, &nha_be))[1].level, 3);
	registry_free(copy);
	registry_free(r);
}

static void copy_keeps_groups_holds_and_areas(void **state)
{
	struct registry *r = two_groups(), *copy = NULL;
	const uint32_t *at;

	(void)state;
	r->datastreams[1].hold = (struct hold_config){.rise_max = 1e-9, .move = 0.03, .timeout_us = 5};
	assert_int_equal(registry_seal(r), 0);
	assert_int_equal(registry_save(r, path), 0);
	registry_free(r);
	assert_int_equal(registry_load(&copy, path), 0);
	expect_members(copy, 2, (const int[]){1, 2, 3}, 3);
	assert_int_equal(registry_memberships(copy, &copy->datastreams[1], &at), 4);
	assert_true(copy->datastreams[1].hold.rise_max == 1e-9 && copy->datastreams[1].hold.timeout_us == 5);
	assert_string_equal(registry_area(copy, &copy->datastreams[3]), "1,1 1,2 2,2 1,1");
	registry_free(copy);
}

static void absent_copy_says_so(void **state)
{
	struct registry *copy = NULL;

	(void)state;
	assert_int_equal(registry_load(&copy, "/nonexistent/registry"), -ENOENT);
	assert_null(copy);
}

static void copy_with_any_byte_changed_or_cut_is_refused(void **state)
{
	struct registry *r = two_stations(), *copy = NULL;
	char bytes[8192];
	size_t size;
	FILE *f;

	(void)state;
	assert_int_equal(registry_seal(r), 0);
	assert_int_equal(registry_save(r, path), 0);
	registry_free(r);
	f = fopen(path, "r");
	assert_non_null(f);
	size = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_in_range(size, 100, sizeof(bytes) - 1);
	for (size_t i = 0; i < size; i++) {
		bytes[i] ^= 0x10;
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(bytes, 1, size, f), size);
		fclose(f);
		assert_int_equal(registry_load(&copy, path), -EBADMSG);
		bytes[i] ^= 0x10;
		assert_int_equal(truncate(path, (off_t)i), 0);
		assert_int_equal(registry_load(&copy, path), -EBADMSG);
	}
	assert_null(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_registered_and_nothing_else),
		cmocka_unit_test(seal_orders_properties_and_thresholds),
		cmocka_unit_test(refuses_a_datastream_that_stands_twice),
		cmocka_unit_test(refuses_a_property_that_stands_twice),
		cmocka_unit_test(refuses_thresholds_outside_the_array),
		cmocka_unit_test(finds_each_of_ten_thousand),
		cmocka_unit_test(builtin_knows_the_water_level),
		cmocka_unit_test(groups_have_their_members_by_cause_period_and_position),
		cmocka_unit_test(datastream_knows_the_groups_that_it_is_a_member_of),
		cmocka_unit_test(memberships_are_found_among_ten_thousand_members),
		cmocka_unit_test(refuses_members_that_make_no_sense),
		cmocka_unit_test(refuses_two_members_at_one_position),
		cmocka_unit_test(area_is_that_of_the_station_or_empty),
		cmocka_unit_test_setup_teardown(copy_reads_back_what_was_saved, make_path, remove_path),
		cmocka_unit_test_setup_teardown(copy_keeps_groups_holds_and_areas, make_path, remove_path),
		cmocka_unit_test(absent_copy_says_so),
		cmocka_unit_test_setup_teardown(copy_with_any_byte_changed_or_cut_is_refused, make_path,
	                                        remove_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
