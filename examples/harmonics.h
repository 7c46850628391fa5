/*
 * harmonics - astronomical tide from harmonic constituents.
 *
 *   level(t) = mean + sum of f·amplitude·cos(V(t) + u − phase)
 *
 * V is the equilibrium argument at Greenwich, from the mean longitudes of Moon
 * and Sun; f and u are the nodal corrections over the Moon's 18.6 years.
 * Mean longitudes: J. Meeus, Astronomical Algorithms, 2nd ed. 1998, ch. 25 and 47.
 * Constituents: A. T. Doodson, Proc. R. Soc. A 100 (1921); P. Schureman, Manual of
 * Harmonic Analysis and Prediction of Tides, US C&GS Special Publication 98, table 2.
 * f and u: D. Pugh, Tides, Surges and Mean Sea-Level, 1987, table 4:3.
 * Vũng Tàu: TICON-4 (CC-BY-4.0, https://www.seanoe.org/data/00980/109129/), its ten largest.
 *
 * Not in it: weather, river discharge, the shallow-water constituents. Good for
 * a demonstration and a plausibility check, not for a forecast.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_EXAMPLES_HARMONICS_H
#define HIGHWATER_EXAMPLES_HARMONICS_H

#include <stddef.h>
#include <stdint.h>

enum nodal { NODAL_NONE, NODAL_M2, NODAL_O1, NODAL_K1, NODAL_K2 };

struct constituent {
	const char *name;
	double amplitude_m;
	double phase_deg; /* Greenwich phase lag */
	/* Multiples in V: mean solar time since midnight, longitudes of Moon, Sun and lunar perigee. */
	int solar_time, moon, sun, perigee;
	int offset_deg; /* added to V */
	enum nodal nodal;
};

struct tide_station {
	const char *name;
	double mean_m;
	const struct constituent *constituent;
	size_t count;
};

/* Levels are metres above the gauge's zero. */
extern const struct tide_station harmonics_vung_tau;

/* Height at a Unix time in microseconds, in metres above the zero of mean_m. */
double harmonics_level_m(const struct tide_station *station, int64_t time_us);

#endif
