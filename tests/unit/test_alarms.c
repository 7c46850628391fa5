/*
 * Alarms with a clock that stands until a test moves it: operators, groups,
 * silence and restarts. The journal and the alarm store are real; the broker is
 * a list of what would have been published.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alarms.h"
#include "broker.h"
#include "clock.h"
#include "record.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define S      INT64_C(1000000)
#define MINUTE (60 * S)
#define HOUR   (60 * MINUTE)

/* --- the clock and the broker --- */

static int64_t now_us;

int64_t clock_realtime_us(void)
{
	return now_us;
}

int64_t clock_monotonic_us(void)
{
	return now_us;
}

#define PUBLISHED_MAX 64

static struct {
	char topic[160];
	char text[2048];
} published[PUBLISHED_MAX];
static size_t published_count;
static bool memory_short;

int broker_publish(const char *topic, const char *text, int qos, bool retain)
{
	(void)qos;
	assert_int_equal(retain, strncmp(topic, "hw/status/", 10) == 0);
	if (memory_short) {
		return -ENOMEM;
	}
	assert_true(published_count < PUBLISHED_MAX);
	snprintf(published[published_count].topic, sizeof(published[0].topic), "%s", topic);
	snprintf(published[published_count++].text, sizeof(published[0].text), "%s", text);
	return 0;
}

void broker_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

/* The newest message on a topic, or "". */
static const char *last_on(const char *topic)
{
	for (size_t i = published_count; i-- > 0;) {
		if (strcmp(published[i].topic, topic) == 0) {
			return published[i].text;
		}
	}
	return "";
}

/* What alerts/ heard since the last call: "phu-an raised 1, " for each, in order. */
static const char *heard(void)
{
	static char text[1024];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < published_count; i++) {
		char station[65], event[40];
		const char *said = published[i].text;
		int level;

		if (strncmp(published[i].topic, "hw/alerts/", 10) != 0) {
			continue;
		}
		assert_int_equal(sscanf(strstr(said, "\"station\": "), "\"station\": \"%64[^\"]", station),
		                 1);
		assert_int_equal(sscanf(strstr(said, "\"event\": "), "\"event\": \"%39[^\"]", event), 1);
		assert_int_equal(sscanf(strstr(said, "\"level\": "), "\"level\": %d", &level), 1);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s %d, ", station, event,
		                         level);
	}
	published_count = 0;
	return text;
}

/* --- the alarms --- */

struct world {
	char directory[64];
	struct handover handover;
	struct stats stats;
	struct log_box *log;
	struct journal *journal;
	struct alarm_store *store;
	struct datastream_table *table;
	struct announce announce;
	struct registry *registry;
	struct alarms alarms;
};

static struct threshold level_of(enum cause cause, int32_t level, double set, double clear)
{
	struct threshold t = {
		.cause = (uint8_t)cause, .level = level, .set_value = set, .clear_value = clear};

	snprintf(t.name, sizeof(t.name), "level %d", (int)level);
	return t;
}

static void add_datastream(struct registry *r, size_t i, const char *station, uint32_t first, uint32_t count)
{
	r->datastreams[i] = (struct registry_datastream){.threshold_first = first,
	                                                 .threshold_count = count,
	                                                 .quality = 1,
	                                                 .unit = "m",
	                                                 .latitude = NAN,
	                                                 .longitude = NAN};
	strcpy(r->datastreams[i].key.station, station);
	strcpy(r->datastreams[i].key.property, "water_level");
}

/*
 * Phú An has levels 1 and 2 at 1.4 and 1.6 m and is stale after 3 min without a reading each; Nhà Bè has a
 * latching level at 1.4; the city is in alarm when both are at level 1.
 */
static struct registry *registry_of_the_city(void)
{
	const struct registry_counts counts = {.properties = property_builtin_count,
	                                       .datastreams = 3,
	                                       .thresholds = 5,
	                                       .members = 2,
	                                       .qualities = 1};
	struct registry *r = registry_new(&counts);

	assert_non_null(r);
	memcpy(r->properties, property_builtin, property_builtin_count * sizeof(struct property));
	r->qualities[0].interval_us = MINUTE;
	r->thresholds[0] = level_of(CAUSE_THRESHOLD, 1, 1.40, 1.35);
	r->thresholds[1] = level_of(CAUSE_THRESHOLD, 2, 1.60, 1.55);
	r->thresholds[2] = level_of(CAUSE_STALE, 1, 3, 1);
	r->thresholds[3] = level_of(CAUSE_THRESHOLD, 1, 1.40, 1.35);
	r->thresholds[3].latching = true;
	r->thresholds[4] = level_of(CAUSE_GROUP, 1, 2, 2);
	add_datastream(r, 0, "phu-an", 0, 3);
	add_datastream(r, 1, "nha-be", 3, 1);
	add_datastream(r, 2, "city", 4, 1);
	for (uint32_t i = 0; i < 2; i++) {
		r->members[i] = (struct registry_member){.datastream = 3,
		                                         .member = i + 1,
		                                         .member_level = 1,
		                                         .cause = CAUSE_GROUP,
		                                         .member_cause = CAUSE_THRESHOLD,
		                                         .position = (uint8_t)i};
	}
	assert_int_equal(registry_seal(r), 0);
	return r;
}

static void begin(struct world *w)
{
	char path[128];
	uint32_t damaged;
	struct journal_report report;
	const struct journal_options journal = {
		.directory = path, .max_size = 16u << 20, .segment_size = 1 << 20};

	snprintf(path, sizeof(path), "%s/alarms", w->directory);
	assert_int_equal(alarm_store_open(&w->store, path, 10000, &damaged), 0);
	snprintf(path, sizeof(path), "%s/journal", w->directory);
	assert_int_equal(journal_open(&w->journal, &journal, &report), 0);
	w->table = datastream_table_new();
	assert_non_null(w->table);
	w->announce = (struct announce){.prefix = "hw", .alerts_qos = 1};
	memset(&w->alarms, 0, sizeof(w->alarms));
	w->alarms.journal = w->journal;
	w->alarms.store = w->store;
	w->alarms.table = w->table;
	w->alarms.announce = &w->announce;
	w->alarms.handover = &w->handover;
	w->alarms.stats = &w->stats;
	w->alarms.log = w->log;
	published_count = 0;
	alarms_use_registry(&w->alarms, w->registry, 1);
	assert_int_equal(alarms_restore(&w->alarms), 0);
}

static void end(struct world *w)
{
	alarms_done(&w->alarms);
	datastream_table_free(w->table);
	journal_close(w->journal);
	alarm_store_close(w->store);
}

/* All that was given to the broker has been delivered by then. */
static void turn(struct world *w)
{
	for (int i = 0; i < 3; i++) {
		alarms_turn(&w->alarms);
	}
}

static void crash_and_begin(struct world *w)
{
	end(w);
	begin(w);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	strcpy(w->directory, "/tmp/highwater-alarms-XXXXXX");
	assert_non_null(mkdtemp(w->directory));
	assert_int_equal(handover_init(&w->handover), 0);
	w->log = log_box_new();
	assert_non_null(w->log);
	w->registry = registry_of_the_city();
	now_us = INT64_C(1900000000) * S;
	memory_short = false;
	begin(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];
	int status;

	end(w);
	registry_free(w->registry);
	handover_done(&w->handover);
	log_box_free(w->log);
	snprintf(command, sizeof(command), "rm -r %s", w->directory);
	status = system(command);
	free(w);
	return status;
}

static struct datastream_key key_of(const char *station)
{
	struct datastream_key key = {.property = "water_level"};

	copy_text(key.station, sizeof(key.station), station, strlen(station));
	return key;
}

/* A reading of now, ten seconds after all before. */
static void say(struct world *w, const char *station, double level)
{
	struct reading reading = {.key = key_of(station), .result = level, .quality = QUALITY_PASS};
	struct datastream *d = datastream_find(w->table, &reading.key);

	if (d == NULL) {
		d = datastream_add(w->table, &reading.key);
	}
	assert_non_null(d);
	now_us += 10 * S;
	reading.phenomenon_us = reading.received_us = now_us;
	alarms_evaluate(&w->alarms, d, &reading);
}

static int order_on(struct world *w, const char *station, enum alarm_action action, int64_t until_us)
{
	const struct alarm_order order = {.action = action,
	                                  .key = key_of(station),
	                                  .until_us = until_us,
	                                  .user = "duty",
	                                  .client = "desk-1",
	                                  .reason = "mud at the sensor",
	                                  .has_cause = action != ACTION_TEST,
	                                  .cause = CAUSE_THRESHOLD};

	return alarms_order(&w->alarms, &order);
}

/* Transitions of the journal; the newest is left in *last. */
static size_t journalled(struct world *w, struct transition *last)
{
	uint8_t buffer[RECORD_BODY_MAX];
	struct journal_cursor cursor;
	struct journal_record record;
	size_t count = 0;

	journal_cursor_init(&cursor, w->journal, 0);
	while (journal_cursor_next(&cursor, buffer, sizeof(buffer), &record) == 1) {
		assert_int_equal(record.kind, RECORD_ALARM);
		assert_int_equal(record_decode_transition(record.kind, record.body, record.length, last), 0);
		count++;
	}
	return count;
}

/* --- operators --- */

static void what_a_shelved_alarm_does_is_kept_and_shown_and_not_announced(void **state)
{
	struct world *w = *state;
	struct transition t;

	say(w, "phu-an", 1.0);
	assert_int_equal(order_on(w, "phu-an", ACTION_SHELVE, now_us + HOUR), 1);
	say(w, "phu-an", 1.5);
	assert_non_null(strstr(last_on("hw/status/phu-an/water_level"), "\"level\": 1"));
	assert_string_equal(heard(), "");
	assert_int_equal(journalled(w, &t), 2);
	assert_int_equal(t.event, EVENT_RAISED);
	assert_true(t.silent);
	say(w, "phu-an", 1.0);
	assert_string_equal(heard(), "");
	assert_int_equal(order_on(w, "phu-an", ACTION_UNSHELVE, 0), 1);
	assert_string_equal(heard(), "");
	say(w, "phu-an", 1.5);
	assert_string_equal(heard(), "phu-an raised 1, ");
}

static void what_still_is_so_when_the_shelving_is_over_is_told_then(void **state)
{
	struct world *w = *state;
	struct transition t;

	say(w, "phu-an", 1.0);
	assert_int_equal(order_on(w, "phu-an", ACTION_SHELVE, now_us + 2 * MINUTE), 1);
	say(w, "phu-an", 1.5);
	now_us += MINUTE;
	turn(w);
	assert_string_equal(heard(), "");
	now_us += MINUTE;
	alarms_turn(&w->alarms);
	assert_int_equal(journalled(w, &t), 4);
	assert_int_equal(t.event, EVENT_RAISED);
	assert_int_equal(t.msg_type, MSG_ALERT);
	assert_int_equal(t.sequence, 2);
	assert_string_equal(heard(), "phu-an raised 1, ");
	say(w, "phu-an", 1.0);
	assert_string_equal(heard(), "phu-an cleared 0, ");
}

static void a_reading_after_the_shelving_is_announced_although_the_broker_has_not_ticked(void **state)
{
	struct world *w = *state;

	say(w, "phu-an", 1.0);
	assert_int_equal(order_on(w, "phu-an", ACTION_SHELVE, now_us + MINUTE), 1);
	now_us += MINUTE;
	say(w, "phu-an", 1.5);
	assert_string_equal(heard(), "phu-an raised 1, ");
	assert_null(strstr(last_on("hw/status/phu-an/water_level"), "\"shelved_until\": \""));
}

static void shelving_that_began_with_the_clock_far_ahead_does_not_last(void **state)
{
	struct world *w = *state;
	int64_t before_us = now_us;

	now_us += 365 * 24 * HOUR;
	say(w, "phu-an", 1.0);
	assert_int_equal(order_on(w, "phu-an", ACTION_SHELVE, now_us + HOUR), 1);
	now_us = before_us;
	say(w, "phu-an", 1.5);
	assert_string_equal(heard(), "phu-an raised 1, ");
}

static void a_higher_level_that_was_not_told_is_an_update_later(void **state)
{
	struct world *w = *state;
	struct transition t;

	say(w, "phu-an", 1.5);
	assert_int_equal(order_on(w, "phu-an", ACTION_SUPPRESS, 0), 1);
	say(w, "phu-an", 1.7);
	assert_string_equal(heard(), "phu-an raised 1, ");
	assert_int_equal(order_on(w, "phu-an", ACTION_UNSUPPRESS, 0), 1);
	(void)journalled(w, &t);
	assert_int_equal(t.msg_type, MSG_UPDATE);
	assert_int_equal(t.previous_level, 1);
	assert_int_equal(t.before_sequence, 1);
	assert_string_equal(heard(), "phu-an changed 2, ");
}

static void three_hundred_levels_of_one_gauge_are_all_there(void **state)
{
	const struct registry_counts counts = {
		.properties = property_builtin_count, .datastreams = 1, .thresholds = 301, .qualities = 1};
	struct registry *r = registry_new(&counts), *before;
	struct world *w = *state;

	assert_non_null(r);
	memcpy(r->properties, property_builtin, property_builtin_count * sizeof(struct property));
	for (int32_t i = 0; i < 300; i++) {
		r->thresholds[i] = level_of(CAUSE_THRESHOLD, i + 1, 1.0 + i / 100.0, 1.0 + i / 100.0);
	}
	r->thresholds[300] = level_of(CAUSE_THRESHOLD, -1, 0.5, 0.6);
	r->thresholds[300].direction = DIRECTION_FALLING;
	add_datastream(r, 0, "phu-an", 0, 301);
	assert_int_equal(registry_seal(r), 0);
	before = w->registry;
	w->registry = r;
	alarms_use_registry(&w->alarms, r, w->alarms.generation + 1);
	say(w, "phu-an", 3.805);
	assert_string_equal(heard(), "phu-an raised 281, ");
	say(w, "phu-an", 9);
	assert_string_equal(heard(), "phu-an changed 300, ");
	say(w, "phu-an", 0.4);
	assert_string_equal(heard(), "phu-an cleared 0, phu-an raised -1, ");
	registry_free(before);
}

static void nobody_is_left_with_an_alert_that_has_ended(void **state)
{
	struct world *w = *state;

	say(w, "phu-an", 1.5);
	assert_int_equal(order_on(w, "phu-an", ACTION_OUT_OF_SERVICE, 0), 1);
	say(w, "phu-an", 1.0);
	assert_string_equal(heard(), "phu-an raised 1, phu-an cleared 0, ");
	say(w, "phu-an", 1.5);
	say(w, "phu-an", 1.0);
	assert_string_equal(heard(), "");
}

static void an_acknowledged_latch_ends_when_the_water_is_gone(void **state)
{
	struct world *w = *state;
	struct transition t;

	say(w, "nha-be", 1.5);
	say(w, "nha-be", 1.0);
	assert_string_equal(heard(), "nha-be raised 1, ");
	assert_int_equal(order_on(w, "nha-be", ACTION_ACKNOWLEDGE, 0), 1);
	assert_string_equal(heard(), "nha-be cleared 0, ");
	assert_int_equal(journalled(w, &t), 3);
	assert_int_equal(order_on(w, "nha-be", ACTION_ACKNOWLEDGE, 0), -EALREADY);
	assert_int_equal(journalled(w, &t), 3);
}

static void an_order_is_on_record_and_on_the_status(void **state)
{
	struct world *w = *state;
	struct transition t;
	const char *status;

	assert_int_equal(order_on(w, "phu-an", ACTION_SHELVE, now_us + HOUR), 1);
	assert_int_equal(journalled(w, &t), 1);
	assert_int_equal(t.event, EVENT_SHELVED);
	assert_int_equal(t.sequence, 0);
	assert_string_equal(t.user, "duty");
	assert_string_equal(t.client, "desk-1");
	assert_string_equal(t.reason, "mud at the sensor");
	assert_int_equal(t.shelved_until_us, now_us + HOUR);
	status = last_on("hw/status/phu-an/water_level");
	assert_non_null(strstr(status, "\"duty\""));
	assert_non_null(strstr(status, "mud at the sensor"));
	assert_string_equal(heard(), "");
}

static void refuses_orders_for_what_is_not_there_or_is_so_already(void **state)
{
	struct world *w = *state;

	assert_int_equal(order_on(w, "nowhere", ACTION_SUPPRESS, 0), -ENOENT);
	assert_int_equal(order_on(w, "city", ACTION_SUPPRESS, 0), -ENOENT); /* it has no threshold alarm */
	assert_int_equal(order_on(w, "phu-an", ACTION_ACKNOWLEDGE, 0), -EALREADY);
	assert_int_equal(order_on(w, "phu-an", ACTION_UNSHELVE, 0), -EALREADY);
	assert_int_equal(order_on(w, "phu-an", ACTION_SUPPRESS, 0), 1);
	assert_int_equal(order_on(w, "phu-an", ACTION_SUPPRESS, 0), -EALREADY);
}

static void a_test_alert_is_announced_and_changes_nothing(void **state)
{
	struct world *w = *state;
	struct transition t;

	assert_int_equal(order_on(w, "phu-an", ACTION_TEST, 0), 1);
	assert_string_equal(last_on("hw/status/phu-an/water_level"), "");
	assert_string_equal(heard(), "phu-an test 0, ");
	assert_int_equal(journalled(w, &t), 1);
	say(w, "phu-an", 1.5);
	assert_string_equal(heard(), "phu-an raised 1, ");
}

static void orders_outlive_a_crash_by_the_store_or_by_the_journal(void **state)
{
	struct world *w = *state;
	char path[128];

	assert_int_equal(order_on(w, "phu-an", ACTION_SUPPRESS, 0), 1);
	crash_and_begin(w);
	assert_non_null(strstr(last_on("hw/status/phu-an/water_level"), "\"suppressed\": true"));
	end(w);
	snprintf(path, sizeof(path), "%s/alarms", w->directory);
	assert_int_equal(unlink(path), 0);
	begin(w);
	say(w, "phu-an", 1.5);
	assert_string_equal(heard(), "");
}

/* --- restarts --- */

static void a_silent_transition_stays_silent_after_a_crash(void **state)
{
	struct world *w = *state;

	assert_int_equal(order_on(w, "phu-an", ACTION_SHELVE, now_us + HOUR), 1);
	say(w, "phu-an", 1.5);
	crash_and_begin(w);
	assert_string_equal(heard(), "");
	assert_int_equal(order_on(w, "phu-an", ACTION_UNSHELVE, 0), 1);
	assert_string_equal(heard(), "phu-an raised 1, ");
}

static void what_was_told_and_not_delivered_is_told_again_and_once(void **state)
{
	struct world *w = *state;

	say(w, "phu-an", 1.5);
	crash_and_begin(w);
	assert_string_equal(heard(), "phu-an raised 1, ");
	turn(w);
	crash_and_begin(w);
	turn(w);
	assert_string_equal(heard(), "");
	say(w, "phu-an", 1.5);
	say(w, "phu-an", 1.0);
	assert_string_equal(heard(), "phu-an cleared 0, ");
}

static void an_incident_outlives_the_loss_of_the_store(void **state)
{
	struct world *w = *state;
	char path[128];
	struct transition t;

	say(w, "phu-an", 1.5);
	say(w, "phu-an", 1.7);
	end(w);
	snprintf(path, sizeof(path), "%s/alarms", w->directory);
	assert_int_equal(unlink(path), 0);
	begin(w);
	assert_string_equal(heard(), "phu-an raised 1, phu-an changed 2, ");
	say(w, "phu-an", 1.0);
	assert_string_equal(heard(), "phu-an cleared 0, ");
	assert_int_equal(journalled(w, &t), 3);
	assert_int_equal(t.sequence, 3);
	assert_true(t.peak == 1.7);
}

/* A new start that finds no copy of the registry. */
static void begin_without_registry(struct world *w, struct registry **ret_builtin)
{
	struct registry *city = w->registry;

	*ret_builtin = registry_builtin();
	assert_non_null(*ret_builtin);
	w->registry = *ret_builtin;
	begin(w);
	w->registry = city;
}

static void a_delay_is_not_ended_by_a_value_of_before_the_registry_was_lost(void **state)
{
	struct world *w = *state;
	struct registry *builtin;
	struct datastream_key key = key_of("nha-be");

	w->registry->thresholds[registry_find(w->registry, &key)->threshold_first].on_delay_us = 10 * MINUTE;
	say(w, "nha-be", 1.5);
	end(w);
	begin_without_registry(w, &builtin);
	turn(w);
	say(w, "nha-be", 1.0);
	alarms_use_registry(&w->alarms, w->registry, 2);
	now_us += HOUR;
	turn(w);
	assert_null(strstr(heard(), "nha-be"));
	say(w, "nha-be", 1.5);
	now_us += 10 * MINUTE;
	turn(w);
	assert_non_null(strstr(heard(), "nha-be raised 1, "));
	registry_free(builtin);
}

static void a_delay_goes_on_when_the_registry_comes_late(void **state)
{
	struct world *w = *state;
	struct registry *builtin;
	struct datastream_key key = key_of("nha-be");

	w->registry->thresholds[registry_find(w->registry, &key)->threshold_first].on_delay_us = 10 * MINUTE;
	say(w, "nha-be", 1.5);
	end(w);
	begin_without_registry(w, &builtin);
	now_us += MINUTE;
	turn(w);
	alarms_use_registry(&w->alarms, w->registry, 2);
	turn(w);
	now_us += 9 * MINUTE - 1;
	turn(w);
	assert_null(strstr(heard(), "nha-be"));
	now_us += 1;
	turn(w);
	assert_non_null(strstr(heard(), "nha-be raised 1, "));
	registry_free(builtin);
}

static void an_open_silence_outlives_a_registry_that_comes_late(void **state)
{
	struct world *w = *state;
	struct registry *builtin;

	turn(w);
	now_us += 3 * MINUTE;
	turn(w);
	turn(w);
	assert_string_equal(heard(), "phu-an raised 1, ");
	end(w);
	now_us += MINUTE;
	begin_without_registry(w, &builtin);
	turn(w);
	alarms_use_registry(&w->alarms, w->registry, 2);
	turn(w);
	assert_string_equal(heard(), "");
	say(w, "phu-an", 1.0);
	assert_string_equal(heard(), "phu-an cleared 0, ");
	registry_free(builtin);
}

/* --- silence and groups --- */

static void silence_is_told_without_a_reading_and_not_before_its_time(void **state)
{
	struct world *w = *state;

	turn(w);
	now_us += 3 * MINUTE - 1;
	turn(w);
	assert_string_equal(heard(), "");
	now_us += 1;
	turn(w);
	assert_non_null(strstr(last_on("hw/status/phu-an/water_level/stale"), "\"level\": 1"));
	assert_string_equal(heard(), "phu-an raised 1, ");
	say(w, "phu-an", 1.0);
	assert_string_equal(heard(), "phu-an cleared 0, ");
}

static void a_broker_that_was_down_has_heard_no_silence(void **state)
{
	struct world *w = *state;

	say(w, "phu-an", 1.0);
	end(w);
	now_us += HOUR;
	begin(w);
	turn(w);
	now_us += 3 * MINUTE - 1;
	turn(w);
	assert_string_equal(heard(), "");
	now_us += 1;
	turn(w);
	assert_string_equal(heard(), "phu-an raised 1, ");
}

static void a_group_follows_its_members_at_once(void **state)
{
	struct world *w = *state;

	turn(w);
	say(w, "phu-an", 1.5);
	say(w, "nha-be", 1.5);
	assert_string_equal(heard(), "phu-an raised 1, nha-be raised 1, city raised 1, ");
	say(w, "phu-an", 1.7); /* beyond its level */
	assert_string_equal(heard(), "phu-an changed 2, ");
	say(w, "phu-an", 1.0);
	assert_string_equal(heard(), "phu-an cleared 0, city cleared 0, ");
}

static void a_member_out_of_service_does_not_count(void **state)
{
	struct world *w = *state;

	turn(w);
	assert_int_equal(order_on(w, "phu-an", ACTION_OUT_OF_SERVICE, 0), 1);
	say(w, "phu-an", 1.5);
	say(w, "nha-be", 1.5);
	assert_string_equal(heard(), "nha-be raised 1, ");
	assert_int_equal(order_on(w, "phu-an", ACTION_IN_SERVICE, 0), 1);
	assert_string_equal(heard(), "phu-an raised 1, city raised 1, ");
}

static void a_group_is_right_after_a_restart_that_lost_it(void **state)
{
	struct world *w = *state;

	say(w, "phu-an", 1.5); /* before the first turn the group is not there yet */
	say(w, "nha-be", 1.5);
	crash_and_begin(w);
	(void)heard();
	turn(w);
	assert_string_equal(heard(), "city raised 1, ");
	crash_and_begin(w);
	(void)heard();
	turn(w);
	assert_string_equal(heard(), "");
}

/* --- memory --- */

static void an_order_that_could_not_be_told_is_refused_and_not_carried_out(void **state)
{
	struct world *w = *state;
	const struct transition t = {.key = key_of("elsewhere")};

	memory_short = true;
	while (outbox_room(&w->alarms.outbox) > 1) {
		assert_int_equal(outbox_send(&w->alarms.outbox, &w->announce, &t), -EAGAIN);
	}
	assert_int_equal(order_on(w, "phu-an", ACTION_SUPPRESS, 0), -ENOBUFS);
	assert_int_equal(order_on(w, "phu-an", ACTION_TEST, 0), -ENOBUFS);
	assert_int_equal(order_on(w, "phu-an", ACTION_UNSUPPRESS, 0), -ENOBUFS);
	memory_short = false;
	w->alarms.outbox.count = 0;
	assert_int_equal(order_on(w, "phu-an", ACTION_UNSUPPRESS, 0), -EALREADY);
}

static void a_status_for_which_there_was_no_memory_comes_by_the_clock(void **state)
{
	struct world *w = *state;

	memory_short = true;
	assert_int_equal(order_on(w, "phu-an", ACTION_SUPPRESS, 0), 1);
	memory_short = false;
	now_us += 2 * S;
	turn(w);
	assert_non_null(strstr(last_on("hw/status/phu-an/water_level"), "\"suppressed\": true"));
}

static void an_alarm_of_three_levels_takes_less_than_a_kibibyte(void **state)
{
	(void)state;
	assert_true(sizeof(struct alarm_place) + 3 * sizeof(struct threshold) < 1024);
}

int main(void)
{
#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(what_a_shelved_alarm_does_is_kept_and_shown_and_not_announced),
		WITH_WORLD(what_still_is_so_when_the_shelving_is_over_is_told_then),
		WITH_WORLD(a_reading_after_the_shelving_is_announced_although_the_broker_has_not_ticked),
		WITH_WORLD(shelving_that_began_with_the_clock_far_ahead_does_not_last),
		WITH_WORLD(a_higher_level_that_was_not_told_is_an_update_later),
		WITH_WORLD(three_hundred_levels_of_one_gauge_are_all_there),
		WITH_WORLD(nobody_is_left_with_an_alert_that_has_ended),
		WITH_WORLD(an_acknowledged_latch_ends_when_the_water_is_gone),
		WITH_WORLD(an_order_is_on_record_and_on_the_status),
		WITH_WORLD(refuses_orders_for_what_is_not_there_or_is_so_already),
		WITH_WORLD(a_test_alert_is_announced_and_changes_nothing),
		WITH_WORLD(orders_outlive_a_crash_by_the_store_or_by_the_journal),
		WITH_WORLD(a_silent_transition_stays_silent_after_a_crash),
		WITH_WORLD(what_was_told_and_not_delivered_is_told_again_and_once),
		WITH_WORLD(an_incident_outlives_the_loss_of_the_store),
		WITH_WORLD(a_delay_is_not_ended_by_a_value_of_before_the_registry_was_lost),
		WITH_WORLD(a_delay_goes_on_when_the_registry_comes_late),
		WITH_WORLD(an_open_silence_outlives_a_registry_that_comes_late),
		WITH_WORLD(silence_is_told_without_a_reading_and_not_before_its_time),
		WITH_WORLD(a_broker_that_was_down_has_heard_no_silence),
		WITH_WORLD(a_group_follows_its_members_at_once),
		WITH_WORLD(a_member_out_of_service_does_not_count),
		WITH_WORLD(a_group_is_right_after_a_restart_that_lost_it),
		WITH_WORLD(an_order_that_could_not_be_told_is_refused_and_not_carried_out),
		WITH_WORLD(a_status_for_which_there_was_no_memory_comes_by_the_clock),
		cmocka_unit_test(an_alarm_of_three_levels_takes_less_than_a_kibibyte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
