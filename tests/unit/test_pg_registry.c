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

static int idle(void *context)
{
	(void)context;
	return PG_IDLE_MS;
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

static void threshold_comes_with_all_that_it_is_made_of(void **state)
{
	struct fixture *f = fixture(state);
	const struct threshold *t = NULL;

	database_do(f->admin,
	            "SELECT highwater.register_datastream('phu-an', 'water_level');"
	            "INSERT INTO highwater.threshold (datastream_id, level, name, set_value, clear_value,"
	            " cause, period, on_delay, on_samples, off_delay, latching, repeat_after) VALUES"
	            " (1, 2, 'fast', 0.5, 0.25, 'rate', '1 hour', '90 s', 1000, '7 days', true, '1 day')");
	load(f);
	assert_int_equal(threshold_of_alarm(registry_thresholds(f->registry, find(f, "phu-an")), 1,
	                                    CAUSE_RATE, 3600 * SECOND, &t),
	                 1);
	assert_int_equal(t->level, 2);
	assert_true(t->set_value == 0.5 && t->clear_value == 0.25);
	assert_int_equal(t->on_delay_us, 90 * SECOND);
	assert_int_equal(t->on_samples, 1000);
	assert_int_equal(t->off_delay_us, 7 * 86400 * SECOND);
	assert_int_equal(t->repeat_us, 86400 * SECOND);
	assert_true(t->latching);
	assert_int_equal(f->report.left_out, 0);
}

static void every_cause_of_the_schema_is_known(void **state)
{
	struct fixture *f = fixture(state);
	const struct threshold *t;
	unsigned causes = 0;

	/* Level 1 of each cause that the check lets in: no row may be left out. */
	database_do(f->admin,
	            "SELECT highwater.register_datastream('phu-an', 'water_level');"
	            "INSERT INTO highwater.threshold (datastream_id, level, name, set_value, clear_value,"
	            " cause, period, direction)"
	            " SELECT 1, 1, cause, 5, 5, cause,"
	            " CASE WHEN cause IN ('rate', 'rain') THEN interval '1 hour' ELSE '0' END,"
	            " CASE WHEN cause IN ('projection', 'low_battery') THEN 'falling' ELSE 'rising' END"
	            " FROM unnest(ARRAY['threshold', 'rate', 'stale', 'dead', 'sensor_error',"
	            " 'low_battery', 'projection', 'group', 'upstream']) AS cause;"
	            "SELECT highwater.register_datastream('phu-an', 'rainfall');"
	            "INSERT INTO highwater.threshold (datastream_id, level, name, set_value, clear_value,"
	            " cause, period) VALUES (2, 1, 'rain', 5, 4, 'rain', '1 hour')");
	load(f);
	assert_int_equal(f->report.left_out, 0);
	assert_int_equal(f->registry->count.thresholds, CAUSE_TEST);
	for (size_t i = 0; i < f->registry->count.thresholds; i++) {
		t = &f->registry->thresholds[i];
		assert_string_equal(t->name, threshold_cause_name((enum cause)t->cause));
		causes |= 1u << t->cause;
	}
	assert_int_equal(causes, (1u << CAUSE_TEST) - 1);
}

static void versions_of_one_cause_leave_those_of_another(void **state)
{
	struct fixture *f = fixture(state);
	const struct threshold *t;

	database_do(f->admin,
	            "SELECT highwater.register_datastream('phu-an', 'water_level');"
	            "INSERT INTO highwater.threshold (datastream_id, level, name, set_value, cause, period,"
	            " valid_from) VALUES (1, 1, 'level', 1, 'threshold', '0', now() - interval '2 days'),"
	            " (1, 1, 'hourly', 1, 'rate', '1 hour', now() - interval '2 days'),"
	            " (1, 1, 'daily', 1, 'rate', '1 day', now() - interval '1 day'),"
	            " (1, 1, 'hourly now', 2, 'rate', '1 hour', now() - interval '1 day')");
	load(f);
	assert_int_equal(find(f, "phu-an")->threshold_count, 3);
	t = registry_thresholds(f->registry, find(f, "phu-an"));
	assert_string_equal(t[0].name, "level");
	assert_string_equal(t[1].name, "hourly now");
	assert_string_equal(t[2].name, "daily");
}

/* b watches a twice and c once, in two groups. */
static void members_of_groups_stand_by_their_places(void **state)
{
	struct fixture *f = fixture(state);
	const struct registry_datastream *b;
	const struct registry_member *m;
	const uint32_t *at;

	database_do(f->admin,
	            "SELECT highwater.register_datastream(s, 'water_level') FROM"
	            " unnest(ARRAY['a', 'b', 'c']) s;"
	            "INSERT INTO highwater.group_member (datastream_id, cause, period, position, member_id,"
	            " member_cause, member_period, member_level, travel_time) VALUES"
	            " (2, 'upstream', '0', 1, 3, 'threshold', '0', -4, '9 hours'),"
	            " (2, 'group', '30 min', 16, 1, 'rate', '1 hour', 2, NULL),"
	            " (2, 'group', '30 min', 1, 1, 'threshold', '0', 3, NULL)");
	load(f);
	assert_int_equal(f->report.left_out, 0);
	b = find(f, "b");
	assert_int_equal(b->member_count, 3);
	m = registry_members(f->registry, b);
	assert_int_equal(m[0].position, 0);
	assert_int_equal(m[0].cause, CAUSE_GROUP);
	assert_int_equal(m[0].period_us, 1800 * SECOND);
	assert_int_equal(m[0].member_level, 3);
	assert_int_equal(m[0].travel_us, 0);
	assert_ptr_equal(registry_numbered(f->registry, m[0].member), find(f, "a"));
	assert_int_equal(m[1].position, 15);
	assert_int_equal(m[1].member_cause, CAUSE_RATE);
	assert_int_equal(m[1].member_period_us, 3600 * SECOND);
	assert_int_equal(m[2].cause, CAUSE_UPSTREAM);
	assert_int_equal(m[2].member_level, -4);
	assert_int_equal(m[2].travel_us, 9 * 3600 * SECOND);
	assert_ptr_equal(registry_numbered(f->registry, m[2].member), find(f, "c"));
	assert_int_equal(registry_memberships(f->registry, find(f, "a"), &at), 2);
	assert_int_equal(registry_memberships(f->registry, b, &at), 0);
}

static void member_that_is_not_registered_is_left_out_and_named(void **state)
{
	struct fixture *f = fixture(state);

	database_do(f->admin, "ALTER TABLE highwater.station DROP CONSTRAINT code_has_1_to_64_bytes;"
	                      "SELECT highwater.register_datastream(s, 'water_level') FROM"
	                      " unnest(ARRAY['a', 'b', repeat('x', 65)]) s;"
	                      "INSERT INTO highwater.group_member (datastream_id, cause, position, member_id,"
	                      " member_level) VALUES (1, 'group', 1, 2, 1), (1, 'group', 2, 3, 1)");
	load(f);
	database_do(f->admin, "DELETE FROM highwater.station WHERE octet_length(code) > 64;"
	                      "ALTER TABLE highwater.station ADD CONSTRAINT code_has_1_to_64_bytes"
	                      " CHECK (octet_length(code) BETWEEN 1 AND 64)");
	assert_int_equal(f->report.left_out, 2);
	assert_int_equal(f->registry->count.members, 1);
	assert_int_equal(find(f, "a")->member_count, 1);
}

static const struct hold_config *hold_of(const struct fixture *f, const char *station)
{
	struct datastream_key key = {.property = "water_depth"};

	copy_text(key.station, sizeof(key.station), station, strlen(station));
	return &registry_find(f->registry, &key)->hold;
}

static void object_hold_is_in_the_unit_of_the_datastream(void **state)
{
	struct fixture *f = fixture(state);

	database_do(f->admin,
	            "SELECT highwater.register_datastream(s, 'water_depth') FROM"
	            " unnest(ARRAY['m', 'mm', 'own', 'off']) s;"
	            "SELECT highwater.register_datastream('river', 'water_level');"
	            "UPDATE highwater.datastream SET unit = 'mm' WHERE datastream_id = 2;"
	            "UPDATE highwater.datastream SET rise_max = 6, object_move = 1, object_hold = '1 h'"
	            " WHERE datastream_id = 3;"
	            "UPDATE highwater.datastream SET rise_max = 0 WHERE datastream_id = 4");
	load(f);
	assert_int_equal(f->report.left_out, 0);
	assert_true(fabs(hold_of(f, "m")->rise_max * 60e6 - 0.1) < 1e-12);
	assert_true(fabs(hold_of(f, "m")->move - 0.03) < 1e-12);
	assert_int_equal(hold_of(f, "m")->timeout_us, 12 * 3600 * SECOND);
	assert_true(fabs(hold_of(f, "mm")->rise_max * 60e6 - 100) < 1e-9);
	assert_true(fabs(hold_of(f, "mm")->move - 30) < 1e-9);
	assert_true(fabs(hold_of(f, "own")->rise_max * 60e6 - 6) < 1e-12);
	assert_int_equal(hold_of(f, "own")->timeout_us, 3600 * SECOND);
	assert_true(hold_of(f, "off")->rise_max == 0);
	assert_true(find(f, "river")->hold.rise_max == 0);
}

static void datastreams_of_a_station_share_its_area(void **state)
{
	struct fixture *f = fixture(state);
	struct datastream_key rain = {.station = "b", .property = "rainfall"};

	database_do(f->admin,
	            "SELECT highwater.register_datastream(s, 'water_level') FROM"
	            " unnest(ARRAY['a', 'b', 'c']) s;"
	            "SELECT highwater.register_datastream('b', 'rainfall');"
	            "UPDATE highwater.station SET cap_area = '10.1,106.1 10.1,106.2 10.2,106.2 10.1,106.1'"
	            " WHERE code = 'b';"
	            "UPDATE highwater.station SET cap_area = '1.1,6.1 1.1,6.2 1.2,6.2 1.1,6.1'"
	            " WHERE code = 'c'");
	load(f);
	assert_int_equal(f->report.left_out, 0);
	assert_int_equal(f->registry->count.areas, 2);
	assert_string_equal(registry_area(f->registry, find(f, "a")), "");
	assert_string_equal(registry_area(f->registry, find(f, "b")),
	                    "10.1,106.1 10.1,106.2 10.2,106.2 10.1,106.1");
	assert_int_equal(registry_find(f->registry, &rain)->area, find(f, "b")->area);
	assert_string_equal(registry_area(f->registry, find(f, "c")), "1.1,6.1 1.1,6.2 1.2,6.2 1.1,6.1");
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
		TEST(threshold_comes_with_all_that_it_is_made_of),
		TEST(every_cause_of_the_schema_is_known),
		TEST(versions_of_one_cause_leave_those_of_another),
		TEST(members_of_groups_stand_by_their_places),
		TEST(member_that_is_not_registered_is_left_out_and_named),
		TEST(object_hold_is_in_the_unit_of_the_datastream),
		TEST(datastreams_of_a_station_share_its_area),
		TEST(what_does_not_fit_is_left_out_and_named),
		TEST(changes_of_others_and_our_own_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
