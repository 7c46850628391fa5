#include "cap_document.h"

#include "utf8.h"

#include <libxml/xmlIO.h>
#include <libxml/xmlwriter.h>
#include <stdbool.h>
#include <stdlib.h>

/* Once it has failed, nothing is written any more. */
struct cap_document {
	xmlOutputBuffer *out; /* the writer's, which frees it */
	xmlTextWriter *writer;
	bool failed;
};

/*
 * For want of memory libxml2's writer may leave out a text or forget an open element, and return success. So
 * what each call has added to the document is measured. A buffer that is not written to a file keeps it all.
 */
static void check(struct cap_document *d, int result, size_t before, size_t at_least)
{
	d->failed = d->failed || result < 0 || d->out->error != 0 ||
	            xmlOutputBufferGetSize(d->out) < before + at_least;
}

void cap_document_begin(struct cap_document *d, const char *name)
{
	size_t before = xmlOutputBufferGetSize(d->out);

	if (!d->failed) {
		check(d, xmlTextWriterStartElement(d->writer, BAD_CAST name), before, strlen(name) + 1);
	}
}

void cap_document_end(struct cap_document *d)
{
	size_t before = xmlOutputBufferGetSize(d->out);

	if (!d->failed) {
		check(d, xmlTextWriterEndElement(d->writer), before, strlen("/>"));
	}
}

/* XML 1.0, 2.2: of control characters only tab and the ends of lines, and neither U+FFFE nor U+FFFF. */
static void make_legal(char *text)
{
	text[utf8_prefix(text, strlen(text))] = '\0';
	for (char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r') {
			*p = ' ';
		} else if (strncmp(p, "\xEF\xBF\xBE", 3) == 0 || strncmp(p, "\xEF\xBF\xBF", 3) == 0) {
			memcpy(p, "???", 3);
		}
	}
}

void cap_document_element(struct cap_document *d, const char *name, const char *text)
{
	size_t before;
	char *legal;

	if (d->failed || text == NULL || text[0] == '\0') {
		return;
	}
	legal = strdup(text);
	if (legal == NULL) {
		d->failed = true;
		return;
	}
	make_legal(legal);
	cap_document_begin(d, name);
	before = xmlOutputBufferGetSize(d->out);
	if (!d->failed) {
		check(d, xmlTextWriterWriteString(d->writer, BAD_CAST legal), before, strlen(legal));
	}
	cap_document_end(d);
	free(legal);
}

void cap_document_fail(struct cap_document *d)
{
	d->failed = true;
}

static void begin_root(struct cap_document *d, const char *root, const char *space)
{
	static const char declaration[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
	size_t before;

	/* Told of an encoding, libxml2 would set up its table of them, which is global. */
	check(d, xmlTextWriterWriteRaw(d->writer, BAD_CAST declaration), 0, strlen(declaration));
	cap_document_begin(d, root);
	before = xmlOutputBufferGetSize(d->out);
	if (!d->failed) {
		check(d, xmlTextWriterWriteAttribute(d->writer, BAD_CAST "xmlns", BAD_CAST space), before,
		      strlen(space));
	}
}

struct cap_document *cap_document_new(const char *root, const char *space)
{
	struct cap_document *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		return NULL;
	}
	d->out = xmlAllocOutputBuffer(NULL);
	d->writer = d->out != NULL ? xmlNewTextWriter(d->out) : NULL;
	if (d->writer == NULL) {
		if (d->out != NULL) {
			xmlOutputBufferClose(d->out);
		}
		free(d);
		return NULL;
	}
	begin_root(d, root, space);
	return d;
}

char *cap_document_finish(struct cap_document *d)
{
	char *result = NULL;
	size_t size;

	cap_document_end(d);
	size = xmlOutputBufferGetSize(d->out);
	if (!d->failed) {
		result = malloc(size + 1);
	}
	if (result != NULL) {
		copy_text(result, size + 1, (const char *)xmlOutputBufferGetContent(d->out), size);
	}
	xmlFreeTextWriter(d->writer);
	free(d);
	return result;
}
