/*
 * json_check - is this text JSON, and where does it stop being it?
 *
 * Judges a whole text against RFC 8259 without building anything, so there is
 * no memory to run out of; json_slice then walks what passed.
 *
 * Stricter than the RFC in three things: at most JSON_CHECK_DEPTH_MAX levels;
 * strings hold no \u0000, since they become C strings; surrogates come in
 * pairs. That names are unique is the reader's to check.
 *
 * Threads  [any]
 * Errors   0 or -EBADMSG with the fault, outputs else untouched.
 */
#ifndef HIGHWATER_JSON_CHECK_H
#define HIGHWATER_JSON_CHECK_H

#include "json_slice.h"

#define JSON_CHECK_DEPTH_MAX 64

/* Where and why a text is not JSON. Lines and columns (in characters) count from 1. */
struct json_fault {
	size_t line, column;
	char what[96]; /* ASCII */
};

/* The text must be UTF-8 without NUL (utf8_prefix). *ret is its one value. */
int json_check(const char *text, size_t length, struct json_slice *ret, struct json_fault *fault) must_check;

#endif
