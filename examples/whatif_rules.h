/*
 * whatif_rules - the rules of a registry, with the changes that are tried, as
 * alarms that can be played.
 *
 * Memory   Alarms point into the registry, which outlives them.
 */
#ifndef HIGHWATER_EXAMPLES_WHATIF_RULES_H
#define HIGHWATER_EXAMPLES_WHATIF_RULES_H

#include "alarm.h"
#include "registry.h"
#include "timers.h"
#include "whatif_options.h"

/* A datastream and what watches it. */
struct whatif_stream {
	const struct registry_datastream *registered;
	struct threshold
		*thresholds; /* those of the registry with the changes, in the order of threshold_sort() */
	size_t threshold_count;
	size_t alarm_first, alarm_count;
	bool listed; /* its alerts are wanted */
	bool played; /* or those of a group that it is a member of */
};

struct whatif_alarm {
	const struct whatif_stream *stream;
	struct alarm_config config;
	struct alarm_state state;
	struct timer timer;
};

/*
 * 1. streams is in the order of the registry's datastreams, place for place.
 * 2. The alarms of a stream stand together; one that is not played has none.
 */
struct whatif_rules {
	const struct registry *registry;
	struct whatif_stream *streams;
	struct whatif_alarm *alarms;
	size_t *by_id; /* places of the streams that are played, by datastream_id */
	size_t stream_count, alarm_count, played_count;
	size_t listed_count; /* streams that are listed and have an alarm */
};

/* 0, -ENOMEM, or -EINVAL with a sentence: a change that concerns nothing, or would make no sense. */
int whatif_rules_build(struct whatif_rules *ret, const struct registry *registry,
                       const struct whatif_options *options, char why[static WHATIF_WHY_SIZE]) must_check;
void whatif_rules_done(struct whatif_rules *rules);

/* NULL when it is not played. */
struct whatif_stream *whatif_rules_stream(const struct whatif_rules *rules, int32_t datastream_id);

/* NULL when there is none. */
struct whatif_alarm *whatif_rules_alarm(const struct whatif_rules *rules, const struct whatif_stream *stream,
                                        enum cause cause, int64_t period_us);

#endif
