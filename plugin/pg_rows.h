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
