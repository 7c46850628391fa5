/*
 * qc against a model that keeps every reading and answers each question from the definition. The model has
 * the whole past, the engine a few hundred bytes of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qc.h"
#include "util.h"

#include <math.h>
#include <stdbool.h>

#define STREAMS   400
#define READINGS  400
#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)

struct past {
	int64_t us;
	double value; /* NAN: missing */
	double heard; /* the same, or that of the last duplicate */
	uint32_t tests;
};

struct model {
	struct qc_config config;
	struct qc_state state;
	struct qc_window window;
	struct past past[READINGS]; /* the fresh readings */
	size_t count;
	uint64_t random;
};

static uint64_t dice(struct model *m, uint64_t sides)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (m->random >> 11) % sides;
}

/* Never hit exactly by sums of the values below. */
static double threshold(struct model *m, double largest)
{
	return dice(m, 6) == 0 ? NAN : largest * (double)(dice(m, 20) + 1) / 20 + 0.000123;
}

static struct model new_model(uint64_t seed)
{
	struct model m = {.random = seed * 0x9E3779B97F4A7C15U + 1};
	struct qc_config *c = &m.config;

	c->enabled = 1U << QC_GAP | 1U << QC_TIME | 1U << QC_SPIKE | 1U << QC_RATE_OF_CHANGE |
	             1U << QC_FLAT_LINE | 1U << QC_ATTENUATED_SIGNAL;
	c->interval_us = dice(&m, 4) == 0 ? 0 : MINUTE_US;
	c->gap_us = (int64_t)(dice(&m, 4) + 1) * MINUTE_US;
	c->spike_method = (uint8_t)dice(&m, 2);
	c->spike_suspect = threshold(&m, 1);
	c->spike_fail = threshold(&m, 2);
	c->rate_suspect = threshold(&m, 0.01);
	c->rate_fail = threshold(&m, 0.02);
	c->rate_period_us = (int64_t)dice(&m, 4) * MINUTE_US;
	c->flat_tolerance = threshold(&m, 1);
	c->flat_suspect_us = (int64_t)dice(&m, QC_FLAT_MAX) * MINUTE_US;
	c->flat_fail_us = (int64_t)dice(&m, QC_FLAT_MAX) * MINUTE_US;
	c->attenuated_method = (uint8_t)dice(&m, 2);
	c->attenuated_period_us = (int64_t)dice(&m, 40) * MINUTE_US;
	c->attenuated_suspect = threshold(&m, 2);
	c->attenuated_fail = threshold(&m, 1);
	c->attenuated_min_count = dice(&m, 2) ? (uint32_t)dice(&m, 10) : 0;
	c->attenuated_min_period_us = c->interval_us > 0 ? (int64_t)dice(&m, 10) * MINUTE_US : 0;
	return m;
}

static enum quality over(double size, double suspect, double fail)
{
	if (size > fail)
		return QUALITY_FAIL;
	return size > suspect ? QUALITY_SUSPECT : QUALITY_PASS;
}

static enum quality model_spike(const struct model *m, size_t i)
{
	const struct qc_config *c = &m->config;
	double before, value, after, size;

	if (isnan(m->past[i].value))
		return QUALITY_MISSING;
	if (i == 0 || i + 1 == m->count || isnan(m->past[i - 1].value) || isnan(m->past[i + 1].value))
		return QUALITY_NOT_EVALUATED;
	before = m->past[i - 1].value;
	value = m->past[i].value;
	after = m->past[i + 1].value;
	size = fabs(value - (before + after) / 2);
	if (c->spike_method == QC_SPIKE_DIFFERENTIAL) {
		bool turns = (value > before && value > after) || (value < before && value < after);

		size = turns ? fmin(fabs(value - before), fabs(value - after)) : 0;
	}
	return over(size, c->spike_suspect, c->spike_fail);
}

/* Against the newest of the past, whatever the stamp. */
static enum quality model_rate(const struct model *m, size_t count, int64_t us, double value)
{
	const struct past *last = count > 0 ? &m->past[count - 1] : NULL;
	double rate;

	if (!last || isnan(last->heard) || value == last->heard)
		return QUALITY_PASS;
	rate = us == last->us ? INFINITY
	                      : fabs(value - last->heard) / fmax(fabs((double)(us - last->us) / 1e6),
	                                                         (double)m->config.rate_period_us / 1e6);
	return over(rate, m->config.rate_suspect, m->config.rate_fail);
}

/* Length of the longest end with a range below the tolerance, up to readings; *ret_from: its first value. */
static size_t flat_end(const struct model *m, size_t readings, size_t *ret_from)
{
	double least = INFINITY, most = -INFINITY;
	size_t n = 0;

	for (; n < MIN(readings, m->count); n++) {
		double value = m->past[m->count - 1 - n].value;

		least = fmin(least, value);
		most = fmax(most, value);
		if (!(most - least < m->config.flat_tolerance))
			break;
		if (!isnan(value))
			*ret_from = m->count - 1 - n;
	}
	return n;
}

static bool model_flat(const struct model *m, int64_t duration_us)
{
	size_t from = m->count - 1, readings;

	if (duration_us == 0)
		return false;
	if (m->config.interval_us > 0) {
		readings = (size_t)(duration_us / m->config.interval_us) + 1;
		return flat_end(m, readings, &from) == readings;
	}
	flat_end(m, m->count, &from);
	return m->count - from >= 3 && m->past[m->count - 1].us - m->past[from].us >= duration_us;
}

static enum quality model_attenuated(const struct model *m)
{
	const struct qc_config *c = &m->config;
	int64_t until_us = m->past[m->count - 1].us - c->attenuated_period_us;
	double least = INFINITY, most = -INFINITY, sum = 0, squares = 0, size;
	uint32_t needed = c->attenuated_min_count, n = 0;

	if (needed == 0 && c->interval_us > 0)
		needed = (uint32_t)(c->attenuated_min_period_us / c->interval_us);
	for (size_t i = m->count; i > 0; i--) {
		double value = m->past[i - 1].value;

		if (c->attenuated_period_us > 0 && m->past[i - 1].us <= until_us)
			break;
		if (isnan(value) && c->attenuated_period_us > 0 &&
		    c->attenuated_method == QC_ATTENUATED_RANGE)
			return QUALITY_NOT_EVALUATED;
		if (isnan(value))
			continue;
		least = fmin(least, value);
		most = fmax(most, value);
		sum += value;
		squares += value * value;
		n++;
	}
	size = c->attenuated_method == QC_ATTENUATED_RANGE ? most - least
	                                                   : sqrt(fmax(0, squares / n - sum / n * (sum / n)));
	if (n < needed)
		return QUALITY_NOT_EVALUATED;
	if (size < c->attenuated_fail)
		return QUALITY_FAIL;
	return size < c->attenuated_suspect ? QUALITY_SUSPECT : QUALITY_PASS;
}

static uint32_t model_fresh(struct model *m, int64_t us, double value)
{
	const struct qc_config *c = &m->config;
	uint32_t tests = 0;
	size_t before = m->count;

	m->past[m->count++] = (struct past){.us = us, .value = value, .heard = value};
	if (isnan(value)) {
		for (int t = 0; t < QC_TEST_COUNT; t++)
			tests = c->enabled >> t & 1 ? qc_tests_set(tests, (enum qc_test)t, QUALITY_MISSING)
			                            : tests;
		return tests;
	}
	tests = qc_tests_set(tests, QC_GAP,
	                     before > 0 && us - m->past[before - 1].us > c->gap_us ? QUALITY_FAIL
	                                                                           : QUALITY_PASS);
	tests = qc_tests_set(tests, QC_TIME, QUALITY_PASS);
	tests = qc_tests_set(tests, QC_SPIKE, QUALITY_NOT_EVALUATED);
	tests = qc_tests_set(tests, QC_RATE_OF_CHANGE, model_rate(m, before, us, value));
	tests = qc_tests_set(tests, QC_FLAT_LINE,
	                     model_flat(m, c->flat_fail_us)      ? QUALITY_FAIL
	                     : model_flat(m, c->flat_suspect_us) ? QUALITY_SUSPECT
	                                                         : QUALITY_PASS);
	return qc_tests_set(tests, QC_ATTENUATED_SIGNAL, model_attenuated(m));
}

/* A reading that is not newer than all before; *ret_copied: the reading whose stamp it has, or NULL. */
static uint32_t model_aside(struct model *m, int64_t us, double value, struct past **ret_copied)
{
	size_t newest = m->count - 1;
	uint32_t tests = 0;

	*ret_copied = NULL;
	for (size_t i = m->count - MIN(m->count, QC_RECENT); i < m->count; i++) {
		if (m->past[i].us == us)
			*ret_copied = &m->past[i];
	}
	for (int t = 0; t < QC_TEST_COUNT; t++) {
		if (m->config.enabled >> t & 1)
			tests = qc_tests_set(tests, (enum qc_test)t,
			                     isnan(value) ? QUALITY_MISSING : QUALITY_NOT_EVALUATED);
	}
	if (!isnan(value)) {
		tests = qc_tests_set(tests, QC_GAP, QUALITY_PASS);
		tests = qc_tests_set(tests, QC_RATE_OF_CHANGE, model_rate(m, m->count, us, value));
		if (*ret_copied)
			tests = qc_tests_set(tests, QC_TIME, QUALITY_SUSPECT);
	}
	if (us == m->past[newest].us)
		m->past[newest].heard = value;
	return tests;
}

/* What the reading before or the copied one should have become; checks what the engine says of it. */
static void check_settled(struct past *of, uint32_t should_be, const struct qc_result *result)
{
	assert_int_equal(result->settles, of && of->tests != should_be);
	if (!result->settles)
		return;
	of->tests = should_be;
	assert_int_equal(result->settled_us, of->us);
	assert_int_equal(result->settled_tests, should_be);
	assert_int_equal(result->settled_quality, qc_aggregate(should_be));
}

static void check_reading(struct model *m, int64_t us, double value)
{
	struct qc_input in = {.phenomenon_us = us, .raw = value, .value = value, .neighbour = NAN};
	struct qc_result result;
	struct past *of;
	uint32_t should_be;

	qc_check(&m->config, NULL, &m->state, &m->window, &in, &result);
	if (m->count > 0 && us <= m->past[m->count - 1].us) {
		assert_int_equal(result.tests, model_aside(m, us, value, &of));
		should_be = of && !isnan(of->value) ? qc_tests_set(of->tests, QC_TIME, QUALITY_SUSPECT)
		            : of                    ? of->tests
		                                    : 0;
		check_settled(of, should_be, &result);
		return;
	}
	should_be = model_fresh(m, us, value);
	assert_int_equal(result.tests, should_be);
	assert_int_equal(result.quality, qc_aggregate(should_be));
	m->past[m->count - 1].tests = should_be;
	of = m->count > 1 ? &m->past[m->count - 2] : NULL;
	check_settled(of, of ? qc_tests_set(of->tests, QC_SPIKE, model_spike(m, m->count - 2)) : 0, &result);
}

/* Runs of equal values, steps, a walk; quarters and sixteenths, so that ties are ties and sums are exact. */
static double next_value(struct model *m, double last)
{
	switch (dice(m, 12)) {
	case 0:
		return (double)dice(m, 64) / 16 - 2;
	case 1:
		return NAN;
	case 2:
	case 3:
	case 4:
		return last + ((double)dice(m, 5) - 2) / 16;
	default:
		return last;
	}
}

static void engine_agrees_with_the_model(void **state)
{
	static struct model m;

	(void)state;
	for (uint64_t stream = 0; stream < STREAMS; stream++) {
		int64_t us = INT64_C(1764000000000000);
		double value = 0;

		m = new_model(stream);
		while (m.count < READINGS) {
			double next = next_value(&m, value);
			uint64_t order = m.count > 0 ? dice(&m, 20) : 2;

			value = isnan(next) ? value : next;
			if (order == 0) {
				check_reading(&m, us, next);
			} else if (order == 1) {
				size_t back = dice(&m, 12) + 1;

				check_reading(&m,
				              m.past[m.count - MIN(m.count, back)].us - (int64_t)dice(&m, 2),
				              next);
			} else {
				us += (int64_t)(dice(&m, 10) == 0 ? dice(&m, 600) + 1 : 60) * SECOND_US;
				check_reading(&m, us, next);
			}
		}
	}
}

/* How much a verdict warns. */
static int severity(uint32_t tests, enum qc_test t)
{
	enum quality flag = qc_tests_get(tests, t);

	return flag == QUALITY_FAIL ? 2 : flag == QUALITY_SUSPECT;
}

/* Windows of hundreds of readings: the engine may seldom warn less than the model, but never more. */
static void too_long_windows_never_warn_more(void **state)
{
	static struct model m;
	int warned = 0, warned_less = 0;

	(void)state;
	for (uint64_t stream = 0; stream < STREAMS / 4; stream++) {
		int64_t us = INT64_C(1764000000000000);
		double value = 0;

		m = new_model(stream + 1000);
		m.config.attenuated_method = QC_ATTENUATED_RANGE;
		m.config.attenuated_period_us = (int64_t)(dice(&m, 200) + 80) * MINUTE_US;
		m.config.flat_suspect_us = (int64_t)(dice(&m, 20) + 12) * MINUTE_US;
		m.config.flat_fail_us = 2 * m.config.flat_suspect_us;
		m.config.flat_tolerance = 0.4;
		while (m.count < READINGS) {
			struct qc_input in = {.phenomenon_us = us += MINUTE_US, .neighbour = NAN};
			struct qc_result result;
			uint32_t tests;

			value += ((double)dice(&m, 2001) - 1000) / 50000;
			in.value = in.raw = value;
			qc_check(&m.config, NULL, &m.state, &m.window, &in, &result);
			tests = model_fresh(&m, us, value);
			for (int t = QC_FLAT_LINE; t <= QC_ATTENUATED_SIGNAL; t++) {
				int found = severity(result.tests, (enum qc_test)t);
				int should_be = severity(tests, (enum qc_test)t);

				assert_in_range(found, 0, should_be);
				warned += should_be > 0;
				warned_less += found < should_be;
			}
		}
	}
	assert_true(warned > 10000);
	assert_in_range(warned_less, 0, warned / 20);
}

/* A deviation over 600 readings, of which 62 groups are kept, against the exact one. */
static void deviation_of_a_too_long_window_is_near(void **state)
{
	static struct model m;
	int judged = 0, differ = 0;

	(void)state;
	m = new_model(7);
	m.config.enabled = 1U << QC_ATTENUATED_SIGNAL;
	m.config.attenuated_method = QC_ATTENUATED_STD;
	m.config.attenuated_period_us = 200 * MINUTE_US;
	m.config.attenuated_min_count = 2;
	m.config.attenuated_fail = NAN;
	m.config.attenuated_suspect = 0.7;
	for (int64_t n = 0; n < READINGS; n++) {
		double value =
			sin((double)n / 40) * (n < READINGS / 2 ? 1 : 0.9) + (double)dice(&m, 100) / 1000;
		struct qc_input in = {
			.phenomenon_us = n * MINUTE_US, .raw = value, .value = value, .neighbour = NAN};
		struct qc_result result;

		qc_check(&m.config, NULL, &m.state, &m.window, &in, &result);
		m.past[m.count++] = (struct past){.us = in.phenomenon_us, .value = value};
		differ += qc_tests_get(result.tests, QC_ATTENUATED_SIGNAL) != model_attenuated(&m);
		judged++;
	}
	assert_int_equal(judged, READINGS);
	assert_in_range(differ, 0, READINGS / 50);
}

/* Thinned again and again, a window of 200 readings counts each of them once, and few that have left it. */
static void too_long_window_counts_each_reading_once(void **state)
{
	static struct model m;

	(void)state;
	for (uint32_t extra = 0; extra <= 7; extra += 7) {
		m = new_model(7);
		m.config.enabled = 1U << QC_ATTENUATED_SIGNAL;
		m.config.attenuated_method = QC_ATTENUATED_STD;
		m.config.attenuated_period_us = 200 * MINUTE_US;
		m.config.attenuated_min_count = 200 + extra;
		for (int64_t n = 0; n < 5000; n++) {
			struct qc_input in = {.phenomenon_us = (n - 2500) * MINUTE_US, .neighbour = NAN};
			struct qc_result result;

			qc_check(&m.config, NULL, &m.state, &m.window, &in, &result);
			assert_int_equal(qc_tests_get(result.tests, QC_ATTENUATED_SIGNAL) ==
			                         QUALITY_NOT_EVALUATED,
			                 n < 199 || extra > 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engine_agrees_with_the_model),
		cmocka_unit_test(too_long_windows_never_warn_more),
		cmocka_unit_test(deviation_of_a_too_long_window_is_near),
		cmocka_unit_test(too_long_window_counts_each_reading_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
