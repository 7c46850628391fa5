#include "pg_registry.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

static const char properties_sql[] = "SELECT code, unit FROM highwater.observed_property";

static const char datastreams_sql[] =
	"SELECT d.datastream_id, s.code, d.property, d.unit, coalesce(d.datum, ''), coalesce(s.name, ''),"
	" s.latitude, s.longitude"
	" FROM highwater.datastream d JOIN highwater.station s USING (station_id)"
	" ORDER BY d.datastream_id";

/* The order is that of datastreams_sql: the two lists are walked side by side. */
static const char thresholds_sql[] =
	"SELECT DISTINCT ON (datastream_id, level)"
	" datastream_id, level, name, set_value, clear_value, direction, severity"
	" FROM highwater.threshold WHERE valid_from <= now()"
	" ORDER BY datastream_id, level, valid_from DESC";

static const char next_change_sql[] =
	"SELECT ceil(extract(epoch FROM min(valid_from) - now()) * 1000000)::int8"
	" FROM highwater.threshold WHERE valid_from > now() AND valid_from < now() + interval '1 year'";

struct results {
	PGresult *properties, *datastreams, *thresholds, *next_change;
};

struct load {
	const struct results *from;
	struct registry *to;
	struct pg_ids *ids;
	struct pg_registry_report *report;
};

static void results_done(struct results *r)
{
	PQclear(r->properties);
	PQclear(r->datastreams);
	PQclear(r->thresholds);
	PQclear(r->next_change);
	*r = (struct results){0};
}

static int read_all(struct pg_conn *c, struct results *r, struct pg_error *error)
{
	int status = pg_conn_run(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, error);

	if (status == 0) {
		status = pg_conn_query(c, properties_sql, NULL, &r->properties, error);
	}
	if (status == 0) {
		status = pg_conn_query(c, datastreams_sql, NULL, &r->datastreams, error);
	}
	if (status == 0) {
		status = pg_conn_query(c, thresholds_sql, NULL, &r->thresholds, error);
	}
	if (status == 0) {
		status = pg_conn_query(c, next_change_sql, NULL, &r->next_change, error);
	}
	if (status == 0) {
		status = pg_conn_run(c, "COMMIT", NULL, error);
	}
	return status;
}

static int32_t get_i32(const PGresult *r, int row, int column)
{
	return pg_binary_get_i32(PQgetvalue(r, row, column));
}

static double get_float8(const PGresult *r, int row, int column)
{
	return PQgetisnull(r, row, column) ? NAN : pg_binary_get_float8(PQgetvalue(r, row, column));
}

/* False when the text is too long for size bytes with its NUL. */
static bool get_text(const PGresult *r, int row, int column, char *to, size_t size)
{
	size_t length = (size_t)PQgetlength(r, row, column);

	copy_text(to, size, PQgetvalue(r, row, column), length);
	return length < size;
}

static void leave_out(struct pg_registry_report *report, const char *what, const char *name)
{
	if (report->left_out++ == 0) {
		(void)snprintf(report->first_left_out, sizeof(report->first_left_out), "%s \"%s\"", what,
		               name);
	}
}

static void take_properties(const struct load *l)
{
	const PGresult *r = l->from->properties;
	size_t count = 0;

	for (int row = 0; row < PQntuples(r); row++) {
		struct property *p = &l->to->properties[count];
		bool fits = get_text(r, row, 0, p->code, sizeof(p->code));

		if (get_text(r, row, 1, p->unit, sizeof(p->unit)) && fits) {
			count++;
		} else {
			leave_out(l->report, "observed property", p->code);
		}
	}
	l->to->property_count = count;
}

static bool get_direction(const char *name, uint8_t *ret)
{
	for (int d = DIRECTION_RISING; d <= DIRECTION_FALLING; d++) {
		if (strcmp(name, rules_direction_name((enum direction)d)) == 0) {
			*ret = (uint8_t)d;
			return true;
		}
	}
	return false;
}

static bool get_severity(const char *name, uint8_t *ret)
{
	for (int s = SEVERITY_EXTREME; s <= SEVERITY_UNKNOWN; s++) {
		if (strcmp(name, rules_severity_name((enum severity)s)) == 0) {
			*ret = (uint8_t)s;
			return true;
		}
	}
	return false;
}

static bool get_threshold(const PGresult *r, int row, struct threshold *t)
{
	t->level = get_i32(r, row, 1);
	t->set_value = get_float8(r, row, 3);
	t->clear_value = get_float8(r, row, 4);
	return get_text(r, row, 2, t->name, sizeof(t->name)) && t->level != LEVEL_NORMAL &&
	       isfinite(t->set_value) && isfinite(t->clear_value) &&
	       get_direction(PQgetvalue(r, row, 5), &t->direction) &&
	       get_severity(PQgetvalue(r, row, 6), &t->severity);
}

/* Thresholds of d from *row on, to the next datastream; d NULL: passes them over. */
static void take_thresholds(const struct load *l, int32_t id, struct registry_datastream *d, int *row,
                            size_t *count)
{
	const PGresult *r = l->from->thresholds;

	for (; *row < PQntuples(r) && get_i32(r, *row, 0) <= id; (*row)++) {
		struct threshold *t = &l->to->thresholds[*count];

		if (d == NULL || get_i32(r, *row, 0) != id) {
			continue;
		}
		if (get_threshold(r, *row, t)) {
			(*count)++;
			d->threshold_count++;
		} else {
			leave_out(l->report, "threshold", t->name);
		}
	}
}

static bool get_datastream(const PGresult *r, int row, struct registry_datastream *d)
{
	d->datastream_id = get_i32(r, row, 0);
	d->latitude = get_float8(r, row, 6);
	d->longitude = get_float8(r, row, 7);
	/* The station's code first: it names the datastream when something else does not fit. */
	return get_text(r, row, 1, d->key.station, sizeof(d->key.station)) &&
	       get_text(r, row, 2, d->key.property, sizeof(d->key.property)) &&
	       get_text(r, row, 3, d->unit, sizeof(d->unit)) &&
	       get_text(r, row, 4, d->datum, sizeof(d->datum)) &&
	       get_text(r, row, 5, d->name, sizeof(d->name));
}

static int take_datastreams(const struct load *l)
{
	const PGresult *r = l->from->datastreams;
	size_t count = 0, threshold_count = 0;
	int threshold_row = 0;

	for (int row = 0; row < PQntuples(r); row++) {
		struct registry_datastream *d = &l->to->datastreams[count];
		bool fits;

		*d = (struct registry_datastream){.threshold_first = (uint32_t)threshold_count};
		fits = get_datastream(r, row, d);
		take_thresholds(l, d->datastream_id, fits ? d : NULL, &threshold_row, &threshold_count);
		if (!fits) {
			leave_out(l->report, "datastream of station", d->key.station);
			continue;
		}
		if (pg_ids_put(l->ids, &d->key, d->datastream_id) != 0) {
			return -ENOMEM;
		}
		count++;
	}
	l->to->datastream_count = count;
	l->to->threshold_count = threshold_count;
	return 0;
}

static int build(const struct results *from, struct pg_ids *ids, struct registry **ret,
                 struct pg_registry_report *report)
{
	struct registry *to =
		registry_new((size_t)PQntuples(from->properties), (size_t)PQntuples(from->datastreams),
	                     (size_t)PQntuples(from->thresholds));
	const struct load l = {.from = from, .to = to, .ids = ids, .report = report};
	int status;

	if (to == NULL) {
		return -ENOMEM;
	}
	take_properties(&l);
	status = take_datastreams(&l);
	if (status == 0) {
		status = registry_seal(to);
	}
	if (status != 0) {
		registry_free(to);
		return status;
	}
	*ret = to;
	return 0;
}

int pg_registry_load(struct pg_conn *c, struct pg_ids *ids, struct registry **ret,
                     struct pg_registry_report *report, struct pg_error *error)
{
	struct results r = {0};
	int status = read_all(c, &r, error);

	*report = (struct pg_registry_report){.next_change_us = INT64_MAX};
	if (status == 0) {
		if (!PQgetisnull(r.next_change, 0, 0)) {
			report->next_change_us = pg_binary_get_i64(PQgetvalue(r.next_change, 0, 0));
		}
		pg_ids_clear(ids);
		status = build(&r, ids, ret, report);
		if (status != 0) {
			pg_error_set(error,
			             status == -ENOMEM ? "out of memory" : "the registry contradicts itself");
		}
	}
	results_done(&r);
	return status;
}
