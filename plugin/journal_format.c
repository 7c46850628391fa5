#include "journal_format.h"

#include <string.h>

static const uint8_t magic[8] = {0x89, 'H', 'W', 'J', '\r', '\n', 0x1a, '\n'};

uint32_t journal_format_seed(const uint8_t id[static JOURNAL_ID_SIZE])
{
	return crc32c(0, id, JOURNAL_ID_SIZE);
}

uint32_t journal_format_record_crc(uint32_t seed, uint64_t position, uint16_t length, uint8_t kind,
                                   const void *body)
{
	uint64_t word = JOURNAL_LE64(position);
	uint8_t head[12] = {[8] = (uint8_t)length, [9] = (uint8_t)(length >> 8), [10] = kind, [11] = 0};

	memcpy(head, &word, sizeof(word));
	return crc32c(crc32c(seed, head, sizeof(head)), body, length);
}

/* Of all but the checksum itself. */
static uint32_t header_crc(const struct journal_format_header *h)
{
	const uint8_t *bytes = (const uint8_t *)h;
	size_t before = offsetof(struct journal_format_header, crc);

	return crc32c(crc32c(0, bytes, before), bytes + before + 4, sizeof(*h) - before - 4);
}

void journal_format_write_header(const struct journal_format_facts *facts, struct journal_format_header *ret)
{
	*ret = (struct journal_format_header){
		.version = JOURNAL_LE32(JOURNAL_FORMAT_VERSION),
		.number = JOURNAL_LE32(facts->number),
		.previous = JOURNAL_LE32(facts->previous),
		.size = JOURNAL_LE64(facts->size),
		.created_us = (int64_t)JOURNAL_LE64(facts->created_us),
	};
	memcpy(ret->magic, magic, sizeof(magic));
	memcpy(ret->id, facts->id, sizeof(ret->id));
	ret->crc = JOURNAL_LE32(header_crc(ret));
}

const char *journal_format_read_header(const struct journal_format_header *h, uint32_t number,
                                       struct journal_format_facts *ret)
{
	if (memcmp(h->magic, magic, sizeof(magic)) != 0)
		return "the file does not begin as a journal segment does";
	if (JOURNAL_LE32(h->crc) != header_crc(h))
		return "the header's checksum is wrong";
	if (JOURNAL_LE32(h->version) != JOURNAL_FORMAT_VERSION)
		return "the format version is not known to this version of Highwater";
	if (JOURNAL_LE32(h->number) != number)
		return "the header is that of a segment with another number";
	if (JOURNAL_LE32(h->previous) >= number || JOURNAL_LE64(h->size) > JOURNAL_SEGMENT_MAX)
		return "the header contradicts itself";
	ret->number = number;
	ret->previous = JOURNAL_LE32(h->previous);
	ret->size = (uint32_t)JOURNAL_LE64(h->size);
	ret->created_us = (int64_t)JOURNAL_LE64(h->created_us);
	memcpy(ret->id, h->id, sizeof(ret->id));
	return NULL;
}

uint32_t journal_format_mark_offset(uint64_t generation)
{
	return generation % 2 ? JOURNAL_FORMAT_MARK_B : JOURNAL_FORMAT_MARK_A;
}

static uint32_t mark_crc(const struct journal_format_mark *m, uint32_t seed, uint32_t number, uint32_t offset)
{
	uint64_t position = JOURNAL_LE64(journal_format_position(number, offset));

	return crc32c(crc32c(seed, &position, sizeof(position)), (const uint8_t *)m + 4, sizeof(*m) - 4);
}

void journal_format_write_mark(const struct journal_format_known *known, uint32_t seed, uint32_t number,
                               struct journal_format_mark *ret)
{
	*ret = (struct journal_format_mark){
		.sealed = JOURNAL_LE32(known->sealed ? JOURNAL_FORMAT_SEALED : 0),
		.generation = JOURNAL_LE64(known->generation),
		.synced = JOURNAL_LE32(known->synced),
		.retired = JOURNAL_LE32(known->retired),
		.records = JOURNAL_LE32(known->records),
	};
	ret->crc = JOURNAL_LE32(mark_crc(ret, seed, number, journal_format_mark_offset(known->generation)));
}

bool journal_format_read_mark(const struct journal_format_mark *m, uint32_t seed, uint32_t number,
                              uint32_t offset, uint32_t size, struct journal_format_known *ret)
{
	uint32_t synced = JOURNAL_LE32(m->synced);

	if (JOURNAL_LE32(m->crc) != mark_crc(m, seed, number, offset) || synced % 8 ||
	    synced < JOURNAL_FORMAT_START || synced > size)
		return false;
	ret->generation = JOURNAL_LE64(m->generation);
	ret->synced = synced;
	ret->retired = JOURNAL_LE32(m->retired);
	ret->records = JOURNAL_LE32(m->records);
	ret->sealed = JOURNAL_LE32(m->sealed) == JOURNAL_FORMAT_SEALED;
	return true;
}

uint32_t journal_format_check_head(const struct journal_format_record *head)
{
	uint16_t length = JOURNAL_LE16(head->length);

	if (head->kind == 0 || head->flags != 0)
		return 0;
	if (length > (head->kind == JOURNAL_FORMAT_SEAL ? 0 : JOURNAL_BODY_MAX))
		return 0;
	return journal_format_size(length);
}

static bool all_zero(const uint8_t *p, size_t length)
{
	while (length > 0 && *p == 0)
		p++, length--;
	return length == 0;
}

bool journal_format_check_record(const uint8_t *bytes, uint32_t seed, uint64_t position)
{
	struct journal_format_record head;
	const uint8_t *body = bytes + sizeof(head);

	memcpy(&head, bytes, sizeof(head));
	uint32_t size = journal_format_check_head(&head);
	uint16_t length = JOURNAL_LE16(head.length);
	return size > 0 && all_zero(body + length, size - sizeof(head) - length) &&
	       JOURNAL_LE32(head.crc) == journal_format_record_crc(seed, position, length, head.kind, body);
}
