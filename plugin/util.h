/*
 * util - the few macros that C should have had.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_UTIL_H
#define HIGHWATER_UTIL_H

#include <stddef.h>
#include <string.h>

#define must_check             __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

/* Copies as much of src as fits and always ends dst with a NUL. size > 0. */
static inline void copy_text(char *dst, size_t size, const char *src, size_t length)
{
	size_t n = MIN(length, size - 1);

	memcpy(dst, src, n);
	dst[n] = '\0';
}

#endif
