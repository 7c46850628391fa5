#include "config_keys.h"

#include "config_alerts.h"
#include "journal.h"

#include <errno.h>
#include <stdlib.h>

#define MILLISECOND_US INT64_C(1000)
#define SECOND_US      (1000 * MILLISECOND_US)
#define MINUTE_US      (60 * SECOND_US)
#define HOUR_US        (60 * MINUTE_US)
#define DAY_US         (24 * HOUR_US)

#define SEGMENT_STEP     4096u /* a page: segments are mapped */
#define SEGMENTS_MIN     4u    /* one written, one made ready, two for what waits */
#define DATASTREAMS_MAX  10000000
#define STATS_KEY_MIN_US (100 * MILLISECOND_US)

struct loading {
	struct config *config;
	/* Where things stand, for what can only be judged at the end. text is NULL when they do not. */
	struct json_slice prefix, journal, source[CONFIG_SOURCES_MAX];
	/* Members of the source that is being read, NULL until they are met. */
	const struct config_member *topic;
	struct config_member topic_member;
	const struct decode_format *format;
};

static int add_source(struct config *c, const char *topic, const struct decode_format *format, char *message,
                      size_t size)
{
	struct config_source *grown = realloc(c->sources, (c->source_count + 1) * sizeof(*grown));
	struct config_source *source;
	int r;

	if (!grown)
		return -ENOMEM;
	c->sources = grown;
	source = &c->sources[c->source_count];
	r = topic_pattern_init(&source->pattern, topic, message, size);
	if (r < 0)
		return r;
	source->format = format;
	c->source_count++;
	return 0;
}

static void clear_sources(struct config *c)
{
	for (size_t i = 0; i < c->source_count; i++)
		topic_pattern_done(&c->sources[i].pattern);
	free(c->sources);
	c->sources = NULL;
	c->source_count = 0;
}

int config_keys_defaults(struct config *c)
{
	static const char *const topics[] = {"sensors/{station}/{property}", "sensors/{station}"};
	char message[CONFIG_MESSAGE_SIZE];

	c->max_datastreams = 100000;
	c->max_future_us = 5 * MINUTE_US;
	c->max_age_us = 366 * DAY_US;
	c->late_after_us = 30 * MINUTE_US;
	c->journal_max_size = UINT64_C(4) << 30;
	c->journal_segment_size = 16u << 20;
	c->journal_sync_us = 100 * MILLISECOND_US;
	config_alerts_defaults(c);
	c->stats_interval_us = 10 * SECOND_US;
	c->shutdown_timeout_us = 5 * SECOND_US;
	c->prefix = strdup("highwater");
	if (!c->prefix)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(topics); i++) {
		int r = add_source(c, topics[i], decode_find("json"), message, sizeof(message));

		if (r < 0)
			return r;
	}
	return 0;
}

static int take_topic(const struct config_file *f, const struct config_member *m, void *context)
{
	struct loading *l = context;

	if (json_slice_kind(m->value) != JSON_KIND_STRING)
		return config_line_refuse(f, m, "a topic pattern such as \"sensors/{station}/{property}\"");
	l->topic_member = *m;
	l->topic = &l->topic_member;
	return 0;
}

static int take_format(const struct config_file *f, const struct config_member *m, void *context)
{
	struct loading *l = context;
	char *name;
	int r;

	r = config_line_string(f, m, decode_names(), &name);
	if (r < 0)
		return r;
	l->format = decode_find(name);
	free(name);
	return l->format ? 0 : config_line_refuse(f, m, decode_names());
}

static int end_source(const struct config_file *f, struct json_slice place, struct loading *l)
{
	struct config *c = l->config;
	char message[CONFIG_MESSAGE_SIZE];
	char *topic;
	int r;

	if (!l->topic)
		return config_line_fail(
			f, place, "a source without \"topic\": add a pattern such as \"sensors/{station}\"");
	if (!l->format)
		return config_line_fail(f, place, "a source without \"format\": add one of %s",
		                        decode_names());
	r = config_line_string(f, l->topic, "a topic pattern", &topic);
	if (r < 0)
		return r;
	r = add_source(c, topic, l->format, message, sizeof(message));
	if (r == -EINVAL)
		config_line_fail(f, l->topic->name, "\"topic\": %s", message);
	for (size_t i = 0; r == 0 && i + 1 < c->source_count; i++)
		if (strcmp(c->sources[i].pattern.text, topic) == 0)
			r = config_line_fail(f, l->topic->name,
			                     "topic \"%s\" is source %zu already: remove one", topic, i + 1);
	free(topic);
	return r;
}

static const struct config_key source_keys[] = {
	{"topic", take_topic},
	{"format", take_format},
};

static int take_sources(const struct config_file *f, const struct config_member *m, void *context)
{
	struct json_items items = json_slice_items(m->value);
	struct loading *l = context;
	struct json_slice item;

	if (json_slice_kind(m->value) != JSON_KIND_ARRAY)
		return config_line_refuse(f, m, "a list, [{\"topic\": …, \"format\": …}, …]");
	clear_sources(l->config);
	while (json_slice_element(&items, &item)) {
		int r;

		if (l->config->source_count == CONFIG_SOURCES_MAX)
			return config_line_fail(f, item, "more than %d sources", CONFIG_SOURCES_MAX);
		l->topic = NULL;
		l->format = NULL;
		r = config_line_object(f, "a source", item, source_keys, ARRAY_SIZE(source_keys), l);
		if (r == 0)
			r = end_source(f, item, l);
		if (r < 0)
			return r;
		l->source[l->config->source_count - 1] = l->topic->name;
	}
	if (!l->config->source_count)
		return config_line_fail(
			f, m->name,
			"\"sources\" is empty: add a source, or remove the key for the default ones");
	return 0;
}

static bool is_prefix(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length > CONFIG_PREFIX_MAX || text[0] == '$' || text[0] == '/' ||
	    text[length - 1] == '/')
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			return false;
	return !strpbrk(text, "+#") && !strstr(text, "//");
}

static int take_prefix(const struct config_file *f, const struct config_member *m, void *context)
{
	static const char allowed[] =
		"topic levels such as \"highwater\" or \"city/highwater\": not empty, no + or #, "
		"no / at either end, no $ at the beginning, at most 128 bytes";
	struct loading *l = context;
	char *text;
	int r = config_line_string(f, m, allowed, &text);

	if (r < 0)
		return r;
	if (!is_prefix(text)) {
		free(text);
		return config_line_refuse(f, m, allowed);
	}
	free(l->config->prefix);
	l->config->prefix = text;
	l->prefix = m->name;
	return 0;
}

static int take_register(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_choice(f, m, "auto", "known",
	                          &((struct loading *)context)->config->register_known);
}

static int take_on_invalid(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_choice(f, m, "reject", "pass", &((struct loading *)context)->config->pass_invalid);
}

static int take_max_datastreams(const struct config_file *f, const struct config_member *m, void *context)
{
	struct config *c = ((struct loading *)context)->config;
	int64_t n;
	int r = config_line_integer(f, m, 1, DATASTREAMS_MAX, "a whole number from 1 to 10000000", &n);

	if (r == 0)
		c->max_datastreams = (uint32_t)n;
	return r;
}

static int take_stats_interval(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_duration(f, m, STATS_KEY_MIN_US, DAY_US,
	                            "a duration from \"100ms\" to \"1d\", such as \"10s\"",
	                            &((struct loading *)context)->config->stats_interval_us);
}

static int take_shutdown_timeout(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_duration(f, m, 0, MINUTE_US, "a duration from \"0\" to \"1m\", such as \"5s\"",
	                            &((struct loading *)context)->config->shutdown_timeout_us);
}

static int take_guard(const struct config_file *f, const struct config_member *m, int64_t *ret_us)
{
	return config_line_duration(
		f, m, 0, 36500 * DAY_US,
		"a duration such as \"90s\", \"5m\" or \"366d\", at most \"36500d\", or \"0\" for none",
		ret_us);
}

static int take_max_future(const struct config_file *f, const struct config_member *m, void *context)
{
	return take_guard(f, m, &((struct loading *)context)->config->max_future_us);
}

static int take_max_age(const struct config_file *f, const struct config_member *m, void *context)
{
	return take_guard(f, m, &((struct loading *)context)->config->max_age_us);
}

static int take_late_after(const struct config_file *f, const struct config_member *m, void *context)
{
	return take_guard(f, m, &((struct loading *)context)->config->late_after_us);
}

static int take_max_size(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_size(f, m, SEGMENTS_MIN * JOURNAL_SEGMENT_MIN, UINT64_MAX,
	                        "a size such as \"4GiB\", at least 4 segments",
	                        &((struct loading *)context)->config->journal_max_size);
}

static int take_segment_size(const struct config_file *f, const struct config_member *m, void *context)
{
	static const char allowed[] = "a size from \"1MiB\" to \"1GiB\" that is a multiple of \"4KiB\"";
	struct config *c = ((struct loading *)context)->config;
	uint64_t size;
	int r = config_line_size(f, m, JOURNAL_SEGMENT_MIN, JOURNAL_SEGMENT_MAX, allowed, &size);

	if (r == 0 && size % SEGMENT_STEP != 0)
		r = config_line_refuse(f, m, allowed);
	if (r == 0)
		c->journal_segment_size = (uint32_t)size;
	return r;
}

static int take_sync(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_duration(f, m, MILLISECOND_US, HOUR_US,
	                            "a duration from \"1ms\" to \"1h\", such as \"100ms\"",
	                            &((struct loading *)context)->config->journal_sync_us);
}

static int take_on_damage(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_choice(f, m, "refuse", "skip",
	                          &((struct loading *)context)->config->journal_skip_damage);
}

static const struct config_key time_keys[] = {
	{"max_future", take_max_future},
	{"max_age", take_max_age},
	{"late_after", take_late_after},
};

static int take_time(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_object(f, "\"time\"", m->value, time_keys, ARRAY_SIZE(time_keys), context);
}

static const struct config_key journal_keys[] = {
	{"max_size", take_max_size},
	{"segment_size", take_segment_size},
	{"sync", take_sync},
	{"on_damage", take_on_damage},
};

static int take_journal(const struct config_file *f, const struct config_member *m, void *context)
{
	((struct loading *)context)->journal = m->name;
	return config_line_object(f, "\"journal\"", m->value, journal_keys, ARRAY_SIZE(journal_keys),
	                          context);
}

static int take_alerts(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_alerts_read(f, m, ((struct loading *)context)->config);
}

static const struct config_key root_keys[] = {
	{"prefix", take_prefix},
	{"sources", take_sources},
	{"register", take_register},
	{"max_datastreams", take_max_datastreams},
	{"on_invalid", take_on_invalid},
	{"time", take_time},
	{"journal", take_journal},
	{"alerts", take_alerts},
	{"stats_interval", take_stats_interval},
	{"shutdown_timeout", take_shutdown_timeout},
};

/* What depends on several keys. */
static int check_whole(const struct config_file *f, const struct loading *l)
{
	const struct config *c = l->config;

	if (c->journal_max_size / SEGMENTS_MIN < c->journal_segment_size)
		return config_line_fail(f, l->journal,
		                        "max_size %llu is less than %u segments of %lu bytes: "
		                        "raise max_size or lower segment_size",
		                        (unsigned long long)c->journal_max_size, SEGMENTS_MIN,
		                        (unsigned long)c->journal_segment_size);
	for (size_t i = 0; i < c->source_count; i++) {
		if (!topic_pattern_reaches(&c->sources[i].pattern, c->prefix))
			continue;
		return config_line_fail(
			f, l->source[i].text ? l->source[i] : l->prefix,
			"source \"%.200s\" matches topics below the prefix \"%s\", where the plugin itself "
			"publishes: give it a first level of its own, or change the prefix",
			c->sources[i].pattern.text, c->prefix);
	}
	return 0;
}

int config_keys_read(const struct config_file *f, struct json_slice root, struct config *c)
{
	struct loading *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->config = c;
	r = config_line_object(f, "the file", root, root_keys, ARRAY_SIZE(root_keys), l);
	if (r == 0)
		r = check_whole(f, l);
	free(l);
	return r;
}
