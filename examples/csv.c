#include "csv.h"

#include <errno.h>
#include <stdlib.h>

enum { FIELD_START, PLAIN, QUOTED, QUOTE_SEEN };

static int append(struct csv *c, int byte)
{
	if (c->length == c->size) {
		size_t size = c->size == 0 ? 512 : 2 * c->size;
		char *text = realloc(c->text, size);

		if (text == NULL) {
			return -ENOMEM;
		}
		c->text = text;
		c->size = size;
	}
	c->text[c->length++] = (char)byte;
	return 0;
}

static int field_begin(struct csv *c)
{
	if (c->count == c->room) {
		size_t room = c->room == 0 ? 16 : 2 * c->room;
		size_t *start = realloc(c->start, room * sizeof(*start));

		if (start == NULL) {
			return -ENOMEM;
		}
		c->start = start;
		c->room = room;
	}
	c->start[c->count++] = c->length;
	c->state = FIELD_START;
	return 0;
}

static int field_end(struct csv *c)
{
	return append(c, '\0');
}

/* Takes "\r\n" as one line end. A lone '\r' is data. */
static int next_byte(struct csv *c)
{
	int byte = getc(c->file);

	if (byte == '\r') {
		int following = getc(c->file);

		if (following == '\n') {
			return following;
		}
		ungetc(following, c->file);
	}
	return byte;
}

static int quoted_byte(struct csv *c, int byte)
{
	if (byte == '"') {
		c->state = QUOTE_SEEN;
		return 0;
	}
	return append(c, byte);
}

/* Outside of quotes, neither comma nor line end. */
static int plain_byte(struct csv *c, int byte)
{
	if (byte == '"' && c->state == FIELD_START) {
		c->state = QUOTED;
		return 0;
	}
	if (byte == '"' && c->state == QUOTE_SEEN) {
		c->state = QUOTED;
		return append(c, byte);
	}
	if (c->state == QUOTE_SEEN) {
		c->broken = "text follows a closing quote";
	}
	if (byte == '\0') {
		c->broken = "a NUL byte";
	}
	c->state = PLAIN;
	return append(c, byte);
}

static int take_byte(struct csv *c, int byte)
{
	int r;

	if (c->length >= CSV_ROW_MAX) {
		c->broken = "longer than 1 MiB: is a quote never closed?";
		return -EFBIG;
	}
	if (byte == '\n') {
		c->next_line++;
	}
	if (c->state == QUOTED) {
		return quoted_byte(c, byte);
	}
	if (byte == ',') {
		r = field_end(c);
		return r < 0 ? r : field_begin(c);
	}
	return plain_byte(c, byte);
}

static bool is_empty(const struct csv *c)
{
	return c->count == 1 && c->length == 0 && c->state == FIELD_START;
}

static int row_end(struct csv *c)
{
	int r = field_end(c);

	if (r < 0) {
		return r;
	}
	if (c->state == QUOTED) {
		c->broken = "a quote is not closed";
	}
	return c->broken != NULL ? -EBADMSG : 1;
}

static int row_begin(struct csv *c)
{
	c->length = 0;
	c->count = 0;
	c->broken = NULL;
	c->line = c->next_line;
	return field_begin(c);
}

int csv_next(struct csv *c)
{
	int r = row_begin(c), byte;

	while (r == 0) {
		byte = next_byte(c);
		if (byte == EOF) {
			if (ferror(c->file)) {
				return -EIO;
			}
			return is_empty(c) ? 0 : row_end(c);
		}
		if (byte == '\n' && c->state != QUOTED) {
			c->next_line++;
			if (!is_empty(c)) {
				return row_end(c);
			}
			c->line = c->next_line;
			continue;
		}
		r = take_byte(c, byte);
	}
	return r;
}

/* glibc takes back as many bytes as were just read from its buffer. */
static void skip_byte_order_mark(FILE *file)
{
	static const int mark[] = {0xEF, 0xBB, 0xBF};

	for (int i = 0; i < 3; i++) {
		int byte = getc(file);

		if (byte != mark[i]) {
			ungetc(byte, file);
			while (i-- > 0) {
				ungetc(mark[i], file);
			}
			return;
		}
	}
}

int csv_open(struct csv *ret, const char *path)
{
	struct csv c = {.next_line = 1};

	c.opened = strcmp(path, "-") != 0;
	c.file = c.opened ? fopen(path, "re") : stdin;
	if (c.file == NULL) {
		return -errno;
	}
	skip_byte_order_mark(c.file);
	*ret = c;
	return 0;
}

void csv_close(struct csv *c)
{
	if (c->opened) {
		fclose(c->file);
	}
	free(c->text);
	free(c->start);
	*c = (struct csv){0};
}

long csv_find(const struct csv *c, const char *text, size_t length)
{
	for (size_t i = 0; i < c->count; i++) {
		const char *field = csv_field(c, i);

		if (strlen(field) == length && memcmp(field, text, length) == 0) {
			return (long)i;
		}
	}
	return -1;
}
