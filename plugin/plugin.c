/*
 * plugin - what Mosquitto loads: three entry points and a table of events.
 *
 * Builds the parts in order, hands them to each other, and takes them apart in
 * reverse. The route of a reading is in ingest.c, the way to PostgreSQL in
 * writer.c.
 */
#include "apart.h"
#include "broker.h"
#include "clock.h"
#include "config.h"
#include "control.h"
#include "host.h"
#include "ingest.h"
#include "plugin_config.h"
#include "registry.h"
#include "registry_copy.h"
#include "shared.h"
#include "writer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* The headers' own export macro is empty on Linux, and the module is built with hidden visibility. */
#define ENTRY_POINT __attribute__((visibility("default")))

/*
 * MOSQ_ERR_QUOTA_EXCEEDED of Mosquitto 2.1, which answers an MQTT 5 client with 0x97. 2.0 does not know it
 * and ends the connection, as it does at any error; so does 2.1 for the older protocols' MOSQ_ERR_NOMEM. To an
 * older client 2.1 would acknowledge a refused quota as if all were well.
 */
#define ERR_QUOTA_EXCEEDED (-6)
#define MQTT_5             5

#define MESSAGE_SIZE 1024

/* A busy broker turns thousands of times a second: the duties between messages are not due each time. */
#define TICK_LEAST_US 50000

struct plugin {
	mosquitto_plugin_id_t *id;
	size_t registered; /* events of the table that are registered */
	bool hears_operators;
	int64_t ticked_us;   /* by the monotonic clock */
	struct apart *apart; /* where files are opened, and the writer's threads come from */
	struct shared shared;
	struct ingest *ingest;
	struct writer *writer;
};

/* --- events --- */

static int on_message(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_message *ev = event_data;
	struct plugin *p = userdata;
	const struct message message = {
		.topic = ev->topic,
		.client = ev->client,
		.payload = ev->payload,
		.length = ev->payloadlen,
		.qos = ev->qos,
		.retain = ev->retain,
	};

	(void)event;
	switch (ingest_message(p->ingest, &message)) {
	case INGEST_PASS:
		return MOSQ_ERR_SUCCESS;
	case INGEST_DENY:
		return MOSQ_ERR_ACL_DENIED;
	case INGEST_REFUSE:
		return mosquitto_client_protocol_version(ev->client) == MQTT_5 ? ERR_QUOTA_EXCEEDED
		                                                               : MOSQ_ERR_NOMEM;
	}
	return MOSQ_ERR_SUCCESS;
}

static int on_control(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_control *ev = event_data;
	struct plugin *p = userdata;
	const char *user = mosquitto_client_username(ev->client);
	const struct control_message message = {
		.client_id = broker_client_id(ev->client),
		.user = user != NULL ? user : "",
		.payload = ev->payload,
		.length = ev->payloadlen,
	};

	(void)event;
	ingest_control(p->ingest, &message);
	/* Any error would cost the client its connection. */
	return MOSQ_ERR_SUCCESS;
}

static int on_tick(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_tick *ev = event_data;
	struct plugin *p = userdata;
	int64_t now_us = clock_monotonic_us();

	(void)event;
	if (now_us - p->ticked_us >= TICK_LEAST_US) {
		p->ticked_us = now_us;
		ingest_tick(p->ingest);
	}
	/*
	 * 2.0 calls in every turn of its loop, and turns at least every 100 ms. 2.1 sleeps no longer than is asked for
	 * here, but only in a turn that calls: what else wakes it before the call is due puts it to sleep without
	 * limit, and by the clock of the day a call may be due in an hour, when that clock is set back. It is due at
	 * now + next: now long past makes it due in every turn.
	 */
	ev->now_s = 0;
	ev->now_ns = 0;
	ev->next_s = 0;
	ev->HOST_NEXT_MS = 100;
	return MOSQ_ERR_SUCCESS;
}

static int on_reload(int event, void *event_data, void *userdata)
{
	struct plugin *p = userdata;
	char message[MESSAGE_SIZE], line[MESSAGE_SIZE + 80];
	struct config *config;
	const char *fixed;

	(void)event;
	(void)event_data;
	if (plugin_config_reload(&config, ingest_config(p->ingest), message, sizeof(message)) != 0) {
		snprintf(line, sizeof(line), "%s; the configuration of before stays in force", message);
		broker_log(LOG_LEVEL_ERROR, line);
		return MOSQ_ERR_SUCCESS;
	}
	fixed = plugin_config_needs_restart(ingest_config(p->ingest), config);
	if (fixed != NULL) {
		snprintf(line, sizeof(line),
		         "%s has changed: that takes a restart of the broker; the rest is in force now",
		         fixed);
		broker_log(LOG_LEVEL_WARNING, line);
	} else {
		broker_log(LOG_LEVEL_NOTICE, "configuration reloaded");
	}
	ingest_set_config(p->ingest, config);
	return MOSQ_ERR_SUCCESS;
}

static const struct {
	int event;
	MOSQ_FUNC_generic_callback callback;
} events[] = {
	{MOSQ_EVT_MESSAGE, on_message},
	{MOSQ_EVT_TICK, on_tick},
	{MOSQ_EVT_RELOAD, on_reload},
};

/* --- start and end --- */

/* The copy from before, or the built-in properties. NULL when memory is short. */
static struct registry *first_registry(struct log_box *log, const char *path)
{
	struct registry *r = NULL;
	int error = registry_load(&r, path);

	if (error == 0) {
		return r;
	}
	if (error == -ENOMEM) {
		return NULL; /* a good copy is not to be passed over */
	}
	if (error != -ENOENT) {
		log_post(
			log, LOG_LEVEL_WARNING,
			"registry: the copy %s cannot be used (%s): no alerts until the database is there to make it anew",
			path, strerror(-error));
	}
	return registry_builtin();
}

/* Takes config over. */
static int start_ingest(struct plugin *p, struct config *c, const char *registry_path)
{
	struct registry *registry = first_registry(p->shared.log, registry_path);

	if (registry == NULL) {
		config_free(c);
		return -ENOMEM;
	}
	return ingest_new(&p->ingest, c, registry, &p->shared);
}

static int start_writer(struct plugin *p, const struct config *c, const char *registry_path)
{
	const struct writer_options options = {
		.conninfo = c->database,
		.registry_path = registry_path,
		.sync_us = c->journal_sync_us,
		.stop_timeout_us = c->shutdown_timeout_us,
	};

	return writer_start(&p->writer, &options, &p->shared);
}

static int open_files(struct shared *shared, const struct config *c)
{
	const struct shared_options options = {
		.state_dir = c->state_dir,
		.max_datastreams = c->max_datastreams,
		.journal_max_size = c->journal_max_size,
		.journal_segment_size = c->journal_segment_size,
		.journal_on_damage = c->journal_skip_damage ? JOURNAL_SKIP : JOURNAL_REFUSE,
	};

	return shared_open(shared, &options);
}

struct beginning {
	struct plugin *plugin;
	struct config *config; /* taken over */
	int error;
};

/* Apart: opens what lies on disk, and starts on it. */
static void begin(void *context)
{
	struct beginning *b = context;
	struct plugin *p = b->plugin;
	char registry_path[PATH_MAX];

	b->error = shared_path(b->config->state_dir, "registry", registry_path, sizeof(registry_path));
	if (b->error == 0) {
		b->error = open_files(&p->shared, b->config);
	}
	if (b->error != 0) {
		config_free(b->config);
		return;
	}
	b->error = start_ingest(p, b->config, registry_path);
	if (b->error == 0) {
		b->error = start_writer(p, ingest_config(p->ingest), registry_path);
	}
}

/*
 * A broker can do without: it may be built so, and Mosquitto 2.1 has one topic for all listeners, which another
 * instance of the plugin may have already.
 */
static void register_control(struct plugin *p)
{
	char line[MESSAGE_SIZE];
	int rc = mosquitto_callback_register(p->id, MOSQ_EVT_CONTROL, on_control, CONTROL_TOPIC, p);

	p->hears_operators = rc == MOSQ_ERR_SUCCESS;
	if (!p->hears_operators) {
		snprintf(line, sizeof(line),
		         "operators cannot act on the alarms of %s: %s does not come here: %s",
		         ingest_config(p->ingest)->state_dir, CONTROL_TOPIC,
		         rc == MOSQ_ERR_ALREADY_EXISTS ? "another instance of the plugin has it"
		                                       : "this broker is built without $CONTROL");
		broker_log(LOG_LEVEL_WARNING, line);
	}
}

static int register_events(struct plugin *p)
{
	while (p->registered < ARRAY_SIZE(events)) {
		int rc = mosquitto_callback_register(p->id, events[p->registered].event,
		                                     events[p->registered].callback, NULL, p);

		if (rc != MOSQ_ERR_SUCCESS) {
			return -EIO;
		}
		p->registered++;
	}
	register_control(p);
	return 0;
}

/* Takes config over. */
static int start(struct plugin *p, struct config *c)
{
	struct beginning b = {.plugin = p, .config = c};
	int error = shared_init(&p->shared);

	if (error == 0) {
		error = apart_new(&p->apart, p->shared.handover->wake_fd);
	}
	if (error != 0) {
		config_free(c);
		return error;
	}
	apart_call(p->apart, begin, &b);
	return b.error == 0 ? register_events(p) : b.error;
}

static void unregister_events(struct plugin *p)
{
	/* Not without having it: another instance has the same callback. */
	if (p->hears_operators) {
		mosquitto_callback_unregister(p->id, MOSQ_EVT_CONTROL, on_control, CONTROL_TOPIC);
	}
	while (p->registered > 0) {
		p->registered--;
		mosquitto_callback_unregister(p->id, events[p->registered].event,
		                              events[p->registered].callback, NULL);
	}
}

struct ending {
	struct plugin *plugin;
	bool left_behind; /* the writer's threads still use everything */
};

/* Apart: the reverse of begin(). */
static void finish(void *context)
{
	struct ending *e = context;
	struct plugin *p = e->plugin;

	e->left_behind = p->writer != NULL && writer_stop(p->writer) != 0;
	if (!e->left_behind) {
		ingest_free(p->ingest);
		shared_close(&p->shared);
	}
}

static void drain_log(struct plugin *p)
{
	if (p->shared.log != NULL) {
		log_drain(p->shared.log, broker_log);
	}
}

static void stop(struct plugin *p)
{
	struct ending e = {.plugin = p};

	unregister_events(p);
	if (p->apart != NULL) {
		apart_call(p->apart, finish, &e);
		apart_free(p->apart);
	}
	drain_log(p);
	if (e.left_behind) {
		/* The module stays loaded (-z nodelete), and the process is ending. */
		broker_log(
			LOG_LEVEL_WARNING,
			"the writer does not end in time and is left behind; the journal keeps what is not stored");
		return;
	}
	shared_done(&p->shared);
	free(p);
}

ENTRY_POINT int mosquitto_plugin_version(int supported_version_count, const int *supported_versions)
{
	for (int i = 0; i < supported_version_count; i++) {
		if (supported_versions[i] == 5) {
			return 5;
		}
	}
	return -1;
}

/* Mosquitto's options as the configuration takes them. *ret is to be freed. */
static int copy_options(struct config_option **ret, const struct mosquitto_opt *options, int count)
{
	*ret = calloc((size_t)count + 1, sizeof(**ret));
	if (*ret == NULL) {
		return -ENOMEM;
	}
	for (int i = 0; i < count; i++) {
		(*ret)[i] = (struct config_option){.key = options[i].key, .value = options[i].value};
	}
	return 0;
}

static int first_config(struct config **ret, const struct mosquitto_opt *options, int count)
{
	char message[MESSAGE_SIZE] = "out of memory";
	struct config_option *list;
	int error = copy_options(&list, options, count);

	if (error == 0) {
		error = plugin_config_load(ret, list, (size_t)count, message, sizeof(message));
	}
	free(list);
	if (error != 0) {
		broker_log(LOG_LEVEL_ERROR, message);
	}
	return error;
}

ENTRY_POINT int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata,
                                      struct mosquitto_opt *options, int option_count)
{
	char line[128];
	struct config *config;
	struct plugin *p;
	int error;

	if (first_config(&config, options, option_count) != 0) {
		return MOSQ_ERR_INVAL;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		config_free(config);
		return MOSQ_ERR_NOMEM;
	}
	p->id = identifier;
	error = start(p, config);
	drain_log(p);
	if (error != 0) {
		snprintf(line, sizeof(line), "the plugin cannot start: %s", strerror(-error));
		broker_log(LOG_LEVEL_ERROR, line);
		stop(p);
		return error == -ENOMEM ? MOSQ_ERR_NOMEM : MOSQ_ERR_INVAL;
	}
	*userdata = p;
	return MOSQ_ERR_SUCCESS;
}

ENTRY_POINT int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int option_count)
{
	(void)options;
	(void)option_count;
	if (userdata != NULL) {
		stop(userdata);
	}
	return MOSQ_ERR_SUCCESS;
}
