#include "pg_rows.h"

#include "timestamp.h"

#include <math.h>
#include <stdio.h>

/* Readings that are fetched into the cache before their turn. */
#define AHEAD 8

const char pg_rows_copy_sql[] =
	"COPY highwater.observation (" PG_ROWS_READING_COLUMNS ") FROM STDIN (FORMAT binary)";

static const char readings_sql[] = PG_ROWS_INSERT_READINGS PG_ROWS_PASS_OVER;

static const char settled_sql[] = PG_ROWS_UPDATE_SETTLED("$1", "$2", "$3", "$4", "$5", "$6");

static const char gaps_sql[] =
	"INSERT INTO highwater.silence (datastream_id, silence_from, silence_to, expected)"
	" SELECT * FROM unnest($1::int4[], $2::timestamptz[], $3::timestamptz[], $4::int4[])"
	" ON CONFLICT DO NOTHING";

static const char transitions_sql[] =
	"SELECT count(highwater.store_transition(c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14, c15, c16,"
	" c17, c18, c19, c20, c21, c22, c23, c24, c25, c26, c27, c28, c29))"
	" FROM unnest($1::int4[], $2::text[], $3::text[], $4::int4[], $5::text[], $6::text[], $7::text[],"
	" $8::int4[], $9::text[], $10::int4[], $11::float8[], $12::float8[], $13::text[],"
	" $14::int2[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[],"
	" $18::float8[], $19::timestamptz[], $20::text[], $21::int8[], $22::timestamptz[],"
	" $23::int4[], $24::timestamptz[], $25::int2[], $26::text[], $27::text[], $28::text[],"
	" $29::timestamptz[])"
	" AS t(c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14, c15, c16,"
	" c17, c18, c19, c20, c21, c22, c23, c24, c25, c26, c27, c28, c29)";

static const char rejected_sql[] =
	"INSERT INTO highwater.rejected (journal_id, position, received_time, topic, client_id, reason,"
	" detail,"
	" payload, payload_length)"
	" SELECT $1::uuid, * FROM unnest($2::int8[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],"
	" $7::text[], $8::bytea[], $9::int4[])"
	" ON CONFLICT DO NOTHING";

static const char loss_sql[] = "INSERT INTO highwater.loss (reason, started, ended, count, journal_id)"
			       " VALUES ($1::text, clock_timestamp(), clock_timestamp(), $2::int8, $3::uuid)";

void pg_rows_done(struct pg_rows *r)
{
	pg_params_done(&r->params);
}

/*
 * The columns of each statement: number, type, value of one item. A column of
 * all items is one parameter, therefore the loop over the items is inside.
 */
#define READING_COLUMNS(X)                                                            \
	X(0, INT4, int4, item->datastream_id)                                         \
	X(1, TIMESTAMPTZ, timestamptz, item->reading.phenomenon_us)                   \
	X(2, FLOAT8, float8_or_null, item->reading.result)                            \
	X(3, INT2, int2, item->reading.quality)                                       \
	X(4, TIMESTAMPTZ, timestamptz, item->reading.received_us)                     \
	X(5, FLOAT8, float8_or_null, item->reading.has_raw ? item->reading.raw : NAN) \
	X(6, INT4, int4, (int32_t)item->reading.tests)

#define READING_COLUMN_COUNT 7

#define SETTLED_COLUMNS(X)                                         \
	X(0, INT4, int4, item->datastream_id)                      \
	X(1, TIMESTAMPTZ, timestamptz, item->hindsight.settled_us) \
	X(2, INT2, int2, item->hindsight.settled_quality)          \
	X(3, INT4, int4, (int32_t)item->hindsight.settled_tests)

#define SETTLED_COLUMN_COUNT 4

#define GAP_COLUMNS(X)                                              \
	X(0, INT4, int4, item->datastream_id)                       \
	X(1, TIMESTAMPTZ, timestamptz, item->hindsight.gap_from_us) \
	X(2, TIMESTAMPTZ, timestamptz, item->reading.phenomenon_us) \
	X(3, INT4, int4_or_null, item->hindsight.expected)

#define GAP_COLUMN_COUNT 4

#define TRANSITION_COLUMNS(X)                                                                                \
	X(0, INT4, int4, item->datastream_id)                                                                \
	X(1, TEXT, text_or_null, transition_has_incident(t) ? transition_incident(t, text) : "")             \
	X(2, TEXT, text, transition_identifier(t, text))                                                     \
	X(3, INT4, int4, (int32_t)t->sequence)                                                               \
	X(4, TEXT, text_or_null, is_message(t) ? transition_msg_type_name((enum msg_type)t->msg_type) : "")  \
	X(5, TEXT, text, threshold_cause_name((enum cause)t->cause))                                         \
	X(6, TEXT, text, threshold_direction_name((enum direction)t->direction))                             \
	X(7, INT4, int4, t->level)                                                                           \
	X(8, TEXT, text, t->level_name)                                                                      \
	X(9, INT4, int4, t->previous_level)                                                                  \
	X(10, FLOAT8, float8_or_null, t->value)                                                              \
	X(11, FLOAT8, float8_or_null, t->threshold)                                                          \
	X(12, TEXT, text, transition_severity_name(t))                                                       \
	X(13, INT2, int2, t->quality)                                                                        \
	X(14, TIMESTAMPTZ, timestamptz, t->phenomenon_us)                                                    \
	X(15, TIMESTAMPTZ, timestamptz, t->sent_us)                                                          \
	X(16, TIMESTAMPTZ, timestamptz_or_null, transition_has_incident(t) ? t->started_us : 0)              \
	X(17, FLOAT8, float8_or_null, t->peak)                                                               \
	X(18, TIMESTAMPTZ, timestamptz_or_null, transition_has_incident(t) ? t->peak_us : 0)                 \
	X(19, TEXT, text, transition_event_name((enum alarm_event)t->event))                                 \
	X(20, INT8, int8, t->period_us)                                                                      \
	X(21, TIMESTAMPTZ, timestamptz_or_null, t->onset_us)                                                 \
	X(22, INT4, int4_if, t->projected_us != 0 && t->projected_level != LEVEL_NORMAL, t->projected_level) \
	X(23, TIMESTAMPTZ, timestamptz_or_null, t->projected_us)                                             \
	X(24, INT2, int2, !t->silent)                                                                        \
	X(25, TEXT, text_or_null, t->user)                                                                   \
	X(26, TEXT, text_or_null, t->client)                                                                 \
	X(27, TEXT, text_or_null, t->reason)                                                                 \
	X(28, TIMESTAMPTZ, timestamptz_or_null, t->event == EVENT_SHELVED ? t->shelved_until_us : 0)

#define TRANSITION_COLUMN_COUNT 29

#define DEAD_LETTER_COLUMNS(X)                          \
	X(0, INT8, int8, (int64_t)item->position)       \
	X(1, TIMESTAMPTZ, timestamptz, l->received_us)  \
	X(2, TEXT, text, l->topic)                      \
	X(3, TEXT, text_or_null, l->client)             \
	X(4, TEXT, text, reject_name(l->reason))        \
	X(5, TEXT, text_or_null, l->detail)             \
	X(6, BYTEA, bytea, l->payload, l->payload_kept) \
	X(7, INT4, int4, (int32_t)l->payload_length)

#define DEAD_LETTER_COLUMN_COUNT 8

#define COLUMN_TYPE(number, type, ...) [number] = PG_##type,
#define COLUMN_CASE(number, type, put, ...)      \
	case number:                             \
		pg_binary_##put(b, __VA_ARGS__); \
		break;

static void put_reading_column(struct pg_binary *b, const struct batch_reading *item, size_t column)
{
	switch (column) {
		READING_COLUMNS(COLUMN_CASE)
	}
}

static void put_settled_column(struct pg_binary *b, const struct batch_reading *item, size_t column)
{
	switch (column) {
		SETTLED_COLUMNS(COLUMN_CASE)
	}
}

static void put_gap_column(struct pg_binary *b, const struct batch_reading *item, size_t column)
{
	switch (column) {
		GAP_COLUMNS(COLUMN_CASE)
	}
}

/* An operator's action is no message of the incident, but for a test. */
static bool is_message(const struct transition *t)
{
	return !transition_is_action(t) || t->event == EVENT_TEST;
}

static void put_transition_column(struct pg_binary *b, const struct batch_transition *item, size_t column)
{
	const struct transition *t = &item->transition;
	char text[INCIDENT_TEXT_SIZE];

	switch (column) {
		TRANSITION_COLUMNS(COLUMN_CASE)
	}
}

static void put_dead_letter_column(struct pg_binary *b, const struct batch_dead_letter *item, size_t column)
{
	const struct dead_letter *l = &item->letter;

	switch (column) {
		DEAD_LETTER_COLUMNS(COLUMN_CASE)
	}
}

void pg_rows_encode(const struct batch *b, size_t first, size_t end, struct pg_binary *to)
{
	if (first == 0) {
		pg_binary_clear(to);
		pg_binary_copy_begin(to);
	}
	for (size_t i = first; i < end; i++) {
		const struct batch_reading *item = batch_ordered(b, i);

		/* Neighbours in the order are far apart in memory. */
		if (i + AHEAD < end) {
			__builtin_prefetch(&batch_ordered(b, i + AHEAD)->reading.result);
		}
		pg_binary_row(to, READING_COLUMN_COUNT);
		for (size_t column = 0; column < READING_COLUMN_COUNT; column++) {
			put_reading_column(to, item, column);
		}
	}
	if (end == b->order_count) {
		pg_binary_copy_end(to);
	}
}

void pg_rows_put_readings(struct pg_params *p, const struct batch *b, size_t first, size_t end)
{
	static const enum pg_type types[READING_COLUMN_COUNT] = {READING_COLUMNS(COLUMN_TYPE)};

	for (size_t column = 0; column < READING_COLUMN_COUNT; column++) {
		pg_params_next_array(p, types[column], end - first, true);
		for (size_t i = first; i < end; i++) {
			put_reading_column(&p->bytes, batch_ordered(b, i), column);
		}
	}
}

int pg_rows_readings(struct pg_rows *r, struct pg_conn *c, const struct batch *b, size_t first, size_t end,
                     uint64_t *ret_stored, struct pg_error *error)
{
	pg_params_clear(&r->params);
	pg_rows_put_readings(&r->params, b, first, end);
	return pg_conn_execute(c, readings_sql, &r->params, ret_stored, error);
}

static void put_time(struct pg_params *p, int64_t unix_us)
{
	pg_params_next(p);
	pg_binary_raw_timestamptz(&p->bytes, unix_us);
}

void pg_rows_put_settled(struct pg_params *p, const struct batch *b, size_t first, size_t end)
{
	static const enum pg_type types[SETTLED_COLUMN_COUNT] = {SETTLED_COLUMNS(COLUMN_TYPE)};
	int64_t first_us = INT64_MAX;
	int64_t last_us = INT64_MIN;

	for (size_t column = 0; column < SETTLED_COLUMN_COUNT; column++) {
		pg_params_next_array(p, types[column], end - first, false);
		for (size_t i = first; i < end; i++) {
			put_settled_column(&p->bytes, batch_settled(b, i), column);
		}
	}
	for (size_t i = first; i < end; i++) {
		first_us = MIN(first_us, b->settled[i].phenomenon_us);
		last_us = MAX(last_us, b->settled[i].phenomenon_us);
	}
	put_time(p, first_us);
	put_time(p, last_us);
}

int pg_rows_settled(struct pg_rows *r, struct pg_conn *c, const struct batch *b, size_t first, size_t end,
                    struct pg_error *error)
{
	pg_params_clear(&r->params);
	pg_rows_put_settled(&r->params, b, first, end);
	return pg_conn_execute(c, settled_sql, &r->params, NULL, error);
}

static bool has_gap(const struct batch_reading *item)
{
	return item->datastream_id > 0 && item->hindsight.gap;
}

int pg_rows_gaps(struct pg_rows *r, struct pg_conn *c, const struct batch *b, size_t first, size_t end,
                 struct pg_error *error)
{
	static const enum pg_type types[GAP_COLUMN_COUNT] = {GAP_COLUMNS(COLUMN_TYPE)};
	size_t count = 0;

	for (size_t i = first; i < end; i++) {
		count += has_gap(&b->readings[i]);
	}
	if (count == 0) {
		return 0;
	}
	pg_params_clear(&r->params);
	for (size_t column = 0; column < GAP_COLUMN_COUNT; column++) {
		pg_params_next_array(&r->params, types[column], count, true);
		for (size_t i = first; i < end; i++) {
			if (has_gap(&b->readings[i])) {
				put_gap_column(&r->params.bytes, &b->readings[i], column);
			}
		}
	}
	return pg_conn_execute(c, gaps_sql, &r->params, NULL, error);
}

int pg_rows_transitions(struct pg_rows *r, struct pg_conn *c, const struct batch *b, size_t first, size_t end,
                        struct pg_error *error)
{
	static const enum pg_type types[TRANSITION_COLUMN_COUNT] = {TRANSITION_COLUMNS(COLUMN_TYPE)};

	pg_params_clear(&r->params);
	for (size_t column = 0; column < TRANSITION_COLUMN_COUNT; column++) {
		pg_params_next_array(&r->params, types[column], end - first, true);
		for (size_t i = first; i < end; i++) {
			put_transition_column(&r->params.bytes, &b->transitions[i], column);
		}
	}
	return pg_conn_execute(c, transitions_sql, &r->params, NULL, error);
}

static int insert_dead_letters(struct pg_rows *r, struct pg_conn *c, const struct batch_dead_letter *items,
                               size_t count, struct pg_error *error)
{
	static const enum pg_type types[DEAD_LETTER_COLUMN_COUNT] = {DEAD_LETTER_COLUMNS(COLUMN_TYPE)};

	pg_params_clear(&r->params);
	pg_params_next(&r->params);
	pg_binary_raw(&r->params.bytes, r->journal_id, sizeof(r->journal_id));
	for (size_t column = 0; column < DEAD_LETTER_COLUMN_COUNT; column++) {
		pg_params_next_array(&r->params, types[column], count, true);
		for (size_t i = 0; i < count; i++) {
			put_dead_letter_column(&r->params.bytes, &items[i], column);
		}
	}
	return pg_conn_execute(c, rejected_sql, &r->params, NULL, error);
}

int pg_rows_dead_letters(struct pg_rows *r, struct pg_conn *c, const struct batch *b, size_t first,
                         size_t end, struct pg_error *error)
{
	return insert_dead_letters(r, c, &b->dead_letters[first], end - first, error);
}

/* One dead letter whose payload is text. */
static int insert_refused(struct pg_rows *r, struct pg_conn *c, struct batch_dead_letter *item,
                          const char *payload, struct pg_error *error)
{
	item->letter.client = "";
	item->letter.payload = payload;
	item->letter.payload_kept = (uint32_t)strlen(payload);
	item->letter.payload_length = item->letter.payload_kept;
	return insert_dead_letters(r, c, item, 1, error);
}

static const char *topic_of(const struct datastream_key *key, struct dead_letter_texts *texts)
{
	(void)snprintf(texts->topic, sizeof(texts->topic), "%s/%s", key->station, key->property);
	return texts->topic;
}

int pg_rows_refused_reading(struct pg_rows *r, struct pg_conn *c, const struct batch_reading *item,
                            enum reject reason, const char *detail, struct pg_error *error)
{
	struct batch_dead_letter refused = {.position = item->position};
	char time[TIMESTAMP_TEXT_SIZE];
	char number[32];
	char payload[128];
	char *comma;

	(void)snprintf(number, sizeof(number), "%.17g",
	               item->reading.has_raw ? item->reading.raw : item->reading.result);
	comma = strchr(number, ',');
	if (comma != NULL) {
		*comma = '.'; /* the process's locale is the broker's affair */
	}
	refused.letter.topic = topic_of(&item->reading.key, &refused.texts);
	refused.letter.reason = reason;
	refused.letter.detail = detail;
	refused.letter.received_us = item->reading.received_us;
	(void)snprintf(payload, sizeof(payload), "{\"time\":\"%s\",\"value\":%s}",
	               timestamp_format(item->reading.phenomenon_us, time), number);
	return insert_refused(r, c, &refused, payload, error);
}

int pg_rows_refused_transition(struct pg_rows *r, struct pg_conn *c, const struct batch_transition *item,
                               enum reject reason, const char *detail, struct pg_error *error)
{
	struct batch_dead_letter refused = {.position = item->position};
	char payload[INCIDENT_TEXT_SIZE];

	refused.letter.topic = topic_of(&item->transition.key, &refused.texts);
	refused.letter.reason = reason;
	refused.letter.detail = detail;
	refused.letter.received_us = item->transition.sent_us;
	return insert_refused(r, c, &refused, transition_identifier(&item->transition, payload), error);
}

int pg_rows_refused_dead_letter(struct pg_rows *r, struct pg_conn *c, const struct batch_dead_letter *item,
                                enum reject reason, const char *detail, struct pg_error *error)
{
	struct batch_dead_letter refused = {.position = item->position, .letter = item->letter};

	refused.letter.reason = reason;
	refused.letter.detail = detail;
	refused.letter.client = "";
	refused.letter.payload_kept = 0;
	return insert_dead_letters(r, c, &refused, 1, error);
}

int pg_rows_loss(struct pg_rows *r, struct pg_conn *c, const char *reason, uint64_t count,
                 struct pg_error *error)
{
	pg_params_clear(&r->params);
	pg_params_next(&r->params);
	pg_binary_raw_text(&r->params.bytes, reason);
	pg_params_next(&r->params);
	pg_binary_raw_i64(&r->params.bytes, (int64_t)count);
	pg_params_next(&r->params);
	pg_binary_raw(&r->params.bytes, r->journal_id, sizeof(r->journal_id));
	return pg_conn_execute(c, loss_sql, &r->params, NULL, error);
}
