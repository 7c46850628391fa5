#include "broker.h"
#include "host.h"

#include <errno.h>

static int publish(const char *client_id, const char *topic, const char *text, int qos, bool retain)
{
	int rc = mosquitto_broker_publish_copy(client_id, topic, (int)strlen(text), text, qos, retain, NULL);

	if (rc == MOSQ_ERR_SUCCESS) {
		return 0;
	}
	return rc == MOSQ_ERR_NOMEM ? -ENOMEM : -EINVAL;
}

int broker_publish(const char *topic, const char *text, int qos, bool retain)
{
	return publish(NULL, topic, text, qos, retain);
}

const char *broker_client_id(const void *client)
{
	const char *id = mosquitto_client_id(client);

	return id != NULL ? id : "";
}

int broker_publish_to(const char *client_id, const char *topic, const char *text)
{
	return publish(client_id, topic, text, 0, false);
}

static int mosquitto_level(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return MOSQ_LOG_ERR;
	case LOG_LEVEL_WARNING:
		return MOSQ_LOG_WARNING;
	case LOG_LEVEL_NOTICE:
		return MOSQ_LOG_NOTICE;
	case LOG_LEVEL_INFO:
		return MOSQ_LOG_INFO;
	case LOG_LEVEL_DEBUG:
		return MOSQ_LOG_DEBUG;
	}
	return MOSQ_LOG_ERR;
}

void broker_log(enum log_level level, const char *line)
{
	mosquitto_log_printf(mosquitto_level(level), "highwater: %s", line);
}
