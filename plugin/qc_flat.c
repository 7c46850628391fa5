#include "qc_private.h"

#include "util.h"

#include <string.h>

static void drop(struct qc_extremes *q, uint32_t i)
{
	size_t rest = q->count - i - 1;

	memmove(&q->value[i], &q->value[i + 1], rest * sizeof(q->value[0]));
	memmove(&q->since[i], &q->since[i + 1], rest * sizeof(q->since[0]));
	q->count--;
}

/* Room for one more: of the two neighbours nearest in value the larger stands for both. */
static void thin(struct qc_extremes *q)
{
	uint32_t nearest = 0;

	for (uint32_t i = 1; i + 1 < q->count; i++) {
		if (q->value[i] - q->value[i + 1] < q->value[nearest] - q->value[nearest + 1])
			nearest = i;
	}
	drop(q, nearest + 1);
}

static void push(struct qc_extremes *q, double value, int64_t since)
{
	while (q->count > 0 && q->value[q->count - 1] <= value) {
		q->count--;
		since = q->since[q->count];
	}
	if (q->count == QC_FLAT_MAX)
		thin(q);
	q->value[q->count] = value;
	q->since[q->count] = since;
	q->count++;
}

/* Leaves the longest end of the readings whose range is within the tolerance, which is over 0. */
static void trim(struct qc_state *s, double tolerance)
{
	while (!(s->high.value[0] + s->low.value[0] < tolerance)) {
		bool high = s->high.count > 1 && (s->low.count == 1 || s->high.since[1] <= s->low.since[1]);

		drop(high ? &s->high : &s->low, 0);
	}
}

/* Whether the readings from since to the newest, not counted yet, last a duration; 0: no. */
static bool lasts(const struct qc_config *c, const struct qc_state *s, int64_t duration_us, int64_t since,
                  int64_t us)
{
	if (duration_us <= 0 || duration_us < c->interval_us)
		return false;
	if (!s->high.by_time)
		return s->count - since + 1 > duration_us / c->interval_us;
	return us - since >= duration_us && s->count >= 2 &&
	       s->recent_us[(s->count - 2) % QC_RECENT] >= since;
}

/* Forgets what is older than both durations ask for: short windows need few entries. */
static void forget(const struct qc_config *c, const struct qc_state *s, struct qc_extremes *q, int64_t us)
{
	int64_t longest_us = MAX(c->flat_suspect_us, c->flat_fail_us);

	while (q->count > 1 && lasts(c, s, longest_us, q->since[1], us))
		drop(q, 0);
}

static void restart(struct qc_state *s, uint32_t from)
{
	s->high.count = 0;
	s->low.count = 0;
	s->flat_end = from;
}

void qc_flat_skip(struct qc_state *s)
{
	restart(s, s->count + 1);
}

enum quality qc_flat_judge(const struct qc_config *c, struct qc_state *s, int64_t us, double value)
{
	uint32_t by_time = c->interval_us <= 0;
	int64_t since;

	if (!(c->flat_tolerance > 0)) {
		qc_flat_skip(s);
		return QUALITY_PASS;
	}
	if (s->high.by_time != by_time)
		restart(s, s->count);
	s->high.by_time = s->low.by_time = by_time;
	since = by_time ? us : s->flat_end;
	push(&s->high, value, since);
	push(&s->low, -value, since);
	s->flat_end = s->count + 1;
	trim(s, c->flat_tolerance);
	forget(c, s, &s->high, us);
	forget(c, s, &s->low, us);
	since = MAX(s->high.since[0], s->low.since[0]);
	if (lasts(c, s, c->flat_fail_us, since, us))
		return QUALITY_FAIL;
	return lasts(c, s, c->flat_suspect_us, since, us) ? QUALITY_SUSPECT : QUALITY_PASS;
}
