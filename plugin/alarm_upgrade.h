/*
 * alarm_upgrade - an alarm store of version 1 becomes one of version 2.
 *
 * Promise  At any instant the file at path is whole: the old one until the new
 *          one, made beside it, has been flushed; then the new one. What a
 *          crash leaves beside it is made anew by the next try.
 * Threads  [start]
 * Errors   0 or a negative errno; the file is then the old one, but for an error of flushing the folder.
 */
#ifndef HIGHWATER_ALARM_UPGRADE_H
#define HIGHWATER_ALARM_UPGRADE_H

#include "slot_store.h"

/* As slot_store_open(), of a file of version 1. Damaged slots of it are left out and counted. */
int alarm_upgrade(struct slot_store **ret, const char *path, uint32_t max_slots,
                  uint32_t *ret_damaged) must_check;

#endif
