/* What quality control remembers, over a kill -9: the process that takes readings ends without a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker.h"
#include "clock.h"
#include "ingest.h"
#include "qc_store.h"
#include "record.h"
#include "scratch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATASTREAMS_MAX 4000

/* --- the broker --- */

static char said[4096];

const char *broker_client_id(const void *client)
{
	return client;
}

int broker_publish(const char *topic, const char *text, int qos, bool retain)
{
	(void)topic;
	(void)text;
	(void)qos;
	(void)retain;
	return 0;
}

int broker_publish_to(const char *client_id, const char *topic, const char *text)
{
	(void)client_id;
	return broker_publish(topic, text, 0, false);
}

void broker_log(enum log_level level, const char *line)
{
	size_t used = strlen(said);

	(void)level;
	(void)snprintf(said + used, sizeof(said) - used, "%s\n", line);
}

/* --- the plugin's parts --- */

struct world {
	char directory[SCRATCH_PATH];
	int64_t began_s;
	uint32_t max_datastreams; /* that the files have room for */
	struct shared shared;
	struct ingest *ingest;
};

/* Less than 2 cm within an hour is suspect, as soon as there are five readings. */
static struct registry *registry_with_a_window(void)
{
	const struct registry_counts counts = {
		.properties = property_builtin_count, .datastreams = 1, .qualities = 1};
	struct registry *r = registry_new(&counts);

	assert_non_null(r);
	memcpy(r->properties, property_builtin, property_builtin_count * sizeof(struct property));
	r->qualities[0] = (struct qc_config){
		.enabled = UINT32_C(1) << QC_ATTENUATED_SIGNAL,
		.attenuated_period_us = INT64_C(3600) * 1000000,
		.attenuated_min_count = 5,
		.attenuated_suspect = 0.02,
		.attenuated_fail = NAN,
		.attenuated_method = QC_ATTENUATED_RANGE,
	};
	for (size_t i = 0; i < property_builtin_count; i++) {
		r->properties[i].quality = 1;
	}
	r->datastreams[0] = (struct registry_datastream){.quality = 1, .latitude = NAN, .longitude = NAN};
	strcpy(r->datastreams[0].key.station, "phu-an");
	strcpy(r->datastreams[0].key.property, "water_level");
	strcpy(r->datastreams[0].unit, "m");
	assert_int_equal(registry_seal(r), 0);
	return r;
}

static void start(struct world *w)
{
	const struct config_option options[] = {{"database", "dbname=none"}, {"state_dir", w->directory}};
	const struct shared_options files = {.state_dir = w->directory,
	                                     .max_datastreams = w->max_datastreams,
	                                     .journal_max_size = 16u << 20,
	                                     .journal_segment_size = JOURNAL_SEGMENT_MIN};
	char message[CONFIG_MESSAGE_SIZE];
	struct config *config;

	assert_int_equal(shared_init(&w->shared), 0);
	assert_int_equal(shared_open(&w->shared, &files), 0);
	assert_int_equal(config_load(&config, options, ARRAY_SIZE(options), message, sizeof(message)), 0);
	assert_int_equal(ingest_new(&w->ingest, config, registry_with_a_window(), &w->shared), 0);
	ingest_tick(w->ingest); /* so that a message need not */
}

static void stop(struct world *w)
{
	ingest_free(w->ingest);
	shared_close(&w->shared);
	shared_done(&w->shared);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	scratch_make(w->directory);
	w->began_s = clock_realtime_us() / 1000000 - 1200;
	w->max_datastreams = DATASTREAMS_MAX;
	said[0] = '\0';
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];
	int status;

	snprintf(command, sizeof(command), "rm -r %s", w->directory);
	status = system(command);
	free(w);
	return status;
}

static void send(struct world *w, const char *station, int minute)
{
	char topic[80], payload[80];
	struct message message = {.topic = topic, .client = "gauge-1", .payload = payload, .qos = 1};

	snprintf(topic, sizeof(topic), "sensors/%s/water_level", station);
	message.length = (size_t)snprintf(payload, sizeof(payload), "{\"time\": %lld, \"value\": 1.5}",
	                                  (long long)(w->began_s + 60 * minute));
	assert_int_equal(ingest_message(w->ingest, &message), INGEST_PASS);
}

/* In another process, which is gone then. */
static void kill_after(struct world *w, void (*act)(struct world *w))
{
	int status = -1;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		start(w);
		act(w);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* The verdict on the newest reading in the journal. */
static enum quality newest_verdict(const struct world *w, enum qc_test test)
{
	uint8_t buffer[RECORD_BODY_MAX];
	struct journal_cursor cursor;
	struct journal_record record;
	struct reading reading = {.tests = 0};
	struct hindsight hindsight;

	journal_cursor_init(&cursor, w->shared.journal, 0);
	while (journal_cursor_next(&cursor, buffer, sizeof(buffer), &record) == 1) {
		if (record.kind == RECORD_READING) {
			assert_int_equal(record_decode_reading(record.kind, record.body, record.length,
			                                       &reading, &hindsight),
			                 0);
		}
	}
	return qc_tests_get(reading.tests, test);
}

static void count_whole(void *context, struct qc_place place, const struct datastream_key *key,
                        const struct qc_memory *memory, const struct qc_window *window)
{
	size_t *count = context;

	(void)place;
	(void)key;
	*count += memory->position != 0 && window != NULL;
}

/* Memories that are stored with their windows. */
static size_t stored(const struct world *w)
{
	size_t count = 0;

	qc_store_each(w->shared.qc_store, count_whole, &count);
	return count;
}

/* --- tests --- */

static void send_five(struct world *w)
{
	for (int minute = 0; minute < 5; minute++) {
		send(w, "phu-an", minute);
	}
}

static void a_window_goes_on_when_its_first_tick_did_not_come(void **state)
{
	struct world *w = *state;

	kill_after(w, send_five);
	start(w);
	assert_int_equal(newest_verdict(w, QC_ATTENUATED_SIGNAL), QUALITY_SUSPECT);
	send(w, "phu-an", 5);
	assert_int_equal(newest_verdict(w, QC_ATTENUATED_SIGNAL), QUALITY_SUSPECT);
	stop(w);
}

static void send_five_and_lose_what_was_stored(struct world *w)
{
	char command[128];

	send_five(w);
	snprintf(command, sizeof(command), "rm %s/quality*", w->directory);
	assert_int_equal(system(command), 0);
}

static void a_window_goes_on_from_the_journal_alone(void **state)
{
	struct world *w = *state;

	kill_after(w, send_five_and_lose_what_was_stored);
	start(w);
	send(w, "phu-an", 5);
	assert_int_equal(newest_verdict(w, QC_ATTENUATED_SIGNAL), QUALITY_SUSPECT);
	stop(w);
}

static void send_from_each(struct world *w, size_t count)
{
	char station[32];

	for (size_t i = 0; i < count; i++) {
		snprintf(station, sizeof(station), "s%zu", i);
		send(w, station, 0);
	}
}

static void who_come_all_at_once_are_stored_when_the_store_has_grown(void **state)
{
	struct world *w = *state;
	size_t before;

	start(w);
	send_from_each(w, 1500);
	ingest_tick(w->ingest);
	assert_true(stored(w) < 1500); /* or the test shows nothing */
	while (stored(w) < 1500) {
		before = stored(w);
		assert_int_equal(qc_store_extend(w->shared.qc_store), 0);
		ingest_tick(w->ingest);
		assert_true(stored(w) > before);
	}
	assert_null(strstr(said, "cannot be kept"));
	stop(w);
}

static void a_store_that_stays_full_is_told_once(void **state)
{
	struct world *w = *state;

	w->max_datastreams = 2;
	start(w);
	send_from_each(w, 4);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(qc_store_extend(w->shared.qc_store), 0);
		ingest_tick(w->ingest);
	}
	assert_int_equal(stored(w), 2);
	assert_non_null(strstr(said, "cannot be kept on disk"));
	assert_null(strstr(strstr(said, "cannot be kept on disk") + 1, "cannot be kept on disk"));
	stop(w);
}

int main(void)
{
#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(a_window_goes_on_when_its_first_tick_did_not_come),
		WITH_WORLD(a_window_goes_on_from_the_journal_alone),
		WITH_WORLD(who_come_all_at_once_are_stored_when_the_store_has_grown),
		WITH_WORLD(a_store_that_stays_full_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
