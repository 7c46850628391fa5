#include "announce.h"

#include "alert.h"
#include "broker.h"
#include "cap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* An MQTT topic has at most 65,535 bytes; ours end far below, but a dead letter's carries the sender's. */
#define TOPIC_SIZE 2048

static int publish_alert(const struct announce *a, const struct transition *t, const char *text)
{
	char topic[TOPIC_SIZE];

	snprintf(topic, sizeof(topic), "%s/alerts/%s/%s", a->prefix, t->key.station, t->key.property);
	return broker_publish(topic, text, a->alerts_qos, false);
}

/* The datastream's own topic, or that of another of its alarms: below it, by cause and period. */
static int publish_status(const struct announce *a, const struct transition *t, const char *text)
{
	char topic[TOPIC_SIZE];
	int length =
		snprintf(topic, sizeof(topic), "%s/status/%s/%s", a->prefix, t->key.station, t->key.property);

	if (t->beside && length > 0 && (size_t)length < sizeof(topic)) {
		length += snprintf(topic + length, sizeof(topic) - (size_t)length, "/%s",
		                   threshold_cause_name((enum cause)t->cause));
	}
	if (t->beside && t->period_us > 0 && length > 0 && (size_t)length < sizeof(topic)) {
		snprintf(topic + length, sizeof(topic) - (size_t)length, "/%" PRId64, t->period_us / 1000000);
	}
	return broker_publish(topic, text, a->alerts_qos, true);
}

int announce_status(const struct announce *a, const struct transition *t)
{
	char *text = alert_json(t);
	int error;

	if (text == NULL) {
		return -ENOMEM;
	}
	error = publish_status(a, t, text);
	free(text);
	return error;
}

static const char *area_of(const struct announce *a, const struct transition *t)
{
	const struct registry_datastream *d = registry_find(a->registry, &t->key);

	return d != NULL ? registry_area(a->registry, d) : "";
}

static int publish_cap(const struct announce *a, const struct transition *t)
{
	char topic[TOPIC_SIZE];
	char *text = cap_xml(a->cap, t, area_of(a, t));
	int error;

	if (text == NULL) {
		return -ENOMEM;
	}
	snprintf(topic, sizeof(topic), "%s/cap/%s", a->prefix, t->key.station);
	error = broker_publish(topic, text, a->alerts_qos, false);
	free(text);
	return error;
}

static int publish_alert_and_status(const struct announce *a, const struct transition *t,
                                    struct announced *said)
{
	char *text = alert_json(t);
	int error = 0;

	if (text == NULL) {
		return -ENOMEM;
	}
	if (!said->alert && !t->silent) {
		error = publish_alert(a, t, text);
		said->alert = error == 0;
	}
	if (error == 0 && t->event != EVENT_TEST) {
		error = publish_status(a, t, text);
	}
	said->status = error == 0;
	free(text);
	return error;
}

int announce_transition(const struct announce *a, const struct transition *t, struct announced *said)
{
	int error = said->status ? 0 : publish_alert_and_status(a, t, said);

	if (error == 0 && a->cap != NULL && !said->cap && !t->silent) {
		error = publish_cap(a, t);
		said->cap = error == 0;
	}
	return error;
}

int announce_dead_letter(const struct announce *a, const struct dead_letter *letter)
{
	char topic[TOPIC_SIZE];
	char *text = dead_letter_json(letter);
	int length, error;

	if (text == NULL) {
		return -ENOMEM;
	}
	length = snprintf(topic, sizeof(topic), "%s/rejected/%s", a->prefix, letter->topic);
	if (length < 0 || (size_t)length >= sizeof(topic)) {
		/* The whole topic stands in the message. */
		snprintf(topic, sizeof(topic), "%s/rejected", a->prefix);
	}
	error = broker_publish(topic, text, 0, false);
	free(text);
	return error;
}

static int publish_count(const char *below, const char *name, uint64_t value)
{
	char topic[128], text[24];

	snprintf(topic, sizeof(topic), "$SYS/broker/highwater/%s%s", below, name);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return broker_publish(topic, text, 0, true);
}

int announce_stats(struct announce *a, const struct stats *stats)
{
	for (size_t i = 0; i < STATS_VALUE_COUNT; i++) {
		uint64_t now = stats_get(stats, (enum stats_value)i);

		if (a->published && a->value[i] == now) {
			continue;
		}
		if (publish_count("", stats_topic((enum stats_value)i), now) != 0) {
			return -ENOMEM;
		}
		a->value[i] = now;
	}
	for (size_t i = REJECT_NONE + 1; i < REJECT_COUNT; i++) {
		uint64_t now = atomic_load_explicit(&stats->rejected[i], memory_order_relaxed);

		if (a->rejected[i] == now) {
			continue;
		}
		if (publish_count("rejected/", reject_name((enum reject)i), now) != 0) {
			return -ENOMEM;
		}
		a->rejected[i] = now;
	}
	a->published = true;
	return 0;
}
