/*
 * bench_copy_subscriber PORT CONNINFO - the best that a program beside the
 * broker does: libmosquitto at QoS 1, a thread that parses and queues, one that
 * stores by binary COPY what has come while the transaction before was under
 * way. No timers. It parses with the plugin's own decoder. Ends on SIGTERM, and
 * with status 1 when broker or database fail it.
 *
 * libmosquitto acknowledges when on_message() returns, so what is queued here
 * is known to nobody else. A reading that is delivered twice fails its COPY.
 */
#include "copy_row.h"
#include "decode.h"

#include <mosquitto.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TOPICS "sensors/+/water_level"

struct rows {
	struct copy_row *at;
	size_t count, capacity;
};

struct subscriber {
	PGconn *db;
	struct hsearch_data streams; /* by topic: the datastream_id; not changed once the threads run */
	const struct decode_format *format;
	struct property property;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct rows queue; /* under lock */
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "bench_copy_subscriber: %s\n", what);
	exit(1);
}

static int64_t wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void find_streams(struct subscriber *s)
{
	PGresult *found = copy_streams(s->db);
	int count = PQntuples(found);

	if (hcreate_r((size_t)count * 2, &s->streams) == 0) {
		fail("out of memory");
	}
	for (int i = 0; i < count; i++) {
		ENTRY entry = {.data = (void *)(intptr_t)pg_binary_get_i32(PQgetvalue(found, i, 1))};
		ENTRY *added;

		if (asprintf(&entry.key, "sensors/%.*s/water_level", PQgetlength(found, i, 0),
		             PQgetvalue(found, i, 0)) < 0 ||
		    hsearch_r(entry, ENTER, &added, &s->streams) == 0) {
			fail("out of memory");
		}
	}
	PQclear(found);
}

/* --- the thread that receives --- */

static void on_value(void *context, const struct decode_value *value)
{
	struct copy_row *row = context;

	row->result = value->value;
	row->phenomenon_us = value->has_time ? value->time_us : row->received_us;
}

static void on_reject(void *context, enum reject reason, const char *property, const char *detail)
{
	(void)context;
	(void)reason;
	fprintf(stderr, "%s: %s\n", property != NULL ? property : "payload", detail);
}

static void on_ignored(void *context, const char *member)
{
	(void)context;
	(void)member;
}

static void enqueue(struct subscriber *s, const struct copy_row *row)
{
	struct rows *queue = &s->queue;

	pthread_mutex_lock(&s->lock);
	if (queue->count == queue->capacity) {
		queue->capacity = MAX(queue->capacity * 2, 1024);
		queue->at = realloc(queue->at, queue->capacity * sizeof(*queue->at));
		if (queue->at == NULL) {
			fail("out of memory");
		}
	}
	queue->at[queue->count++] = *row;
	if (queue->count == 1) {
		pthread_cond_signal(&s->more);
	}
	pthread_mutex_unlock(&s->lock);
}

static void on_message(struct mosquitto *m, void *context, const struct mosquitto_message *message)
{
	struct subscriber *s = context;
	struct copy_row row = {.received_us = wall_us()};
	const struct decode_sink sink = {&row, on_value, on_reject, on_ignored};
	const struct decode_input in = {
		.payload = message->payload,
		.length = (size_t)message->payloadlen,
		.property = s->property.code,
		.property_length = strlen(s->property.code),
		.properties = &s->property,
		.property_count = 1,
	};
	ENTRY *found;

	(void)m;
	if (hsearch_r((ENTRY){.key = message->topic}, FIND, &found, &s->streams) != 0 &&
	    s->format->decode(&in, &sink) == 0 && row.phenomenon_us != 0) {
		row.datastream_id = (int32_t)(intptr_t)found->data;
		enqueue(s, &row);
	}
}

static void on_connect(struct mosquitto *m, void *context, int code)
{
	(void)context;
	if (code != 0 || mosquitto_subscribe(m, NULL, TOPICS, 1) != MOSQ_ERR_SUCCESS) {
		fail("the broker refuses");
	}
}

/* --- the thread that stores --- */

static int compare(const void *a, const void *b)
{
	const struct copy_row *x = a, *y = b;

	if (x->datastream_id != y->datastream_id) {
		return x->datastream_id < y->datastream_id ? -1 : 1;
	}
	return (x->phenomenon_us > y->phenomenon_us) - (x->phenomenon_us < y->phenomenon_us);
}

static void *store(void *context)
{
	struct subscriber *s = context;
	struct pg_binary scratch = {0};
	struct rows batch = {0};

	for (;;) {
		struct rows empty = {.at = batch.at, .capacity = batch.capacity};

		pthread_mutex_lock(&s->lock);
		while (s->queue.count == 0) {
			pthread_cond_wait(&s->more, &s->lock);
		}
		batch = s->queue;
		s->queue = empty;
		pthread_mutex_unlock(&s->lock);
		qsort(batch.at, batch.count, sizeof(*batch.at), compare);
		copy_rows(s->db, &scratch, batch.at, batch.count, false);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct subscriber s = {
		.property = {.code = "water_level"},
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.more = PTHREAD_COND_INITIALIZER,
	};
	struct mosquitto *m;
	pthread_t writer;

	if (argc != 3) {
		fprintf(stderr, "usage: bench_copy_subscriber PORT CONNINFO\n");
		return 2;
	}
	s.db = copy_connect(argv[2]);
	s.format = decode_find("json");
	find_streams(&s);
	mosquitto_lib_init();
	m = mosquitto_new("bench-copy-subscriber", false, &s);
	if (m == NULL || pthread_create(&writer, NULL, store, &s) != 0) {
		fail("out of memory");
	}
	mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_connect_callback_set(m, on_connect);
	mosquitto_message_callback_set(m, on_message);
	if (mosquitto_connect(m, "127.0.0.1", atoi(argv[1]), 60) != MOSQ_ERR_SUCCESS) {
		fail("no broker");
	}
	mosquitto_loop_forever(m, -1, 1);
	fail("the broker has gone");
}
