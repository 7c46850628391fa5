#include "pg_open.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Keywords in libpq's order of precedence: a later one overrides an earlier one. */
#define KEYWORDS_MAX 16

/* Bytes; the kernel doubles it for its own needs, and keeps to net.core.wmem_max. */
#define SEND_BUFFER (512 * 1024)

struct keywords {
	const char *name[KEYWORDS_MAX];
	const char *value[KEYWORDS_MAX];
	size_t count;
};

/* The rest of the lists of hosts, after those that kept silent. NULL: as the user says. */
struct hosts {
	char *host, *hostaddr, *port;
};

static void add(struct keywords *k, const char *name, const char *value)
{
	if (value != NULL) {
		k->name[k->count] = name;
		k->value[k->count] = value;
		k->count++;
	}
}

static struct keywords keywords_for(const char *conninfo, const struct hosts *rest)
{
	struct keywords k = {.count = 0};

	add(&k, "application_name", "highwater");
	add(&k, "connect_timeout", "10");
	/* A peer that vanished without a word is noticed within half a minute, in either direction. */
	add(&k, "keepalives_idle", "10");
	add(&k, "keepalives_interval", "5");
	add(&k, "keepalives_count", "3");
	add(&k, "tcp_user_timeout", "25000");
	add(&k, "dbname", conninfo);
	add(&k, "client_encoding", "UTF8");
	add(&k, "host", rest->host);
	add(&k, "hostaddr", rest->hostaddr);
	add(&k, "port", rest->port);
	k.name[k.count] = NULL;
	k.value[k.count] = NULL;
	return k;
}

/*
 * statement_timeout is shorter than the silence that the owner bears, so that a
 * server which is alive ends a statement itself and says so, and the connection
 * can stay. The other timeouts end what a dead client has left open, which holds
 * the lock on the journal's position. synchronous_commit is left as it is unless
 * it is off: what is committed is deleted from the journal.
 * search_path: the schema's statements do not need one; a city's triggers may.
 */
static const char session_settings[] =
	"SET statement_timeout = '20s'; SET lock_timeout = 0; SET idle_in_transaction_session_timeout ="
	" '30s';"
	"SET idle_session_timeout = 0; SET client_connection_check_interval = '5s';"
	"SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;"
	"SET tcp_user_timeout = 25000;"
	"SET search_path = pg_catalog, highwater, public, pg_temp; SET client_min_messages = warning;"
	"SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off;"
	"SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET jit = off;"
	"SELECT set_config('synchronous_commit', 'on', false)"
	" WHERE current_setting('synchronous_commit') = 'off'";

/* Called by libpq in place of writing to stderr. */
static void take_notice(void *context, const PGresult *result)
{
	struct pg_conn *c = context;
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);

	/* A cancelled wait is a warning of no special SQLSTATE, in the language of the server; see its syncrep.c. */
	if (function != NULL && strcmp(function, "SyncRepWaitForLSN") == 0) {
		c->unreplicated = true;
	}
	(void)snprintf(c->notice, sizeof(c->notice), "%s: %s", sqlstate != NULL ? sqlstate : "-",
	               message != NULL ? message : "-");
}

/* The value of an option that is in force, or "". */
static const char *option(const PQconninfoOption *options, const char *name)
{
	for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
		if (strcmp(o->keyword, name) == 0) {
			return o->val != NULL ? o->val : "";
		}
	}
	return "";
}

/* How long the server may keep silent while connecting; as in libpq, 0 is no limit and 1 means 2. */
static int64_t connect_limit_us(const struct pg_conn *c, const PQconninfoOption *options)
{
	long seconds = strtol(option(options, "connect_timeout"), NULL, 10);

	return seconds <= 0 ? c->waiter.silence_us
	                    : MIN(MAX(seconds, 2) * INT64_C(1000000), c->waiter.silence_us);
}

static int poll_connection(struct pg_conn *c, int64_t limit_us, struct pg_error *error)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK) {
		int result =
			pg_conn_wait(c, status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN, limit_us, error);

		if (result != 0) {
			return result;
		}
		status = PQconnectPoll(c->pg);
		if (status == PGRES_POLLING_FAILED) {
			pg_error_set(error, PQerrorMessage(c->pg));
			return -ENOTCONN;
		}
	}
	return 0;
}

/* Item n of a comma-separated list has this text. */
static bool item_is(const char *list, size_t n, const char *text)
{
	size_t length;

	for (; n > 0; n--) {
		list = strchr(list, ',');
		if (list == NULL) {
			return false;
		}
		list++;
	}
	length = strcspn(list, ",");
	return length == strlen(text) && strncmp(list, text, length) == 0;
}

/* The list after item n, NULL when nothing is left. A list of one item is for every host: all of it. */
static const char *items_after(const char *list, size_t n)
{
	if (strchr(list, ',') == NULL) {
		return list;
	}
	for (n++; n > 0 && list != NULL; n--) {
		list = strchr(list, ',');
		list = list != NULL ? list + 1 : NULL;
	}
	return list;
}

static void hosts_done(struct hosts *h)
{
	free(h->host);
	free(h->hostaddr);
	free(h->port);
	*h = (struct hosts){0};
}

static char *copy_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? strdup(text) : NULL;
}

/* Which of the hosts kept silent; rest becomes those after it. False when there are none. */
static bool hosts_after_silent(const struct pg_conn *c, const PQconninfoOption *options, struct hosts *rest)
{
	const char *list = option(options, option(options, "host")[0] != '\0' ? "host" : "hostaddr");
	const char *port = option(options, "port");
	bool one_port = strchr(port, ',') == NULL;
	const char *silent = PQhost(c->pg);
	size_t n = 0;

	if (strchr(list, ',') == NULL || silent == NULL) {
		return false;
	}
	while (!item_is(list, n, silent) || (!one_port && !item_is(port, n, PQport(c->pg)))) {
		if (items_after(list, n++) == NULL) {
			return false;
		}
	}
	hosts_done(rest);
	rest->host = copy_or_null(items_after(option(options, "host"), n));
	rest->hostaddr = copy_or_null(items_after(option(options, "hostaddr"), n));
	rest->port = copy_or_null(items_after(port, n));
	return rest->host != NULL || rest->hostaddr != NULL;
}

/* One round over the hosts. *ret_more: one kept silent, and others, which are in rest now, follow it. */
static int try_hosts(struct pg_conn *c, const char *conninfo, struct hosts *rest, bool *ret_more,
                     struct pg_error *error)
{
	struct keywords k = keywords_for(conninfo, rest);
	PQconninfoOption *options;
	int result;

	*ret_more = false;
	PQfinish(c->pg);
	c->pg = PQconnectStartParams(k.name, k.value, 1);
	if (c->pg == NULL) {
		pg_error_set(error, "out of memory");
		return -ENOMEM;
	}
	if (PQstatus(c->pg) == CONNECTION_BAD) {
		if (pg_open_check(conninfo, error) == 0) {
			pg_error_set(error, PQerrorMessage(c->pg));
		}
		return -ENOTCONN;
	}
	(void)PQsetNoticeReceiver(c->pg, take_notice, c);
	options = PQconninfo(c->pg);
	result = poll_connection(c, connect_limit_us(c, options), error);
	if (result == -ETIMEDOUT) {
		*ret_more = hosts_after_silent(c, options, rest);
	}
	PQconninfoFree(options);
	return result;
}

/*
 * A Unix socket takes 200 kB, which the server reads in 5 ms, and is ready for more when a quarter of that is left.
 * On machines with few processors the writer is not always back in time. TCP finds its size itself.
 */
static void enlarge_buffer(const struct pg_conn *c)
{
	const int size = SEND_BUFFER;
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t length = sizeof(address);

	if (getsockname(PQsocket(c->pg), (struct sockaddr *)&address, &length) == 0 &&
	    address.ss_family == AF_UNIX) {
		(void)setsockopt(PQsocket(c->pg), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
}

static int set_up_session(struct pg_conn *c, struct pg_error *error)
{
	if (PQsetnonblocking(c->pg, 1) != 0) {
		pg_error_set(error, PQerrorMessage(c->pg));
		return -ENOTCONN;
	}
	enlarge_buffer(c);
	if (PQserverVersion(c->pg) < 140000) {
		pg_error_set(error, "the server is older than PostgreSQL 14");
		return -EPROTO;
	}
	return pg_conn_run(c, session_settings, NULL, error);
}

int pg_open(struct pg_conn **ret, const char *conninfo, const struct pg_waiter *waiter,
            struct pg_error *error)
{
	struct pg_conn *c = calloc(1, sizeof(*c));
	struct hosts rest = {0};
	bool more;
	int result;

	*ret = NULL;
	if (c == NULL) {
		pg_error_set(error, "out of memory");
		return -ENOMEM;
	}
	c->waiter = *waiter;
	do {
		result = try_hosts(c, conninfo, &rest, &more, error);
	} while (more);
	hosts_done(&rest);
	if (result == 0) {
		result = set_up_session(c, error);
	}
	if (result != 0) {
		pg_conn_close(c);
		return result;
	}
	*ret = c;
	return 0;
}

/* As libpq decides: without '=' and not a URI, the string is the name of a database. */
static bool is_database_name(const char *conninfo)
{
	return strchr(conninfo, '=') == NULL && strncmp(conninfo, "postgresql://", 13) != 0 &&
	       strncmp(conninfo, "postgres://", 11) != 0;
}

/* libpq quotes the piece it cannot read, which may be a part of a password; the name of an option is none. */
static void mask_quoted(char *text)
{
	bool inside = false;
	char *to = text;

	for (const char *s = text; *s != '\0'; s++) {
		if (*s == '"') {
			inside = !inside;
			*to++ = *s;
		} else if (!inside) {
			*to++ = *s;
		}
	}
	*to = '\0';
}

int pg_open_check(const char *conninfo, struct pg_error *error)
{
	char *message = NULL;
	PQconninfoOption *options;

	if (is_database_name(conninfo)) {
		return 0;
	}
	options = PQconninfoParse(conninfo, &message);
	if (options != NULL) {
		PQconninfoFree(options);
		return 0;
	}
	if (message != NULL && strncmp(message, "invalid connection option", 25) != 0) {
		mask_quoted(message);
	}
	pg_error_set(error, message != NULL ? message : "out of memory");
	PQfreemem(message);
	return -EINVAL;
}

static void append(char *text, size_t size, const char *name, const char *value)
{
	size_t used = strlen(text);

	if (value != NULL && value[0] != '\0') {
		(void)snprintf(text + used, size - used, "%s%s=%s", used > 0 ? " " : "", name, value);
	}
}

const char *pg_open_describe(const char *conninfo, char *text, size_t size)
{
	static const char *const names[] = {"service", "host", "hostaddr", "port", "dbname", "user"};
	PQconninfoOption *options;

	text[0] = '\0';
	if (is_database_name(conninfo)) {
		append(text, size, "dbname", conninfo);
		return text[0] != '\0' ? text : "the default database";
	}
	options = PQconninfoParse(conninfo, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		append(text, size, names[i], option(options, names[i]));
	}
	PQconninfoFree(options);
	return text[0] != '\0' ? text : "the default database";
}

const char *pg_open_describe_connection(const struct pg_conn *c, char *text, size_t size)
{
	text[0] = '\0';
	append(text, size, "host", PQhost(c->pg));
	append(text, size, "port", PQport(c->pg));
	append(text, size, "dbname", PQdb(c->pg));
	append(text, size, "user", PQuser(c->pg));
	return text;
}
