/*
 * Documents are read back with libxml2's parser, and elements compared by their order and text. That they
 * are valid against the schema of CAP is tested with a broker, in tests/system.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cap.h"
#include "timestamp.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlmemory.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t at(const char *text)
{
	int64_t us;

	assert_int_equal(timestamp_parse(text, strlen(text), &us), 0);
	return us;
}

static struct transition phu_an(void)
{
	return (struct transition){
		.key = {.station = "phu-an", .property = "water_level"},
		.name = "Phú An",
		.level_name = "Báo động II",
		.unit = "m",
		.datum = "VN2000",
		.latitude = 10.7765,
		.longitude = 106.7067,
		.value = 1.53,
		.threshold = 1.5,
		.peak = 1.53,
		.phenomenon_us = at("2026-11-22T03:30:00Z"),
		.sent_us = at("2026-11-22T03:30:00.923456Z"),
		.started_us = at("2026-11-22T03:15:00Z"),
		.peak_us = at("2026-11-22T03:30:00Z"),
		.level = 2,
		.previous_level = 1,
		.sequence = 2,
		.before_sequence = 1,
		.before_sent_us = at("2026-11-22T03:15:01.5Z"),
		.msg_type = MSG_UPDATE,
		.event = EVENT_CHANGED,
		.cause = CAUSE_THRESHOLD,
		.direction = DIRECTION_RISING,
		.severity = SEVERITY_MODERATE,
		.quality = QUALITY_PASS,
	};
}

static struct cap_language vi = {.tag = "vi-VN"}, en = {.tag = "en-US"};

static struct transition transition;
static struct cap_config config;
static char restriction[] = "For duty officers", sender[] = "highwater@example.org";

static int reset(void **state)
{
	(void)state;
	transition = phu_an();
	config = (struct cap_config){
		.sender = sender,
		.status = "Test",
		.scope = "Restricted",
		.restriction = restriction,
		.radius_km = 0.5,
		.utc_offset_min = 7 * 60,
		.languages = &en,
		.language_count = 1,
	};
	memset(en.text, 0, sizeof(en.text));
	memset(vi.text, 0, sizeof(vi.text));
	return 0;
}

/* --- reading back --- */

#define LIST_SIZE 8192

static void list_elements(const xmlNode *parent, const char *path, char *list)
{
	for (const xmlNode *n = parent->children; n != NULL; n = n->next) {
		char own[256];
		xmlChar *text;

		if (n->type != XML_ELEMENT_NODE) {
			continue;
		}
		snprintf(own, sizeof(own), "%s/%s", path, (const char *)n->name);
		if (xmlFirstElementChild((xmlNode *)n) != NULL) {
			list_elements(n, own, list);
			continue;
		}
		text = xmlNodeGetContent(n);
		snprintf(list + strlen(list), LIST_SIZE - strlen(list), "%s=%s\n", own + 1,
		         (const char *)text);
		xmlFree(text);
	}
}

/* Every element that holds a text, "path=text", a line each. */
static const char *listed(const char *area)
{
	static char list[LIST_SIZE];
	char *text = cap_xml(&config, &transition, area);
	xmlDoc *document;
	const xmlNode *root;

	assert_non_null(text);
	document = xmlReadMemory(text, (int)strlen(text), "cap.xml", NULL,
	                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (document == NULL) {
		fail_msg("not well-formed: %s", text);
	}
	root = xmlDocGetRootElement(document);
	assert_string_equal((const char *)root->name, "alert");
	assert_string_equal((const char *)root->ns->href, "urn:oasis:names:tc:emergency:cap:1.2");
	list[0] = '\0';
	list_elements(root, "", list);
	xmlFreeDoc(document);
	free(text);
	return list;
}

/* The document has this line of listed(), expected NULL: no such element. */
static void assert_element(const char *path, const char *expected)
{
	const char *list = listed("");
	char line[1024];

	snprintf(line, sizeof(line), "%s=%s%s", path, expected != NULL ? expected : "",
	         expected != NULL ? "\n" : "");
	if ((strstr(list, line) != NULL) != (expected != NULL)) {
		fail_msg("%s is not \"%s\" in\n%s", path, expected != NULL ? expected : "absent", list);
	}
}

static void assert_parameter(const char *name, const char *value)
{
	char line[512];

	snprintf(line, sizeof(line), "%s\ninfo/parameter/value=%s", name, value);
	assert_element("info/parameter/valueName", line);
}

/* --- tests --- */

static void a_message_has_these_elements_in_this_order(void **state)
{
	(void)state;
	config.note = (char[]){"season 2026"};
	config.sender_name = (char[]){"Trung tâm chống ngập"};
	config.web = (char[]){"https://example.org/"};
	config.contact = (char[]){"115"};
	config.expires_us = INT64_C(43200000000);
	assert_string_equal(
		listed(""),
		"identifier=phu-an/water_level/20261122T031500.000000Z/2\n"
		"sender=highwater@example.org\n"
		"sent=2026-11-22T10:30:00+07:00\n"
		"status=Test\n"
		"msgType=Update\n"
		"source=phu-an/water_level\n"
		"scope=Restricted\n"
		"restriction=For duty officers\n"
		"note=season 2026\n"
		"references=highwater@example.org,phu-an/water_level/20261122T031500.000000Z/1,"
		"2026-11-22T10:15:01+07:00\n"
		"incidents=phu-an/water_level/20261122T031500.000000Z\n"
		"info/language=en-US\n"
		"info/category=Met\n"
		"info/event=Flood\n"
		"info/urgency=Immediate\n"
		"info/severity=Moderate\n"
		"info/certainty=Observed\n"
		"info/effective=2026-11-22T10:30:00+07:00\n"
		"info/onset=2026-11-22T10:15:00+07:00\n"
		"info/expires=2026-11-22T22:30:00+07:00\n"
		"info/senderName=Trung tâm chống ngập\n"
		"info/headline=Phú An: Báo động II, 1.53 m\n"
		"info/description=Phú An, 2026-11-22 10:30 +07:00: limit passed. Value 1.53 m, limit 1.5 m, "
		"peak 1.53 m.\n"
		"info/instruction=Keep away from flooded streets and river banks. Follow the instructions of "
		"the authorities.\n"
		"info/web=https://example.org/\n"
		"info/contact=115\n"
		"info/parameter/valueName=station\ninfo/parameter/value=phu-an\n"
		"info/parameter/valueName=property\ninfo/parameter/value=water_level\n"
		"info/parameter/valueName=cause\ninfo/parameter/value=threshold\n"
		"info/parameter/valueName=level\ninfo/parameter/value=2\n"
		"info/parameter/valueName=level_name\ninfo/parameter/value=Báo động II\n"
		"info/parameter/valueName=previous_level\ninfo/parameter/value=1\n"
		"info/parameter/valueName=value\ninfo/parameter/value=1.53\n"
		"info/parameter/valueName=unit\ninfo/parameter/value=m\n"
		"info/parameter/valueName=datum\ninfo/parameter/value=VN2000\n"
		"info/parameter/valueName=threshold\ninfo/parameter/value=1.5\n"
		"info/parameter/valueName=peak\ninfo/parameter/value=1.53\n"
		"info/parameter/valueName=incident\n"
		"info/parameter/value=phu-an/water_level/20261122T031500.000000Z\n"
		"info/area/areaDesc=Phú An\n"
		"info/area/circle=10.776500,106.706700 0.500\n");
}

static void vietnamese_has_words_of_its_own(void **state)
{
	(void)state;
	config.languages = &vi;
	assert_element("info/language", "vi-VN");
	assert_element("info/event", "Ngập lụt");
	assert_element("info/description", "Phú An, 2026-11-22 10:30 +07:00: vượt ngưỡng. Giá trị 1.53 m, "
	                                   "ngưỡng 1.5 m, đỉnh 1.53 m.");
}

static void each_language_has_its_info(void **state)
{
	struct cap_language both[] = {{.tag = "vi"}, {.tag = "en"}};

	(void)state;
	config.languages = both;
	config.language_count = 2;
	assert_element("info/language", "vi");
	assert_element("info/event", "Ngập lụt");
	assert_element("info/language", "en");
	assert_element("info/event", "Flood");
}

static void utc_is_minus_zero(void **state)
{
	(void)state;
	config.utc_offset_min = 0;
	assert_element("sent", "2026-11-22T03:30:00-00:00");
	config.utc_offset_min = -210;
	assert_element("sent", "2026-11-22T00:00:00-03:30");
}

static void what_nobody_can_have_is_not_referenced(void **state)
{
	(void)state;
	transition.before_sent_us = 0;
	assert_element("references", NULL);
	assert_element("msgType", "Alert");
	transition = phu_an();
	transition.msg_type = MSG_ALERT;
	assert_element("references", NULL);
	assert_element("msgType", "Alert");
}

static void the_end_cancels_the_message_before(void **state)
{
	(void)state;
	transition.msg_type = MSG_CANCEL;
	transition.event = EVENT_CLEARED;
	transition.level = LEVEL_NORMAL;
	strcpy(transition.level_name, "normal");
	transition.sequence = 5;
	transition.before_sequence = 3;
	assert_element("msgType", "Cancel");
	assert_element("references", "highwater@example.org,phu-an/water_level/20261122T031500.000000Z/3,"
	                             "2026-11-22T10:15:01+07:00");
	assert_element("info/urgency", "Past");
	assert_element("info/headline", "Phú An: over, 1.53 m");
	assert_element("info/instruction", NULL);
	config.languages = &vi;
	assert_element("info/description",
	               "Phú An, 2026-11-22 10:30 +07:00: trở lại mức bình thường. Đỉnh 1.53 m.");
}

/* CAP 1.2, 3.2.1: neither identifier nor sender has spaces, commas, < or &; references hold both. */
static void identifiers_are_escaped_and_stay_apart(void **state)
{
	(void)state;
	strcpy(transition.key.station, "a b,<&\"%20é");
	assert_element("identifier", "a%20b%2C%3C%26%22%2520é/water_level/20261122T031500.000000Z/2");
	assert_element("references", "highwater@example.org,a%20b%2C%3C%26%22%2520é/water_level/"
	                             "20261122T031500.000000Z/1,2026-11-22T10:15:01+07:00");
	assert_element("source", "a b,<&\"%20é/water_level");
}

static void any_text_gives_a_well_formed_document(void **state)
{
	char all[130];

	(void)state;
	for (int c = 1; c < 128; c++) {
		all[c - 1] = (char)c;
	}
	all[127] = '\0';
	copy_text(transition.name, sizeof(transition.name), all, 120);
	strcpy(transition.level_name, "<x>&amp;]]>\xEF\xBF\xBF\xEF\xBF\xBE end");
	strcpy(transition.reason, "\x01");
	assert_parameter("level_name", "<x>&amp;]]>?????? end");
	copy_text(transition.name, sizeof(transition.name), "Phú", 3); /* half of ú */
	assert_element("info/area/areaDesc", "Ph");
}

static void what_is_not_known_is_a_dash_or_left_out(void **state)
{
	(void)state;
	transition.name[0] = transition.datum[0] = transition.level_name[0] = '\0';
	transition.value = transition.threshold = transition.latitude = NAN;
	assert_element("info/headline", "phu-an: 2, – m");
	assert_element("info/area/areaDesc", "phu-an");
	assert_element("info/area/circle", NULL);
	assert_element("info/parameter/valueName", "cause\ninfo/parameter/value=threshold\n"
	                                           "info/parameter/valueName=level\ninfo/parameter/value=2\n"
	                                           "info/parameter/valueName=previous_level");
}

static void a_polygon_goes_before_a_circle(void **state)
{
	const char *list = listed("10.7,106.7 10.8,106.7 10.8,106.8 10.7,106.7");

	(void)state;
	assert_non_null(strstr(list, "info/area/polygon=10.7,106.7 10.8,106.7 10.8,106.8 10.7,106.7\n"));
	assert_null(strstr(list, "info/area/circle"));
}

static void every_placeholder_stands_for_something(void **state)
{
	(void)state;
	en.text[CAP_HEADLINE] =
		(char[]){"{name}|{station}|{property}|{cause}|{level}|{level_name}|{value}|{unit}|"
	                 "{threshold}|{phenomenon_time}|{projected_time}|{projected_level_name}|"
	                 "{peak}|{{name}}"};
	transition.value = -1.23456;
	transition.peak = 1e15;
	assert_element("info/headline", "Phú An|phu-an|water_level|limit passed|2|Báo động II|-1.235|m|1.5|"
	                                "2026-11-22 10:30 +07:00|–|–|1000000000000000|{name}");
}

static void a_unit_of_one_is_left_away_with_its_space(void **state)
{
	(void)state;
	en.text[CAP_HEADLINE] = (char[]){"{value} {unit}, {threshold}"};
	strcpy(transition.unit, "1");
	transition.value = 3;
	assert_element("info/headline", "3, 1.5");
}

static void an_expected_level_is_told_at_the_end(void **state)
{
	(void)state;
	transition.projected_us = at("2026-11-22T04:10:00Z");
	transition.projected_level = 3;
	strcpy(transition.projected_name, "Báo động III");
	assert_element(
		"info/description",
		"Phú An, 2026-11-22 10:30 +07:00: limit passed. Value 1.53 m, limit 1.5 m, peak 1.53 m. "
		"Báo động III is expected at about 2026-11-22 11:10 +07:00.");
	assert_parameter("projected_level", "3");
	assert_parameter("projected_time", "2026-11-22T11:10:00+07:00");
	assert_element("info/onset", "2026-11-22T10:15:00+07:00");
	transition.cause = CAUSE_PROJECTION;
	assert_element("info/onset", "2026-11-22T11:10:00+07:00");
	assert_element("info/urgency", "Expected");
}

static void a_failing_sensor_is_no_flood(void **state)
{
	static const enum cause causes[] = {CAUSE_STALE, CAUSE_DEAD, CAUSE_SENSOR_ERROR, CAUSE_LOW_BATTERY};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		transition.cause = (uint8_t)causes[i];
		assert_element("info/category", "Infra");
		assert_element("info/event", "Failure of a measuring station");
		assert_element("info/instruction", NULL);
	}
	assert_element("info/headline", "Phú An, water_level: battery low");
	transition.level = LEVEL_NORMAL;
	assert_element("info/headline", "Phú An, water_level: works again");
}

static void a_test_says_that_it_is_one(void **state)
{
	(void)state;
	config.status = "Actual";
	transition.event = EVENT_TEST;
	transition.cause = CAUSE_TEST;
	transition.msg_type = MSG_ALERT;
	transition.sequence = 0;
	strcpy(transition.reason, "drill <1>");
	assert_element("status", "Test");
	assert_element("msgType", "Alert");
	assert_element("note", "test alert: drill <1>");
	assert_element("incidents", NULL);
	assert_element("info/onset", NULL);
	assert_element("info/headline", "Phú An: test alert, please ignore");
	assert_element("info/instruction", NULL);
}

static void an_empty_text_takes_the_built_in_one_away(void **state)
{
	struct cap_language thai = {.tag = "th"};

	(void)state;
	en.text[CAP_INSTRUCTION] = (char[]){""};
	assert_element("info/instruction", NULL);
	thai.text[CAP_EVENT] = (char[]){"น้ำท่วม"};
	config.languages = &thai;
	assert_element("info/event", "น้ำท่วม");
	assert_element("info/headline", NULL);
	assert_element("info/description", NULL);
}

/*
 * libxml2's allocations, of which the one with number fail_at finds no memory. When it fails libxml2 itself
 * forgets what it had got, so blocks are kept on a list and freed from there.
 */
#define BLOCKS_MAX 4096

static struct {
	void *block[BLOCKS_MAX];
	size_t count, calls, fail_at;
	bool onwards;
} scarce;

static void *scarce_keep(void *block)
{
	assert_true(scarce.count < BLOCKS_MAX);
	scarce.block[scarce.count++] = block;
	return block;
}

static bool scarce_now(void)
{
	scarce.calls++;
	return scarce.calls == scarce.fail_at || (scarce.onwards && scarce.calls > scarce.fail_at);
}

static void scarce_free(void *block)
{
	for (size_t i = 0; block != NULL && i < scarce.count; i++) {
		if (scarce.block[i] == block) {
			scarce.block[i] = scarce.block[--scarce.count];
			break;
		}
	}
	free(block);
}

static void *scarce_malloc(size_t size)
{
	return scarce_now() ? NULL : scarce_keep(malloc(size));
}

static void *scarce_realloc(void *old, size_t size)
{
	void *block;

	if (scarce_now()) {
		return NULL;
	}
	block = malloc(size);
	assert_non_null(block);
	if (old != NULL) {
		memcpy(block, old, MIN(size, malloc_usable_size(old)));
		scarce_free(old);
	}
	return scarce_keep(block);
}

static char *scarce_strdup(const char *text)
{
	char *copy = scarce_malloc(strlen(text) + 1);

	return copy != NULL ? strcpy(copy, text) : NULL;
}

static void quiet(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

static size_t play_scarce(const char *whole, size_t fail_at, bool onwards)
{
	char *text;

	scarce.calls = 0;
	scarce.fail_at = fail_at;
	scarce.onwards = onwards;
	text = cap_xml(&config, &transition, "");
	if (text != NULL) {
		assert_string_equal(text, whole);
	} else {
		assert_true(scarce.calls >= fail_at);
	}
	free(text);
	scarce.fail_at = SIZE_MAX;
	return scarce.calls;
}

/* A document that lacks an element or a text would be worse than none. */
static void with_memory_short_anywhere_there_is_the_whole_document_or_none(void **state)
{
	char *whole = cap_xml(&config, &transition, "");
	size_t none = 0;

	(void)state;
	assert_non_null(whole);
	assert_int_equal(xmlMemSetup(scarce_free, scarce_malloc, scarce_realloc, scarce_strdup), 0);
	xmlSetGenericErrorFunc(NULL, quiet);
	for (int onwards = 0; onwards < 2; onwards++) {
		for (size_t fail_at = 1; play_scarce(whole, fail_at, onwards != 0) >= fail_at; fail_at++) {
			none++;
			assert_true(fail_at < 2000);
		}
	}
	assert_true(none > 200);
	while (scarce.count > 0) {
		free(scarce.block[--scarce.count]);
	}
	xmlMemSetup(free, malloc, realloc, strdup);
	xmlSetGenericErrorFunc(NULL, NULL);
	free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_message_has_these_elements_in_this_order, reset),
		cmocka_unit_test_setup(vietnamese_has_words_of_its_own, reset),
		cmocka_unit_test_setup(each_language_has_its_info, reset),
		cmocka_unit_test_setup(utc_is_minus_zero, reset),
		cmocka_unit_test_setup(what_nobody_can_have_is_not_referenced, reset),
		cmocka_unit_test_setup(the_end_cancels_the_message_before, reset),
		cmocka_unit_test_setup(identifiers_are_escaped_and_stay_apart, reset),
		cmocka_unit_test_setup(any_text_gives_a_well_formed_document, reset),
		cmocka_unit_test_setup(what_is_not_known_is_a_dash_or_left_out, reset),
		cmocka_unit_test_setup(a_polygon_goes_before_a_circle, reset),
		cmocka_unit_test_setup(every_placeholder_stands_for_something, reset),
		cmocka_unit_test_setup(a_unit_of_one_is_left_away_with_its_space, reset),
		cmocka_unit_test_setup(an_expected_level_is_told_at_the_end, reset),
		cmocka_unit_test_setup(a_failing_sensor_is_no_flood, reset),
		cmocka_unit_test_setup(a_test_says_that_it_is_one, reset),
		cmocka_unit_test_setup(an_empty_text_takes_the_built_in_one_away, reset),
		cmocka_unit_test_setup(with_memory_short_anywhere_there_is_the_whole_document_or_none, reset),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	xmlCleanupParser();
	return failed;
}
