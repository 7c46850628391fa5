/*
 * json_slice - checked JSON, read where it lies.
 *
 * A slice is one value as it is written in the text. Nothing is copied or
 * built, so that reading cannot fail for want of memory, and the place of each
 * value in the text stays known.
 *
 * Promise  Works on text that json_check() has passed, and never leaves it.
 * Threads  [any]
 * Memory   Slices point into the caller's text.
 */
#ifndef HIGHWATER_JSON_SLICE_H
#define HIGHWATER_JSON_SLICE_H

#include "util.h"

#include <stdbool.h>

/* Longest number that is read, bytes: the largest double written out has 309. */
#define JSON_SLICE_NUMBER_MAX 1023

enum json_kind {
	JSON_KIND_NULL,
	JSON_KIND_BOOLEAN,
	JSON_KIND_NUMBER,
	JSON_KIND_STRING,
	JSON_KIND_ARRAY,
	JSON_KIND_OBJECT
};

/* A value as it is written, without the space around it. Strings with their quotes. */
struct json_slice {
	const char *text;
	size_t length;
};

enum json_kind json_slice_kind(struct json_slice value);

/* "an object", "a string", …: for sentences. */
const char *json_slice_kind_name(struct json_slice value);

/* Walks an array or an object; anything else has no items. */
struct json_items {
	const char *at, *end;
};
struct json_items json_slice_items(struct json_slice container);
bool json_slice_element(struct json_items *items, struct json_slice *ret_value) must_check;
bool json_slice_member(struct json_items *items, struct json_slice *ret_name,
                       struct json_slice *ret_value) must_check;

/* The number nearest to what is written. 0, or -ERANGE: beyond a double, or over JSON_SLICE_NUMBER_MAX. */
int json_slice_number(struct json_slice number, double *ret) must_check;

/*
 * Writes the string's characters and a NUL, as many as fit whole. Returns how many bytes the string has,
 * without the NUL.
 */
size_t json_slice_string(struct json_slice string, char *dst, size_t size);

#endif
