/*
 * config_line - the configuration file's values, with the lines they stand on.
 *
 * Reads objects by a table of their keys, and values of each type, and says of
 * what it refuses where it stands.
 *
 * Threads  [loop]
 * Errors   0, or -EINVAL with the sentence in the file's message, -ENOMEM.
 *          Outputs are untouched on failure.
 * Memory   Members point into the file's text.
 */
#ifndef HIGHWATER_CONFIG_LINE_H
#define HIGHWATER_CONFIG_LINE_H

#include "json_slice.h"
#include "util.h"

#include <stdint.h>

struct config_file {
	const char *path, *text;
	char *message; /* where sentences go */
	size_t size;
};

struct config_member {
	struct json_slice name, value;
};

struct config_key {
	const char *name;
	int (*take)(const struct config_file *f, const struct config_member *m, void *context);
};

/* Writes "path:line: …", the line being that of place. Returns -EINVAL. */
int config_line_fail(const struct config_file *f, struct json_slice place, const char *fmt, ...)
	printf_like(3, 4);

/* Checks that the text is JSON. *ret is its one value. */
int config_line_check(const struct config_file *f, size_t length, struct json_slice *ret) must_check;

/*
 * Hands each member of an object to its key's take(), in the order of the file. what names the object in
 * sentences: "journal", "a source".
 */
int config_line_object(const struct config_file *f, const char *what, struct json_slice object,
                       const struct config_key *keys, size_t count, void *context) must_check;

/* allowed completes "allowed is …": "a duration from 1ms to 1h, such as \"100ms\"". */
int config_line_refuse(const struct config_file *f, const struct config_member *m, const char *allowed);
int config_line_string(const struct config_file *f, const struct config_member *m, const char *allowed,
                       char **ret) must_check;
int config_line_integer(const struct config_file *f, const struct config_member *m, int64_t min, int64_t max,
                        const char *allowed, int64_t *ret) must_check;
int config_line_duration(const struct config_file *f, const struct config_member *m, int64_t min_us,
                         int64_t max_us, const char *allowed, int64_t *ret_us) must_check;
int config_line_size(const struct config_file *f, const struct config_member *m, uint64_t min, uint64_t max,
                     const char *allowed, uint64_t *ret) must_check;
int config_line_boolean(const struct config_file *f, const struct config_member *m, bool *ret) must_check;

/* One of two words; *ret tells whether it is the second. */
int config_line_choice(const struct config_file *f, const struct config_member *m, const char *first,
                       const char *second, bool *ret) must_check;

/* The one of allowed that found may be a slip of, or NULL. */
const char *config_line_suggest(const char *found, const char *const *allowed, size_t count);

#endif
