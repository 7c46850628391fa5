/*
 * crc32c - the Castagnoli CRC (RFC 3720, appendix B.4; polynomial 0x1EDC6F41).
 *
 * crc32c(0, "123456789", 9) is 0xE3069283. Chains: crc32c(crc32c(0, a), b) is
 * the CRC of a followed by b. Uses the SSE 4.2 instruction where there is one.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_CRC32C_H
#define HIGHWATER_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t length);

/* The same by table, as on processors without the instruction. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t length);

#endif
