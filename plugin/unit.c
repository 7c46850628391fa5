#include "unit.h"

#include "util.h"

#include <math.h>
#include <stdlib.h>

const struct unit unit_builtin[] = {
	{"%", "number", 0.01, 0},
	{"1", "number", 1, 0},
	{"A", "current", 1, 0},
	{"Cel", "temperature", 1, 0},
	{"K", "temperature", 1, -273.15},
	{"L/m2", "length", 0.001, 0},
	{"L/min", "flow", 1.6666666666666667e-05, 0},
	{"L/s", "flow", 0.001, 0},
	{"MPa", "pressure", 1000000, 0},
	{"Pa", "pressure", 1, 0},
	{"S/m", "conductivity", 1, 0},
	{"V", "voltage", 1, 0},
	{"[cft_i]/s", "flow", 0.028316846592, 0},
	{"[degF]", "temperature", 0.55555555555555558, -17.777777777777779},
	{"[ft_i]", "length", 0.3048, 0},
	{"[ft_i]/s", "velocity", 0.3048, 0},
	{"[ft_us]", "length", 0.30480060960121919, 0},
	{"[in_i]", "length", 0.0254, 0},
	{"[in_i]/h", "velocity", 7.055555555555555e-06, 0},
	{"[kn_i]", "velocity", 0.51444444444444448, 0},
	{"[mi_i]/h", "velocity", 0.44704, 0},
	{"[ppm]", "number", 1e-06, 0},
	{"[ppth]", "number", 0.001, 0},
	{"[psi]", "pressure", 6894.757293168361, 0},
	{"bar", "pressure", 100000, 0},
	{"cfs", "flow", 0.028316846592, 0},
	{"cm", "length", 0.01, 0},
	{"cm/h", "velocity", 2.7777777777777779e-06, 0},
	{"cm/s", "velocity", 0.01, 0},
	{"cm[H2O]", "pressure", 98.0665, 0},
	{"d", "time", 86400, 0},
	{"dB", "level", 1, 0},
	{"dBm", "power_level", 1, 0},
	{"dS/m", "conductivity", 0.1, 0},
	{"dbar", "pressure", 10000, 0},
	{"deg", "angle", 1, 0},
	{"dm", "length", 0.1, 0},
	{"ft", "length", 0.3048, 0},
	{"ft/s", "velocity", 0.3048, 0},
	{"g/L", "concentration", 1, 0},
	{"h", "time", 3600, 0},
	{"hPa", "pressure", 100, 0},
	{"in", "length", 0.0254, 0},
	{"in/h", "velocity", 7.055555555555555e-06, 0},
	{"kPa", "pressure", 1000, 0},
	{"kg/m3", "concentration", 1, 0},
	{"km", "length", 1000, 0},
	{"km/h", "velocity", 0.27777777777777779, 0},
	{"m", "length", 1, 0},
	{"m/s", "velocity", 1, 0},
	{"m3/d", "flow", 1.1574074074074073e-05, 0},
	{"m3/h", "flow", 0.00027777777777777778, 0},
	{"m3/s", "flow", 1, 0},
	{"mA", "current", 0.001, 0},
	{"mS/cm", "conductivity", 0.1, 0},
	{"mS/m", "conductivity", 0.001, 0},
	{"mV", "voltage", 0.001, 0},
	{"m[H2O]", "pressure", 9806.65, 0},
	{"mbar", "pressure", 100, 0},
	{"mg/L", "concentration", 0.001, 0},
	{"min", "time", 60, 0},
	{"mm", "length", 0.001, 0},
	{"mm/d", "velocity", 1.1574074074074074e-08, 0},
	{"mm/h", "velocity", 2.7777777777777776e-07, 0},
	{"mm/min", "velocity", 1.6666666666666667e-05, 0},
	{"mm/s", "velocity", 0.001, 0},
	{"mm[H2O]", "pressure", 9.80665, 0},
	{"mm[Hg]", "pressure", 133.322387415, 0},
	{"ms", "time", 0.001, 0},
	{"psi", "pressure", 6894.757293168361, 0},
	{"rad", "angle", 57.295779513082323, 0},
	{"s", "time", 1, 0},
	{"uS/cm", "conductivity", 0.0001, 0},
};
const size_t unit_builtin_count = ARRAY_SIZE(unit_builtin);

static int compare(const void *code, const void *unit)
{
	return strcmp(code, ((const struct unit *)unit)->code);
}

const struct unit *unit_find(const struct unit *list, size_t count, const char *code)
{
	return count > 0 ? bsearch(code, list, count, sizeof(*list), compare) : NULL;
}

bool unit_convert(const struct unit *list, size_t count, const char *from, const char *to, double *value)
{
	const struct unit *a, *b;
	double converted;

	if (strcmp(from, to) == 0) {
		return true;
	}
	a = unit_find(list, count, from);
	b = unit_find(list, count, to);
	if (a == NULL || b == NULL || strcmp(a->dimension, b->dimension) != 0) {
		return false;
	}
	converted = (a->factor * *value + (a->shift - b->shift)) / b->factor;
	if (!isfinite(converted)) {
		return false;
	}
	*value = converted;
	return true;
}
