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
	struct datastream *d = r->named;
	struct datastream_key key;

	if (d == NULL || !datastream_has_name(d, name)) {
		d = datastream_find_named(in->table, name);
	}
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

/* There is room for it. */
static void journal_reading(struct route *r, struct passage *p)
{
	struct ingest *in = r->in;
	uint8_t body[RECORD_READING_MAX];
	size_t length = record_encode_reading(&p->reading, &p->hindsight, body);
	uint64_t position;
	int error =
		journal_append(in->shared.journal, RECORD_READING, JOURNAL_NORMAL, body, length, &position);

	if (error != 0) {
		p->d->memory.position = 0; /* so that it does not pass for repeated when it comes again */
		ingest_refuse(r, error);
		return;
	}
	r->taken++;
	p->d->memory.position = position;
	ingest_keep(in, p->d);
	ingest_accepted(in);
	stats_count(in->shared.stats, STATS_READINGS_JOURNALLED);
}

/* For the alarm only: what is not in the journal leaves no trace in the memory of quality control. */
static void judge_in_passing(struct ingest *in, struct passage *p)
{
	struct datastream *d = p->d;
	struct qc_memory before = d->memory;

	in->window_before = d->window != NULL ? *d->window : (struct qc_window){0};
	ingest_judge(in, p);
	d->memory = before;
	if (d->window != NULL) {
		*d->window = in->window_before;
	}
}

static void take(struct route *r, struct passage *p)
{
	int error = journal_room(r->in->shared.journal, JOURNAL_NORMAL, RECORD_READING_MAX);

	if (error != 0) {
		judge_in_passing(r->in, p);
		ingest_refuse(r, error);
		return;
	}
	ingest_judge(r->in, p);
	journal_reading(r, p);
}

static void count_quality(struct stats *stats, uint8_t quality)
{
	if (quality == QUALITY_SUSPECT) {
		stats_count(stats, STATS_READINGS_SUSPECT);
	} else if (quality == QUALITY_FAIL) {
		stats_count(stats, STATS_READINGS_FAILED);
	} else if (quality == QUALITY_MISSING) {
		stats_count(stats, STATS_READINGS_MISSING);
	}
}

static void take_reading(struct route *r, struct passage *p)
{
	struct ingest *in = r->in;
	int64_t late_after_us = in->config->late_after_us;
	const struct reading *reading = &p->reading;

	if (is_repeated(p)) {
		stats_count(in->shared.stats, STATS_READINGS_DUPLICATE);
		r->taken++;
		return;
	}
	take(r, p);
	count_quality(in->shared.stats, reading->quality);
	/* A reading that the journal could not take may raise an alarm all the same. */
	if (late_after_us != 0 && reading->phenomenon_us < r->now_us - late_after_us) {
		stats_count(in->shared.stats, STATS_READINGS_LATE);
		return;
	}
	alarms_evaluate(&in->alarms, p->d, reading);
}

/* Into the unit that is wanted; false, and a dead letter, when there is no way. */
static bool convert_unit(struct route *r, const struct decode_value *v, struct passage *p)
{
	const struct registry *registry = r->in->registry;
	const char *unit =
		p->conversion != NULL ? p->conversion->unit : datastream_unit(p->d, r->in->registry);
	char detail[DEAD_LETTER_DETAIL_MAX];

	if (unit_convert(registry->units, registry->count.units, v->unit, unit, &p->said)) {
		return true;
	}
	(void)snprintf(detail, sizeof(detail), "the unit is \"%.40s\", which does not convert into \"%s\"",
	               v->unit, unit);
	ingest_reject(r, REJECT_WRONG_UNIT, v->property->code, detail);
	return false;
}

void ingest_reading(struct route *r, const struct decode_value *v)
{
	const char *property = v->property->code;
	const struct datastream_name name = {
		.station = r->match.station,
		.station_length = r->match.station_length,
		.property = property,
		.property_length = strlen(property),
	};
	struct passage p; /* not zeroed: it is all written, and large */

	p.said = v->value;
	p.reading.phenomenon_us = v->has_time ? v->time_us : r->now_us;
	p.reading.received_us = r->now_us;
	stats_count(r->in->shared.stats, STATS_READINGS_RECEIVED);
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
	/* An error code has no unit. */
	if (v->unit == NULL || ingest_is_code(p.d->quality, p.said) || convert_unit(r, v, &p)) {
		take_reading(r, &p);
	}
}
