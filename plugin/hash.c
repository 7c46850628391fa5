#include "hash.h"

#include <sys/random.h>

/* Of the golden ratio and of the square root of 2; they remain when the kernel has nothing better yet. */
uint64_t hash_secret[2] = {0x9e3779b97f4a7c15u, 0x6a09e667f3bcc909u};

static void __attribute__((constructor)) draw_secret(void)
{
	uint64_t drawn[2];

	if (getrandom(drawn, sizeof(drawn), GRND_NONBLOCK) == (ssize_t)sizeof(drawn)) {
		hash_secret[0] = drawn[0];
		hash_secret[1] = drawn[1] | 1;
	}
}
