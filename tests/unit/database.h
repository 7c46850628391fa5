/*
 * database - the private PostgreSQL of with_postgres, for tests.
 *
 * What is asked here goes through a superuser's own connection; a statement that
 * fails fails the test.
 */
#ifndef HIGHWATER_TEST_DATABASE_H
#define HIGHWATER_TEST_DATABASE_H

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

/* NULL: there is none, the test skips. */
static inline const char *database_conninfo(void)
{
	return getenv("HIGHWATER_TEST_CONNINFO");
}

static inline PGconn *database_connect(void)
{
	PGconn *c = PQconnectdb(getenv("HIGHWATER_TEST_ADMIN"));

	if (PQstatus(c) != CONNECTION_OK) {
		fail_msg("%s", PQerrorMessage(c));
	}
	PQclear(PQexec(c, "SET client_min_messages = error"));
	return c;
}

static inline void database_do(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);

	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK) {
		fail_msg("%s: %s", sql, PQresultErrorMessage(r));
	}
	PQclear(r);
}

/* The one value that the query gives, as a number. */
static inline double database_number(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);
	double v;

	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1) {
		fail_msg("%s: %s", sql, PQresultErrorMessage(r));
	}
	v = strtod(PQgetvalue(r, 0, 0), NULL);
	PQclear(r);
	return v;
}

/* As text, in a buffer of the caller. */
static inline const char *database_text(PGconn *c, const char *sql, char *text, size_t size)
{
	PGresult *r = PQexec(c, sql);

	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1) {
		fail_msg("%s: %s", sql, PQresultErrorMessage(r));
	}
	snprintf(text, size, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	return text;
}

/* The schema as it was installed: no data, nothing that a test has changed. */
static inline void database_empty(PGconn *c)
{
	database_do(c,
	            "TRUNCATE highwater.observation, highwater.silence, highwater.rejected, highwater.alert,"
	            " highwater.alert_event, highwater.loss, highwater.journal_position");
	database_do(c, "TRUNCATE highwater.threshold, highwater.datastream, highwater.station"
	               " RESTART IDENTITY CASCADE");
}

#endif
