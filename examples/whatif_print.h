/*
 * whatif_print - what a play brought, for people or as CSV, on the standard
 * output.
 *
 * Times for people are in the time zone of the environment, in CSV in UTC.
 */
#ifndef HIGHWATER_EXAMPLES_WHATIF_PRINT_H
#define HIGHWATER_EXAMPLES_WHATIF_PRINT_H

#include "whatif_tally.h"

/* Widths of columns, as wide as what may stand in them. */
struct whatif_print {
	const struct whatif_rules *rules;
	int station, property, alarm, level;
	bool csv, quiet; /* quiet: no alerts */
};

struct whatif_print whatif_print_begin(const struct whatif_rules *rules,
                                       const struct whatif_options *options);

void whatif_print_head(const struct whatif_print *p);

/* The transition that alarm has just made. */
void whatif_print_alert(const struct whatif_print *p, const struct whatif_alarm *alarm);

void whatif_print_summary(const struct whatif_print *p, const struct whatif_tally *t);

/* gone: the first gone_count of alerts were raised then and are no more. */
void whatif_print_comparison(const struct whatif_print *p, const struct whatif_tally *t,
                             const struct whatif_alerts *alerts, size_t gone_count);

#endif
