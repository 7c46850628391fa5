#include "watch_table.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BAR_CELLS  7
#define CELL_WIDTH 16
#define LINE_SIZE  1024

int watch_table_add(struct watch_table *t, char *spec)
{
	char *equals = strchr(spec, '='), *comma, *end;
	struct watch_column c = {.datastream = spec, .value = NAN};

	if (t->columns == WATCH_COLUMNS_MAX || equals == NULL) {
		return -EINVAL;
	}
	*equals = '\0';
	c.title = equals + 1;
	comma = strchr(c.title, ',');
	if (comma == NULL) {
		return -EINVAL;
	}
	*comma = '\0';
	c.low = strtod(comma + 1, &end);
	if (*end != ',') {
		return -EINVAL;
	}
	c.high = strtod(end + 1, &end);
	if (*end != '\0' || !(c.high > c.low)) {
		return -EINVAL;
	}
	t->column[t->columns++] = c;
	return 0;
}

const char *watch_colour(int level)
{
	static const char *const colours[] = {"", "33", "35", "1;31"};

	return colours[MIN(abs(level), 3)];
}

static bool colours_wanted(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) == 1 && (no == NULL || no[0] == '\0');
}

void watch_print(const char *colour, const char *line)
{
	bool coloured = colours_wanted() && colour[0] != '\0';

	printf("%s%s%s%s%s%s\n", isatty(STDOUT_FILENO) == 1 ? "\r\033[K" : "", coloured ? "\033[" : "",
	       coloured ? colour : "", coloured ? "m" : "", line, coloured ? "\033[0m" : "");
	fflush(stdout);
}

const char *watch_time(int64_t time_us, char text[static WATCH_TIME_SIZE])
{
	time_t seconds = (time_t)(time_us / 1000000);
	struct tm local;

	if (time_us == INT64_MIN || localtime_r(&seconds, &local) == NULL ||
	    strftime(text, WATCH_TIME_SIZE, "%d %b %H:%M", &local) == 0) {
		copy_text(text, WATCH_TIME_SIZE, "-", 1);
	}
	return text;
}

const char *watch_pad(const char *text, size_t width, char *padded, size_t size)
{
	size_t shown = 0, used = 0;

	for (; *text != '\0' && used + 1 < size; text++) {
		shown += ((unsigned char)*text & 0xC0) != 0x80;
		padded[used++] = *text;
	}
	for (; shown < width && used + 1 < size; shown++) {
		padded[used++] = ' ';
	}
	padded[used] = '\0';
	return padded;
}

static const char *bar(const struct watch_column *c, char text[static 4 * BAR_CELLS + 1])
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
	double share = MAX(0.0, MIN(1.0, (c->value - c->low) / (c->high - c->low)));
	int rest = (int)lround(share * BAR_CELLS * 8);
	size_t used = 0;

	text[0] = '\0';
	for (; rest > 0; rest -= 8) {
		used += (size_t)snprintf(text + used, 4, "%s", eighths[MIN(rest, 8)]);
	}
	return text;
}

/* Colour of a cell goes on and off within the line. */
static size_t print_cell(const struct watch_column *c, char *line, size_t size)
{
	bool coloured = colours_wanted() && c->level != 0;
	char cells[4 * BAR_CELLS + 1], padded[4 * CELL_WIDTH];

	if (isnan(c->value)) {
		return (size_t)snprintf(line, size, "%*s", CELL_WIDTH, "");
	}
	watch_pad(bar(c, cells), CELL_WIDTH - 7, padded, sizeof(padded));
	return (size_t)snprintf(line, size, "%s%s%s%6.2f %s%s", coloured ? "\033[" : "",
	                        coloured ? watch_colour(c->level) : "", coloured ? "m" : "", c->value, padded,
	                        coloured ? "\033[0m" : "");
}

static void print_levels(const struct watch_table *t)
{
	char line[LINE_SIZE], when[WATCH_TIME_SIZE];
	size_t used = (size_t)snprintf(line, sizeof(line), "%s  ", watch_time(t->last_us, when));

	for (size_t i = 0; i < t->columns && used < sizeof(line); i++) {
		used += print_cell(&t->column[i], line + used, sizeof(line) - used);
	}
	watch_print("", line);
}

static void print_titles(const struct watch_table *t)
{
	char line[LINE_SIZE] = "", padded[64];

	watch_pad("", WATCH_TIME_SIZE, line, sizeof(line));
	for (size_t i = 0; i < t->columns; i++) {
		watch_pad(t->column[i].title, CELL_WIDTH, padded, sizeof(padded));
		strncat(line, padded, sizeof(line) - strlen(line) - 1);
	}
	watch_print("1", line);
}

void watch_table_reading(struct watch_table *t, const char *datastream, int64_t time_us, double value)
{
	if (time_us == INT64_MIN) {
		return;
	}
	if (t->next_us == INT64_MIN) {
		print_titles(t);
		t->next_us = time_us + t->every_us;
	} else if (time_us >= t->next_us) {
		print_levels(t);
		t->next_us += t->every_us;
	}
	t->last_us = time_us;
	for (size_t i = 0; i < t->columns; i++) {
		if (strcmp(t->column[i].datastream, datastream) == 0) {
			t->column[i].value = value;
		}
	}
}

void watch_table_level(struct watch_table *t, const char *station, const char *property, int level)
{
	size_t length = strlen(station);

	for (size_t i = 0; i < t->columns; i++) {
		const char *name = t->column[i].datastream;

		if (strncmp(name, station, length) == 0 && name[length] == '/' &&
		    strcmp(name + length + 1, property) == 0) {
			t->column[i].level = level;
		}
	}
}
