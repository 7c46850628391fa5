/*
 * whatif_tally - what a play comes to: incidents, levels, time in alarm, and
 * how it compares with what was raised then.
 *
 * Only streams that are listed count, and only what happens in the stretch; an
 * incident that is open when it begins counts with its time, not as raised.
 *
 * Errors   0 or -ENOMEM.
 */
#ifndef HIGHWATER_EXAMPLES_WHATIF_TALLY_H
#define HIGHWATER_EXAMPLES_WHATIF_TALLY_H

#include "whatif_history.h"

/* ISA-18.2: an alarm that changes three times or more within a minute chatters. */
#define WHATIF_CHATTER_COUNT 3
#define WHATIF_CHATTER_US    (INT64_C(60) * 1000000)

/* Raised anew so soon after its end, an alarm wants a wider deadband or a longer off-delay. */
#define WHATIF_RETURN_US (INT64_C(3600) * 1000000)

struct whatif_level {
	const struct threshold *threshold;
	size_t raised; /* entered from below in rank */
	int64_t time_us, longest_us;
};

struct whatif_incident {
	const struct whatif_alarm *alarm;
	int64_t started_us, ended_us; /* INT64_MAX: it is open */
	bool before;                  /* begun before the stretch */
	bool again;                   /* was raised then too: */
	int64_t then_us;              /* when, the first of them */
};

/* Of one alarm, place for place as in the rules. */
struct whatif_course {
	size_t level_first;                      /* among the levels of the tally */
	size_t incident;                         /* the last one's place + 1; 0: none so far */
	int64_t since_us;                        /* of the level now */
	int64_t recent_us[WHATIF_CHATTER_COUNT]; /* the newest transitions */
	size_t transitions, chattering, returned;
	int32_t level;
};

struct whatif_tally {
	const struct whatif_rules *rules;
	struct whatif_course *courses;
	struct whatif_level *levels;
	struct whatif_incident *incidents;
	size_t level_count, incident_count, incident_room;
	size_t transitions, raised, before, chattering, returned;
	size_t readings, late;        /* played in the stretch; those that may not alarm */
	size_t as_then;               /* of those raised here: */
	size_t earlier, later;        /* than they were */
	int64_t earlier_us, later_us; /* the most of each */
	size_t then, then_again;      /* those raised then; of these, those raised here */
	int64_t from_us, to_us;
	bool failed; /* memory was short */
};

int whatif_tally_init(struct whatif_tally *ret, const struct whatif_rules *rules) must_check;
void whatif_tally_done(struct whatif_tally *t);

/* A transition of alarm, as its state tells. */
void whatif_tally_take(struct whatif_tally *t, const struct whatif_alarm *alarm);

/* The stretch is over. */
void whatif_tally_end(struct whatif_tally *t, int64_t to_us);

/*
 * Finds which incidents are in both: of the same alarm, and open at the same
 * time. Orders alerts, and gives back those that are not raised any more at its
 * head, *ret_gone of them.
 */
void whatif_tally_compare(struct whatif_tally *t, struct whatif_alerts *alerts, size_t *ret_gone);

#endif
