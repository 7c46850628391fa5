#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], path[96];

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/highwater-config-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/highwater.json", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void write_file(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static int load_path(struct config **ret, const char *file, char message[static CONFIG_MESSAGE_SIZE])
{
	const struct config_option options[] = {
		{"database", "host=/run/postgresql dbname=highwater"},
		{"state_dir", "/var/lib/mosquitto/highwater"},
		{"config", file},
	};

	message[0] = '\0';
	return config_load(ret, options, ARRAY_SIZE(options), message, CONFIG_MESSAGE_SIZE);
}

static struct config *load(const char *text)
{
	char message[CONFIG_MESSAGE_SIZE];
	struct config *c = NULL;

	write_file(text, strlen(text));
	if (load_path(&c, path, message) != 0)
		fail_msg("%s", message);
	assert_string_equal(message, "");
	return c;
}

/* expected: "LINE: sentence", the whole of it after the path. */
static void assert_refused(const char *text, const char *expected)
{
	char message[CONFIG_MESSAGE_SIZE], whole[CONFIG_MESSAGE_SIZE];
	struct config *c = NULL;

	write_file(text, strlen(text));
	if (load_path(&c, path, message) != -EINVAL)
		fail_msg("%s was taken", text);
	assert_null(c);
	snprintf(whole, sizeof(whole), "%s:%s", path, expected);
	assert_string_equal(message, whole);
}

static void assert_defaults(const struct config *c)
{
	assert_string_equal(c->database, "host=/run/postgresql dbname=highwater");
	assert_string_equal(c->state_dir, "/var/lib/mosquitto/highwater");
	assert_string_equal(c->prefix, "highwater");
	assert_int_equal(c->source_count, 2);
	assert_string_equal(c->sources[0].pattern.text, "sensors/{station}/{property}");
	assert_string_equal(c->sources[1].pattern.text, "sensors/{station}");
	assert_string_equal(c->sources[0].format->name, "json");
	assert_string_equal(c->sources[1].format->name, "json");
	assert_false(c->register_known);
	assert_int_equal(c->max_datastreams, 100000);
	assert_false(c->pass_invalid);
	assert_int_equal(c->max_future_us, INT64_C(300000000));
	assert_int_equal(c->max_age_us, INT64_C(31622400000000));
	assert_int_equal(c->late_after_us, INT64_C(1800000000));
	assert_int_equal(c->journal_max_size, INT64_C(4294967296));
	assert_int_equal(c->journal_segment_size, 16777216);
	assert_int_equal(c->journal_sync_us, 100000);
	assert_false(c->journal_skip_damage);
	assert_int_equal(c->alerts_qos, 1);
	assert_int_equal(c->operator_count, 0);
	assert_false(c->anonymous_operators);
	assert_int_equal(c->shelve_max_us, INT64_C(28800000000));
	assert_int_equal(c->stats_interval_us, 10000000);
	assert_int_equal(c->shutdown_timeout_us, 5000000);
}

static void has_defaults_for_everything_but_two_options(void **state)
{
	const struct config_option options[] = {
		{"state_dir", "/var/lib/mosquitto/highwater"},
		{"database", "host=/run/postgresql dbname=highwater"},
	};
	char message[CONFIG_MESSAGE_SIZE] = "";
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_load(&c, options, ARRAY_SIZE(options), message, sizeof(message)), 0);
	assert_null(c->config_path);
	assert_defaults(c);
	config_free(c);
}

static void an_empty_object_changes_nothing(void **state)
{
	struct config *c = load(" {\n}\n");

	(void)state;
	assert_string_equal(c->config_path, path);
	assert_defaults(c);
	config_free(c);
}

static void reads_every_key(void **state)
{
	struct config *c = load(
		"{ \"prefix\": \"city/high\\u0077ater\",\n"
		"  \"sources\": [ { \"topic\": \"v3/+/devices/{station}/up\", \"format\": \"json\" },\n"
		"               { \"format\": \"json\", \"topic\": \"{station}\" } ],\n"
		"  \"register\": \"known\", \"max_datastreams\": 10000000, \"on_invalid\": \"pass\",\n"
		"  \"time\": { \"max_future\": \"0\", \"max_age\": \"36500d\", \"late_after\": \"90s\" },\n"
		"  \"journal\": { \"max_size\": \"4MiB\", \"segment_size\": \"1MiB\", \"sync\": \"1ms\",\n"
		"               \"on_damage\": \"skip\" },\n"
		"  \"alerts\": { \"qos\": 2, \"operators\": [\"duty\", \"tr\\u1ef1c\"],\n"
		"  \"anonymous_operators\": true, \"shelve_max\": \"30d\" }, \"stats_interval\": \"100ms\",\n"
		"  \"shutdown_timeout\": \"0\" }\n");

	(void)state;
	assert_string_equal(c->prefix, "city/highwater");
	assert_int_equal(c->source_count, 2);
	assert_string_equal(c->sources[0].pattern.text, "v3/+/devices/{station}/up");
	assert_string_equal(c->sources[1].pattern.text, "{station}");
	assert_true(c->register_known);
	assert_int_equal(c->max_datastreams, 10000000);
	assert_true(c->pass_invalid);
	assert_int_equal(c->max_future_us, 0);
	assert_int_equal(c->max_age_us, INT64_C(3153600000000000));
	assert_int_equal(c->late_after_us, 90000000);
	assert_int_equal(c->journal_max_size, 4194304);
	assert_int_equal(c->journal_segment_size, 1048576);
	assert_int_equal(c->journal_sync_us, 1000);
	assert_true(c->journal_skip_damage);
	assert_int_equal(c->alerts_qos, 2);
	assert_int_equal(c->operator_count, 2);
	assert_string_equal(c->operators[0], "duty");
	assert_string_equal(c->operators[1], "trực");
	assert_true(c->anonymous_operators);
	assert_int_equal(c->shelve_max_us, INT64_C(2592000000000));
	assert_int_equal(c->stats_interval_us, 100000);
	assert_int_equal(c->shutdown_timeout_us, 0);
	config_free(c);
}

static void other_words_of_a_choice_are_taken_too(void **state)
{
	struct config *c = load(
		"{\"register\":\"auto\",\"on_invalid\":\"reject\",\"journal\":{\"on_damage\":\"refuse\"},"
		"\"alerts\":{\"qos\":0}}");

	(void)state;
	assert_false(c->register_known || c->pass_invalid || c->journal_skip_damage);
	assert_int_equal(c->alerts_qos, 0);
	config_free(c);
}

static void refuses_what_is_not_json_with_its_line(void **state)
{
	(void)state;
	assert_refused("", "1: not JSON at column 1: the text ends where a value should follow");
	assert_refused("{\n  \"prefix\": \"a\"\n  \"register\": \"auto\"\n}",
	               "3: not JSON at column 3: '\"' where ',' or '}' should be");
	assert_refused("{\n  // where\n  \"prefix\": \"a\"\n}",
	               "2: not JSON at column 3: '/' where a member's name in quotes should be; "
	               "JSON has no comments, remove them");
	assert_refused("{\n\"prefix\": \"a\", /* why */ \"register\": \"auto\"}",
	               "2: not JSON at column 16: '/' where a member's name in quotes should be; "
	               "JSON has no comments, remove them");
	assert_refused("{}\n{}", "2: not JSON at column 1: '{' where the end of the text should be");
	assert_refused("{\n\"prefix\": \"\xFF\"}", "2: not UTF-8 text: byte 0xff; save the file as UTF-8");
	assert_refused("\n[]", "2: the file is an array: allowed is an object, { … }");
}

static void refuses_unknown_keys_anywhere_with_a_remedy(void **state)
{
	(void)state;
	assert_refused("{\n\n \"prefx\": \"a\"}",
	               "3: the file has no key \"prefx\": did you mean \"prefix\"?");
	assert_refused(
		"{\"comment\": \"a\"}",
		"1: the file has no key \"comment\": allowed are prefix, sources, register, max_datastreams, "
		"on_invalid, time, journal, alerts, stats_interval, shutdown_timeout");
	assert_refused("{\"time\": {\n\"max_ages\": \"1d\"}}",
	               "2: \"time\" has no key \"max_ages\": did you mean \"max_age\"?");
	assert_refused(
		"{\"journal\":\n{\n\"size\": \"1GiB\"}}",
		"3: \"journal\" has no key \"size\": allowed are max_size, segment_size, sync, on_damage");
	assert_refused("{\"alerts\": {\"quality\": 1}}",
	               "1: \"alerts\" has no key \"quality\": allowed are qos, operators, "
	               "anonymous_operators, shelve_max, cap");
	assert_refused("{\"sources\": [\n{\"topic\": \"a/{station}\", \"format\": \"json\"},\n"
	               "{\"topic\": \"b/{station}\",\n\"properties\": {}, \"format\": \"json\"}]}",
	               "4: a source has no key \"properties\": allowed are topic, format");
	assert_refused("{\"Prefix\": \"a\"}", "1: the file has no key \"Prefix\": did you mean \"prefix\"?");
	assert_refused("{\"\": 1}",
	               "1: the file has no key \"\": allowed are prefix, sources, register, max_datastreams, "
	               "on_invalid, time, journal, alerts, stats_interval, shutdown_timeout");
}

static void refuses_a_key_that_stands_twice(void **state)
{
	(void)state;
	assert_refused("{\"prefix\": \"a\",\n\n\"prefix\": \"b\"}",
	               "3: \"prefix\" stands twice, first on line 1: remove one");
	assert_refused("{\"time\": {\"max_age\": \"1d\",\n\"max_\\u0061ge\": \"1d\"}}",
	               "2: \"max_age\" stands twice, first on line 1: remove one");
	assert_refused("{\"sources\":\n[{\"topic\":\"a/{station}\",\n\"topic\":\"b/{station}\"}]}",
	               "3: \"topic\" stands twice, first on line 2: remove one");
}

static void refuses_wrong_types_and_values(void **state)
{
	(void)state;
	assert_refused("{\n\"register\": \"yes\"}",
	               "2: \"register\" is \"yes\": allowed is \"auto\" or \"known\"");
	assert_refused("{\n\"register\": true}", "2: \"register\" is true: allowed is \"auto\" or \"known\"");
	assert_refused("{\n\"on_invalid\": null}",
	               "2: \"on_invalid\" is null: allowed is \"reject\" or \"pass\"");
	assert_refused("{\"max_datastreams\":\n0}",
	               "1: \"max_datastreams\" is 0: allowed is a whole number from 1 to 10000000");
	assert_refused("{\"max_datastreams\": 10000001}",
	               "1: \"max_datastreams\" is 10000001: allowed is a whole number from 1 to 10000000");
	assert_refused("{\"max_datastreams\": 1.5}",
	               "1: \"max_datastreams\" is 1.5: allowed is a whole number from 1 to 10000000");
	assert_refused("{\"max_datastreams\": 1e999}",
	               "1: \"max_datastreams\" is 1e999: allowed is a whole number from 1 to 10000000");
	assert_refused("{\"max_datastreams\": \"5\"}",
	               "1: \"max_datastreams\" is \"5\": allowed is a whole number from 1 to 10000000");
	assert_refused("{\"alerts\": {\n\"qos\": 3}}", "2: \"qos\" is 3: allowed is 0, 1 or 2");
	assert_refused("{\"alerts\": {\"qos\": -1}}", "1: \"qos\" is -1: allowed is 0, 1 or 2");
	assert_refused("{\n\"alerts\": 1}", "2: \"alerts\" is a number: allowed is an object, { … }");
	assert_refused("{\n\"time\": \"5m\"}", "2: \"time\" is a string: allowed is an object, { … }");
	assert_refused("{\"stats_interval\": \"99ms\"}",
	               "1: \"stats_interval\" is \"99ms\": allowed is a duration from \"100ms\" to \"1d\", "
	               "such as \"10s\"");
	assert_refused("{\"stats_interval\": {}}",
	               "1: \"stats_interval\" is an object: allowed is a duration from \"100ms\" to \"1d\", "
	               "such as \"10s\"");
	assert_refused("{\"shutdown_timeout\": \"61s\"}",
	               "1: \"shutdown_timeout\" is \"61s\": allowed is a duration from \"0\" to \"1m\", "
	               "such as \"5s\"");
}

static void refuses_operators_that_are_no_names(void **state)
{
	char text[200];

	(void)state;
	assert_refused("{\"alerts\": {\n\"operators\": \"duty\"}}",
	               "2: \"operators\" is \"duty\": allowed is a list of user names such as [\"duty\"], or "
	               "[\"*\"] for any user");
	assert_refused(
		"{\"alerts\": {\"operators\": [\"duty\",\n7]}}",
		"2: \"operators\" has a number in it: allowed is a list of user names such as [\"duty\"], "
		"or [\"*\"] for any user");
	assert_refused("{\"alerts\": {\"operators\": [\"\"]}}",
	               "1: a name in \"operators\" has 0 bytes: allowed are 1 to 64");
	snprintf(text, sizeof(text), "{\"alerts\": {\"operators\": [\"%065d\"]}}", 1);
	assert_refused(text, "1: a name in \"operators\" has 65 bytes: allowed are 1 to 64");
	assert_refused("{\"alerts\": {\"operators\": [\"duty\",\n\"night\",\n\"duty\"]}}",
	               "3: \"operators\" has \"duty\" twice: remove one");
	assert_refused("{\"alerts\": {\"anonymous_operators\": \"yes\"}}",
	               "1: \"anonymous_operators\" is \"yes\": allowed is true or false");
	assert_refused("{\"alerts\": {\"anonymous_operators\": 1}}",
	               "1: \"anonymous_operators\" is 1: allowed is true or false");
}

static void takes_as_many_operators_as_it_says(void **state)
{
	size_t size = 8 * (CONFIG_OPERATORS_MAX + 8), n;
	char *text = malloc(size);
	struct config *c;

	(void)state;
	assert_non_null(text);
	n = (size_t)snprintf(text, size, "{\"alerts\": {\"operators\": [");
	for (int i = 0; i < CONFIG_OPERATORS_MAX; i++)
		n += (size_t)snprintf(text + n, size - n, "%s\"%d\"", i ? "," : "", i);
	snprintf(text + n, size - n, "]}}");
	c = load(text);
	assert_int_equal(c->operator_count, CONFIG_OPERATORS_MAX);
	assert_string_equal(c->operators[CONFIG_OPERATORS_MAX - 1], "255");
	config_free(c);
	snprintf(text + n, size - n, ",\n\"one\"]}}");
	assert_refused(text, "2: more than 256 operators");
	free(text);
}

static void refuses_shelving_for_ever(void **state)
{
	static const char *const bad[] = {"\"59s\"", "\"31d\"", "\"0\"", "3600"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[80], expected[160];

		snprintf(text, sizeof(text), "{\"alerts\": {\"shelve_max\": %s}}", bad[i]);
		snprintf(
			expected, sizeof(expected),
			"1: \"shelve_max\" is %s: allowed is a duration from \"1m\" to \"30d\", such as \"8h\"",
			bad[i]);
		assert_refused(text, expected);
	}
}

static void refuses_times_that_are_no_durations(void **state)
{
	static const char *const keys[] = {"max_future", "max_age", "late_after"};
	static const char *const values[] = {"\"5\"",      "\"-5m\"", "\"5 m\"", "300",
	                                     "\"36501d\"", "\"\"",    "true"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
			char text[128], expected[256];

			snprintf(text, sizeof(text), "{\"time\": {\n\"%s\": %s}}", keys[i], values[j]);
			snprintf(expected, sizeof(expected),
			         "2: \"%s\" is %s: allowed is a duration such as \"90s\", \"5m\" or "
			         "\"366d\", at most "
			         "\"36500d\", or \"0\" for none",
			         keys[i], values[j]);
			assert_refused(text, expected);
		}
	}
}

static void refuses_journals_that_cannot_work(void **state)
{
	(void)state;
	assert_refused(
		"{\"journal\": {\n\"max_size\": \"3MiB\"}}",
		"2: \"max_size\" is \"3MiB\": allowed is a size such as \"4GiB\", at least 4 segments");
	assert_refused("{\n\"journal\": {\n\"max_size\": \"63MiB\"}}",
	               "2: max_size 66060288 is less than 4 segments of 16777216 bytes: "
	               "raise max_size or lower segment_size");
	assert_refused("{\"journal\": {\"segment_size\": \"1023KiB\"}}",
	               "1: \"segment_size\" is \"1023KiB\": allowed is a size from \"1MiB\" to \"1GiB\" "
	               "that is a multiple of \"4KiB\"");
	assert_refused("{\"journal\": {\"segment_size\": \"2GiB\"}}",
	               "1: \"segment_size\" is \"2GiB\": allowed is a size from \"1MiB\" to \"1GiB\" "
	               "that is a multiple of \"4KiB\"");
	assert_refused("{\"journal\": {\"segment_size\": \"1049000B\"}}",
	               "1: \"segment_size\" is \"1049000B\": allowed is a size from \"1MiB\" to \"1GiB\" "
	               "that is a multiple of \"4KiB\"");
	assert_refused(
		"{\"journal\": {\"sync\": \"0\"}}",
		"1: \"sync\" is \"0\": allowed is a duration from \"1ms\" to \"1h\", such as \"100ms\"");
	assert_refused("{\"journal\": {\"on_damage\": \"ignore\"}}",
	               "1: \"on_damage\" is \"ignore\": allowed is \"refuse\" or \"skip\"");
}

static void refuses_prefixes_that_are_no_topic(void **state)
{
	static const char *const bad[] = {"\"\"",    "\"/a\"",   "\"a/\"",    "\"a//b\"", "\"+\"",
	                                  "\"a/#\"", "\"$SYS\"", "\"a\\nb\"", "1",        "null"};
	char longest[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[128], expected[300];

		snprintf(text, sizeof(text), "{\n\"prefix\": %s}", bad[i]);
		snprintf(expected, sizeof(expected),
		         "2: \"prefix\" is %s: allowed is topic levels such as \"highwater\" or "
		         "\"city/highwater\": not empty, "
		         "no + or #, no / at either end, no $ at the beginning, at most 128 bytes",
		         bad[i]);
		assert_refused(text, expected);
	}
	snprintf(longest, sizeof(longest), "{\"prefix\": \"%0128d\"}", 1);
	config_free(load(longest));
}

static void refuses_sources_that_cannot_work(void **state)
{
	(void)state;
	assert_refused("{\n\"sources\": {}}", "2: \"sources\" is an object: allowed is a list, "
	                                      "[{\"topic\": …, \"format\": …}, …]");
	assert_refused("{\n\"sources\": []}",
	               "2: \"sources\" is empty: add a source, or remove the key for the default ones");
	assert_refused("{\"sources\": [\n\"a/{station}\"]}",
	               "2: a source is a string: allowed is an object, { … }");
	assert_refused("{\"sources\": [\n{\"format\": \"json\"}]}",
	               "2: a source without \"topic\": add a pattern such as \"sensors/{station}\"");
	assert_refused("{\"sources\": [\n{\"topic\": \"a/{station}\"}]}",
	               "2: a source without \"format\": add one of json");
	assert_refused("{\"sources\": [{\"topic\": \"a/{station}\",\n\"format\": \"xml\"}]}",
	               "2: \"format\" is \"xml\": allowed is json");
	assert_refused("{\"sources\": [{\"topic\": \"a/{station}\",\n\"format\": 1}]}",
	               "2: \"format\" is 1: allowed is json");
	assert_refused(
		"{\"sources\": [{\"format\": \"json\",\n\"topic\": 1}]}",
		"2: \"topic\" is 1: allowed is a topic pattern such as \"sensors/{station}/{property}\"");
	assert_refused("{\"sources\": [{\"format\": \"json\",\n\"topic\": \"sensors/+\"}]}",
	               "2: \"topic\": \"sensors/+\" has no level {station}: it says where the station's code "
	               "stands");
	assert_refused("{\"sources\": [\n{\"topic\": \"a/{station}\", \"format\": \"json\"},\n"
	               "{\"topic\": \"a/{station}\", \"format\": \"json\"}]}",
	               "3: topic \"a/{station}\" is source 1 already: remove one");
}

static void refuses_sources_that_reach_below_the_prefix(void **state)
{
	(void)state;
	assert_refused(
		"{\"sources\": [\n{\"topic\": \"a/{station}\", \"format\": \"json\"},\n"
		"{\"topic\": \"+/{station}/up\",\n \"format\": \"json\"}]}",
		"3: source \"+/{station}/up\" matches topics below the prefix \"highwater\", where the "
		"plugin "
		"itself publishes: give it a first level of its own, or change the prefix");
	/* The prefix may stand after the sources. */
	assert_refused(
		"{\"sources\": [\n{\"topic\": \"a/{station}\", \"format\": \"json\"}],\n\"prefix\": \"a\"}",
		"2: source \"a/{station}\" matches topics below the prefix \"a\", where the plugin "
		"itself publishes: give it a first level of its own, or change the prefix");
	/* The default sources have no line: the prefix has. */
	assert_refused("{\n\"prefix\": \"sensors\"}",
	               "2: source \"sensors/{station}/{property}\" matches topics below the prefix "
	               "\"sensors\", where the "
	               "plugin itself publishes: give it a first level of its own, or change the prefix");
}

static void takes_as_many_sources_as_it_says(void **state)
{
	size_t size = 64 * (CONFIG_SOURCES_MAX + 2), n;
	char *text = malloc(size);
	struct config *c;

	(void)state;
	assert_non_null(text);
	n = (size_t)snprintf(text, size, "{\"sources\": [");
	for (int i = 0; i < CONFIG_SOURCES_MAX; i++)
		n += (size_t)snprintf(text + n, size - n,
		                      "%s{\"topic\": \"s%d/{station}\", \"format\": \"json\"}",
		                      i ? ",\n" : "", i);
	snprintf(text + n, size - n, "]}");
	c = load(text);
	assert_int_equal(c->source_count, CONFIG_SOURCES_MAX);
	/* Patterns still work after the list has grown. */
	struct topic_match m;
	assert_true(topic_match(&c->sources[3].pattern, "s3/phu_an", &m));
	config_free(c);
	snprintf(text + n, size - n, ",\n{\"topic\": \"more/{station}\", \"format\": \"json\"}]}");
	assert_refused(text, "257: more than 256 sources");
	free(text);
}

static void says_why_a_file_cannot_be_read(void **state)
{
	char message[CONFIG_MESSAGE_SIZE], missing[128], expected[CONFIG_MESSAGE_SIZE];
	struct config *c = NULL;

	(void)state;
	snprintf(missing, sizeof(missing), "%s/none.json", directory);
	assert_int_equal(load_path(&c, missing, message), -ENOENT);
	snprintf(expected, sizeof(expected),
	         "mosquitto.conf: plugin_opt_config: cannot read %s: No such file or directory; "
	         "correct the path or the file's permissions",
	         missing);
	assert_string_equal(message, expected);
	assert_int_equal(load_path(&c, directory, message), -EISDIR);
	assert_non_null(strstr(message, "Is a directory"));
	/* A pipe without a writer would hold up the broker for ever. */
	assert_int_equal(mkfifo(missing, 0600), 0);
	assert_int_equal(load_path(&c, missing, message), -ENODEV);
	unlink(missing);
	assert_null(c);
}

static void refuses_a_file_that_is_too_large(void **state)
{
	char *text = malloc(CONFIG_FILE_MAX + 1), message[CONFIG_MESSAGE_SIZE];
	struct config *c = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', CONFIG_FILE_MAX + 1);
	memcpy(text, "{}", 2);
	write_file(text, CONFIG_FILE_MAX + 1);
	assert_int_equal(load_path(&c, path, message), -EINVAL);
	assert_non_null(
		strstr(message, "highwater.json:1: the file has over 1048576 bytes: allowed is 1 MiB"));
	write_file(text, CONFIG_FILE_MAX);
	assert_int_equal(load_path(&c, path, message), 0);
	config_free(c);
	free(text);
}

static void assert_options_refused(const struct config_option *options, size_t count, const char *expected)
{
	char message[CONFIG_MESSAGE_SIZE] = "";
	struct config *c = NULL;

	assert_int_equal(config_load(&c, options, count, message, sizeof(message)), -EINVAL);
	assert_string_equal(message, expected);
	assert_null(c);
}

static void refuses_wrong_options(void **state)
{
	struct config_option options[] = {
		{"database", "dbname=highwater"},
		{"state_dir", "/var/lib/highwater"},
		{"config", NULL},
	};

	(void)state;
	assert_options_refused(options, 0,
	                       "mosquitto.conf: plugin_opt_database is missing: add a line such as "
	                       "plugin_opt_database host=/run/postgresql dbname=highwater");
	assert_options_refused(options, 1,
	                       "mosquitto.conf: plugin_opt_state_dir is missing: add a line such as "
	                       "plugin_opt_state_dir /var/lib/mosquitto/highwater");
	assert_options_refused(options, 3,
	                       "mosquitto.conf: plugin_opt_config has no value: give one or remove it");
	options[2] = (struct config_option){"databse", "x"};
	assert_options_refused(
		options, 3,
		"mosquitto.conf: plugin_opt_databse is unknown: did you mean plugin_opt_database?");
	options[2] = (struct config_option){"journal", "x"};
	assert_options_refused(
		options, 3,
		"mosquitto.conf: plugin_opt_journal is unknown: allowed are plugin_opt_database, "
		"plugin_opt_state_dir, plugin_opt_config");
	options[2] = (struct config_option){"database", "x"};
	assert_options_refused(options, 3, "mosquitto.conf: plugin_opt_database stands twice: remove one");
	options[2] = (struct config_option){"database", ""};
	assert_options_refused(options + 1, 2,
	                       "mosquitto.conf: plugin_opt_database has no value: give one or remove it");
	options[1].value = "highwater";
	assert_options_refused(
		options, 2,
		"mosquitto.conf: plugin_opt_state_dir is \"highwater\": allowed is an absolute path, "
		"such as /var/lib/mosquitto/highwater");
}

static void a_message_is_cut_to_its_room(void **state)
{
	const struct config_option option = {"databse", "x"};
	char message[20];
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_load(&c, &option, 1, message, sizeof(message)), -EINVAL);
	assert_string_equal(message, "mosquitto.conf: plu");
}

static void freeing_nothing_is_harmless(void **state)
{
	(void)state;
	config_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_defaults_for_everything_but_two_options),
		cmocka_unit_test(an_empty_object_changes_nothing),
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(other_words_of_a_choice_are_taken_too),
		cmocka_unit_test(refuses_what_is_not_json_with_its_line),
		cmocka_unit_test(refuses_unknown_keys_anywhere_with_a_remedy),
		cmocka_unit_test(refuses_a_key_that_stands_twice),
		cmocka_unit_test(refuses_wrong_types_and_values),
		cmocka_unit_test(refuses_operators_that_are_no_names),
		cmocka_unit_test(takes_as_many_operators_as_it_says),
		cmocka_unit_test(refuses_shelving_for_ever),
		cmocka_unit_test(refuses_times_that_are_no_durations),
		cmocka_unit_test(refuses_journals_that_cannot_work),
		cmocka_unit_test(refuses_prefixes_that_are_no_topic),
		cmocka_unit_test(refuses_sources_that_cannot_work),
		cmocka_unit_test(refuses_sources_that_reach_below_the_prefix),
		cmocka_unit_test(takes_as_many_sources_as_it_says),
		cmocka_unit_test(says_why_a_file_cannot_be_read),
		cmocka_unit_test(refuses_a_file_that_is_too_large),
		cmocka_unit_test(refuses_wrong_options),
		cmocka_unit_test(a_message_is_cut_to_its_room),
		cmocka_unit_test(freeing_nothing_is_harmless),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
