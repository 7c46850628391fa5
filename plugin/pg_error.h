/*
 * pg_error - what the server or libpq said, and whose fault it is.
 *
 * SQLSTATEs are those of the manual's appendix "PostgreSQL Error Codes".
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_PG_ERROR_H
#define HIGHWATER_PG_ERROR_H

#include <libpq-fe.h>
#include <stdbool.h>

#define PG_MESSAGE_SIZE 400

struct pg_error {
	char sqlstate[6];              /* "" when it did not come from the server */
	bool misses_partition;         /* no partition takes the row: the table's fault */
	char message[PG_MESSAGE_SIZE]; /* one line, free of secrets */
};

/* Of a result that is an error. */
void pg_error_from_result(struct pg_error *error, const PGresult *result);

/* Text of several lines becomes one; an error without SQLSTATE. */
void pg_error_set(struct pg_error *error, const char *text);

/*
 * Whether the error is the fault of a row, and goes away with it: SQLSTATE
 * classes 22 data exception, 23 integrity constraint violation, 44 WITH CHECK
 * OPTION, P0 raised by a trigger; but not when a partition is missing.
 */
bool pg_error_blames_row(const struct pg_error *error);

/*
 * Whether the same statement may well succeed later: a partition is missing, or SQLSTATE classes 40 transaction
 * rollback, 53 insufficient resources, 57 operator intervention, which a timeout is too, or 55P03 lock not available.
 */
bool pg_error_passes(const struct pg_error *error);

#endif
