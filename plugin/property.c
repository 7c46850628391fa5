#include "property.h"

#include "util.h"

#include <stdlib.h>

const struct property property_builtin[] = {
	{"air_pressure", "hPa"},
	{"air_temperature", "Cel"},
	{"battery_level", "%"},
	{"battery_voltage", "V"},
	{"conductivity", "uS/cm"},
	{"distance", "m"},
	{"flow", "m3/s"},
	{"frame_counter", "1"},
	{"humidity", "%"},
	{"rainfall", "mm"},
	{"rainfall_intensity", "mm/h"},
	{"rainfall_total", "mm"},
	{"rssi", "dBm"},
	{"snr", "dB"},
	{"velocity", "m/s"},
	{"water_depth", "m"},
	{"water_level", "m"},
	{"water_pressure", "hPa"},
	{"water_temperature", "Cel"},
	{"wetness", "1"},
	{"wind_direction", "deg"},
	{"wind_speed", "m/s"},
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
