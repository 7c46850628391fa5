#include "config_alerts.h"

#include "config_cap.h"

#include <errno.h>
#include <stdlib.h>

#define MINUTE_US (INT64_C(60) * 1000000)
#define HOUR_US   (60 * MINUTE_US)
#define DAY_US    (24 * HOUR_US)

/* As many bytes of a user's name as an action is recorded with. */
#define USER_MAX 64

void config_alerts_defaults(struct config *c)
{
	c->alerts_qos = 1;
	c->shelve_max_us = 8 * HOUR_US;
}

void config_alerts_done(struct config *c)
{
	for (size_t i = 0; i < c->operator_count; i++)
		free(c->operators[i]);
	free(c->operators);
	c->operators = NULL;
	c->operator_count = 0;
	cap_config_free(c->cap);
	c->cap = NULL;
}

static int take_qos(const struct config_file *f, const struct config_member *m, void *context)
{
	struct config *c = context;
	int64_t qos;
	int r = config_line_integer(f, m, 0, 2, "0, 1 or 2", &qos);

	if (r == 0)
		c->alerts_qos = (int)qos;
	return r;
}

/* Takes name over. */
static int add_operator(const struct config_file *f, struct json_slice place, char *name, struct config *c)
{
	size_t length = strlen(name);
	char **grown;

	for (size_t i = 0; i < c->operator_count; i++) {
		if (strcmp(c->operators[i], name) == 0) {
			config_line_fail(f, place, "\"operators\" has \"%s\" twice: remove one", name);
			free(name);
			return -EINVAL;
		}
	}
	if (length == 0 || length > USER_MAX) {
		free(name);
		return config_line_fail(f, place,
		                        "a name in \"operators\" has %zu bytes: allowed are 1 to %d", length,
		                        USER_MAX);
	}
	grown = realloc(c->operators, (c->operator_count + 1) * sizeof(*grown));
	if (!grown) {
		free(name);
		return -ENOMEM;
	}
	c->operators = grown;
	c->operators[c->operator_count++] = name;
	return 0;
}

static int take_operators(const struct config_file *f, const struct config_member *m, void *context)
{
	static const char allowed[] = "a list of user names such as [\"duty\"], or [\"*\"] for any user";
	struct json_items items = json_slice_items(m->value);
	struct config *c = context;
	struct json_slice item;

	if (json_slice_kind(m->value) != JSON_KIND_ARRAY)
		return config_line_refuse(f, m, allowed);
	while (json_slice_element(&items, &item)) {
		const struct config_member member = {m->name, item};
		char *name;
		int r;

		if (c->operator_count == CONFIG_OPERATORS_MAX)
			return config_line_fail(f, item, "more than %d operators", CONFIG_OPERATORS_MAX);
		if (json_slice_kind(item) != JSON_KIND_STRING)
			return config_line_fail(f, item, "\"operators\" has %s in it: allowed is %s",
			                        json_slice_kind_name(item), allowed);
		r = config_line_string(f, &member, allowed, &name);
		if (r == 0)
			r = add_operator(f, item, name, c);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_anonymous(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_boolean(f, m, &((struct config *)context)->anonymous_operators);
}

static int take_shelve_max(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_duration(f, m, MINUTE_US, 30 * DAY_US,
	                            "a duration from \"1m\" to \"30d\", such as \"8h\"",
	                            &((struct config *)context)->shelve_max_us);
}

static int take_cap(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_cap_read(f, m, &((struct config *)context)->cap);
}

static const struct config_key keys[] = {
	{"qos", take_qos},
	{"operators", take_operators},
	{"anonymous_operators", take_anonymous},
	{"shelve_max", take_shelve_max},
	{"cap", take_cap},
};

int config_alerts_read(const struct config_file *f, const struct config_member *m, struct config *c)
{
	return config_line_object(f, "\"alerts\"", m->value, keys, ARRAY_SIZE(keys), c);
}
