#include "whatif_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* --- levels --- */

static int change_levels(struct whatif_stream *s, const struct registry *registry,
                         const struct whatif_options *options, size_t *hits, char *why)
{
	const struct registry_datastream *d = s->registered;
	size_t room = d->threshold_count + options->change_count;
	int r = 0;

	if (room == 0) {
		return 0;
	}
	s->thresholds = calloc(room, sizeof(*s->thresholds));
	if (s->thresholds == NULL) {
		return -ENOMEM;
	}
	s->threshold_count = d->threshold_count;
	for (size_t i = 0; i < s->threshold_count; i++) {
		s->thresholds[i] = registry_thresholds(registry, d)[i];
	}
	for (size_t i = 0; i < options->change_count && r == 0; i++) {
		r = whatif_change_apply(&options->changes[i], &d->key, s->thresholds, &s->threshold_count,
		                        &hits[i], why);
	}
	threshold_sort(s->thresholds, s->threshold_count);
	return r;
}

static int change_all(struct whatif_rules *rules, const struct whatif_options *options, size_t *hits,
                      char *why)
{
	int r = 0;

	for (size_t i = 0; i < rules->stream_count && r == 0; i++) {
		struct whatif_stream *s = &rules->streams[i];

		s->registered = &rules->registry->datastreams[i];
		s->listed = whatif_is_chosen(&options->stations, s->registered->key.station) &&
		            whatif_is_chosen(&options->properties, s->registered->key.property);
		s->played = s->listed;
		r = change_levels(s, rules->registry, options, hits, why);
	}
	for (size_t i = 0; i < options->change_count && r == 0; i++) {
		if (hits[i] == 0) {
			(void)snprintf(
				why, WHATIF_WHY_SIZE,
				"--set %s: there is no such level; see highwater.threshold_in_force, or "
				"add \"new\" for one that is not there yet",
				options->changes[i].path);
			r = -EINVAL;
		}
	}
	return r;
}

/* --- who is played --- */

/* Members of groups that are played are played too, and members of groups among these. */
static void play_members(struct whatif_rules *rules)
{
	const struct registry *registry = rules->registry;
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < registry->count.members; i++) {
			const struct registry_member *m = &registry->members[i];
			struct whatif_stream *member = &rules->streams[m->member - 1];

			if (rules->streams[m->datastream - 1].played && !member->played) {
				member->played = true;
				more = true;
			}
		}
	}
}

/* --- alarms --- */

static size_t end_of_alarm(const struct whatif_stream *s, size_t first)
{
	const struct threshold *t = s->thresholds;
	size_t end = first;

	while (end < s->threshold_count && t[end].cause == t[first].cause &&
	       t[end].period_us == t[first].period_us) {
		end++;
	}
	return end;
}

static size_t count_alarms(struct whatif_rules *rules)
{
	size_t count = 0;

	for (size_t i = 0; i < rules->stream_count; i++) {
		struct whatif_stream *s = &rules->streams[i];

		s->alarm_first = count;
		for (size_t t = 0; s->played && t < s->threshold_count; t = end_of_alarm(s, t)) {
			s->alarm_count++;
		}
		s->played = s->alarm_count > 0;
		rules->played_count += s->played;
		rules->listed_count += s->played && s->listed;
		count += s->alarm_count;
	}
	return count;
}

static struct alarm_config config_of(const struct whatif_rules *rules, const struct whatif_stream *s,
                                     size_t first, size_t end)
{
	const struct threshold *t = &s->thresholds[first];
	struct alarm_config c = {
		.levels = t,
		.count = end - first,
		.hold = s->registered->hold,
		.interval_us = registry_quality(rules->registry, s->registered->quality)->interval_us,
		.period_us = t->period_us,
		.cause = t->cause,
	};

	if (t->cause == CAUSE_THRESHOLD || t->cause == CAUSE_PROJECTION) {
		c.target_count =
			threshold_of_alarm(s->thresholds, s->threshold_count, CAUSE_THRESHOLD, 0, &c.targets);
	}
	return c;
}

static int make_alarms(struct whatif_rules *rules)
{
	rules->alarm_count = count_alarms(rules);
	rules->alarms = calloc(rules->alarm_count + 1, sizeof(*rules->alarms));
	if (rules->alarms == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < rules->stream_count; i++) {
		const struct whatif_stream *s = &rules->streams[i];
		struct whatif_alarm *a = &rules->alarms[s->alarm_first];

		for (size_t t = 0, end; s->played && t < s->threshold_count; t = end, a++) {
			end = end_of_alarm(s, t);
			a->stream = s;
			a->config = config_of(rules, s, t, end);
		}
	}
	return 0;
}

/* --- by number --- */

static int compare_places(const void *left, const void *right, void *context)
{
	const struct whatif_stream *streams = context;
	int32_t a = streams[*(const size_t *)left].registered->datastream_id;
	int32_t b = streams[*(const size_t *)right].registered->datastream_id;

	return (a > b) - (a < b);
}

static int index_streams(struct whatif_rules *rules)
{
	size_t count = 0;

	rules->by_id = calloc(rules->played_count + 1, sizeof(*rules->by_id));
	if (rules->by_id == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < rules->stream_count; i++) {
		if (rules->streams[i].played) {
			rules->by_id[count++] = i;
		}
	}
	qsort_r(rules->by_id, count, sizeof(*rules->by_id), compare_places, rules->streams);
	return 0;
}

struct whatif_stream *whatif_rules_stream(const struct whatif_rules *rules, int32_t datastream_id)
{
	size_t low = 0, high = rules->played_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct whatif_stream *s = &rules->streams[rules->by_id[middle]];

		if (s->registered->datastream_id == datastream_id) {
			return s;
		}
		if (s->registered->datastream_id < datastream_id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

struct whatif_alarm *whatif_rules_alarm(const struct whatif_rules *rules, const struct whatif_stream *stream,
                                        enum cause cause, int64_t period_us)
{
	for (size_t i = 0; i < stream->alarm_count; i++) {
		struct whatif_alarm *a = &rules->alarms[stream->alarm_first + i];

		if (a->config.cause == cause && a->config.period_us == period_us) {
			return a;
		}
	}
	return NULL;
}

/* --- all of it --- */

int whatif_rules_build(struct whatif_rules *ret, const struct registry *registry,
                       const struct whatif_options *options, char why[static WHATIF_WHY_SIZE])
{
	struct whatif_rules rules = {.registry = registry, .stream_count = registry->count.datastreams};
	size_t *hits = calloc(options->change_count + 1, sizeof(*hits));
	int r = -ENOMEM;

	rules.streams = calloc(rules.stream_count + 1, sizeof(*rules.streams));
	if (hits != NULL && rules.streams != NULL) {
		r = change_all(&rules, options, hits, why);
	}
	if (r == 0) {
		play_members(&rules);
		r = make_alarms(&rules);
	}
	if (r == 0) {
		r = index_streams(&rules);
	}
	free(hits);
	if (r == -ENOMEM) {
		(void)snprintf(why, WHATIF_WHY_SIZE, "out of memory");
	}
	if (r != 0) {
		whatif_rules_done(&rules);
		return r;
	}
	*ret = rules;
	return 0;
}

void whatif_rules_done(struct whatif_rules *rules)
{
	for (size_t i = 0; rules->streams != NULL && i < rules->stream_count; i++) {
		free(rules->streams[i].thresholds);
	}
	free(rules->streams);
	free(rules->alarms);
	free(rules->by_id);
	*rules = (struct whatif_rules){0};
}
