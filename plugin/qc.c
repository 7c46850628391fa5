#include "qc.h"

#include "qc_private.h"
#include "util.h"

#include <math.h>
#include <string.h>

#define VERDICT_BITS    3
#define VERDICT_MASK    7U
#define VERDICT_MISSING 5U           /* of enum quality's 9 */
#define EVERY_TEST      01111111111U /* the lowest bit of each verdict */

_Static_assert(QC_TEST_COUNT == 10, "EVERY_TEST has a digit for each; 32 bits hold ten");

static const char *const names[] = {
#define X(id, name) [id] = (name),
	QC_TESTS(X)
#undef X
};

const char *qc_test_name(enum qc_test t)
{
	return names[t];
}

bool qc_test_find(const char *name, enum qc_test *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum qc_test)i;
			return true;
		}
	}
	return false;
}

enum quality qc_tests_get(uint32_t tests, enum qc_test t)
{
	uint32_t verdict = tests >> (VERDICT_BITS * (uint32_t)t) & VERDICT_MASK;

	return verdict == VERDICT_MISSING ? QUALITY_MISSING : (enum quality)verdict;
}

uint32_t qc_tests_set(uint32_t tests, enum qc_test t, enum quality flag)
{
	uint32_t shift = VERDICT_BITS * (uint32_t)t;
	uint32_t verdict = flag == QUALITY_MISSING ? VERDICT_MISSING : (uint32_t)flag;

	return (tests & ~(VERDICT_MASK << shift)) | verdict << shift;
}

enum quality qc_aggregate(uint32_t tests)
{
	uint32_t judged = tests & ~(VERDICT_MASK << VERDICT_BITS * QC_GAP);
	uint32_t ones = judged & EVERY_TEST;
	uint32_t twos = judged >> 1 & EVERY_TEST;
	uint32_t fours = judged >> 2 & EVERY_TEST;

	if (fours & ~ones)
		return QUALITY_FAIL;
	if (twos & ones)
		return QUALITY_SUSPECT;
	if (ones & ~fours)
		return QUALITY_PASS;
	return fours && !twos ? QUALITY_MISSING : QUALITY_NOT_EVALUATED;
}

static bool is_set_up(const struct qc_config *c, enum qc_test t)
{
	return c->enabled >> t & 1;
}

/* The verdict of a test, if it is set up. */
static void judge(const struct qc_config *c, uint32_t *tests, enum qc_test t, enum quality flag)
{
	if (is_set_up(c, t))
		*tests = qc_tests_set(*tests, t, flag);
}

static uint32_t all_missing(const struct qc_config *c)
{
	uint32_t tests = 0;

	for (int t = 0; t < QC_TEST_COUNT; t++)
		judge(c, &tests, (enum qc_test)t, QUALITY_MISSING);
	return tests;
}

static bool is_missing(const struct qc_config *c, const struct qc_input *in)
{
	if (isnan(in->value))
		return true;
	for (unsigned i = 0; is_set_up(c, QC_MISSING) && i < c->code_count; i++) {
		if (in->raw == c->codes[i])
			return true;
	}
	return false;
}

/* A threshold that is NAN is never passed. */
static enum quality over(double size, double suspect, double fail)
{
	if (size > fail)
		return QUALITY_FAIL;
	return size > suspect ? QUALITY_SUSPECT : QUALITY_PASS;
}

static double spike_size(enum qc_spike_method method, double before, double value, double after)
{
	double rise = value - before, fall = value - after;

	if (method == QC_SPIKE_AVERAGE)
		return fabs(value - (before + after) / 2);
	return rise * fall > 0 ? fmin(fabs(rise), fabs(fall)) : 0;
}

static enum quality spike(const struct qc_config *c, double before, double value, double after)
{
	if (isnan(before) || isnan(after))
		return QUALITY_NOT_EVALUATED;
	return over(spike_size(c->spike_method, before, value, after),
	            c->spike_suspect > 0 ? c->spike_suspect : NAN, c->spike_fail > 0 ? c->spike_fail : NAN);
}

static enum quality rate_of_change(const struct qc_config *c, double heard, double value, int64_t us)
{
	double change = fabs(value - heard);
	double passed_us = fmax(fabs((double)us), (double)c->rate_period_us);

	if (isnan(heard) || !(change > 0))
		return QUALITY_PASS;
	return over(us == 0 ? INFINITY : change / (passed_us / 1e6), c->rate_suspect, c->rate_fail);
}

static enum quality neighbour(const struct qc_config *c, const struct qc_input *in)
{
	if (isnan(in->neighbour) || in->neighbour_us < in->phenomenon_us - c->neighbour_window_us ||
	    in->neighbour_us > in->phenomenon_us + c->neighbour_window_us)
		return QUALITY_NOT_EVALUATED;
	return over(fabs(in->value - in->neighbour), c->neighbour_suspect, c->neighbour_fail);
}

static size_t place(uint32_t number)
{
	return number % QC_RECENT;
}

/* Of the newest reading; not to be asked when there is none. */
static int64_t newest_us(const struct qc_state *s)
{
	return s->recent_us[place(s->count - 1)];
}

/* What holds for a reading by itself, out of order too. */
static uint32_t judge_alone(const struct qc_config *c, const struct qc_season *seasons,
                            const struct qc_input *in)
{
	uint32_t tests = 0;

	judge(c, &tests, QC_MISSING, QUALITY_PASS);
	judge(c, &tests, QC_GROSS_RANGE,
	      qc_span(in->value, c->fail_min, c->fail_max, c->suspect_min, c->suspect_max));
	if (is_set_up(c, QC_CLIMATOLOGY))
		judge(c, &tests, QC_CLIMATOLOGY, qc_season_judge(c, seasons, in->phenomenon_us, in->value));
	judge(c, &tests, QC_SPIKE, QUALITY_NOT_EVALUATED);
	judge(c, &tests, QC_NEIGHBOUR, neighbour(c, in));
	return tests;
}

/* Gives the reading at place i a new verdict, and says so. */
static void settle(struct qc_state *s, size_t i, enum qc_test t, enum quality flag, struct qc_result *ret)
{
	s->recent_tests[i] = qc_tests_set(s->recent_tests[i], t, flag);
	ret->settles = true;
	ret->settled_us = s->recent_us[i];
	ret->settled_tests = s->recent_tests[i];
	ret->settled_quality = (uint8_t)qc_aggregate(s->recent_tests[i]);
}

static void settle_spike(const struct qc_config *c, struct qc_state *s, double after, struct qc_result *ret)
{
	size_t i = place(s->count - 1);
	enum quality flag;

	if (!is_set_up(c, QC_SPIKE) || s->count < 2 ||
	    qc_tests_get(s->recent_tests[i], QC_SPIKE) != QUALITY_NOT_EVALUATED)
		return;
	flag = spike(c, s->before, s->newest, after);
	if (flag != QUALITY_NOT_EVALUATED)
		settle(s, i, QC_SPIKE, flag, ret);
}

/* The time verdict of a reading that stands aside; the one whose stamp it has gets it too. */
static enum quality judge_stamp(const struct qc_config *c, struct qc_state *s, int64_t us,
                                struct qc_result *ret)
{
	for (size_t i = 0; i < MIN(s->count, QC_RECENT); i++) {
		enum quality had = qc_tests_get(s->recent_tests[i], QC_TIME);

		if (s->recent_us[i] != us)
			continue;
		if (is_set_up(c, QC_TIME) && had == QUALITY_PASS)
			settle(s, i, QC_TIME, QUALITY_SUSPECT, ret);
		return QUALITY_SUSPECT;
	}
	return QUALITY_NOT_EVALUATED;
}

static void check_aside(const struct qc_config *c, struct qc_state *s, const struct qc_input *in, bool usable,
                        struct qc_result *ret)
{
	int64_t since_us = in->phenomenon_us - newest_us(s);
	enum quality stamp = judge_stamp(c, s, in->phenomenon_us, ret);

	if (usable) {
		judge(c, &ret->tests, QC_GAP, c->gap_us > 0 ? QUALITY_PASS : QUALITY_NOT_EVALUATED);
		judge(c, &ret->tests, QC_TIME, stamp);
		judge(c, &ret->tests, QC_RATE_OF_CHANGE, rate_of_change(c, s->heard, in->value, since_us));
		judge(c, &ret->tests, QC_FLAT_LINE, QUALITY_NOT_EVALUATED);
		judge(c, &ret->tests, QC_ATTENUATED_SIGNAL, QUALITY_NOT_EVALUATED);
	}
	if (since_us == 0)
		s->heard = usable ? in->value : NAN;
}

static void remember(struct qc_state *s, int64_t us, double value, uint32_t tests)
{
	s->recent_us[place(s->count)] = us;
	s->recent_tests[place(s->count)] = tests;
	s->before = s->newest;
	s->newest = value;
	s->heard = value;
	s->count++;
}

static void check_fresh(const struct qc_config *c, struct qc_state *s, struct qc_window *w,
                        const struct qc_input *in, bool usable, struct qc_result *ret)
{
	int64_t us = in->phenomenon_us;
	double value = usable ? in->value : NAN;
	int64_t since_us = s->count > 0 ? us - newest_us(s) : 0;
	enum quality gap = c->gap_us > 0 ? QUALITY_PASS : QUALITY_NOT_EVALUATED;

	if (c->gap_us > 0 && since_us > c->gap_us) {
		gap = QUALITY_FAIL;
		ret->gap = true;
		ret->gap_from_us = newest_us(s);
	}
	if (w)
		qc_window_prefetch(w);
	settle_spike(c, s, value, ret);
	if (usable) {
		judge(c, &ret->tests, QC_GAP, gap);
		judge(c, &ret->tests, QC_TIME, QUALITY_PASS);
		judge(c, &ret->tests, QC_RATE_OF_CHANGE,
		      s->count > 0 ? rate_of_change(c, s->heard, value, since_us) : QUALITY_PASS);
		if (is_set_up(c, QC_FLAT_LINE))
			judge(c, &ret->tests, QC_FLAT_LINE, qc_flat_judge(c, s, us, value));
		else
			qc_flat_skip(s);
	}
	if (is_set_up(c, QC_ATTENUATED_SIGNAL)) {
		if (!w)
			judge(c, &ret->tests, QC_ATTENUATED_SIGNAL,
			      usable ? QUALITY_NOT_EVALUATED : QUALITY_MISSING);
		else if (usable)
			judge(c, &ret->tests, QC_ATTENUATED_SIGNAL, qc_window_judge(c, w, us, value));
		else
			qc_window_miss(c, w, us);
	}
	remember(s, us, value, ret->tests);
}

/*
 * Of many datastreams none is in a cache. The lines that are always needed are asked for at once, not each
 * when its turn comes.
 */
static void prefetch(const struct qc_state *s, const struct qc_window *w)
{
	__builtin_prefetch(s->recent_us, 1);
	__builtin_prefetch(&s->newest, 1);
	__builtin_prefetch(s->high, 1);
	__builtin_prefetch(s->low, 1);
	if (w) {
		__builtin_prefetch(&w->open, 1);
		__builtin_prefetch(&w->first, 1);
	}
}

void qc_check(const struct qc_config *c, const struct qc_season *seasons, struct qc_state *s,
              struct qc_window *w, const struct qc_input *in, struct qc_result *ret)
{
	bool missing = is_missing(c, in);
	bool usable = !missing && isfinite(in->value);

	prefetch(s, w);
	*ret = (struct qc_result){0};
	if (usable)
		ret->tests = judge_alone(c, seasons, in);
	else
		ret->tests = all_missing(c);
	if (!missing && !usable)
		judge(c, &ret->tests, QC_GROSS_RANGE, QUALITY_FAIL);
	if (s->count > 0 && in->phenomenon_us <= newest_us(s))
		check_aside(c, s, in, usable, ret);
	else
		check_fresh(c, s, w, in, usable, ret);
	ret->quality = (uint8_t)(ret->tests == 0 && !usable ? QUALITY_MISSING : qc_aggregate(ret->tests));
}
