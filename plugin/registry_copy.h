/*
 * registry_copy - the registry in the state directory, so that a broker starts
 * and alerts with the database away.
 *
 * Promise  A copy that is torn, foreign or of another version is refused, never
 *          half used.
 * Threads  save [writer], load [start].
 * Errors   0 or a negative errno.
 */
#ifndef HIGHWATER_REGISTRY_COPY_H
#define HIGHWATER_REGISTRY_COPY_H

#include "registry.h"

/* Writes a new file, flushes it and renames it over the old one. */
int registry_save(const struct registry *r, const char *path) must_check;

/*
 * A sealed, provisional registry; -ENOENT when there is no copy, -EBADMSG when it is damaged or of another
 * version of the software, -ENOMEM, or from the file system.
 */
int registry_load(struct registry **ret, const char *path) must_check;

#endif
