#include "writer.h"

#include "clock.h"
#include "pg_open.h"
#include "writer_batch.h"
#include "writer_care.h"
#include "writer_fill.h"
#include "writer_session.h"
#include "writer_state.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS   5000

#define NICE 10

#define HOST_SIZE 256

/* Waits for a moment without asking to be woken: readings pour in, and are not to be taken to the database yet. */
static void rest(struct writer *w, int64_t until_us)
{
	struct pollfd p = {.fd = w->handover->wake_fd, .events = POLLIN};
	int64_t left_us = until_us - clock_monotonic_us();

	if (left_us > 0) {
		(void)poll(&p, 1, (int)MIN(left_us / 1000 + 1, PG_IDLE_MS));
	}
	handover_awake(w->handover);
}

/* Everything is stored: waits for a record, for the server to say something, or for what is due next. */
static void sleep_until_work(struct writer *w)
{
	struct pollfd p[2] = {
		{.fd = w->handover->wake_fd, .events = POLLIN},
		{.fd = pg_conn_socket(w->conn), .events = POLLIN},
	};
	int64_t due = MIN(w->ledger_due, MIN(w->registry_due, w->partitions_due));
	int64_t left_us = due - clock_monotonic_us();

	handover_sleep(w->handover);
	if (left_us > 0 && journal_tail(w->journal) == w->seen_tail && !handover_stopping(w->handover)) {
		(void)poll(p, ARRAY_SIZE(p), (int)MIN(left_us / 1000 + 1, 1000));
	}
	handover_awake(w->handover);
}

/* Stopping, and nothing more can be stored in the time that is left. */
static bool is_over(const struct writer *w)
{
	int64_t now = clock_monotonic_us();

	return w->stop_end != NEVER && (w->conn == NULL || now < w->retry_due || now >= w->stop_end);
}

/* What is the writer's to do however long it waits. */
static void look_around(struct writer *w)
{
	handover_collect_registries(w->handover);
	if (w->stop_end == NEVER && handover_stopping(w->handover)) {
		/* The rest of the time is for taking the threads apart. */
		w->stop_end = clock_monotonic_us() + w->stop_timeout_us / 10 * 7;
	}
}

/* As pg_waiter's idle function. Negative: stopping, and no time is left. */
static int idle(void *context)
{
	struct writer *w = context;

	look_around(w);
	/* While connecting there is nothing that could be drained yet. */
	if (w->stop_end != NEVER && (w->conn == NULL || clock_monotonic_us() >= w->stop_end)) {
		return -1;
	}
	return w->storing && writer_fill_ahead(w) ? 0 : PG_IDLE_MS;
}

/*
 * Where the broker and the database share a machine, what is not stored yet can wait in the journal; the broker's
 * clients cannot. A thread has a nice value of its own on Linux, against POSIX.
 */
static void give_way(void)
{
	(void)!nice(NICE);
}

static void *run(void *arg)
{
	struct writer *w = arg;

	give_way();
	for (;;) {
		look_around(w);
		if (is_over(w)) {
			break;
		}
		if (clock_monotonic_us() < w->retry_due) {
			rest(w, w->retry_due);
			continue;
		}
		if (w->stop_end == NEVER && clock_monotonic_us() < w->batch_due) {
			rest(w, w->batch_due);
			continue;
		}
		if (w->conn == NULL) {
			writer_session_open(w, idle);
			continue;
		}
		if (!writer_session_tend(w) || writer_batch_store(w)) {
			continue;
		}
		if (w->conn != NULL && clock_monotonic_us() >= w->retry_due) {
			if (w->stop_end != NEVER) {
				break; /* all is stored */
			}
			sleep_until_work(w);
		}
	}
	writer_session_close(w);
	thread_ending(&w->thread);
	return NULL;
}

static void free_writer(struct writer *w)
{
	if (w == NULL) {
		return;
	}
	writer_load_done(&w->loads[0]);
	writer_load_done(&w->loads[1]);
	pg_ids_free(w->ids);
	pg_store_free(w->store);
	free(w->registry_path);
	free(w->conninfo);
	free(w);
}

static struct writer *new_writer(const struct writer_options *options, struct journal *journal)
{
	struct writer *w = calloc(1, sizeof(*w));
	char host[HOST_SIZE] = "";
	int64_t now = clock_monotonic_us();

	if (w == NULL) {
		return NULL;
	}
	(void)gethostname(host, sizeof(host) - 1);
	w->conninfo = strdup(options->conninfo);
	w->registry_path = strdup(options->registry_path);
	w->now = &w->loads[0];
	w->next = &w->loads[1];
	w->ids = pg_ids_new();
	w->store = pg_store_new(journal_id(journal), host);
	if (w->conninfo == NULL || w->registry_path == NULL || w->ids == NULL || w->store == NULL ||
	    writer_load_init(w->now) != 0 || writer_load_init(w->next) != 0) {
		free_writer(w);
		return NULL;
	}
	w->sync_us = options->sync_us;
	w->stop_timeout_us = options->stop_timeout_us;
	w->registry_due = NEVER;
	w->partitions_due = NEVER;
	w->stop_end = NEVER;
	w->away_since = now;
	w->batch_limit = BATCH_READINGS_MAX;
	backoff_init(&w->backoff, BACKOFF_FIRST_MS, BACKOFF_MAX_MS, (uint64_t)now ^ (uint64_t)getpid());
	return w;
}

int writer_check(const char *conninfo, char *message, size_t size)
{
	struct pg_error error;

	if (pg_open_check(conninfo, &error) == 0) {
		return 0;
	}
	(void)snprintf(message, size, "%s", error.message);
	return -EINVAL;
}

int writer_start(struct writer **ret, const struct writer_options *options, const struct shared *shared)
{
	struct writer *w = new_writer(options, shared->journal);
	int error;

	if (w == NULL) {
		return -ENOMEM;
	}
	w->journal = shared->journal;
	w->alarms = shared->alarm_store;
	w->quality = shared->qc_store;
	w->ledger = shared->ledger;
	w->handover = shared->handover;
	w->stats = shared->stats;
	w->log = shared->log;
	error = writer_care_start(w);
	if (error == 0) {
		error = thread_start(&w->thread, "highwater", run, w);
		if (error != 0) {
			(void)!writer_care_stop(w, NEVER);
		}
	}
	if (error != 0) {
		free_writer(w);
		return error;
	}
	*ret = w;
	return 0;
}

int writer_stop(struct writer *w)
{
	int64_t now = clock_monotonic_us();
	int error, care_error;

	handover_stop(w->handover);
	error = thread_join(&w->thread, now + w->stop_timeout_us / 10 * 9);
	care_error = writer_care_stop(w, now + w->stop_timeout_us);
	if (error == 0 && care_error == 0) {
		free_writer(w);
		return 0;
	}
	return -ETIMEDOUT;
}
