/*
 * qc - quality control of one datastream's readings, in the stream.
 *
 * The tests of IOOS, Manual for Real-Time Quality Control of Water Level Data,
 * v2.1 (2021), with the verdicts that the reference library ioos_qc 9c1853a
 * gives to a whole series, but each as soon as its reading is there; and
 * two of our own, missing and neighbour. All comparisons are those of the
 * reference: limits inclusive, thresholds strict.
 *
 * A reading newer than all before is fresh: it is judged and remembered. One
 * with the stamp of the newest is a duplicate, any other is late (back-fill, or a
 * clock set back). Both stand aside: only the tests that need no memory and the
 * rate of change, against what was heard last, judge them, the rest is 2, and
 * they are not remembered, but that the next rate is taken from a duplicate.
 *
 *   gap           later than gap_us after the newest: 4. It tells of the delivery, not of the water, and
 *                 what comes after a silence may be the flood: it is no part of the aggregate.
 *   missing       raw is one of the codes, or there is no value: every verdict is missing, the aggregate
 *                 too. An infinite value fails the gross range; everything else takes it as missing.
 *   time          a duplicate, or a late reading with the stamp of one of the newest QC_RECENT: 3, and
 *                 the reading that has the stamp already is settled with 3 too (the database keeps that
 *                 one). Any other late reading: 2, for one reading does not tell lawful back-fill from a
 *                 wrong clock.
 *   gross_range   below or above the fail limits 4, the suspect limits 3. A limit may be absent.
 *   climatology   the same by seasons, in UTC. Without fail limits 3 at most; of several seasons that
 *                 cover the time, the last; when none does, 2. from > to runs through the year's end.
 *   spike         2 until the successor arrives, which settles it; the first reading and one beside a
 *                 missing one stay 2. A threshold of 0 is as if absent.
 *   rate_of_change  per second, against the reading before; 1 for the first and after a missing one. With
 *                 the same stamp a changed value has an infinite rate. With rate_period_us, which the
 *                 reference has not, less time than that counts as that.
 *   flat_line     max - min < tolerance over the newest int(duration / interval_us) + 1 readings; missing
 *                 ones count as readings but have no value.
 *   attenuated_signal  range or population deviation over (t - period, t], or over everything since the
 *                 start when the period is 0. Fewer values than attenuated_min_count, or, when that is 0,
 *                 than attenuated_min_period_us / interval_us: 2. By range, a missing reading in the
 *                 window: 2; the deviation steps over it.
 *   neighbour     difference from the neighbour's value, if that is no further away in time than
 *                 neighbour_window_us; 2 otherwise.
 *
 * Differences from the reference. The first five are those of a stream, which does
 * not see what is still to come and cannot remember everything:
 *  1. interval_us, the datastream's nominal interval, stands for the median of the series. When it is 0,
 *     flat_line goes by time: flagged when readings within the tolerance span the duration at least, and
 *     are three or more; attenuated_min_period_us is then held against the window's mean interval.
 *  2. The reference runs flat_line on no series of fewer than three readings, and attenuated_signal
 *     without a period gives the verdict of the whole series to each reading in it.
 *  3. The first reading passes gap; the reference gives it the second one's verdict.
 *  4. A copy of a stamp is recognised among the newest QC_RECENT only. What follows a late reading is
 *     compared with the newest, not with the late one.
 *  5. flat_line remembers QC_FLAT_MAX extremes a side, attenuated_signal QC_WINDOW_MAX readings: exact as
 *     long as that is enough. Beyond it, flat_line may miss a flat line but never sees one that is not
 *     there, and the window's oldest part is forgotten in steps of a 32nd of the period, so that the
 *     range is never too small.
 *  6. Durations are not cut to whole seconds; a flat_line duration shorter than the interval never holds,
 *     where the reference flags every reading.
 *  7. An infinite value is to what follows as a missing one; in the reference the rate after it is infinite.
 *  8. A deviation that would equal a threshold, but for rounding, may come out on either side of it.
 *
 * Threads  [any] pure; the caller owns the state.
 * Errors   None: every input gets a verdict.
 * Memory   qc_state and qc_window are of fixed size and flat, without pointers or hidden padding, and all
 *          zero is "nothing seen": they are copied, and stored in files, byte for byte.
 */
#ifndef HIGHWATER_QC_H
#define HIGHWATER_QC_H

#include "reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The numbers are the places of the verdicts in a stored word and stand in
 * databases: a new test goes to the end. highwater.quality_test holds the same list.
 */
#define QC_TESTS(X)                                  \
	X(QC_GAP, "gap")                             \
	X(QC_MISSING, "missing")                     \
	X(QC_TIME, "time")                           \
	X(QC_GROSS_RANGE, "gross_range")             \
	X(QC_CLIMATOLOGY, "climatology")             \
	X(QC_SPIKE, "spike")                         \
	X(QC_RATE_OF_CHANGE, "rate_of_change")       \
	X(QC_FLAT_LINE, "flat_line")                 \
	X(QC_ATTENUATED_SIGNAL, "attenuated_signal") \
	X(QC_NEIGHBOUR, "neighbour")

enum qc_test {
#define X(id, name) id,
	QC_TESTS(X)
#undef X
		QC_TEST_COUNT,
};

/*
 * The verdicts of all tests in one word, three bits each, test t at bit 3t:
 * 0 not set up, 1 to 4 as in enum quality, 5 missing (QARTOD's 9).
 */
enum quality qc_tests_get(uint32_t tests, enum qc_test t); /* 0: not set up */
uint32_t qc_tests_set(uint32_t tests, enum qc_test t, enum quality flag);

enum qc_spike_method { QC_SPIKE_AVERAGE, QC_SPIKE_DIFFERENTIAL };
enum qc_attenuated_method { QC_ATTENUATED_RANGE, QC_ATTENUATED_STD };

/* What a season counts: month 1..12, ISO week 1..53, day of the year 1..366, quarter 1..4, hour 0..23. */
enum qc_season_kind {
	QC_SEASON_MONTH,
	QC_SEASON_WEEK,
	QC_SEASON_DAY_OF_YEAR,
	QC_SEASON_QUARTER,
	QC_SEASON_HOUR,
};

#define QC_CODES_MAX  8
#define QC_RECENT     8  /* readings whose stamps are remembered */
#define QC_FLAT_MAX   10 /* extremes remembered by flat_line, a side */
#define QC_WINDOW_MAX 62 /* readings, or groups of them, in the window of attenuated_signal */

/* Limits and thresholds that are absent are NAN, durations 0. No duration is over 3e17 µs (9500 years). */
struct qc_config {
	uint32_t enabled;                    /* 1 << enum qc_test for each that is set up */
	uint32_t season_first, season_count; /* climatology: places in the array of seasons */
	int64_t interval_us;                 /* nominal interval of the datastream; 0: not known */
	int64_t gap_us;                      /* a silence longer than this is a gap; 0: not known */
	double fail_min, fail_max, suspect_min, suspect_max; /* gross range */
	double spike_suspect, spike_fail;
	double rate_suspect, rate_fail; /* units per second */
	int64_t rate_period_us;         /* the time that passed counts as no less; 0: as it is */
	int64_t flat_suspect_us, flat_fail_us;
	double flat_tolerance;
	int64_t attenuated_period_us, attenuated_min_period_us;
	double attenuated_suspect, attenuated_fail; /* smallest range or deviation that passes */
	double neighbour_suspect, neighbour_fail;   /* largest difference that passes */
	int64_t neighbour_window_us;
	uint32_t attenuated_min_count;
	uint32_t neighbour;         /* number of the registry's datastream, for the caller; 0: none */
	double codes[QC_CODES_MAX]; /* raw values that mean "no reading" */
	uint8_t code_count;
	uint8_t spike_method;      /* enum qc_spike_method */
	uint8_t attenuated_method; /* enum qc_attenuated_method */
};

struct qc_season {
	int32_t from, to; /* inclusive */
	double suspect_min, suspect_max, fail_min, fail_max;
	uint8_t kind; /* enum qc_season_kind */
};

struct qc_extreme {
	double value;
	int64_t since; /* number of a reading, the first is 0; or its stamp, when flat_line goes by time */
};

/*
 * What is remembered of a datastream. NAN stands for a missing value.
 *
 * 1. Reading k has its stamp and its verdicts at place k % QC_RECENT, as long as it is one of the newest
 *    QC_RECENT; stamps rise with k.
 * 2. high holds the largest values over every end of the recent readings: entry i is the largest since
 *    since, values fall from entry to entry, the last is the newest value. low does so for the negated
 *    values. Both are empty, or both end with reading flat_end - 1, the newest that has a value.
 * 3. The readings from the later of the two first since to the newest are within flat_tolerance.
 */
struct qc_state {
	int64_t recent_us[QC_RECENT];
	uint32_t recent_tests[QC_RECENT];
	double newest, before; /* the newest value and the one before it, if any, for spike */
	double heard;          /* the newest or its last duplicate, for the rate */
	uint32_t count;        /* readings remembered so far */
	uint32_t flat_end;
	uint32_t flat_by_time;
	uint16_t high_count, low_count;
	struct qc_extreme high[QC_FLAT_MAX], low[QC_FLAT_MAX];
};

/* Readings of a stretch of time: a and b are min and max, or mean and sum of squared deviations. */
struct qc_bucket {
	int64_t us; /* the newest in it; in open of a window without a period, the oldest */
	double a, b;
	uint32_t count;
	uint32_t spare; /* 0 */
};

/*
 * The window of attenuated_signal, a ring that begins at entry[first]: a queue
 * of two stacks, so that what leaves costs as little as what comes.
 *
 * 1. The first front_count entries each sum up themselves and all after them among these; the
 *    back_count entries that follow are single; open sums up the latter.
 * 2. us rises from entry to entry.
 */
struct qc_window {
	struct qc_bucket open;
	int64_t period_us;  /* of the configuration that it was filled under, as is the method */
	int64_t missing_us; /* of the newest missing reading, if has_missing */
	uint8_t first, front_count, back_count;
	uint8_t method;
	uint8_t has_missing;
	uint8_t spare[11]; /* 0 */
	struct qc_bucket entry[QC_WINDOW_MAX];
};

_Static_assert(sizeof(struct qc_state) == 456, "stored byte for byte");
_Static_assert(sizeof(struct qc_bucket) == 32, "stored byte for byte");
_Static_assert(sizeof(struct qc_window) == 2048, "stored byte for byte");

struct qc_input {
	int64_t phenomenon_us; /* Unix µs */
	double raw;            /* as the sensor said it, for the codes */
	double value;          /* converted, in the datastream's unit; NAN: there is none */
	int64_t neighbour_us;  /* of the neighbour's newest usable value */
	double neighbour;      /* NAN: there is none */
};

struct qc_result {
	uint32_t tests;
	uint8_t quality; /* enum quality: the aggregate */
	bool settles;    /* an earlier reading has other verdicts than were returned for it: these */
	uint8_t settled_quality;
	int64_t settled_us; /* its phenomenon time */
	uint32_t settled_tests;
	bool gap; /* gap_us is known and passed without a reading, be the test set up or not, since */
	int64_t gap_from_us;
};

/*
 * Judges a reading and remembers it. seasons is the registry's array. Without
 * w, attenuated_signal is not evaluated; w belongs to the same datastream as s
 * and starts anew when the period or the method has changed; when the test was
 * not set up for a while, the caller clears it.
 */
void qc_check(const struct qc_config *c, const struct qc_season *seasons, struct qc_state *s,
              struct qc_window *w, const struct qc_input *in, struct qc_result *ret);

/*
 * The verdict over all tests that are set up, gap left aside: fail before
 * suspect, pass, not evaluated, missing. Not evaluated when there is none.
 */
enum quality qc_aggregate(uint32_t tests);

const char *qc_test_name(enum qc_test t);
bool qc_test_find(const char *name, enum qc_test *ret);

#endif
