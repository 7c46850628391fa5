/*
 * scarce_memory - allocations that fail when a test says so.
 *
 * The linker leads every call of the allocators, from the plugin's objects and
 * the test's own, to the functions here (--wrap, in meson.build). C library and
 * jansson are shared objects and keep to theirs: jansson is given these by
 * json_set_alloc_funcs(), and of the C library those calls fail that the plugin
 * makes and that allocate inside.
 */
#ifndef HIGHWATER_TESTS_SCARCE_MEMORY_H
#define HIGHWATER_TESTS_SCARCE_MEMORY_H

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

static struct {
	bool armed, onwards;
	size_t calls, fail_at, failed;
} scarce;

/* From now on the fail_at-th allocation fails, and with onwards every one after it. */
static void scarce_begin(size_t fail_at, bool onwards)
{
	scarce.calls = scarce.failed = 0;
	scarce.fail_at = fail_at;
	scarce.onwards = onwards;
	scarce.armed = true;
}

/* There is memory again. Returns how many allocations failed. */
static size_t scarce_end(void)
{
	scarce.armed = false;
	return scarce.failed;
}

/* Counts an allocation; whether it is to fail. */
static bool scarce_now(void)
{
	if (!scarce.armed) {
		return false;
	}
	scarce.calls++;
	if (scarce.calls == scarce.fail_at || (scarce.onwards && scarce.calls > scarce.fail_at)) {
		scarce.failed++;
		errno = ENOMEM;
		return true;
	}
	return false;
}

#define SCARCE(type, name, params, args, failure) \
	type __real_##name params;                \
	type __wrap_##name params;                \
	type __wrap_##name params                 \
	{                                         \
		if (scarce_now()) {               \
			return failure;           \
		}                                 \
		return __real_##name args;        \
	}

SCARCE(void *, malloc, (size_t size), (size), NULL)
SCARCE(void *, calloc, (size_t count, size_t size), (count, size), NULL)
SCARCE(void *, realloc, (void *old, size_t size), (old, size), NULL)
SCARCE(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), NULL)
SCARCE(char *, strdup, (const char *text), (text), NULL)
SCARCE(FILE *, open_memstream, (char **text, size_t *size), (text, size), NULL)
SCARCE(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
SCARCE(FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL)
SCARCE(DIR *, fdopendir, (int fd), (fd), NULL)

int __wrap_asprintf(char **ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list args;
	int length;

	if (scarce_now()) {
		return -1;
	}
	va_start(args, fmt);
	length = vasprintf(ret, fmt, args);
	va_end(args);
	return length;
}

/* A stream in memory finds no memory as late as here; the stream is closed all the same. */
int __real_fclose(FILE *f);
int __wrap_fclose(FILE *f);
int __wrap_fclose(FILE *f)
{
	bool fails = scarce_now();
	int result = __real_fclose(f);

	return fails ? EOF : result;
}

#endif
