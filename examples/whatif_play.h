/*
 * whatif_play - plays readings through alarms, in event time.
 *
 * The engine is the plugin's, alarm.h. What the plugin does by the broker's
 * clock is done here by the time of the readings: before each, all that is due
 * by then happens, in order of time.
 */
#ifndef HIGHWATER_EXAMPLES_WHATIF_PLAY_H
#define HIGHWATER_EXAMPLES_WHATIF_PLAY_H

#include "whatif_rules.h"

struct whatif_reading {
	int32_t datastream_id;
	int64_t phenomenon_us, received_us; /* Unix µs */
	double value;                       /* NAN: none */
	uint32_t tests;
	uint8_t quality;
};

/* Called for each transition; alarm->state.levels tells of it, as it is until the next. */
typedef void whatif_told(void *context, const struct whatif_alarm *alarm);

struct whatif_play {
	const struct whatif_rules *rules;
	struct timers timers;
	whatif_told *told;
	void *context;
	int64_t now_us; /* how far time has come */
};

/* 0 or -ENOMEM. */
int whatif_play_init(struct whatif_play *ret, const struct whatif_rules *rules, whatif_told *told,
                     void *context) must_check;
void whatif_play_done(struct whatif_play *p);

/* Lets time go on without a reading. */
void whatif_play_until(struct whatif_play *p, int64_t until_us);

/* The next reading, not earlier than what was before. */
void whatif_play_reading(struct whatif_play *p, const struct whatif_reading *reading);

/* When the water that an upstream alarm, or a group, tells of is expected, Unix µs; 0: that is not known. */
int64_t whatif_play_arrival(const struct whatif_rules *rules, const struct whatif_alarm *alarm);

/* The quality that the reading had when it came: a verdict that waited for the next reading is left aside. */
uint8_t whatif_quality_on_arrival(uint32_t tests, uint8_t quality);

#endif
