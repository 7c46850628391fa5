#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarm_store.h"
#include "datastream.h"

#include <stdio.h>

static struct datastream_key key_of(int i)
{
	struct datastream_key key = {0};

	snprintf(key.station, sizeof(key.station), "station-%d", i);
	snprintf(key.property, sizeof(key.property), "water_level");
	return key;
}

static void each_datastream_stays_where_it_is_while_the_table_grows(void **state)
{
	struct datastream_table *t = datastream_table_new();
	struct datastream *where[3000];

	(void)state;
	assert_non_null(t);
	for (int i = 0; i < 3000; i++) {
		struct datastream_key key = key_of(i);

		assert_null(datastream_find(t, &key));
		where[i] = datastream_add(t, &key);
		assert_non_null(where[i]);
		assert_null(where[i]->alarms);
	}
	assert_int_equal(datastream_count(t), 3000);
	for (int i = 0; i < 3000; i++) {
		struct datastream_key key = key_of(i);

		assert_ptr_equal(datastream_find(t, &key), where[i]);
	}
	datastream_table_free(t);
}

static struct datastream_name name_of(const char *station, size_t station_length, const char *property,
                                      size_t property_length)
{
	return (struct datastream_name){station, property, station_length, property_length};
}

static void is_found_by_bytes_that_no_nul_follows(void **state)
{
	static const char topic[] = "sensors/station-17/water_level/raw";
	struct datastream_table *t = datastream_table_new();
	struct datastream_key key = key_of(17);
	struct datastream_name name = name_of(topic + 8, 10, topic + 19, 11);
	struct datastream *d;

	(void)state;
	assert_non_null(t);
	assert_null(datastream_find_named(t, &name));
	d = datastream_add(t, &key);
	assert_non_null(d);
	assert_ptr_equal(datastream_find_named(t, &name), d);
	assert_true(datastream_name_hash(&name) == datastream_key_hash(&key));
	name.property_length--;
	assert_null(datastream_find_named(t, &name));
	name.property_length += 2;
	assert_null(datastream_find_named(t, &name));
	name = name_of(topic + 8, 9, topic + 19, 11);
	assert_null(datastream_find_named(t, &name));
	datastream_table_free(t);
}

/* Each is the beginning of others; one byte more than is allowed is none of them. */
static void longest_names_are_told_apart(void **state)
{
	struct datastream_table *t = datastream_table_new();
	char station[STATION_CODE_MAX + 2], property[PROPERTY_CODE_MAX + 2];

	(void)state;
	assert_non_null(t);
	memset(station, 's', sizeof(station));
	memset(property, 'p', sizeof(property));
	for (size_t i = 1; i <= STATION_CODE_MAX; i++) {
		for (size_t n = 1; n <= PROPERTY_CODE_MAX; n++) {
			struct datastream_key key;

			copy_text(key.station, sizeof(key.station), station, i);
			copy_text(key.property, sizeof(key.property), property, n);
			assert_non_null(datastream_add(t, &key));
		}
	}
	for (size_t i = 1; i <= STATION_CODE_MAX + 1; i++) {
		for (size_t n = 1; n <= PROPERTY_CODE_MAX + 1; n++) {
			struct datastream_name name = name_of(station, i, property, n);
			struct datastream *d = datastream_find_named(t, &name);

			if (i > STATION_CODE_MAX || n > PROPERTY_CODE_MAX) {
				assert_null(d);
				continue;
			}
			assert_non_null(d);
			assert_int_equal(strlen(d->key.station), i);
			assert_int_equal(strlen(d->key.property), n);
		}
	}
	datastream_table_free(t);
}

static void unit_is_the_registered_one_and_else_the_property_s(void **state)
{
	const struct registry_counts counts = {.properties = 1, .datastreams = 1};
	struct registry *r = registry_new(&counts);
	struct datastream d = {.key = key_of(1)};

	(void)state;
	assert_non_null(r);
	r->properties[0] = (struct property){"water_level", "m", 0};
	r->datastreams[0] = (struct registry_datastream){.key = key_of(1), .unit = "cm"};
	assert_int_equal(registry_seal(r), 0);
	assert_string_equal(datastream_unit(&d, r), "m");
	datastream_bind(&d, r, 1);
	assert_string_equal(datastream_unit(&d, r), "cm");
	registry_free(r);
}

static void is_bound_again_when_the_registry_is_another(void **state)
{
	const struct registry_counts none = {0}, one = {.datastreams = 1};
	struct registry *without = registry_new(&none), *with = registry_new(&one);
	struct datastream d = {.key = key_of(1)};

	(void)state;
	assert_non_null(without);
	assert_non_null(with);
	with->datastreams[0].key = key_of(1);
	assert_int_equal(registry_seal(without), 0);
	assert_int_equal(registry_seal(with), 0);
	datastream_bind(&d, without, 1);
	assert_null(d.registered);
	datastream_bind(&d, with, 2);
	assert_ptr_equal(d.registered, &with->datastreams[0]);
	registry_free(without);
	registry_free(with);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_datastream_stays_where_it_is_while_the_table_grows),
		cmocka_unit_test(is_found_by_bytes_that_no_nul_follows),
		cmocka_unit_test(longest_names_are_told_apart),
		cmocka_unit_test(unit_is_the_registered_one_and_else_the_property_s),
		cmocka_unit_test(is_bound_again_when_the_registry_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
