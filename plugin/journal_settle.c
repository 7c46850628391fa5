#include "journal_settle.h"

#include "journal_format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Segments whose making was cut short. */
static int delete_temporaries(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	uint32_t number;
	int r = 0;

	if (!d) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (journal_segment_parse_name(e->d_name, ".tmp", &number) &&
		    unlinkat(directory, e->d_name, 0) < 0)
			r = -errno;
	}
	closedir(d);
	return r;
}

/* A segment that ends in a seal has a successor, so it may be sealed now; the open one only once it has. */
static int settle_segment(struct journal_segment *s, int directory)
{
	if (s->damaged)
		return 0;
	if (!s->known.sealed) {
		int r = journal_segment_flush_file(directory, s);

		if (r == 0)
			r = journal_segment_settle(directory, s, s->closed);
		if (r < 0)
			return r;
	}
	return journal_segment_cut(directory, s, atomic_load_explicit(&s->end, memory_order_relaxed));
}

int journal_settle_files(struct journal_recovery *r, int directory)
{
	int error = delete_temporaries(directory);

	for (size_t i = 0; error == 0 && i < r->live.count; i++)
		error = settle_segment(r->live.at[i], directory);
	for (size_t i = 0; error == 0 && i < r->dead.count; i++)
		error = journal_segment_cut(directory, r->dead.at[i], JOURNAL_FORMAT_START);
	return error;
}

static int delete_files(const struct journal_segment_list *list, int directory)
{
	char name[JOURNAL_SEGMENT_NAME_SIZE];

	for (size_t i = 0; i < list->count; i++) {
		journal_segment_name(list->at[i]->number, name);
		if (unlinkat(directory, name, 0) < 0 && errno != ENOENT)
			return -errno;
	}
	return list->count > 0 && fsync(directory) < 0 ? -errno : 0;
}

int journal_settle_seal(struct journal_segment *last, const struct journal_segment_list *dead, int directory)
{
	if (last && !last->damaged && !last->known.sealed) {
		int error = journal_segment_settle(directory, last, true);

		if (error < 0)
			return error;
	}
	return delete_files(dead, directory);
}
