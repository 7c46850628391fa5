/*
 * The whole route of a message with everything real but the broker: a journal
 * and an alarm store on disk, and a list of what would have been published.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker.h"
#include "clock.h"
#include "ingest.h"
#include "record.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- the broker --- */

#define PUBLISHED_MAX 64

static struct {
	char topic[256];
	char text[2048];
	bool retain;
} published[PUBLISHED_MAX];
static size_t published_count;

const char *broker_client_id(const void *client)
{
	return client;
}

int broker_publish(const char *topic, const char *text, int qos, bool retain)
{
	(void)qos;
	if (strncmp(topic, "$SYS/", 5) == 0) {
		return 0;
	}
	assert_true(published_count < PUBLISHED_MAX);
	snprintf(published[published_count].topic, sizeof(published[0].topic), "%s", topic);
	snprintf(published[published_count].text, sizeof(published[0].text), "%s", text);
	published[published_count++].retain = retain;
	return 0;
}

void broker_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static size_t published_below(const char *prefix)
{
	size_t count = 0;

	for (size_t i = 0; i < published_count; i++) {
		count += strncmp(published[i].topic, prefix, strlen(prefix)) == 0;
	}
	return count;
}

static const char *last_below(const char *prefix)
{
	for (size_t i = published_count; i-- > 0;) {
		if (strncmp(published[i].topic, prefix, strlen(prefix)) == 0) {
			return published[i].text;
		}
	}
	fail_msg("nothing was published below %s", prefix);
	return "";
}

/* --- the plugin's parts --- */

struct world {
	char directory[64];
	struct handover handover;
	struct stats stats;
	struct log_box *log;
	struct journal *journal;
	struct alarm_store *alarm_store;
	struct qc_store *qc_store;
	struct ledger *ledger;
	struct ingest *ingest;
	uint64_t max_size;
	bool register_known;
	const char *on_reading; /* station that has levels I to III */
};

static struct registry *registry_with_levels(const char *station)
{
	static const double set_values[] = {1.40, 1.50, 1.60};
	const struct registry_counts counts = {
		.properties = property_builtin_count, .datastreams = 1, .thresholds = 3};
	struct registry *r = registry_new(&counts);

	assert_non_null(r);
	memcpy(r->properties, property_builtin, property_builtin_count * sizeof(struct property));
	r->datastreams[0] = (struct registry_datastream){
		.threshold_count = 3, .unit = "m", .latitude = NAN, .longitude = NAN};
	strcpy(r->datastreams[0].key.station, station);
	strcpy(r->datastreams[0].key.property, "water_level");
	for (int i = 0; i < 3; i++) {
		r->thresholds[i] = (struct threshold){.set_value = set_values[i],
		                                      .clear_value = set_values[i] - 0.05,
		                                      .level = i + 1,
		                                      .severity = SEVERITY_MODERATE};
		snprintf(r->thresholds[i].name, sizeof(r->thresholds[i].name), "level %d", i + 1);
	}
	assert_int_equal(registry_seal(r), 0);
	return r;
}

static void open_world(struct world *w)
{
	const struct config_option options[] = {{"database", "dbname=none"}, {"state_dir", w->directory}};
	char path[128], message[512];
	uint32_t damaged;
	struct qc_store_report quality;
	struct journal_report report;
	struct journal_options journal = {
		.directory = path, .max_size = w->max_size, .segment_size = 1 << 20};
	struct config *config;
	struct shared shared;

	memset(&w->stats, 0, sizeof(w->stats));
	assert_int_equal(handover_init(&w->handover), 0);
	w->log = log_box_new();
	assert_non_null(w->log);
	snprintf(path, sizeof(path), "%s/alarms", w->directory);
	assert_int_equal(alarm_store_open(&w->alarm_store, path, 1000, &damaged), 0);
	snprintf(path, sizeof(path), "%s/quality", w->directory);
	assert_int_equal(qc_store_open(&w->qc_store, path, 10000, &quality), 0);
	snprintf(path, sizeof(path), "%s/ledger", w->directory);
	assert_int_equal(ledger_open(&w->ledger, path), 0);
	snprintf(path, sizeof(path), "%s/journal", w->directory);
	assert_int_equal(journal_open(&w->journal, &journal, &report), 0);
	assert_int_equal(config_load(&config, options, 2, message, sizeof(message)), 0);
	config->register_known = w->register_known;
	shared = (struct shared){.journal = w->journal,
	                         .alarm_store = w->alarm_store,
	                         .qc_store = w->qc_store,
	                         .ledger = w->ledger,
	                         .handover = &w->handover,
	                         .stats = &w->stats,
	                         .log = w->log};
	assert_int_equal(ingest_new(&w->ingest, config, registry_with_levels("phu-an"), &shared), 0);
}

static void close_world(struct world *w)
{
	ingest_free(w->ingest);
	journal_close(w->journal);
	alarm_store_close(w->alarm_store);
	qc_store_close(w->qc_store);
	ledger_close(w->ledger);
	handover_done(&w->handover);
	log_box_free(w->log);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		return -1;
	}
	strcpy(w->directory, "/tmp/highwater-ingest-XXXXXX");
	if (mkdtemp(w->directory) == NULL) {
		return -1;
	}
	w->max_size = 16u << 20;
	published_count = 0;
	open_world(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];
	int status;

	close_world(w);
	snprintf(command, sizeof(command), "rm -r %s", w->directory);
	status = system(command);
	free(w);
	return status;
}

static void reopen(struct world *w)
{
	close_world(w);
	published_count = 0;
	open_world(w);
}

static enum ingest_verdict send_with(struct world *w, const char *topic, const char *payload, int qos)
{
	const struct message message = {.topic = topic,
	                                .client = "gauge-1",
	                                .payload = payload,
	                                .length = strlen(payload),
	                                .qos = qos};

	return ingest_message(w->ingest, &message);
}

static enum ingest_verdict send(struct world *w, const char *topic, const char *payload)
{
	return send_with(w, topic, payload, 1);
}

/* A level at Phú An, sent with a time of its own: calls are a minute apart. */
static void send_level(struct world *w, double level)
{
	static int minute;
	char payload[96];
	int64_t now_s = clock_realtime_us() / 1000000;

	snprintf(payload, sizeof(payload), "{\"time\": %lld, \"value\": %.3f}",
	         (long long)(now_s - 1200 + 60 * (minute++ % 20)), level);
	assert_int_equal(send(w, "sensors/phu-an/water_level", payload), INGEST_PASS);
	if (minute % 20 == 0) {
		fail_msg("the test sends more levels than fit before now");
	}
}

/* By then the broker has delivered what it was given. */
static void turn_three_times(struct world *w)
{
	for (int i = 0; i < 3; i++) {
		ingest_tick(w->ingest);
	}
}

static uint64_t stat(const struct world *w, enum stats_value id)
{
	return stats_get(&w->stats, id);
}

/* Records of one kind in the journal; the newest is left in body. */
static size_t journalled(struct world *w, uint8_t kind, uint8_t body[static RECORD_BODY_MAX], size_t *length)
{
	uint8_t buffer[RECORD_BODY_MAX];
	struct journal_cursor cursor;
	struct journal_record record;
	size_t count = 0;

	journal_cursor_init(&cursor, w->journal, 0);
	while (journal_cursor_next(&cursor, buffer, sizeof(buffer), &record) == 1) {
		if (record.kind == kind) {
			memcpy(body, record.body, record.length);
			*length = record.length;
			count++;
		}
	}
	return count;
}

/* --- readings --- */

static void journals_a_reading_before_it_passes(void **state)
{
	struct world *w = *state;
	uint8_t body[RECORD_BODY_MAX];
	struct reading r;
	struct hindsight hindsight;
	size_t length = 0;

	assert_int_equal(send(w, "sensors/nha-be/water_level", "1.23"), INGEST_PASS);
	assert_int_equal(journalled(w, RECORD_READING, body, &length), 1);
	assert_int_equal(record_decode_reading(RECORD_READING, body, length, &r, &hindsight), 0);
	assert_string_equal(r.key.station, "nha-be");
	assert_string_equal(r.key.property, "water_level");
	assert_true(r.result == 1.23);
	assert_int_equal(r.quality, QUALITY_NOT_EVALUATED);
	assert_int_equal(r.phenomenon_us, r.received_us);
}

static void takes_each_property_of_an_object(void **state)
{
	struct world *w = *state;
	uint8_t body[RECORD_BODY_MAX];
	size_t length = 0;

	assert_int_equal(send(w, "sensors/nha-be", "{\"water_level\": 1.2, \"rainfall\": 0, \"mood\": 3}"),
	                 INGEST_PASS);
	assert_int_equal(journalled(w, RECORD_READING, body, &length), 2);
	assert_int_equal(stat(w, STATS_MEMBERS_IGNORED), 1);
}

static void leaves_topics_of_others_alone(void **state)
{
	struct world *w = *state;

	assert_int_equal(send(w, "home/kitchen/light", "not json at all"), INGEST_PASS);
	assert_int_equal(stat(w, STATS_MESSAGES_MATCHED), 0);
	assert_int_equal(published_count, 0);
}

static void denies_publishes_below_the_prefix(void **state)
{
	struct world *w = *state;

	assert_int_equal(send(w, "highwater/alerts/phu-an/water_level", "{}"), INGEST_DENY);
	assert_int_equal(send(w, "highwater", "{}"), INGEST_DENY);
	assert_int_equal(send(w, "highwaters/x", "{}"), INGEST_PASS);
	assert_int_equal(stat(w, STATS_MESSAGES_REFUSED), 2);
}

static void lets_an_empty_retained_message_delete_another(void **state)
{
	struct world *w = *state;
	const struct message message = {.topic = "sensors/nha-be/water_level",
	                                .client = "",
	                                .payload = NULL,
	                                .length = 0,
	                                .retain = true};

	assert_int_equal(ingest_message(w->ingest, &message), INGEST_PASS);
	assert_int_equal(stat(w, STATS_REJECTED_TOTAL), 0);
}

static void recognises_a_reading_that_is_sent_again(void **state)
{
	struct world *w = *state;
	char payload[80];
	uint8_t body[RECORD_BODY_MAX];
	size_t length = 0;

	snprintf(payload, sizeof(payload), "{\"time\": %lld, \"value\": 1.1}",
	         (long long)(clock_realtime_us() / 1000000));
	assert_int_equal(send(w, "sensors/nha-be/water_level", payload), INGEST_PASS);
	assert_int_equal(send(w, "sensors/nha-be/water_level", payload), INGEST_PASS);
	assert_int_equal(journalled(w, RECORD_READING, body, &length), 1);
	assert_int_equal(stat(w, STATS_READINGS_DUPLICATE), 1);
}

static void wakes_the_writer(void **state)
{
	struct world *w = *state;
	uint64_t count;

	handover_sleep(&w->handover);
	assert_int_equal(send(w, "sensors/nha-be/water_level", "1.23"), INGEST_PASS);
	assert_int_equal(read(w->handover.wake_fd, &count, sizeof(count)), sizeof(count));
}

/* --- rejections --- */

static void assert_rejected(struct world *w, const char *topic, const char *payload, enum reject reason)
{
	uint8_t body[RECORD_BODY_MAX];
	struct dead_letter_texts texts;
	struct dead_letter letter;
	char expected[256];
	size_t length = 0;

	assert_int_equal(send(w, topic, payload), INGEST_DENY);
	assert_true(journalled(w, RECORD_DEAD_LETTER, body, &length) > 0);
	assert_int_equal(record_decode_dead_letter(body, length, &texts, &letter), 0);
	assert_string_equal(reject_name(letter.reason), reject_name(reason));
	assert_string_equal(letter.topic, topic);
	assert_string_equal(letter.client, "gauge-1");
	assert_int_equal(letter.payload_length, strlen(payload));
	snprintf(expected, sizeof(expected), "highwater/rejected/%s", topic);
	assert_non_null(strstr(last_below(expected), reject_name(reason)));
	assert_int_equal(stat(w, STATS_READINGS_JOURNALLED), 0);
}

static void rejects_with_reason_topic_and_client(void **state)
{
	struct world *w = *state;

	assert_rejected(w, "sensors/nha-be/water_level", "{\"value\": ", REJECT_INVALID_JSON);
	assert_rejected(w, "sensors/nha-be/mood", "1", REJECT_UNKNOWN_PROPERTY);
	assert_rejected(w, "sensors/nha-be/water_level", "{\"value\": 1, \"unit\": \"ft\"}",
	                REJECT_WRONG_UNIT);
}

static void rejects_times_beyond_the_limits(void **state)
{
	struct world *w = *state;
	int64_t now_s = clock_realtime_us() / 1000000;
	char payload[80];

	snprintf(payload, sizeof(payload), "{\"time\": %lld, \"value\": 1}", (long long)(now_s + 301));
	assert_rejected(w, "sensors/nha-be/water_level", payload, REJECT_TIME_IN_FUTURE);
	snprintf(payload, sizeof(payload), "{\"time\": %lld, \"value\": 1}",
	         (long long)(now_s - 366 * 86400 - 1));
	assert_rejected(w, "sensors/nha-be/water_level", payload, REJECT_TIME_TOO_OLD);
	snprintf(payload, sizeof(payload), "{\"time\": %lld, \"value\": 1}", (long long)(now_s + 298));
	assert_int_equal(send(w, "sensors/nha-be/water_level", payload), INGEST_PASS);
}

static void rejects_a_station_code_that_the_schema_would(void **state)
{
	struct world *w = *state;
	char topic[128];

	snprintf(topic, sizeof(topic), "sensors/%065d/water_level", 1);
	assert_rejected(w, topic, "1", REJECT_INVALID_STATION);
	snprintf(topic, sizeof(topic), "sensors/%064d/water_level", 1);
	assert_int_equal(send(w, topic, "1"), INGEST_PASS);
}

static void each_rejection_is_on_the_ledger(void **state)
{
	struct world *w = *state;
	struct ledger_entry loss;

	assert_rejected(w, "sensors/nha-be/water_level", "{\"value\": ", REJECT_INVALID_JSON);
	assert_rejected(w, "sensors/nha-be/water_level", "nan", REJECT_INVALID_JSON);
	assert_true(ledger_pending(w->ledger, REJECT_INVALID_JSON, &loss));
	assert_int_equal(loss.total, 2);
	assert_string_equal(loss.reason, "invalid_json");
}

static void one_bad_member_costs_one_reading(void **state)
{
	struct world *w = *state;

	assert_int_equal(send(w, "sensors/nha-be", "{\"water_level\": \"high\", \"rainfall\": 2}"),
	                 INGEST_PASS);
	assert_int_equal(stat(w, STATS_READINGS_JOURNALLED), 1);
	assert_int_equal(stat(w, STATS_REJECTED_TOTAL), 1);
	assert_int_equal(stat(w, STATS_READINGS_RECEIVED), 2);
}

static void known_takes_only_what_is_registered(void **state)
{
	struct world *w = *state;

	w->register_known = true;
	reopen(w);
	assert_rejected(w, "sensors/nha-be/water_level", "1", REJECT_NOT_REGISTERED);
	assert_int_equal(stat(w, STATS_DATASTREAMS), 0);
	assert_int_equal(send(w, "sensors/phu-an/water_level", "1"), INGEST_PASS);
}

static void max_datastreams_bounds_new_ones_only(void **state)
{
	struct world *w = *state;
	struct config *config;
	const struct config_option options[] = {{"database", "dbname=none"}, {"state_dir", w->directory}};
	char message[256];

	assert_int_equal(send(w, "sensors/a/flow", "1"), INGEST_PASS);
	assert_int_equal(config_load(&config, options, 2, message, sizeof(message)), 0);
	config->max_datastreams = 1;
	ingest_set_config(w->ingest, config);
	assert_int_equal(send(w, "sensors/b/flow", "1"), INGEST_DENY);
	assert_non_null(strstr(last_below("highwater/rejected/sensors/b/flow"), "too_many_datastreams"));
	assert_int_equal(send(w, "sensors/a/flow", "2"), INGEST_PASS);
	assert_int_equal(send(w, "sensors/phu-an/water_level", "1.45"),
	                 INGEST_PASS); /* registered: never too many */
	assert_int_equal(published_below("highwater/alerts/phu-an/"), 1);
}

/* --- a full journal --- */

static void a_full_journal_refuses_readings_and_never_alerts(void **state)
{
	struct world *w = *state;
	char payload[80];
	enum ingest_verdict verdict = INGEST_PASS;
	struct ledger_entry loss;

	w->max_size = 4u << 20;
	reopen(w);
	for (int i = 0; i < 100000 && verdict == INGEST_PASS; i++) {
		snprintf(payload, sizeof(payload), "{\"value\": %d}", i);
		verdict = send(w, "sensors/nha-be/flow", payload);
		(void)!journal_prepare(w->journal);
	}
	assert_int_equal(verdict, INGEST_REFUSE);
	assert_int_equal(send_with(w, "sensors/nha-be/flow", "-1", 0), INGEST_PASS);
	assert_int_equal(stat(w, STATS_READINGS_UNJOURNALLED), 2);
	assert_int_equal(stat(w, STATS_READINGS_LOST), 1);
	assert_true(ledger_pending(w->ledger, LOSS_JOURNAL_FULL, &loss));
	assert_int_equal(loss.total, 1);
	assert_int_equal(send(w, "sensors/phu-an/water_level", "1.55"), INGEST_REFUSE);
	assert_int_equal(published_below("highwater/alerts/phu-an/water_level"), 1);
	assert_int_equal(stat(w, STATS_ALERTS_UNJOURNALLED), 0);
}

/* --- alerts --- */

static void publishes_a_transition_once_and_keeps_the_state_retained(void **state)
{
	struct world *w = *state;
	uint8_t body[RECORD_BODY_MAX];
	struct transition t;
	size_t length = 0;

	send_level(w, 1.30);
	assert_int_equal(published_below("highwater/alerts/"), 0);
	send_level(w, 1.52);
	send_level(w, 1.53);
	assert_int_equal(published_below("highwater/alerts/phu-an/water_level"), 1);
	assert_int_equal(published_below("highwater/status/phu-an/water_level"),
	                 2); /* at first sight, and now */
	assert_true(published[published_count - 1].retain);
	assert_int_equal(journalled(w, RECORD_ALARM, body, &length), 1);
	assert_int_equal(record_decode_transition(RECORD_ALARM, body, length, &t), 0);
	assert_int_equal(t.level, 2);
	assert_int_equal(t.msg_type, MSG_ALERT);
	assert_string_equal(t.level_name, "level 2");
	assert_int_equal(stat(w, STATS_ALERTS_ACTIVE), 1);
	send_level(w, 1.20);
	assert_int_equal(published_below("highwater/alerts/phu-an/water_level"), 2);
	assert_non_null(strstr(last_below("highwater/status/"), "Cancel"));
	assert_int_equal(stat(w, STATS_ALERTS_ACTIVE), 0);
}

static void late_data_is_stored_and_never_alarms(void **state)
{
	struct world *w = *state;
	char payload[80];

	snprintf(payload, sizeof(payload), "{\"time\": %lld, \"value\": 1.9}",
	         (long long)(clock_realtime_us() / 1000000 - 1801));
	assert_int_equal(send(w, "sensors/phu-an/water_level", payload), INGEST_PASS);
	assert_int_equal(stat(w, STATS_READINGS_JOURNALLED), 1);
	assert_int_equal(stat(w, STATS_READINGS_LATE), 1);
	assert_int_equal(published_count, 0);
}

static void a_restart_neither_repeats_nor_forgets_an_alert(void **state)
{
	struct world *w = *state;

	send_level(w, 1.45);
	turn_three_times(w);
	reopen(w);
	assert_int_equal(published_below("highwater/alerts/"), 0);
	assert_int_equal(published_below("highwater/status/phu-an/water_level"), 1);
	assert_int_equal(stat(w, STATS_ALERTS_ACTIVE), 1);
	send_level(w, 1.46);
	assert_int_equal(published_below("highwater/alerts/"), 0);
	send_level(w, 1.10);
	assert_int_equal(published_below("highwater/alerts/"), 1);
	assert_non_null(strstr(last_below("highwater/alerts/"), "Cancel"));
}

static void an_alert_not_delivered_before_the_crash_is_published_again(void **state)
{
	struct world *w = *state;
	char identifier[96];
	const char *at;

	send_level(w, 1.05);
	turn_three_times(w);
	send_level(w, 1.45);
	at = strstr(last_below("highwater/alerts/"), "\"identifier\"");
	assert_non_null(at);
	copy_text(identifier, sizeof(identifier), at, strcspn(at, ","));
	reopen(w);
	assert_int_equal(published_below("highwater/alerts/"), 1);
	assert_non_null(strstr(last_below("highwater/alerts/"), identifier));
	send_level(w, 1.46);
	assert_int_equal(published_below("highwater/alerts/"), 1);
}

static void the_journal_keeps_what_subscribers_may_not_have_had(void **state)
{
	struct world *w = *state;

	turn_three_times(w);
	send_level(w, 1.45);
	assert_true(handover_announced(&w->handover) < journal_tail(w->journal));
	turn_three_times(w);
	assert_int_equal(handover_announced(&w->handover), journal_tail(w->journal));
}

/* --- the memory of quality control --- */

#define MANY 3000

struct memories {
	uint64_t
		position[MANY]; /* of the newest reading that the store knows, by station; 0: it knows none */
	size_t count;
};

static void note_memory(void *context, struct qc_place place, const struct datastream_key *key,
                        const struct qc_memory *memory, const struct qc_window *window)
{
	struct memories *m = context;
	unsigned station;

	(void)place;
	(void)window;
	assert_int_equal(sscanf(key->station, "s%u", &station), 1);
	m->position[station] = memory->position;
	m->count++;
}

static void look_at_memories(const struct world *w, struct memories *m)
{
	memset(m, 0, sizeof(*m));
	qc_store_each(w->qc_store, note_memory, m);
}

/* Where the reading stands in the journal. */
static uint64_t send_number(struct world *w, unsigned station, unsigned number)
{
	uint64_t position = journal_tail(w->journal);
	char topic[48], payload[32];

	assert_int_equal(journal_prepare(w->journal), 0);
	snprintf(topic, sizeof(topic), "sensors/s%u/water_level", station);
	snprintf(payload, sizeof(payload), "%u", number);
	assert_int_equal(send(w, topic, payload), INGEST_PASS);
	assert_true(journal_tail(w->journal) > position);
	return position;
}

/* What stands before the mark may be deleted from the journal, and is not judged again after a crash. */
static void memories_are_stored_before_the_journal_may_forget_the_readings(void **state)
{
	static struct memories stored;
	static uint64_t newest[20];
	struct world *w = *state;
	uint32_t random = 1;

	for (unsigned i = 1; i < 4000; i++) {
		random = random * 1664525u + 1013904223u;
		newest[random >> 16 & 15] = send_number(w, random >> 16 & 15, i);
		if (random >> 24 >
		    (i < 2000 ? 10 : 128)) { /* at first seldom, then with every other reading */
			continue;
		}
		ingest_tick(w->ingest);
		look_at_memories(w, &stored);
		for (unsigned s = 0; s < ARRAY_SIZE(newest); s++) {
			if (newest[s] < handover_announced(&w->handover)) {
				assert_true(stored.position[s] >= newest[s]);
			}
		}
	}
	assert_true(handover_announced(&w->handover) > 0);
}

static void a_memory_is_stored_by_the_second_tick_and_not_with_each_reading(void **state)
{
	static struct memories stored;
	struct world *w = *state;
	uint64_t first, newest = 0;

	ingest_tick(w->ingest); /* else it is late, and comes with the first reading */
	first = send_number(w, 7, 0);
	for (unsigned i = 1; i < 100; i++) {
		newest = send_number(w, 7, i);
	}
	look_at_memories(w, &stored);
	assert_int_equal(stored.position[7], first); /* a new one gets its slot at once */
	ingest_tick(w->ingest);
	ingest_tick(w->ingest);
	look_at_memories(w, &stored);
	/* A position that is the end of a segment is not the record's: it begins the next one. */
	assert_true(stored.position[7] >= newest);
}

static size_t count_since(const struct memories *m, uint64_t position)
{
	size_t count = 0;

	for (size_t i = 0; i < MANY; i++) {
		count += m->position[i] >= position;
	}
	return count;
}

static void many_memories_are_stored_one_with_a_reading_and_not_all_with_a_tick(void **state)
{
	static struct memories stored;
	struct world *w = *state;
	uint64_t second = 0;

	for (unsigned round = 0; round < 2; round++) {
		ingest_tick(w->ingest);
		ingest_tick(w->ingest);
		second = journal_tail(w->journal);
		for (unsigned i = 0; i < MANY; i++) {
			(void)send_number(w, i, round);
			assert_int_equal(qc_store_extend(w->qc_store), 0);
		}
	}
	look_at_memories(w, &stored);
	assert_in_range(count_since(&stored, second), 1, MANY - 1000);
	ingest_tick(w->ingest);
	for (unsigned i = 0; i < MANY; i++) {
		(void)send_number(w, 0, 2 + i % 2);
	}
	look_at_memories(w, &stored);
	assert_int_equal(count_since(&stored, second), MANY); /* the next tick has none of them to store */
}

static void an_open_incident_outlives_a_registry_that_does_not_know_it(void **state)
{
	struct world *w = *state;
	struct registry *empty = registry_builtin();

	send_level(w, 1.55);
	assert_int_equal(published_below("highwater/alerts/"), 1);
	handover_offer_registry(&w->handover, empty);
	ingest_tick(w->ingest);
	send_level(w, 1.62);
	send_level(w, 1.20);
	assert_int_equal(published_below("highwater/alerts/"), 1); /* no all-clear by mistake */
	handover_offer_registry(&w->handover, registry_with_levels("phu-an"));
	ingest_tick(w->ingest);
	send_level(w, 1.21);
	assert_int_equal(published_below("highwater/alerts/"), 2);
	assert_non_null(strstr(last_below("highwater/alerts/"), "Cancel"));
	assert_non_null(strstr(last_below("highwater/alerts/"), "1.62"));
}

static void a_new_registry_brings_new_levels(void **state)
{
	struct world *w = *state;

	assert_int_equal(send(w, "sensors/nha-be/water_level", "1.7"), INGEST_PASS);
	assert_int_equal(published_below("highwater/alerts/"), 0);
	handover_offer_registry(&w->handover, registry_with_levels("nha-be"));
	ingest_tick(w->ingest);
	usleep(2);
	assert_int_equal(send(w, "sensors/nha-be/water_level", "1.71"), INGEST_PASS);
	assert_int_equal(published_below("highwater/alerts/nha-be/water_level"), 1);
}

int main(void)
{
#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(journals_a_reading_before_it_passes),
		WITH_WORLD(takes_each_property_of_an_object),
		WITH_WORLD(leaves_topics_of_others_alone),
		WITH_WORLD(denies_publishes_below_the_prefix),
		WITH_WORLD(lets_an_empty_retained_message_delete_another),
		WITH_WORLD(recognises_a_reading_that_is_sent_again),
		WITH_WORLD(wakes_the_writer),
		WITH_WORLD(rejects_with_reason_topic_and_client),
		WITH_WORLD(rejects_times_beyond_the_limits),
		WITH_WORLD(rejects_a_station_code_that_the_schema_would),
		WITH_WORLD(each_rejection_is_on_the_ledger),
		WITH_WORLD(one_bad_member_costs_one_reading),
		WITH_WORLD(known_takes_only_what_is_registered),
		WITH_WORLD(max_datastreams_bounds_new_ones_only),
		WITH_WORLD(a_full_journal_refuses_readings_and_never_alerts),
		WITH_WORLD(publishes_a_transition_once_and_keeps_the_state_retained),
		WITH_WORLD(late_data_is_stored_and_never_alarms),
		WITH_WORLD(a_restart_neither_repeats_nor_forgets_an_alert),
		WITH_WORLD(an_alert_not_delivered_before_the_crash_is_published_again),
		WITH_WORLD(the_journal_keeps_what_subscribers_may_not_have_had),
		WITH_WORLD(memories_are_stored_before_the_journal_may_forget_the_readings),
		WITH_WORLD(a_memory_is_stored_by_the_second_tick_and_not_with_each_reading),
		WITH_WORLD(many_memories_are_stored_one_with_a_reading_and_not_all_with_a_tick),
		WITH_WORLD(an_open_incident_outlives_a_registry_that_does_not_know_it),
		WITH_WORLD(a_new_registry_brings_new_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
