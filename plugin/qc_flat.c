#include "qc_private.h"

#include "util.h"

#include <string.h>

/* One of the two lists of the state. */
struct extremes {
	struct qc_extreme *entry;
	uint16_t *count;
};

static struct extremes highs(struct qc_state *s)
{
	return (struct extremes){s->high, &s->high_count};
}

static struct extremes lows(struct qc_state *s)
{
	return (struct extremes){s->low, &s->low_count};
}

static void drop(struct extremes q, uint32_t i)
{
	memmove(&q.entry[i], &q.entry[i + 1], (*q.count - i - 1) * sizeof(q.entry[0]));
	--*q.count;
}

/* Room for one more: of the two neighbours nearest in value the larger stands for both. */
static void thin(struct extremes q)
{
	uint32_t nearest = 0;

	for (uint32_t i = 1; i + 1 < *q.count; i++) {
		if (q.entry[i].value - q.entry[i + 1].value <
		    q.entry[nearest].value - q.entry[nearest + 1].value)
			nearest = i;
	}
	drop(q, nearest + 1);
}

static void push(struct extremes q, double value, int64_t since)
{
	while (*q.count > 0 && q.entry[*q.count - 1].value <= value)
		since = q.entry[--*q.count].since;
	if (*q.count == QC_FLAT_MAX)
		thin(q);
	q.entry[(*q.count)++] = (struct qc_extreme){.value = value, .since = since};
}

/* Leaves the longest end of the readings whose range is within the tolerance, which is over 0. */
static void trim(struct qc_state *s, double tolerance)
{
	while (!(s->high[0].value + s->low[0].value < tolerance)) {
		bool high = s->high_count > 1 && (s->low_count == 1 || s->high[1].since <= s->low[1].since);

		drop(high ? highs(s) : lows(s), 0);
	}
}

/* Whether the readings from since to the newest, not counted yet, last a duration; 0: no. */
static bool lasts(const struct qc_config *c, const struct qc_state *s, int64_t duration_us, int64_t since,
                  int64_t us)
{
	if (duration_us <= 0 || duration_us < c->interval_us)
		return false;
	if (!s->flat_by_time)
		return s->count - since >= duration_us / c->interval_us;
	return us - since >= duration_us && s->count >= 2 &&
	       s->recent_us[(s->count - 2) % QC_RECENT] >= since;
}

/* Forgets what is older than both durations ask for: short windows need few entries. */
static void forget(const struct qc_config *c, const struct qc_state *s, struct extremes q, int64_t us)
{
	int64_t longest_us = MAX(c->flat_suspect_us, c->flat_fail_us);

	while (*q.count > 1 && lasts(c, s, longest_us, q.entry[1].since, us))
		drop(q, 0);
}

static void restart(struct qc_state *s, uint32_t from)
{
	s->high_count = 0;
	s->low_count = 0;
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
	if (s->flat_by_time != by_time)
		restart(s, s->count);
	s->flat_by_time = by_time;
	since = by_time ? us : s->flat_end;
	push(highs(s), value, since);
	push(lows(s), -value, since);
	s->flat_end = s->count + 1;
	trim(s, c->flat_tolerance);
	forget(c, s, highs(s), us);
	forget(c, s, lows(s), us);
	since = MAX(s->high[0].since, s->low[0].since);
	if (lasts(c, s, c->flat_fail_us, since, us))
		return QUALITY_FAIL;
	return lasts(c, s, c->flat_suspect_us, since, us) ? QUALITY_SUSPECT : QUALITY_PASS;
}
