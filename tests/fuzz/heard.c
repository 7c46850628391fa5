#include "heard.h"

#include "utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct heard_call *next(struct heard *h, enum heard_kind kind, const char *property, const char *text)
{
	struct heard_call *call = &h->calls[h->count];

	if (h->count == ARRAY_SIZE(h->calls) || (text && strlen(text) > DECODE_DETAIL_MAX) ||
	    (text && utf8_prefix(text, strlen(text)) != strlen(text))) {
		fprintf(stderr, "call %zu of the sink: too many, too long or not UTF-8\n", h->count + 1);
		abort();
	}
	h->count++;
	call->kind = kind;
	copy_text(call->property, sizeof(call->property), property ? property : "",
	          property ? strlen(property) : 0);
	call->value = 0;
	call->has_time = false;
	call->time_us = 0;
	call->reason = REJECT_NONE;
	call->has_text = text;
	copy_text(call->text, sizeof(call->text), text ? text : "", text ? strlen(text) : 0);
	return call;
}

static void on_value(void *context, const struct decode_value *value)
{
	struct heard_call *call = next(context, HEARD_VALUE, value->property->code, value->unit);

	if (!isfinite(value->value)) {
		fprintf(stderr, "a value that is not finite\n");
		abort();
	}
	call->value = value->value;
	call->has_time = value->has_time;
	call->time_us = value->has_time ? value->time_us : 0;
}

static void on_reject(void *context, enum reject reason, const char *property, const char *detail)
{
	next(context, HEARD_REJECT, property, detail)->reason = reason;
}

static void on_ignored(void *context, const char *member)
{
	next(context, HEARD_IGNORED, NULL, member);
}

struct decode_sink heard_sink(struct heard *h)
{
	h->count = 0;
	return (struct decode_sink){h, on_value, on_reject, on_ignored};
}

bool heard_same_value(double a, double b)
{
	uint64_t x, y;

	memcpy(&x, &a, sizeof(x));
	memcpy(&y, &b, sizeof(y));
	return x == y;
}

static bool same_call(const struct heard_call *a, const struct heard_call *b)
{
	return a->kind == b->kind && strcmp(a->property, b->property) == 0 &&
	       heard_same_value(a->value, b->value) && a->has_time == b->has_time &&
	       a->time_us == b->time_us && a->reason == b->reason && a->has_text == b->has_text &&
	       strcmp(a->text, b->text) == 0;
}

bool heard_same(const struct heard *a, const struct heard *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_call(&a->calls[i], &b->calls[i]))
			return false;
	return true;
}

void heard_print(const char *who, const struct heard *h)
{
	for (size_t i = 0; i < h->count; i++) {
		const struct heard_call *c = &h->calls[i];

		fprintf(stderr, "  %-8s ", who);
		if (c->kind == HEARD_VALUE)
			fprintf(stderr, "value %s %.17g (%a)", c->property, c->value, c->value);
		else if (c->kind == HEARD_REJECT)
			fprintf(stderr, "reject %s %s", reject_name(c->reason), c->property);
		else
			fprintf(stderr, "ignored");
		if (c->has_time)
			fprintf(stderr, " @%" PRId64, c->time_us);
		if (c->has_text)
			fprintf(stderr, " [%s]", c->text);
		fprintf(stderr, "\n");
	}
	if (!h->count)
		fprintf(stderr, "  %-8s nothing\n", who);
}
