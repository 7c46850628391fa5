#include "player_options.h"

#include "clock.h"
#include "quantity.h"
#include "timestamp.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char HELP[] =
	"usage: highwater-player [options] FILE.csv...\n"
	"\n"
	"Plays CSV recordings (with a header line) to an MQTT broker; \"-\" reads the standard input.\n"
	"Several files are merged by time. Ends when the broker has acknowledged everything.\n"
	"\n"
	"what is sent\n"
	"  --topic PATTERN       braces name CSV columns (default sensors/{station}/{property})\n"
	"  --time-column NAME    RFC 3339 with zone, or Unix s or ms (default \"time\", if there is one)\n"
	"  --value COLUMN[=PROPERTY][/DIVISOR | *FACTOR]\n"
	"                        repeatable (default \"value\"). The payload is\n"
	"                        {\"time\": ..., \"value\": 1.53} for one value without PROPERTY, or whose\n"
	"                        PROPERTY is the last level of the topic; otherwise one object with a\n"
	"                        member a value. Where the topic has {property} and the file no such\n"
	"                        column, each value is a message of its own. Empty fields are left out.\n"
	"  --unit TEXT           adds \"unit\" to single values\n"
	"when\n"
	"  --times original      send the file's times (default)\n"
	"          shifted       move all by the same span: the first row to --start, or the last to --end\n"
	"          now           send the time of sending\n"
	"  --start TIME, --end TIME   RFC 3339 or \"now\" (default: --start now)\n"
	"  --speed FACTOR        1 real time, 60 a minute a second, 0 as fast as the broker takes it (default).\n"
	"                        Speed never changes the times that are sent, only when they are sent\n"
	"  --limit N             stop after N rows\n"
	"broker\n"
	"  --host NAME (localhost)   --port N (1883; 8883 with TLS)   --id TEXT\n"
	"  --username TEXT           --password-file FILE, or --password TEXT (visible to other users in ps)\n"
	"  --tls                     encrypt, trusting the system's authorities; --cafile FILE trusts these\n"
	"  --qos 0|1|2 (1)           --protocol 3.1.1|5 (3.1.1)\n"
	"  --max-in-flight N         unacknowledged messages at most (default 20)\n"
	"  --patience D              give up when connection or acknowledgements stay away so long (60s)\n"
	"reporting\n"
	"  --progress / --quiet      progress is shown by default when stderr is a terminal\n"
	"  --strict                  stop at the first bad row instead of skipping and counting it\n"
	"\n"
	"examples\n"
	"  # time,station,property,value: the defaults fit\n"
	"  highwater-player readings.csv\n"
	"  # one sensor, several values, millimetres to metres, a day in 24 s\n"
	"  highwater-player --topic sensors/happy-satyr --time-column time_utc --speed 3600 \\\n"
	"      --value dist_mm=distance/1000 --value batt_v=battery_voltage floodnet.csv\n"
	"  # several stations in one file, as if the last reading were of this moment\n"
	"  highwater-player --topic 'sensors/{station}/water_level' --time-column dateTime_utc \\\n"
	"      --value value_m --unit m --times shifted --end now aire.csv\n";

enum {
	OPT_HOST = 256,
	OPT_PORT,
	OPT_USERNAME,
	OPT_PASSWORD,
	OPT_PASSWORD_FILE,
	OPT_ID,
	OPT_TLS,
	OPT_CAFILE,
	OPT_QOS,
	OPT_PROTOCOL,
	OPT_MAX_IN_FLIGHT,
	OPT_PATIENCE,
	OPT_TOPIC,
	OPT_TIME_COLUMN,
	OPT_VALUE,
	OPT_UNIT,
	OPT_TIMES,
	OPT_START,
	OPT_END,
	OPT_SPEED,
	OPT_LIMIT,
	OPT_PROGRESS,
	OPT_QUIET,
	OPT_STRICT,
	OPT_HELP,
};

static const struct option OPTIONS[] = {
	{"host", required_argument, NULL, OPT_HOST},
	{"port", required_argument, NULL, OPT_PORT},
	{"username", required_argument, NULL, OPT_USERNAME},
	{"password", required_argument, NULL, OPT_PASSWORD},
	{"password-file", required_argument, NULL, OPT_PASSWORD_FILE},
	{"id", required_argument, NULL, OPT_ID},
	{"tls", no_argument, NULL, OPT_TLS},
	{"cafile", required_argument, NULL, OPT_CAFILE},
	{"qos", required_argument, NULL, OPT_QOS},
	{"protocol", required_argument, NULL, OPT_PROTOCOL},
	{"max-in-flight", required_argument, NULL, OPT_MAX_IN_FLIGHT},
	{"patience", required_argument, NULL, OPT_PATIENCE},
	{"topic", required_argument, NULL, OPT_TOPIC},
	{"time-column", required_argument, NULL, OPT_TIME_COLUMN},
	{"value", required_argument, NULL, OPT_VALUE},
	{"unit", required_argument, NULL, OPT_UNIT},
	{"times", required_argument, NULL, OPT_TIMES},
	{"start", required_argument, NULL, OPT_START},
	{"end", required_argument, NULL, OPT_END},
	{"speed", required_argument, NULL, OPT_SPEED},
	{"limit", required_argument, NULL, OPT_LIMIT},
	{"progress", no_argument, NULL, OPT_PROGRESS},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{"strict", no_argument, NULL, OPT_STRICT},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static int refuse(const char *option, const char *value, const char *allowed)
{
	fprintf(stderr, "highwater-player: %s \"%s\": %s\n", option, value, allowed);
	return -EINVAL;
}

static int parse_whole(const char *option, const char *text, long min, long max, long *ret)
{
	char allowed[80], *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < min || value > max) {
		snprintf(allowed, sizeof(allowed), "a whole number from %ld to %ld", min, max);
		return refuse(option, text, allowed);
	}
	*ret = value;
	return 0;
}

static int parse_int(const char *option, const char *text, int min, int max, int *ret)
{
	long value;
	int r = parse_whole(option, text, min, max, &value);

	if (r == 0) {
		*ret = (int)value;
	}
	return r;
}

static int parse_speed(const char *text, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(value) || value < 0) {
		return refuse("--speed", text, "a number from 0 (no pacing) up");
	}
	*ret = value;
	return 0;
}

static int parse_time(const char *option, const char *text, int64_t *ret_us)
{
	if (strcmp(text, "now") == 0) {
		*ret_us = clock_realtime_us();
		return 0;
	}
	if (timestamp_parse(text, strlen(text), ret_us) < 0) {
		return refuse(option, text, "\"now\", or RFC 3339 with zone as in 2026-11-22T10:15:00+07:00");
	}
	return 0;
}

static int parse_times(const char *text, enum player_times *ret)
{
	static const char *const names[] = {"original", "shifted", "now"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum player_times)i;
			return 0;
		}
	}
	return refuse("--times", text, "original, shifted or now");
}

static int parse_protocol(const char *text, int *ret)
{
	if (strcmp(text, "3.1.1") == 0) {
		*ret = MQTT_PROTOCOL_V311;
	} else if (strcmp(text, "5") == 0) {
		*ret = MQTT_PROTOCOL_V5;
	} else {
		return refuse("--protocol", text, "3.1.1 or 5");
	}
	return 0;
}

static int add_value(struct player_options *o, char *text)
{
	if (o->values == PLAYER_VALUES_MAX) {
		return refuse("--value", text, "no more than 32 of them");
	}
	if (player_value_parse(&o->value[o->values], text) < 0) {
		return refuse("--value", text,
		              "COLUMN[=PROPERTY][/DIVISOR or *FACTOR], without quotes or backslashes, not 0");
	}
	o->values++;
	return 0;
}

static int set_password(struct player_options *o, const char *text, size_t length)
{
	free(o->password);
	o->password = strndup(text, length);
	return o->password != NULL ? 0 : -ENOMEM;
}

/* The first line of the file. */
static int read_password(struct player_options *o, const char *path)
{
	char *line = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "re");
	ssize_t length;
	int r;

	if (file == NULL) {
		return refuse("--password-file", path, strerror(errno));
	}
	length = getline(&line, &size, file);
	fclose(file);
	if (length < 0) {
		free(line);
		return refuse("--password-file", path, "is empty");
	}
	r = set_password(o, line, strcspn(line, "\r\n"));
	free(line);
	return r;
}

/* Options about the broker; 1 when it is not one of them. */
static int parse_broker_option(struct player_options *o, int option, char *arg)
{
	switch (option) {
	case OPT_HOST:
		o->host = arg;
		return 0;
	case OPT_PORT:
		return parse_int("--port", arg, 1, 65535, &o->port);
	case OPT_USERNAME:
		o->username = arg;
		return 0;
	case OPT_PASSWORD:
		return set_password(o, arg, strlen(arg));
	case OPT_PASSWORD_FILE:
		return read_password(o, arg);
	case OPT_ID:
		o->id = arg;
		return 0;
	case OPT_CAFILE:
		o->ca_file = arg;
		o->tls = true;
		return 0;
	case OPT_TLS:
		o->tls = true;
		return 0;
	case OPT_QOS:
		return parse_int("--qos", arg, 0, 2, &o->qos);
	case OPT_PROTOCOL:
		return parse_protocol(arg, &o->protocol);
	case OPT_MAX_IN_FLIGHT:
		return parse_int("--max-in-flight", arg, 1, 65535, &o->max_in_flight);
	case OPT_PATIENCE:
		if (quantity_duration_us(arg, &o->patience_us) < 0) {
			return refuse("--patience", arg, "a duration as in 30s or 5m");
		}
		return 0;
	default:
		return 1;
	}
}

static int parse_option(struct player_options *o, int option, char *arg)
{
	switch (option) {
	case OPT_TOPIC:
		o->topic = arg;
		return 0;
	case OPT_TIME_COLUMN:
		o->time_column = arg;
		o->time_column_given = true;
		return 0;
	case OPT_VALUE:
		return add_value(o, arg);
	case OPT_UNIT:
		o->unit = arg;
		return player_value_is_plain(arg) ? 0 : refuse("--unit", arg, "no quotes or backslashes");
	case OPT_TIMES:
		return parse_times(arg, &o->times);
	case OPT_START:
		o->start_given = true;
		return parse_time("--start", arg, &o->start_us);
	case OPT_END:
		o->end_given = true;
		return parse_time("--end", arg, &o->end_us);
	case OPT_SPEED:
		return parse_speed(arg, &o->speed);
	case OPT_LIMIT: {
		long limit;
		int r = parse_whole("--limit", arg, 1, 1000000000, &limit);

		o->limit = r == 0 ? (unsigned long)limit : 0;
		return r;
	}
	case OPT_PROGRESS:
		o->progress = true;
		return 0;
	case OPT_QUIET:
		o->quiet = true;
		o->progress = false;
		return 0;
	case OPT_STRICT:
		o->strict = true;
		return 0;
	case OPT_HELP:
		fputs(HELP, stdout);
		return 1;
	default:
		return -EINVAL; /* getopt has said why */
	}
}

static int check(struct player_options *o)
{
	if (o->files == 0) {
		return refuse("FILE", "", "name a CSV file, or - (--help explains)");
	}
	if (o->start_given && o->end_given) {
		return refuse("--start", "--end", "one of them");
	}
	if ((o->start_given || o->end_given) && o->times != TIMES_SHIFTED) {
		return refuse("--start, --end", "", "only with --times shifted");
	}
	for (size_t i = 0; i < o->files && o->end_given; i++) {
		if (strcmp(o->file[i], "-") == 0) {
			return refuse("--end", "-", "needs files: the last time is looked up first");
		}
	}
	if (o->password != NULL && o->username == NULL) {
		return refuse("--password", "", "needs --username");
	}
	if (o->values == 0) {
		o->value[o->values++] = (struct player_value){.column = "value", .factor = 1, .divisor = 1};
	}
	if (o->times == TIMES_SHIFTED && !o->end_given && !o->start_given) {
		o->start_us = clock_realtime_us();
	}
	if (o->port == 0) {
		o->port = o->tls ? 8883 : 1883;
	}
	return 0;
}

int player_options_parse(struct player_options *ret, int argc, char **argv)
{
	int option, r = 0;

	*ret = (struct player_options){
		.host = "localhost",
		.qos = 1,
		.protocol = MQTT_PROTOCOL_V311,
		.max_in_flight = 20,
		.patience_us = 60 * 1000000LL,
		.topic = "sensors/{station}/{property}",
		.time_column = "time",
		.progress = isatty(STDERR_FILENO) == 1,
	};
	while (r == 0 && (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		r = parse_broker_option(ret, option, optarg);
		if (r == 1) {
			r = parse_option(ret, option, optarg);
		}
	}
	if (r != 0) {
		return r;
	}
	ret->file = argv + optind;
	ret->files = (size_t)(argc - optind);
	return check(ret);
}

void player_options_done(struct player_options *o)
{
	free(o->password);
	o->password = NULL;
}
