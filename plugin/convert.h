/*
 * convert - from what a sensor says to the result of its datastream.
 *
 * One formula does for distance to level, pressure to head, gauge zero to datum,
 * scale and offset: the database folds units and constants into coefficients
 * (view highwater.conversion_coefficient, which states them), so that
 *
 *   linear    result = scale * raw + shift + air_scale * air
 *   counter   result = scale * (raw - raw before)
 *
 * air is the value of the air pressure's datastream. A counter that went down
 * has rolled over when raw + modulus - raw before gives no more than increment_max;
 * else it was reset: how much came since then nobody knows. Without
 * increment_max, when it went down by more than half of modulus.
 *
 * Threads  [any] pure; the caller owns the memory.
 */
#ifndef HIGHWATER_CONVERT_H
#define HIGHWATER_CONVERT_H

#include "reading.h"

#include <stddef.h>

enum conversion_kind { CONVERSION_LINEAR, CONVERSION_COUNTER };

/* A conversion in force from valid_from_us to the next one's. */
struct conversion {
	int64_t valid_from_us; /* phenomenon time, Unix µs; INT64_MIN: since ever */
	double scale, shift;   /* finite; scale in the datastream's unit per input unit */
	double air_scale;      /* datastream's unit per unit of the air's; 0: no compensation */
	int64_t air_max_age_us;
	double modulus,
		increment_max; /* NAN: does not roll over; no limit. increment_max: datastream's unit */
	uint32_t air;          /* number of the registry's datastream, see registry_numbered(); 0: none */
	uint8_t kind;          /* enum conversion_kind */
	char input[PROPERTY_CODE_MAX + 1]; /* what the sensor reports */
	char unit[UNIT_MAX + 1];           /* of raw */
};

/* What a counter's next increment needs. Zeroed: nothing seen. */
struct convert_memory {
	int64_t counter_us; /* phenomenon time of counter, Unix µs; 0: nothing seen */
	double counter;     /* raw */
};

struct convert_input {
	int64_t phenomenon_us;
	double raw;     /* in the conversion's unit */
	double air;     /* newest value of the air's datastream; NAN: there is none */
	int64_t air_us; /* its phenomenon time */
};

/* The one in force at a phenomenon time, of those sorted by valid_from_us; NULL: none is. */
const struct conversion *convert_find(const struct conversion *list, size_t count, int64_t phenomenon_us);

/*
 * The result, or NAN: there is none, since the air pressure is not known or too old, the counter
 * was seen for the first time, was reset or came out of order, or the result is not finite.
 */
double convert(const struct conversion *c, struct convert_memory *memory, const struct convert_input *in);

#endif
