/*
 * writer_log - lines that say the same only once a minute.
 *
 * Threads  [writer]
 */
#ifndef HIGHWATER_WRITER_LOG_H
#define HIGHWATER_WRITER_LOG_H

#include "log.h"

#include <stdint.h>

/* One kind of line. Zeroed: nothing said yet. */
struct writer_repeat {
	char text[LOG_LINE_MAX];
	int64_t next_us; /* when the same text may be said again */
	unsigned long withheld;
};

/*
 * Says "text; follows" the first time, when text has changed, and else at most
 * once a minute, then with how often it was not said. follows may vary.
 */
void writer_say(struct writer_repeat *r, struct log_box *box, enum log_level level, const char *text,
                const char *follows);

/* All is well again: the next text is said whatever it is. */
void writer_say_reset(struct writer_repeat *r);

#define WRITER_DURATION_SIZE 32

/* "250 ms", "4 s", "3 min 10 s", "2 h 5 min". Returns text. */
char *writer_duration(int64_t us, char text[static WRITER_DURATION_SIZE]);

#endif
