#include "property.h"

#include "util.h"

#include <stdlib.h>

const struct property property_builtin[] = {
	{"air_pressure", "hPa", 0},
	{"air_temperature", "Cel", 0},
	{"battery_level", "%", 0},
	{"battery_voltage", "V", 0},
	{"conductivity", "uS/cm", 0},
	{"distance", "m", 0},
	{"flow", "m3/s", 0},
	{"frame_counter", "1", 0},
	{"group", "1", 0},
	{"humidity", "%", 0},
	{"rainfall", "mm", 0},
	{"rainfall_intensity", "mm/h", 0},
	{"rainfall_total", "mm", 0},
	{"rssi", "dBm", 0},
	{"snr", "dB", 0},
	{"velocity", "m/s", 0},
	{"water_depth", "m", 0},
	{"water_level", "m", 0},
	{"water_pressure", "hPa", 0},
	{"water_temperature", "Cel", 0},
	{"wetness", "1", 0},
	{"wind_direction", "deg", 0},
	{"wind_speed", "m/s", 0},
};
const size_t property_builtin_count = ARRAY_SIZE(property_builtin);

struct wanted {
	const char *code;
	size_t length;
};

static int compare(const void *key, const void *element)
{
	const struct wanted *wanted = key;
	const struct property *property = element;
	size_t length = strlen(property->code);
	int order = memcmp(wanted->code, property->code, MIN(wanted->length, length));

	if (order)
		return order;
	return (wanted->length > length) - (wanted->length < length);
}

const struct property *property_find(const struct property *list, size_t count, const char *code,
                                     size_t length)
{
	struct wanted wanted = {code, length};

	if (!count)
		return NULL;
	return bsearch(&wanted, list, count, sizeof(*list), compare);
}
