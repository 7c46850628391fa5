/*
 * player_message - a row of a file becomes MQTT messages.
 *
 * The options name columns; player_binding knows where they are in one file.
 *
 * Threads  [any]
 * Errors   0 or a negative errno; *ret_why is a text for people.
 * Memory   A binding points into the options.
 */
#ifndef HIGHWATER_EXAMPLES_PLAYER_MESSAGE_H
#define HIGHWATER_EXAMPLES_PLAYER_MESSAGE_H

#include "csv.h"
#include "player_options.h"
#include "util.h"

#include <stdbool.h>
#include <stdint.h>

#define PLAYER_TOPIC_SIZE   512
#define PLAYER_PAYLOAD_SIZE 4096
#define PLAYER_PARTS_MAX    32
#define PLAYER_WHY_SIZE     512

/* A stretch of the topic: text, a column, or the property of the value. */
struct player_part {
	const char *text;
	size_t length;
	long column; /* -1: text; -2: property */
};

struct player_binding {
	const struct player_options *options;
	size_t columns; /* of a good row */
	struct player_part part[PLAYER_PARTS_MAX];
	size_t parts;
	long time_column; /* -1: the file has no times */
	size_t value_column[PLAYER_VALUES_MAX];
	size_t messages; /* a row */
};

struct player_message {
	char topic[PLAYER_TOPIC_SIZE];
	char payload[PLAYER_PAYLOAD_SIZE];
	int payload_length;
};

/* Finds the columns in a header row. -EINVAL: one is not there, or the topic cannot be. */
int player_binding_init(struct player_binding *ret, const struct player_options *o, const struct csv *header,
                        char ret_why[static PLAYER_WHY_SIZE]) must_check;

/* The row's time. -EINVAL: not a time, or a row of the wrong width. */
int player_row_time(const struct player_binding *b, const struct csv *row, int64_t *ret_us,
                    const char **ret_why) must_check;

/*
 * Builds message number i < b->messages of a row, time_us being the time to send (INT64_MIN: none).
 * -ENODATA: no value in it. -EINVAL: a field is not a number or does not fit a topic.
 */
int player_message_build(const struct player_binding *b, const struct csv *row, size_t i, int64_t time_us,
                         struct player_message *ret, const char **ret_why) must_check;

#endif
