/*
 * config - what the operator asked for: mosquitto.conf's plugin_opt_ lines and
 * highwater.json.
 *
 * Strict: an unknown key, a key that stands twice, a wrong type or a value out
 * of its range refuses the whole configuration, in one sentence that says
 * where (file and line), what was found, what is allowed, and what to do.
 *
 *   key                    default        allowed
 *   prefix                 "highwater"    topic levels without wildcards, not $…, at most 128 bytes
 *   sources                see below      1 to 256 of {"topic": pattern, "format": name}
 *   register               "auto"         "auto" "known"
 *   max_datastreams        100000         1 to 10000000
 *   on_invalid             "reject"       "reject" "pass"
 *   time.max_future        "5m"           0 (off) to 36500d
 *   time.max_age           "366d"         0 (off) to 36500d
 *   time.late_after        "30m"          0 (off) to 36500d
 *   journal.max_size       "4GiB"         at least 4 segments
 *   journal.segment_size   "16MiB"        1MiB to 1GiB, a multiple of 4KiB
 *   journal.sync           "100ms"        1ms to 1h
 *   journal.on_damage      "refuse"       "refuse" "skip"
 *   alerts.qos             1              0 1 2
 *   alerts.operators       []             up to 256 user names, "*" for any user with a name
 *   alerts.anonymous_operators  false     true false
 *   alerts.shelve_max      "8h"           1m to 30d
 *   alerts.cap             none           {"sender": …}, see config_cap.h
 *   stats_interval         "10s"          100ms to 1d
 *   shutdown_timeout       "5s"           0 to 1m
 *
 * Sources, when none are given: "sensors/{station}/{property}" and
 * "sensors/{station}", both json. The first that matches takes the message.
 *
 * Threads  [loop]; a loaded config is never changed, only replaced.
 * Errors   0 or a negative errno with the sentence in message.
 * Memory   config_free(NULL) is harmless. Nothing of the options is kept.
 */
#ifndef HIGHWATER_CONFIG_H
#define HIGHWATER_CONFIG_H

#include "cap_text.h"
#include "decode.h"
#include "topic_index.h"
#include "util.h"

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_SOURCES_MAX   256
#define CONFIG_PREFIX_MAX    128
#define CONFIG_OPERATORS_MAX 256
#define CONFIG_FILE_MAX      (1u << 20)
#define CONFIG_MESSAGE_SIZE  512

struct config_source {
	struct topic_pattern pattern;
	const struct decode_format *format;
};

struct config {
	char *database;    /* conninfo or URI, as given */
	char *state_dir;   /* absolute */
	char *config_path; /* NULL: no file, all defaults */
	char *prefix;
	struct config_source *sources;
	size_t source_count;
	struct topic_index *index; /* of the sources' patterns, in their order */
	bool register_known;       /* readings of datastreams that nobody registered are rejected */
	uint32_t max_datastreams;
	bool pass_invalid;                                /* bad payloads are delivered all the same */
	int64_t max_future_us, max_age_us, late_after_us; /* 0: the guard is off */
	uint64_t journal_max_size;                        /* bytes */
	uint32_t journal_segment_size;                    /* bytes */
	int64_t journal_sync_us;
	bool journal_skip_damage;
	int alerts_qos;   /* 0 to 2 */
	char **operators; /* users who may act on alarms; "*": any that has a name */
	size_t operator_count;
	bool anonymous_operators; /* clients without a user name may too */
	int64_t shelve_max_us;    /* for how long an alarm can be shelved at once */
	struct cap_config *cap;   /* NULL: no CAP messages */
	int64_t stats_interval_us;
	int64_t shutdown_timeout_us; /* how long a stopping broker waits for the database */
};

/* A plugin_opt_ line of mosquitto.conf, its key without the plugin_opt_. */
struct config_option {
	const char *key, *value;
};

/* -EINVAL, -ENOMEM, or what reading the file gave. *ret is untouched on failure. */
int config_load(struct config **ret, const struct config_option *options, size_t count, char *message,
                size_t size) must_check;
void config_free(struct config *c);

#endif
