#include "pg_binary.h"

#include "utf8.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <stdlib.h>

/* 2000-01-01T00:00:00Z in Unix microseconds. */
#define PG_EPOCH_US INT64_C(946684800000000)

void pg_binary_clear(struct pg_binary *b)
{
	b->length = 0;
	b->failed = false;
}

void pg_binary_done(struct pg_binary *b)
{
	free(b->data);
	*b = (struct pg_binary){0};
}

/* Room for length more bytes, or NULL. */
static uint8_t *reserve(struct pg_binary *b, size_t length)
{
	if (b->failed) {
		return NULL;
	}
	if (b->capacity - b->length < length) {
		size_t capacity = MAX(b->capacity * 2, b->length + length + 4096);
		uint8_t *data = realloc(b->data, capacity);

		if (data == NULL) {
			b->failed = true;
			return NULL;
		}
		b->data = data;
		b->capacity = capacity;
	}
	return b->data + b->length;
}

void pg_binary_raw(struct pg_binary *b, const void *bytes, size_t length)
{
	uint8_t *to = length > 0 ? reserve(b, length) : NULL;

	if (to != NULL) {
		memcpy(to, bytes, length);
		b->length += length;
	}
}

void pg_binary_raw_i16(struct pg_binary *b, int16_t v)
{
	const uint16_t big = htobe16((uint16_t)v);

	pg_binary_raw(b, &big, sizeof(big));
}

void pg_binary_raw_i32(struct pg_binary *b, int32_t v)
{
	const uint32_t big = htobe32((uint32_t)v);

	pg_binary_raw(b, &big, sizeof(big));
}

void pg_binary_raw_i64(struct pg_binary *b, int64_t v)
{
	const uint64_t big = htobe64((uint64_t)v);

	pg_binary_raw(b, &big, sizeof(big));
}

void pg_binary_raw_text(struct pg_binary *b, const char *text)
{
	size_t length = strlen(text);
	uint8_t *to = length > 0 ? reserve(b, length) : NULL;

	if (to == NULL) {
		return;
	}
	for (size_t i = 0; i < length;) {
		size_t n = utf8_prefix(text + i, length - i);

		memcpy(to + i, text + i, n);
		i += n;
		if (i < length) {
			to[i++] = '?';
		}
	}
	b->length += length;
}

void pg_binary_null(struct pg_binary *b)
{
	pg_binary_raw_i32(b, -1);
}

void pg_binary_int2(struct pg_binary *b, int16_t v)
{
	pg_binary_raw_i32(b, 2);
	pg_binary_raw_i16(b, v);
}

void pg_binary_int4(struct pg_binary *b, int32_t v)
{
	pg_binary_raw_i32(b, 4);
	pg_binary_raw_i32(b, v);
}

void pg_binary_int4_or_null(struct pg_binary *b, int32_t v)
{
	if (v < 0) {
		pg_binary_null(b);
	} else {
		pg_binary_int4(b, v);
	}
}

void pg_binary_int4_if(struct pg_binary *b, bool known, int32_t v)
{
	if (known) {
		pg_binary_int4(b, v);
	} else {
		pg_binary_null(b);
	}
}

void pg_binary_int8(struct pg_binary *b, int64_t v)
{
	pg_binary_raw_i32(b, 8);
	pg_binary_raw_i64(b, v);
}

void pg_binary_float8(struct pg_binary *b, double v)
{
	uint64_t bits;

	_Static_assert(sizeof(bits) == sizeof(v), "float8 is an IEEE 754 double");
	memcpy(&bits, &v, sizeof(bits));
	pg_binary_raw_i32(b, 8);
	pg_binary_raw_i64(b, (int64_t)bits);
}

void pg_binary_float8_or_null(struct pg_binary *b, double v)
{
	if (isfinite(v)) {
		pg_binary_float8(b, v);
	} else {
		pg_binary_null(b);
	}
}

void pg_binary_raw_timestamptz(struct pg_binary *b, int64_t unix_us)
{
	pg_binary_raw_i64(b, unix_us - PG_EPOCH_US);
}

void pg_binary_timestamptz(struct pg_binary *b, int64_t unix_us)
{
	pg_binary_int8(b, unix_us - PG_EPOCH_US);
}

void pg_binary_timestamptz_or_null(struct pg_binary *b, int64_t unix_us)
{
	if (unix_us != 0) {
		pg_binary_timestamptz(b, unix_us);
	} else {
		pg_binary_null(b);
	}
}

void pg_binary_text(struct pg_binary *b, const char *text)
{
	pg_binary_raw_i32(b, (int32_t)strlen(text));
	pg_binary_raw_text(b, text);
}

void pg_binary_text_or_null(struct pg_binary *b, const char *text)
{
	if (text[0] == '\0') {
		pg_binary_null(b);
	} else {
		pg_binary_text(b, text);
	}
}

void pg_binary_bytea(struct pg_binary *b, const void *bytes, size_t length)
{
	pg_binary_raw_i32(b, (int32_t)length);
	pg_binary_raw(b, bytes, length);
}

void pg_binary_array(struct pg_binary *b, enum pg_type element, size_t count, bool may_have_nulls)
{
	pg_binary_raw_i32(b, count > 0 ? 1 : 0); /* dimensions */
	pg_binary_raw_i32(b, may_have_nulls ? 1 : 0);
	pg_binary_raw_i32(b, (int32_t)element);
	if (count > 0) {
		pg_binary_raw_i32(b, (int32_t)count);
		pg_binary_raw_i32(b, 1); /* index of the first element */
	}
}

void pg_binary_copy_begin(struct pg_binary *b)
{
	static const char signature[11] = "PGCOPY\n\377\r\n";

	pg_binary_raw(b, signature, sizeof(signature));
	pg_binary_raw_i32(b, 0); /* flags */
	pg_binary_raw_i32(b, 0); /* length of the header's extension */
}

void pg_binary_row(struct pg_binary *b, int16_t fields)
{
	pg_binary_raw_i16(b, fields);
}

void pg_binary_copy_end(struct pg_binary *b)
{
	pg_binary_raw_i16(b, -1);
}

static uint64_t get_big_endian(const void *value, size_t length)
{
	const uint8_t *s = value;
	uint64_t v = 0;

	for (size_t i = 0; i < length; i++) {
		v = v << 8 | s[i];
	}
	return v;
}

int32_t pg_binary_get_i32(const void *value)
{
	return (int32_t)(uint32_t)get_big_endian(value, 4);
}

int64_t pg_binary_get_i64(const void *value)
{
	return (int64_t)get_big_endian(value, 8);
}

double pg_binary_get_float8(const void *value)
{
	uint64_t bits = get_big_endian(value, 8);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

void pg_params_clear(struct pg_params *p)
{
	pg_binary_clear(&p->bytes);
	p->count = 0;
}

void pg_params_done(struct pg_params *p)
{
	pg_binary_done(&p->bytes);
	p->count = 0;
}

void pg_params_next(struct pg_params *p)
{
	assert(p->count < PG_PARAMS_MAX);
	p->start[p->count++] = p->bytes.length;
}

void pg_params_next_array(struct pg_params *p, enum pg_type element, size_t count, bool may_have_nulls)
{
	pg_params_next(p);
	pg_binary_array(&p->bytes, element, count, may_have_nulls);
}

size_t pg_params_length(const struct pg_params *p, int i)
{
	size_t end = i + 1 < p->count ? p->start[i + 1] : p->bytes.length;

	return end - p->start[i];
}
