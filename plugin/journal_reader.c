#include "journal_reader.h"

#include "journal_format.h"
#include "journal_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int journal_reader_open(struct journal_reader *r, int directory, uint32_t number, uint32_t seed)
{
	char name[JOURNAL_SEGMENT_NAME_SIZE];

	r->seed = seed;
	if (r->fd >= 0 && r->number == number)
		return 0;
	journal_segment_name(number, name);
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	journal_reader_close(r);
	r->fd = fd;
	r->number = number;
	return 0;
}

void journal_reader_close(struct journal_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	r->start = r->length = 0;
}

/* What the file has from offset on, up to limit and as much as fits. */
static int fill(struct journal_reader *r, uint32_t offset, uint32_t limit)
{
	uint32_t size = (uint32_t)MIN(sizeof(r->buffer), limit - offset);

	r->start = offset;
	r->length = 0;
	while (r->length < size) {
		ssize_t n = pread(r->fd, r->buffer + r->length, size - r->length,
		                  (off_t)offset + (off_t)r->length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		r->length += (uint32_t)n;
	}
	return 0;
}

/* 1 and *ret when need bytes from offset on lie before limit and in the buffer; 0 or the error when not. */
static int want(struct journal_reader *r, uint32_t offset, uint32_t need, uint32_t limit, const uint8_t **ret)
{
	if (limit < offset || limit - offset < need)
		return 0;
	if (offset < r->start || offset + need > r->start + r->length) {
		int error = fill(r, offset, limit);

		if (error < 0)
			return error;
	}
	if (offset + need > r->start + r->length)
		return 0;
	*ret = r->buffer + (offset - r->start);
	return 1;
}

int journal_reader_next(struct journal_reader *r, uint32_t offset, uint32_t limit, struct journal_record *ret)
{
	struct journal_format_record head;
	const uint8_t *bytes;
	uint64_t position = journal_format_position(r->number, offset);

	if (offset % 8 || offset < JOURNAL_FORMAT_START)
		return 0;
	int got = want(r, offset, sizeof(head), limit, &bytes);
	if (got <= 0)
		return got;
	memcpy(&head, bytes, sizeof(head));
	uint32_t size = journal_format_check_head(&head);
	if (size == 0)
		return 0;
	got = want(r, offset, size, limit, &bytes);
	if (got <= 0)
		return got;
	if (!journal_format_check_record(bytes, r->seed, position))
		return 0;
	*ret = (struct journal_record){
		.position = position,
		.next = position + size,
		.kind = head.kind,
		.length = JOURNAL_LE16(head.length),
		.body = bytes + sizeof(head),
	};
	return 1;
}

int journal_reader_zero(struct journal_reader *r, uint32_t offset)
{
	int error;

	while ((error = fill(r, offset, UINT32_MAX)) == 0 && r->length > 0) {
		if (r->buffer[0] != 0 || memcmp(r->buffer, r->buffer + 1, r->length - 1) != 0)
			return 0;
		offset += r->length;
	}
	return error < 0 ? error : 1;
}
