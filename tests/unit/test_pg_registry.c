/* The registry out of a real PostgreSQL; with_postgres provides it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "database.h"
#include "pg_open.h"
#include "pg_registry.h"

#include <math.h>

#define SECOND INT64_C(1000000)

struct fixture {
	PGconn *admin;
	struct pg_conn *conn;
	struct pg_ids *ids;
	struct registry *registry;
	struct pg_registry_report report;
	struct pg_error error;
};

static bool idle(void *context)
{
	(void)context;
	return true;
}

static int make(void **state)
{
	const struct pg_waiter waiter = {.idle = idle, .silence_us = 5 * SECOND};
	struct fixture *f;

	*state = NULL;
	if (database_conninfo() == NULL) {
		return 0;
	}
	f = calloc(1, sizeof(*f));
	f->admin = database_connect();
	database_empty(f->admin);
	f->ids = pg_ids_new();
	if (pg_open(&f->conn, database_conninfo(), &waiter, &f->error) != 0) {
		fail_msg("%s", f->error.message);
	}
	*state = f;
	return 0;
}

static int unmake(void **state)
{
	struct fixture *f = *state;

	if (f != NULL) {
		registry_free(f->registry);
		pg_ids_free(f->ids);
		pg_conn_close(f->conn);
		PQfinish(f->admin);
		free(f);
	}
	return 0;
}

static struct fixture *fixture(void **state)
{
	if (*state == NULL) {
		skip();
	}
	return *state;
}

static void load(struct fixture *f)
{
	registry_free(f->registry);
	f->registry = NULL;
	if (pg_registry_load(f->conn, f->ids, &f->registry, &f->report, &f->error) != 0) {
		fail_msg("%s", f->error.message);
	}
}

static const struct registry_datastream *find(const struct fixture *f, const char *station)
{
	struct datastream_key key = {.property = "water_level"};

	copy_text(key.station, sizeof(key.station), station, strlen(station));
	return registry_find(f->registry, &key);
}

static void new_schema_has_the_builtin_properties(void **state)
{
	struct fixture *f = fixture(state);

	load(f);
	assert_int_equal(f->registry->count.datastreams, 0);
	assert_int_equal(f->registry->count.properties, property_builtin_count);
	for (size_t i = 0; i < property_builtin_count; i++) {
		assert_string_equal(f->registry->properties[i].code, property_builtin[i].code);
		assert_string_equal(f->registry->properties[i].unit, property_builtin[i].unit);
	}
	assert_true(f->report.next_change_us == INT64_MAX);
	assert_int_equal(f->report.left_out, 0);
}

static void doubles_and_texts_come_through_exactly(void **state)
{
	struct fixture *f = fixture(state);
	const struct registry_datastream *d;
	const struct threshold *t;

	database_do(f->admin,
	            "INSERT INTO highwater.station (code, name, latitude, longitude)"
	            " VALUES ('phu-an', 'Phú An', 10.7769, 0.1::float8 + 0.2::float8), ('bare', NULL, NULL,"
	            " NULL);"
	            "INSERT INTO highwater.datastream (station_id, property, datum)"
	            " SELECT station_id, 'water_level', CASE code WHEN 'phu-an' THEN 'Hòn Dấu 1972' END"
	            " FROM highwater.station;"
	            "SELECT highwater.set_threshold('phu-an', 'water_level', 3, 'Báo động III', 1.6,"
	            " 1.5500000000000003,"
	            " severity => 'Severe');"
	            "SELECT highwater.set_threshold('phu-an', 'water_level', -1, 'Low', -2, direction =>"
	            " 'falling',"
	            " severity => 'Minor')");
	load(f);
	assert_int_equal(f->registry->count.datastreams, 2);
	d = find(f, "phu-an");
	assert_non_null(d);
	assert_string_equal(d->name, "Phú An");
	assert_string_equal(d->unit, "m");
	assert_string_equal(d->datum, "Hòn Dấu 1972");
	assert_true(d->latitude == 10.7769 && d->longitude == 0.1 + 0.2);
	assert_int_equal(pg_ids_get(f->ids, &d->key), d->datastream_id);
	assert_int_equal(d->threshold_count, 2);
	t = registry_thresholds(f->registry, d);
	assert_int_equal(t[0].level, 3);
	assert_true(t[0].set_value == 1.6 && t[0].clear_value == 1.5500000000000003);
	assert_int_equal(t[0].severity, SEVERITY_SEVERE);
	assert_string_equal(t[0].name, "Báo động III");
	assert_int_equal(t[1].direction, DIRECTION_FALLING);
	assert_true(t[1].set_value == -2);
	d = find(f, "bare");
	assert_non_null(d);
	assert_string_equal(d->name, "");
	assert_string_equal(d->datum, "");
	assert_true(isnan(d->latitude) && isnan(d->longitude));
	assert_int_equal(d->threshold_count, 0);
}

static void latest_threshold_that_has_begun_is_in_force(void **state)
{
	struct fixture *f = fixture(state);
	const struct registry_datastream *d;

	database_do(
		f->admin,
		"SELECT highwater.register_datastream('phu-an', 'water_level');"
		"INSERT INTO highwater.threshold (datastream_id, level, name, set_value, valid_from)"
		" SELECT 1, 1, name, set_value, now() + valid_from::interval FROM (VALUES"
		" ('old', 1, '-2 days'), ('now', 2, '-1 day'), ('soon', 3, '90 s'), ('later', 4, '1 day'))"
		" AS v(name, set_value, valid_from)");
	load(f);
	d = find(f, "phu-an");
	assert_int_equal(d->threshold_count, 1);
	assert_string_equal(registry_thresholds(f->registry, d)->name, "now");
	assert_true(f->report.next_change_us > 60 * SECOND && f->report.next_change_us <= 90 * SECOND);
}

static void threshold_of_another_moment_is_the_one_in_force_then(void **state)
{
	static const struct {
		const char *from_now;
		const char *name; /* NULL: none */
	} moments[] = {{"-3 days", NULL}, {"-36 hours", "old"}, {"1 hour", "now"}, {"2 days", "later"}};
	struct fixture *f = fixture(state);

	database_do(f->admin,
	            "SELECT highwater.register_datastream('phu-an', 'water_level');"
	            "INSERT INTO highwater.threshold (datastream_id, level, name, set_value, valid_from)"
	            " SELECT 1, 1, name, set_value, now() + valid_from::interval FROM (VALUES"
	            " ('old', 1, '-2 days'), ('now', 2, '-1 day'), ('later', 4, '1 day'))"
	            " AS v(name, set_value, valid_from)");
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		const struct registry_datastream *d;
		char sql[100];

		(void)snprintf(sql, sizeof(sql), "SELECT extract(epoch FROM now() + '%s'::interval)",
		               moments[i].from_now);
		registry_free(f->registry);
		f->registry = NULL;
		assert_int_equal(pg_registry_load_as_of(f->conn,
		                                        (int64_t)database_number(f->admin, sql) * SECOND,
		                                        f->ids, &f->registry, &f->report, &f->error),
		                 0);
		d = find(f, "phu-an");
		assert_int_equal(d->threshold_count, moments[i].name != NULL);
		if (moments[i].name != NULL) {
			assert_string_equal(registry_thresholds(f->registry, d)->name, moments[i].name);
		}
	}
}

static void thresholds_stand_with_their_own_datastream(void **state)
{
	struct fixture *f = fixture(state);

	/* Every third has none; the levels' values tell whose they are. */
	database_do(
		f->admin,
		"SELECT highwater.register_datastream('s' || i, 'water_level') FROM generate_series(1, 300)"
		" i;"
		"INSERT INTO highwater.threshold (datastream_id, level, name, set_value)"
		" SELECT datastream_id, level, 'x', datastream_id + level / 10.0 FROM highwater.datastream,"
		" generate_series(1, 3) level WHERE datastream_id % 3 <> 0");
	load(f);
	assert_int_equal(f->registry->count.datastreams, 300);
	assert_int_equal(f->registry->count.thresholds, 600);
	for (size_t i = 0; i < 300; i++) {
		const struct registry_datastream *d = &f->registry->datastreams[i];
		const struct threshold *t = registry_thresholds(f->registry, d);

		assert_int_equal(d->threshold_count, d->datastream_id % 3 != 0 ? 3 : 0);
		for (uint32_t k = 0; k < d->threshold_count; k++) {
			assert_true(fabs(t[k].set_value - (d->datastream_id + t[k].level / 10.0)) < 1e-9);
		}
	}
}

static void what_does_not_fit_is_left_out_and_named(void **state)
{
	struct fixture *f = fixture(state);

	/* The schema would refuse it; a superuser can have dropped the check. */
	database_do(f->admin, "ALTER TABLE highwater.station DROP CONSTRAINT code_has_1_to_64_bytes;"
	                      "SELECT highwater.register_datastream(code, 'water_level') FROM"
	                      " unnest(ARRAY['a', repeat('x', 65), 'b']) AS code;"
	                      "INSERT INTO highwater.threshold (datastream_id, level, name, set_value)"
	                      " SELECT datastream_id, 1, 'x', datastream_id FROM highwater.datastream");
	load(f);
	database_do(f->admin, "DELETE FROM highwater.station WHERE octet_length(code) > 64;"
	                      "ALTER TABLE highwater.station ADD CONSTRAINT code_has_1_to_64_bytes"
	                      " CHECK (octet_length(code) BETWEEN 1 AND 64)");
	assert_int_equal(f->registry->count.datastreams, 2);
	assert_int_equal(f->report.left_out, 1);
	assert_non_null(strstr(f->report.first_left_out, "xxxxxxxx"));
	assert_true(registry_thresholds(f->registry, find(f, "b"))->set_value == find(f, "b")->datastream_id);
}

static void changes_of_others_and_our_own_are_told_apart(void **state)
{
	struct fixture *f = fixture(state);
	bool notified = true, own = false;

	assert_int_equal(pg_conn_run(f->conn, PG_REGISTRY_LISTEN, NULL, &f->error), 0);
	assert_int_equal(
		pg_conn_run(f->conn, "INSERT INTO highwater.station (code) VALUES ('own')", NULL, &f->error),
		0);
	assert_int_equal(pg_conn_listen(f->conn, &notified, &own, &f->error), 0);
	assert_false(notified);
	assert_true(own);
	database_do(f->admin, "INSERT INTO highwater.station (code) VALUES ('theirs')");
	assert_int_equal(pg_conn_run(f->conn, "SELECT 1", NULL, &f->error), 0);
	assert_int_equal(pg_conn_listen(f->conn, &notified, &own, &f->error), 0);
	assert_true(notified);
	assert_false(own);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_schema_has_the_builtin_properties),
		TEST(doubles_and_texts_come_through_exactly),
		TEST(latest_threshold_that_has_begun_is_in_force),
		TEST(threshold_of_another_moment_is_the_one_in_force_then),
		TEST(thresholds_stand_with_their_own_datastream),
		TEST(what_does_not_fit_is_left_out_and_named),
		TEST(changes_of_others_and_our_own_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
