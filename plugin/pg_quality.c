#include "pg_quality.h"

#include "pg_column.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A property's rules first, then the datastreams', each by ascending datastream_id. */
const char pg_quality_rules_sql[] =
	"SELECT datastream_id, property, test, enabled, suspect_min, suspect_max, fail_min, fail_max,"
	" suspect_threshold, fail_threshold, suspect_after_us, fail_after_us, method, period_us, tolerance,"
	" min_count, min_period_us, codes, neighbour_id"
	" FROM highwater.quality_rule_for_plugin"
	" ORDER BY datastream_id NULLS FIRST, property, test";

const char pg_quality_seasons_sql[] =
	"SELECT datastream_id, property, season, season_from, season_to, suspect_min, suspect_max, fail_min,"
	" fail_max FROM highwater.climatology ORDER BY datastream_id NULLS FIRST, property, climatology_id";

enum rule_column {
	RULE_DATASTREAM,
	RULE_PROPERTY,
	RULE_TEST,
	RULE_ENABLED,
	RULE_SUSPECT_MIN,
	RULE_SUSPECT_MAX,
	RULE_FAIL_MIN,
	RULE_FAIL_MAX,
	RULE_SUSPECT,
	RULE_FAIL,
	RULE_SUSPECT_AFTER,
	RULE_FAIL_AFTER,
	RULE_METHOD,
	RULE_PERIOD,
	RULE_TOLERANCE,
	RULE_MIN_COUNT,
	RULE_MIN_PERIOD,
	RULE_CODES,
	RULE_NEIGHBOUR,
};

enum season_column {
	SEASON_DATASTREAM,
	SEASON_PROPERTY,
	SEASON_KIND,
	SEASON_FROM,
	SEASON_TO,
	SEASON_SUSPECT_MIN,
	SEASON_SUSPECT_MAX,
	SEASON_FAIL_MIN,
	SEASON_FAIL_MAX,
};

struct build {
	struct registry *to;
	const PGresult *rules, *seasons;
	struct pg_registry_report *report;
	uint32_t *places; /* open addressing: number of a quality, 0 is empty */
	size_t place_count;
	int rule, season; /* next rows of datastreams */
};

uint32_t pg_quality_number(const struct registry *to, int32_t datastream_id)
{
	size_t first = 0;
	size_t end = to->count.datastreams;

	while (first < end) {
		size_t middle = first + (end - first) / 2;
		int32_t id = to->datastreams[middle].datastream_id;

		if (id == datastream_id) {
			return (uint32_t)middle + 1;
		}
		if (id < datastream_id) {
			first = middle + 1;
		} else {
			end = middle;
		}
	}
	return 0;
}

/* A 1-dimensional float8[] without NULLs, as array_send() of PostgreSQL's arrayfuncs.c lays it out. */
static bool get_codes(const PGresult *r, int row, struct qc_config *q)
{
	const char *at = PQgetvalue(r, row, RULE_CODES);
	int length = PQgetlength(r, row, RULE_CODES);
	int32_t count = length >= 20 ? pg_binary_get_i32(at + 12) : 0;

	if (length < 20 || pg_binary_get_i32(at) != 1 || count < 1 || count > QC_CODES_MAX ||
	    length != 20 + count * 12) {
		return false;
	}
	for (int32_t i = 0; i < count; i++) {
		q->codes[i] = pg_binary_get_float8(at + 20 + i * 12 + 4);
	}
	q->code_count = (uint8_t)count;
	return true;
}

static bool get_method(const PGresult *r, int row, const char *first, const char *second, uint8_t *ret)
{
	const char *method = PQgetvalue(r, row, RULE_METHOD);

	*ret = strcmp(method, second) == 0;
	return *ret == 1 || strcmp(method, first) == 0;
}

static bool take_attenuated(const PGresult *r, int row, struct qc_config *q)
{
	q->attenuated_suspect = pg_column_float8(r, row, RULE_SUSPECT);
	q->attenuated_fail = pg_column_float8(r, row, RULE_FAIL);
	q->attenuated_period_us = pg_column_i64(r, row, RULE_PERIOD);
	q->attenuated_min_period_us = pg_column_i64(r, row, RULE_MIN_PERIOD);
	q->attenuated_min_count = (uint32_t)pg_column_i32(r, row, RULE_MIN_COUNT);
	return get_method(r, row, "range", "std", &q->attenuated_method);
}

static bool take_neighbour(const struct build *b, int row, struct qc_config *q)
{
	const PGresult *r = b->rules;

	q->neighbour_suspect = pg_column_float8(r, row, RULE_SUSPECT);
	q->neighbour_fail = pg_column_float8(r, row, RULE_FAIL);
	q->neighbour_window_us = pg_column_i64(r, row, RULE_PERIOD);
	q->neighbour = pg_quality_number(b->to, pg_column_i32(r, row, RULE_NEIGHBOUR));
	return q->neighbour != 0;
}

/* The parameters of one test; false when the plugin cannot use them. */
static bool take_parameters(const struct build *b, int row, enum qc_test test, struct qc_config *q)
{
	const PGresult *r = b->rules;

	switch (test) {
	case QC_GAP:
		if (!PQgetisnull(r, row, RULE_PERIOD)) {
			q->gap_us = pg_column_i64(r, row, RULE_PERIOD);
		}
		return true;
	case QC_MISSING:
		return get_codes(r, row, q);
	case QC_GROSS_RANGE:
		q->suspect_min = pg_column_float8(r, row, RULE_SUSPECT_MIN);
		q->suspect_max = pg_column_float8(r, row, RULE_SUSPECT_MAX);
		q->fail_min = pg_column_float8(r, row, RULE_FAIL_MIN);
		q->fail_max = pg_column_float8(r, row, RULE_FAIL_MAX);
		return true;
	case QC_SPIKE:
		q->spike_suspect = pg_column_float8(r, row, RULE_SUSPECT);
		q->spike_fail = pg_column_float8(r, row, RULE_FAIL);
		return get_method(r, row, "average", "differential", &q->spike_method);
	case QC_RATE_OF_CHANGE:
		q->rate_suspect = pg_column_float8(r, row, RULE_SUSPECT);
		q->rate_fail = pg_column_float8(r, row, RULE_FAIL);
		q->rate_period_us = PQgetisnull(r, row, RULE_PERIOD) ? 0 : pg_column_i64(r, row, RULE_PERIOD);
		return true;
	case QC_FLAT_LINE:
		q->flat_suspect_us = pg_column_i64(r, row, RULE_SUSPECT_AFTER);
		q->flat_fail_us = pg_column_i64(r, row, RULE_FAIL_AFTER);
		q->flat_tolerance = pg_column_float8(r, row, RULE_TOLERANCE);
		return true;
	case QC_ATTENUATED_SIGNAL:
		return take_attenuated(r, row, q);
	case QC_NEIGHBOUR:
		return take_neighbour(b, row, q);
	case QC_TIME:
	case QC_CLIMATOLOGY:
		return true;
	case QC_TEST_COUNT:
		break;
	}
	return false;
}

static void take_rule(struct build *b, int row, struct qc_config *q)
{
	const char *name = PQgetvalue(b->rules, row, RULE_TEST);
	enum qc_test test;

	if (!qc_test_find(name, &test)) {
		pg_registry_leave_out(b->report, "quality rule of test", name);
		return;
	}
	q->enabled &= ~(UINT32_C(1) << test);
	if (!pg_column_bool(b->rules, row, RULE_ENABLED)) {
		return;
	}
	if (take_parameters(b, row, test, q)) {
		q->enabled |= UINT32_C(1) << test;
	} else {
		pg_registry_leave_out(b->report, "quality rule of test", name);
	}
}

/* --- seasons --- */

static bool get_season_kind(const char *name, uint8_t *ret)
{
	static const char *const names[] = {
		[QC_SEASON_MONTH] = "month",
		[QC_SEASON_WEEK] = "week",
		[QC_SEASON_DAY_OF_YEAR] = "day_of_year",
		[QC_SEASON_QUARTER] = "quarter",
		[QC_SEASON_HOUR] = "hour",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (uint8_t)i;
			return true;
		}
	}
	return false;
}

/* Adds a row's season to those of q, the last of which is the registry's last. */
static void take_season(struct build *b, int row, struct qc_config *q)
{
	const PGresult *r = b->seasons;
	struct qc_season *s = &b->to->seasons[b->to->count.seasons];

	if (!get_season_kind(PQgetvalue(r, row, SEASON_KIND), &s->kind)) {
		pg_registry_leave_out(b->report, "climatology by", PQgetvalue(r, row, SEASON_KIND));
		return;
	}
	s->from = pg_column_i32(r, row, SEASON_FROM);
	s->to = pg_column_i32(r, row, SEASON_TO);
	s->suspect_min = pg_column_float8(r, row, SEASON_SUSPECT_MIN);
	s->suspect_max = pg_column_float8(r, row, SEASON_SUSPECT_MAX);
	s->fail_min = pg_column_float8(r, row, SEASON_FAIL_MIN);
	s->fail_max = pg_column_float8(r, row, SEASON_FAIL_MAX);
	b->to->count.seasons++;
	q->season_count++;
}

/* --- qualities --- */

static uint64_t hash_of(const struct qc_config *q)
{
	const uint8_t *bytes = (const uint8_t *)q;
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < sizeof(*q); i++) {
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	}
	return hash;
}

/* Bytewise, padding and all: to take equal ones for different only costs room. */
static bool same_bytes(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}

/* The number of a quality like q, which is added when there is none. */
static uint32_t number_of(struct build *b, const struct qc_config *q)
{
	size_t place = (size_t)hash_of(q) & (b->place_count - 1);
	struct registry *to = b->to;

	while (b->places[place] != 0) {
		if (same_bytes(&to->qualities[b->places[place] - 1], q, sizeof(*q))) {
			return b->places[place];
		}
		place = (place + 1) & (b->place_count - 1);
	}
	memcpy(&to->qualities[to->count.qualities++], q, sizeof(*q));
	b->places[place] = (uint32_t)to->count.qualities;
	return b->places[place];
}

/* Without any rule, limits are not given rather than 0. */
static void begin_quality(struct qc_config *q)
{
	memset(q, 0, sizeof(*q)); /* the padding too: equal ones are found bytewise */
	q->fail_min = q->fail_max = q->suspect_min = q->suspect_max = NAN;
	q->spike_suspect = q->spike_fail = q->rate_suspect = q->rate_fail = NAN;
	q->flat_tolerance = q->attenuated_suspect = q->attenuated_fail = NAN;
	q->neighbour_suspect = q->neighbour_fail = NAN;
}

static void build_property(struct build *b, struct property *p)
{
	struct qc_config q;

	begin_quality(&q);
	for (int row = 0; row < PQntuples(b->rules) && PQgetisnull(b->rules, row, RULE_DATASTREAM); row++) {
		if (strcmp(PQgetvalue(b->rules, row, RULE_PROPERTY), p->code) == 0) {
			take_rule(b, row, &q);
		}
	}
	q.season_first = (uint32_t)b->to->count.seasons;
	for (int row = 0; row < PQntuples(b->seasons) && PQgetisnull(b->seasons, row, SEASON_DATASTREAM);
	     row++) {
		if (strcmp(PQgetvalue(b->seasons, row, SEASON_PROPERTY), p->code) == 0) {
			take_season(b, row, &q);
		}
	}
	if (q.enabled != 0) {
		p->quality = number_of(b, &q);
	}
}

/* Moves *row to the first row of a datastream at or after id; true when it is id's. */
static bool find_row(const PGresult *r, int32_t id, int *row)
{
	while (*row < PQntuples(r) && (PQgetisnull(r, *row, 0) || pg_column_i32(r, *row, 0) < id)) {
		(*row)++;
	}
	return *row < PQntuples(r) && pg_column_i32(r, *row, 0) == id;
}

static void build_datastream(struct build *b, struct registry_datastream *d,
                             const struct pg_quality_interval *interval)
{
	const struct property *p = property_find(b->to->properties, b->to->count.properties, d->key.property,
	                                         strlen(d->key.property));
	bool rules = find_row(b->rules, d->datastream_id, &b->rule);
	bool seasons = find_row(b->seasons, d->datastream_id, &b->season);
	/* Of a datastream in another unit the view gives the property's limits converted, as its own. */
	uint32_t usual = p != NULL ? p->quality : 0;
	struct qc_config q;

	d->quality = usual;
	if (!rules && !seasons && interval->interval_us == 0 && interval->gap_us == 0) {
		return;
	}
	if (usual != 0) {
		memcpy(&q, &b->to->qualities[usual - 1], sizeof(q));
	} else {
		begin_quality(&q);
	}
	q.interval_us = interval->interval_us;
	q.gap_us = interval->gap_us != 0 ? interval->gap_us : q.gap_us;
	for (; b->rule < PQntuples(b->rules) && pg_column_i32(b->rules, b->rule, 0) == d->datastream_id;
	     b->rule++) {
		take_rule(b, b->rule, &q);
	}
	if (seasons) {
		q.season_first = (uint32_t)b->to->count.seasons;
		q.season_count = 0;
	}
	for (;
	     b->season < PQntuples(b->seasons) && pg_column_i32(b->seasons, b->season, 0) == d->datastream_id;
	     b->season++) {
		take_season(b, b->season, &q);
	}
	d->quality = number_of(b, &q);
}

static int compare_codes(const void *a, const void *b)
{
	return strcmp(((const struct property *)a)->code, ((const struct property *)b)->code);
}

int pg_quality_build(struct registry *to, const PGresult *rules, const PGresult *seasons,
                     const struct pg_quality_interval *intervals, struct pg_registry_report *report)
{
	struct build b = {.to = to, .rules = rules, .seasons = seasons, .report = report, .place_count = 16};

	while (b.place_count < 2 * (to->count.properties + to->count.datastreams)) {
		b.place_count *= 2;
	}
	b.places = calloc(b.place_count, sizeof(*b.places));
	if (b.places == NULL) {
		return -ENOMEM;
	}
	to->count.qualities = 0;
	to->count.seasons = 0;
	qsort(to->properties, to->count.properties, sizeof(*to->properties), compare_codes);
	for (size_t i = 0; i < to->count.properties; i++) {
		build_property(&b, &to->properties[i]);
	}
	for (size_t i = 0; i < to->count.datastreams; i++) {
		build_datastream(&b, &to->datastreams[i], &intervals[i]);
	}
	free(b.places);
	return 0;
}
