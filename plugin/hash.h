/*
 * hash - a number for a short text, for tables in memory.
 *
 * Sixteen bytes a step, each a product of 64 by 64 bits whose halves are folded into one another, as wyhash
 * does. Texts are hashed one after another: what came of the first is given to the next, and where one ends
 * counts.
 *
 * Promise  All bits are usable, the low ones too. The products hold a secret of this process: who does not
 *          know it cannot choose texts that share a number but by trying, and cannot try, for the numbers
 *          are never shown. They are of no use to another process or on disk.
 * Threads  [any]
 */
#ifndef HIGHWATER_HASH_H
#define HIGHWATER_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Drawn when the program or the plugin is loaded, never changed afterwards. The second is odd. */
extern uint64_t hash_secret[2];

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
	uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX), high = (a >> 32) * (b >> 32);
	uint64_t cross = (a >> 32) * (b & UINT32_MAX) + (low >> 32);
	uint64_t other = (a & UINT32_MAX) * (b >> 32) + (cross & UINT32_MAX);

	return (other << 32 | (low & UINT32_MAX)) ^ (high + (cross >> 32) + (other >> 32));
#endif
}

static inline uint64_t hash_eight(const char *text)
{
	uint64_t word;

	memcpy(&word, text, sizeof(word));
	return word;
}

static inline uint64_t hash_four(const char *text)
{
	uint32_t word;

	memcpy(&word, text, sizeof(word));
	return word;
}

/* before: what came of the texts before this one, 0 when it is the first. */
static inline uint64_t hash_text(const char *text, size_t length, uint64_t before)
{
	uint64_t state = before + hash_secret[1] * (2 * (uint64_t)length + 1), a = 0, b = 0;

	for (; length > 16; text += 16, length -= 16) {
		state = hash_fold(hash_eight(text) ^ hash_secret[0], hash_eight(text + 8) ^ state);
	}
	/* The ends of what is left overlap. */
	if (length >= 8) {
		a = hash_eight(text);
		b = hash_eight(text + length - 8);
	} else if (length >= 4) {
		a = hash_four(text);
		b = hash_four(text + length - 4);
	} else if (length > 0) {
		a = (uint64_t)(unsigned char)text[0] << 16 | (uint64_t)(unsigned char)text[length / 2] << 8 |
		    (unsigned char)text[length - 1];
	}
	return hash_fold(a ^ hash_secret[0], b ^ state);
}

#endif
