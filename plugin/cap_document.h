/*
 * cap_document - an XML document, written element by element with libxml2.
 *
 * Promise  The document is whole and well-formed, or there is none. Text that XML
 *          cannot hold is replaced.
 * Threads  [any]. libxml2's writer works on its own objects here: nothing of the
 *          library's global state is set up, changed or cleaned up, since other
 *          plugins may use it as well.
 * Errors   A document remembers that it has failed; finishing tells.
 * Memory   cap_document_finish() frees the document.
 */
#ifndef HIGHWATER_CAP_DOCUMENT_H
#define HIGHWATER_CAP_DOCUMENT_H

#include "util.h"

struct cap_document;

/* With its root element open, in a namespace. NULL when memory is short. */
struct cap_document *cap_document_new(const char *root, const char *space) must_check;

void cap_document_begin(struct cap_document *d, const char *name);
void cap_document_end(struct cap_document *d);

/* An element with a text; left out when there is none: NULL or "". */
void cap_document_element(struct cap_document *d, const char *name, const char *text);

/* What was to be written is not to be had: there will be no document. */
void cap_document_fail(struct cap_document *d);

/* Ends the root. A string from malloc(), or NULL when memory was short. */
char *cap_document_finish(struct cap_document *d) must_check;

#endif
