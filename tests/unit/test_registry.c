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
		cmocka_unit_test_setup_teardown(copy_reads_back_what_was_saved, make_path, remove_path),
		cmocka_unit_test(absent_copy_says_so),
		cmocka_unit_test_setup_teardown(copy_with_any_byte_changed_or_cut_is_refused, make_path,
	                                        remove_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
