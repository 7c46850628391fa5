/*
 * quantity - durations and sizes as people write them in a configuration.
 *
 *   duration   whole number and unit without a space: us ms s m h d   "100ms" "366d"
 *              "0" needs no unit
 *   size       whole number and unit: B KiB MiB GiB TiB               "16MiB"
 *
 * Threads  [any]
 * Errors   0 or -EINVAL, outputs untouched on failure; what overflows the output is invalid.
 */
#ifndef HIGHWATER_QUANTITY_H
#define HIGHWATER_QUANTITY_H

#include "util.h"

#include <stdint.h>

int quantity_duration_us(const char *text, int64_t *ret_us) must_check;
int quantity_size_bytes(const char *text, uint64_t *ret_bytes) must_check;

#endif
