/*
 * pg_column - values of a binary result by row and column.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_PG_COLUMN_H
#define HIGHWATER_PG_COLUMN_H

#include "pg_binary.h"

#include <libpq-fe.h>
#include <math.h>

static inline int32_t pg_column_i32(const PGresult *r, int row, int column)
{
	return PQgetisnull(r, row, column) ? 0 : pg_binary_get_i32(PQgetvalue(r, row, column));
}

static inline int64_t pg_column_i64(const PGresult *r, int row, int column)
{
	return PQgetisnull(r, row, column) ? 0 : pg_binary_get_i64(PQgetvalue(r, row, column));
}

/* NULL is NAN. */
static inline double pg_column_float8(const PGresult *r, int row, int column)
{
	return PQgetisnull(r, row, column) ? NAN : pg_binary_get_float8(PQgetvalue(r, row, column));
}

static inline bool pg_column_bool(const PGresult *r, int row, int column)
{
	return !PQgetisnull(r, row, column) && *PQgetvalue(r, row, column) != 0;
}

/* False when the text is too long for size bytes with its NUL; then what fits. */
static inline bool pg_column_text(const PGresult *r, int row, int column, char *to, size_t size)
{
	size_t length = (size_t)PQgetlength(r, row, column);

	copy_text(to, size, PQgetvalue(r, row, column), length);
	return length < size;
}

#endif
