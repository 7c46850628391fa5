/*
 * copy_row - what both C peers do: look datastreams up, and COPY readings.
 *
 * Threads  [any], one owner of the connection.
 * Errors   None is returned: a peer whose database fails says so and ends with status 1.
 */
#ifndef HIGHWATER_BENCH_COPY_ROW_H
#define HIGHWATER_BENCH_COPY_ROW_H

#include "pg_binary.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct copy_row {
	int64_t phenomenon_us, received_us;
	double result;
	int32_t datastream_id;
};

/* Connects; ends the program when that fails. */
PGconn *copy_connect(const char *conninfo);

/* station code and datastream_id (binary) of each datastream of water_level, by datastream_id. */
PGresult *copy_streams(PGconn *db);

/* One transaction. all_columns: as Highwater's writer names them, else those that have no default. */
void copy_rows(PGconn *db, struct pg_binary *scratch, const struct copy_row *rows, size_t count,
               bool all_columns);

#endif
