/*
 * scratch - a directory of a test's own.
 */
#ifndef HIGHWATER_TEST_SCRATCH_H
#define HIGHWATER_TEST_SCRATCH_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRATCH_PATH 64

/* In memory where the machine has it: tests flush often. */
static inline void scratch_make(char directory[static SCRATCH_PATH])
{
	strcpy(directory,
	       access("/dev/shm", W_OK) == 0 ? "/dev/shm/highwater-XXXXXX" : "/tmp/highwater-XXXXXX");
	assert_non_null(mkdtemp(directory));
}

#endif
