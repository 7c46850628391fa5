/*
 * log - lines for the broker's log, from any thread.
 *
 * Mosquitto's own logging is not safe off the broker thread. Lines are kept
 * here, in order, until the broker thread drains them.
 *
 * Promise  log_post() never blocks on I/O. When the box is full the line is
 *          counted, and the count is told where the lines are missing.
 * Threads  log_post() [any], log_drain() [loop].
 * Memory   Lines are copied and cut at LOG_LINE_MAX bytes, at a character's
 *          end. A line stays one line: control characters become spaces.
 */
#ifndef HIGHWATER_LOG_H
#define HIGHWATER_LOG_H

#include "util.h"

#define LOG_LINE_MAX 640

/* Lines that the box holds. */
#define LOG_LINES 128

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_box;

struct log_box *log_box_new(void) must_check;
void log_box_free(struct log_box *box);

void log_post(struct log_box *box, enum log_level level, const char *fmt, ...) printf_like(3, 4);

/*
 * Removes each line and hands it to sink, which may post. While another thread posts it
 * does nothing, or leaves the rest for the next call; it never waits.
 */
void log_drain(struct log_box *box, void (*sink)(enum log_level level, const char *line));

#endif
