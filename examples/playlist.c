#include "playlist.h"

#include "progress.h"

#include <errno.h>
#include <stdlib.h>

#define NOTES_MAX 10
#define NOBODY    SIZE_MAX

void playlist_note(struct playlist *p, const struct playlist_file *f, const char *why)
{
	if (p->silent || p->options->quiet || ++p->noted > NOTES_MAX) {
		return;
	}
	progress_note("%s:%lu: skipped: %s", f->path, f->csv.line, why);
	if (p->noted == NOTES_MAX) {
		progress_note("further ones are only counted");
	}
}

static int bad_row(struct playlist *p, const struct playlist_file *f, const char *why)
{
	p->rows++;
	p->bad_rows++;
	playlist_note(p, f, why);
	return p->options->strict ? -EBADMSG : 0;
}

/* Fetches the next good row of the file, if it has one. */
static int advance(struct playlist *p, struct playlist_file *f)
{
	const char *why;

	f->has_row = false;
	for (;;) {
		int r = csv_next(&f->csv);

		if (r == 0) {
			return 0;
		}
		if (r == -EBADMSG) {
			r = bad_row(p, f, f->csv.broken);
		} else if (r < 0) {
			progress_note("%s:%lu: %s", f->path, f->csv.line,
			              r == -EFBIG ? f->csv.broken : strerror(-r));
		} else if (player_row_time(&f->binding, &f->csv, &f->time_us, &why) == 0) {
			f->has_row = true;
			return 0;
		} else {
			r = bad_row(p, f, why);
		}
		if (r < 0) {
			return r;
		}
	}
}

static int open_file(struct playlist *p, const char *path)
{
	struct playlist_file *f = &p->file[p->opened];
	char why[PLAYER_WHY_SIZE];
	int r;

	f->path = path;
	r = csv_open(&f->csv, path);
	if (r < 0) {
		progress_note("%s: %s", path, strerror(-r));
		return r;
	}
	p->opened++;
	r = csv_next(&f->csv);
	if (r <= 0) {
		progress_note("%s: no header line", path);
		return r < 0 ? r : -ENODATA;
	}
	r = player_binding_init(&f->binding, p->options, &f->csv, why);
	if (r < 0) {
		progress_note("%s: %s", path, why);
		return r;
	}
	return advance(p, f);
}

int playlist_open(struct playlist *ret, const struct player_options *o, bool silent)
{
	int r = 0;

	*ret = (struct playlist){.options = o, .current = NOBODY, .silent = silent};
	ret->file = calloc(o->files, sizeof(*ret->file));
	if (ret->file == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < o->files && r == 0; i++) {
		r = open_file(ret, o->file[i]);
	}
	if (r < 0) {
		playlist_close(ret);
	}
	return r;
}

int playlist_next(struct playlist *p, struct playlist_file **ret)
{
	size_t first = NOBODY;

	if (p->options->limit > 0 && p->rows >= p->options->limit) {
		return 0;
	}
	if (p->current != NOBODY) {
		int r = advance(p, &p->file[p->current]);

		if (r < 0) {
			return r;
		}
	}
	for (size_t i = 0; i < p->opened; i++) {
		if (p->file[i].has_row && (first == NOBODY || p->file[i].time_us < p->file[first].time_us)) {
			first = i;
		}
	}
	p->current = first;
	if (first == NOBODY) {
		return 0;
	}
	p->rows++;
	*ret = &p->file[first];
	return 1;
}

void playlist_close(struct playlist *p)
{
	for (size_t i = 0; i < p->opened; i++) {
		csv_close(&p->file[i].csv);
	}
	free(p->file);
	p->file = NULL;
	p->opened = 0;
}
