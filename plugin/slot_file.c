#include "slot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int allocate_blocks(int fd, uint64_t from, uint64_t to)
{
	int error;

	do {
		error = to > from ? posix_fallocate(fd, (off_t)from, (off_t)(to - from)) : 0;
	} while (error == EINTR);
	return -error;
}

static int write_zeros(int fd, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[16384];

	while (from < to) {
		ssize_t n = pwrite(fd, zeros, (size_t)MIN(to - from, sizeof(zeros)), (off_t)from);

		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		from += n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}

/* Zeros are written, not just allocated: the first flush of a slot is then data only. */
static int grow(int fd, uint64_t from, uint64_t to)
{
	int r = allocate_blocks(fd, from, to);

	if (r == 0) {
		r = write_zeros(fd, from, to);
	}
	if (r == 0 && fdatasync(fd) != 0) {
		r = -errno;
	}
	if (r < 0) {
		/* Should this fail too, the next try writes over what is there. */
		int unused = ftruncate(fd, (off_t)from);

		(void)unused;
	}
	return r;
}

int slot_file_grow(int fd, uint32_t copy_size, uint32_t from, uint32_t to)
{
	return grow(fd, slot_format_offset(copy_size, from), slot_format_offset(copy_size, to));
}

static int lock_file(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		return 0;
	}
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static int flush_directory_of(const char *path)
{
	char *copy = strdup(path);
	int fd, r;

	if (copy == NULL) {
		return -ENOMEM;
	}
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd < 0) {
		return -errno;
	}
	r = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return r;
}

int slot_file_rename(const char *from, const char *to)
{
	return rename(from, to) == 0 ? flush_directory_of(to) : -errno;
}

static int write_new_file(int fd, const struct slot_kind *kind, uint32_t slots)
{
	const struct slot_header header = slot_format_header(kind);
	int r = lock_file(fd);

	if (r < 0) {
		return r;
	}
	if (ftruncate(fd, 0) != 0) {
		return -errno;
	}
	r = grow(fd, 0, slot_format_offset(slot_format_copy_size(kind->body_size), slots));
	if (r < 0) {
		return r;
	}
	if (pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header)) {
		return -EIO;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* Made beside and renamed: the file is there whole or not at all. Returns the descriptor. */
static int create_file(const char *path, const struct slot_kind *kind, uint32_t slots)
{
	char *beside = NULL;
	int fd, r;

	if (asprintf(&beside, "%s.new", path) < 0) {
		return -ENOMEM;
	}
	fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	r = fd >= 0 ? write_new_file(fd, kind, slots) : -errno;
	if (r == 0) {
		r = slot_file_rename(beside, path);
	}
	free(beside);
	if (r < 0 && fd >= 0) {
		close(fd);
	}
	return r < 0 ? r : fd;
}

static int check_file(int fd, const struct slot_kind *kind, uint32_t *ret_slots)
{
	const struct slot_header expected = slot_format_header(kind);
	struct slot_header header;
	struct stat st;
	uint64_t slots;

	if (fstat(fd, &st) != 0) {
		return -errno;
	}
	if (st.st_size < (off_t)SLOT_HEADER_SIZE ||
	    pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    memcmp(header.magic, expected.magic, sizeof(header.magic)) != 0) {
		return -EBADMSG;
	}
	if (memcmp(&header, &expected, sizeof(header)) != 0) {
		return -ESTALE;
	}
	slots = ((uint64_t)st.st_size - SLOT_HEADER_SIZE) / expected.slot_size;
	if (slots > SLOT_COUNT_MAX) {
		return -EBADMSG;
	}
	*ret_slots = (uint32_t)slots;
	return 0;
}

int slot_file_open(const char *path, const struct slot_kind *kind, uint32_t new_slots, int *ret_fd,
                   uint32_t *ret_slots)
{
	uint32_t slots = 0;
	int fd = open(path, O_RDWR | O_CLOEXEC), r;

	if (fd < 0) {
		fd = errno == ENOENT ? create_file(path, kind, new_slots) : -errno;
		if (fd < 0) {
			return fd;
		}
	}
	r = lock_file(fd);
	if (r == 0) {
		r = check_file(fd, kind, &slots);
	}
	if (r == 0) {
		/* A copy restored from a backup may have holes. */
		r = allocate_blocks(fd, 0, slot_format_offset(slot_format_copy_size(kind->body_size), slots));
	}
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	*ret_slots = slots;
	return 0;
}
