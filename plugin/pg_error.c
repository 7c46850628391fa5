#include "pg_error.h"

#include "util.h"

#include <stdio.h>
#include <string.h>

/* Copies text with runs of white space as one blank. */
static void one_line(char *to, size_t size, const char *text)
{
	size_t n = 0;

	for (const char *s = text; *s != '\0' && n + 1 < size; s++) {
		bool blank = *s == '\n' || *s == '\r' || *s == '\t' || *s == ' ';

		if (!blank) {
			to[n++] = *s;
		} else if (n > 0 && to[n - 1] != ' ') {
			to[n++] = ' ';
		}
	}
	while (n > 0 && to[n - 1] == ' ') {
		n--;
	}
	to[n] = '\0';
}

void pg_error_set(struct pg_error *error, const char *text)
{
	error->sqlstate[0] = '\0';
	error->misses_partition = false;
	one_line(error->message, sizeof(error->message), text);
}

void pg_error_from_result(struct pg_error *error, const PGresult *result)
{
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	char text[PG_MESSAGE_SIZE];

	if (primary == NULL) {
		pg_error_set(error, PQresultErrorMessage(result));
		return;
	}
	(void)snprintf(text, sizeof(text), "%s%s%s", primary, detail != NULL ? ": " : "",
	               detail != NULL ? detail : "");
	one_line(error->message, sizeof(error->message), text);
	one_line(error->sqlstate, sizeof(error->sqlstate), sqlstate != NULL ? sqlstate : "");
	/* A check violation that names its table but no constraint: no partition takes the row. */
	error->misses_partition = strcmp(error->sqlstate, "23514") == 0 &&
	                          PQresultErrorField(result, PG_DIAG_TABLE_NAME) != NULL &&
	                          PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) == NULL;
}

static bool is_of(const struct pg_error *error, const char *const *beginnings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strncmp(error->sqlstate, beginnings[i], strlen(beginnings[i])) == 0) {
			return true;
		}
	}
	return false;
}

bool pg_error_blames_row(const struct pg_error *error)
{
	static const char *const classes[] = {"22", "23", "44", "P0"};

	return !error->misses_partition && is_of(error, classes, ARRAY_SIZE(classes));
}

bool pg_error_passes(const struct pg_error *error)
{
	static const char *const beginnings[] = {"40", "53", "57", "55P03"};

	return error->misses_partition || is_of(error, beginnings, ARRAY_SIZE(beginnings));
}
