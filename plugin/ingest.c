#include "ingest_private.h"

#include "broker.h"
#include "clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_US     100000
#define TIMED_EVERY 8 /* messages */

static void sink_reject(void *context, enum reject reason, const char *property, const char *detail)
{
	struct route *r = context;

	stats_count(r->in->shared.stats, STATS_READINGS_RECEIVED);
	ingest_reject(r, reason, property, detail);
}

static void sink_ignored(void *context, const char *member)
{
	struct route *r = context;

	(void)member;
	stats_count(r->in->shared.stats, STATS_MEMBERS_IGNORED);
}

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

static void sink_value(void *context, const struct decode_value *value)
{
	ingest_reading(context, value);
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

/*
 * A topic that names the property tells which datastream is next: while the payload is decoded, what is remembered
 * of it comes into the cache.
 */
static void foresee(struct route *r)
{
	const struct datastream_name name = {
		.station = r->match.station,
		.station_length = r->match.station_length,
		.property = r->match.property,
		.property_length = r->match.property_length,
	};

	if (name.property_length > 0) {
		r->named = datastream_find_named(r->in->table, &name);
	}
	if (r->named != NULL) {
		datastream_fetch(r->named);
	}
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
		.property_count = in->registry->count.properties,
	};
	const struct decode_sink sink = {
		.context = r,
		.value = sink_value,
		.reject = sink_reject,
		.ignored = sink_ignored,
	};

	foresee(r);
	if (check_station(r) && format->decode(&input, &sink) != 0) {
		ingest_refuse(r, -ENOMEM); /* the message may be good */
	}
	handover_wake(in->shared.handover);
	return verdict_of(r);
}

/*
 * By the clock of the day, which has been read already. A second reading costs as much as finding the datastream, so
 * that one message in eight is timed, and each in which the coarse clock has moved on: what takes as long as its
 * step is not missed. That clock can be set, and its step is no duration: what seems the longest so far is not
 * longer than since the last tick.
 */
static void note_duration(struct ingest *in, int64_t started_us)
{
	int64_t took_us, most_us;

	if (++in->untimed < TIMED_EVERY && clock_coarse_us() <= started_us) {
		return;
	}
	in->untimed = 0;
	took_us = clock_realtime_us() - started_us;
	most_us = (int64_t)stats_get(in->shared.stats, STATS_CALLBACK_MAX_US);

	if (took_us > most_us) {
		took_us = MIN(took_us, clock_monotonic_us() - in->turned_us);
		stats_set(in->shared.stats, STATS_CALLBACK_MAX_US, (uint64_t)MAX(took_us, most_us));
	}
}

enum ingest_verdict ingest_message(struct ingest *in, const struct message *message)
{
	struct topic_match match;
	enum ingest_verdict verdict;
	size_t source;

	if (topic_is_below(message->topic, in->config->prefix)) {
		stats_count(in->shared.stats, STATS_MESSAGES_REFUSED);
		return INGEST_DENY;
	}
	source = topic_index_match(in->config->index, message->topic, &match);
	if (source == TOPIC_INDEX_NONE) {
		return INGEST_PASS;
	}
	if (message->retain && message->length == 0) {
		return INGEST_PASS; /* MQTT's way to delete a retained message; no reading */
	}
	struct route r = {.in = in, .message = message, .match = match, .now_us = clock_realtime_us()};

	stats_count(in->shared.stats, STATS_MESSAGES_MATCHED);
	verdict = take_message(&r, in->config->sources[source].format);
	note_duration(in, r.now_us);
	ingest_tick_if_late(in, r.now_us);
	return verdict;
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
	in->announce.registry = fresh;
	in->generation++;
	alarms_use_registry(&in->alarms, fresh, in->generation);
	stats_set(in->shared.stats, STATS_REGISTRY_DATASTREAMS, fresh->count.datastreams);
}

void ingest_tick(struct ingest *in)
{
	int64_t now_us = clock_monotonic_us();

	in->turned_us = now_us;
	in->ticked_us = clock_realtime_us();
	take_registry(in);
	/* Before the alarms move their mark: see ingest_memory.c. */
	ingest_keep_older(in);
	alarms_turn(&in->alarms);
	log_drain(in->shared.log, broker_log);
	if (in->stats_us == 0 || now_us - in->stats_us >= in->config->stats_interval_us) {
		in->stats_us = now_us;
		if (announce_stats(&in->announce, in->shared.stats) != 0) {
			broker_log(LOG_LEVEL_WARNING, "out of memory: counters were not published");
		}
	}
}

void ingest_tick_if_late(struct ingest *in, int64_t now_us)
{
	if (now_us - in->ticked_us > 2 * TICK_US || now_us < in->ticked_us) {
		ingest_tick(in);
	}
}

void ingest_set_config(struct ingest *in, struct config *config)
{
	config_free(in->config);
	in->config = config;
	in->announce.prefix = config->prefix;
	in->announce.alerts_qos = config->alerts_qos;
	in->announce.cap = config->cap;
}

struct alarms *ingest_alarms(struct ingest *in)
{
	return &in->alarms;
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
	in->announce.registry = registry;
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
	alarms_use_registry(&in->alarms, registry, in->generation);
	error = alarms_restore(&in->alarms);
	if (error == 0) {
		error = ingest_restore_memory(in);
	}
	if (error != 0) {
		ingest_free(in);
		return error;
	}
	stats_set(shared->stats, STATS_REGISTRY_DATASTREAMS, registry->count.datastreams);
	*ret = in;
	return 0;
}

void ingest_free(struct ingest *in)
{
	if (in == NULL) {
		return;
	}
	ingest_keep_older(in);
	ingest_keep_older(in);
	alarms_done(&in->alarms);
	datastream_table_free(in->table);
	registry_free(in->registry);
	config_free(in->config);
	free(in);
}
