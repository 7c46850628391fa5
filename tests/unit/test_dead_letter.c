#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dead_letter.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

static struct dead_letter letter(const void *payload, size_t length)
{
	return (struct dead_letter){
		.topic = "sensors/phu_an/water_level",
		.client = "gateway-7",
		.detail = "line 1, column 1: NaN where a value should be",
		.payload = payload,
		.payload_kept = (uint32_t)MIN(length, DEAD_LETTER_PAYLOAD_MAX),
		.payload_length = (uint32_t)length,
		.received_us = INT64_C(1795317300000000),
		.reason = REJECT_INVALID_JSON,
	};
}

static json_t *parse(const struct dead_letter *l)
{
	char *text = dead_letter_json(l);
	json_t *object;

	assert_non_null(text);
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	free(text);
	return object;
}

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void carries_all_that_is_known(void **state)
{
	struct dead_letter l = letter("NaN", 3);
	char *text = dead_letter_json(&l);

	(void)state;
	assert_string_equal(text,
	                    "{\"reason\":\"invalid_json\","
	                    "\"detail\":\"line 1, column 1: NaN where a value should be\","
	                    "\"topic\":\"sensors/phu_an/water_level\",\"client\":\"gateway-7\","
	                    "\"time\":\"2026-11-22T03:15:00Z\",\"payload_length\":3,\"payload\":\"NaN\"}");
	free(text);
}

static void bytes_that_are_no_text_go_as_base64(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *base64;
	} examples[] = {
		{"\xFF", 1, "/w=="},      {"\xFF\xFE", 2, "//4="}, {"\xFB\xEF\xBE", 3, "++++"},
		{"1.5\0", 4, "MS41AA=="}, {"a\xC3", 2, "YcM="}, /* not cut by us: broken as it came */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct dead_letter l = letter(examples[i].bytes, examples[i].length);
		json_t *object = parse(&l);

		assert_string_equal(member(object, "payload_base64"), examples[i].base64);
		assert_null(json_object_get(object, "payload"));
		json_decref(object);
	}
}

static void an_empty_payload_is_an_empty_text(void **state)
{
	struct dead_letter l = letter(NULL, 0);
	json_t *object = parse(&l);

	(void)state;
	assert_string_equal(member(object, "payload"), "");
	assert_int_equal(json_integer_value(json_object_get(object, "payload_length")), 0);
	json_decref(object);
}

static void a_cut_payload_keeps_whole_characters_and_tells_its_length(void **state)
{
	static char payload[3 * DEAD_LETTER_PAYLOAD_MAX];

	(void)state;
	for (size_t pad = 0; pad < 3; pad++) {
		struct dead_letter l;
		json_t *object;

		memset(payload, 'x', sizeof(payload));
		for (size_t i = pad; i + 3 <= sizeof(payload); i += 3)
			memcpy(payload + i, "\xE1\xBB\xB1", 3); /* ự */
		l = letter(payload, sizeof(payload));
		object = parse(&l);
		assert_int_equal(strlen(member(object, "payload")),
		                 pad + (DEAD_LETTER_PAYLOAD_MAX - pad) / 3 * 3);
		assert_int_equal(json_integer_value(json_object_get(object, "payload_length")),
		                 sizeof(payload));
		json_decref(object);
	}
}

static void a_full_binary_payload_fits(void **state)
{
	static unsigned char payload[DEAD_LETTER_PAYLOAD_MAX];
	struct dead_letter l = letter(payload, sizeof(payload));
	json_t *object = parse(&l);

	(void)state;
	assert_int_equal(strlen(member(object, "payload_base64")), (DEAD_LETTER_PAYLOAD_MAX + 2) / 3 * 4);
	json_decref(object);
}

static void texts_that_were_cut_do_not_spoil_the_message(void **state)
{
	struct dead_letter l = letter("x", 1);
	json_t *object;

	(void)state;
	l.detail = "mực nước\xE1\xBB";
	l.client = "";
	object = parse(&l);
	assert_string_equal(member(object, "detail"), "mực nước");
	assert_string_equal(member(object, "client"), "");
	json_decref(object);
}

static long allocations_left;

static void *scarce(size_t size)
{
	if (allocations_left-- == 0) {
		errno = ENOMEM;
		return NULL;
	}
	return malloc(size);
}

static void short_memory_gives_null_wherever_it_strikes(void **state)
{
	struct dead_letter l = letter("\xFF\xFE\xFD", 3);
	char *text = NULL;
	long n;

	(void)state;
	json_set_alloc_funcs(scarce, free);
	for (n = 0; !text && n < 1000; n++) {
		allocations_left = n;
		text = dead_letter_json(&l);
	}
	json_set_alloc_funcs(malloc, free);
	assert_non_null(text);
	assert_true(n > 10);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_all_that_is_known),
		cmocka_unit_test(bytes_that_are_no_text_go_as_base64),
		cmocka_unit_test(an_empty_payload_is_an_empty_text),
		cmocka_unit_test(a_cut_payload_keeps_whole_characters_and_tells_its_length),
		cmocka_unit_test(a_full_binary_payload_fits),
		cmocka_unit_test(texts_that_were_cut_do_not_spoil_the_message),
		cmocka_unit_test(short_memory_gives_null_wherever_it_strikes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
