#include "progress.h"

#include "clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DRAW_INTERVAL_US 100000
#define LINE_INTERVAL_US 10000000
#define BAR_MAX          32
#define TEXT_WIDTH       58 /* what stands beside the bar, at most */

static struct {
	bool enabled, terminal, drawn;
	int64_t started_us, next_us;
} bar;

void progress_start(bool enabled)
{
	bar.enabled = enabled;
	bar.terminal = isatty(STDERR_FILENO) == 1;
	bar.started_us = clock_monotonic_us();
	bar.next_us = bar.started_us + (bar.terminal ? 0 : LINE_INTERVAL_US);
}

static int terminal_width(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Day and minute in the local time zone. */
static const char *row_time(int64_t time_us, char text[static 16])
{
	time_t seconds = (time_t)(time_us / 1000000);
	struct tm local;

	text[0] = '\0';
	if (time_us != INT64_MIN && localtime_r(&seconds, &local) != NULL) {
		strftime(text, 16, "%d %b %H:%M", &local);
	}
	return text;
}

static void print_cells(double share, int width)
{
	static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int filled = (int)(share * width * 8);

	fputs("▕", stderr);
	for (int i = 0; i < width; i++) {
		int rest = filled - 8 * i;

		fputs(rest >= 8 ? "█" : eighths[MAX(rest, 0)], stderr);
	}
	fputs("▏", stderr);
}

static void draw(const struct progress_state *s, double seconds)
{
	int width = MIN(BAR_MAX, terminal_width() - TEXT_WIDTH);
	char time[16];

	fputs("\r\033[K", stderr);
	if (s->total > 0) {
		double share = MIN((double)s->done / (double)s->total, 1.0);

		if (width >= 8) {
			print_cells(share, width);
		}
		fprintf(stderr, " %3d %%", (int)(100 * share));
	}
	fprintf(stderr, "  %s  %lu messages, %.0f/s, %d in flight", row_time(s->time_us, time), s->messages,
	        (double)s->messages / seconds, s->in_flight);
	fflush(stderr);
	bar.drawn = true;
}

static void print_line(const struct progress_state *s, double seconds)
{
	char time[16];

	if (s->total > 0) {
		fprintf(stderr, "highwater-player: %3d %%  ", (int)(100 * s->done / s->total));
	}
	fprintf(stderr, "%s  %lu messages in %.0f s\n", row_time(s->time_us, time), s->messages, seconds);
}

void progress_show(const struct progress_state *s)
{
	int64_t now_us = clock_monotonic_us();
	double seconds = (double)(now_us - bar.started_us) / 1e6;

	if (!bar.enabled || now_us < bar.next_us) {
		return;
	}
	bar.next_us = now_us + (bar.terminal ? DRAW_INTERVAL_US : LINE_INTERVAL_US);
	if (bar.terminal) {
		draw(s, MAX(seconds, 0.001));
	} else {
		print_line(s, seconds);
	}
}

void progress_end(void)
{
	if (bar.drawn) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
		bar.drawn = false;
	}
}

void progress_note(const char *format, ...)
{
	va_list args;

	progress_end();
	fputs("highwater-player: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}
