#include "ingest_private.h"

#include "record.h"
#include "timestamp.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

static bool check_time(struct route *r, const char *property, int64_t phenomenon_us)
{
	const struct config *c = r->in->config;
	char text[TIMESTAMP_TEXT_SIZE], detail[DEAD_LETTER_DETAIL_MAX];

	if (c->max_future_us != 0 && phenomenon_us > r->now_us + c->max_future_us) {
		snprintf(detail, sizeof(detail),
		         "%s is further ahead of the clock than time.max_future allows",
		         timestamp_format(phenomenon_us, text));
		ingest_reject(r, REJECT_TIME_IN_FUTURE, property, detail);
		return false;
	}
	if (c->max_age_us != 0 && phenomenon_us < r->now_us - c->max_age_us) {
		snprintf(detail, sizeof(detail), "%s is older than time.max_age allows",
		         timestamp_format(phenomenon_us, text));
		ingest_reject(r, REJECT_TIME_TOO_OLD, property, detail);
		return false;
	}
	return true;
}

/* --- which datastream --- */

static void reject_unregistered(struct route *r, const struct datastream_key *key)
{
	ingest_reject(r, REJECT_NOT_REGISTERED, key->property,
	              "the datastream is not in highwater.datastream, and register is \"known\"");
}

/* Adds the datastream of key, which has not been seen. NULL when it may not or cannot be. */
static struct datastream *add_datastream(struct route *r, const struct datastream_key *key)
{
	struct ingest *in = r->in;
	bool registered =
		registry_find(in->registry, key) != NULL || registry_fed_by(in->registry, key) != NULL;
	struct datastream *d;

	if (in->config->register_known && !registered) {
		reject_unregistered(r, key);
		return NULL;
	}
	/* The registered ones have their place: strangers cannot take it from them. */
	if (!registered && datastream_count(in->table) >= in->config->max_datastreams) {
		ingest_reject(r, REJECT_TOO_MANY_DATASTREAMS, key->property, "max_datastreams is reached");
		return NULL;
	}
	d = datastream_add(in->table, key);
	if (d == NULL) {
		ingest_refuse(r, -ENOMEM);
		return NULL;
	}
	datastream_bind(d, in->registry, in->generation);
	stats_set(in->shared.stats, STATS_DATASTREAMS, datastream_count(in->table));
	return d;
}

/* The datastream of that name, bound to the registry; NULL when it may not or cannot be. */
static struct datastream *find_datastream(struct route *r, const struct datastream_name *name)
{
	struct ingest *in = r->in;
	struct datastream *d = datastream_find_named(in->table, name);
	struct datastream_key key;

	if (d == NULL) {
		copy_text(key.station, sizeof(key.station), name->station, name->station_length);
		copy_text(key.property, sizeof(key.property), name->property, name->property_length);
		return add_datastream(r, &key);
	}
	datastream_bind(d, in->registry, in->generation);
	if (in->config->register_known && d->registered == NULL && d->feeds == NULL) {
		reject_unregistered(r, &d->key);
		return NULL;
	}
	return d;
}

/*
 * Follows what a sensor reports to the datastream that it is kept as: *conversion is the one in force at that
 * time, or NULL, and then the datastream is the sensor's own. NULL when it cannot be.
 */
static struct datastream *follow(struct route *r, struct datastream *d, int64_t phenomenon_us,
                                 const struct conversion **conversion)
{
	const struct registry *registry = r->in->registry;
	const struct conversion *c;

	*conversion = NULL;
	if (d->feeds == NULL) {
		return d;
	}
	c = convert_find(registry_conversions(registry, d->feeds), d->feeds->conversion_count, phenomenon_us);
	if (c == NULL || strcmp(c->input, d->key.property) != 0) {
		return d;
	}
	if (d->fed == NULL) {
		const struct datastream_name name = datastream_name_of(&d->feeds->key);

		d->fed = find_datastream(r, &name);
	} else {
		datastream_bind(d->fed, registry, r->in->generation);
	}
	*conversion = c;
	return d->fed;
}

/* The newest usable value of another datastream, by its number in the registry; NAN: there is none. */
static double newest_of(struct ingest *in, uint32_t number, int64_t *ret_us)
{
	const struct registry_datastream *registered = registry_numbered(in->registry, number);
	const struct datastream *d = registered != NULL ? datastream_find(in->table, &registered->key) : NULL;

	*ret_us = d != NULL ? d->memory.good_us : 0;
	return d != NULL && d->memory.good_us != 0 ? d->memory.good : NAN;
}

/* --- conversion and quality --- */

/* A reading on its way into a datastream. */
struct passage {
	struct datastream *d;
	const struct conversion *conversion; /* NULL: it is stored as it came */
	double said;                         /* by the sensor, in the conversion's or the datastream's unit */
	struct reading reading;
	struct hindsight hindsight;
};

static bool is_code(const struct qc_config *quality, double raw)
{
	for (size_t i = 0; i < quality->code_count; i++) {
		if (quality->codes[i] == raw) {
			return (quality->enabled & UINT32_C(1) << QC_MISSING) != 0;
		}
	}
	return false;
}

static double result_of(struct ingest *in, struct passage *p)
{
	struct convert_input input = {.phenomenon_us = p->reading.phenomenon_us, .raw = p->said};

	if (is_code(p->d->quality, p->said)) {
		return NAN;
	}
	if (p->conversion == NULL) {
		return p->said;
	}
	input.air = newest_of(in, p->conversion->air, &input.air_us);
	return convert(p->conversion, &p->d->memory.conversion, &input);
}

/* Readings that should have come in a gap. */
static int32_t expected_in(int64_t gap_us, int64_t interval_us)
{
	double expected;

	if (interval_us <= 0) {
		return -1;
	}
	expected = round((double)gap_us / (double)interval_us) - 1;
	return expected <= 0 ? 0 : (int32_t)MIN(expected, (double)INT32_MAX);
}

static void note_hindsight(struct passage *p, const struct qc_result *q)
{
	p->hindsight = (struct hindsight){
		.settles = q->settles,
		.settled_us = q->settled_us,
		.settled_tests = q->settled_tests,
		.settled_quality = q->settled_quality,
		.gap = q->gap,
		.gap_from_us = q->gap_from_us,
	};
	if (q->gap) {
		p->hindsight.expected =
			expected_in(p->reading.phenomenon_us - q->gap_from_us, p->d->quality->interval_us);
	}
}

/* Converts and judges; the datastream remembers. */
static void judge(struct ingest *in, struct passage *p)
{
	struct qc_memory *m = &p->d->memory;
	const struct qc_config *quality = p->d->quality;
	struct reading *reading = &p->reading;
	struct qc_input input = {.phenomenon_us = reading->phenomenon_us, .raw = p->said};
	struct qc_result q;

	reading->result = result_of(in, p);
	reading->has_raw = p->conversion != NULL || isnan(reading->result);
	reading->raw = reading->has_raw ? p->said : 0;
	input.value = reading->result;
	input.neighbour = newest_of(in, quality->neighbour, &input.neighbour_us);
	qc_check(quality, in->registry->seasons, &m->qc, p->d->window, &input, &q);
	reading->tests = q.tests;
	reading->quality = isnan(reading->result) ? QUALITY_MISSING : q.quality;
	note_hindsight(p, &q);
	m->last_us = reading->phenomenon_us;
	m->last_raw = p->said;
	if (reading->quality != QUALITY_MISSING && reading->quality != QUALITY_FAIL &&
	    (m->good_us == 0 || reading->phenomenon_us > m->good_us)) {
		m->good_us = reading->phenomenon_us;
		m->good = reading->result;
	}
}

/* The attenuated signal needs a window, once. Without memory for it the test is not evaluated. */
static void see_to_window(struct ingest *in, struct datastream *d)
{
	if (d->window == NULL && (d->quality->enabled & UINT32_C(1) << QC_ATTENUATED_SIGNAL) != 0) {
		(void)datastream_give_window(in->table, d);
	}
}

/* --- journal and alarm --- */

static uint64_t bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

/* A QoS 1 or 2 message that is sent again shows neither DUP nor packet id to plugins. */
static bool is_repeated(const struct passage *p)
{
	const struct qc_memory *m = &p->d->memory;

	return m->position != 0 && m->last_us == p->reading.phenomenon_us &&
	       bits_of(m->last_raw) == bits_of(p->said);
}

static bool journal_reading(struct route *r, struct passage *p)
{
	struct ingest *in = r->in;
	uint8_t body[RECORD_BODY_MAX];
	size_t length = record_encode_reading(&p->reading, &p->hindsight, body);
	uint64_t position;
	int error =
		journal_append(in->shared.journal, RECORD_READING, JOURNAL_NORMAL, body, length, &position);

	if (error != 0) {
		ingest_refuse(r, error);
		return false;
	}
	p->d->memory.position = position;
	ingest_accepted(in);
	stats_add(in->shared.stats, STATS_READINGS_JOURNALLED, 1);
	return true;
}

static void keep_memory(struct ingest *in, struct datastream *d)
{
	int error = 0;

	if (in->shared.qc_store != NULL) {
		error = qc_store_put(in->shared.qc_store, &d->place, &d->key, &d->memory, d->window);
	}
	if (error != 0 && !in->memory_full) {
		in->memory_full = true;
		log_post(
			in->shared.log, LOG_LEVEL_WARNING,
			"quality control: its memory cannot be kept on disk (%s); it goes on from memory, and a "
			"restart now begins anew for some datastreams",
			strerror(-error));
	}
}

/* Judges and journals; what the journal cannot take leaves no trace in the memory of quality control. */
static void take(struct route *r, struct passage *p)
{
	struct ingest *in = r->in;
	struct datastream *d = p->d;
	struct qc_memory before = d->memory;

	see_to_window(in, d);
	if (d->window != NULL) {
		in->window_before = *d->window;
	}
	judge(in, p);
	if (journal_reading(r, p)) {
		r->taken++;
		keep_memory(in, d);
		return;
	}
	d->memory = before;
	if (d->window != NULL) {
		*d->window = in->window_before;
	}
}

static void count_quality(struct stats *stats, uint8_t quality)
{
	if (quality == QUALITY_SUSPECT) {
		stats_add(stats, STATS_READINGS_SUSPECT, 1);
	} else if (quality == QUALITY_FAIL) {
		stats_add(stats, STATS_READINGS_FAILED, 1);
	} else if (quality == QUALITY_MISSING) {
		stats_add(stats, STATS_READINGS_MISSING, 1);
	}
}

static void take_reading(struct route *r, struct passage *p)
{
	struct ingest *in = r->in;
	int64_t late_after_us = in->config->late_after_us;
	const struct reading *reading = &p->reading;

	if (is_repeated(p)) {
		stats_add(in->shared.stats, STATS_READINGS_DUPLICATE, 1);
		r->taken++;
		return;
	}
	take(r, p);
	count_quality(in->shared.stats, reading->quality);
	/* A reading that the journal could not take may raise an alarm all the same. */
	if (late_after_us != 0 && reading->phenomenon_us < r->now_us - late_after_us) {
		stats_add(in->shared.stats, STATS_READINGS_LATE, 1);
		return;
	}
	alarms_evaluate(&in->alarms, p->d, reading);
}

/* Into the unit that is wanted; false, and a dead letter, when there is no way. */
static bool convert_unit(struct route *r, const char *property, const char *found, const char *unit,
                         double *value)
{
	const struct registry *registry = r->in->registry;
	char detail[DEAD_LETTER_DETAIL_MAX];

	if (found == NULL || unit_convert(registry->units, registry->count.units, found, unit, value)) {
		return true;
	}
	(void)snprintf(detail, sizeof(detail), "the unit is \"%.40s\", which does not convert into \"%s\"",
	               found, unit);
	ingest_reject(r, REJECT_WRONG_UNIT, property, detail);
	return false;
}

void ingest_reading(struct route *r, const struct decode_value *v)
{
	const char *property = v->property->code;
	struct passage p = {
		.reading.phenomenon_us = v->has_time ? v->time_us : r->now_us,
		.reading.received_us = r->now_us,
		.said = v->value,
	};
	const struct datastream_name name = {
		.station = r->match.station,
		.station_length = r->match.station_length,
		.property = property,
		.property_length = strlen(property),
	};
	const char *unit;

	stats_add(r->in->shared.stats, STATS_READINGS_RECEIVED, 1);
	if (!check_time(r, property, p.reading.phenomenon_us)) {
		return;
	}
	p.d = find_datastream(r, &name);
	if (p.d != NULL) {
		p.d = follow(r, p.d, p.reading.phenomenon_us, &p.conversion);
	}
	if (p.d == NULL) {
		return;
	}
	p.reading.key = p.d->key;
	unit = datastream_unit(p.d, r->in->registry);
	/* An error code has no unit. */
	if (is_code(p.d->quality, p.said) ||
	    convert_unit(r, property, v->unit, p.conversion != NULL ? p.conversion->unit : unit, &p.said)) {
		take_reading(r, &p);
	}
}

/* --- at start --- */

struct restore {
	struct ingest *in;
	int error;
};

static struct datastream *find_or_add(struct ingest *in, const struct datastream_key *key)
{
	struct datastream *d = datastream_find(in->table, key);

	return d != NULL ? d : datastream_add(in->table, key);
}

static void restore_stored(void *context, struct qc_place place, const struct datastream_key *key,
                           const struct qc_memory *memory, const struct qc_window *window)
{
	struct restore *r = context;
	struct datastream *d = find_or_add(r->in, key);

	if (d == NULL) {
		r->error = -ENOMEM;
		return;
	}
	d->place = place;
	d->memory = *memory;
	if (window != NULL) {
		if (!datastream_give_window(r->in->table, d)) {
			r->error = -ENOMEM;
			return;
		}
		*d->window = *window;
	}
}

/* A reading that was journalled after its datastream's memory was kept: between the two the broker was killed. */
static int remember(struct ingest *in, const struct reading *reading, uint64_t position)
{
	struct passage p = {.d = find_or_add(in, &reading->key), .reading = *reading};

	if (p.d == NULL) {
		return -ENOMEM;
	}
	if (p.d->memory.position >= position) {
		return 0;
	}
	datastream_bind(p.d, in->registry, in->generation);
	if (p.d->registered != NULL && reading->has_raw) {
		p.conversion = convert_find(registry_conversions(in->registry, p.d->registered),
		                            p.d->registered->conversion_count, reading->phenomenon_us);
	}
	p.said = reading->has_raw ? reading->raw : reading->result;
	judge(in, &p);
	p.d->memory.position = position;
	keep_memory(in, p.d);
	return 0;
}

int ingest_restore_memory(struct ingest *in)
{
	struct restore r = {.in = in};
	uint8_t buffer[RECORD_BODY_MAX];
	struct journal_record record;
	struct journal_cursor cursor;
	struct reading reading;
	struct hindsight hindsight;
	int got = 0;

	if (in->shared.qc_store != NULL) {
		qc_store_each(in->shared.qc_store, restore_stored, &r);
	}
	/* What alarms may have to announce again the journal still holds, and more than was in flight. */
	journal_cursor_init(&cursor, in->shared.journal, alarm_store_published(in->shared.alarm_store));
	while (r.error == 0 && (got = journal_cursor_next(&cursor, buffer, sizeof(buffer), &record)) == 1) {
		if (record.kind == RECORD_READING &&
		    record_decode_reading(record.kind, record.body, record.length, &reading, &hindsight) ==
		            0) {
			r.error = remember(in, &reading, record.position);
		}
	}
	return r.error != 0 ? r.error : got;
}
