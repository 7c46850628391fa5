/*
 * highwater-tide - writes the predicted tide, and a synthetic storm, as CSV.
 */
#include "harmonics.h"
#include "quantity.h"
#include "storm.h"
#include "timestamp.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define STATIONS_MAX 16
#define US_PER_MIN   60000000LL

static const char HELP[] =
	"usage: highwater-tide --start TIME [options]\n"
	"\n"
	"Writes CSV (time,station,property,value): water_level in metres, predicted from the ten largest\n"
	"harmonic constituents of Vũng Tàu (TICON-4), in metres above the gauge's zero.\n"
	"\n"
	"  --start TIME        first time, RFC 3339 with zone\n"
	"  --duration D        how long (default 72h); durations: 10m 4h 3d\n"
	"  --interval D        between tide readings (default 10m)\n"
	"  --station SPEC      CODE[,lag=D][,scale=X][,offset=M], repeatable (default vung-tau):\n"
	"                      level = offset + scale x tide at Vũng Tàu, lag earlier\n"
	"  --storm SPEC        CODE[,start=D][,peak=M]: an invented cloudburst on a street, start after the\n"
	"                      first time (default 24h), peak of water_depth in metres (default 0.35), with\n"
	"                      rainfall in mm; one reading of both a minute from start to end\n"
	"  --help\n"
	"\n"
	"A prediction from ten constituents without weather: for demonstrations, not for forecasts.\n"
	"\n"
	"example:\n"
	"  highwater-tide --start 2025-11-21T00:00:00+07:00 --duration 3d \\\n"
	"      --station vung-tau --station phu-an,lag=4h,scale=0.9,offset=-1.961 \\\n"
	"      --storm street-nguyen-huu-canh,start=42h,peak=0.35 > tide.csv\n";

struct output_station {
	const char *code;
	int64_t lag_us;
	double scale, offset_m;
};

struct storm {
	const char *code; /* NULL: fair weather */
	int64_t start_us;
	double peak_m;
};

struct scenario {
	bool started;
	int64_t start_us, duration_us, interval_us;
	struct output_station station[STATIONS_MAX];
	size_t stations;
	struct storm storm;
};

static int refuse(const char *what, const char *value, const char *remedy)
{
	fprintf(stderr, "highwater-tide: %s \"%s\": %s (--help explains)\n", what, value, remedy);
	return -EINVAL;
}

static int parse_number(const char *text, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(value)) {
		return -EINVAL;
	}
	*ret = value;
	return 0;
}

/* A code goes into the CSV as it is. */
static bool good_code(const char *code)
{
	return code[0] != '\0' && code[strcspn(code, ",\"\r\n/+#")] == '\0';
}

static int parse_station(struct scenario *s, char *text)
{
	struct output_station *o = &s->station[s->stations];
	char *save = NULL, *part = strtok_r(text, ",", &save);
	int r = 0;

	if (s->stations == STATIONS_MAX) {
		return refuse("--station", text, "no more than 16 stations");
	}
	if (part == NULL || !good_code(part)) {
		return refuse("--station", text, "begin with the station's code");
	}
	*o = (struct output_station){.code = part, .scale = 1};
	while (r == 0 && (part = strtok_r(NULL, ",", &save)) != NULL) {
		if (strncmp(part, "lag=", 4) == 0) {
			r = quantity_duration_us(part + 4, &o->lag_us);
		} else if (strncmp(part, "scale=", 6) == 0) {
			r = parse_number(part + 6, &o->scale);
		} else if (strncmp(part, "offset=", 7) == 0) {
			r = parse_number(part + 7, &o->offset_m);
		} else {
			r = -EINVAL;
		}
		if (r < 0) {
			return refuse("--station", part, "CODE[,lag=4h][,scale=0.9][,offset=-1.9]");
		}
	}
	s->stations++;
	return 0;
}

static int parse_storm(struct scenario *s, char *text)
{
	struct storm storm = {.start_us = 24 * 60 * US_PER_MIN, .peak_m = 0.35};
	char *save = NULL, *part = strtok_r(text, ",", &save);
	int r = 0;

	if (part == NULL || !good_code(part)) {
		return refuse("--storm", text, "begin with the station's code");
	}
	storm.code = part;
	while ((part = strtok_r(NULL, ",", &save)) != NULL) {
		if (strncmp(part, "start=", 6) == 0) {
			r = quantity_duration_us(part + 6, &storm.start_us);
		} else if (strncmp(part, "peak=", 5) == 0) {
			r = parse_number(part + 5, &storm.peak_m);
		} else {
			r = -EINVAL;
		}
		if (r < 0) {
			return refuse("--storm", part, "CODE[,start=42h][,peak=0.35]");
		}
	}
	s->storm = storm;
	return 0;
}

static int parse_duration(const char *what, const char *text, int64_t *ret_us)
{
	int r = quantity_duration_us(text, ret_us);

	if (r < 0 || *ret_us < US_PER_MIN || *ret_us % US_PER_MIN != 0) {
		return refuse(what, text, "whole minutes, as in 10m, 4h or 3d");
	}
	return 0;
}

static int parse_start(struct scenario *s, const char *text)
{
	if (timestamp_parse(text, strlen(text), &s->start_us) < 0) {
		return refuse("--start", text, "RFC 3339 with zone, as in 2025-11-21T00:00:00+07:00");
	}
	s->started = true;
	return 0;
}

static int parse_option(struct scenario *s, int option)
{
	switch (option) {
	case 's':
		return parse_start(s, optarg);
	case 'd':
		return parse_duration("--duration", optarg, &s->duration_us);
	case 'i':
		return parse_duration("--interval", optarg, &s->interval_us);
	case 'n':
		return parse_station(s, optarg);
	case 'r':
		return parse_storm(s, optarg);
	case 'h':
		fputs(HELP, stdout);
		exit(EXIT_SUCCESS);
	default:
		return -EINVAL;
	}
}

static int parse_options(struct scenario *s, int argc, char **argv)
{
	static const struct option options[] = {
		{"start", required_argument, NULL, 's'},
		{"duration", required_argument, NULL, 'd'},
		{"interval", required_argument, NULL, 'i'},
		{"station", required_argument, NULL, 'n'},
		{"storm", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option, r = 0;

	while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = parse_option(s, option);
	}
	if (r == 0 && optind < argc) {
		r = refuse("argument", argv[optind], "options only");
	}
	if (r == 0 && !s->started) {
		r = refuse("--start", "", "is needed");
	}
	if (r == 0 && s->stations == 0) {
		s->station[s->stations++] = (struct output_station){.code = "vung-tau", .scale = 1};
	}
	return r;
}

static void write_levels(const struct scenario *s, int64_t now_us)
{
	char time[TIMESTAMP_TEXT_SIZE];

	timestamp_format(now_us, time);
	for (size_t i = 0; i < s->stations; i++) {
		const struct output_station *o = &s->station[i];
		double tide_m = harmonics_level_m(&harmonics_vung_tau, now_us - o->lag_us);

		printf("%s,%s,water_level,%.3f\n", time, o->code, o->offset_m + o->scale * tide_m);
	}
}

static void write_storm(const struct scenario *s, int64_t now_us)
{
	double minutes = (double)(now_us - s->start_us - s->storm.start_us) / (double)US_PER_MIN;
	char time[TIMESTAMP_TEXT_SIZE];

	timestamp_format(now_us, time);
	printf("%s,%s,water_depth,%.3f\n", time, s->storm.code, storm_depth_m(minutes, s->storm.peak_m));
	printf("%s,%s,rainfall,%.1f\n", time, s->storm.code, storm_rain_mm(minutes));
}

int main(int argc, char **argv)
{
	struct scenario s = {.duration_us = 3 * 24 * 60 * US_PER_MIN, .interval_us = 10 * US_PER_MIN};

	if (parse_options(&s, argc, argv) < 0) {
		return EXIT_FAILURE;
	}
	puts("time,station,property,value");
	for (int64_t passed_us = 0; passed_us < s.duration_us; passed_us += US_PER_MIN) {
		if (passed_us % s.interval_us == 0) {
			write_levels(&s, s.start_us + passed_us);
		}
		if (s.storm.code != NULL) {
			write_storm(&s, s.start_us + passed_us);
		}
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("highwater-tide: standard output");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
