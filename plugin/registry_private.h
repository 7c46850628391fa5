/*
 * registry_private - the parts of sealing a registry.
 *
 * Threads  As registry.h: one that builds.
 * Errors   As registry_seal().
 */
#ifndef HIGHWATER_REGISTRY_PRIVATE_H
#define HIGHWATER_REGISTRY_PRIVATE_H

#include "registry.h"

/* Sorts; -EEXIST when two are equal. */
int registry_seal_array(void *array, size_t count, size_t size,
                        int (*compare)(const void *, const void *)) must_check;

/* The members, each datastream's range of them, and the memberships. */
int registry_seal_members(struct registry *r) must_check;

#endif
