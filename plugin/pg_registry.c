#include "pg_registry.h"

#include "pg_alarm.h"
#include "pg_column.h"
#include "pg_quality.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char properties_sql[] = "SELECT code, unit FROM highwater.observed_property";

static const char datastreams_sql[] =
	"SELECT d.datastream_id, s.code, d.property, d.unit, coalesce(d.datum, ''), coalesce(s.name, ''),"
	" s.latitude, s.longitude, (extract(epoch FROM d.expected_interval) * 1000000)::int8,"
	" (extract(epoch FROM coalesce(d.gap_after, 3 * d.expected_interval)) * 1000000)::int8"
	" FROM highwater.datastream d JOIN highwater.station s USING (station_id)"
	" ORDER BY d.datastream_id";

static const char units_sql[] = "SELECT code, dimension, factor, shift FROM highwater.unit";

/* The order is that of datastreams_sql. */
static const char conversions_sql[] =
	"SELECT datastream_id, input, input_unit, valid_from_us, kind, scale, shift, air_datastream_id,"
	" air_scale, air_max_age_us, modulus, increment_max"
	" FROM highwater.conversion_coefficient ORDER BY datastream_id, valid_from_us";

static const char next_change_sql[] =
	"SELECT ceil(extract(epoch FROM min(valid_from) - now()) * 1000000)::int8"
	" FROM highwater.threshold WHERE valid_from > now() AND valid_from < now() + interval '1 year'";

/* What is asked, all in one snapshot. */
enum question {
	ASK_PROPERTIES,
	ASK_UNITS,
	ASK_DATASTREAMS,
	ASK_THRESHOLDS,
	ASK_MEMBERS,
	ASK_HOLDS,
	ASK_AREAS,
	ASK_CONVERSIONS,
	ASK_RULES,
	ASK_SEASONS,
	ASK_NEXT_CHANGE,
	QUESTIONS,
};

struct load {
	PGresult *from[QUESTIONS];
	struct registry *to;
	struct pg_quality_interval *intervals; /* of to->datastreams */
	struct pg_ids *ids;
	struct pg_registry_report *report;
	int64_t as_of_us; /* INT64_MIN: now */
};

static void load_done(struct load *l)
{
	for (size_t i = 0; i < QUESTIONS; i++) {
		PQclear(l->from[i]);
	}
	free(l->intervals);
}

/* The moment of which thresholds are asked for: its parameter. */
static int read_thresholds(struct load *l, struct pg_conn *c, const char *sql, struct pg_error *error)
{
	struct pg_params params = {.count = 0};
	int status;

	pg_params_next(&params);
	if (l->as_of_us == INT64_MIN) {
		pg_binary_raw_i64(&params.bytes, INT64_MIN); /* -infinity: now */
	} else {
		pg_binary_raw_timestamptz(&params.bytes, l->as_of_us);
	}
	status = pg_conn_query(c, sql, &params, &l->from[ASK_THRESHOLDS], error);
	pg_params_done(&params);
	return status;
}

static int read_all(struct load *l, struct pg_conn *c, struct pg_error *error)
{
	static const char *const questions[QUESTIONS] = {
		[ASK_PROPERTIES] = properties_sql,    [ASK_UNITS] = units_sql,
		[ASK_DATASTREAMS] = datastreams_sql,  [ASK_THRESHOLDS] = pg_alarm_thresholds_sql,
		[ASK_MEMBERS] = pg_alarm_members_sql, [ASK_HOLDS] = pg_alarm_holds_sql,
		[ASK_AREAS] = pg_alarm_areas_sql,     [ASK_CONVERSIONS] = conversions_sql,
		[ASK_RULES] = pg_quality_rules_sql,   [ASK_SEASONS] = pg_quality_seasons_sql,
		[ASK_NEXT_CHANGE] = next_change_sql,
	};
	int status = pg_conn_run(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, error);

	for (size_t i = 0; i < QUESTIONS && status == 0; i++) {
		status = i == ASK_THRESHOLDS ? read_thresholds(l, c, questions[i], error)
		                             : pg_conn_query(c, questions[i], NULL, &l->from[i], error);
	}
	return status == 0 ? pg_conn_run(c, "COMMIT", NULL, error) : status;
}

void pg_registry_leave_out(struct pg_registry_report *report, const char *what, const char *name)
{
	if (report->left_out++ == 0) {
		(void)snprintf(report->first_left_out, sizeof(report->first_left_out), "%s \"%s\"", what,
		               name);
	}
}

static void take_properties(const struct load *l)
{
	const PGresult *r = l->from[ASK_PROPERTIES];
	size_t count = 0;

	for (int row = 0; row < PQntuples(r); row++) {
		struct property *p = &l->to->properties[count];
		bool fits = pg_column_text(r, row, 0, p->code, sizeof(p->code));

		if (pg_column_text(r, row, 1, p->unit, sizeof(p->unit)) && fits) {
			count++;
		} else {
			pg_registry_leave_out(l->report, "observed property", p->code);
		}
	}
	l->to->count.properties = count;
}

static void take_units(const struct load *l)
{
	const PGresult *r = l->from[ASK_UNITS];
	size_t count = 0;

	for (int row = 0; row < PQntuples(r); row++) {
		struct unit *u = &l->to->units[count];
		bool fits = pg_column_text(r, row, 0, u->code, sizeof(u->code));

		u->factor = pg_column_float8(r, row, 2);
		u->shift = pg_column_float8(r, row, 3);
		if (pg_column_text(r, row, 1, u->dimension, sizeof(u->dimension)) && fits &&
		    isfinite(u->factor) && u->factor != 0 && isfinite(u->shift)) {
			count++;
		} else {
			pg_registry_leave_out(l->report, "unit", u->code);
		}
	}
	l->to->count.units = count;
}

/* Thresholds of d from *row on, to the next datastream; d NULL: passes them over. Both lists are sorted by id. */
static void take_thresholds(const struct load *l, int32_t id, struct registry_datastream *d, int *row,
                            size_t *count)
{
	const PGresult *r = l->from[ASK_THRESHOLDS];

	for (; *row < PQntuples(r) && pg_column_i32(r, *row, 0) <= id; (*row)++) {
		struct threshold *t = &l->to->thresholds[*count];

		if (d == NULL || pg_column_i32(r, *row, 0) != id) {
			continue;
		}
		if (pg_alarm_threshold(r, *row, t)) {
			(*count)++;
			d->threshold_count++;
		} else {
			pg_registry_leave_out(l->report, "threshold", t->name);
		}
	}
}

static bool get_datastream(const PGresult *r, int row, struct registry_datastream *d)
{
	d->datastream_id = pg_column_i32(r, row, 0);
	d->latitude = pg_column_float8(r, row, 6);
	d->longitude = pg_column_float8(r, row, 7);
	/* The station's code first: it names the datastream when something else does not fit. */
	return pg_column_text(r, row, 1, d->key.station, sizeof(d->key.station)) &&
	       pg_column_text(r, row, 2, d->key.property, sizeof(d->key.property)) &&
	       pg_column_text(r, row, 3, d->unit, sizeof(d->unit)) &&
	       pg_column_text(r, row, 4, d->datum, sizeof(d->datum)) &&
	       pg_column_text(r, row, 5, d->name, sizeof(d->name));
}

static int take_datastreams(const struct load *l)
{
	const PGresult *r = l->from[ASK_DATASTREAMS];
	size_t count = 0, threshold_count = 0;
	int threshold_row = 0;

	for (int row = 0; row < PQntuples(r); row++) {
		struct registry_datastream *d = &l->to->datastreams[count];
		bool fits;

		*d = (struct registry_datastream){.threshold_first = (uint32_t)threshold_count};
		fits = get_datastream(r, row, d);
		take_thresholds(l, d->datastream_id, fits ? d : NULL, &threshold_row, &threshold_count);
		if (!fits) {
			pg_registry_leave_out(l->report, "datastream of station", d->key.station);
			continue;
		}
		if (pg_ids_put(l->ids, &d->key, d->datastream_id) != 0) {
			return -ENOMEM;
		}
		l->intervals[count].interval_us = pg_column_i64(r, row, 8);
		l->intervals[count].gap_us = pg_column_i64(r, row, 9);
		count++;
	}
	l->to->count.datastreams = count;
	l->to->count.thresholds = threshold_count;
	return 0;
}

static bool get_conversion(const struct load *l, int row, struct conversion *c)
{
	const PGresult *r = l->from[ASK_CONVERSIONS];
	const char *kind = PQgetvalue(r, row, 4);

	c->valid_from_us = pg_column_i64(r, row, 3);
	c->kind = strcmp(kind, "counter") == 0 ? CONVERSION_COUNTER : CONVERSION_LINEAR;
	c->scale = pg_column_float8(r, row, 5);
	c->shift = pg_column_float8(r, row, 6);
	c->air = pg_quality_number(l->to, pg_column_i32(r, row, 7));
	c->air_scale = PQgetisnull(r, row, 8) ? 0 : pg_column_float8(r, row, 8);
	c->air_max_age_us = pg_column_i64(r, row, 9);
	c->modulus = pg_column_float8(r, row, 10);
	c->increment_max = pg_column_float8(r, row, 11);
	return pg_column_text(r, row, 1, c->input, sizeof(c->input)) &&
	       pg_column_text(r, row, 2, c->unit, sizeof(c->unit)) && isfinite(c->scale) &&
	       isfinite(c->shift) && isfinite(c->air_scale) && (c->air_scale == 0 || c->air != 0);
}

/* The name under which the datastream's station reports what c converts. */
static void take_input(const struct load *l, uint32_t datastream, const struct conversion *c)
{
	struct registry *to = l->to;
	const struct datastream_key *key = &to->datastreams[datastream].key;
	size_t i = to->count.inputs;

	/* Those of a datastream stand together, and versions of its conversion mostly share their input. */
	while (i > 0 && to->inputs[i - 1].datastream == datastream) {
		if (strcmp(to->inputs[--i].key.property, c->input) == 0) {
			return;
		}
	}
	to->inputs[to->count.inputs].key = *key;
	copy_text(to->inputs[to->count.inputs].key.property, sizeof(key->property), c->input,
	          strlen(c->input));
	to->inputs[to->count.inputs].datastream = datastream;
	to->count.inputs++;
}

static int compare_inputs(const void *left, const void *right)
{
	const struct registry_input *a = left;
	const struct registry_input *b = right;
	int order = strcmp(a->key.station, b->key.station);

	order = order != 0 ? order : strcmp(a->key.property, b->key.property);
	return order != 0 ? order : (a->datastream > b->datastream) - (a->datastream < b->datastream);
}

/* A name feeds one datastream. The schema sees to it; if it does not, the one that was registered first has it. */
static void keep_inputs_apart(const struct load *l)
{
	struct registry *to = l->to;
	size_t kept = 0;

	qsort(to->inputs, to->count.inputs, sizeof(*to->inputs), compare_inputs);
	for (size_t i = 0; i < to->count.inputs; i++) {
		if (kept > 0 && datastream_key_equal(&to->inputs[kept - 1].key, &to->inputs[i].key)) {
			pg_registry_leave_out(l->report, "second conversion of input",
			                      to->inputs[i].key.property);
		} else {
			to->inputs[kept++] = to->inputs[i];
		}
	}
	to->count.inputs = kept;
}

static void take_conversions(const struct load *l)
{
	const PGresult *r = l->from[ASK_CONVERSIONS];
	struct registry *to = l->to;

	to->count.conversions = 0;
	to->count.inputs = 0;
	for (int row = 0; row < PQntuples(r); row++) {
		struct conversion *c = &to->conversions[to->count.conversions];
		uint32_t number = pg_quality_number(to, pg_column_i32(r, row, 0));
		struct registry_datastream *d;

		if (number == 0 || !get_conversion(l, row, c)) {
			pg_registry_leave_out(l->report, "conversion of input", PQgetvalue(r, row, 1));
			continue;
		}
		d = &to->datastreams[number - 1];
		if (d->conversion_count == 0) {
			d->conversion_first = (uint32_t)to->count.conversions;
		}
		d->conversion_count++;
		to->count.conversions++;
		take_input(l, number - 1, c);
	}
	keep_inputs_apart(l);
}

static size_t rows(const struct load *l, enum question q)
{
	return (size_t)PQntuples(l->from[q]);
}

static int build(struct load *l, struct registry **ret)
{
	const struct registry_counts counts = {
		.properties = rows(l, ASK_PROPERTIES),
		.units = rows(l, ASK_UNITS),
		.datastreams = rows(l, ASK_DATASTREAMS),
		.thresholds = rows(l, ASK_THRESHOLDS),
		.members = rows(l, ASK_MEMBERS),
		.areas = rows(l, ASK_AREAS),
		.conversions = rows(l, ASK_CONVERSIONS),
		.inputs = rows(l, ASK_CONVERSIONS),
		.qualities = rows(l, ASK_PROPERTIES) + rows(l, ASK_DATASTREAMS),
		.seasons = rows(l, ASK_SEASONS),
	};
	int status = -ENOMEM;

	l->to = registry_new(&counts);
	l->intervals = calloc(counts.datastreams + 1, sizeof(*l->intervals));
	if (l->to != NULL && l->intervals != NULL) {
		take_properties(l);
		take_units(l);
		status = take_datastreams(l);
	}
	if (status == 0) {
		pg_alarm_members(l->to, l->from[ASK_MEMBERS], l->report);
		pg_alarm_holds(l->to, l->from[ASK_HOLDS], l->report);
		pg_alarm_areas(l->to, l->from[ASK_AREAS], l->report);
		take_conversions(l);
		status = pg_quality_build(l->to, l->from[ASK_RULES], l->from[ASK_SEASONS], l->intervals,
		                          l->report);
	}
	if (status == 0) {
		status = registry_seal(l->to);
	}
	if (status != 0) {
		registry_free(l->to);
		return status;
	}
	*ret = l->to;
	return 0;
}

int pg_registry_load_as_of(struct pg_conn *c, int64_t as_of_us, struct pg_ids *ids, struct registry **ret,
                           struct pg_registry_report *report, struct pg_error *error)
{
	struct load l = {.ids = ids, .report = report, .as_of_us = as_of_us};
	int status = read_all(&l, c, error);

	*report = (struct pg_registry_report){.next_change_us = INT64_MAX};
	if (status == 0) {
		const PGresult *next = l.from[ASK_NEXT_CHANGE];

		if (!PQgetisnull(next, 0, 0)) {
			report->next_change_us = pg_column_i64(next, 0, 0);
		}
		pg_ids_clear(ids);
		status = build(&l, ret);
		if (status != 0) {
			pg_error_set(error,
			             status == -ENOMEM ? "out of memory" : "the registry contradicts itself");
		}
	}
	load_done(&l);
	return status;
}

int pg_registry_load(struct pg_conn *c, struct pg_ids *ids, struct registry **ret,
                     struct pg_registry_report *report, struct pg_error *error)
{
	return pg_registry_load_as_of(c, INT64_MIN, ids, ret, report, error);
}
