/*
 * pg_binary - values as PostgreSQL sends and receives them in binary.
 *
 * Used for COPY (format of the manual's page "COPY", section "Binary Format"),
 * for parameters, also arrays (array_recv() in PostgreSQL's
 * src/backend/utils/adt/arrayfuncs.c), and for results. Big endian; a timestamptz
 * is microseconds since 2000-01-01T00:00:00Z.
 *
 * Text is made valid UTF-8 on the way: a byte that is not becomes '?'. One torn
 * character must not make the server refuse a batch.
 *
 * Threads  [any], one owner.
 * Errors   Sticky: when memory was short, failed is set and every put since has
 *          done nothing. Ask once, at the end.
 */
#ifndef HIGHWATER_PG_BINARY_H
#define HIGHWATER_PG_BINARY_H

#include "util.h"

#include <stdbool.h>
#include <stdint.h>

/* PostgreSQL's pg_type.oid; fixed for built-in types. */
enum pg_type {
	PG_BYTEA = 17,
	PG_INT8 = 20,
	PG_INT2 = 21,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_FLOAT8 = 701,
	PG_TIMESTAMPTZ = 1184,
};

/* Zeroed: empty. */
struct pg_binary {
	uint8_t *data;
	size_t length, capacity;
	bool failed;
};

void pg_binary_clear(struct pg_binary *b); /* keeps the memory */
void pg_binary_done(struct pg_binary *b);

/* Bytes as they are, and integers without a length in front. */
void pg_binary_raw(struct pg_binary *b, const void *bytes, size_t length);
void pg_binary_raw_i16(struct pg_binary *b, int16_t v);
void pg_binary_raw_i32(struct pg_binary *b, int32_t v);
void pg_binary_raw_i64(struct pg_binary *b, int64_t v);
void pg_binary_raw_text(struct pg_binary *b, const char *text);
void pg_binary_raw_timestamptz(struct pg_binary *b, int64_t unix_us);

/* Fields of a COPY row and elements of an array: a length, then the value. */
void pg_binary_null(struct pg_binary *b);
void pg_binary_int2(struct pg_binary *b, int16_t v);
void pg_binary_int4(struct pg_binary *b, int32_t v);
void pg_binary_int4_or_null(struct pg_binary *b, int32_t v);        /* negative is NULL */
void pg_binary_int4_if(struct pg_binary *b, bool known, int32_t v); /* NULL if not known */
void pg_binary_int8(struct pg_binary *b, int64_t v);
void pg_binary_float8(struct pg_binary *b, double v);
void pg_binary_float8_or_null(struct pg_binary *b, double v); /* not finite is NULL */
void pg_binary_timestamptz(struct pg_binary *b, int64_t unix_us);
void pg_binary_timestamptz_or_null(struct pg_binary *b, int64_t unix_us); /* 0 is NULL */
void pg_binary_text(struct pg_binary *b, const char *text);
void pg_binary_text_or_null(struct pg_binary *b, const char *text); /* "" is NULL */
void pg_binary_bytea(struct pg_binary *b, const void *bytes, size_t length);

/* A one-dimensional array: the header, to be followed by count elements. */
void pg_binary_array(struct pg_binary *b, enum pg_type element, size_t count, bool may_have_nulls);

/* A COPY stream: begin, for each row pg_binary_row() and its fields, end. */
void pg_binary_copy_begin(struct pg_binary *b);
void pg_binary_row(struct pg_binary *b, int16_t fields);
void pg_binary_copy_end(struct pg_binary *b);

/* Values of a binary result. */
int32_t pg_binary_get_i32(const void *value);
int64_t pg_binary_get_i64(const void *value);
double pg_binary_get_float8(const void *value);

/* The parameters of one statement, one after the other in one buffer. */
#define PG_PARAMS_MAX 32

struct pg_params {
	struct pg_binary bytes;
	size_t start[PG_PARAMS_MAX];
	int count;
};

void pg_params_clear(struct pg_params *p);
void pg_params_done(struct pg_params *p);

/* Begins the next parameter; what is put into p->bytes until the next call is its value. */
void pg_params_next(struct pg_params *p);
void pg_params_next_array(struct pg_params *p, enum pg_type element, size_t count, bool may_have_nulls);

/* Length of parameter i, bytes. */
size_t pg_params_length(const struct pg_params *p, int i);

#endif
