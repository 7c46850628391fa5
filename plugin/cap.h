/*
 * cap - a transition as a message of the Common Alerting Protocol.
 *
 * OASIS CAP 1.2 (ITU-T X.1303), elements in the order of its schema. One chain
 * an incident: an Update or Cancel references the message before it. Where there
 * was none that anybody could have had, the message is an Alert, since CAP has no
 * Update without references.
 *
 * Promise  A document is whole and valid, or there is none. identifier and sender
 *          have no space, comma, < or & (CAP 1.2, 3.2.1); times no Z and no
 *          fraction (3.3.2).
 * Threads  [any]; as cap_document.
 * Memory   Strings come from malloc(); NULL when memory is short.
 */
#ifndef HIGHWATER_CAP_H
#define HIGHWATER_CAP_H

#include "cap_text.h"

/* area: the station's polygon, "lat,lon lat,lon …"; "": a circle about its place, if that is known. */
char *cap_xml(const struct cap_config *c, const struct transition *t, const char *area) must_check;

#endif
