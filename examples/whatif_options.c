#include "whatif_options.h"

#include "clock.h"
#include "quantity.h"
#include "timestamp.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char HELP[] =
	"usage: highwater-whatif [options]\n"
	"\n"
	"Plays a stretch of history out of PostgreSQL through the rules of today, or through others that you\n"
	"try, with the engine of the plugin itself, and lists the alerts that would have been raised. Nothing\n"
	"is written, nothing is published.\n"
	"\n"
	"what is played\n"
	"  --database CONNINFO   libpq connection string or URI (default: PGHOST, PGDATABASE ...); reading is\n"
	"                        enough: role highwater_analyst\n"
	"  --from TIME, --to TIME   the stretch, the end not included (default: all there is). TIME is\n"
	"                        2025-11-21 (midnight here), 2025-11-21T17:00:00+07:00, now, or 90d ago, as 90d\n"
	"  --station CODE        list its alerts only; repeatable (default: all)\n"
	"  --property NAME       the same for properties\n"
	"  --late-after D        readings that came later never alarm, as in the plugin's time.late_after\n"
	"                        (default 30m); 0: none is late, for recordings that were loaded afterwards\n"
	"  --warm-up D           what is played before --from, so that sums, delays and open incidents stand as\n"
	"                        they would (default 7d); its alerts are not listed\n"
	"which rules\n"
	"  --as-of TIME          those that were, or will be, in force then (default: those of now)\n"
	"  --set PATH KEY=VALUE...   other values for a level; repeatable, applied in turn\n"
	"  --levels FILE         the same, a line each: PATH KEY=VALUE...; # begins a comment\n"
	"      PATH   STATION/PROPERTY/LEVEL, or STATION/PROPERTY/CAUSE[/PERIOD]/LEVEL as in\n"
	"             tan-son-hoa/rainfall/rain/1h/2; STATION and LEVEL may be \"*\": all of them\n"
	"      KEY    set clear on-delay on-samples off-delay latching (yes, no) repeat-after direction\n"
	"             (rising, falling) name. When set moves and clear is not given, clear moves along\n"
	"      words  drop: without this level. new: a level that is not there, with set= and clear=\n"
	"what is shown\n"
	"  --summary             the summary without the alerts\n"
	"  --csv                 the alerts as CSV without the summary; times in UTC\n"
	"\n"
	"how it differs from live\n"
	"  Time is that of the readings: each counts as arrived at its phenomenon_time, silence too is counted\n"
	"  so, and delays end between readings when a broker's clock would have ended them. Readings are taken\n"
	"  in order of that time, so none is out of order. Quality is as stored, but a verdict that only the\n"
	"  next reading brought (spike) is left aside, as the broker could not know it. Orders of operators\n"
	"  (acknowledge, shelve, suppress) are not replayed: a latching alarm stays. A datastream is never\n"
	"  stale before its first reading. Station, property, interval and quality rules are those of now.\n"
	"\n"
	"examples\n"
	"  highwater-whatif --database dbname=highwater --from 2025-09-01 --to 2025-12-01\n"
	"  # the first level 5 cm higher, and only after 10 minutes above it\n"
	"  highwater-whatif --from 90d --station phu-an --set phu-an/water_level/1 set=1.45 on-delay=10m\n"
	"  # every street: 5 cm of water, cleared below 3\n"
	"  highwater-whatif --from 90d --property water_depth --set '*/water_depth/1' set=0.05 clear=0.03\n";

enum {
	OPT_DATABASE = 256,
	OPT_FROM,
	OPT_TO,
	OPT_STATION,
	OPT_PROPERTY,
	OPT_LATE_AFTER,
	OPT_WARM_UP,
	OPT_AS_OF,
	OPT_SET,
	OPT_LEVELS,
	OPT_SUMMARY,
	OPT_CSV,
	OPT_HELP,
};

static const struct option OPTIONS[] = {
	{"database", required_argument, NULL, OPT_DATABASE},
	{"from", required_argument, NULL, OPT_FROM},
	{"to", required_argument, NULL, OPT_TO},
	{"station", required_argument, NULL, OPT_STATION},
	{"property", required_argument, NULL, OPT_PROPERTY},
	{"late-after", required_argument, NULL, OPT_LATE_AFTER},
	{"warm-up", required_argument, NULL, OPT_WARM_UP},
	{"as-of", required_argument, NULL, OPT_AS_OF},
	{"set", required_argument, NULL, OPT_SET},
	{"levels", required_argument, NULL, OPT_LEVELS},
	{"summary", no_argument, NULL, OPT_SUMMARY},
	{"csv", no_argument, NULL, OPT_CSV},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static int refuse(const char *option, const char *value, const char *allowed)
{
	fprintf(stderr, "highwater-whatif: %s \"%s\": %s\n", option, value, allowed);
	return -EINVAL;
}

/* A day as 2025-11-21: its midnight in the time zone of the environment. */
static bool parse_day(const char *text, int64_t *ret_us)
{
	struct tm day = {.tm_isdst = -1};
	const char *end = strlen(text) == strlen("2025-11-21") ? strptime(text, "%Y-%m-%d", &day) : NULL;
	time_t seconds;

	if (end == NULL || *end != '\0') {
		return false;
	}
	seconds = mktime(&day);
	*ret_us = (int64_t)seconds * 1000000;
	return seconds != (time_t)-1;
}

static int parse_time(const char *option, const char *text, int64_t *ret_us)
{
	int64_t ago_us;

	if (timestamp_parse(text, strlen(text), ret_us) == 0 || parse_day(text, ret_us)) {
		return 0;
	}
	if (strcmp(text, "now") == 0) {
		*ret_us = clock_realtime_us();
		return 0;
	}
	if (quantity_duration_us(text, &ago_us) == 0 && ago_us > 0 && ago_us < clock_realtime_us()) {
		*ret_us = clock_realtime_us() - ago_us;
		return 0;
	}
	return refuse(
		option, text,
		"a day as 2025-11-21, a time with its zone as 2025-11-21T17:00:00+07:00, \"now\", or how "
		"long ago, as 90d");
}

static int parse_duration(const char *option, const char *text, int64_t *ret_us)
{
	return quantity_duration_us(text, ret_us) == 0 ? 0
	                                               : refuse(option, text, "a duration as in 30m or 7d");
}

static int choose(struct whatif_choice *choice, const char *text)
{
	const char **grown = realloc(choice->text, (choice->count + 1) * sizeof(*grown));

	if (grown == NULL) {
		return -ENOMEM;
	}
	grown[choice->count++] = text;
	choice->text = grown;
	return 0;
}

bool whatif_is_chosen(const struct whatif_choice *choice, const char *text)
{
	bool found = choice->count == 0;

	for (size_t i = 0; i < choice->count && !found; i++) {
		found = strcmp(choice->text[i], text) == 0;
	}
	return found;
}

/* --- changes --- */

static int add_change(struct whatif_options *o, const struct whatif_change *change)
{
	struct whatif_change *grown = realloc(o->changes, (o->change_count + 1) * sizeof(*grown));

	if (grown == NULL) {
		return -ENOMEM;
	}
	grown[o->change_count++] = *change;
	o->changes = grown;
	return 0;
}

/* All that follows --set, or all in one argument with blanks, as a line of --levels. */
static int begin_change(struct whatif_options *o, char *text)
{
	char why[WHATIF_WHY_SIZE];
	char *whole = strdup(text);
	struct whatif_change change;
	int r;

	if (whole == NULL) {
		return -ENOMEM;
	}
	r = whatif_change_line(&change, text, why);
	r = r == 0 ? add_change(o, &change) : refuse("--set", whole, why);
	free(whole);
	return r;
}

static int go_on_with_change(struct whatif_options *o, bool in_change, const char *word)
{
	char why[WHATIF_WHY_SIZE];
	int r;

	if (!in_change) {
		return refuse("argument", word,
		              "not an option; KEY=VALUE comes after --set PATH (--help explains)");
	}
	r = whatif_change_word(&o->changes[o->change_count - 1], word, why);
	return r == 0 ? 0 : refuse("--set", word, why);
}

static int end_changes(const struct whatif_options *o)
{
	char why[WHATIF_WHY_SIZE];

	for (size_t i = 0; i < o->change_count; i++) {
		if (whatif_change_check(&o->changes[i], why) != 0) {
			return refuse("--set", o->changes[i].path, why);
		}
	}
	return 0;
}

static int read_line(struct whatif_options *o, const char *path, unsigned long number, char *line)
{
	char why[WHATIF_WHY_SIZE];
	struct whatif_change change;
	int r;

	line[strcspn(line, "#")] = '\0';
	if (line[strspn(line, " \t\r\n")] == '\0') {
		return 0;
	}
	r = whatif_change_line(&change, line, why);
	if (r == 0) {
		r = whatif_change_check(&change, why);
	}
	if (r != 0) {
		fprintf(stderr, "highwater-whatif: %s:%lu: %s\n", path, number, why);
		return r;
	}
	return add_change(o, &change);
}

static int read_levels(struct whatif_options *o, const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long number = 0;
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	if (file == NULL) {
		return refuse("--levels", path, strerror(errno));
	}
	while (r == 0 && getline(&line, &size, file) >= 0) {
		r = read_line(o, path, ++number, line);
	}
	if (r == 0 && ferror(file)) {
		r = refuse("--levels", path, "cannot be read to its end");
	}
	free(line);
	fclose(file);
	return r;
}

/* --- all of it --- */

static int parse_stretch(struct whatif_options *o, int option, const char *arg)
{
	switch (option) {
	case OPT_FROM:
		return parse_time("--from", arg, &o->from_us);
	case OPT_TO:
		return parse_time("--to", arg, &o->to_us);
	case OPT_AS_OF:
		return parse_time("--as-of", arg, &o->as_of_us);
	case OPT_LATE_AFTER:
		return parse_duration("--late-after", arg, &o->late_after_us);
	case OPT_WARM_UP:
		return parse_duration("--warm-up", arg, &o->warm_up_us);
	default:
		return -EINVAL; /* getopt has said why */
	}
}

static int parse_option(struct whatif_options *o, int option, char *arg)
{
	switch (option) {
	case OPT_DATABASE:
		o->database = arg;
		return 0;
	case OPT_STATION:
		return choose(&o->stations, arg);
	case OPT_PROPERTY:
		return choose(&o->properties, arg);
	case OPT_SET:
		return begin_change(o, arg);
	case OPT_LEVELS:
		return read_levels(o, arg);
	case OPT_SUMMARY:
		o->summary_only = true;
		return 0;
	case OPT_CSV:
		o->csv = true;
		return 0;
	case OPT_HELP:
		fputs(HELP, stdout);
		return 1;
	default:
		return parse_stretch(o, option, arg);
	}
}

static int check(const struct whatif_options *o)
{
	char from[TIMESTAMP_TEXT_SIZE], text[80];

	if (o->from_us >= o->to_us) {
		(void)snprintf(text, sizeof(text), "is not after --from, %s",
		               timestamp_format(o->from_us, from));
		return refuse("--to", timestamp_format(o->to_us, from), text);
	}
	if (o->csv && o->summary_only) {
		return refuse("--csv", "--summary", "one of them: the summary is no CSV");
	}
	return end_changes(o);
}

int whatif_options_parse(struct whatif_options *ret, int argc, char **argv)
{
	bool in_change = false;
	int option, r = 0;

	*ret = (struct whatif_options){
		.database = "",
		.from_us = INT64_MIN,
		.to_us = INT64_MAX,
		.as_of_us = INT64_MIN,
		.late_after_us = INT64_C(30) * 60 * 1000000,
		.warm_up_us = INT64_C(7) * 24 * 3600 * 1000000,
	};
	optind = 0; /* anew, whoever has asked before */
	/* "-": what is no option comes in its place, as 1. */
	while (r == 0 && (option = getopt_long(argc, argv, "-", OPTIONS, NULL)) != -1) {
		if (option == 1) {
			r = go_on_with_change(ret, in_change, optarg);
			continue;
		}
		in_change = option == OPT_SET;
		r = parse_option(ret, option, optarg);
	}
	return r == 0 ? check(ret) : r;
}

void whatif_options_done(struct whatif_options *o)
{
	free(o->stations.text);
	free(o->properties.text);
	free(o->changes);
	*o = (struct whatif_options){0};
}
