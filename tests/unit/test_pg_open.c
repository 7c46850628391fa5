/* Connecting: what is said, what is set, and which host is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "database.h"
#include "pg_open.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND INT64_C(1000000)

static int never_stop(void *context)
{
	(void)context;
	return PG_IDLE_MS;
}

static int stop_now(void *context)
{
	(void)context;
	return -1;
}

static const struct pg_waiter patient = {.idle = never_stop, .silence_us = 5 * SECOND};

/* A port on the loopback interface that takes connections and never says a word. */
static int silent_port(int *ret_socket)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(address);

	*ret_socket = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(*ret_socket >= 0);
	assert_int_equal(bind(*ret_socket, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(*ret_socket, 8), 0);
	assert_int_equal(getsockname(*ret_socket, (struct sockaddr *)&address, &length), 0);
	return ntohs(address.sin_port);
}

static void secrets_are_not_described(void **state)
{
	char text[200];

	(void)state;
	assert_string_equal(
		pg_open_describe("host=db port=5433 dbname=flood user=m password=geheim", text, sizeof(text)),
		"host=db port=5433 dbname=flood user=m");
	assert_string_equal(
		pg_open_describe("postgresql://m:geheim@db/flood?sslmode=require", text, sizeof(text)),
		"host=db dbname=flood user=m");
	assert_string_equal(pg_open_describe("flood", text, sizeof(text)), "dbname=flood");
	assert_string_equal(pg_open_describe("", text, sizeof(text)), "the default database");
}

static void unreadable_conninfo_is_refused_without_its_words(void **state)
{
	struct pg_error error;

	(void)state;
	assert_int_equal(pg_open_check("host=db password=two words", &error), -EINVAL);
	assert_null(strstr(error.message, "words"));
	assert_true(strlen(error.message) > 10);
	assert_int_equal(pg_open_check("host=db colour=red", &error), -EINVAL);
	assert_int_equal(pg_open_check("host=db dbname=flood", &error), 0);
	assert_int_equal(pg_open_check("postgresql://db/flood", &error), 0);
	assert_int_equal(pg_open_check("flood", &error), 0);
}

static void nobody_there_is_an_error_with_a_reason(void **state)
{
	struct pg_conn *c;
	struct pg_error error;

	(void)state;
	assert_int_equal(pg_open(&c, "host=/nonexistent dbname=x", &patient, &error), -ENOTCONN);
	assert_null(c);
	assert_non_null(strstr(error.message, "/nonexistent"));
}

static void silent_server_is_given_up(void **state)
{
	int listener;
	char conninfo[100];
	struct pg_conn *c;
	struct pg_error error;
	int64_t started = clock_monotonic_us();

	(void)state;
	snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1 port=%d connect_timeout=2",
	         silent_port(&listener));
	assert_int_equal(pg_open(&c, conninfo, &patient, &error), -ETIMEDOUT);
	assert_true(clock_monotonic_us() - started < 3 * SECOND);
	close(listener);
}

static void stop_ends_the_wait_at_once(void **state)
{
	const struct pg_waiter hasty = {.idle = stop_now, .silence_us = 5 * SECOND};
	int listener;
	char conninfo[100];
	struct pg_conn *c;
	struct pg_error error;

	(void)state;
	snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1 port=%d", silent_port(&listener));
	assert_int_equal(pg_open(&c, conninfo, &hasty, &error), -ECANCELED);
	close(listener);
}

/* libpq itself would wait for the first host for ever. */
static void host_after_a_silent_one_is_taken(void **state)
{
	const char *own = database_conninfo();
	int listener;
	int port = silent_port(&listener);
	char conninfo[300], directory[100];
	struct pg_conn *c;
	struct pg_error error;

	(void)state;
	if (own == NULL) {
		close(listener);
		skip();
	}
	assert_int_equal(sscanf(own, "host=%99s", directory), 1);
	snprintf(conninfo, sizeof(conninfo),
	         "%s host=127.0.0.1,/nonexistent,%s port=%d,1,5432 connect_timeout=2", own, directory, port);
	if (pg_open(&c, conninfo, &patient, &error) != 0) {
		fail_msg("%s", error.message);
	}
	assert_non_null(strstr(pg_open_describe_connection(c, conninfo, sizeof(conninfo)), directory));
	pg_conn_close(c);
	close(listener);
}

static void setting_is(struct pg_conn *c, const char *name, const char *expected)
{
	char sql[100];
	PGresult *r = NULL;
	struct pg_error error;

	snprintf(sql, sizeof(sql), "SELECT current_setting('%s')", name);
	assert_int_equal(pg_conn_query(c, sql, NULL, &r, &error), 0);
	assert_string_equal(PQgetvalue(r, 0, 0), expected);
	PQclear(r);
}

static void session_does_not_depend_on_the_roles_defaults(void **state)
{
	PGconn *admin;
	struct pg_conn *c;
	struct pg_error error;

	(void)state;
	if (database_conninfo() == NULL) {
		skip();
	}
	admin = database_connect();
	database_do(
		admin,
		"ALTER ROLE plugin SET synchronous_commit = off; ALTER ROLE plugin SET statement_timeout ="
		" '1ms';"
		"ALTER ROLE plugin SET TimeZone = 'Asia/Ho_Chi_Minh'; ALTER ROLE plugin SET search_path = public");
	assert_int_equal(pg_open(&c, database_conninfo(), &patient, &error), 0);
	database_do(admin, "ALTER ROLE plugin RESET ALL");
	setting_is(c, "synchronous_commit", "on");
	setting_is(c, "statement_timeout", "20s");
	setting_is(c, "TimeZone", "UTC");
	setting_is(c, "application_name", "highwater");
	setting_is(c, "client_encoding", "UTF8");
	pg_conn_close(c);
	PQfinish(admin);
}

static void users_own_options_win(void **state)
{
	char conninfo[300];
	struct pg_conn *c;
	struct pg_error error;

	(void)state;
	if (database_conninfo() == NULL) {
		skip();
	}
	snprintf(conninfo, sizeof(conninfo),
	         "%s application_name=hanoi options='-c synchronous_commit=remote_write'",
	         database_conninfo());
	assert_int_equal(pg_open(&c, conninfo, &patient, &error), 0);
	setting_is(c, "application_name", "hanoi");
	setting_is(c, "synchronous_commit", "remote_write");
	pg_conn_close(c);
}

static void refusal_leaves_the_connection_usable(void **state)
{
	struct pg_conn *c;
	struct pg_error error;
	uint64_t rows = 0;

	(void)state;
	if (database_conninfo() == NULL) {
		skip();
	}
	assert_int_equal(pg_open(&c, database_conninfo(), &patient, &error), 0);
	assert_int_equal(pg_conn_run(c, "SELECT 1; SELECT 1 / 0; SELECT 2", NULL, &error), -EPROTO);
	assert_string_equal(error.sqlstate, "22012");
	assert_true(pg_error_blames_row(&error));
	assert_int_equal(pg_conn_run(c, "BEGIN; SELECT 1 / 0", NULL, &error), -EPROTO);
	assert_int_equal(pg_conn_run_expecting(c, "COMMIT", "COMMIT", &error), -EPROTO);
	assert_int_equal(pg_conn_run(c, "SELECT generate_series(1, 7)", &rows, &error), 0);
	assert_int_equal(rows, 7);
	pg_conn_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_not_described),
		cmocka_unit_test(unreadable_conninfo_is_refused_without_its_words),
		cmocka_unit_test(nobody_there_is_an_error_with_a_reason),
		cmocka_unit_test(silent_server_is_given_up),
		cmocka_unit_test(stop_ends_the_wait_at_once),
		cmocka_unit_test(host_after_a_silent_one_is_taken),
		cmocka_unit_test(session_does_not_depend_on_the_roles_defaults),
		cmocka_unit_test(users_own_options_win),
		cmocka_unit_test(refusal_leaves_the_connection_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
