#include "copy_row.h"

#include <stdio.h>
#include <stdlib.h>

#define PIECE   ((size_t)65536) /* of a COPY that libpq is handed at once */
#define COLUMNS "datastream_id, phenomenon_time, result, quality, received_time"
#define QUALITY 2 /* not evaluated */

static _Noreturn void fail(PGconn *db, const char *what)
{
	fprintf(stderr, "%s: %s", what, PQerrorMessage(db));
	exit(1);
}

PGconn *copy_connect(const char *conninfo)
{
	PGconn *db = PQconnectdb(conninfo);

	if (PQstatus(db) != CONNECTION_OK) {
		fail(db, "connect");
	}
	return db;
}

PGresult *copy_streams(PGconn *db)
{
	PGresult *streams = PQexecParams(db,
	                                 "SELECT s.code, d.datastream_id FROM highwater.datastream d"
	                                 " JOIN highwater.station s USING (station_id)"
	                                 " WHERE d.property = 'water_level' ORDER BY d.datastream_id",
	                                 0, NULL, NULL, NULL, NULL, 1);

	if (PQresultStatus(streams) != PGRES_TUPLES_OK || PQntuples(streams) == 0) {
		fail(db, "datastreams");
	}
	return streams;
}

static void put_row(struct pg_binary *b, const struct copy_row *row, bool all_columns)
{
	pg_binary_row(b, all_columns ? 7 : 5);
	pg_binary_int4(b, row->datastream_id);
	pg_binary_timestamptz(b, row->phenomenon_us);
	pg_binary_float8(b, row->result);
	pg_binary_int2(b, QUALITY);
	pg_binary_timestamptz(b, row->received_us);
	if (all_columns) {
		pg_binary_null(b);
		pg_binary_int4(b, 0);
	}
}

static void send_piece(PGconn *db, struct pg_binary *b)
{
	if (b->failed || PQputCopyData(db, (const char *)b->data, (int)b->length) != 1) {
		fail(db, "COPY");
	}
	pg_binary_clear(b);
}

void copy_rows(PGconn *db, struct pg_binary *scratch, const struct copy_row *rows, size_t count,
               bool all_columns)
{
	PGresult *result =
		PQexec(db, all_columns ? "COPY highwater.observation (" COLUMNS ", raw, quality_tests)"
	                                 " FROM STDIN (FORMAT binary)"
	                               : "COPY highwater.observation (" COLUMNS ")"
	                                 " FROM STDIN (FORMAT binary)");

	if (PQresultStatus(result) != PGRES_COPY_IN) {
		fail(db, "COPY");
	}
	PQclear(result);
	pg_binary_clear(scratch);
	pg_binary_copy_begin(scratch);
	for (size_t i = 0; i < count; i++) {
		put_row(scratch, &rows[i], all_columns);
		if (scratch->length >= PIECE) {
			send_piece(db, scratch);
		}
	}
	pg_binary_copy_end(scratch);
	send_piece(db, scratch);
	if (PQputCopyEnd(db, NULL) != 1) {
		fail(db, "COPY");
	}
	while ((result = PQgetResult(db)) != NULL) {
		if (PQresultStatus(result) != PGRES_COMMAND_OK) {
			fail(db, "COPY");
		}
		PQclear(result);
	}
}
