#include "pg_schema.h"

int pg_schema_version(struct pg_conn *c, int32_t *ret, struct pg_error *error)
{
	PGresult *result = NULL;
	int status = pg_conn_query(c, "SELECT highwater.schema_version()", NULL, &result, error);

	if (status == 0) {
		*ret = PQgetisnull(result, 0, 0) ? 0 : pg_binary_get_i32(PQgetvalue(result, 0, 0));
	} else if (strcmp(error->sqlstate, "3F000") == 0 || strcmp(error->sqlstate, "42883") == 0 ||
	           strcmp(error->sqlstate, "42P01") == 0) {
		*ret = 0;
		status = 0;
	}
	PQclear(result);
	return status;
}

int pg_schema_make_partitions(struct pg_conn *c, struct pg_error *error)
{
	c->notice[0] = '\0';
	return pg_conn_execute(c, "SELECT highwater.make_partitions()", NULL, NULL, error);
}
