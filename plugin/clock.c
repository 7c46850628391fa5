#include "clock.h"

#include <time.h>

static int64_t now_us(clockid_t which)
{
	struct timespec t;

	/* Fails only for a clock that does not exist or a bad pointer. */
	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_realtime_us(void)
{
	return now_us(CLOCK_REALTIME);
}

int64_t clock_coarse_us(void)
{
	return now_us(CLOCK_REALTIME_COARSE);
}

int64_t clock_monotonic_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}
