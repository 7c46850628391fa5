#include "rain.h"

#include "util.h"

#include <math.h>

#define PLACES (RAIN_BUCKETS + 1)

static int64_t width(int64_t period_us)
{
	return MAX(period_us / RAIN_BUCKETS, 1);
}

/* Makes bucket n the newest. Those that it passes over are empty. */
static void advance(struct rain *r, int64_t n)
{
	int64_t fresh = MIN(n - r->newest, PLACES);

	for (int64_t i = 0; i < fresh; i++) {
		r->amount[(n - i) % PLACES] = 0;
	}
	r->newest = n;
}

void rain_add(struct rain *r, int64_t at_us, double amount, int64_t period_us)
{
	int64_t n = at_us / width(period_us);
	double thousandths = round(amount * 1000);
	uint32_t *place;

	if (n < r->newest || !(thousandths > 0)) {
		return;
	}
	advance(r, n);
	place = &r->amount[n % PLACES];
	*place += (uint32_t)MIN(thousandths, (double)(UINT32_MAX - *place));
}

/* The first bucket that counts at at_us. */
static int64_t oldest(const struct rain *r, int64_t at_us, int64_t period_us)
{
	return MAX(MAX(at_us / width(period_us), r->newest) - RAIN_BUCKETS, 0);
}

double rain_sum(const struct rain *r, int64_t at_us, int64_t period_us)
{
	uint64_t sum = 0;

	for (int64_t n = oldest(r, at_us, period_us); n <= r->newest; n++) {
		sum += r->amount[n % PLACES];
	}
	return (double)sum / 1000;
}

int64_t rain_next_change(const struct rain *r, int64_t at_us, int64_t period_us)
{
	for (int64_t n = oldest(r, at_us, period_us); n <= r->newest; n++) {
		if (r->amount[n % PLACES] != 0) {
			return (n + PLACES) * width(period_us);
		}
	}
	return INT64_MAX;
}
