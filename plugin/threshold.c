#include "threshold.h"

#include "util.h"

#include <stdlib.h>

static int compare_thresholds(const void *a, const void *b)
{
	const struct threshold *x = a, *y = b;

	if (x->cause != y->cause) {
		return x->cause < y->cause ? -1 : 1;
	}
	if (x->period_us != y->period_us) {
		return x->period_us < y->period_us ? -1 : 1;
	}
	if (x->direction != y->direction) {
		return x->direction == DIRECTION_RISING ? -1 : 1;
	}
	if (x->set_value < y->set_value || x->set_value > y->set_value) {
		return (x->set_value < y->set_value) == (x->direction == DIRECTION_RISING) ? -1 : 1;
	}
	if (x->severity != y->severity) {
		return x->severity > y->severity ? -1 : 1;
	}
	return x->level < y->level ? -1 : x->level > y->level;
}

void threshold_sort(struct threshold *thresholds, size_t count)
{
	if (count > 1) {
		qsort(thresholds, count, sizeof(*thresholds), compare_thresholds);
	}
}

size_t threshold_of_alarm(const struct threshold *thresholds, size_t count, enum cause cause,
                          int64_t period_us, const struct threshold **ret_first)
{
	size_t first = 0, end;

	while (first < count &&
	       (thresholds[first].cause != cause || thresholds[first].period_us != period_us)) {
		first++;
	}
	end = first;
	while (end < count && thresholds[end].cause == cause && thresholds[end].period_us == period_us) {
		end++;
	}
	*ret_first = &thresholds[first];
	return end - first;
}

const struct threshold *threshold_find(const struct threshold *thresholds, size_t count, int32_t level)
{
	for (size_t i = 0; i < count; i++) {
		if (thresholds[i].level == level) {
			return &thresholds[i];
		}
	}
	return NULL;
}

const char *threshold_direction_name(enum direction d)
{
	return d == DIRECTION_FALLING ? "falling" : "rising";
}

const char *threshold_severity_name(enum severity s)
{
	static const char *const names[] = {
		[SEVERITY_EXTREME] = "Extreme",   [SEVERITY_SEVERE] = "Severe",
		[SEVERITY_MODERATE] = "Moderate", [SEVERITY_MINOR] = "Minor",
		[SEVERITY_UNKNOWN] = "Unknown",
	};

	return (size_t)s < sizeof(names) / sizeof(names[0]) ? names[s] : "Unknown";
}

const char *threshold_cause_name(enum cause c)
{
	static const char *const names[CAUSE_COUNT] = {
		[CAUSE_THRESHOLD] = "threshold",
		[CAUSE_RATE] = "rate",
		[CAUSE_RAIN] = "rain",
		[CAUSE_STALE] = "stale",
		[CAUSE_DEAD] = "dead",
		[CAUSE_SENSOR_ERROR] = "sensor_error",
		[CAUSE_LOW_BATTERY] = "low_battery",
		[CAUSE_PROJECTION] = "projection",
		[CAUSE_GROUP] = "group",
		[CAUSE_UPSTREAM] = "upstream",
		[CAUSE_TEST] = "test",
	};

	return (size_t)c < CAUSE_COUNT ? names[c] : "unknown";
}
