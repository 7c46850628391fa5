/*
 * highwater-player - plays CSV recordings to an MQTT broker.
 */
#include "clock.h"
#include "player_link.h"
#include "player_message.h"
#include "player_options.h"
#include "playlist.h"
#include "progress.h"

#include <errno.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdlib.h>

#define TURN_US       100000  /* longest stay in the network while waiting */
#define SERVE_US      20000   /* serve the network so often, however much there is to send */
#define STOP_DRAIN_US 2000000 /* after a signal, wait so long for acknowledgements */

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

struct player {
	struct player_options options;
	struct playlist list;
	struct player_link link;
	unsigned long total_rows, empty, bad_values;
	int64_t shift_us;            /* added to each time that is sent */
	int64_t first_us;            /* time of the first row that has one */
	int64_t began_us, served_us; /* monotonic */
	struct player_message message;
};

/* Reads all files once, to know how many rows there are and which time is the last. */
static int survey(struct player *p)
{
	struct playlist_file *f;
	int64_t last_us = INT64_MIN;
	int r = playlist_open(&p->list, &p->options, true);

	if (r < 0) {
		return r;
	}
	while ((r = playlist_next(&p->list, &f)) > 0) {
		last_us = MAX(last_us, f->time_us);
	}
	/* With --strict the play itself will meet the bad row and say so. */
	r = r == -EBADMSG ? 0 : r;
	p->total_rows = p->list.rows;
	playlist_close(&p->list);
	if (p->options.end_given && last_us != INT64_MIN) {
		p->shift_us = p->options.end_us - last_us;
	}
	return r;
}

static bool has_standard_input(const struct player_options *o)
{
	for (size_t i = 0; i < o->files; i++) {
		if (strcmp(o->file[i], "-") == 0) {
			return true;
		}
	}
	return false;
}

static void show(const struct player *p, int64_t time_us)
{
	struct progress_state s = {
		.done = p->list.rows,
		.total = p->total_rows,
		.messages = p->link.sent,
		.in_flight = p->link.in_flight,
		.time_us = time_us,
	};

	progress_show(&s);
}

static int turn(struct player *p, int64_t timeout_us)
{
	p->served_us = clock_monotonic_us();
	return player_link_turn(&p->link, timeout_us);
}

/* Until it is due and the window has room. */
static int await_turn(struct player *p, int64_t due_us, int64_t time_us)
{
	int64_t now_us = clock_monotonic_us();
	int r = 0;

	if (now_us - p->served_us > SERVE_US) {
		r = turn(p, 0);
	}
	while (r == 0 && !stopped && (now_us < due_us || !player_link_ready(&p->link))) {
		r = turn(p, now_us < due_us ? MIN(due_us - now_us, TURN_US) : TURN_US);
		show(p, time_us);
		now_us = clock_monotonic_us();
	}
	return r == 0 && stopped ? -EINTR : r;
}

/* Monotonic time at which a row of this time is to be sent. */
static int64_t due_time(struct player *p, int64_t time_us)
{
	if (time_us == INT64_MIN || p->options.speed == 0) {
		return INT64_MIN;
	}
	return p->began_us + (int64_t)((double)(time_us - p->first_us) / p->options.speed);
}

static int64_t time_to_send(const struct player *p, int64_t time_us)
{
	if (p->options.times == TIMES_NOW) {
		return clock_realtime_us();
	}
	return time_us == INT64_MIN ? INT64_MIN : time_us + p->shift_us;
}

static void begin_time(struct player *p, int64_t time_us)
{
	if (p->first_us != INT64_MIN || time_us == INT64_MIN) {
		return;
	}
	p->first_us = time_us;
	p->began_us = clock_monotonic_us();
	if (p->options.times == TIMES_SHIFTED && !p->options.end_given) {
		p->shift_us = p->options.start_us - time_us;
	}
}

static int play_row(struct player *p, struct playlist_file *f)
{
	const char *why = NULL;
	int r = 0;

	begin_time(p, f->time_us);
	for (size_t i = 0; i < f->binding.messages && r == 0; i++) {
		r = await_turn(p, due_time(p, f->time_us), time_to_send(p, f->time_us));
		if (r < 0) {
			return r;
		}
		r = player_message_build(&f->binding, &f->csv, i, time_to_send(p, f->time_us), &p->message,
		                         &why);
		if (r == 0) {
			r = player_link_publish(&p->link, &p->message);
		} else if (r == -ENODATA) {
			p->empty++;
			r = 0;
		} else {
			p->bad_values++;
			playlist_note(&p->list, f, why);
			r = p->options.strict ? r : 0;
		}
	}
	show(p, time_to_send(p, f->time_us));
	return r;
}

static int drain(struct player *p)
{
	int64_t until_us = stopped ? clock_monotonic_us() + STOP_DRAIN_US : INT64_MAX;
	int r = 0;

	while (r == 0 && p->link.in_flight > 0 && clock_monotonic_us() < until_us) {
		r = turn(p, TURN_US);
		show(p, INT64_MIN);
	}
	return r;
}

static int play(struct player *p)
{
	struct playlist_file *f;
	int r = playlist_open(&p->list, &p->options, false), drained;

	if (r < 0) {
		return r;
	}
	r = player_link_open(&p->link, &p->options);
	if (r < 0) {
		return r;
	}
	progress_start(p->options.progress);
	p->began_us = clock_monotonic_us();
	p->first_us = INT64_MIN;
	while (!stopped && (r = playlist_next(&p->list, &f)) > 0) {
		r = play_row(p, f);
		if (r < 0) {
			break;
		}
	}
	/* Out of patience once is enough. */
	drained = r == -ETIMEDOUT || r == -ECONNREFUSED ? r : drain(p);
	progress_end();
	return r < 0 ? r : drained;
}

static void summarise(const struct player *p)
{
	const struct player_link *l = &p->link;

	if (p->options.quiet) {
		return;
	}
	printf("%lu rows read, %lu messages sent, %lu %s, %lu skipped", p->list.rows, l->sent,
	       l->acknowledged,
	       p->options.qos > 0 ? "acknowledged" : "handed over (QoS 0: nobody acknowledges)",
	       p->list.bad_rows + p->bad_values);
	if (p->empty > 0) {
		printf(", %lu without a value", p->empty);
	}
	if (l->refused > 0) {
		printf(", %lu refused by the broker", l->refused);
	}
	printf("; %.1f s\n", (double)(clock_monotonic_us() - p->began_us) / 1e6);
}

/* What keeps this from being a success, or NULL. */
static const char *judge(const struct player *p, int r)
{
	const struct player_link *l = &p->link;

	if (stopped) {
		return "interrupted";
	}
	if (r < 0) {
		return "not finished";
	}
	if (l->acknowledged < l->sent) {
		return p->options.qos > 0 ? "not everything was acknowledged"
		                          : "not everything was handed over";
	}
	return l->sent == 0 ? "nothing was sent" : NULL;
}

static int run(struct player *p)
{
	bool look_ahead = (p->options.progress || p->options.end_given) && !has_standard_input(&p->options);
	const char *failure;
	int r = look_ahead ? survey(p) : 0;

	if (r < 0) {
		return EXIT_FAILURE; /* it has been said */
	}
	r = play(p);
	if (p->link.sent > 0 || r == 0) {
		summarise(p);
	}
	failure = judge(p, r);
	if (failure != NULL) {
		progress_note("%s", failure);
	}
	player_link_close(&p->link);
	playlist_close(&p->list);
	return failure == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct player p = {0};
	/* A second signal ends it the hard way. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	int r = player_options_parse(&p.options, argc, argv);

	if (r == 0) {
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		mosquitto_lib_init();
		r = run(&p);
		mosquitto_lib_cleanup();
	} else {
		r = r == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	player_options_done(&p.options);
	return r;
}
