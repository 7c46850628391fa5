#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "topic.h"

#include <errno.h>

static struct topic_pattern compile(const char *text)
{
	struct topic_pattern p;
	char message[512];

	if (topic_pattern_init(&p, text, message, sizeof(message)) != 0)
		fail_msg("%s: %s", text, message);
	return p;
}

static bool matches(const char *pattern, const char *topic)
{
	struct topic_pattern p = compile(pattern);
	struct topic_match m;
	bool found = topic_match(&p, topic, &m);

	topic_pattern_done(&p);
	return found;
}

static void captures_the_named_levels(void **state)
{
	struct topic_pattern p = compile("v3/+/devices/{station}/{property}/#");
	struct topic_match m;

	(void)state;
	assert_true(topic_match(&p, "v3/app/devices/phu_an/water_level/up/1", &m));
	assert_int_equal(m.station_length, 6);
	assert_memory_equal(m.station, "phu_an", 6);
	assert_int_equal(m.property_length, 11);
	assert_memory_equal(m.property, "water_level", 11);
	topic_pattern_done(&p);
}

static void a_pattern_without_property_captures_none(void **state)
{
	struct topic_pattern p = compile("sensors/{station}");
	struct topic_match m;

	(void)state;
	assert_true(topic_match(&p, "sensors/a", &m));
	assert_null(m.property);
	assert_int_equal(m.property_length, 0);
	topic_pattern_done(&p);
}

static void matches_as_mqtt_does(void **state)
{
	(void)state;
	assert_true(matches("sensors/{station}/+", "sensors/a/b"));
	assert_true(matches("sensors/{station}/+", "sensors/a/"));
	assert_false(matches("sensors/{station}/+", "sensors/a"));
	assert_false(matches("sensors/{station}", "sensors/a/b"));
	assert_false(matches("sensors/{station}", "sensors"));
	assert_false(matches("sensors/{station}", "Sensors/a"));
	assert_false(matches("sensors/{station}", "sensorsx/a"));
	assert_false(matches("sensors/{station}", "sensor/a"));
	assert_true(matches("{station}/#", "a/b/c"));
	assert_true(matches("{station}/#", "a"));
	assert_true(matches("/{station}", "/a"));
	assert_false(matches("/{station}", "a"));
	assert_true(matches("a//{station}", "a//b"));
	assert_false(matches("a//{station}", "a/b"));
}

static void a_named_level_is_never_empty(void **state)
{
	(void)state;
	assert_false(matches("sensors/{station}", "sensors/"));
	assert_false(matches("sensors/{station}/{property}", "sensors//water_level"));
	assert_false(matches("sensors/{station}/{property}", "sensors/a/"));
}

static void wildcards_and_names_leave_dollar_topics_alone(void **state)
{
	(void)state;
	assert_false(matches("{station}/#", "$SYS/broker"));
	assert_false(matches("+/{station}", "$SYS/broker"));
	assert_true(matches("$lab/{station}", "$lab/a"));
	assert_true(matches("sensors/{station}", "sensors/$a"));
}

static void nothing_is_written_without_a_match(void **state)
{
	struct topic_pattern p = compile("sensors/{station}/{property}");
	struct topic_match m = {.station_length = 77};

	(void)state;
	assert_false(topic_match(&p, "sensors/a/b/c", &m));
	assert_int_equal(m.station_length, 77);
	assert_null(m.station);
	topic_pattern_done(&p);
}

static void assert_refused(const char *text, const char *expected)
{
	struct topic_pattern p;
	char message[512] = "";

	if (topic_pattern_init(&p, text, message, sizeof(message)) != -EINVAL)
		fail_msg("\"%s\" was taken", text);
	if (!strstr(message, expected))
		fail_msg("\"%s\": %s", text, message);
	assert_null(p.text);
	topic_pattern_done(&p);
}

static void refuses_patterns_with_a_sentence(void **state)
{
	char deep[200] = "{station}";

	(void)state;
	for (int i = 0; i < TOPIC_LEVELS_MAX; i++)
		strcat(deep, "/a");
	assert_refused("", "1 to 65535 bytes, this one has 0");
	assert_refused("sensors/+", "no level {station}");
	assert_refused("sensors/{property}", "no level {station}");
	assert_refused("{station}/{station}", "{station} twice");
	assert_refused("{station}/{property}/{property}", "{property} twice");
	assert_refused("sensors/{staton}",
	               "level \"{staton}\" of \"sensors/{staton}\": allowed are {station} and {property}");
	assert_refused("sensors/x{station}", "allowed are {station} and {property}");
	assert_refused("sensors/{station", "allowed are {station} and {property}");
	assert_refused("#/{station}", "# is allowed as the last level only");
	assert_refused("{station}/a+", "+ and # must be a whole level");
	assert_refused("{station}/a#", "+ and # must be a whole level");
	assert_refused("$share/g/{station}", "shared subscription");
	assert_refused("{station}/\xFF", "not UTF-8");
	assert_refused(deep, "more than 32 levels");
}

static void as_many_levels_as_allowed_are_taken(void **state)
{
	char deep[200] = "{station}";

	(void)state;
	for (int i = 1; i < TOPIC_LEVELS_MAX; i++)
		strcat(deep, "/a");
	assert_false(matches(deep, "s"));
}

static bool reaches(const char *pattern, const char *prefix)
{
	struct topic_pattern p = compile(pattern);
	bool found = topic_pattern_reaches(&p, prefix);

	topic_pattern_done(&p);
	return found;
}

static void knows_which_patterns_reach_below_a_prefix(void **state)
{
	(void)state;
	assert_true(reaches("highwater/{station}", "highwater"));
	assert_true(reaches("{station}/#", "highwater"));
	assert_true(reaches("{station}", "highwater"));
	assert_true(reaches("+/{station}/up", "highwater"));
	assert_true(reaches("city/{station}", "city/highwater"));
	assert_true(reaches("{station}/#", "city/highwater"));
	assert_false(reaches("sensors/{station}", "highwater"));
	assert_false(reaches("highwaters/{station}", "highwater"));
	assert_false(reaches("city/{station}/x", "town/highwater"));
	/* Messages at "city" are not below "city/highwater". */
	assert_false(reaches("{station}", "city/highwater"));
}

static void knows_what_lies_below_a_prefix(void **state)
{
	(void)state;
	assert_true(topic_is_below("highwater", "highwater"));
	assert_true(topic_is_below("highwater/", "highwater"));
	assert_true(topic_is_below("highwater/alerts/a", "highwater"));
	assert_true(topic_is_below("city/highwater/x", "city/highwater"));
	assert_false(topic_is_below("highwaters", "highwater"));
	assert_false(topic_is_below("highwate", "highwater"));
	assert_false(topic_is_below("x/highwater", "highwater"));
	assert_false(topic_is_below("", "highwater"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captures_the_named_levels),
		cmocka_unit_test(a_pattern_without_property_captures_none),
		cmocka_unit_test(matches_as_mqtt_does),
		cmocka_unit_test(a_named_level_is_never_empty),
		cmocka_unit_test(wildcards_and_names_leave_dollar_topics_alone),
		cmocka_unit_test(nothing_is_written_without_a_match),
		cmocka_unit_test(refuses_patterns_with_a_sentence),
		cmocka_unit_test(as_many_levels_as_allowed_are_taken),
		cmocka_unit_test(knows_which_patterns_reach_below_a_prefix),
		cmocka_unit_test(knows_what_lies_below_a_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
