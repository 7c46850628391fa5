/*
 * hold - which readings an alarm believes.
 *
 * Suspect readings. One of quality 3 moves an alarm no further than the next
 * usable one bears out. It is kept; when the next is suspect too, the median
 * of the last believed value, the kept one and the next is believed, and the
 * next is kept in turn: in a flood that rises reading by reading, each is
 * believed when its successor comes. With nothing believed before it is the
 * lesser of the two. A next one of quality 1 or 2 is believed as it is, and
 * the kept one forgotten. A suspect reading that a neighbour bears out is
 * believed at once. With an object hold, a next one that is further from the
 * kept one than rise_max allows, up or down, bears nothing out: of an echo from
 * between object and street the median would make water.
 *
 * Object hold, when set up (rise_max > 0). FloodNet NYC's streets: floods rise
 * 20 mm/min at most between samples, parked cars and bins jump by 1,100 mm/min
 * and stay for up to 9.7 h at the same height; water moves. A value further
 * above the last believed one than rise_max allows in the time that passed, of
 * which at most HOLD_ALLOWANCE_US counts, begins a hold. While it lasts, a
 * value that the one before leads to plausibly (a step of at most rise_max, up
 * or down, within HOLD_STEP_MAX_US) prolongs the run. The hold ends
 *
 *   confirmed  when the run's highest and lowest value are `move` apart, or
 *              the hold has lasted `timeout`, or a neighbour bears the value
 *              out: from then on values are believed;
 *   dropped    when a value comes by an implausible step, or later, and lies
 *              no further above the last believed one than rise_max allows in
 *              the time since the run's newest value: under an object the
 *              water is taken to stand still. The value is believed, what was
 *              held is not.
 *
 * Any other value begins the run anew; the timeout goes on. A value below the
 * last believed one is always believed when nothing is held.
 *
 * Threads  [any] pure; the caller owns the state.
 */
#ifndef HIGHWATER_HOLD_H
#define HIGHWATER_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#define HOLD_ALLOWANCE_US (INT64_C(300) * 1000000)
#define HOLD_STEP_MAX_US  (INT64_C(600) * 1000000)

struct hold_config {
	double rise_max; /* in units a µs; 0: no object hold */
	double move;     /* in the unit */
	int64_t timeout_us;
};

/* Zeroed: nothing believed so far. The times are event times, Unix µs; 0: there is none. */
struct hold {
	int64_t believed_us; /* of the last believed value */
	int64_t suspect_us;  /* of the suspect one that is kept */
	int64_t held_us;     /* of the first value of the hold */
	int64_t run_us;      /* of the newest value of the held run */
	double believed, suspect;
	double run, run_least, run_most; /* the held run's newest, lowest and highest value */
};

struct hold_input {
	int64_t at_us;   /* later than all before */
	double value;    /* finite */
	uint8_t quality; /* enum quality: 1, 2 or 3 */
	bool borne_out;  /* by a neighbour */
};

/* True: *ret_value is to be believed, at in->at_us. */
bool hold_judge(const struct hold_config *config, struct hold *h, const struct hold_input *in,
                double *ret_value);

/*
 * For a clock that was set back to at_us: times before mean nothing any more. The last believed value stays, and is
 * taken for old enough that the whole allowance counts; what was kept or held is forgotten.
 */
void hold_restart(struct hold *h, int64_t at_us);

#endif
