#include "utf8.h"

#include <stdint.h>

/* Bytes of the character at p, 0 when it is malformed or cut off. */
static size_t character(const uint8_t *p, size_t left)
{
	/* RFC 3629, section 4: only the second byte's range depends on the first. */
	uint8_t low = 0x80, high = 0xBF;
	size_t n;

	if (p[0] >= 0x01 && p[0] <= 0x7F)
		return 1;
	if (p[0] >= 0xC2 && p[0] <= 0xDF) {
		n = 2;
	} else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
		n = 3;
		low = p[0] == 0xE0 ? 0xA0 : 0x80;
		high = p[0] == 0xED ? 0x9F : 0xBF;
	} else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
		n = 4;
		low = p[0] == 0xF0 ? 0x90 : 0x80;
		high = p[0] == 0xF4 ? 0x8F : 0xBF;
	} else {
		return 0;
	}
	if (left < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return n;
}

size_t utf8_prefix(const void *bytes, size_t length)
{
	const uint8_t *p = bytes;
	size_t at = 0;

	while (at < length) {
		size_t n = character(p + at, length - at);

		if (!n)
			break;
		at += n;
	}
	return at;
}
