#include "alarm_store.h"

#include "alarm_format.h"
#include "alarm_upgrade.h"
#include "slot_store.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert(ALARM_SLOT_NONE == SLOT_NONE, "slots are passed on");

struct alarm_store {
	struct slot_store *slots;
};

int alarm_store_open(struct alarm_store **ret, const char *path, uint32_t max_slots, uint32_t *ret_damaged)
{
	struct alarm_store *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL) {
		return -ENOMEM;
	}
	r = slot_store_open(&s->slots, path, &alarm_format_kind, max_slots, ret_damaged);
	if (r == -ESTALE) {
		r = alarm_upgrade(&s->slots, path, max_slots, ret_damaged);
	}
	if (r < 0) {
		free(s);
		return r == -ESTALE ? -EBADMSG : r;
	}
	*ret = s;
	return 0;
}

void alarm_store_close(struct alarm_store *s)
{
	if (s != NULL) {
		slot_store_close(s->slots);
		free(s);
	}
}

struct visit {
	void (*each)(void *context, uint32_t slot, const struct datastream_key *key, enum cause cause,
	             int64_t period_us, const struct alarm_state *state);
	void *context;
};

static void visit_slot(void *context, uint32_t slot, const struct datastream_key *key, const void *body)
{
	const struct alarm_body *b = body;
	const struct visit *v = context;

	v->each(v->context, slot, key, (enum cause)b->cause, b->period_us, &b->state);
}

void alarm_store_each(const struct alarm_store *s,
                      void (*each)(void *context, uint32_t slot, const struct datastream_key *key,
                                   enum cause cause, int64_t period_us, const struct alarm_state *state),
                      void *context)
{
	struct visit v = {each, context};

	slot_store_each(s->slots, visit_slot, &v);
}

int alarm_store_put(struct alarm_store *s, uint32_t *slot, const struct datastream_key *key, enum cause cause,
                    int64_t period_us, const struct alarm_state *state)
{
	struct alarm_body body;

	alarm_format_encode(&body, cause, period_us, state);
	return slot_store_put(s->slots, slot, key, &body);
}

void alarm_store_set_published(struct alarm_store *s, uint64_t position)
{
	slot_store_set_mark(s->slots, position);
}

uint64_t alarm_store_published(const struct alarm_store *s)
{
	return slot_store_mark(s->slots);
}

int alarm_store_extend(struct alarm_store *s)
{
	return slot_store_extend(s->slots);
}

int alarm_store_sync(struct alarm_store *s)
{
	return slot_store_sync(s->slots);
}
