#include "storm.h"

#include <math.h>

#define RISE_MIN          25.0
#define RECESSION_MIN     70.0
#define RAIN_MIN          40.0
#define RAIN_HEAVIEST_MIN 12.0
#define RAIN_HEAVIEST_MM  3.2
#define HALF_PI           1.57079632679489661923

double storm_depth_m(double minutes_since_start, double peak_m)
{
	double depth_m, wave;

	if (minutes_since_start <= 0) {
		return 0;
	}
	if (minutes_since_start <= RISE_MIN) {
		wave = sin(HALF_PI * minutes_since_start / RISE_MIN);
		depth_m = peak_m * wave * wave;
	} else {
		depth_m = peak_m * exp(-(minutes_since_start - RISE_MIN) / RECESSION_MIN);
	}
	return depth_m < 0.001 ? 0 : depth_m;
}

double storm_rain_mm(double minutes_since_start)
{
	double m = minutes_since_start;

	if (m <= 0 || m >= RAIN_MIN) {
		return 0;
	}
	if (m <= RAIN_HEAVIEST_MIN) {
		return RAIN_HEAVIEST_MM * m / RAIN_HEAVIEST_MIN;
	}
	return RAIN_HEAVIEST_MM * (RAIN_MIN - m) / (RAIN_MIN - RAIN_HEAVIEST_MIN);
}
