#include "alarm_upgrade.h"

#include "alarm_format.h"
#include "slot_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void count_slot(void *context, uint32_t slot, const struct datastream_key *key, const void *body)
{
	uint32_t *count = context;

	(void)slot;
	(void)key;
	(void)body;
	(*count)++;
}

struct move {
	struct slot_store *to;
	int error;
};

static void move_slot(void *context, uint32_t old_slot, const struct datastream_key *key, const void *body)
{
	struct move *m = context;
	uint32_t slot = SLOT_NONE;
	struct alarm_body upgraded;

	(void)old_slot;
	if (m->error == 0) {
		m->error = slot_store_extend(m->to);
	}
	if (m->error == 0) {
		alarm_format_upgrade(body, &upgraded);
		m->error = slot_store_put(m->to, &slot, key, &upgraded);
	}
}

/* All that old has, flushed. */
static int move_all(const struct slot_store *old, struct slot_store *to)
{
	struct move m = {.to = to};

	slot_store_each(old, move_slot, &m);
	if (m.error == 0 && slot_store_mark(old) != 0) {
		slot_store_set_mark(to, slot_store_mark(old));
	}
	return m.error == 0 ? slot_store_sync(to) : m.error;
}

/* While the old store is open no other process gets past its lock. */
static int replace(const struct slot_store *old, const char *path, const char *beside, uint32_t max_slots,
                   struct slot_store **ret)
{
	struct slot_store *to = NULL;
	uint32_t count = 0, damaged;
	int error;

	slot_store_each(old, count_slot, &count);
	error = unlink(beside) == 0 || errno == ENOENT ? 0 : -errno;
	if (error == 0) {
		error = slot_store_open(&to, beside, &alarm_format_kind, MAX(max_slots, count), &damaged);
	}
	if (error == 0) {
		error = move_all(old, to);
		error = error == 0 ? slot_file_rename(beside, path) : error;
	}
	if (error != 0) {
		slot_store_close(to);
		(void)unlink(beside);
		return error;
	}
	*ret = to;
	return 0;
}

int alarm_upgrade(struct slot_store **ret, const char *path, uint32_t max_slots, uint32_t *ret_damaged)
{
	struct slot_store *old;
	char *beside = NULL;
	int error = slot_store_open(&old, path, &alarm_format_kind_1, max_slots, ret_damaged);

	if (error != 0) {
		return error;
	}
	if (asprintf(&beside, "%s.2", path) < 0) {
		beside = NULL;
		error = -ENOMEM;
	}
	if (error == 0) {
		error = replace(old, path, beside, max_slots, ret);
	}
	free(beside);
	slot_store_close(old);
	return error;
}
