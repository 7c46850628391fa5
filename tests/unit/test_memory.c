/*
 * The broker thread's route with memory short: the Nth allocation fails, for
 * every N, alone and with all that follow it. Everything is real but the broker,
 * and what it would have been given to publish may fail like an allocation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scarce_memory.h"
#include "scratch.h"

#include "broker.h"
#include "clock.h"
#include "control.h"
#include "ingest.h"
#include "outbox.h"
#include "record.h"
#include "registry_copy.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

/* --- the broker --- */

#define PUBLISHED_MAX 512

static struct {
	char topic[128];
	char text[1536];
} published[PUBLISHED_MAX];
static size_t published_count;
static const char *refused;        /* part of topics that the broker does not take; NULL: none */
static uint64_t journalled_on_sys; /* $SYS/broker/highwater/readings/journalled */

const char *broker_client_id(const void *client)
{
	return client;
}

int broker_publish(const char *topic, const char *text, int qos, bool retain)
{
	(void)qos;
	(void)retain;
	if (scarce_now()) {
		return -ENOMEM;
	}
	if (refused != NULL && strstr(topic, refused) != NULL) {
		return -EINVAL;
	}
	if (strcmp(topic, "$SYS/broker/highwater/readings/journalled") == 0) {
		journalled_on_sys = strtoull(text, NULL, 10);
	}
	if (strncmp(topic, "$SYS/", 5) == 0) {
		return 0;
	}
	assert_true(published_count < PUBLISHED_MAX);
	snprintf(published[published_count].topic, sizeof(published[0].topic), "%s", topic);
	snprintf(published[published_count++].text, sizeof(published[0].text), "%s", text);
	return 0;
}

int broker_publish_to(const char *client_id, const char *topic, const char *text)
{
	assert_string_equal(client_id, "desk-1");
	return broker_publish(topic, text, 0, false);
}

void broker_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

/* --- the plugin's parts --- */

struct world {
	char directory[SCRATCH_PATH], config_path[96], registry_path[96];
	struct shared shared;
	struct ingest *ingest;
	size_t station;       /* a round's own, registered one: "s<station>" */
	size_t stations;      /* how many are registered, from that one on */
	size_t others;        /* datastreams known before a round begins */
	uint64_t from;        /* the journal's tail when the round began */
	uint64_t lost_before; /* on the ledger */
	int64_t began_s;
	enum ingest_verdict verdict;
	const char *answer; /* to the operator */
	int error;
};

/* Rising at 1.40 and falling at 0.20. */
static struct registry *registry_of(const struct world *w)
{
	const struct registry_counts counts = {
		.properties = property_builtin_count, .datastreams = w->stations, .thresholds = 2};
	struct registry *r = registry_new(&counts);

	assert_non_null(r);
	memcpy(r->properties, property_builtin, property_builtin_count * sizeof(struct property));
	r->thresholds[0] = (struct threshold){.set_value = 1.40, .clear_value = 1.35, .level = 1};
	r->thresholds[1] = (struct threshold){
		.set_value = 0.20, .clear_value = 0.25, .level = 2, .direction = DIRECTION_FALLING};
	for (size_t i = 0; i < w->stations; i++) {
		struct registry_datastream *d = &r->datastreams[i];

		d->threshold_count = 2;
		strcpy(d->unit, "m");
		snprintf(d->key.station, sizeof(d->key.station), "s%zu", w->station + i);
		strcpy(d->key.property, "water_level");
	}
	assert_int_equal(registry_seal(r), 0);
	return r;
}

static int load_config(struct config **ret, const struct world *w, char *message, size_t size)
{
	const struct config_option options[] = {
		{"database", "dbname=none"}, {"state_dir", w->directory}, {"config", w->config_path}};

	return config_load(ret, options, ARRAY_SIZE(options), message, size);
}

static struct config *config_of(const struct world *w)
{
	char message[CONFIG_MESSAGE_SIZE];
	struct config *config;

	assert_int_equal(load_config(&config, w, message, sizeof(message)), 0);
	config->stats_interval_us = 0;
	return config;
}

static int open_shared(struct world *w)
{
	const struct shared_options options = {.state_dir = w->directory,
	                                       .max_datastreams = 100000,
	                                       .journal_max_size = 64u << 20,
	                                       .journal_segment_size = JOURNAL_SEGMENT_MIN};
	int error = shared_init(&w->shared);

	return error == 0 ? shared_open(&w->shared, &options) : error;
}

static void close_shared(struct world *w)
{
	shared_close(&w->shared);
	shared_done(&w->shared);
}

static void start(struct world *w)
{
	assert_int_equal(ingest_new(&w->ingest, config_of(w), registry_of(w), &w->shared), 0);
}

/* By then the broker has delivered what it was given. */
static void turn_three_times(struct world *w)
{
	for (int i = 0; i < 3; i++) {
		ingest_tick(w->ingest);
	}
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	scratch_make(w->directory);
	snprintf(w->config_path, sizeof(w->config_path), "%s/highwater.json", w->directory);
	snprintf(w->registry_path, sizeof(w->registry_path), "%s/registry", w->directory);
	write_text(
		w->config_path,
		"{\"alerts\": {\"operators\": [\"duty\"], \"cap\": {\"sender\": \"highwater@example.org\"}},"
		"\"prefix\": \"highwater\", \"sources\": [{\"topic\": \"sensors/{station}/{property}\", "
		"\"format\": \"json\"}, {\"topic\": \"sensors/{station}\", \"format\": \"json\"}]}");
	w->stations = 1;
	assert_int_equal(open_shared(w), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];
	int status;

	close_shared(w);
	snprintf(command, sizeof(command), "rm -r %s", w->directory);
	status = system(command);
	free(w);
	return status;
}

/* --- messages and what became of them --- */

static enum ingest_verdict send(struct world *w, const char *topic, const char *payload, int qos)
{
	const struct message message = {.topic = topic,
	                                .client = "gauge-1",
	                                .payload = payload,
	                                .length = strlen(payload),
	                                .qos = qos};

	return ingest_message(w->ingest, &message);
}

/* The level of the round's i-th station, at a second of the round. */
static enum ingest_verdict send_level(struct world *w, size_t i, int second, double level)
{
	char topic[64], payload[80];

	snprintf(topic, sizeof(topic), "sensors/s%zu/water_level", w->station + i);
	snprintf(payload, sizeof(payload), "{\"time\": %lld, \"value\": %.2f}",
	         (long long)(w->began_s - 60 + second), level);
	return send(w, topic, payload, 1);
}

static enum ingest_verdict send_three(struct world *w, int qos)
{
	char topic[64], payload[128];

	snprintf(topic, sizeof(topic), "sensors/s%zu", w->station);
	snprintf(payload, sizeof(payload),
	         "{\"time\": %lld, \"water_level\": 1.0, \"rainfall\": 2, \"flow\": 3}",
	         (long long)w->began_s);
	return send(w, topic, payload, qos);
}

/* Records of one kind that the round has journalled. */
static size_t journalled(const struct world *w, uint8_t kind)
{
	uint8_t buffer[RECORD_BODY_MAX];
	struct journal_cursor cursor;
	struct journal_record record;
	size_t count = 0;

	journal_cursor_init(&cursor, w->shared.journal, w->from);
	while (journal_cursor_next(&cursor, buffer, sizeof(buffer), &record) == 1) {
		count += record.kind == kind;
	}
	return count;
}

static uint64_t stat(const struct world *w, enum stats_value id)
{
	return stats_get(w->shared.stats, id);
}

static uint64_t on_ledger(const struct world *w, unsigned loss)
{
	struct ledger_entry entry;

	return ledger_pending(w->shared.ledger, loss, &entry) ? entry.total : 0;
}

/* What subscribers of kind/ heard of the round's i-th station: "Alert Cancel ". */
static const char *heard(const struct world *w, const char *kind, size_t i)
{
	static char text[256];
	bool cap = strcmp(kind, "cap") == 0;
	const char *mark = cap ? "<msgType>" : "\"msg_type\": ", *end = cap ? "<" : ",";
	char topic[128];

	text[0] = '\0';
	snprintf(topic, sizeof(topic), "highwater/%s/s%zu%s", kind, w->station + i,
	         cap ? "" : "/water_level");
	for (size_t k = 0; k < published_count; k++) {
		const char *type = strstr(published[k].text, mark);

		if (strcmp(published[k].topic, topic) == 0) {
			size_t used = strlen(text);

			assert_non_null(type);
			type += strlen(mark);
			snprintf(text + used, sizeof(text) - used, cap ? "\"%.*s\" " : "%.*s ",
			         (int)strcspn(type, end), type);
		}
	}
	return text;
}

/* What alerts/ has, cap/ has too. */
static void assert_heard(const struct world *w, const char *kind, const char *expected)
{
	assert_string_equal(heard(w, kind, 0), expected);
	if (strcmp(kind, "alerts") == 0) {
		assert_string_equal(heard(w, "cap", 0), expected);
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* --- a round for every allocation --- */

struct scene {
	void (*before)(struct world *w); /* with memory */
	void (*act)(struct world *w);    /* without */
	void (*after)(struct world *w);  /* with memory again; asserts */
	size_t at_least;                 /* allocations that act() makes when none fails */
};

static void begin_round(struct world *w)
{
	char topic[64];

	w->station++;
	w->from = journal_tail(w->shared.journal);
	w->lost_before = on_ledger(w, LOSS_OUT_OF_MEMORY);
	w->began_s = clock_realtime_us() / 1000000;
	memset(w->shared.stats, 0, sizeof(*w->shared.stats));
	start(w);
	for (size_t i = 0; i < w->others; i++) {
		snprintf(topic, sizeof(topic), "sensors/other-%zu/flow", i);
		assert_int_equal(send(w, topic, "1", 1), INGEST_PASS);
	}
	published_count = 0;
}

static void end_round(struct world *w)
{
	(void)send_level(w, 0, 59, 1.00); /* ends what is open */
	turn_three_times(w);
	ingest_free(w->ingest);
	w->ingest = NULL;
	assert_int_equal(alarm_store_extend(w->shared.alarm_store), 0);
	assert_int_equal(journal_prepare(w->shared.journal), 0);
}

static size_t play_round(struct world *w, const struct scene *scene, size_t fail_at, bool onwards)
{
	size_t failed;

	begin_round(w);
	if (scene->before != NULL) {
		scene->before(w);
	}
	scarce_begin(fail_at, onwards);
	scene->act(w);
	failed = scarce_end();
	scene->after(w);
	end_round(w);
	return failed;
}

static void play(struct world *w, const struct scene *scene)
{
	for (int onwards = 0; onwards < 2; onwards++) {
		size_t fail_at = 1;

		while (play_round(w, scene, fail_at, onwards) > 0) {
			fail_at++;
			assert_true(fail_at < 10000);
		}
		assert_true(fail_at > scene->at_least);
	}
}

/* --- readings --- */

static void act_send_three(struct world *w)
{
	w->verdict = send_three(w, 1);
}

static void check_kept_or_refused(struct world *w)
{
	size_t kept = journalled(w, RECORD_READING) - w->others;

	assert_int_equal(w->verdict, kept == 3 ? INGEST_PASS : INGEST_REFUSE);
	assert_int_equal(stat(w, STATS_READINGS_UNJOURNALLED), 3 - kept);
	assert_int_equal(send_three(w, 1), INGEST_PASS);
	assert_int_equal(journalled(w, RECORD_READING) - w->others, 3);
	assert_int_equal(on_ledger(w, LOSS_OUT_OF_MEMORY), w->lost_before);
}

static void a_reading_is_kept_or_refused_and_stored_once_when_sent_again(void **state)
{
	play(*state, &(struct scene){.act = act_send_three, .after = check_kept_or_refused, .at_least = 2});
}

static void so_it_is_when_the_table_of_datastreams_has_to_grow(void **state)
{
	struct world *w = *state;

	w->others = 512;
	play(w, &(struct scene){.act = act_send_three, .after = check_kept_or_refused, .at_least = 3});
}

static void act_send_three_at_qos_0(struct world *w)
{
	w->verdict = send_three(w, 0);
}

static void check_kept_or_counted(struct world *w)
{
	uint64_t lost = on_ledger(w, LOSS_OUT_OF_MEMORY) - w->lost_before;

	assert_int_equal(w->verdict, INGEST_PASS);
	assert_int_equal(journalled(w, RECORD_READING) + lost, 3);
	assert_int_equal(stat(w, STATS_READINGS_LOST), lost);
}

static void a_reading_at_qos_0_is_kept_or_on_the_ledger(void **state)
{
	play(*state,
	     &(struct scene){.act = act_send_three_at_qos_0, .after = check_kept_or_counted, .at_least = 2});
}

static void act_send_rubbish(struct world *w)
{
	w->verdict = send(w, "sensors/x/water_level", "{\"value\": ", 1);
}

static void check_rejected(struct world *w)
{
	size_t told = 0;

	for (size_t i = 0; i < published_count; i++) {
		told += strncmp(published[i].topic, "highwater/rejected/", 19) == 0;
	}
	assert_int_equal(w->verdict, INGEST_DENY);
	assert_int_equal(journalled(w, RECORD_DEAD_LETTER), 1);
	assert_int_equal(stat(w, STATS_REJECTED_TOTAL), 1);
	assert_int_equal(told + stat(w, STATS_DEAD_LETTERS_DROPPED), 1);
	assert_int_equal(on_ledger(w, LOSS_OUT_OF_MEMORY), w->lost_before);
}

static void a_rejected_payload_is_journalled_and_its_message_sent_or_counted(void **state)
{
	play(*state, &(struct scene){.act = act_send_rubbish, .after = check_rejected, .at_least = 20});
}

static void have_new_counters(struct world *w)
{
	ingest_tick(w->ingest); /* so that the message need not */
	assert_int_equal(send_three(w, 1), INGEST_PASS);
}

static void act_tick(struct world *w)
{
	ingest_tick(w->ingest);
}

static void check_counters(struct world *w)
{
	act_tick(w);
	assert_int_equal(journalled_on_sys, stat(w, STATS_READINGS_JOURNALLED));
	assert_int_equal(journalled_on_sys, 3);
}

static void counters_that_could_not_be_said_are_said_later(void **state)
{
	play(*state,
	     &(struct scene){
		     .before = have_new_counters, .act = act_tick, .after = check_counters, .at_least = 1});
}

/* --- alerts --- */

static void be_normal(struct world *w)
{
	assert_int_equal(send_level(w, 0, 0, 1.00), INGEST_PASS);
	turn_three_times(w);
	assert_heard(w, "status", "null ");
	published_count = 0;
}

static void act_rise(struct world *w)
{
	w->verdict = send_level(w, 0, 1, 1.50);
	ingest_tick(w->ingest);
}

static void check_one_alert(struct world *w)
{
	assert_int_equal(w->verdict, INGEST_PASS);
	assert_int_equal(journalled(w, RECORD_ALARM), 1);
	turn_three_times(w);
	assert_heard(w, "alerts", "\"Alert\" ");
	assert_heard(w, "status", "\"Alert\" ");
	assert_int_equal(stat(w, STATS_ALERTS_PUBLISHED), 1);
	assert_int_equal(send_level(w, 0, 2, 1.55), INGEST_PASS);
	assert_heard(w, "alerts", "\"Alert\" ");
	turn_three_times(w);
	assert_int_equal(handover_announced(w->shared.handover), journal_tail(w->shared.journal));
}

static void an_alert_waits_for_memory_and_is_published_once(void **state)
{
	play(*state,
	     &(struct scene){
		     .before = be_normal, .act = act_rise, .after = check_one_alert, .at_least = 100});
}

static void be_high(struct world *w)
{
	be_normal(w);
	act_rise(w);
	turn_three_times(w);
	assert_heard(w, "alerts", "\"Alert\" ");
}

static void act_fall_to_the_bottom(struct world *w)
{
	w->verdict = send_level(w, 0, 2, 0.10);
}

static void check_order_of_three(struct world *w)
{
	assert_int_equal(w->verdict, INGEST_PASS);
	turn_three_times(w);
	assert_heard(w, "alerts", "\"Alert\" \"Cancel\" \"Alert\" ");
	assert_heard(w, "status", "\"Alert\" \"Cancel\" \"Alert\" ");
	assert_int_equal(journalled(w, RECORD_ALARM), 3);
}

static void alerts_that_waited_keep_their_order(void **state)
{
	play(*state, &(struct scene){.before = be_high,
	                             .act = act_fall_to_the_bottom,
	                             .after = check_order_of_three,
	                             .at_least = 200});
}

static void act_first_level(struct world *w)
{
	w->verdict = send_level(w, 0, 0, 1.00);
}

static void check_status_known(struct world *w)
{
	assert_int_equal(send_level(w, 0, 1, 1.01), INGEST_PASS);
	assert_heard(w, "status", "null ");
	assert_heard(w, "alerts", "");
}

static void a_first_status_comes_with_a_later_reading(void **state)
{
	play(*state, &(struct scene){.act = act_first_level, .after = check_status_known, .at_least = 100});
}

/* --- alerts and the end of the process --- */

static void act_rise_and_end(struct world *w)
{
	act_rise(w);
	ingest_free(w->ingest);
}

static void check_alert_of_before(struct world *w)
{
	published_count = 0;
	start(w);
	turn_three_times(w);
	assert_heard(w, "alerts", "\"Alert\" ");
	assert_true(ends_with(heard(w, "status", 0), "\"Alert\" "));
	assert_int_equal(send_level(w, 0, 2, 1.55), INGEST_PASS);
	assert_heard(w, "alerts", "\"Alert\" ");
	assert_int_equal(journalled(w, RECORD_ALARM), 1);
}

static void an_alert_that_waits_when_the_process_ends_is_published_by_the_next(void **state)
{
	play(*state, &(struct scene){.before = be_normal,
	                             .act = act_rise_and_end,
	                             .after = check_alert_of_before,
	                             .at_least = 100});
}

static void end_with_an_alert_waiting(struct world *w)
{
	be_normal(w);
	scarce_begin(1, true);
	act_rise(w);
	turn_three_times(w);
	assert_true(scarce_end() > 0);
	assert_heard(w, "alerts", "");
	assert_true(handover_announced(w->shared.handover) < journal_tail(w->shared.journal));
	ingest_free(w->ingest);
	w->ingest = NULL;
}

static void act_start(struct world *w)
{
	struct registry *registry;
	struct config *config;

	scarce.armed = false;
	registry = registry_of(w);
	config = config_of(w);
	scarce.armed = true;
	w->error = ingest_new(&w->ingest, config, registry, &w->shared);
}

static void check_started_or_refused(struct world *w)
{
	if (w->error != 0) {
		assert_int_equal(w->error, -ENOMEM);
		check_alert_of_before(w);
		return;
	}
	turn_three_times(w);
	assert_heard(w, "alerts", "\"Alert\" ");
	assert_true(ends_with(heard(w, "status", 0), "\"Alert\" "));
}

static void a_start_announces_what_a_crash_kept_or_is_refused(void **state)
{
	play(*state, &(struct scene){.before = end_with_an_alert_waiting,
	                             .act = act_start,
	                             .after = check_started_or_refused,
	                             .at_least = 100});
}

static void more_alerts_than_can_wait_are_raised_by_a_later_reading(void **state)
{
	struct world *w = *state;

	w->stations = OUTBOX_PLACES + 10;
	begin_round(w);
	for (size_t i = 0; i < w->stations; i++) {
		assert_int_equal(send_level(w, i, 0, 1.00), INGEST_PASS);
	}
	published_count = 0;
	scarce_begin(1, true);
	for (size_t i = 0; i < w->stations; i++) {
		assert_int_equal(send_level(w, i, 1, 1.50), INGEST_PASS);
	}
	assert_true(scarce_end() > 0);
	assert_int_equal(published_count, 0);
	for (size_t i = 0; i < w->stations; i++) {
		assert_int_equal(send_level(w, i, 2, 1.55), INGEST_PASS);
	}
	turn_three_times(w);
	for (size_t i = 0; i < w->stations; i++) {
		assert_string_equal(heard(w, "alerts", i), "\"Alert\" ");
	}
	assert_int_equal(journalled(w, RECORD_ALARM), w->stations);
	assert_int_equal(stat(w, STATS_ALERTS_PUBLISHED), w->stations);
	ingest_free(w->ingest);
}

static void what_the_broker_never_takes_does_not_hold_back_the_rest(void **state)
{
	struct world *w = *state;

	w->stations = 2;
	begin_round(w);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(send_level(w, i, 0, 1.00), INGEST_PASS);
	}
	scarce_begin(1, true);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(send_level(w, i, 1, 1.50), INGEST_PASS);
	}
	assert_true(scarce_end() > 0);
	refused = "/alerts/s1/";
	turn_three_times(w);
	refused = NULL;
	assert_string_equal(heard(w, "alerts", 0), "");
	assert_string_equal(heard(w, "alerts", 1), "\"Alert\" ");
	assert_int_equal(stat(w, STATS_ALERTS_PUBLISHED), 1);
	assert_int_equal(handover_announced(w->shared.handover), journal_tail(w->shared.journal));
	ingest_free(w->ingest);
}

/* --- an operator --- */

/* "applied", "error", or "" when there was no answer. */
static const char *acknowledge(struct world *w)
{
	char payload[160];
	struct control_message message = {.client_id = "desk-1", .user = "duty", .payload = payload};
	size_t before = published_count;

	message.length =
		(size_t)snprintf(payload, sizeof(payload),
	                         "{\"commands\": [{\"command\": \"acknowledge\", \"station\": \"s%zu\", "
	                         "\"property\": \"water_level\"}]}",
	                         w->station);
	ingest_control(w->ingest, &message);
	for (size_t i = before; i < published_count; i++) {
		if (strcmp(published[i].topic, CONTROL_RESPONSE_TOPIC) == 0) {
			return strstr(published[i].text, "\"applied\": 1") != NULL ? "applied" : "error";
		}
	}
	return "";
}

static void act_acknowledge(struct world *w)
{
	w->answer = acknowledge(w);
}

/* What is not answered may have been done; what is answered is so, and nothing is done twice. */
static void check_acknowledged_once(struct world *w)
{
	const char *again = acknowledge(w);

	if (strcmp(w->answer, "applied") == 0) {
		assert_string_equal(again, "error");
	} else if (strcmp(w->answer, "error") == 0) {
		assert_string_equal(again, "applied");
	}
	assert_string_equal(acknowledge(w), "error");
	assert_int_equal(journalled(w, RECORD_ALARM), 2);
}

static void an_operators_action_is_done_once_and_answered_as_it_is(void **state)
{
	play(*state, &(struct scene){.before = be_high,
	                             .act = act_acknowledge,
	                             .after = check_acknowledged_once,
	                             .at_least = 40});
}

/* --- configuration, start --- */

static void act_reload(struct world *w)
{
	char message[CONFIG_MESSAGE_SIZE] = "";
	struct config *config;

	w->error = load_config(&config, w, message, sizeof(message));
	if (w->error == 0) {
		ingest_set_config(w->ingest, config);
	} else {
		assert_string_equal(message, "no memory to read the configuration");
	}
}

static void check_reloaded(struct world *w)
{
	assert_true(w->error == 0 || w->error == -ENOMEM);
	assert_int_equal(send_three(w, 1), INGEST_PASS);
	assert_int_equal(journalled(w, RECORD_READING), 3);
}

static void a_reload_without_memory_leaves_the_old_configuration(void **state)
{
	play(*state, &(struct scene){.act = act_reload, .after = check_reloaded, .at_least = 10});
}

static size_t open_descriptors(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 256; fd++) {
		count += fcntl(fd, F_GETFD) >= 0;
	}
	return count;
}

/* As plugin.c does it. */
static int start_all(struct world *w)
{
	char message[CONFIG_MESSAGE_SIZE];
	struct registry *registry;
	struct config *config;
	int error = load_config(&config, w, message, sizeof(message));

	if (error != 0) {
		return error;
	}
	error = open_shared(w);
	if (error == 0) {
		error = registry_load(&registry, w->registry_path);
	}
	if (error != 0) {
		config_free(config);
		return error;
	}
	return ingest_new(&w->ingest, config, registry, &w->shared);
}

static void stop_all(struct world *w)
{
	ingest_free(w->ingest);
	w->ingest = NULL;
	close_shared(w);
}

/* Starts with the fail_at-th allocation failing. How many failed. */
static size_t start_short_of_memory(struct world *w, size_t fail_at, bool onwards)
{
	size_t descriptors = open_descriptors(), failed;
	int error;

	scarce_begin(fail_at, onwards);
	error = start_all(w);
	failed = scarce_end();
	assert_true(error == 0 || (error == -ENOMEM && failed > 0));
	stop_all(w);
	assert_int_equal(open_descriptors(), descriptors);
	return failed;
}

static void start_until_memory_suffices(struct world *w, void (*before)(struct world *w))
{
	for (int onwards = 0; onwards < 2; onwards++) {
		size_t fail_at = 1;

		before(w);
		while (start_short_of_memory(w, fail_at, onwards) > 0) {
			fail_at++;
			before(w);
		}
		assert_true(fail_at > 20);
	}
}

static void save_registry(const struct world *w)
{
	struct registry *registry = registry_of(w);

	assert_int_equal(registry_save(registry, w->registry_path), 0);
	registry_free(registry);
}

static void empty_state(struct world *w)
{
	char command[256];

	snprintf(command, sizeof(command),
	         "cd %s && rm -rf journal alarms ledger alarms.new quality* || true", w->directory);
	assert_int_equal(system(command), 0);
}

static void leave_as_it_is(struct world *w)
{
	(void)w;
}

static void a_first_start_succeeds_or_is_refused_whole(void **state)
{
	struct world *w = *state;

	save_registry(w);
	close_shared(w);
	start_until_memory_suffices(w, empty_state);
	assert_int_equal(open_shared(w), 0);
}

static void a_start_loses_nothing_of_before(void **state)
{
	struct world *w = *state;

	begin_round(w);
	save_registry(w);
	be_high(w);
	assert_int_equal(send(w, "sensors/other/flow", "1", 1), INGEST_PASS);
	stop_all(w);
	start_until_memory_suffices(w, leave_as_it_is);
	published_count = 0;
	assert_int_equal(start_all(w), 0);
	assert_int_equal(journalled(w, RECORD_READING), 3);
	assert_int_equal(journalled(w, RECORD_ALARM), 1);
	assert_true(ends_with(heard(w, "status", 0), "\"Alert\" "));
	assert_int_equal(send_level(w, 0, 5, 1.00), INGEST_PASS);
	assert_true(ends_with(heard(w, "alerts", 0), "\"Cancel\" "));
	ingest_free(w->ingest);
}

int main(void)
{
#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_reading_is_kept_or_refused_and_stored_once_when_sent_again),
		WITH_WORLD(so_it_is_when_the_table_of_datastreams_has_to_grow),
		WITH_WORLD(a_reading_at_qos_0_is_kept_or_on_the_ledger),
		WITH_WORLD(a_rejected_payload_is_journalled_and_its_message_sent_or_counted),
		WITH_WORLD(counters_that_could_not_be_said_are_said_later),
		WITH_WORLD(an_alert_waits_for_memory_and_is_published_once),
		WITH_WORLD(alerts_that_waited_keep_their_order),
		WITH_WORLD(a_first_status_comes_with_a_later_reading),
		WITH_WORLD(an_alert_that_waits_when_the_process_ends_is_published_by_the_next),
		WITH_WORLD(a_start_announces_what_a_crash_kept_or_is_refused),
		WITH_WORLD(more_alerts_than_can_wait_are_raised_by_a_later_reading),
		WITH_WORLD(what_the_broker_never_takes_does_not_hold_back_the_rest),
		WITH_WORLD(an_operators_action_is_done_once_and_answered_as_it_is),
		WITH_WORLD(a_reload_without_memory_leaves_the_old_configuration),
		WITH_WORLD(a_first_start_succeeds_or_is_refused_whole),
		WITH_WORLD(a_start_loses_nothing_of_before),
	};

	json_set_alloc_funcs(malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
