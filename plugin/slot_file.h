/*
 * slot_file - a slot store's file: made whole or not at all, opened by one
 * process, grown by slots that cannot fail later.
 *
 * Threads  open, rename [start]; grow [care].
 * Errors   0 or a negative errno. Nothing here logs.
 */
#ifndef HIGHWATER_SLOT_FILE_H
#define HIGHWATER_SLOT_FILE_H

#include "slot_format.h"

/*
 * Opens the file, or creates one with so many slots. *ret_fd is locked; all blocks of its *ret_slots slots
 * exist. Errors as slot_store_open() tells them.
 */
int slot_file_open(const char *path, const struct slot_kind *kind, uint32_t new_slots, int *ret_fd,
                   uint32_t *ret_slots) must_check;

/* Adds slots from to to - 1, of zeros. On failure the file is as it was. */
int slot_file_grow(int fd, uint32_t copy_size, uint32_t from, uint32_t to) must_check;

/* Puts a file in another's place, so that a power cut leaves the one or the other. */
int slot_file_rename(const char *from, const char *to) must_check;

#endif
