#include "qc_private.h"

#include "util.h"

#include <math.h>
#include <string.h>

#define STEPS 32 /* of the period, in which a full window forgets */

static struct qc_bucket single(enum qc_attenuated_method method, int64_t us, double value)
{
	return (struct qc_bucket){
		.us = us, .a = value, .b = method == QC_ATTENUATED_RANGE ? value : 0, .count = 1};
}

/* Both in one; the time of the later. Deviations: Chan, Golub, LeVeque (1979), formulas 2.1. */
static struct qc_bucket join(enum qc_attenuated_method method, const struct qc_bucket *x,
                             const struct qc_bucket *y)
{
	struct qc_bucket both = {.us = y->us, .count = x->count + y->count};
	double nx = x->count, ny = y->count;
	double apart = y->a - x->a;

	if (x->count == 0 || y->count == 0)
		return x->count == 0 ? *y : *x;
	if (method == QC_ATTENUATED_RANGE) {
		both.a = x->a < y->a ? x->a : y->a;
		both.b = x->b > y->b ? x->b : y->b;
	} else {
		both.a = x->a + apart * (ny / (nx + ny));
		both.b = x->b + y->b + apart * apart * (nx * ny / (nx + ny));
	}
	return both;
}

static struct qc_bucket *entry(struct qc_window *w, unsigned i)
{
	unsigned at = w->first + i;

	return &w->entry[at < QC_WINDOW_MAX ? at : at - QC_WINDOW_MAX];
}

/* Anew, when what it holds was gathered for another question. */
static void set_up(const struct qc_config *c, struct qc_window *w)
{
	if (w->period_us == c->attenuated_period_us && w->method == c->attenuated_method)
		return;
	memset(w, 0, sizeof(*w));
	w->period_us = c->attenuated_period_us;
	w->method = c->attenuated_method;
}

static void pop(struct qc_window *w)
{
	w->first = (uint8_t)(w->first + 1 < QC_WINDOW_MAX ? w->first + 1 : 0);
	if (w->front_count > 0)
		w->front_count--;
	else
		w->back_count--;
}

/* The single entries become the ones that sum up all after them. */
static void flip(struct qc_window *w)
{
	for (unsigned i = w->back_count; i > 1; i--) {
		struct qc_bucket *e = entry(w, i - 2);
		int64_t us = e->us;

		*e = join(w->method, e, entry(w, i - 1));
		e->us = us;
	}
	w->front_count = w->back_count;
	w->back_count = 0;
	w->open = (struct qc_bucket){0};
}

static void expire(struct qc_window *w, int64_t until_us)
{
	while (w->front_count > 0 && entry(w, 0)->us <= until_us)
		pop(w);
	if (w->front_count > 0 || w->back_count == 0 || entry(w, 0)->us > until_us)
		return;
	while (w->back_count > 0 && entry(w, 0)->us <= until_us)
		pop(w);
	flip(w);
}

/* Entries of one step become one, which leaves with its newest: at most STEPS + 2 are left. */
static void thin(struct qc_window *w)
{
	int64_t step_us = (w->period_us + STEPS - 1) / STEPS;
	unsigned all = (unsigned)w->front_count + w->back_count, front = w->front_count, kept = 0;
	int64_t step_end_us = INT64_MIN;

	for (unsigned i = 0; i < all; i++) {
		const struct qc_bucket *e = entry(w, i);
		bool is_front = i < front;

		if (kept > 0 && i != front && e->us < step_end_us) {
			struct qc_bucket *last = entry(w, kept - 1);

			if (!is_front)
				*last = join(w->method, last, e);
			last->us = e->us;
			w->front_count = (uint8_t)(w->front_count - is_front);
			w->back_count = (uint8_t)(w->back_count - !is_front);
			continue;
		}
		if (e->us >= step_end_us)
			step_end_us = e->us - e->us % step_us + (e->us >= 0 ? step_us : 0);
		*entry(w, kept++) = *e;
	}
}

static void push(struct qc_window *w, const struct qc_bucket *e)
{
	if (w->front_count + w->back_count == QC_WINDOW_MAX)
		thin(w);
	*entry(w, (unsigned)w->front_count + w->back_count) = *e;
	w->back_count++;
	w->open = join(w->method, &w->open, e);
}

/* Whether the window has the values it must have for a verdict; from_us is its oldest. */
static bool suffices(const struct qc_config *c, uint32_t count, int64_t from_us, int64_t us)
{
	if (c->attenuated_min_count > 0)
		return count >= c->attenuated_min_count;
	if (c->attenuated_min_period_us <= 0)
		return true;
	if (c->interval_us > 0)
		return count >= c->attenuated_min_period_us / c->interval_us;
	return (double)(us - from_us) * count >= (double)c->attenuated_min_period_us * (count - 1.0) &&
	       count > 1;
}

static enum quality verdict(const struct qc_config *c, const struct qc_bucket *sum)
{
	double size = c->attenuated_method == QC_ATTENUATED_RANGE ? sum->b - sum->a
	                                                          : sqrt(sum->b / (double)sum->count);

	if (size < c->attenuated_fail)
		return QUALITY_FAIL;
	return size < c->attenuated_suspect ? QUALITY_SUSPECT : QUALITY_PASS;
}

void qc_window_prefetch(const struct qc_window *w)
{
	unsigned end = (unsigned)w->first + w->front_count + w->back_count;

	__builtin_prefetch(&w->entry[w->first]);
	__builtin_prefetch(&w->entry[end % QC_WINDOW_MAX], 1);
}

enum quality qc_window_judge(const struct qc_config *c, struct qc_window *w, int64_t us, double value)
{
	struct qc_bucket new = single(c->attenuated_method, us, value), sum;
	int64_t from_us = us;

	set_up(c, w);
	if (w->period_us <= 0) {
		from_us = w->open.count > 0 ? w->open.us : us;
		w->open = join(w->method, &w->open, &new);
		w->open.us = from_us;
		sum = w->open;
	} else {
		expire(w, us - w->period_us);
		push(w, &new);
		from_us = entry(w, 0)->us;
		sum = w->front_count > 0 ? join(w->method, entry(w, 0), &w->open) : w->open;
		if (w->method == QC_ATTENUATED_RANGE && w->has_missing && w->missing_us > us - w->period_us)
			return QUALITY_NOT_EVALUATED;
	}
	return suffices(c, sum.count, from_us, us) ? verdict(c, &sum) : QUALITY_NOT_EVALUATED;
}

void qc_window_miss(const struct qc_config *c, struct qc_window *w, int64_t us)
{
	set_up(c, w);
	w->missing_us = us;
	w->has_missing = 1;
}
