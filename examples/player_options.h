/*
 * player_options - the command line of highwater-player.
 *
 * Errors   0 or -EINVAL; says on stderr what was wrong and what is allowed.
 * Memory   Texts point into argv, which is cut up in place, but for the
 *          password, which player_options_done() frees.
 */
#ifndef HIGHWATER_EXAMPLES_PLAYER_OPTIONS_H
#define HIGHWATER_EXAMPLES_PLAYER_OPTIONS_H

#include "player_value.h"
#include "util.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAYER_VALUES_MAX 32

enum player_times { TIMES_ORIGINAL, TIMES_SHIFTED, TIMES_NOW };

struct player_options {
	const char *host, *username, *id, *ca_file;
	char *password;
	int port; /* 0: 1883, with TLS 8883 */
	bool tls;
	int qos;
	int protocol; /* MQTT_PROTOCOL_V311 or MQTT_PROTOCOL_V5 */
	int max_in_flight;
	int64_t patience_us;

	const char *topic, *time_column, *unit;
	bool time_column_given;
	struct player_value value[PLAYER_VALUES_MAX];
	size_t values;

	enum player_times times;
	bool start_given, end_given; /* of TIMES_SHIFTED: where the first or the last time goes */
	int64_t start_us, end_us;
	double speed;        /* 0: no pacing */
	unsigned long limit; /* rows; 0: all */
	bool strict, quiet, progress;

	char **file;
	size_t files;
};

/* 1: --help or --version was asked for and answered. */
int player_options_parse(struct player_options *ret, int argc, char **argv) must_check;

void player_options_done(struct player_options *o);

#endif
