#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct line {
	enum log_level level;
	uint32_t lost_before; /* lines that did not fit between the line before and this one */
	char text[LOG_LINE_MAX + 1];
};

/*
 * Whenever the lock is free:
 * 1. line[(first + i) % LOG_LINES], i < count, are the lines waiting, oldest first.
 * 2. lost counts the lines dropped since the newest of them was posted.
 */
struct log_box {
	pthread_mutex_t lock;
	size_t first, count;
	uint32_t lost;
	struct line line[LOG_LINES];
};

struct log_box *log_box_new(void)
{
	struct log_box *box = calloc(1, sizeof(*box));

	if (box && pthread_mutex_init(&box->lock, NULL) != 0) {
		free(box);
		return NULL;
	}
	return box;
}

void log_box_free(struct log_box *box)
{
	if (!box)
		return;
	pthread_mutex_destroy(&box->lock);
	free(box);
}

/* written: what vsnprintf() returned. */
static void tidy(char text[static LOG_LINE_MAX + 1], int written)
{
	size_t end = LOG_LINE_MAX;

	if (written < 0)
		copy_text(text, LOG_LINE_MAX + 1, "(a line that could not be formatted)", 36);
	if (written > LOG_LINE_MAX) {
		/* A last character of several bytes may have lost some: it goes altogether. */
		while (end > LOG_LINE_MAX - 4 && ((unsigned char)text[end - 1] & 0xC0) == 0x80)
			end--;
		if ((unsigned char)text[end - 1] >= 0xC0)
			text[end - 1] = '\0';
	}
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			*p = ' ';
}

static void put(struct log_box *box, enum log_level level, const char text[static LOG_LINE_MAX + 1])
{
	struct line *line = &box->line[(box->first + box->count) % LOG_LINES];

	if (box->count == LOG_LINES) {
		box->lost++;
		return;
	}
	line->level = level;
	line->lost_before = box->lost;
	copy_text(line->text, sizeof(line->text), text, strlen(text));
	box->lost = 0;
	box->count++;
}

void log_post(struct log_box *box, enum log_level level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX + 1];
	va_list args;
	int written;

	va_start(args, fmt);
	written = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	tidy(text, written);
	pthread_mutex_lock(&box->lock);
	put(box, level, text);
	pthread_mutex_unlock(&box->lock);
}

/* Copies out the oldest line, or what was lost after the last one. False: nothing, or the lock is taken. */
static bool get(struct log_box *box, struct line *ret)
{
	bool found = false;

	if (pthread_mutex_trylock(&box->lock) != 0)
		return false;
	if (box->count) {
		*ret = box->line[box->first];
		box->first = (box->first + 1) % LOG_LINES;
		box->count--;
		found = true;
	} else if (box->lost) {
		ret->text[0] = '\0';
		ret->lost_before = box->lost;
		box->lost = 0;
		found = true;
	}
	pthread_mutex_unlock(&box->lock);
	return found;
}

static void tell_lost(uint32_t lost, void (*sink)(enum log_level level, const char *line))
{
	char text[80];

	snprintf(text, sizeof(text), "%u log lines came too fast and are missing here", (unsigned)lost);
	sink(LOG_LEVEL_WARNING, text);
}

void log_drain(struct log_box *box, void (*sink)(enum log_level level, const char *line))
{
	struct line line;

	/* Bounded, so that a busy poster cannot keep the broker thread here. */
	for (size_t i = 0; i <= LOG_LINES && get(box, &line); i++) {
		if (line.lost_before)
			tell_lost(line.lost_before, sink);
		if (line.text[0])
			sink(line.level, line.text);
	}
}
