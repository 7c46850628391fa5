#include "player_link.h"

#include "clock.h"
#include "progress.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <unistd.h>

#define KEEPALIVE_S     30
#define PAUSE_MIN_US    250000
#define PAUSE_MAX_US    4000000
#define GOODBYE_MAX_US  2000000
#define REASON_FAILURES 0x80 /* MQTT 5, 2.4: reason codes from here on are failures */
#define SESSION_PRESENT 0x01 /* MQTT 3.1.1 and 5, 3.2.2.1: flag of CONNACK */
#define SESSION_S       3600 /* MQTT 5: how long the broker keeps it without us */

static void on_connect(struct mosquitto *m, void *user, int code, int flags,
                       const mosquitto_property *properties)
{
	struct player_link *l = user;

	(void)m, (void)properties;
	l->last_progress_us = clock_monotonic_us();
	if (code != 0) {
		l->refusal = l->options->protocol == MQTT_PROTOCOL_V5 ? mosquitto_reason_string(code)
		                                                      : mosquitto_connack_string(code);
		return;
	}
	if (l->ever_connected) {
		progress_note("connected again; sending %d unacknowledged messages again", l->in_flight);
	}
	if (l->ever_connected && l->options->qos == 2 && (flags & SESSION_PRESENT) == 0 && l->in_flight > 0) {
		progress_note(
			"the broker has forgotten the session: some of these may not reach subscribers");
	}
	l->connected = true;
	l->ever_connected = true;
	l->pause_us = PAUSE_MIN_US;
}

static void on_publish(struct mosquitto *m, void *user, int id, int code,
                       const mosquitto_property *properties)
{
	struct player_link *l = user;

	(void)m, (void)id, (void)properties;
	l->last_progress_us = clock_monotonic_us();
	l->in_flight--;
	if (code < REASON_FAILURES) {
		l->acknowledged++;
		return;
	}
	l->refused++;
	if (l->refused <= 10) {
		progress_note("the broker refused a message: %s", mosquitto_reason_string(code));
	}
}

static const char *error_text(int rc)
{
	return rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc);
}

static void note_lost_connection(struct player_link *l, const char *why)
{
	l->connected = false;
	l->retry_us = clock_monotonic_us() + l->pause_us;
	if (l->options->qos == 0) {
		l->lost += (unsigned long)l->in_flight;
		l->in_flight = 0;
	}
	progress_note("connection to %s:%d lost (%s); trying again", l->options->host, l->options->port, why);
}

/* Every setting that libmosquitto wants before a connection. */
static int configure(struct player_link *l)
{
	const struct player_options *o = l->options;
	struct mosquitto *m = l->mosquitto;
	int rc;

	mosquitto_connect_v5_callback_set(m, on_connect);
	mosquitto_publish_v5_callback_set(m, on_publish);
	rc = mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, o->protocol);
	if (rc == MOSQ_ERR_SUCCESS) {
		rc = mosquitto_int_option(m, MOSQ_OPT_SEND_MAXIMUM, o->max_in_flight);
	}
	if (rc == MOSQ_ERR_SUCCESS) {
		rc = mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
	}
	if (rc == MOSQ_ERR_SUCCESS && o->username != NULL) {
		rc = mosquitto_username_pw_set(m, o->username, o->password);
	}
	if (rc == MOSQ_ERR_SUCCESS && o->ca_file != NULL) {
		rc = mosquitto_tls_set(m, o->ca_file, NULL, NULL, NULL, NULL);
	} else if (rc == MOSQ_ERR_SUCCESS && o->tls) {
		rc = mosquitto_int_option(m, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
	}
	return rc;
}

static int await_connack(struct player_link *l)
{
	int64_t until_us = clock_monotonic_us() + l->options->patience_us;
	int rc = MOSQ_ERR_SUCCESS;

	while (!l->connected && l->refusal == NULL && rc == MOSQ_ERR_SUCCESS) {
		if (clock_monotonic_us() > until_us) {
			rc = MOSQ_ERR_NO_CONN;
			break;
		}
		rc = mosquitto_loop(l->mosquitto, 100, 1);
	}
	return l->connected ? MOSQ_ERR_SUCCESS : rc;
}

/* MQTT 5 brokers end a session with its connection unless they are told otherwise. */
static int connect_once(struct player_link *l)
{
	const struct player_options *o = l->options;
	mosquitto_property *properties = NULL;
	int rc = MOSQ_ERR_SUCCESS;

	if (o->protocol == MQTT_PROTOCOL_V5 && l->keeps_session) {
		rc = mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, SESSION_S);
	}
	if (rc == MOSQ_ERR_SUCCESS) {
		rc = mosquitto_connect_bind_v5(l->mosquitto, o->host, o->port, KEEPALIVE_S, NULL, properties);
	}
	mosquitto_property_free_all(&properties);
	return rc;
}

/*
 * At QoS 2 the broker must remember over a lost connection which messages it has half
 * taken, or they are gone: libmosquitto goes on with PUBREL, not with PUBLISH.
 */
static struct mosquitto *new_client(struct player_link *l)
{
	const char *id = l->options->id;

	l->keeps_session = l->options->qos == 2;
	if (id == NULL && l->keeps_session) {
		snprintf(l->made_id, sizeof(l->made_id), "highwater-player-%d-%llx", (int)getpid(),
		         (unsigned long long)clock_realtime_us());
		id = l->made_id;
	}
	return mosquitto_new(id, !l->keeps_session, l);
}

int player_link_open(struct player_link *ret, const struct player_options *o)
{
	int rc;

	*ret = (struct player_link){.options = o, .pause_us = PAUSE_MIN_US};
	ret->mosquitto = new_client(ret);
	if (ret->mosquitto == NULL) {
		return -errno;
	}
	rc = configure(ret);
	if (rc == MOSQ_ERR_SUCCESS) {
		rc = connect_once(ret);
	}
	if (rc == MOSQ_ERR_SUCCESS) {
		rc = await_connack(ret);
	}
	ret->last_progress_us = clock_monotonic_us();
	if (ret->connected) {
		return 0;
	}
	progress_note("cannot connect to %s:%d: %s", o->host, o->port,
	              ret->refusal != NULL ? ret->refusal : error_text(rc));
	return -ECONNREFUSED;
}

int player_link_publish(struct player_link *l, const struct player_message *m)
{
	int rc;

	/* Before the call: at QoS 0 it may run on_publish() itself. */
	l->in_flight++;
	l->sent++;
	if (l->in_flight == 1) {
		l->last_progress_us = clock_monotonic_us();
	}
	rc = mosquitto_publish(l->mosquitto, NULL, m->topic, m->payload_length, m->payload, l->options->qos,
	                       false);
	switch (rc) {
	case MOSQ_ERR_SUCCESS:
		return 0;
	case MOSQ_ERR_NO_CONN:
	case MOSQ_ERR_CONN_LOST:
	case MOSQ_ERR_ERRNO:
		/*
		 * The connection has gone. At QoS 1 and 2 libmosquitto has queued the message before it
		 * wrote, and sends it later; player_link_turn() will meet the loss.
		 */
		return 0;
	default:
		l->in_flight--;
		l->sent--;
		progress_note("%s: cannot be sent: %s", m->topic, error_text(rc));
		return -EINVAL;
	}
}

static void pause_for(int64_t us)
{
	if (us > 0) {
		poll(NULL, 0, (int)(us / 1000) + 1);
	}
}

static void reconnect(struct player_link *l, int64_t timeout_us)
{
	int64_t now_us = clock_monotonic_us();

	if (now_us < l->retry_us) {
		pause_for(MIN(timeout_us, l->retry_us - now_us));
		return;
	}
	l->pause_us = MIN(2 * l->pause_us, PAUSE_MAX_US);
	l->retry_us = now_us + l->pause_us;
	if (mosquitto_reconnect(l->mosquitto) == MOSQ_ERR_SUCCESS) {
		(void)await_connack(l);
	}
}

static int check_patience(const struct player_link *l)
{
	bool waiting = !l->connected || l->in_flight > 0;

	if (l->refusal != NULL) {
		progress_note("%s:%d refuses the connection: %s", l->options->host, l->options->port,
		              l->refusal);
		return -ECONNREFUSED;
	}
	if (waiting && clock_monotonic_us() - l->last_progress_us > l->options->patience_us) {
		progress_note("%s for %lld s: giving up",
		              l->connected ? "no acknowledgement" : "no connection to the broker",
		              (long long)(l->options->patience_us / 1000000));
		return -ETIMEDOUT;
	}
	return 0;
}

int player_link_turn(struct player_link *l, int64_t timeout_us)
{
	if (!l->connected) {
		reconnect(l, timeout_us);
	} else {
		int rc = mosquitto_loop(l->mosquitto, (int)MIN(timeout_us / 1000, 1000), 1);

		if (rc != MOSQ_ERR_SUCCESS) {
			note_lost_connection(l, error_text(rc));
		}
	}
	return check_patience(l);
}

static void say_goodbye(struct player_link *l)
{
	int64_t until_us = clock_monotonic_us() + GOODBYE_MAX_US;
	mosquitto_property *properties = NULL;

	if (l->options->protocol == MQTT_PROTOCOL_V5 && l->keeps_session &&
	    mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, 0) !=
	            MOSQ_ERR_SUCCESS) {
		return;
	}
	if (mosquitto_disconnect_v5(l->mosquitto, 0, properties) == MOSQ_ERR_SUCCESS) {
		while (mosquitto_want_write(l->mosquitto) && clock_monotonic_us() < until_us &&
		       mosquitto_loop(l->mosquitto, 100, 1) == MOSQ_ERR_SUCCESS) {}
	}
	mosquitto_property_free_all(&properties);
	l->connected = false;
}

/* MQTT 3.1.1 has no other way to end a session than to connect once more with a clean one. */
static void forget_session(struct player_link *l)
{
	const char *id = l->options->id != NULL ? l->options->id : l->made_id;

	l->keeps_session = false;
	if (mosquitto_reinitialise(l->mosquitto, id, true, l) == MOSQ_ERR_SUCCESS &&
	    configure(l) == MOSQ_ERR_SUCCESS && connect_once(l) == MOSQ_ERR_SUCCESS &&
	    await_connack(l) == MOSQ_ERR_SUCCESS && l->connected) {
		say_goodbye(l);
	}
}

void player_link_close(struct player_link *l)
{
	bool connected = l->connected, leaves_session = l->keeps_session && l->in_flight == 0;

	if (l->mosquitto == NULL) {
		return;
	}
	l->ever_connected = false;
	if (connected) {
		say_goodbye(l);
	}
	if (connected && leaves_session && l->options->protocol == MQTT_PROTOCOL_V311) {
		forget_session(l);
	}
	mosquitto_destroy(l->mosquitto);
	l->mosquitto = NULL;
}
