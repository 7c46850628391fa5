/*
 * bench_load - publishes readings to a broker, as many or as steadily as asked
 * for, and says what came back: one line of JSON.
 *
 *   --host A --port N        an IPv4 address; 127.0.0.1 and 1883
 *   --connections N          publishing clients; 100
 *   --stations N             topics go round them: bench-0 … ; 1000
 *   --qos 0|1 --window N     in flight on one connection, at most 4096; 1 and 64
 *   --size 60|170            bytes of a payload, about
 *   --prefix TEXT            first level of the topic; "sensors"
 *   --rate N --seconds S     messages a second, for so long
 *   --messages N             as fast as the broker takes them
 *   --alert-rate N           of the messages a second that go to bench-alert, by turns 1.2 and 0.8: with a level of
 *                            1.0 each is a transition, and the time to its receipt as an alert is measured
 *   --wake-after N           acknowledgements on a connection that are waited for together; at a rate 1, as fast as can
 *                            be half a window. More takes less from the machine, and their latency means less
 *   --no-delay               TCP_NODELAY on the generator's side
 *
 * No two messages are alike: at a rate the phenomenon time is when the message was due; as fast as can be, times go on by
 * microseconds from a minute ago. Latency at a rate is counted from when a message was due, not from when it was sent,
 * so that a broker that stalls is charged for what had to wait. At QoS 0 the end is the answer to a ping
 * behind the last message. cpu_share tells how busy the generator itself was.
 */
#include "link.h"
#include "payload.h"
#include "spread.h"
#include "timestamp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS   INT64_C(1000000000)
#define TICK_NS     (SECOND_NS / 1000)
#define SILENCE_NS  (20 * SECOND_NS) /* of a broker that is given up */
#define ALERTS_MAX  65536
#define CONNECTIONS 1024

struct options {
	const char *host, *prefix;
	uint16_t port;
	unsigned connections, stations, window, size, wake_after;
	int qos;
	bool no_delay;
	double rate, alert_rate, seconds;
	uint64_t messages;
};

struct load {
	struct options o;
	struct payload payload;
	struct link *links, listener;
	int epoll;
	int64_t started_ns, progress_ns;
	int64_t base_us; /* phenomenon time of the first message */
	uint64_t sent, acknowledged, alerts_sent, alerts_heard, alerts_strange;
	int64_t alert_due_ns[ALERTS_MAX], alert_time_us[ALERTS_MAX];
	struct spread latency, alert_latency;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static int64_t wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- messages --- */

static void publish(struct load *l, struct link *link, int64_t due_ns)
{
	char payload[PAYLOAD_MAX];
	uint64_t n = l->sent++;
	/* At a rate: when the message is due. Else by microseconds, from a minute ago, so as not to run ahead. */
	int64_t at_us =
		l->o.rate > 0 ? l->base_us + (due_ns - l->started_ns) / 1000 : l->base_us + (int64_t)n;
	size_t length = payload_write(&l->payload, n, at_us, payload);

	link_publish(link, payload_topic(&l->payload, n), payload, length, l->o.qos, due_ns);
}

static void publish_alert(struct load *l, struct link *link, int64_t due_ns)
{
	char topic[128], payload[PAYLOAD_MAX], when[TIMESTAMP_TEXT_SIZE];
	uint64_t n = l->alerts_sent++;
	int length;

	l->alert_due_ns[n % ALERTS_MAX] = due_ns;
	l->alert_time_us[n % ALERTS_MAX] = wall_us();
	length = snprintf(payload, sizeof(payload), "{\"time\":\"%s\",\"value\":%s}",
	                  timestamp_format(l->alert_time_us[n % ALERTS_MAX], when),
	                  n % 2 == 0 ? "1.2" : "0.8");
	snprintf(topic, sizeof(topic), "%s/bench-alert/water_level", l->o.prefix);
	link_publish(link, topic, payload, (size_t)length, l->o.qos, due_ns);
}

/* --- what comes back --- */

static void on_acknowledged(void *context, int64_t due_ns)
{
	struct load *l = context;
	int64_t now = now_ns();

	l->acknowledged++;
	l->progress_ns = now;
	spread_add(&l->latency, now - due_ns);
}

/* Alerts of one datastream come in order: the next is the one that is due, and its time says so. */
static void on_alert(void *context, const char *payload, size_t length)
{
	struct load *l = context;
	char wanted[64], when[TIMESTAMP_TEXT_SIZE];
	uint64_t n = l->alerts_heard;

	if (n >= l->alerts_sent) {
		l->alerts_strange++;
		return;
	}
	snprintf(wanted, sizeof(wanted), "\"phenomenon_time\": \"%s\"",
	         timestamp_format(l->alert_time_us[n % ALERTS_MAX], when));
	if (memmem(payload, length, wanted, strlen(wanted)) == NULL) {
		l->alerts_strange++;
		return;
	}
	spread_add(&l->alert_latency, now_ns() - l->alert_due_ns[n % ALERTS_MAX]);
	l->alerts_heard++;
}

static int serve(struct load *l, int64_t timeout_ns)
{
	const struct timespec timeout = {.tv_sec = timeout_ns / SECOND_NS, .tv_nsec = timeout_ns % SECOND_NS};
	const struct link_sink of_links = {.context = l, .acknowledged = on_acknowledged};
	const struct link_sink of_listener = {.context = l, .message = on_alert};
	struct epoll_event events[64];
	int count = epoll_pwait2(l->epoll, events, (int)ARRAY_SIZE(events), &timeout, NULL);
	int error = 0;

	for (int i = 0; i < count && error == 0; i++) {
		struct link *link = events[i].data.ptr;

		error = link_serve(link, link == &l->listener ? &of_listener : &of_links);
	}
	return error;
}

/* --- the run --- */

static int watch(struct load *l, struct link *link)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = link};

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, link->fd, &e) != 0 ? -errno : 0;
}

static int open_links(struct load *l)
{
	char id[64];
	int error = 0;

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < l->o.connections && error == 0; i++) {
		snprintf(id, sizeof(id), "bench-load-%d-%u", (int)getpid(), i);
		error = link_open(&l->links[i], l->o.host, l->o.port, id, l->o.window, l->o.no_delay);
		error = error != 0 ? error : watch(l, &l->links[i]);
	}
	if (error == 0 && l->o.alert_rate > 0) {
		snprintf(id, sizeof(id), "bench-load-%d-alerts", (int)getpid());
		error = link_open(&l->listener, l->o.host, l->o.port, id, 1, l->o.no_delay);
		error = error != 0 ? error
		                   : link_subscribe(&l->listener, "highwater/alerts/bench-alert/#", 0);
		error = error != 0 ? error : watch(l, &l->listener);
	}
	return error;
}

static int wake_after(struct load *l, unsigned acknowledgements)
{
	int error = 0;

	for (unsigned i = 0; i < l->o.connections && error == 0; i++) {
		error = link_wake_after(&l->links[i], acknowledgements);
	}
	return error;
}

static int flush_all(struct load *l)
{
	const struct link_sink sink = {.context = l, .acknowledged = on_acknowledged};
	int error = 0;

	for (unsigned i = 0; i < l->o.connections && error == 0; i++) {
		if (l->links[i].out_end > 0) {
			error = link_serve(&l->links[i], &sink);
		}
	}
	return error;
}

/* As many as the windows take, each refilled when it is half empty: many messages for a call of the kernel. */
static void publish_freely(struct load *l)
{
	int64_t now = now_ns();

	for (unsigned i = 0; i < l->o.connections; i++) {
		struct link *link = &l->links[i];

		if (link->in_flight > link->window / 2 || link->out_end > 0) {
			continue;
		}
		for (unsigned n = 0;
		     n < link->window && l->sent < l->o.messages && link_ready(link, l->o.qos, PAYLOAD_MAX);
		     n++) {
			publish(l, link, now);
		}
	}
}

/* Those that are due; one that finds no room waits, and its latency grows. */
static void publish_due(struct load *l)
{
	double passed = (double)(now_ns() - l->started_ns) / (double)SECOND_NS;
	uint64_t due = (uint64_t)(MIN(passed, l->o.seconds) * l->o.rate);
	uint64_t alerts = (uint64_t)(MIN(passed, l->o.seconds) * l->o.alert_rate);
	unsigned refused = 0;

	/* Alerts keep to one connection: their order is part of the measurement. */
	while (l->alerts_sent < alerts && l->alerts_sent - l->alerts_heard < ALERTS_MAX &&
	       link_ready(&l->links[0], l->o.qos, PAYLOAD_MAX)) {
		publish_alert(l, &l->links[0],
		              l->started_ns +
		                      (int64_t)((double)(l->alerts_sent + 1) / l->o.alert_rate * 1e9));
	}
	while (l->sent < due && refused < l->o.connections) {
		struct link *link = &l->links[(l->sent + refused) % l->o.connections];

		if (!link_ready(link, l->o.qos, PAYLOAD_MAX)) {
			refused++;
			continue;
		}
		refused = 0;
		publish(l, link, l->started_ns + (int64_t)((double)(l->sent + 1) / l->o.rate * 1e9));
	}
}

/* Until the next message is due, but not for each of many that come within a millisecond. */
static int64_t pause_ns(const struct load *l)
{
	double due_s = (double)(l->sent + 1) / l->o.rate;
	double alert_s = l->o.alert_rate > 0 ? (double)(l->alerts_sent + 1) / l->o.alert_rate : due_s;
	int64_t left_ns = l->started_ns + (int64_t)(MIN(due_s, alert_s) * 1e9) - now_ns();

	return l->o.rate > 5000 ? TICK_NS : MIN(MAX(left_ns, 0), TICK_NS);
}

static bool all_sent(const struct load *l)
{
	return l->o.rate > 0 ? now_ns() - l->started_ns >= (int64_t)(l->o.seconds * 1e9) &&
	                               l->sent >= (uint64_t)(l->o.seconds * l->o.rate)
	                     : l->sent >= l->o.messages;
}

static bool all_back(const struct load *l)
{
	for (unsigned i = 0; i < l->o.connections; i++) {
		if (l->links[i].in_flight > 0 || !l->links[i].answered || l->links[i].out_end > 0) {
			return false;
		}
	}
	return true;
}

static int run(struct load *l)
{
	int error = wake_after(l, l->o.wake_after);

	l->started_ns = l->progress_ns = now_ns();
	l->base_us = wall_us() - (l->o.rate > 0 ? 0 : INT64_C(60) * 1000000);
	while (error == 0 && !all_sent(l)) {
		uint64_t before = l->sent;

		if (l->o.rate > 0) {
			publish_due(l);
		} else {
			publish_freely(l);
		}
		error = flush_all(l);
		if (error == 0) {
			error = serve(l, l->o.rate > 0 ? pause_ns(l) : l->sent == before ? TICK_NS : 0);
		}
		if (l->sent != before) {
			l->progress_ns = now_ns();
		} else if (now_ns() - l->progress_ns > SILENCE_NS) {
			error = -ETIMEDOUT;
		}
	}
	error = error != 0 ? error : wake_after(l, 0);
	for (unsigned i = 0; i < l->o.connections; i++) {
		link_ping(&l->links[i]);
	}
	l->progress_ns = now_ns();
	while (error == 0 && !all_back(l)) {
		error = flush_all(l);
		error = error != 0 ? error : serve(l, TICK_NS);
		if (now_ns() - l->progress_ns > SILENCE_NS) {
			error = -ETIMEDOUT;
		}
	}
	return error;
}

/* Alerts that are still on their way, for a second at most. */
static int hear_the_last(struct load *l)
{
	int64_t until_ns = now_ns() + SECOND_NS;
	int error = 0;

	while (error == 0 && l->alerts_heard < l->alerts_sent && now_ns() < until_ns) {
		error = serve(l, 10 * TICK_NS);
	}
	return error;
}

static void report(const struct load *l, int64_t took_ns)
{
	struct rusage u;
	double seconds = (double)took_ns / 1e9;
	double cpu;

	getrusage(RUSAGE_SELF, &u);
	cpu = (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	      (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	printf("{\"sent\": %" PRIu64 ", \"acknowledged\": %" PRIu64
	       ", \"seconds\": %.4f, \"per_second\": %.0f, "
	       "\"cpu_share\": %.3f, ",
	       l->sent + l->alerts_sent, l->acknowledged, seconds,
	       (double)(l->sent + l->alerts_sent) / seconds, cpu / seconds);
	printf("\"latency_us\": {\"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}, ",
	       spread_quantile(&l->latency, 0.5) / 1e3, spread_quantile(&l->latency, 0.99) / 1e3,
	       spread_quantile(&l->latency, 0.999) / 1e3, (double)l->latency.most_ns / 1e3);
	printf("\"alerts_sent\": %" PRIu64 ", \"alerts_heard\": %" PRIu64 ", \"alerts_strange\": %" PRIu64
	       ", \"alert_us\": {\"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}}\n",
	       l->alerts_sent, l->alerts_heard, l->alerts_strange,
	       spread_quantile(&l->alert_latency, 0.5) / 1e3, spread_quantile(&l->alert_latency, 0.99) / 1e3,
	       spread_quantile(&l->alert_latency, 0.999) / 1e3, (double)l->alert_latency.most_ns / 1e3);
}

/* --- options --- */

/* Whether argv[*i] is this option; its value in *ret. */
static bool is_option(const char *name, int argc, char **argv, int *i, const char **ret)
{
	if (strcmp(argv[*i], name) != 0) {
		return false;
	}
	if (*i + 1 >= argc) {
		fprintf(stderr, "bench_load: %s wants a value\n", name);
		exit(2);
	}
	*ret = argv[++*i];
	return true;
}

static double number(const char *name, const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= least && value <= most)) {
		fprintf(stderr, "bench_load: %s is \"%s\"; allowed is a number from %g to %g\n", name, text,
		        least, most);
		exit(2);
	}
	return value;
}

static void parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *v, *name = argv[i];

		if (is_option("--host", argc, argv, &i, &v)) {
			o->host = v;
		} else if (is_option("--prefix", argc, argv, &i, &v)) {
			o->prefix = v;
		} else if (is_option("--port", argc, argv, &i, &v)) {
			o->port = (uint16_t)number(name, v, 1, 65535);
		} else if (is_option("--connections", argc, argv, &i, &v)) {
			o->connections = (unsigned)number(name, v, 1, CONNECTIONS);
		} else if (is_option("--stations", argc, argv, &i, &v)) {
			o->stations = (unsigned)number(name, v, 1, 10000000);
		} else if (is_option("--qos", argc, argv, &i, &v)) {
			o->qos = (int)number(name, v, 0, 1);
		} else if (is_option("--window", argc, argv, &i, &v)) {
			o->window = (unsigned)number(name, v, 1, LINK_WINDOW_MAX);
		} else if (is_option("--size", argc, argv, &i, &v)) {
			o->size = (unsigned)number(name, v, 60, 170);
		} else if (is_option("--rate", argc, argv, &i, &v)) {
			o->rate = number(name, v, 1, 1e7);
		} else if (is_option("--seconds", argc, argv, &i, &v)) {
			o->seconds = number(name, v, 0.1, 3600);
		} else if (is_option("--alert-rate", argc, argv, &i, &v)) {
			o->alert_rate = number(name, v, 0.1, 10000);
		} else if (is_option("--messages", argc, argv, &i, &v)) {
			o->messages = (uint64_t)number(name, v, 1, 1e9);
		} else if (is_option("--wake-after", argc, argv, &i, &v)) {
			o->wake_after = (unsigned)number(name, v, 1, LINK_WINDOW_MAX);
		} else if (strcmp(name, "--no-delay") == 0) {
			o->no_delay = true;
		} else {
			fprintf(stderr, "bench_load: \"%s\" is no option; they stand at the head of load.c\n",
			        name);
			exit(2);
		}
	}
	if ((o->rate > 0) == (o->messages > 0) || (o->alert_rate > 0 && !(o->rate > 0))) {
		fprintf(stderr,
		        "bench_load: give --rate with --seconds, or --messages; alerts need --rate\n");
		exit(2);
	}
	if (o->wake_after == 0 || o->wake_after > o->window / 2) {
		o->wake_after = o->rate > 0 && o->wake_after == 0 ? 1 : MAX(o->window / 2, 1u);
	}
}

int main(int argc, char **argv)
{
	static struct load l = {.o = {.host = "127.0.0.1",
	                              .prefix = "sensors",
	                              .port = 1883,
	                              .connections = 100,
	                              .stations = 1000,
	                              .window = 64,
	                              .size = 60,
	                              .qos = 1,
	                              .seconds = 10}};
	int64_t took_ns;
	int error;

	parse(&l.o, argc, argv);
	l.listener.fd = -1;
	l.links = calloc(l.o.connections, sizeof(*l.links));
	if (l.links == NULL || payload_init(&l.payload, l.o.prefix, l.o.stations, l.o.size) != 0) {
		fprintf(stderr, "bench_load: out of memory\n");
		return 1;
	}
	error = open_links(&l);
	if (error == 0) {
		error = run(&l);
		took_ns = now_ns() - l.started_ns;
		error = error != 0 ? error : hear_the_last(&l);
		report(&l, took_ns);
	}
	if (error != 0) {
		fprintf(stderr, "bench_load: %s port %u: %s\n", l.o.host, (unsigned)l.o.port,
		        strerror(-error));
	}
	for (unsigned i = 0; i < l.o.connections; i++) {
		link_close(&l.links[i]);
	}
	link_close(&l.listener);
	payload_done(&l.payload);
	free(l.links);
	return error != 0;
}
