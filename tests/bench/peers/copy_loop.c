/*
 * bench_copy_loop CONNINFO - what PostgreSQL takes at most: made-up readings by
 * binary COPY, in batches as large, as wide and as sorted as those of
 * Highwater's writer, from nobody. On SIGTERM it ends after the batch under way
 * and says how many rows in how many seconds, one line of JSON.
 *
 * The readings are those that bench_load publishes: turn by turn to each
 * datastream, times going on by microseconds from a minute ago.
 */
#include "batch.h"
#include "copy_row.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static int64_t now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Of each datastream in turn the rows that are its share; returns how many. */
static size_t make_batch(struct copy_row *rows, const PGresult *streams, int64_t base_us)
{
	int64_t received_us = now_us(CLOCK_REALTIME);
	int count = PQntuples(streams);
	int share = MAX(1, BATCH_READINGS_MAX / count);
	size_t made = 0;

	for (int stream = 0; stream < count && made < BATCH_READINGS_MAX; stream++) {
		for (int i = 0; i < share; i++) {
			rows[made++] = (struct copy_row){
				.phenomenon_us = base_us + (int64_t)i * count + stream,
				.received_us = received_us,
				.result = 0.5 + (double)((i * count + stream) % 997) / 2000,
				.datastream_id = pg_binary_get_i32(PQgetvalue(streams, stream, 1)),
			};
		}
	}
	return made;
}

int main(int argc, char **argv)
{
	static struct copy_row rows[BATCH_READINGS_MAX];
	struct pg_binary scratch = {0};
	int64_t base_us = now_us(CLOCK_REALTIME) - INT64_C(60) * 1000000;
	int64_t started_us, took_us;
	uint64_t stored = 0;
	PGresult *streams;
	PGconn *db;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_copy_loop CONNINFO\n");
		return 2;
	}
	signal(SIGTERM, stop);
	db = copy_connect(argv[1]);
	streams = copy_streams(db);
	started_us = now_us(CLOCK_MONOTONIC);
	do {
		size_t count = make_batch(rows, streams, base_us + (int64_t)stored);

		copy_rows(db, &scratch, rows, count, true);
		stored += count;
	} while (!stopped);
	took_us = now_us(CLOCK_MONOTONIC) - started_us;
	printf("{\"rows\": %" PRIu64 ", \"seconds\": %.4f}\n", stored, (double)took_us / 1e6);
	pg_binary_done(&scratch);
	PQclear(streams);
	PQfinish(db);
	return 0;
}
