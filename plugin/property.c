#include "property.h"

#include "util.h"

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

static int compare(const struct wanted *wanted, const struct property *property)
{
	size_t length = strlen(property->code);
	int order = memcmp(wanted->code, property->code, MIN(wanted->length, length));

	if (order)
		return order;
	return (wanted->length > length) - (wanted->length < length);
}

/* The first eight bytes of a code, or all of a shorter one with its NUL. */
struct head {
	uint64_t bytes, mask;
};

static struct head head_of(const char *code, size_t length)
{
	struct head head = {0, UINT64_MAX};

	if (length >= sizeof(head.bytes)) {
		memcpy(&head.bytes, code, sizeof(head.bytes));
		return head;
	}
	memcpy(&head.bytes, code, length);
	memset((char *)&head.mask + length + 1, 0, sizeof(head.mask) - length - 1);
	return head;
}

static bool begins_with(const struct property *property, const struct head *head)
{
	uint64_t bytes;

	memcpy(&bytes, property->code, sizeof(bytes));
	return (bytes & head->mask) == head->bytes;
}

/*
 * So few are looked at one after another, by a comparison that costs no call and waits for none before it:
 * faster than halving them, whose branches go either way.
 */
#define FEW 32

const struct property *property_find(const struct property *list, size_t count, const char *code,
                                     size_t length)
{
	struct wanted wanted = {code, length};
	struct head head = head_of(code, length);

	while (count > FEW) {
		size_t half = count / 2;

		if (compare(&wanted, &list[half]) < 0) {
			count = half;
		} else {
			list += half;
			count -= half;
		}
	}
	for (const struct property *p = list; p < list + count; p++)
		if (begins_with(p, &head) && compare(&wanted, p) == 0)
			return p;
	return NULL;
}
