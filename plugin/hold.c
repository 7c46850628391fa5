#include "hold.h"

#include "reading.h"
#include "util.h"

#include <math.h>

static double median(double a, double b, double c)
{
	return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* How far a value may rise in the time that passed. */
static double allowance(const struct hold_config *config, int64_t passed_us)
{
	return config->rise_max * (double)MIN(passed_us, HOLD_ALLOWANCE_US);
}

static bool believe(struct hold *h, int64_t at_us, double value)
{
	h->believed_us = at_us;
	h->believed = value;
	h->held_us = 0;
	return true;
}

/* Whether the value can have risen from the last believed one in the time passed. */
static bool is_plausible(const struct hold_config *config, const struct hold *h, int64_t passed_us,
                         double value)
{
	return value - h->believed <= allowance(config, passed_us);
}

/* Whether the held run's newest value leads to this one. */
static bool is_step(const struct hold_config *config, const struct hold *h, int64_t at_us, double value)
{
	int64_t passed_us = at_us - h->run_us;

	return passed_us <= HOLD_STEP_MAX_US && fabs(value - h->run) <= allowance(config, passed_us);
}

/* Takes a value into the held run: on with it, or anew. */
static void add_to_run(struct hold *h, int64_t at_us, double value, bool anew)
{
	h->run_least = anew ? value : fmin(h->run_least, value);
	h->run_most = anew ? value : fmax(h->run_most, value);
	h->run = value;
	h->run_us = at_us;
}

/* Goes on with a hold: true when the value ends it. */
static bool ends_hold(const struct hold_config *config, struct hold *h, int64_t at_us, double value)
{
	bool step = is_step(config, h, at_us, value);

	if (at_us - h->held_us >= config->timeout_us ||
	    (!step && is_plausible(config, h, at_us - h->run_us, value))) {
		return true;
	}
	add_to_run(h, at_us, value, !step);
	return h->run_most - h->run_least >= config->move;
}

static bool judge_rise(const struct hold_config *config, struct hold *h, int64_t at_us, double value,
                       bool borne_out)
{
	if (config->rise_max <= 0 || h->believed_us == 0 || borne_out) {
		return believe(h, at_us, value);
	}
	if (h->held_us != 0) {
		return ends_hold(config, h, at_us, value) && believe(h, at_us, value);
	}
	if (is_plausible(config, h, at_us - h->believed_us, value)) {
		return believe(h, at_us, value);
	}
	h->held_us = at_us;
	add_to_run(h, at_us, value, true);
	return false;
}

/* Whether a suspect value may bear out the one that is kept. */
static bool is_second(const struct hold_config *config, const struct hold *h, const struct hold_input *in)
{
	return h->suspect_us != 0 &&
	       (config->rise_max <= 0 ||
	        fabs(in->value - h->suspect) <= allowance(config, in->at_us - h->suspect_us));
}

/* Keeps a suspect value; true: with the one kept before it bears out *ret_value. */
static bool bears_out(const struct hold_config *config, struct hold *h, const struct hold_input *in,
                      double *ret_value)
{
	bool second = is_second(config, h, in);

	if (second) {
		*ret_value = h->believed_us != 0 ? median(h->believed, h->suspect, in->value)
		                                 : fmin(h->suspect, in->value);
	}
	h->suspect_us = in->at_us;
	h->suspect = in->value;
	return second;
}

bool hold_judge(const struct hold_config *config, struct hold *h, const struct hold_input *in,
                double *ret_value)
{
	double value = in->value;

	if (in->quality != QUALITY_SUSPECT || in->borne_out) {
		h->suspect_us = 0;
	} else if (!bears_out(config, h, in, &value)) {
		return false;
	}
	if (!judge_rise(config, h, in->at_us, value, in->borne_out)) {
		return false;
	}
	*ret_value = value;
	return true;
}

void hold_restart(struct hold *h, int64_t at_us)
{
	h->believed_us = h->believed_us != 0 ? at_us - HOLD_ALLOWANCE_US : 0;
	h->suspect_us = 0;
	h->held_us = 0;
}
