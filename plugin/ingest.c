#include "ingest.h"

#include "alarms.h"
#include "announce.h"
#include "broker.h"
#include "clock.h"
#include "datastream.h"
#include "record.h"
#include "timestamp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_US 100000

struct ingest {
	struct shared shared; /* what the writer uses too */
	struct config *config;
	struct registry *registry;
	uint64_t generation; /* counts the registries that have been in use */
	struct datastream_table *table;
	struct announce announce;
	struct alarms alarms;
	int64_t ticked_us, stats_us; /* received time of the last tick; monotonic time of the last counters */
	bool refusing;               /* the journal has been full since the last reading that it took */
};

/* One message under way. */
struct route {
	struct ingest *in;
	const struct message *message;
	struct topic_match match;
	int64_t now_us;
	unsigned taken, rejected;
	bool refused; /* something could not be kept: the client has to send the message again */
};

/* --- dead letters --- */

static void reject(struct route *r, enum reject reason, const char *property, const char *detail)
{
	struct ingest *in = r->in;
	uint8_t body[RECORD_BODY_MAX];
	char text[DEAD_LETTER_DETAIL_MAX + 1];
	struct dead_letter letter = {
		.topic = r->message->topic,
		.client = r->message->client_id,
		.detail = text,
		.payload = r->message->payload,
		.payload_kept = (uint32_t)MIN(r->message->length, (size_t)DEAD_LETTER_PAYLOAD_MAX),
		.payload_length = (uint32_t)r->message->length,
		.received_us = r->now_us,
		.reason = reason,
	};
	uint64_t position;
	size_t length;

	r->rejected++;
	stats_reject(in->shared.stats, reason);
	ledger_add(in->shared.ledger, reason, r->now_us);
	snprintf(text, sizeof(text), "%s%s%s", property != NULL ? property : "", property != NULL ? ": " : "",
	         detail);
	length = record_encode_dead_letter(&letter, body);
	if (journal_append(in->shared.journal, RECORD_DEAD_LETTER, JOURNAL_EXPENDABLE, body, length,
	                   &position) != 0) {
		stats_add(in->shared.stats, STATS_DEAD_LETTERS_DROPPED, 1);
	}
	if (announce_dead_letter(&in->announce, &letter) != 0) {
		stats_add(in->shared.stats, STATS_DEAD_LETTERS_DROPPED, 1);
	}
}

static void sink_reject(void *context, enum reject reason, const char *property, const char *detail)
{
	struct route *r = context;

	stats_add(r->in->shared.stats, STATS_READINGS_RECEIVED, 1);
	reject(r, reason, property, detail);
}

static void sink_ignored(void *context, const char *member)
{
	struct route *r = context;

	(void)member;
	stats_add(r->in->shared.stats, STATS_MEMBERS_IGNORED, 1);
}

/* --- one reading --- */

static bool check_station(struct route *r)
{
	const char *station = r->match.station;

	if (r->match.station_length > STATION_CODE_MAX) {
		sink_reject(r, REJECT_INVALID_STATION, NULL, "the station code is longer than 64 bytes");
		return false;
	}
	for (size_t i = 0; i < r->match.station_length; i++) {
		if ((unsigned char)station[i] < 0x20 || station[i] == 0x7f) {
			sink_reject(r, REJECT_INVALID_STATION, NULL,
			            "the station code has a control character");
			return false;
		}
	}
	return true;
}

static bool check_time(struct route *r, const char *property, int64_t phenomenon_us)
{
	const struct config *c = r->in->config;
	char text[TIMESTAMP_TEXT_SIZE], detail[DEAD_LETTER_DETAIL_MAX];

	if (c->max_future_us != 0 && phenomenon_us > r->now_us + c->max_future_us) {
		snprintf(detail, sizeof(detail),
		         "%s is further ahead of the clock than time.max_future allows",
		         timestamp_format(phenomenon_us, text));
		reject(r, REJECT_TIME_IN_FUTURE, property, detail);
		return false;
	}
	if (c->max_age_us != 0 && phenomenon_us < r->now_us - c->max_age_us) {
		snprintf(detail, sizeof(detail), "%s is older than time.max_age allows",
		         timestamp_format(phenomenon_us, text));
		reject(r, REJECT_TIME_TOO_OLD, property, detail);
		return false;
	}
	return true;
}

static bool check_unit(struct route *r, const char *property, const char *found, const char *unit)
{
	char detail[DEAD_LETTER_DETAIL_MAX];

	if (found == NULL || strcmp(found, unit) == 0) {
		return true;
	}
	snprintf(detail, sizeof(detail), "the unit is \"%.40s\", the datastream's is \"%s\"", found, unit);
	reject(r, REJECT_WRONG_UNIT, property, detail);
	return false;
}

/* What to do so that readings are taken again. */
static const char *refusal_remedy(int error)
{
	switch (error) {
	case -EDQUOT:
		return "see that PostgreSQL can be reached, or raise journal.max_size";
	case -ENOMEM:
		return "give the broker more memory, or lower max_datastreams";
	case -EBUSY:
		return "the next segment is not ready yet: is the disk slow? A larger journal.segment_size helps";
	case -ENOSPC:
		return "make room on the disk of the state directory";
	default:
		return "check the disk of the state directory";
	}
}

/* A reading cannot be kept: its client is to send it again, and at QoS 0 it is lost. */
static void refuse(struct route *r, int error)
{
	struct ingest *in = r->in;

	r->refused = true;
	stats_add(in->shared.stats, STATS_READINGS_UNJOURNALLED, 1);
	if (r->message->qos == 0) {
		stats_add(in->shared.stats, STATS_READINGS_LOST, 1);
		ledger_add(in->shared.ledger, error == -ENOMEM ? LOSS_OUT_OF_MEMORY : LOSS_JOURNAL_FULL,
		           r->now_us);
	}
	if (in->refusing) {
		return;
	}
	in->refusing = true;
	log_post(
		in->shared.log, LOG_LEVEL_ERROR,
		"journal: %s: readings are refused from now on (QoS 1 and 2 clients have to send again, QoS 0 is lost "
		"and counted); alerts go on; %s",
		error == -EDQUOT ? "journal.max_size is reached" : strerror(-error), refusal_remedy(error));
}

/* The datastream of key, bound to the registry; NULL when it may not or cannot be. */
static struct datastream *find_datastream(struct route *r, const struct datastream_key *key)
{
	struct ingest *in = r->in;
	struct datastream *d = datastream_find(in->table, key);
	bool registered;

	if (d != NULL) {
		datastream_bind(d, in->registry, in->generation);
		registered = d->registered != NULL;
	} else {
		registered = registry_find(in->registry, key) != NULL;
	}
	if (in->config->register_known && !registered) {
		reject(r, REJECT_NOT_REGISTERED, key->property,
		       "the datastream is not in highwater.datastream, and register is \"known\"");
		return NULL;
	}
	if (d != NULL) {
		return d;
	}
	/* The registered ones have their place: strangers cannot take it from them. */
	if (!registered && datastream_count(in->table) >= in->config->max_datastreams) {
		reject(r, REJECT_TOO_MANY_DATASTREAMS, key->property, "max_datastreams is reached");
		return NULL;
	}
	d = datastream_add(in->table, key);
	if (d == NULL) {
		refuse(r, -ENOMEM);
		return NULL;
	}
	datastream_bind(d, in->registry, in->generation);
	stats_set(in->shared.stats, STATS_DATASTREAMS, datastream_count(in->table));
	return d;
}

static bool journal_reading(struct route *r, struct datastream *d, const struct reading *reading)
{
	struct ingest *in = r->in;
	uint8_t body[RECORD_BODY_MAX];
	size_t length = record_encode_reading(reading, body);
	uint64_t position;
	int error =
		journal_append(in->shared.journal, RECORD_READING, JOURNAL_NORMAL, body, length, &position);

	if (error != 0) {
		refuse(r, error);
		return false;
	}
	if (in->refusing) {
		in->refusing = false;
		log_post(in->shared.log, LOG_LEVEL_NOTICE,
		         "journal: there is room again, readings are taken");
	}
	d->has_last = true;
	d->last_us = reading->phenomenon_us;
	d->last_result = reading->result;
	stats_add(in->shared.stats, STATS_READINGS_JOURNALLED, 1);
	return true;
}

static uint64_t bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

/* A QoS 1 or 2 message that is sent again shows neither DUP nor packet id to plugins. */
static bool is_repeated(const struct datastream *d, const struct reading *reading)
{
	return d->has_last && d->last_us == reading->phenomenon_us &&
	       bits_of(d->last_result) == bits_of(reading->result);
}

static void take_reading(struct route *r, struct datastream *d, const char *unit,
                         const struct reading *reading)
{
	struct ingest *in = r->in;
	int64_t late_after_us = in->config->late_after_us;

	if (is_repeated(d, reading)) {
		stats_add(in->shared.stats, STATS_READINGS_DUPLICATE, 1);
		r->taken++;
		return;
	}
	if (journal_reading(r, d, reading)) {
		r->taken++;
	}
	/* A reading that the journal could not take may raise an alarm all the same. */
	if (late_after_us != 0 && reading->phenomenon_us < r->now_us - late_after_us) {
		stats_add(in->shared.stats, STATS_READINGS_LATE, 1);
		return;
	}
	alarms_evaluate(&in->alarms, in->registry, d, unit, reading);
}

static void sink_value(void *context, const struct decode_value *v)
{
	struct route *r = context;
	const char *property = v->property->code;
	struct reading reading = {
		.phenomenon_us = v->has_time ? v->time_us : r->now_us,
		.received_us = r->now_us,
		.result = v->value,
		.quality = QUALITY_NOT_EVALUATED,
	};
	struct datastream *d;
	const char *unit;

	stats_add(r->in->shared.stats, STATS_READINGS_RECEIVED, 1);
	copy_text(reading.key.station, sizeof(reading.key.station), r->match.station,
	          r->match.station_length);
	copy_text(reading.key.property, sizeof(reading.key.property), property, strlen(property));
	if (!check_time(r, property, reading.phenomenon_us)) {
		return;
	}
	d = find_datastream(r, &reading.key);
	if (d == NULL) {
		return;
	}
	unit = d->registered != NULL ? d->registered->unit : v->property->unit;
	if (check_unit(r, property, v->unit, unit)) {
		take_reading(r, d, unit, &reading);
	}
}

/* --- one message --- */

static enum ingest_verdict verdict_of(const struct route *r)
{
	if (r->refused) {
		/* QoS 0 has no acknowledgement that could be false, and its subscribers are not ours to cut off. */
		return r->message->qos > 0 ? INGEST_REFUSE : INGEST_PASS;
	}
	if (r->rejected > 0 && r->taken == 0 && !r->in->config->pass_invalid) {
		return INGEST_DENY;
	}
	return INGEST_PASS;
}

static enum ingest_verdict take_message(struct route *r, const struct decode_format *format)
{
	const struct ingest *in = r->in;
	const struct decode_input input = {
		.payload = r->message->payload,
		.length = r->message->length,
		.property = r->match.property_length > 0 ? r->match.property : NULL,
		.property_length = r->match.property_length,
		.properties = in->registry->properties,
		.property_count = in->registry->property_count,
	};
	const struct decode_sink sink = {
		.context = r,
		.value = sink_value,
		.reject = sink_reject,
		.ignored = sink_ignored,
	};

	if (check_station(r) && format->decode(&input, &sink) != 0) {
		refuse(r, -ENOMEM); /* the message may be good */
	}
	handover_wake(in->shared.handover);
	return verdict_of(r);
}

enum ingest_verdict ingest_message(struct ingest *in, const struct message *message)
{
	struct route r = {.in = in, .message = message};

	if (topic_is_below(message->topic, in->config->prefix)) {
		stats_add(in->shared.stats, STATS_MESSAGES_REFUSED, 1);
		return INGEST_DENY;
	}
	if (message->retain && message->length == 0) {
		return INGEST_PASS; /* MQTT's way to delete a retained message; no reading */
	}
	for (size_t i = 0; i < in->config->source_count; i++) {
		const struct config_source *source = &in->config->sources[i];
		int64_t started_us, took_us;
		enum ingest_verdict verdict;

		if (!topic_match(&source->pattern, message->topic, &r.match)) {
			continue;
		}
		started_us = clock_monotonic_us();
		r.now_us = clock_realtime_us();
		stats_add(in->shared.stats, STATS_MESSAGES_MATCHED, 1);
		verdict = take_message(&r, source->format);
		took_us = clock_monotonic_us() - started_us;
		if ((uint64_t)took_us > stats_get(in->shared.stats, STATS_CALLBACK_MAX_US)) {
			stats_set(in->shared.stats, STATS_CALLBACK_MAX_US, (uint64_t)took_us);
		}
		if (r.now_us - in->ticked_us > 2 * TICK_US || r.now_us < in->ticked_us) {
			ingest_tick(in); /* the broker does not: per_listener_settings */
		}
		return verdict;
	}
	return INGEST_PASS;
}

/* --- between messages --- */

static void take_registry(struct ingest *in)
{
	struct registry *fresh = handover_take_registry(in->shared.handover);

	if (fresh == NULL) {
		return;
	}
	handover_return_registry(in->shared.handover, in->registry);
	in->registry = fresh;
	in->generation++;
	stats_set(in->shared.stats, STATS_REGISTRY_DATASTREAMS, fresh->datastream_count);
}

void ingest_tick(struct ingest *in)
{
	int64_t now_us = clock_monotonic_us();

	in->ticked_us = clock_realtime_us();
	take_registry(in);
	alarms_turn(&in->alarms);
	log_drain(in->shared.log, broker_log);
	if (in->stats_us == 0 || now_us - in->stats_us >= in->config->stats_interval_us) {
		in->stats_us = now_us;
		if (announce_stats(&in->announce, in->shared.stats) != 0) {
			broker_log(LOG_LEVEL_WARNING, "out of memory: counters were not published");
		}
	}
}

void ingest_set_config(struct ingest *in, struct config *config)
{
	config_free(in->config);
	in->config = config;
	in->announce.prefix = config->prefix;
	in->announce.alerts_qos = config->alerts_qos;
}

const struct config *ingest_config(const struct ingest *in)
{
	return in->config;
}

int ingest_new(struct ingest **ret, struct config *config, struct registry *registry,
               const struct shared *shared)
{
	struct ingest *in = calloc(1, sizeof(*in));
	struct datastream_table *table = datastream_table_new();
	int error;

	if (in == NULL || table == NULL) {
		free(in);
		datastream_table_free(table);
		config_free(config);
		registry_free(registry);
		return -ENOMEM;
	}
	in->shared = *shared;
	in->registry = registry;
	in->generation = 1;
	in->table = table;
	ingest_set_config(in, config);
	in->alarms = (struct alarms){
		.journal = shared->journal,
		.store = shared->alarm_store,
		.table = table,
		.announce = &in->announce,
		.handover = shared->handover,
		.stats = shared->stats,
		.log = shared->log,
	};
	error = alarms_restore(&in->alarms, registry, in->generation);
	if (error != 0) {
		ingest_free(in);
		return error;
	}
	stats_set(shared->stats, STATS_REGISTRY_DATASTREAMS, registry->datastream_count);
	*ret = in;
	return 0;
}

void ingest_free(struct ingest *in)
{
	if (in == NULL) {
		return;
	}
	datastream_table_free(in->table);
	registry_free(in->registry);
	config_free(in->config);
	free(in);
}
