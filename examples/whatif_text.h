/*
 * whatif_text - names, times and durations as the columns of highwater-whatif
 * show them.
 */
#ifndef HIGHWATER_EXAMPLES_WHATIF_TEXT_H
#define HIGHWATER_EXAMPLES_WHATIF_TEXT_H

#include "whatif_rules.h"

#define WHATIF_TEXT_SIZE 160

/* All return text. */
char *whatif_text_duration(int64_t us, char text[static WHATIF_TEXT_SIZE]); /* "2h05m", "3d04h", "40s" */
char *whatif_text_time(int64_t us, char text[static WHATIF_TEXT_SIZE]);     /* "2025-11-21T17:40:00+07:00" */
char *whatif_text_clock(int64_t us, char text[static WHATIF_TEXT_SIZE]);    /* "17:40:00" */
char *whatif_text_alarm(enum cause cause, int64_t period_us,
                        char text[static WHATIF_TEXT_SIZE]); /* "rain 1h" */
char *whatif_text_level(const struct whatif_alarm *alarm, int32_t level, char text[static WHATIF_TEXT_SIZE]);
char *whatif_text_value(double value, char text[static WHATIF_TEXT_SIZE]); /* "-" where there is none */

/* The name of a level of the alarm; "normal" for 0, "" for one that is not there. */
const char *whatif_text_name(const struct whatif_alarm *alarm, int32_t level);

/* Columns that text takes, a character each. */
int whatif_text_width(const char *text);

/* Writes text and blanks up to the width, and two more. */
void whatif_text_put(const char *text, int width);

#endif
