#include "writer_log.h"

#include "clock.h"

#include <stdio.h>

#define REPEAT_US INT64_C(60000000)

void writer_say(struct writer_repeat *r, struct log_box *box, enum log_level level, const char *text,
                const char *follows)
{
	int64_t now = clock_monotonic_us();
	char again[64] = "";

	if (strncmp(r->text, text, sizeof(r->text) - 1) == 0 && now < r->next_us) {
		r->withheld++;
		return;
	}
	if (r->withheld > 0) {
		(void)snprintf(again, sizeof(again), " (%lu more such lines were left out)", r->withheld);
	}
	log_post(box, level, "%s%s%s%s", text, follows[0] != '\0' ? "; " : "", follows, again);
	copy_text(r->text, sizeof(r->text), text, strlen(text));
	r->next_us = now + REPEAT_US;
	r->withheld = 0;
}

void writer_say_reset(struct writer_repeat *r)
{
	r->text[0] = '\0';
	r->next_us = 0;
	r->withheld = 0;
}

char *writer_duration(int64_t us, char text[static WRITER_DURATION_SIZE])
{
	long long ms = us / 1000, s = (us + 500000) / 1000000;

	if (ms < 1000) {
		(void)snprintf(text, WRITER_DURATION_SIZE, "%lld ms", ms);
	} else if (s < 60) {
		(void)snprintf(text, WRITER_DURATION_SIZE, "%lld s", s);
	} else if (s < 3600) {
		(void)snprintf(text, WRITER_DURATION_SIZE, "%lld min %lld s", s / 60, s % 60);
	} else {
		(void)snprintf(text, WRITER_DURATION_SIZE, "%lld h %lld min", s / 3600, s / 60 % 60);
	}
	return text;
}
