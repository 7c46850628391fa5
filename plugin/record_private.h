/*
 * record_private - what encoding and decoding share: the flags of record.c's
 * tables.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_RECORD_PRIVATE_H
#define HIGHWATER_RECORD_PRIVATE_H

#include "record.h"

/* Of a reading: what follows. */
#define HAS_RAW     1u
#define HAS_SETTLED 2u
#define HAS_GAP     4u

/* Of an alarm. */
#define IS_SILENT         1u
#define IS_ACKNOWLEDGED   2u
#define IS_SUPPRESSED     4u
#define IS_OUT_OF_SERVICE 8u
#define IS_HELD           16u

#endif
