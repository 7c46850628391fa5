/*
 * highwater-whatif - plays history through the rules, and lists the alerts that
 * would have been raised.
 */
#include "whatif_history.h"
#include "whatif_print.h"
#include "whatif_tally.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static int idle(void *context)
{
	(void)context;
	return stopped == 0 ? PG_IDLE_MS : -1;
}

struct whatif {
	struct whatif_options options;
	struct whatif_history history;
	struct registry *registry;
	struct whatif_rules rules;
	struct whatif_play play;
	struct whatif_print print;
	struct whatif_tally tally;
	int64_t last_us; /* time of the last reading */
};

static int say(const char *text)
{
	fprintf(stderr, "highwater-whatif: %s\n", text);
	return -EINVAL;
}

static void take_transition(void *context, const struct whatif_alarm *alarm)
{
	struct whatif *w = context;

	if (!alarm->stream->listed || alarm->state.levels.changed_us >= w->options.to_us) {
		return;
	}
	whatif_tally_take(&w->tally, alarm);
	if (alarm->state.levels.changed_us >= w->tally.from_us) {
		whatif_print_alert(&w->print, alarm);
	}
}

/* --- rules --- */

static bool is_known(const struct registry *r, const char *station, const char *property)
{
	for (size_t i = 0; i < r->count.datastreams; i++) {
		const struct datastream_key *key = &r->datastreams[i].key;

		if ((station == NULL || strcmp(key->station, station) == 0) &&
		    (property == NULL || strcmp(key->property, property) == 0)) {
			return true;
		}
	}
	return false;
}

static int check_choice(const struct whatif *w)
{
	const struct whatif_choice *stations = &w->options.stations, *properties = &w->options.properties;

	for (size_t i = 0; i < stations->count; i++) {
		if (!is_known(w->registry, stations->text[i], NULL)) {
			fprintf(stderr,
			        "highwater-whatif: --station \"%s\": no such station has a datastream\n",
			        stations->text[i]);
			return -EINVAL;
		}
	}
	for (size_t i = 0; i < properties->count; i++) {
		if (!is_known(w->registry, NULL, properties->text[i])) {
			fprintf(stderr,
			        "highwater-whatif: --property \"%s\": no datastream has this property\n",
			        properties->text[i]);
			return -EINVAL;
		}
	}
	return w->rules.listed_count > 0 ? 0 : say("no level is set for what was chosen: nothing can alarm");
}

static int prepare(struct whatif *w)
{
	char why[WHATIF_WHY_SIZE];
	int r = whatif_history_open(&w->history, w->options.database, idle);

	if (r == 0) {
		r = whatif_history_rules(&w->history, w->options.as_of_us, &w->registry);
	}
	if (r != 0) {
		return r;
	}
	r = whatif_rules_build(&w->rules, w->registry, &w->options, why);
	if (r != 0) {
		return say(why);
	}
	r = check_choice(w);
	if (r != 0) {
		return r;
	}
	if (whatif_tally_init(&w->tally, &w->rules) != 0 ||
	    whatif_play_init(&w->play, &w->rules, take_transition, w) != 0) {
		return say("out of memory");
	}
	w->print = whatif_print_begin(&w->rules, &w->options);
	w->tally.from_us = w->options.from_us;
	return 0;
}

/* --- the play --- */

static bool is_late(const struct whatif_options *o, const struct whatif_reading *reading)
{
	return o->late_after_us != 0 && reading->received_us - reading->phenomenon_us > o->late_after_us;
}

static void take_reading(struct whatif *w, const struct whatif_reading *reading)
{
	bool late = is_late(&w->options, reading);

	if (w->tally.from_us == INT64_MIN) {
		w->tally.from_us = reading->phenomenon_us;
	}
	if (reading->phenomenon_us >= w->tally.from_us) {
		w->tally.readings++;
		w->tally.late += late;
	}
	w->last_us = reading->phenomenon_us;
	if (late) {
		whatif_play_until(&w->play, reading->phenomenon_us);
	} else {
		whatif_play_reading(&w->play, reading);
	}
}

static int play(struct whatif *w)
{
	const struct whatif_options *o = &w->options;
	int64_t begin_us = o->from_us == INT64_MIN ? INT64_MIN : o->from_us - o->warm_up_us;
	struct whatif_reading reading;
	int r = whatif_history_begin(&w->history, &w->rules, begin_us, o->to_us);

	if (r == 0) {
		whatif_print_head(&w->print);
		while (stopped == 0 && (r = whatif_history_next(&w->history, &reading)) == 1) {
			take_reading(w, &reading);
		}
	}
	if (r == 0 && o->to_us != INT64_MAX) {
		whatif_play_until(&w->play, o->to_us);
	}
	return r < 0 ? r : 0;
}

/* --- what it came to --- */

static int report(struct whatif *w)
{
	int64_t to_us = w->options.to_us != INT64_MAX ? w->options.to_us : w->last_us;
	struct whatif_alerts alerts;
	size_t gone;
	int r;

	whatif_tally_end(&w->tally, to_us);
	whatif_print_summary(&w->print, &w->tally);
	/* The end of the stretch is not part of it, but when it is the last reading, that is. */
	r = whatif_history_alerts(&w->history, &w->rules, w->tally.from_us,
	                          w->options.to_us != INT64_MAX ? to_us : to_us + 1, &alerts);
	if (r != 0) {
		return r;
	}
	whatif_tally_compare(&w->tally, &alerts, &gone);
	whatif_print_comparison(&w->print, &w->tally, &alerts, gone);
	free(alerts.alert);
	return w->tally.failed ? say("out of memory: the summary is not complete") : 0;
}

static int run(struct whatif *w)
{
	int r = prepare(w);

	if (r == 0) {
		r = play(w);
	}
	if (r == 0 && stopped == 0 && w->tally.readings == 0) {
		r = say("there are no readings of what was chosen in that time");
	}
	if (r == 0 && stopped == 0) {
		r = report(w);
	}
	if (stopped != 0) {
		r = say("stopped before the end: what is above is not all");
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		r = say("the output cannot be written");
	}
	return r;
}

int main(int argc, char **argv)
{
	struct whatif w = {.options = {.database = ""}};
	/* A second signal ends it the hard way. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	int r = whatif_options_parse(&w.options, argc, argv);

	if (r == 0) {
		tzset();
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		r = run(&w) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		whatif_play_done(&w.play);
		whatif_tally_done(&w.tally);
		whatif_rules_done(&w.rules);
		whatif_history_close(&w.history);
		registry_free(w.registry);
	} else {
		r = r == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	whatif_options_done(&w.options);
	return r;
}
