#include "payload.h"

#include "timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND_US 1000000

int payload_init(struct payload *p, const char *prefix, unsigned stations, unsigned size)
{
	*p = (struct payload){.stations = stations, .size = size, .second = INT64_MIN};
	p->topic_size = strlen(prefix) + sizeof("/bench-4294967295/water_level");
	p->topics = malloc(stations * p->topic_size);
	if (p->topics == NULL) {
		return -ENOMEM;
	}
	for (unsigned i = 0; i < stations; i++) {
		snprintf(p->topics + i * p->topic_size, p->topic_size, "%s/bench-%u%s", prefix, i,
		         size <= 60 ? "/water_level" : "");
	}
	for (unsigned i = 0; i < PAYLOAD_LEVELS; i++) {
		snprintf(p->levels[i], sizeof(p->levels[i]), "%.4f", 0.5 + i / 2000.0);
	}
	return 0;
}

void payload_done(struct payload *p)
{
	free(p->topics);
	p->topics = NULL;
}

const char *payload_topic(const struct payload *p, uint64_t number)
{
	return p->topics + number % p->stations * p->topic_size;
}

static char *put(char *to, const char *text, size_t length)
{
	memcpy(to, text, length);
	return to + length;
}

#define PUT_LITERAL(to, text) put(to, text, sizeof(text) - 1)

static char *put_digits(char *to, uint64_t value, size_t digits)
{
	for (size_t i = digits; i > 0; i--, value /= 10) {
		to[i - 1] = (char)('0' + value % 10);
	}
	return to + digits;
}

/* The second is written anew only when it has changed. */
static char *put_time(struct payload *p, char *to, int64_t at_us)
{
	int64_t second = at_us / SECOND_US;
	char text[TIMESTAMP_TEXT_SIZE];

	if (second != p->second) {
		timestamp_format(second * SECOND_US, text); /* ends in Z */
		p->second = second;
		p->when_length = strlen(text);
		memcpy(p->when, text, p->when_length);
		p->when[p->when_length - 1] = '.';
	}
	to = put(to, p->when, p->when_length);
	to = put_digits(to, (uint64_t)(at_us - second * SECOND_US), 6);
	return PUT_LITERAL(to, "Z");
}

size_t payload_write(struct payload *p, uint64_t number, int64_t at_us, char text[static PAYLOAD_MAX])
{
	const char *level = p->levels[number % PAYLOAD_LEVELS];
	char *to = text;

	if (p->size <= 60) {
		to = PUT_LITERAL(to, "{\"time\":\"");
		to = put_time(p, to, at_us);
		to = PUT_LITERAL(to, "\",\"value\":");
		to = put(to, level, strlen(level));
	} else {
		to = PUT_LITERAL(to, "{\"time\": \"");
		to = put_time(p, to, at_us);
		to = PUT_LITERAL(to, "\", \"water_level\": ");
		to = put(to, level, strlen(level));
		to = PUT_LITERAL(to, ", \"battery_voltage\": 3.612, \"model\": \"ultrasonic-7\", "
		                     "\"firmware\": \"2.11.4\", \"sequence\": 1");
		to = put_digits(to, number, 9);
	}
	to = PUT_LITERAL(to, "}");
	return (size_t)(to - text);
}
