#include "qc_store.h"

#include "slot_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct stored_memory {
	struct qc_memory memory;
	uint32_t window; /* slot of the datastream's window, or SLOT_NONE */
	uint32_t zero;
};

struct stored_window {
	uint64_t position;
	struct qc_window window;
};

_Static_assert(QC_SLOT_NONE == SLOT_NONE, "slots are passed on");
_Static_assert(sizeof(struct stored_memory) == 56 + sizeof(struct qc_state) + 8 &&
                       sizeof(struct stored_window) == 8 + sizeof(struct qc_window),
               "stored byte for byte");

static const struct slot_kind memory_kind = {
	.magic = "HWQCMEM",
	.version = QC_MEMORY_VERSION,
	.body_size = sizeof(struct stored_memory),
};

static const struct slot_kind window_kind = {
	.magic = "HWQCWIN",
	.version = QC_WINDOW_VERSION,
	.body_size = sizeof(struct stored_window),
};

struct qc_store {
	struct slot_store *memories, *windows;
};

static void close_both(struct qc_store *s)
{
	slot_store_close(s->memories);
	slot_store_close(s->windows);
	*s = (struct qc_store){NULL};
}

static int open_both(struct qc_store *s, const char *path, const char *windows, uint32_t max_slots,
                     uint32_t *ret_damaged)
{
	uint32_t memories_damaged = 0, windows_damaged = 0;
	int r = slot_store_open(&s->memories, path, &memory_kind, max_slots, &memories_damaged);

	if (r == 0) {
		r = slot_store_open(&s->windows, windows, &window_kind, max_slots, &windows_damaged);
	}
	if (r < 0) {
		close_both(s);
		return r;
	}
	*ret_damaged = memories_damaged + windows_damaged;
	return 0;
}

static int discard(const char *path)
{
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* A window says nothing without its memory, so that they go together. */
static int open_anyhow(struct qc_store *s, const char *path, const char *windows, uint32_t max_slots,
                       struct qc_store_report *report)
{
	int r = open_both(s, path, windows, max_slots, &report->damaged);

	if (r != -EBADMSG && r != -ESTALE) {
		return r;
	}
	report->discarded = true;
	r = discard(path);
	if (r == 0) {
		r = discard(windows);
	}
	return r == 0 ? open_both(s, path, windows, max_slots, &report->damaged) : r;
}

int qc_store_open(struct qc_store **ret, const char *path, uint32_t max_slots,
                  struct qc_store_report *ret_report)
{
	struct qc_store_report report = {.damaged = 0};
	struct qc_store *s = calloc(1, sizeof(*s));
	char *windows = NULL;
	int r;

	if (s == NULL) {
		return -ENOMEM;
	}
	if (asprintf(&windows, "%s-windows", path) < 0) {
		free(s);
		return -ENOMEM;
	}
	r = open_anyhow(s, path, windows, max_slots, &report);
	free(windows);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret_report = report;
	*ret = s;
	return 0;
}

void qc_store_close(struct qc_store *s)
{
	if (s != NULL) {
		close_both(s);
		free(s);
	}
}

struct visit {
	const struct qc_store *store;
	void (*each)(void *context, struct qc_place place, const struct datastream_key *key,
	             const struct qc_memory *memory, const struct qc_window *window);
	void *context;
};

static void visit_memory(void *context, uint32_t slot, const struct datastream_key *key, const void *body)
{
	const struct visit *v = context;
	const struct stored_memory *m = body;
	struct qc_place place = {slot, m->window};
	struct datastream_key window_key;
	const struct stored_window *w = slot_store_get(v->store->windows, m->window, &window_key);

	/* A slot that was damaged may be another datastream's by now. */
	if (w == NULL || memcmp(&window_key, key, sizeof(window_key)) != 0) {
		place.window = QC_SLOT_NONE;
		w = NULL;
	}
	v->each(v->context, place, key, &m->memory,
	        w != NULL && w->position == m->memory.position ? &w->window : NULL);
}

void qc_store_each(const struct qc_store *s,
                   void (*each)(void *context, struct qc_place place, const struct datastream_key *key,
                                const struct qc_memory *memory, const struct qc_window *window),
                   void *context)
{
	struct visit v = {s, each, context};

	slot_store_each(s->memories, visit_memory, &v);
}

static int put_window(struct qc_store *s, uint32_t *slot, const struct datastream_key *key, uint64_t position,
                      const struct qc_window *window)
{
	struct stored_window body;

	body.position = position;
	body.window = *window;
	return slot_store_put(s->windows, slot, key, &body);
}

int qc_store_put(struct qc_store *s, struct qc_place *place, const struct datastream_key *key,
                 const struct qc_memory *memory, const struct qc_window *window)
{
	struct stored_memory body;
	int window_error = 0, error;

	if (window != NULL) {
		window_error = put_window(s, &place->window, key, memory->position, window);
	}
	body.memory = *memory;
	body.window = place->window;
	body.zero = 0;
	error = slot_store_put(s->memories, &place->memory, key, &body);
	return error != 0 ? error : window_error;
}

int qc_store_extend(struct qc_store *s)
{
	int memories = slot_store_extend(s->memories);
	int windows = slot_store_extend(s->windows);

	return memories != 0 ? memories : windows;
}

int qc_store_sync(struct qc_store *s)
{
	int memories = slot_store_sync(s->memories);
	int windows = slot_store_sync(s->windows);

	return memories != 0 ? memories : windows;
}
