#include "plugin_config.h"

#include "writer.h"

#include <stdio.h>

int plugin_config_load(struct config **ret, const struct config_option *options, size_t count, char *message,
                       size_t size)
{
	char why[CONFIG_MESSAGE_SIZE];
	struct config *config;
	int error = config_load(&config, options, count, message, size);

	if (error != 0) {
		return error;
	}
	error = writer_check(config->database, why, sizeof(why));
	if (error != 0) {
		snprintf(
			message, size,
			"mosquitto.conf: plugin_opt_database is not a connection string of libpq: %s; write, for instance, "
			"host=/run/postgresql dbname=highwater",
			why);
		config_free(config);
		return error;
	}
	*ret = config;
	return 0;
}

int plugin_config_reload(struct config **ret, const struct config *old, char *message, size_t size)
{
	const struct config_option options[] = {
		{"database", old->database},
		{"state_dir", old->state_dir},
		{"config", old->config_path},
	};

	return plugin_config_load(ret, options, old->config_path != NULL ? 3 : 2, message, size);
}

const char *plugin_config_needs_restart(const struct config *old, const struct config *new)
{
	if (old->journal_max_size != new->journal_max_size ||
	    old->journal_segment_size != new->journal_segment_size ||
	    old->journal_sync_us != new->journal_sync_us) {
		return "journal";
	}
	if (old->max_datastreams < new->max_datastreams) {
		return "max_datastreams (for the alarm state on disk)";
	}
	return old->shutdown_timeout_us != new->shutdown_timeout_us ? "shutdown_timeout" : NULL;
}
