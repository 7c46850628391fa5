/*
 * pg_rows - items of a batch as statements.
 *
 * Each function is one statement about a range of items, [first, end); the
 * caller rules the transaction. A datastream_id must be there but where said.
 *
 * Threads  [writer]
 * Errors   As in pg_conn.h.
 */
#ifndef HIGHWATER_PG_ROWS_H
#define HIGHWATER_PG_ROWS_H

#include "batch.h"
#include "pg_conn.h"

/* What is needed besides the connection; kept for its memory. Zeroed: ready. */
struct pg_rows {
	struct pg_params params;
	uint8_t journal_id[JOURNAL_ID_SIZE];
};

void pg_rows_done(struct pg_rows *r);

/*
 * Parts of statements: the columns of a reading; INSERT of readings, parameters 1 to 7, which may go on with a WHERE;
 * what becomes of keys that are there already.
 */
#define PG_ROWS_READING_COLUMNS \
	"datastream_id, phenomenon_time, result, quality, received_time, raw, quality_tests"
#define PG_ROWS_INSERT_READINGS                                                                             \
	"INSERT INTO highwater.observation (" PG_ROWS_READING_COLUMNS ")"                                   \
	" SELECT * FROM unnest($1::int4[], $2::timestamptz[], $3::float8[], $4::int2[], $5::timestamptz[]," \
	" $6::float8[], $7::int4[])"
#define PG_ROWS_PASS_OVER " ON CONFLICT DO NOTHING"

/*
 * UPDATE of later verdicts, whose WHERE may go on. The span of time keeps partitions out of it that have none of the
 * rows. It is newer than the table's statistics: the planner takes it to hold one row, and would read the whole month
 * to find it and compare it with all of ours, were these not hidden behind a SELECT: then it counts on ten, and looks
 * each up by its key.
 */
#define PG_ROWS_UPDATE_SETTLED(ids, times, qualities, tests, from, to)                       \
	"UPDATE highwater.observation AS o SET quality = s.quality, quality_tests = s.tests" \
	" FROM unnest((SELECT " ids "::int4[]), (SELECT " times "::timestamptz[]),"          \
	" (SELECT " qualities "::int2[]), (SELECT " tests "::int4[]))"                       \
	" AS s(datastream_id, phenomenon_time, quality, tests)"                              \
	" WHERE o.datastream_id = s.datastream_id AND o.phenomenon_time = s.phenomenon_time" \
	" AND o.phenomenon_time BETWEEN " from "::timestamptz AND " to "::timestamptz"

/* The parameters of the two above, 7 and 6. */
void pg_rows_put_readings(struct pg_params *p, const struct batch *b, size_t first, size_t end);
void pg_rows_put_settled(struct pg_params *p, const struct batch *b, size_t first, size_t end);

/* Readings by binary COPY, the fastest way. A key that is there already is an error. */
extern const char pg_rows_copy_sql[];

/* Its data, piece by piece: readings at places [first, end) of the order, from 0 to order_count. [any] */
void pg_rows_encode(const struct batch *b, size_t first, size_t end, struct pg_binary *to);

/* Readings at places [first, end) of the order; those whose key is there already are passed over. */
int pg_rows_readings(struct pg_rows *r, struct pg_conn *c, const struct batch *b, size_t first, size_t end,
                     uint64_t *ret_stored, struct pg_error *error) must_check;

/* Later verdicts on readings that were stored before, of the settled ones [first, end). */
int pg_rows_settled(struct pg_rows *r, struct pg_conn *c, const struct batch *b, size_t first, size_t end,
                    struct pg_error *error) must_check;

/* The gaps that readings [first, end), in order of arrival, came after; those that are there already are passed over. */
int pg_rows_gaps(struct pg_rows *r, struct pg_conn *c, const struct batch *b, size_t first, size_t end,
                 struct pg_error *error) must_check;

/* Transitions [first, end); those that are there already are passed over. */
int pg_rows_transitions(struct pg_rows *r, struct pg_conn *c, const struct batch *b, size_t first, size_t end,
                        struct pg_error *error) must_check;

/* Dead letters [first, end); those that are there already are passed over. */
int pg_rows_dead_letters(struct pg_rows *r, struct pg_conn *c, const struct batch *b, size_t first,
                         size_t end, struct pg_error *error) must_check;

/*
 * An item that is not stored, as a dead letter of its own. Reason and detail say
 * why; the payload is what the canonical topic "station/property" would have carried.
 * These need no datastream_id.
 */
int pg_rows_refused_reading(struct pg_rows *r, struct pg_conn *c, const struct batch_reading *item,
                            enum reject reason, const char *detail, struct pg_error *error) must_check;
int pg_rows_refused_transition(struct pg_rows *r, struct pg_conn *c, const struct batch_transition *item,
                               enum reject reason, const char *detail, struct pg_error *error) must_check;
int pg_rows_refused_dead_letter(struct pg_rows *r, struct pg_conn *c, const struct batch_dead_letter *item,
                                enum reject reason, const char *detail, struct pg_error *error) must_check;

/* A row in highwater.loss: count items were given up now. */
int pg_rows_loss(struct pg_rows *r, struct pg_conn *c, const char *reason, uint64_t count,
                 struct pg_error *error) must_check;

#endif
