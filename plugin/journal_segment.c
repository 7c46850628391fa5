#include "journal_segment.h"

#include "clock.h"
#include "journal_format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The kernel keeps what is written at once together in the page cache, and
 * flushes it together: with large writes, a flush of the pages left behind
 * would take the page that is being written along. Measured on ext4, Linux 6.18, with a
 * flush every 5 ms, p99.99 of an append: 0.75 ms with 256 KiB, 0.06 ms with 16 KiB.
 */
static const uint8_t zeros[16384];

int journal_segment_list_push(struct journal_segment_list *list, struct journal_segment *s)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		struct journal_segment **at = realloc(list->at, room * sizeof(struct journal_segment *));

		if (!at)
			return -ENOMEM;
		list->at = at;
		list->room = room;
	}
	list->at[list->count++] = s;
	return 0;
}

void journal_segment_list_done(struct journal_segment_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		journal_segment_free(list->at[i]);
	free(list->at);
	*list = (struct journal_segment_list){0};
}

void journal_segment_name(uint32_t number, char name[static JOURNAL_SEGMENT_NAME_SIZE])
{
	snprintf(name, JOURNAL_SEGMENT_NAME_SIZE, "%016" PRIx32 ".seg", number);
}

bool journal_segment_parse_name(const char *name, const char *suffix, uint32_t *ret_number)
{
	if (strspn(name, "0123456789abcdef") != 16 || strcmp(name + 16, suffix) != 0)
		return false;
	uint64_t number = strtoull(name, NULL, 16);
	if (number == 0 || number > JOURNAL_FORMAT_NUMBER_MAX)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

struct journal_segment *journal_segment_new(uint32_t number)
{
	struct journal_segment *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->number = number;
	s->fd = -1;
	s->known.synced = s->flushed = s->seen = JOURNAL_FORMAT_START;
	atomic_init(&s->end, 0);
	return s;
}

void journal_segment_unmap(struct journal_segment *s)
{
	if (s->map)
		munmap(s->map, s->size);
	if (s->fd >= 0)
		close(s->fd);
	s->map = NULL;
	s->fd = -1;
}

void journal_segment_free(struct journal_segment *s)
{
	if (!s)
		return;
	journal_segment_unmap(s);
	free(s);
}

static int write_all(int fd, const void *data, size_t length, uint32_t offset)
{
	const uint8_t *p = data;

	while (length > 0) {
		ssize_t n = pwrite(fd, p, length, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		length -= (size_t)n;
		offset += (uint32_t)n;
	}
	return 0;
}

/* Up to length bytes; fewer only at the end of the file. */
static ssize_t read_all(int fd, void *data, size_t length, uint32_t offset)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = pread(fd, (uint8_t *)data + done, length - done, (off_t)offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Writes what *s says as the mark of its next generation. */
static int put_mark(struct journal_segment *s, int fd)
{
	struct journal_format_mark m;
	struct journal_format_known known = s->known;

	known.generation++;
	journal_format_write_mark(&known, s->seed, s->number, &m);
	int r = write_all(fd, &m, sizeof(m), journal_format_mark_offset(known.generation));
	if (r == 0)
		s->known.generation = known.generation;
	return r;
}

static int write_header(struct journal_segment *s, int fd)
{
	struct journal_format_header h;
	struct journal_format_facts facts = {
		.number = s->number,
		.previous = s->previous,
		.size = s->size,
		.created_us = clock_realtime_us(),
	};

	memcpy(facts.id, s->id, sizeof(facts.id));
	journal_format_write_header(&facts, &h);
	int r = write_all(fd, &h, sizeof(h), 0);
	for (int copy = 0; r == 0 && copy < 2; copy++)
		r = put_mark(s, fd);
	return r;
}

/* Zeros are written, not only reserved: a later flush of the map then changes data, not the file's extents. */
static int fill_zero(int fd, uint32_t size)
{
	int r;

	do {
		r = posix_fallocate(fd, 0, size);
	} while (r == EINTR);
	if (r != 0)
		return -r;
	for (uint32_t at = 0; r == 0 && at < size; at += (uint32_t)sizeof(zeros))
		r = write_all(fd, zeros, MIN(sizeof(zeros), size - at), at);
	return r;
}

/* On btrfs each store would otherwise want new blocks. Works on an empty file; elsewhere it fails, harmlessly. */
static void no_copy_on_write(int fd)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && !(flags & FS_NOCOW_FL)) {
		flags |= FS_NOCOW_FL;
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

static int fill_and_map(int directory, struct journal_segment *s, const char *temporary, const char *name)
{
	no_copy_on_write(s->fd);
	int r = fill_zero(s->fd, s->size);
	if (r == 0)
		r = write_header(s, s->fd);
	if (r < 0)
		return r;
	if (fsync(s->fd) < 0)
		return -errno;
	void *map = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	s->map = map;
	if (renameat(directory, temporary, directory, name) < 0 || fsync(directory) < 0)
		return -errno;
	return 0;
}

int journal_segment_create(int directory, struct journal_segment *s)
{
	char name[JOURNAL_SEGMENT_NAME_SIZE], temporary[JOURNAL_SEGMENT_NAME_SIZE];

	journal_segment_name(s->number, name);
	memcpy(temporary, name, sizeof(name));
	memcpy(temporary + sizeof(name) - sizeof(".tmp"), ".tmp", sizeof(".tmp"));
	s->seed = journal_format_seed(s->id);
	s->fd = openat(directory, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return -errno;
	int r = fill_and_map(directory, s, temporary, name);
	if (r < 0) {
		journal_segment_unmap(s);
		(void)unlinkat(directory, temporary, 0);
		(void)unlinkat(directory, name, 0);
	}
	return r;
}

/* Takes the mark over when it is valid and newer than what *s has. */
static bool take_mark(struct journal_segment *s, const uint8_t *page, uint32_t offset, uint32_t size)
{
	struct journal_format_mark m;
	struct journal_format_known known;

	memcpy(&m, page + offset, sizeof(m));
	if (!journal_format_read_mark(&m, s->seed, s->number, offset, size, &known))
		return false;
	if (known.generation > s->known.generation)
		s->known = known;
	return true;
}

static void load_page(struct journal_segment *s, const uint8_t *page)
{
	struct journal_format_header h;
	struct journal_format_facts facts;

	memcpy(&h, page, sizeof(h));
	s->fault = journal_format_read_header(&h, s->number, &facts);
	if (s->fault)
		return;
	memcpy(s->id, facts.id, sizeof(s->id));
	s->seed = journal_format_seed(s->id);
	s->previous = facts.previous;
	s->size = MIN(s->size, facts.size);
	bool a = take_mark(s, page, JOURNAL_FORMAT_MARK_A, facts.size);
	bool b = take_mark(s, page, JOURNAL_FORMAT_MARK_B, facts.size);
	if (!a && !b)
		s->fault = "both copies of the synced mark are damaged";
}

int journal_segment_load(int directory, struct journal_segment *s)
{
	char name[JOURNAL_SEGMENT_NAME_SIZE];
	uint8_t page[JOURNAL_FORMAT_START];
	struct stat st;

	journal_segment_name(s->number, name);
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = fstat(fd, &st) < 0 ? -errno : read_all(fd, page, sizeof(page), 0);
	close(fd);
	if (n < 0 && n != -EIO)
		return (int)n;
	s->size = (uint32_t)MIN(st.st_size, (off_t)JOURNAL_SEGMENT_MAX);
	if (n < 0)
		s->fault = "the header cannot be read from the disk";
	else if (n < (ssize_t)sizeof(page))
		s->fault = "the file is too short for a header";
	else
		load_page(s, page);
	return 0;
}

static int open_file(int directory, const struct journal_segment *s)
{
	char name[JOURNAL_SEGMENT_NAME_SIZE];

	journal_segment_name(s->number, name);
	int fd = openat(directory, name, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int journal_segment_mark(int directory, struct journal_segment *s, bool flush)
{
	int r;

	if (s->map) {
		s->mark_stale = true;
		r = put_mark(s, s->fd);
		return r == 0 && flush ? journal_segment_flush(s, 1) : r;
	}
	int fd = open_file(directory, s);
	if (fd < 0)
		return fd;
	r = put_mark(s, fd);
	if (r == 0 && flush && fdatasync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* After a failed flush the kernel may hold pages for clean. The bytes touched are below the tail: they are final. */
static void dirty_again(struct journal_segment *s, uint32_t offset)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	for (uint32_t at = 0; at < offset; at += page) {
		volatile uint8_t *p = s->map + at;
		uint8_t same = *p;

		*p = same;
	}
}

/*
 * Takes what was appended since the last flush out of the process's page tables, all at once; the file has it.
 * The flush would else write-protect page after page, and interrupt the appender's processor for each: at 300,000
 * readings a second 4,400 times a second.
 */
static void unmap_left_behind(const struct journal_segment *s, uint32_t offset)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	uint32_t from = s->flushed & ~(page - 1), end = offset & ~(page - 1);

	if (end > from)
		(void)madvise(s->map + from, end - from, MADV_DONTNEED);
}

int journal_segment_flush(struct journal_segment *s, uint32_t offset)
{
	/* Once a flush has failed, the map holds fast what may be nowhere else. */
	if (s->failed > 0)
		dirty_again(s, MAX(s->failed, offset));
	else
		unmap_left_behind(s, offset);
	if (msync(s->map, offset, MS_SYNC) < 0) {
		int r = -errno;

		s->failed = MAX(s->failed, offset);
		dirty_again(s, s->failed);
		return r;
	}
	if (offset >= s->failed)
		s->failed = 0;
	s->flushed = MAX(s->flushed, offset);
	s->mark_stale = false;
	return 0;
}

uint32_t journal_segment_walk(const struct journal_segment *s, uint32_t at, uint32_t offset, uint32_t *count)
{
	struct journal_format_record head;

	while (at < offset) {
		memcpy(&head, s->map + at, sizeof(head));
		uint32_t size = journal_format_check_head(&head);
		if (size == 0 || size > offset - at)
			break;
		at += size;
		++*count;
	}
	return at;
}

int journal_segment_settle(int directory, struct journal_segment *s, bool seal)
{
	struct journal_format_known before = s->known;

	s->known.sealed = seal;
	s->known.synced = atomic_load_explicit(&s->end, memory_order_relaxed);
	s->known.records = s->records;
	int r = journal_segment_mark(directory, s, true);
	if (r == 0)
		r = journal_segment_mark(directory, s, true);
	if (r < 0) {
		s->known.sealed = before.sealed;
		s->known.synced = before.synced;
		s->known.records = before.records;
	}
	return r;
}

int journal_segment_flush_file(int directory, const struct journal_segment *s)
{
	int fd = open_file(directory, s);
	if (fd < 0)
		return fd;
	int r = fdatasync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int journal_segment_cut(int directory, struct journal_segment *s, uint32_t offset)
{
	uint32_t size = (offset + 4095) & ~4095u;

	if (size >= s->size)
		return 0;
	int fd = open_file(directory, s);
	if (fd < 0)
		return fd;
	int r = ftruncate(fd, size) < 0 ? -errno : 0;
	close(fd);
	if (r == 0)
		s->size = size;
	return r;
}
