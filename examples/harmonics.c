#include "harmonics.h"

#include <math.h>

#define US_PER_DAY       86400e6
#define DAYS_PER_CENTURY 36525.0
#define J2000_DAYS       10957.5 /* 2000-01-01T12:00Z in days of Unix time */
#define RADIANS_PER_DEG  (3.14159265358979323846 / 180.0)
#define DEGREES_PER_DAY  360.0

static const struct constituent vung_tau[] = {
	/* name, amplitude, phase, solar time, moon, sun, perigee, offset, nodal */
	{"M2", 0.773, 193.8, 2, -2, 2, 0, 0, NODAL_M2},   {"K1", 0.595, 206.6, 1, 0, 1, 0, 90, NODAL_K1},
	{"O1", 0.447, 164.9, 1, -2, 1, 0, -90, NODAL_O1}, {"S2", 0.302, 228.6, 2, 0, 0, 0, 0, NODAL_NONE},
	{"SA", 0.212, 278.1, 0, 0, 1, 0, 0, NODAL_NONE},  {"P1", 0.189, 203.1, 1, 0, -1, 0, -90, NODAL_NONE},
	{"N2", 0.163, 174.1, 2, -3, 2, 1, 0, NODAL_M2},   {"K2", 0.094, 239.9, 2, 0, 2, 0, 0, NODAL_K2},
	{"Q1", 0.085, 147.8, 1, -3, 1, 1, -90, NODAL_O1}, {"SSA", 0.057, 95.4, 0, 0, 2, 0, 0, NODAL_NONE},
};

const struct tide_station harmonics_vung_tau = {
	.name = "Vũng Tàu",
	.mean_m = 2.72,
	.constituent = vung_tau,
	.count = sizeof(vung_tau) / sizeof(vung_tau[0]),
};

/* Degrees, but for node_rad: mean longitude of the Moon's ascending node. */
struct sky {
	double solar_time, moon, sun, perigee, node_rad;
};

static struct sky sky_at(int64_t time_us)
{
	double days = (double)time_us / US_PER_DAY;
	double t = (days - J2000_DAYS) / DAYS_PER_CENTURY;

	return (struct sky){
		.solar_time = (days - floor(days)) * DEGREES_PER_DAY,
		.moon = 218.3164477 + 481267.88123421 * t,
		.sun = 280.46646 + 36000.76983 * t,
		.perigee = 83.3532465 + 4069.0137287 * t,
		.node_rad = (125.0445479 - 1934.1362891 * t) * RADIANS_PER_DEG,
	};
}

static void nodal_correction(enum nodal kind, double node_rad, double *f, double *u_deg)
{
	static const struct {
		double mean, cosine, sine;
	} table[] = {
		[NODAL_NONE] = {1.0, 0.0, 0.0},     [NODAL_M2] = {1.0, -0.037, -2.1},
		[NODAL_O1] = {1.009, 0.187, 10.8},  [NODAL_K1] = {1.006, 0.115, -8.9},
		[NODAL_K2] = {1.024, 0.286, -17.7},
	};

	*f = table[kind].mean + table[kind].cosine * cos(node_rad);
	*u_deg = table[kind].sine * sin(node_rad);
}

static double height_of(const struct constituent *c, const struct sky *sky)
{
	double f, u_deg, v_deg;

	nodal_correction(c->nodal, sky->node_rad, &f, &u_deg);
	v_deg = c->solar_time * sky->solar_time + c->moon * sky->moon + c->sun * sky->sun +
	        c->perigee * sky->perigee + c->offset_deg;
	return f * c->amplitude_m * cos((v_deg + u_deg - c->phase_deg) * RADIANS_PER_DEG);
}

double harmonics_level_m(const struct tide_station *station, int64_t time_us)
{
	struct sky sky = sky_at(time_us);
	double level_m = station->mean_m;

	for (size_t i = 0; i < station->count; i++) {
		level_m += height_of(&station->constituent[i], &sky);
	}
	return level_m;
}
