#include "stats.h"

static const char *const topics[STATS_VALUE_COUNT] = {
#define X(id, topic, text) [id] = (topic),
	STATS_VALUES(X)
#undef X
};

void stats_reject(struct stats *s, enum reject reason)
{
	atomic_fetch_add_explicit(&s->rejected[reason], 1, memory_order_relaxed);
	stats_add(s, STATS_REJECTED_TOTAL, 1);
}

const char *stats_topic(enum stats_value id)
{
	return (unsigned)id < STATS_VALUE_COUNT ? topics[id] : "unknown";
}
