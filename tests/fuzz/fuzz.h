#ifndef HIGHWATER_FUZZ_FUZZ_H
#define HIGHWATER_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's name for it. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* NOLINT */

#endif
