/*
 * highwater-watch - a subscriber: prints each alert as it comes, and levels in a table.
 *
 * What an application for duty officers would begin with: subscribe to
 * highwater/alerts/# at QoS 1, parse the JSON, act on msg_type and level. Such an
 * application would also keep its session (a fixed client id, clean_session
 * false), so that alerts of a lost connection are delivered afterwards, and read
 * the retained highwater/status/# at its start.
 */
#include "quantity.h"
#include "timestamp.h"
#include "watch_table.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEEPALIVE_S 30
#define RETRY_S     1

static const char HELP[] =
	"usage: highwater-watch [options]\n"
	"\n"
	"Prints each alert that Highwater publishes, one a line, times in the local zone (TZ).\n"
	"\n"
	"  --host NAME (localhost)   --port N (1883)   --username TEXT   --password-file FILE\n"
	"  --prefix TEXT   of the alert topics (default highwater)\n"
	"  --show STATION/PROPERTY=TITLE,LOW,HIGH\n"
	"                  repeatable: a column in a table of levels, as published on\n"
	"                  sensors/STATION/PROPERTY; LOW and HIGH are the ends of its little bar\n"
	"  --every D       of the readings' own time between lines of the table (default 3h)\n"
	"  --help\n"
	"\n"
	"example:\n"
	"  highwater-watch --show 'phu-an/water_level=Phu An,-1.2,1.8' --every 1h\n";

static volatile sig_atomic_t stopped;

struct watch {
	const char *host, *username, *prefix;
	char password[256];
	int port;
	struct watch_table table;
};

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : otherwise;
}

static int64_t time_of(const json_t *object, const char *key)
{
	const char *text = text_of(object, key, "");
	int64_t time_us;

	return timestamp_parse(text, strlen(text), &time_us) == 0 ? time_us : INT64_MIN;
}

static double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* What stands in brackets at the end of the line. */
static void describe(const json_t *a, bool ended, char *text, size_t size)
{
	const char *unit = text_of(a, "unit", "");
	char when[WATCH_TIME_SIZE];

	if (ended) {
		snprintf(text, size, "peak %.2f %s at %s", number_of(a, "peak"), unit,
		         watch_time(time_of(a, "peak_time"), when));
	} else {
		snprintf(text, size, "threshold %.2f %s, %s", number_of(a, "threshold"), unit,
		         text_of(a, "severity", "Unknown"));
	}
}

static void on_alert(struct watch *w, const json_t *a)
{
	const char *station = text_of(a, "station", "?"), *type = text_of(a, "msg_type", "?");
	int level = (int)json_integer_value(json_object_get(a, "level"));
	int previous = (int)json_integer_value(json_object_get(a, "previous_level"));
	bool ended = strcmp(type, "Cancel") == 0;
	char when[WATCH_TIME_SIZE], name[128], meaning[128], details[128], line[768];

	describe(a, ended, details, sizeof(details));
	watch_pad(text_of(a, "name", station), 22, name, sizeof(name));
	watch_pad(text_of(a, "level_name", ""), 14, meaning, sizeof(meaning));
	snprintf(line, sizeof(line), "%s  %s %-6s  %s %5.2f %s  %s  (%s)",
	         watch_time(time_of(a, "phenomenon_time"), when),
	         ended                        ? "✓"
	         : abs(level) > abs(previous) ? "▲"
	                                      : "▼",
	         type, name, number_of(a, "value"), text_of(a, "unit", ""), meaning, details);
	watch_table_level(&w->table, station, text_of(a, "property", ""), level);
	watch_print(ended ? "32" : watch_colour(level), line);
}

static void on_message(struct mosquitto *m, void *user, const struct mosquitto_message *message)
{
	struct watch *w = user;
	json_t *object =
		json_loadb(message->payload, (size_t)message->payloadlen, JSON_REJECT_DUPLICATES, NULL);

	(void)m;
	if (object == NULL) {
		return; /* a bare number has no time for the table */
	}
	if (strncmp(message->topic, "sensors/", 8) == 0) {
		watch_table_reading(&w->table, message->topic + 8, time_of(object, "time"),
		                    number_of(object, "value"));
	} else {
		on_alert(w, object);
	}
	json_decref(object);
}

static void on_connect(struct mosquitto *m, void *user, int code)
{
	struct watch *w = user;
	char topic[256];

	if (code != 0) {
		fprintf(stderr, "highwater-watch: the broker refuses: %s\n", mosquitto_connack_string(code));
		stopped = 1;
		return;
	}
	snprintf(topic, sizeof(topic), "%s/alerts/#", w->prefix);
	mosquitto_subscribe(m, NULL, topic, 1);
	for (size_t i = 0; i < w->table.columns; i++) {
		snprintf(topic, sizeof(topic), "sensors/%s", w->table.column[i].datastream);
		mosquitto_subscribe(m, NULL, topic, 1);
	}
}

static int read_password(struct watch *w, const char *path)
{
	FILE *file = fopen(path, "re");
	bool read;

	if (file == NULL) {
		perror(path);
		return -1;
	}
	read = fgets(w->password, sizeof(w->password), file) != NULL;
	fclose(file);
	w->password[strcspn(w->password, "\r\n")] = '\0';
	return read ? 0 : -1;
}

static int parse_port(const char *text, int *ret)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (end == text || *end != '\0' || port < 1 || port > 65535) {
		return -1;
	}
	*ret = (int)port;
	return 0;
}

static int parse_option(struct watch *w, int option)
{
	switch (option) {
	case 'h':
		w->host = optarg;
		return 0;
	case 'p':
		return parse_port(optarg, &w->port);
	case 'u':
		w->username = optarg;
		return 0;
	case 'P':
		return read_password(w, optarg);
	case 'x':
		w->prefix = optarg;
		return 0;
	case 's':
		return watch_table_add(&w->table, optarg);
	case 'e':
		return quantity_duration_us(optarg, &w->table.every_us);
	default:
		return -1;
	}
}

static int parse_options(struct watch *w, int argc, char **argv)
{
	static const struct option options[] = {
		{"host", required_argument, NULL, 'h'},
		{"port", required_argument, NULL, 'p'},
		{"username", required_argument, NULL, 'u'},
		{"prefix", required_argument, NULL, 'x'},
		{"password-file", required_argument, NULL, 'P'},
		{"show", required_argument, NULL, 's'},
		{"every", required_argument, NULL, 'e'},
		{"help", no_argument, NULL, 'H'},
		{0},
	};
	int option, r = 0;

	while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'H') {
			fputs(HELP, stdout);
			exit(EXIT_SUCCESS);
		}
		r = parse_option(w, option);
	}
	if (r != 0 || optind < argc) {
		fputs("highwater-watch: bad option or value (--help explains)\n", stderr);
		return -1;
	}
	return 0;
}

/* Reconnects for as long as it takes. */
static int watch_until_stopped(struct watch *w, struct mosquitto *m)
{
	int rc = mosquitto_connect(m, w->host, w->port, KEEPALIVE_S);

	if (rc != MOSQ_ERR_SUCCESS) {
		fprintf(stderr, "highwater-watch: %s:%d: %s\n", w->host, w->port,
		        rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc));
		return EXIT_FAILURE;
	}
	while (!stopped) {
		if (mosquitto_loop(m, 200, 1) != MOSQ_ERR_SUCCESS && !stopped) {
			sleep(RETRY_S);
			mosquitto_reconnect(m);
		}
	}
	mosquitto_disconnect(m);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct watch w = {
		.host = "localhost",
		.port = 1883,
		.prefix = "highwater",
		.table = {.every_us = 3 * 3600 * 1000000LL, .last_us = INT64_MIN, .next_us = INT64_MIN},
	};
	struct sigaction action = {.sa_handler = on_signal};
	struct mosquitto *m;
	char id[64];
	int r;

	if (parse_options(&w, argc, argv) < 0) {
		return EXIT_FAILURE;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	mosquitto_lib_init();
	snprintf(id, sizeof(id), "highwater-watch-%d", (int)getpid());
	m = mosquitto_new(id, true, &w);
	if (m == NULL) {
		perror("highwater-watch");
		return EXIT_FAILURE;
	}
	mosquitto_connect_callback_set(m, on_connect);
	mosquitto_message_callback_set(m, on_message);
	mosquitto_username_pw_set(m, w.username, w.username != NULL ? w.password : NULL);
	r = watch_until_stopped(&w, m);
	mosquitto_destroy(m);
	mosquitto_lib_cleanup();
	return r;
}
