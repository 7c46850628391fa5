#include "qc_private.h"

#include "util.h"

#include <math.h>
#include <string.h>

static void drop(struct qc_extremes *q, uint32_t i)
{
	size_t rest = q->count - i - 1;

	memmove(&q->value[i], &q->value[i + 1], rest * sizeof(q->value[0]));
	memmove(&q->since_us[i], &q->since_us[i + 1], rest * sizeof(q->since_us[0]));
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

static void push(struct qc_extremes *q, double value, int64_t us, uint32_t since)
{
	while (q->count > 0 && q->value[q->count - 1] <= value) {
		q->count--;
		us = q->since_us[q->count];
		since = q->since[q->count];
	}
	if (q->count == QC_FLAT_MAX)
		thin(q);
	q->value[q->count] = value;
	q->since_us[q->count] = us;
	q->since[q->count] = since;
	q->count++;
}

/* The longest end of the readings whose range is within the tolerance, which is over 0. */
static void trim(struct qc_state *s, double tolerance)
{
	while (!(s->high.value[0] + s->low.value[0] < tolerance)) {
		bool high = s->high.count > 1 && (s->low.count == 1 || s->high.since[1] <= s->low.since[1]);

		drop(high ? &s->high : &s->low, 0);
	}
}

/* Whether the end that begins with the first entry is long enough for a duration; 0: no. */
static bool lasts(const struct qc_config *c, const struct qc_state *s, int64_t duration_us, uint32_t since,
                  int64_t since_us, int64_t us)
{
	int64_t readings = (int64_t)(s->count - since) + 1;

	if (duration_us <= 0)
		return false;
	if (c->interval_us > 0)
		return duration_us >= c->interval_us && readings > duration_us / c->interval_us;
	return readings >= 3 && us - since_us >= duration_us;
}

/* Forgets what is older than both durations ask for: short windows need few entries. */
static void forget(const struct qc_config *c, const struct qc_state *s, struct qc_extremes *q, int64_t us)
{
	int64_t longest_us = MAX(c->flat_suspect_us, c->flat_fail_us);

	while (q->count > 1 && lasts(c, s, longest_us, q->since[1], q->since_us[1], us))
		drop(q, 0);
}

void qc_flat_skip(struct qc_state *s)
{
	s->high.count = 0;
	s->low.count = 0;
	s->flat_end = s->count + 1;
}

enum quality qc_flat_judge(const struct qc_config *c, struct qc_state *s, int64_t us, double value)
{
	uint32_t since;
	int64_t since_us;

	if (!(c->flat_tolerance > 0)) {
		qc_flat_skip(s);
		return QUALITY_PASS;
	}
	push(&s->high, value, us, s->flat_end);
	push(&s->low, -value, us, s->flat_end);
	s->flat_end = s->count + 1;
	trim(s, c->flat_tolerance);
	forget(c, s, &s->high, us);
	forget(c, s, &s->low, us);
	since = MAX(s->high.since[0], s->low.since[0]);
	since_us = MAX(s->high.since_us[0], s->low.since_us[0]);
	if (lasts(c, s, c->flat_fail_us, since, since_us, us))
		return QUALITY_FAIL;
	return lasts(c, s, c->flat_suspect_us, since, since_us, us) ? QUALITY_SUSPECT : QUALITY_PASS;
}
