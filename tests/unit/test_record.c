#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal.h"
#include "record.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

_Static_assert(RECORD_BODY_MAX <= JOURNAL_BODY_MAX, "the journal takes every record");

static struct reading some_reading(void)
{
	struct reading r = {
		.phenomenon_us = 1763780400000000,
		.received_us = -5,
		.result = 1.53,
		.raw = 1.0,
		.has_raw = true,
		.tests = 0x11223344,
		.quality = QUALITY_SUSPECT,
	};

	strcpy(r.key.station, "phu-an");
	strcpy(r.key.property, "water_level");
	return r;
}

static void fill_text(char *text, size_t size)
{
	memset(text, 'x', size - 1);
	text[size - 1] = '\0';
}

/* Every field at a limit. */
static struct transition longest_transition(void)
{
	struct transition t = {
		.latitude = -90,
		.longitude = NAN,
		.value = INFINITY,
		.threshold = -0.0,
		.peak = 5e-324,
		.phenomenon_us = INT64_MAX,
		.sent_us = INT64_MIN,
		.started_us = -1,
		.peak_us = 1,
		.level = INT32_MIN,
		.previous_level = INT32_MAX,
		.period_us = INT64_MAX,
		.onset_us = INT64_MIN,
		.projected_us = -2,
		.before_sent_us = 2,
		.shelved_until_us = INT64_MAX - 1,
		.projected_level = INT32_MIN + 1,
		.sequence = UINT32_MAX,
		.before_sequence = UINT32_MAX - 1,
		.msg_type = MSG_CANCEL,
		.cause = CAUSE_TEST,
		.event = EVENT_TEST,
		.silent = true,
		.acknowledged = true,
		.suppressed = true,
		.out_of_service = true,
		.held = true,
		.direction = DIRECTION_FALLING,
		.severity = SEVERITY_UNKNOWN,
		.quality = QUALITY_MISSING,
	};

	fill_text(t.key.station, sizeof(t.key.station));
	fill_text(t.key.property, sizeof(t.key.property));
	fill_text(t.name, sizeof(t.name));
	fill_text(t.level_name, sizeof(t.level_name));
	fill_text(t.unit, sizeof(t.unit));
	fill_text(t.datum, sizeof(t.datum));
	fill_text(t.projected_name, sizeof(t.projected_name));
	fill_text(t.user, sizeof(t.user));
	fill_text(t.client, sizeof(t.client));
	fill_text(t.reason, sizeof(t.reason));
	return t;
}

static const uint8_t payload_bytes[] = {0, 0xff, '{', 0};

static struct dead_letter some_letter(void)
{
	return (struct dead_letter){
		.topic = "sensors/phu-an/water_level",
		.client = "",
		.detail = "no such thing",
		.payload = payload_bytes,
		.payload_kept = sizeof(payload_bytes),
		.payload_length = 1000000,
		.received_us = 42,
		.reason = REJECT_DATABASE,
	};
}

static struct hindsight some_hindsight(void)
{
	return (struct hindsight){
		.settles = true,
		.gap = true,
		.settled_quality = QUALITY_FAIL,
		.settled_tests = 0x01020304,
		.settled_us = 1,
		.gap_from_us = -2,
		.expected = -1,
	};
}

/* A journal outlives the version of Highwater that wrote it. */
static void the_layout_of_a_reading_stays_as_it_is(void **state)
{
	const uint8_t golden[] = {
		0x00, 0x2c, 0x34, 0x20, 0x26, 0x44, 0x06, 0x00, /* phenomenon time */
		0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* received time */
		0x7b, 0x14, 0xae, 0x47, 0xe1, 0x7a, 0xf8, 0x3f, /* result */
		0x44, 0x33, 0x22, 0x11, 0x03, 0x07,             /* tests, quality, flags */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf0, 0x3f, /* raw */
		0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* settled: phenomenon time */
		0x04, 0x03, 0x02, 0x01, 0x04,                   /* tests, quality */
		0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* gap: from */
		0xff, 0xff, 0xff, 0xff,                         /* expected */
		0x06, 'p',  'h',  'u',  '-',  'a',  'n',        /* station */
		0x0b, 'w',  'a',  't',  'e',  'r',  '_',  'l',  'e', 'v', 'e', 'l',
	};
	uint8_t body[RECORD_BODY_MAX];
	struct reading r = some_reading();
	struct hindsight h = some_hindsight();

	(void)state;
	assert_int_equal(record_encode_reading(&r, &h, body), sizeof(golden));
	assert_memory_equal(body, golden, sizeof(golden));
}

static void a_plain_reading_of_an_older_version_is_still_read(void **state)
{
	const uint8_t golden[] = {
		0x00, 0x2c, 0x34, 0x20, 0x26, 0x44, 0x06, 0x00, /* phenomenon time */
		0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* received time */
		0x7b, 0x14, 0xae, 0x47, 0xe1, 0x7a, 0xf8, 0x3f, /* result */
		0x03, 0x06, 'p',  'h',  'u',  '-',  'a',  'n',  /* quality, station */
		0x0b, 'w',  'a',  't',  'e',  'r',  '_',  'l',  'e', 'v', 'e', 'l',
	};
	struct reading r;
	struct hindsight h;

	(void)state;
	memset(&r, 0xaa, sizeof(r));
	memset(&h, 0xaa, sizeof(h));
	assert_int_equal(record_decode_reading(RECORD_PLAIN_READING, golden, sizeof(golden), &r, &h), 0);
	assert_string_equal(r.key.station, "phu-an");
	assert_int_equal(r.phenomenon_us, 1763780400000000);
	assert_true(r.result == 1.53 && !r.has_raw);
	assert_int_equal(r.quality, QUALITY_SUSPECT);
	assert_int_equal(r.tests, 0);
	assert_false(h.settles || h.gap);
	assert_int_equal(record_decode_reading(RECORD_TRANSITION, golden, sizeof(golden), &r, &h), -EBADMSG);
}

static void numbers_of_kinds_and_enumerators_stay_as_they_are(void **state)
{
	(void)state;
	assert_int_equal(RECORD_PLAIN_READING, 1);
	assert_int_equal(RECORD_READING, 4);
	assert_int_equal(RECORD_TRANSITION, 2);
	assert_int_equal(RECORD_DEAD_LETTER, 3);
	assert_int_equal(RECORD_ALARM, 5);
	assert_int_equal(REJECT_EMPTY_PAYLOAD, 1);
	assert_int_equal(REJECT_OUT_OF_RANGE, 9);
	assert_int_equal(REJECT_DATABASE, 18);
	assert_int_equal(MSG_CANCEL, 2);
	assert_int_equal(CAUSE_THRESHOLD, 0);
	assert_int_equal(CAUSE_TEST, 10);
	assert_int_equal(EVENT_RAISED, 0);
	assert_int_equal(EVENT_REPEATED, 3);
	assert_int_equal(EVENT_OUT_OF_SERVICE, 9);
	assert_int_equal(EVENT_TEST, 11);
	assert_int_equal(SEVERITY_UNKNOWN, 4);
}

static void the_layout_of_a_transition_and_a_dead_letter_stays_as_it_is(void **state)
{
	uint8_t body[RECORD_BODY_MAX];
	struct transition t = longest_transition();
	struct dead_letter l = some_letter();

	(void)state;
	assert_int_equal(record_encode_transition(&t, body),
	                 139 + 10 + 64 + 40 + 120 + 48 + 16 + 40 + 48 + 64 + 128 + 200);
	assert_memory_equal(body + 8, "\0\0\0\0\0\0\0\x80", 8); /* sent */
	assert_memory_equal(body + 72, "\0\0\0\x80\xff\xff\xff\x7f\xff\xff\xff\xff", 12);
	assert_memory_equal(body + 84, "\2\xa\1\4\x9\xff\xff", 7);
	assert_memory_equal(body + 96, "\x7f\0\0\0\0\0\0\0\x80\xfe", 10); /* period, onset, projected */
	assert_memory_equal(body + 113, "\2\0\0\0\0\0\0\0\xfe\xff", 10);  /* message before, shelved */
	assert_memory_equal(body + 129, "\1\0\0\x80\xfe\xff\xff\xff\xb\x1f\x40xx", 13);
	assert_int_equal(record_encode_dead_letter(&l, body), 13 + 8 + 26 + 0 + 13 + 4);
	assert_memory_equal(body, "\x2a\0\0\0\0\0\0\0\x40\x42\xf\0\x12\x1a\0sens", 19);
	assert_memory_equal(body + 41, "\0\0\xd\0no", 6);
	assert_memory_equal(body + 58, "\4\0\0\xff{\0", 6);
}

static void a_reading_comes_back_as_it_was(void **state)
{
	struct reading r = some_reading(), back;
	struct hindsight h = some_hindsight(), told;
	uint8_t body[RECORD_BODY_MAX];
	size_t length = record_encode_reading(&r, &h, body);

	(void)state;
	memset(&back, 0xaa, sizeof(back));
	memset(&told, 0xaa, sizeof(told));
	assert_int_equal(record_decode_reading(RECORD_READING, body, length, &back, &told), 0);
	assert_string_equal(back.key.station, r.key.station);
	assert_string_equal(back.key.property, r.key.property);
	assert_int_equal(back.phenomenon_us, r.phenomenon_us);
	assert_int_equal(back.received_us, r.received_us);
	assert_memory_equal(&back.result, &r.result, sizeof(double));
	assert_int_equal(back.quality, r.quality);
	assert_int_equal(back.tests, r.tests);
	assert_true(back.has_raw && back.raw == r.raw);
	assert_true(told.settles && told.gap);
	assert_true(told.settled_us == h.settled_us && told.gap_from_us == h.gap_from_us);
	assert_true(told.settled_tests == h.settled_tests && told.settled_quality == h.settled_quality);
	assert_int_equal(told.expected, -1);
}

static void a_reading_that_tells_nothing_more_is_short(void **state)
{
	struct reading r = some_reading(), back;
	struct hindsight told;
	uint8_t body[RECORD_BODY_MAX];

	(void)state;
	r.has_raw = false;
	r.result = NAN;
	assert_int_equal(record_encode_reading(&r, NULL, body), 30 + 7 + 12);
	assert_int_equal(record_decode_reading(RECORD_READING, body, 30 + 7 + 12, &back, &told), 0);
	assert_true(isnan(back.result) && !back.has_raw && !told.settles && !told.gap);
}

static void expect_same_change(const struct transition *back, const struct transition *t)
{
	assert_string_equal(back->key.station, t->key.station);
	assert_string_equal(back->key.property, t->key.property);
	assert_string_equal(back->name, t->name);
	assert_string_equal(back->level_name, t->level_name);
	assert_string_equal(back->unit, t->unit);
	assert_string_equal(back->datum, t->datum);
	assert_memory_equal(&back->latitude, &t->latitude, sizeof(double));
	assert_memory_equal(&back->longitude, &t->longitude, sizeof(double));
	assert_memory_equal(&back->value, &t->value, sizeof(double));
	assert_memory_equal(&back->threshold, &t->threshold, sizeof(double));
	assert_memory_equal(&back->peak, &t->peak, sizeof(double));
	assert_true(back->phenomenon_us == t->phenomenon_us && back->sent_us == t->sent_us);
	assert_true(back->started_us == t->started_us && back->peak_us == t->peak_us);
	assert_true(back->level == t->level && back->previous_level == t->previous_level);
	assert_true(back->sequence == t->sequence && back->msg_type == t->msg_type &&
	            back->cause == t->cause);
	assert_true(back->direction == t->direction && back->severity == t->severity &&
	            back->quality == t->quality);
}

static void a_transition_at_every_limit_comes_back_as_it_was(void **state)
{
	struct transition t = longest_transition(), back;
	uint8_t body[RECORD_BODY_MAX];

	(void)state;
	memset(&back, 0xaa, sizeof(back));
	assert_int_equal(
		record_decode_transition(RECORD_ALARM, body, record_encode_transition(&t, body), &back), 0);
	expect_same_change(&back, &t);
	assert_true(back.period_us == t.period_us && back.onset_us == t.onset_us);
	assert_true(back.projected_us == t.projected_us && back.projected_level == t.projected_level);
	assert_true(back.before_sent_us == t.before_sent_us && back.before_sequence == t.before_sequence);
	assert_true(back.shelved_until_us == t.shelved_until_us && back.event == EVENT_TEST);
	assert_string_equal(back.projected_name, t.projected_name);
	assert_string_equal(back.user, t.user);
	assert_string_equal(back.client, t.client);
	assert_string_equal(back.reason, t.reason);
}

static void each_flag_of_a_transition_comes_back_alone(void **state)
{
	static const size_t flags[] = {
		offsetof(struct transition, silent),     offsetof(struct transition, acknowledged),
		offsetof(struct transition, suppressed), offsetof(struct transition, out_of_service),
		offsetof(struct transition, held),
	};
	uint8_t body[RECORD_BODY_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct transition t = {.quality = QUALITY_PASS}, back;

		*(bool *)((char *)&t + flags[i]) = true;
		assert_int_equal(record_decode_transition(RECORD_ALARM, body,
		                                          record_encode_transition(&t, body), &back),
		                 0);
		for (size_t j = 0; j < ARRAY_SIZE(flags); j++) {
			assert_int_equal(*(const bool *)((const char *)&back + flags[j]), i == j);
		}
		assert_false(back.beside);
	}
}

/* What was written before: without all that follows the quality of a transition of today, and its last four texts. */
static size_t encode_as_before(const struct transition *t, uint8_t body[static RECORD_BODY_MAX])
{
	uint8_t today[RECORD_BODY_MAX];
	size_t length = record_encode_transition(t, today);
	size_t texts =
		strlen(t->projected_name) + strlen(t->user) + strlen(t->client) + strlen(t->reason) + 4;

	memcpy(body, today, 89);
	memcpy(body + 89, today + 139, length - 139 - texts);
	return length - 50 - texts;
}

static void a_transition_of_an_older_version_is_still_read(void **state)
{
	static const struct {
		int32_t previous_level, level;
		uint32_t sequence;
		enum alarm_event event;
	} cases[] = {
		{0, 2, 1, EVENT_RAISED},
		{2, 3, 2, EVENT_CHANGED},
		{3, 1, 9, EVENT_CHANGED},
		{1, 0, 10, EVENT_CLEARED},
	};
	struct transition t = longest_transition(), back;
	uint8_t body[RECORD_BODY_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		t.previous_level = cases[i].previous_level;
		t.level = cases[i].level;
		t.sequence = cases[i].sequence;
		memset(&back, 0xaa, sizeof(back));
		assert_int_equal(
			record_decode_transition(RECORD_TRANSITION, body, encode_as_before(&t, body), &back),
			0);
		expect_same_change(&back, &t);
		assert_int_equal(back.event, cases[i].event);
		assert_true(back.period_us == 0 && back.onset_us == 0 && back.projected_us == 0);
		assert_true(!back.silent && !back.acknowledged && !back.held && back.user[0] == '\0');
	}
}

static void a_transition_is_no_record_of_another_kind(void **state)
{
	struct transition t = longest_transition(), back;
	uint8_t body[RECORD_BODY_MAX];
	size_t length = record_encode_transition(&t, body);

	(void)state;
	assert_int_equal(record_decode_transition(RECORD_READING, body, length, &back), -EBADMSG);
	assert_int_equal(record_decode_transition(RECORD_TRANSITION, body, length, &back), -EBADMSG);
	length = encode_as_before(&t, body);
	assert_int_equal(record_decode_transition(RECORD_ALARM, body, length, &back), -EBADMSG);
}

/* PostgreSQL would refuse the half of a character, and with it the whole record. */
static void texts_of_an_operator_are_cut_between_characters(void **state)
{
	struct transition t = longest_transition(), back;
	uint8_t body[RECORD_BODY_MAX];

	(void)state;
	memcpy(t.reason + OPERATOR_REASON_MAX - 2, "\xe2\x82", 2);
	memcpy(t.user, "Th\xe1\xbb\xa7y\0", 7);
	assert_int_equal(
		record_decode_transition(RECORD_ALARM, body, record_encode_transition(&t, body), &back), 0);
	assert_int_equal(strlen(back.reason), OPERATOR_REASON_MAX - 2);
	assert_string_equal(back.user, "Th\xe1\xbb\xa7y");
}

static void a_dead_letter_comes_back_with_nul_bytes_in_its_payload(void **state)
{
	struct dead_letter l = some_letter(), back;
	struct dead_letter_texts texts;
	uint8_t body[RECORD_BODY_MAX];
	size_t length = record_encode_dead_letter(&l, body);

	(void)state;
	assert_int_equal(record_decode_dead_letter(body, length, &texts, &back), 0);
	assert_string_equal(back.topic, l.topic);
	assert_string_equal(back.client, "");
	assert_string_equal(back.detail, l.detail);
	assert_int_equal(back.payload_kept, sizeof(payload_bytes));
	assert_int_equal(back.payload_length, 1000000);
	assert_memory_equal(back.payload, payload_bytes, sizeof(payload_bytes));
	assert_ptr_equal(back.payload, body + length - sizeof(payload_bytes));
	assert_int_equal(back.received_us, 42);
	assert_int_equal(back.reason, REJECT_DATABASE);
}

static void texts_of_a_dead_letter_are_cut_between_characters(void **state)
{
	char topic[DEAD_LETTER_TOPIC_MAX + 10], detail[DEAD_LETTER_DETAIL_MAX + 10] = "";
	static uint8_t payload[DEAD_LETTER_PAYLOAD_MAX + 1];
	struct dead_letter l = some_letter(), back;
	struct dead_letter_texts texts;
	uint8_t body[RECORD_BODY_MAX];

	(void)state;
	fill_text(topic, sizeof(topic));
	/* 199 bytes, then a character of three that would end at 202. */
	memset(detail, 'd', DEAD_LETTER_DETAIL_MAX - 1);
	strcat(detail, "\xe2\x82\xac");
	l.topic = topic;
	l.detail = detail;
	l.payload = payload;
	l.payload_kept = l.payload_length = sizeof(payload);
	assert_int_equal(record_decode_dead_letter(body, record_encode_dead_letter(&l, body), &texts, &back),
	                 0);
	assert_int_equal(strlen(back.topic), DEAD_LETTER_TOPIC_MAX);
	assert_int_equal(strlen(back.detail), DEAD_LETTER_DETAIL_MAX - 1);
	assert_int_equal(back.payload_kept, DEAD_LETTER_PAYLOAD_MAX);
	assert_int_equal(back.payload_length, DEAD_LETTER_PAYLOAD_MAX + 1);

	/* One that just fits stays whole. */
	detail[DEAD_LETTER_DETAIL_MAX - 3] = '\0';
	strcat(detail, "\xe2\x82\xac");
	assert_int_equal(record_decode_dead_letter(body, record_encode_dead_letter(&l, body), &texts, &back),
	                 0);
	assert_string_equal(back.detail, detail);
}

/* A copy on the heap of just this length, so that a sanitizer sees a read beyond it. */
static int decode_copy(uint8_t kind, const uint8_t *body, size_t length)
{
	static struct transition t;
	static struct reading r;
	static struct hindsight h;
	static struct dead_letter l;
	static struct dead_letter_texts texts;
	uint8_t *copy = malloc(length > 0 ? length : 1);

	assert_non_null(copy);
	memcpy(copy, body, length);
	int e = kind == RECORD_READING ? record_decode_reading(kind, copy, length, &r, &h)
	        : kind == RECORD_TRANSITION || kind == RECORD_ALARM
	                ? record_decode_transition(kind, copy, length, &t)
	                : record_decode_dead_letter(copy, length, &texts, &l);
	free(copy);
	return e;
}

static size_t encode_kind(uint8_t kind, uint8_t body[static RECORD_BODY_MAX])
{
	struct reading r = some_reading();
	struct hindsight h = some_hindsight();
	struct transition t = longest_transition();
	struct dead_letter l = some_letter();

	return kind == RECORD_READING      ? record_encode_reading(&r, &h, body)
	       : kind == RECORD_TRANSITION ? encode_as_before(&t, body)
	       : kind == RECORD_ALARM      ? record_encode_transition(&t, body)
	                                   : record_encode_dead_letter(&l, body);
}

static void refuses_a_body_cut_at_any_byte_or_with_one_more(void **state)
{
	uint8_t body[RECORD_BODY_MAX] = {0};

	(void)state;
	for (uint8_t kind = RECORD_TRANSITION; kind <= RECORD_ALARM; kind++) {
		size_t length = encode_kind(kind, body);

		assert_int_equal(decode_copy(kind, body, length), 0);
		for (size_t cut = 0; cut < length; cut++)
			assert_int_equal(decode_copy(kind, body, cut), -EBADMSG);
		body[length] = 0;
		assert_int_equal(decode_copy(kind, body, length + 1), -EBADMSG);
	}
}

static void survives_any_byte_set_to_any_value(void **state)
{
	uint8_t body[RECORD_BODY_MAX];

	(void)state;
	for (uint8_t kind = RECORD_TRANSITION; kind <= RECORD_ALARM; kind++) {
		size_t length = encode_kind(kind, body);

		for (size_t i = 0; i < length; i++) {
			uint8_t was = body[i];

			for (unsigned v = 0; v < 256; v += 5) {
				int e;

				body[i] = (uint8_t)v;
				e = decode_copy(kind, body, length);
				assert_true(e == 0 || e == -EBADMSG);
			}
			body[i] = was;
		}
	}
}

static void expect_refusal(uint8_t kind, size_t offset, uint8_t value)
{
	uint8_t body[RECORD_BODY_MAX];
	size_t length = encode_kind(kind, body);

	body[offset] = value;
	assert_int_equal(decode_copy(kind, body, length), -EBADMSG);
}

static void refuses_enumerators_that_do_not_exist(void **state)
{
	(void)state;
	expect_refusal(RECORD_READING, 28, 0);
	expect_refusal(RECORD_READING, 28, 5);
	expect_refusal(RECORD_READING, 29, 15);
	expect_refusal(RECORD_READING, 50, 0);
	expect_refusal(RECORD_TRANSITION, 84, MSG_CANCEL + 1);
	expect_refusal(RECORD_TRANSITION, 85, CAUSE_THRESHOLD + 200);
	expect_refusal(RECORD_TRANSITION, 86, DIRECTION_FALLING + 1);
	expect_refusal(RECORD_TRANSITION, 87, SEVERITY_UNKNOWN + 1);
	expect_refusal(RECORD_TRANSITION, 88, 8);
	expect_refusal(RECORD_ALARM, 85, CAUSE_COUNT);
	expect_refusal(RECORD_ALARM, 137, EVENT_COUNT);
	expect_refusal(RECORD_ALARM, 138, 32);
	expect_refusal(RECORD_DEAD_LETTER, 12, REJECT_NONE);
	expect_refusal(RECORD_DEAD_LETTER, 12, REJECT_COUNT);
}

static void refuses_a_nul_inside_a_text(void **state)
{
	(void)state;
	expect_refusal(RECORD_READING, 65, 0);
	expect_refusal(RECORD_TRANSITION, 90, 0);
	expect_refusal(RECORD_ALARM, 140, 0);
	expect_refusal(RECORD_DEAD_LETTER, 15, 0);
}

static void leaves_the_result_untouched_on_failure(void **state)
{
	struct reading r, before;
	struct hindsight h;
	uint8_t body[RECORD_BODY_MAX];
	size_t length = encode_kind(RECORD_READING, body);

	(void)state;
	memset(&r, 0x5a, sizeof(r));
	memset(&before, 0x5a, sizeof(before));
	assert_int_equal(record_decode_reading(RECORD_READING, body, length - 1, &r, &h), -EBADMSG);
	assert_memory_equal(&r, &before, sizeof(r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_layout_of_a_reading_stays_as_it_is),
		cmocka_unit_test(a_plain_reading_of_an_older_version_is_still_read),
		cmocka_unit_test(a_reading_that_tells_nothing_more_is_short),
		cmocka_unit_test(numbers_of_kinds_and_enumerators_stay_as_they_are),
		cmocka_unit_test(the_layout_of_a_transition_and_a_dead_letter_stays_as_it_is),
		cmocka_unit_test(a_reading_comes_back_as_it_was),
		cmocka_unit_test(a_transition_at_every_limit_comes_back_as_it_was),
		cmocka_unit_test(each_flag_of_a_transition_comes_back_alone),
		cmocka_unit_test(a_transition_of_an_older_version_is_still_read),
		cmocka_unit_test(a_transition_is_no_record_of_another_kind),
		cmocka_unit_test(texts_of_an_operator_are_cut_between_characters),
		cmocka_unit_test(a_dead_letter_comes_back_with_nul_bytes_in_its_payload),
		cmocka_unit_test(texts_of_a_dead_letter_are_cut_between_characters),
		cmocka_unit_test(refuses_a_body_cut_at_any_byte_or_with_one_more),
		cmocka_unit_test(survives_any_byte_set_to_any_value),
		cmocka_unit_test(refuses_enumerators_that_do_not_exist),
		cmocka_unit_test(refuses_a_nul_inside_a_text),
		cmocka_unit_test(leaves_the_result_untouched_on_failure),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
