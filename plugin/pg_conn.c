#include "pg_conn.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

/* Data of a COPY is handed to libpq in pieces, so that its buffer stays small and idle gets its turn. */
#define COPY_PIECE (64u * 1024u)

static int lost(const struct pg_conn *c, struct pg_error *error)
{
	const char *message = PQerrorMessage(c->pg);

	pg_error_set(error, message[0] != '\0' ? message : "the connection was closed");
	return -ENOTCONN;
}

void pg_conn_close(struct pg_conn *c)
{
	if (c != NULL) {
		PQfinish(c->pg);
		free(c);
	}
}

int pg_conn_socket(const struct pg_conn *c)
{
	return PQsocket(c->pg);
}

int pg_conn_wait(struct pg_conn *c, short events, int64_t limit_us, struct pg_error *error)
{
	int64_t end = clock_monotonic_us() + limit_us;
	char text[64];

	for (;;) {
		struct pollfd p = {.fd = PQsocket(c->pg), .events = events};
		int pause_ms = c->waiter.idle(c->waiter.context);
		int64_t left_us = end - clock_monotonic_us();
		int ready;

		if (pause_ms < 0) {
			pg_error_set(error, "stopped while waiting for the server");
			return -ECANCELED;
		}
		if (p.fd < 0) {
			return lost(c, error);
		}
		ready = poll(&p, 1, left_us <= 0 ? 0 : (int)MIN(left_us / 1000 + 1, pause_ms));
		/* A socket counts as writable when it is nearly empty; who has been busy meanwhile tops it up before. */
		if (ready > 0 || (ready == 0 && pause_ms == 0 && left_us > 0)) {
			return 0;
		}
		if (ready < 0 && errno != EINTR) {
			pg_error_set(error, strerror(errno));
			return -ENOTCONN;
		}
		if (left_us <= 0) {
			(void)snprintf(text, sizeof(text), "no answer for %lld s",
			               (long long)(limit_us / 1000000));
			pg_error_set(error, text);
			return -ETIMEDOUT;
		}
	}
}

static int flush(struct pg_conn *c, struct pg_error *error)
{
	for (;;) {
		int left = PQflush(c->pg);
		int result;

		if (left == 0) {
			return 0;
		}
		if (left < 0) {
			return lost(c, error);
		}
		result = pg_conn_wait(c, POLLIN | POLLOUT, c->waiter.silence_us, error);
		if (result != 0) {
			return result;
		}
		/* A server that sends while we send must be read from, or both wait for ever. */
		if (PQconsumeInput(c->pg) == 0) {
			return lost(c, error);
		}
	}
}

static int next_result(struct pg_conn *c, PGresult **ret, struct pg_error *error)
{
	while (PQisBusy(c->pg)) {
		int result = pg_conn_wait(c, POLLIN, c->waiter.silence_us, error);

		if (result != 0) {
			return result;
		}
		if (PQconsumeInput(c->pg) == 0) {
			return lost(c, error);
		}
	}
	*ret = PQgetResult(c->pg);
	return 0;
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN ||
	       status == PGRES_EMPTY_QUERY;
}

/* NULL: none. */
static uint64_t rows_of(PGresult *result)
{
	return result != NULL ? strtoull(PQcmdTuples(result), NULL, 10) : 0;
}

/* Reads results to the end, or to the point where COPY wants data. The last good one, or the first error. */
static int collect(struct pg_conn *c, PGresult **ret, struct pg_error *error)
{
	struct pg_error after;
	PGresult *last = NULL;
	PGresult *result = NULL;
	bool refused = false;
	int status;

	while ((status = next_result(c, &result, refused ? &after : error)) == 0 && result != NULL) {
		if (!is_good(result) && !refused) {
			refused = true;
			pg_error_from_result(error, result);
		}
		c->rows_before = rows_of(last);
		PQclear(last);
		last = result;
		if (PQresultStatus(result) == PGRES_COPY_IN) {
			break;
		}
	}
	if (status == 0 && PQstatus(c->pg) == CONNECTION_BAD) {
		status = refused ? -ENOTCONN : lost(c, error);
	}
	if (status == 0 && refused) {
		status = -EPROTO;
	}
	if (status == 0 && last == NULL) {
		status = lost(c, error);
	}
	if (status == 0 && c->unreplicated) {
		pg_error_set(error, "committed, but the synchronous standby did not confirm it in time");
		status = -ENOTCONN;
	}
	if (status != 0) {
		PQclear(last);
		return status;
	}
	*ret = last;
	return 0;
}

/* After PQsend…(): sends it all and collects. */
static int finish(struct pg_conn *c, int sent, PGresult **ret, struct pg_error *error)
{
	int status;

	if (!sent) {
		return lost(c, error);
	}
	c->unreplicated = false;
	status = flush(c, error);
	return status != 0 ? status : collect(c, ret, error);
}

int pg_conn_run(struct pg_conn *c, const char *sql, uint64_t *ret_rows, struct pg_error *error)
{
	PGresult *result = NULL;
	int status = finish(c, PQsendQuery(c->pg, sql), &result, error);

	if (status == 0 && ret_rows != NULL) {
		*ret_rows = rows_of(result);
	}
	PQclear(result);
	return status;
}

static int expect(PGresult *result, const char *tag, struct pg_error *error)
{
	if (strcmp(PQcmdStatus(result), tag) == 0) {
		return 0;
	}
	pg_error_set(error, "the transaction had failed and was rolled back");
	return -EPROTO;
}

int pg_conn_run_expecting(struct pg_conn *c, const char *sql, const char *tag, struct pg_error *error)
{
	PGresult *result = NULL;
	int status = finish(c, PQsendQuery(c->pg, sql), &result, error);

	if (status == 0) {
		status = expect(result, tag, error);
	}
	PQclear(result);
	return status;
}

/* The parameters as libpq wants them. */
struct values {
	const char *at[PG_PARAMS_MAX];
	int lengths[PG_PARAMS_MAX];
	int formats[PG_PARAMS_MAX];
	int count;
};

static int make_values(struct values *v, const struct pg_params *params, struct pg_error *error)
{
	v->count = params != NULL ? params->count : 0;
	if (params != NULL && params->bytes.failed) {
		pg_error_set(error, "out of memory");
		return -ENOMEM;
	}
	for (int i = 0; i < v->count; i++) {
		v->at[i] = (const char *)params->bytes.data + params->start[i];
		v->lengths[i] = (int)pg_params_length(params, i);
		v->formats[i] = 1;
	}
	return 0;
}

int pg_conn_query(struct pg_conn *c, const char *sql, const struct pg_params *params, PGresult **ret,
                  struct pg_error *error)
{
	struct values v;
	int status = make_values(&v, params, error);

	return status != 0
	               ? status
	               : finish(c,
	                        PQsendQueryParams(c->pg, sql, v.count, NULL, v.at, v.lengths, v.formats, 1),
	                        ret, error);
}

int pg_conn_query_prepared(struct pg_conn *c, const char *name, const struct pg_params *params,
                           PGresult **ret, struct pg_error *error)
{
	struct values v;
	int status = make_values(&v, params, error);

	return status != 0
	               ? status
	               : finish(c, PQsendQueryPrepared(c->pg, name, v.count, v.at, v.lengths, v.formats, 1),
	                        ret, error);
}

int pg_conn_execute(struct pg_conn *c, const char *sql, const struct pg_params *params, uint64_t *ret_rows,
                    struct pg_error *error)
{
	PGresult *result = NULL;
	int status = pg_conn_query(c, sql, params, &result, error);

	if (status == 0 && ret_rows != NULL) {
		*ret_rows = rows_of(result);
	}
	PQclear(result);
	return status;
}

/* All but what libpq still holds of the last piece: the end goes along with it. */
static int send_copy_data(struct pg_conn *c, const struct pg_binary *data, struct pg_error *error)
{
	for (size_t at = 0; at < data->length;) {
		int piece = (int)MIN(data->length - at, COPY_PIECE);
		int queued = PQputCopyData(c->pg, (const char *)data->data + at, piece);
		int status = 0;

		if (queued < 0) {
			return lost(c, error);
		}
		at += queued > 0 ? (size_t)piece : 0;
		if (at < data->length) {
			status = flush(c, error);
		}
		if (status != 0) {
			return status;
		}
	}
	return 0;
}

/* reason: why the server is to give up; NULL: that was all. */
static int send_copy_end(struct pg_conn *c, const char *reason, struct pg_error *error)
{
	for (;;) {
		int queued = PQputCopyEnd(c->pg, reason);
		int status;

		if (queued < 0) {
			return lost(c, error);
		}
		status = flush(c, error);
		if (status != 0 || queued > 0) {
			return status;
		}
	}
}

int pg_conn_copy_begin(struct pg_conn *c, const char *sql, uint64_t *ret_before, struct pg_error *error)
{
	PGresult *result = NULL;
	int status = finish(c, PQsendQuery(c->pg, sql), &result, error);

	if (status == 0) {
		*ret_before = c->rows_before;
	}
	PQclear(result);
	return status;
}

int pg_conn_copy_end(struct pg_conn *c, const struct pg_binary *data, bool commits, uint64_t *ret_rows,
                     struct pg_error *error)
{
	PGresult *result = NULL;
	int status = send_copy_data(c, data, error);

	if (status == 0) {
		status = send_copy_end(c, NULL, error);
	}
	if (status == 0) {
		status = collect(c, &result, error);
	}
	if (status == 0) {
		*ret_rows = commits ? c->rows_before : rows_of(result);
		status = commits ? expect(result, "COMMIT", error) : 0;
	}
	PQclear(result);
	return status;
}

int pg_conn_copy_cancel(struct pg_conn *c, struct pg_error *error)
{
	PGresult *result = NULL;
	int status = send_copy_end(c, "not wanted", error);

	if (status == 0) {
		status = collect(c, &result, error);
	}
	PQclear(result);
	return status == -EPROTO ? 0 : status;
}

int pg_conn_listen(struct pg_conn *c, bool *ret_notified, bool *ret_own, struct pg_error *error)
{
	PGnotify *notify;
	bool notified = false, own = false;

	c->notice[0] = '\0';
	if (PQconsumeInput(c->pg) == 0) {
		return lost(c, error);
	}
	while ((notify = PQnotifies(c->pg)) != NULL) {
		own = own || notify->be_pid == PQbackendPID(c->pg);
		notified = notified || notify->be_pid != PQbackendPID(c->pg);
		PQfreemem(notify);
	}
	*ret_notified = notified;
	*ret_own = own;
	if (PQstatus(c->pg) != CONNECTION_OK) {
		return lost(c, error);
	}
	/* To an idle session the server says good-bye in a notice, then closes. */
	if (strncmp(c->notice, "57P", 3) == 0) {
		pg_error_set(error, c->notice);
		return -ENOTCONN;
	}
	return 0;
}
