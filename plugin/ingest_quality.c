#include "ingest_private.h"

#include <math.h>

/* The newest usable value of another datastream, by its number in the registry; NAN: there is none. */
static double newest_of(struct ingest *in, uint32_t number, int64_t *ret_us)
{
	const struct registry_datastream *registered = registry_numbered(in->registry, number);
	const struct datastream *d = registered != NULL ? datastream_find(in->table, &registered->key) : NULL;

	*ret_us = d != NULL ? d->memory.good_us : 0;
	return d != NULL && d->memory.good_us != 0 ? d->memory.good : NAN;
}

bool ingest_is_code(const struct qc_config *quality, double raw)
{
	for (size_t i = 0; i < quality->code_count; i++) {
		if (quality->codes[i] == raw) {
			return (quality->enabled & UINT32_C(1) << QC_MISSING) != 0;
		}
	}
	return false;
}

static double result_of(struct ingest *in, struct passage *p)
{
	struct convert_input input = {.phenomenon_us = p->reading.phenomenon_us, .raw = p->said};

	if (ingest_is_code(p->d->quality, p->said)) {
		return NAN;
	}
	if (p->conversion == NULL) {
		return p->said;
	}
	input.air = newest_of(in, p->conversion->air, &input.air_us);
	return convert(p->conversion, &p->d->memory.conversion, &input);
}

/* Readings that should have come in a gap. */
static int32_t expected_in(int64_t gap_us, int64_t interval_us)
{
	double expected;

	if (interval_us <= 0) {
		return -1;
	}
	expected = round((double)gap_us / (double)interval_us) - 1;
	return expected <= 0 ? 0 : (int32_t)MIN(expected, (double)INT32_MAX);
}

static void note_hindsight(struct passage *p, const struct qc_result *q)
{
	p->hindsight = (struct hindsight){
		.settles = q->settles,
		.settled_us = q->settled_us,
		.settled_tests = q->settled_tests,
		.settled_quality = q->settled_quality,
		.gap = q->gap,
		.gap_from_us = q->gap_from_us,
	};
	if (q->gap) {
		p->hindsight.expected =
			expected_in(p->reading.phenomenon_us - q->gap_from_us, p->d->quality->interval_us);
	}
}

/* The attenuated signal needs a window, once. Without memory for it the test is not evaluated. */
static void see_to_window(struct ingest *in, struct datastream *d)
{
	if (d->window == NULL && (d->quality->enabled & UINT32_C(1) << QC_ATTENUATED_SIGNAL) != 0) {
		(void)datastream_give_window(in->table, d);
	}
}

void ingest_judge(struct ingest *in, struct passage *p)
{
	struct qc_memory *m = &p->d->memory;
	const struct qc_config *quality = p->d->quality;
	struct reading *reading = &p->reading;
	struct qc_input input = {.phenomenon_us = reading->phenomenon_us, .raw = p->said};
	struct qc_result q;

	see_to_window(in, p->d);
	reading->result = result_of(in, p);
	reading->has_raw = p->conversion != NULL || isnan(reading->result);
	reading->raw = reading->has_raw ? p->said : 0;
	input.value = reading->result;
	input.neighbour = newest_of(in, quality->neighbour, &input.neighbour_us);
	qc_check(quality, in->registry->seasons, &m->qc, p->d->window, &input, &q);
	reading->tests = q.tests;
	reading->quality = isnan(reading->result) ? QUALITY_MISSING : q.quality;
	note_hindsight(p, &q);
	m->last_us = reading->phenomenon_us;
	m->last_raw = p->said;
	if (reading->quality != QUALITY_MISSING && reading->quality != QUALITY_FAIL &&
	    (m->good_us == 0 || reading->phenomenon_us > m->good_us)) {
		m->good_us = reading->phenomenon_us;
		m->good = reading->result;
	}
}
