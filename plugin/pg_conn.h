/*
 * pg_conn - one connection to PostgreSQL that never outwaits its owner.
 *
 * Everything goes through libpq's asynchronous calls and poll(2): while the
 * server is silent the owner's idle function runs, at least every PG_IDLE_MS;
 * it may use the time, and may end the wait. pg_open() makes connections.
 *
 * Threads  [writer]
 * Errors   0 or a negative errno, and a struct pg_error with what the server or
 *          libpq said:
 *            -EPROTO     the server refused the statement, see sqlstate
 *            -ENOTCONN   the connection is gone; or it is to go, since the server committed
 *                        without its synchronous standby: whether that lasts is not known
 *            -ETIMEDOUT  silence for longer than the limit
 *            -ECANCELED  the idle function said stop
 *            -ENOMEM     memory was short
 *          After any but -EPROTO the connection is of no more use.
 * Memory   A PGresult never leaves pg_*. Freeing NULL is harmless.
 */
#ifndef HIGHWATER_PG_CONN_H
#define HIGHWATER_PG_CONN_H

#include "pg_binary.h"
#include "pg_error.h"

#include <libpq-fe.h>

#define PG_IDLE_MS 50

struct pg_waiter {
	/* How long the wait may go on before it is asked again, ms; 0: it has more to do; negative: -ECANCELED. */
	int (*idle)(void *context);
	void *context;
	int64_t silence_us; /* longest wait for the next sign of life */
};

struct pg_conn {
	PGconn *pg;
	struct pg_waiter waiter;
	char notice[PG_MESSAGE_SIZE]; /* the server's last warning with its SQLSTATE in front, or "" */
	bool unreplicated;            /* it gave up waiting for a standby during the last statement */
	uint64_t rows_before;         /* that the statement before the last one touched */
};

void pg_conn_close(struct pg_conn *c);

/* Runs statements separated by semicolons. ret_rows, if not NULL: that the last one touched. */
int pg_conn_run(struct pg_conn *c, const char *sql, uint64_t *ret_rows, struct pg_error *error) must_check;

/* Like pg_conn_run(); -EPROTO too when the last statement's tag is another: a COMMIT can be a ROLLBACK. */
int pg_conn_run_expecting(struct pg_conn *c, const char *sql, const char *tag,
                          struct pg_error *error) must_check;

/* Runs one statement with binary parameters (NULL: none). *ret is binary, to be cleared with PQclear(). */
int pg_conn_query(struct pg_conn *c, const char *sql, const struct pg_params *params, PGresult **ret,
                  struct pg_error *error) must_check;

/* Like pg_conn_query(); the statement is one that PREPARE has named. */
int pg_conn_query_prepared(struct pg_conn *c, const char *name, const struct pg_params *params,
                           PGresult **ret, struct pg_error *error) must_check;

/* Like pg_conn_query() where only the number of rows matters. */
int pg_conn_execute(struct pg_conn *c, const char *sql, const struct pg_params *params, uint64_t *ret_rows,
                    struct pg_error *error) must_check;

/*
 * Statements of which one is COPY … FROM STDIN, up to where the server wants its data.
 * *ret_before: rows that the statement before it touched. Then one of the two below.
 */
int pg_conn_copy_begin(struct pg_conn *c, const char *sql, uint64_t *ret_before,
                       struct pg_error *error) must_check;

/*
 * Sends the data and waits for all answers. *ret_rows: of the COPY. commits: it is followed by COMMIT and nothing
 * else; -EPROTO too when that was a ROLLBACK.
 */
int pg_conn_copy_end(struct pg_conn *c, const struct pg_binary *data, bool commits, uint64_t *ret_rows,
                     struct pg_error *error) must_check;

/* Has the server give up the COPY, and with it the transaction. 0 when it did. */
int pg_conn_copy_cancel(struct pg_conn *c, struct pg_error *error) must_check;

/* What to poll for input while nothing is asked. */
int pg_conn_socket(const struct pg_conn *c);

/*
 * Takes in what the server has sent unasked. *ret_notified: another session's
 * notification was among it, on whatever channel; *ret_own: one of our own
 * doing. -ENOTCONN: the connection is gone.
 */
int pg_conn_listen(struct pg_conn *c, bool *ret_notified, bool *ret_own, struct pg_error *error) must_check;

/* For pg_open: waits for poll(2) events on the socket, limit_us at most. */
int pg_conn_wait(struct pg_conn *c, short events, int64_t limit_us, struct pg_error *error) must_check;

#endif
