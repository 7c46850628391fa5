#include "outbox.h"

#include <errno.h>

int outbox_send(struct outbox *o, const struct announce *a, const struct transition *t)
{
	struct outbox_item item = {.transition = *t};
	int error = -ENOMEM;

	if (o->count == 0) {
		error = announce_transition(a, t, &item.said);
	}
	if (error != -ENOMEM) {
		return error;
	}
	if (o->count == OUTBOX_PLACES) {
		return -ENOBUFS;
	}
	o->item[(o->first + o->count) % OUTBOX_PLACES] = item;
	o->count++;
	return -EAGAIN;
}

size_t outbox_flush(struct outbox *o, const struct announce *a, size_t *ret_dropped)
{
	size_t before = o->count;

	*ret_dropped = 0;
	while (o->count > 0) {
		struct outbox_item *item = &o->item[o->first];
		int error = announce_transition(a, &item->transition, &item->said);

		if (error == -ENOMEM) {
			break;
		}
		/* What the broker refuses for another reason would stand in the way of the rest for ever. */
		*ret_dropped += error != 0;
		o->first = (o->first + 1) % OUTBOX_PLACES;
		o->count--;
	}
	return before - o->count;
}

size_t outbox_room(const struct outbox *o)
{
	return OUTBOX_PLACES - o->count;
}
