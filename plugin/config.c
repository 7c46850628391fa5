#include "config.h"

#include "config_alerts.h"
#include "config_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPTION_COUNT 3

struct complaint {
	char *message;
	size_t size;
};

static int printf_like(2, 3) complain(const struct complaint *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->message, c->size, fmt, args);
	va_end(args);
	return -EINVAL;
}

static int take_option(struct config *c, const struct config_option *option,
                       const struct complaint *complaint)
{
	static const char *const names[OPTION_COUNT] = {"database", "state_dir", "config"};
	char **const texts[OPTION_COUNT] = {&c->database, &c->state_dir, &c->config_path};
	const char *near;

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (strcmp(option->key, names[i]) != 0)
			continue;
		if (*texts[i])
			return complain(complaint, "mosquitto.conf: plugin_opt_%s stands twice: remove one",
			                names[i]);
		if (!option->value || !option->value[0])
			return complain(complaint,
			                "mosquitto.conf: plugin_opt_%s has no value: give one or remove it",
			                names[i]);
		*texts[i] = strdup(option->value);
		return *texts[i] ? 0 : -ENOMEM;
	}
	near = config_line_suggest(option->key, names, OPTION_COUNT);
	if (near)
		return complain(complaint,
		                "mosquitto.conf: plugin_opt_%.60s is unknown: did you mean plugin_opt_%s?",
		                option->key, near);
	return complain(complaint,
	                "mosquitto.conf: plugin_opt_%.60s is unknown: allowed are plugin_opt_database, "
	                "plugin_opt_state_dir, plugin_opt_config",
	                option->key);
}

static int take_options(struct config *c, const struct config_option *options, size_t count,
                        const struct complaint *complaint)
{
	for (size_t i = 0; i < count; i++) {
		int r = take_option(c, &options[i], complaint);

		if (r < 0)
			return r;
	}
	if (!c->database)
		return complain(complaint,
		                "mosquitto.conf: plugin_opt_database is missing: add a line such as "
		                "plugin_opt_database host=/run/postgresql dbname=highwater");
	if (!c->state_dir)
		return complain(complaint,
		                "mosquitto.conf: plugin_opt_state_dir is missing: add a line such as "
		                "plugin_opt_state_dir /var/lib/mosquitto/highwater");
	if (c->state_dir[0] != '/')
		return complain(
			complaint,
			"mosquitto.conf: plugin_opt_state_dir is \"%.200s\": allowed is an absolute path, "
			"such as /var/lib/mosquitto/highwater",
			c->state_dir);
	return 0;
}

static int cannot_read(const char *path, int error, const struct complaint *complaint)
{
	complain(complaint,
	         "mosquitto.conf: plugin_opt_config: cannot read %.300s: %s; "
	         "correct the path or the file's permissions",
	         path, strerror(error));
	return -error;
}

/* Reads to the end, or CONFIG_FILE_MAX + 1 bytes. */
static int read_all(int fd, char *text, size_t *ret_length)
{
	size_t length = 0;

	while (length <= CONFIG_FILE_MAX) {
		ssize_t n = read(fd, text + length, CONFIG_FILE_MAX + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	*ret_length = length;
	return 0;
}

static int read_file(const char *path, char *text, size_t *ret_length, const struct complaint *complaint)
{
	/* O_NONBLOCK: a pipe under this name must not hold up the broker. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0)
		return cannot_read(path, errno, complaint);
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (S_ISDIR(st.st_mode))
		r = -EISDIR;
	else
		r = S_ISREG(st.st_mode) ? read_all(fd, text, ret_length) : -ENODEV;
	close(fd);
	if (r < 0)
		return cannot_read(path, -r, complaint);
	if (*ret_length > CONFIG_FILE_MAX)
		return complain(complaint, "%.300s:1: the file has over %u bytes: allowed is 1 MiB", path,
		                CONFIG_FILE_MAX);
	return 0;
}

static int load_file(struct config *c, const struct complaint *complaint)
{
	char *text = malloc(CONFIG_FILE_MAX + 1);
	struct config_file file = {c->config_path, text, complaint->message, complaint->size};
	struct json_slice root;
	size_t length = 0;
	int r;

	if (!text)
		return -ENOMEM;
	r = read_file(c->config_path, text, &length, complaint);
	if (r == 0)
		r = config_line_check(&file, length, &root);
	if (r == 0)
		r = config_keys_read(&file, root, c);
	free(text);
	return r;
}

/* Last, when nothing changes the sources any more. */
static int index_sources(struct config *c)
{
	const struct topic_pattern *patterns[CONFIG_SOURCES_MAX];

	for (size_t i = 0; i < c->source_count; i++)
		patterns[i] = &c->sources[i].pattern;
	return topic_index_new(&c->index, patterns, c->source_count);
}

static int load(struct config *c, const struct config_option *options, size_t count,
                const struct complaint *complaint)
{
	int r = take_options(c, options, count, complaint);

	if (r == 0)
		r = config_keys_defaults(c);
	if (r == 0 && c->config_path)
		r = load_file(c, complaint);
	return r == 0 ? index_sources(c) : r;
}

int config_load(struct config **ret, const struct config_option *options, size_t count, char *message,
                size_t size)
{
	const struct complaint complaint = {message, size};
	struct config *c = calloc(1, sizeof(*c));
	int r = c ? load(c, options, count, &complaint) : -ENOMEM;

	if (r == -ENOMEM)
		complain(&complaint, "no memory to read the configuration");
	if (r < 0) {
		config_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	topic_index_free(c->index);
	for (size_t i = 0; i < c->source_count; i++)
		topic_pattern_done(&c->sources[i].pattern);
	free(c->sources);
	config_alerts_done(c);
	free(c->prefix);
	free(c->config_path);
	free(c->state_dir);
	free(c->database);
	free(c);
}
