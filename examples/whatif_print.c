#include "whatif_print.h"

#include "timestamp.h"
#include "transition.h"
#include "whatif_text.h"

#include <stdio.h>

#define WIDTH_TIME   25
#define WIDTH_VALUE  13
#define WIDTH_NUMBER 9

/* Incidents of which the comparison tells one by one, of each kind. */
#define NAMED_MAX 20

#define MINUTE_US (INT64_C(60) * 1000000)

static void widen(int *width, const char *text)
{
	*width = MAX(*width, whatif_text_width(text));
}

struct whatif_print whatif_print_begin(const struct whatif_rules *rules, const struct whatif_options *options)
{
	struct whatif_print p = {
		.rules = rules,
		.station = (int)strlen("station"),
		.property = (int)strlen("property"),
		.alarm = (int)strlen("alarm"),
		.level = (int)strlen("✓ 0 normal"),
		.csv = options->csv,
		.quiet = options->summary_only,
	};
	char text[WHATIF_TEXT_SIZE];

	for (size_t i = 0; i < rules->alarm_count; i++) {
		const struct whatif_alarm *a = &rules->alarms[i];

		if (!a->stream->listed) {
			continue;
		}
		widen(&p.station, a->stream->registered->key.station);
		widen(&p.property, a->stream->registered->key.property);
		widen(&p.alarm, whatif_text_alarm((enum cause)a->config.cause, a->config.period_us, text));
		for (size_t k = 0; k < a->config.count; k++) {
			p.level = MAX(
				p.level,
				whatif_text_width(whatif_text_level(a, a->config.levels[k].level, text)) + 2);
		}
	}
	return p;
}

void whatif_print_head(const struct whatif_print *p)
{
	if (p->csv) {
		puts("time,station,property,cause,period_s,event,level,level_name,previous_level,direction,"
		     "severity,value,unit,threshold,onset,delay_s,quality,started,peak,peak_time,"
		     "expected_level,expected_time");
	} else if (!p->quiet) {
		whatif_text_put("time", WIDTH_TIME);
		whatif_text_put("station", p->station);
		whatif_text_put("property", p->property);
		whatif_text_put("alarm", p->alarm);
		whatif_text_put("level", p->level);
		whatif_text_put("value", WIDTH_VALUE);
		whatif_text_put("threshold", WIDTH_NUMBER);
		whatif_text_put("onset", (int)strlen("17:40:00"));
		whatif_text_put("delay", (int)strlen("59m59s"));
		puts("");
	}
}

/* --- one alert --- */

/* What is expected to follow. */
struct outlook {
	int64_t at_us; /* 0: nothing is known */
	int32_t level; /* LEVEL_NORMAL: of the water, not of a level */
	const char *name;
};

static struct outlook outlook_of(const struct whatif_print *p, const struct whatif_alarm *a)
{
	struct alarm_projection projection;

	if (a->state.levels.level == LEVEL_NORMAL) {
		return (struct outlook){.name = ""};
	}
	if (!alarm_watches_readings((enum cause)a->config.cause)) {
		return (struct outlook){.at_us = whatif_play_arrival(p->rules, a), .name = ""};
	}
	if ((a->config.cause == CAUSE_THRESHOLD || a->config.cause == CAUSE_PROJECTION) &&
	    alarm_project(&a->config, &a->state, &projection)) {
		return (struct outlook){projection.at_us, projection.target->level, projection.target->name};
	}
	return (struct outlook){.name = ""};
}

static const char *sign_of(const struct whatif_alarm *a)
{
	const struct levels_state *s = &a->state.levels;

	if (s->level == LEVEL_NORMAL) {
		return "✓";
	}
	if (s->level == s->previous_level) {
		return "↻";
	}
	if (s->previous_level == LEVEL_NORMAL ||
	    levels_is_at_least(a->config.levels, a->config.count, s->level, s->previous_level)) {
		return "▲";
	}
	return "▼";
}

/* Whether there is something to say of how long it took. */
static bool has_onset(const struct levels_state *s)
{
	return s->level != LEVEL_NORMAL && s->sequence == 1 && s->onset_us != 0;
}

static void put_onset(const struct levels_state *s)
{
	char text[WHATIF_TEXT_SIZE];

	whatif_text_put(has_onset(s) ? whatif_text_clock(s->onset_us, text) : "", (int)strlen("17:40:00"));
	whatif_text_put(has_onset(s) ? whatif_text_duration(s->changed_us - s->onset_us, text) : "",
	                (int)strlen("59m59s"));
}

/* A forecast is not good to the second. */
static int64_t whole_minutes(int64_t us)
{
	return MAX((us + MINUTE_US / 2) / MINUTE_US, 1) * MINUTE_US;
}

static void put_note(const struct whatif_print *p, const struct whatif_alarm *a)
{
	const struct levels_state *s = &a->state.levels;
	char text[WHATIF_TEXT_SIZE], peak[WHATIF_TEXT_SIZE];
	struct outlook o = outlook_of(p, a);

	if (s->level == LEVEL_NORMAL) {
		printf("after %s, %s %s", whatif_text_duration(s->changed_us - s->started_us, text),
		       s->direction == DIRECTION_RISING ? "peak" : "lowest",
		       whatif_text_value(s->peak, peak));
	} else if (o.at_us > s->changed_us) {
		printf("%s in about %s", o.level != LEVEL_NORMAL ? o.name : "here",
		       whatif_text_duration(whole_minutes(o.at_us - s->changed_us), text));
	}
}

/* Counts have none. */
static const char *unit_of(const struct whatif_alarm *a, char unit[static UNIT_MAX + 1])
{
	(void)transition_unit((enum cause)a->config.cause, a->stream->registered->unit, unit);
	return strcmp(unit, "1") != 0 ? unit : "";
}

static void print_line(const struct whatif_print *p, const struct whatif_alarm *a)
{
	const struct registry_datastream *d = a->stream->registered;
	const struct levels_state *s = &a->state.levels;
	char text[WHATIF_TEXT_SIZE], line[2 * WHATIF_TEXT_SIZE], unit[UNIT_MAX + 1];

	whatif_text_put(whatif_text_time(s->changed_us, text), WIDTH_TIME);
	whatif_text_put(d->key.station, p->station);
	whatif_text_put(d->key.property, p->property);
	whatif_text_put(whatif_text_alarm((enum cause)a->config.cause, a->config.period_us, text), p->alarm);
	(void)snprintf(line, sizeof(line), "%s %s", sign_of(a), whatif_text_level(a, s->level, text));
	whatif_text_put(line, p->level);
	(void)snprintf(line, sizeof(line), "%s %s", whatif_text_value(s->value, text), unit_of(a, unit));
	whatif_text_put(line, WIDTH_VALUE);
	whatif_text_put(whatif_text_value(s->threshold, text), WIDTH_NUMBER);
	put_onset(s);
	put_note(p, a);
	puts("");
}

/* --- CSV --- */

static void csv_text(const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL) {
		printf("%s,", text);
		return;
	}
	putchar('"');
	for (; *text != '\0'; text++) {
		printf(*text == '"' ? "\"\"" : "%c", *text);
	}
	printf("\",");
}

/* Empty where there is none. */
static void csv_number(double value)
{
	if (value - value == 0 && value < ALARM_NEVER_MINUTES) {
		printf("%.10g", value);
	}
	putchar(',');
}

static void csv_time(int64_t us, const char *after)
{
	char text[TIMESTAMP_TEXT_SIZE];

	printf("%s%s", us != 0 ? timestamp_format(us, text) : "", after);
}

static void csv_what(const struct whatif_alarm *a)
{
	const struct levels_state *s = &a->state.levels;

	printf("%s,%lld,%s,%d,", threshold_cause_name((enum cause)a->config.cause),
	       (long long)(a->config.period_us / 1000000),
	       transition_event_name(transition_event_of(s->previous_level, s->level, s->sequence)),
	       (int)s->level);
	csv_text(whatif_text_name(a, s->level));
	printf("%d,%s,%s,", (int)s->previous_level, threshold_direction_name((enum direction)s->direction),
	       threshold_severity_name((enum severity)s->severity));
}

static void print_csv(const struct whatif_print *p, const struct whatif_alarm *a)
{
	const struct registry_datastream *d = a->stream->registered;
	const struct levels_state *s = &a->state.levels;
	struct outlook o = outlook_of(p, a);
	char unit[UNIT_MAX + 1];

	csv_time(s->changed_us, ",");
	csv_text(d->key.station);
	csv_text(d->key.property);
	csv_what(a);
	csv_number(s->value);
	csv_text(transition_unit((enum cause)a->config.cause, d->unit, unit));
	csv_number(s->threshold);
	csv_time(has_onset(s) ? s->onset_us : 0, ",");
	csv_number(has_onset(s) ? (double)(s->changed_us - s->onset_us) / 1e6 : ALARM_NEVER_MINUTES);
	printf("%d,", (int)s->transition_quality);
	csv_time(s->started_us, ",");
	csv_number(s->peak);
	csv_time(s->peak_us, ",");
	csv_text(o.name);
	csv_time(o.at_us, "\n");
}

void whatif_print_alert(const struct whatif_print *p, const struct whatif_alarm *alarm)
{
	if (p->csv) {
		print_csv(p, alarm);
	} else if (!p->quiet) {
		print_line(p, alarm);
	}
}

/* --- the summary --- */

static void print_level(const struct whatif_print *p, const struct whatif_tally *t, size_t alarm,
                        size_t level)
{
	const struct whatif_alarm *a = &p->rules->alarms[alarm];
	const struct whatif_level *l = &t->levels[t->courses[alarm].level_first + level];
	double days = (double)(t->to_us - t->from_us) / 86400e6;
	char text[WHATIF_TEXT_SIZE];

	whatif_text_put(a->stream->registered->key.station, p->station);
	whatif_text_put(a->stream->registered->key.property, p->property);
	whatif_text_put(whatif_text_alarm((enum cause)a->config.cause, a->config.period_us, text), p->alarm);
	whatif_text_put(whatif_text_level(a, l->threshold->level, text), p->level);
	whatif_text_put(whatif_text_value(l->threshold->set_value, text), WIDTH_NUMBER);
	(void)snprintf(text, sizeof(text), "%zu", l->raised);
	whatif_text_put(text, (int)strlen("raised"));
	(void)snprintf(text, sizeof(text), "%.2f", days > 0 ? (double)l->raised / days : 0.0);
	whatif_text_put(text, (int)strlen("a day"));
	whatif_text_put(l->time_us > 0 ? whatif_text_duration(l->time_us, text) : "-",
	                (int)strlen("at level"));
	puts(l->time_us > 0 ? whatif_text_duration(l->longest_us, text) : "-");
}

static void print_levels(const struct whatif_print *p, const struct whatif_tally *t)
{
	puts("");
	whatif_text_put("station", p->station);
	whatif_text_put("property", p->property);
	whatif_text_put("alarm", p->alarm);
	whatif_text_put("level", p->level);
	whatif_text_put("set", WIDTH_NUMBER);
	puts("raised  a day  at level  longest");
	for (size_t i = 0; i < p->rules->alarm_count; i++) {
		for (size_t k = 0; p->rules->alarms[i].stream->listed && k < p->rules->alarms[i].config.count;
		     k++) {
			print_level(p, t, i, k);
		}
	}
}

void whatif_print_summary(const struct whatif_print *p, const struct whatif_tally *t)
{
	double days = (double)(t->to_us - t->from_us) / 86400e6;
	char from[WHATIF_TEXT_SIZE], to[WHATIF_TEXT_SIZE];

	if (p->csv) {
		return;
	}
	printf("%s%s to %s: %.1f days, datastreams %zu, readings %zu\n", p->quiet ? "" : "\n",
	       whatif_text_time(t->from_us, from), whatif_text_time(t->to_us, to), days,
	       p->rules->played_count, t->readings);
	if (t->late > 0) {
		printf("readings that came late and never alarm, as live: %zu (--late-after 0 lets them)\n",
		       t->late);
	}
	printf("incidents %zu, transitions %zu, alarms a day %.2f, open from before %zu\n", t->raised,
	       t->transitions, days > 0 ? (double)t->raised / days : 0.0, t->before);
	printf("chattering alarms (3 transitions within a minute) %zu, incidents within 1 h of the one before %zu\n",
	       t->chattering, t->returned);
	print_levels(p, t);
}

/* --- then and now --- */

static void print_incident(const struct whatif_print *p, const struct registry_datastream *d,
                           enum cause cause, int64_t period_us, int64_t started_us, int64_t ended_us)
{
	char text[WHATIF_TEXT_SIZE];

	printf("  ");
	whatif_text_put(whatif_text_time(started_us, text), WIDTH_TIME);
	whatif_text_put(d->key.station, p->station);
	whatif_text_put(d->key.property, p->property);
	whatif_text_put(whatif_text_alarm(cause, period_us, text), p->alarm);
	puts(ended_us == INT64_MAX ? "open" : whatif_text_duration(ended_us - started_us, text));
}

static void print_new(const struct whatif_print *p, const struct whatif_tally *t)
{
	size_t count = 0;

	for (size_t i = 0; i < t->incident_count; i++) {
		const struct whatif_incident *n = &t->incidents[i];

		if (!n->again && !n->before && count++ < NAMED_MAX) {
			print_incident(p, n->alarm->stream->registered, (enum cause)n->alarm->config.cause,
			               n->alarm->config.period_us, n->started_us, n->ended_us);
		}
	}
	if (count > NAMED_MAX) {
		printf("  and %zu more\n", count - NAMED_MAX);
	}
}

static void print_gone(const struct whatif_print *p, const struct whatif_alerts *alerts, size_t count)
{
	for (size_t i = 0; i < count && i < NAMED_MAX; i++) {
		const struct whatif_alert *a = &alerts->alert[i];
		const struct whatif_stream *s = whatif_rules_stream(p->rules, a->datastream_id);

		if (s != NULL) {
			print_incident(p, s->registered, (enum cause)a->cause, a->period_us, a->started_us,
			               a->ended_us);
		}
	}
	if (count > NAMED_MAX) {
		printf("  and %zu more\n", count - NAMED_MAX);
	}
}

static void print_shift(const char *where, size_t count, int64_t most_us)
{
	char text[WHATIF_TEXT_SIZE];

	if (count > 0) {
		printf(", %zu %s by up to %s", count, where, whatif_text_duration(most_us, text));
	}
}

void whatif_print_comparison(const struct whatif_print *p, const struct whatif_tally *t,
                             const struct whatif_alerts *alerts, size_t gone_count)
{
	if (p->csv) {
		return;
	}
	puts("\nCompared with what was raised then (highwater.alert)");
	printf("%zu of %zu incidents were raised then too", t->as_then, t->raised);
	print_shift("later", t->later, t->later_us);
	print_shift("earlier", t->earlier, t->earlier_us);
	printf("; only by these rules: %zu\n", t->raised - t->as_then);
	print_new(p, t);
	printf("%zu of %zu incidents of then are raised again; only then: %zu\n", t->then_again, t->then,
	       gone_count);
	print_gone(p, alerts, gone_count);
}
