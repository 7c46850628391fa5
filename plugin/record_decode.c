#include "record_private.h"

#include <errno.h>
#include <stdbool.h>

/* What is missing or wrong is remembered, so that it need be asked once, at the end. */

struct source {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static uint64_t get(struct source *s, size_t bytes)
{
	uint64_t value = 0;

	if (s->left < bytes) {
		s->bad = true;
		s->left = 0;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)s->at[i] << (8 * i);
	s->at += bytes;
	s->left -= bytes;
	return value;
}

static double get_double(struct source *s)
{
	uint64_t bits = get(s, 8);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static const uint8_t *get_bytes(struct source *s, size_t length_bytes, size_t max, uint32_t *ret_length)
{
	size_t length = (size_t)get(s, length_bytes);
	const uint8_t *bytes = s->at;

	if (length > max || length > s->left) {
		s->bad = true;
		length = 0;
	}
	s->at += length;
	s->left -= length;
	*ret_length = (uint32_t)length;
	return bytes;
}

/* dst has room for max bytes and the NUL. */
static void get_text(struct source *s, size_t length_bytes, char *dst, size_t max)
{
	uint32_t length;
	const uint8_t *bytes = get_bytes(s, length_bytes, max, &length);

	if (length > 0 && memchr(bytes, 0, length))
		s->bad = true;
	copy_text(dst, max + 1, (const char *)bytes, length);
}

/* The switches name every enumerator, so that the compiler asks for the ones that come to be. */

static bool is_quality(uint8_t value)
{
	switch ((enum quality)value) {
	case QUALITY_PASS:
	case QUALITY_NOT_EVALUATED:
	case QUALITY_SUSPECT:
	case QUALITY_FAIL:
	case QUALITY_MISSING:
		return true;
	}
	return false;
}

static bool is_msg_type(uint8_t value)
{
	switch ((enum msg_type)value) {
	case MSG_ALERT:
	case MSG_UPDATE:
	case MSG_CANCEL:
		return true;
	}
	return false;
}

static bool is_cause(uint8_t value)
{
	return value < CAUSE_COUNT;
}

static bool is_direction(uint8_t value)
{
	switch ((enum direction)value) {
	case DIRECTION_RISING:
	case DIRECTION_FALLING:
		return true;
	}
	return false;
}

static bool is_severity(uint8_t value)
{
	switch ((enum severity)value) {
	case SEVERITY_EXTREME:
	case SEVERITY_SEVERE:
	case SEVERITY_MODERATE:
	case SEVERITY_MINOR:
	case SEVERITY_UNKNOWN:
		return true;
	}
	return false;
}

static void get_verdicts(struct source *s, struct reading *r, struct hindsight *h)
{
	unsigned flags;

	r->tests = (uint32_t)get(s, 4);
	r->quality = (uint8_t)get(s, 1);
	flags = (unsigned)get(s, 1);
	s->bad = s->bad || (flags & ~(HAS_RAW | HAS_SETTLED | HAS_GAP)) != 0;
	if ((flags & HAS_RAW) != 0) {
		r->has_raw = true;
		r->raw = get_double(s);
	}
	if ((flags & HAS_SETTLED) != 0) {
		h->settles = true;
		h->settled_us = (int64_t)get(s, 8);
		h->settled_tests = (uint32_t)get(s, 4);
		h->settled_quality = (uint8_t)get(s, 1);
		s->bad = s->bad || !is_quality(h->settled_quality);
	}
	if ((flags & HAS_GAP) != 0) {
		h->gap = true;
		h->gap_from_us = (int64_t)get(s, 8);
		h->expected = (int32_t)(uint32_t)get(s, 4);
	}
}

int record_decode_reading(uint8_t kind, const uint8_t *body, size_t length, struct reading *ret,
                          struct hindsight *ret_hindsight)
{
	struct source s = {body, length, kind != RECORD_READING && kind != RECORD_PLAIN_READING};
	struct reading r = {0};
	struct hindsight h = {0};

	r.phenomenon_us = (int64_t)get(&s, 8);
	r.received_us = (int64_t)get(&s, 8);
	r.result = get_double(&s);
	if (kind == RECORD_READING) {
		get_verdicts(&s, &r, &h);
	} else {
		r.quality = (uint8_t)get(&s, 1);
	}
	get_text(&s, 1, r.key.station, STATION_CODE_MAX);
	get_text(&s, 1, r.key.property, PROPERTY_CODE_MAX);
	if (s.bad || s.left > 0 || !is_quality(r.quality))
		return -EBADMSG;
	*ret = r;
	*ret_hindsight = h;
	return 0;
}

static void get_change(struct source *s, struct transition *t)
{
	t->phenomenon_us = (int64_t)get(s, 8);
	t->sent_us = (int64_t)get(s, 8);
	t->started_us = (int64_t)get(s, 8);
	t->peak_us = (int64_t)get(s, 8);
	t->latitude = get_double(s);
	t->longitude = get_double(s);
	t->value = get_double(s);
	t->threshold = get_double(s);
	t->peak = get_double(s);
	t->level = (int32_t)(uint32_t)get(s, 4);
	t->previous_level = (int32_t)(uint32_t)get(s, 4);
	t->sequence = (uint32_t)get(s, 4);
	t->msg_type = (uint8_t)get(s, 1);
	t->cause = (uint8_t)get(s, 1);
	t->direction = (uint8_t)get(s, 1);
	t->severity = (uint8_t)get(s, 1);
	t->quality = (uint8_t)get(s, 1);
	s->bad = s->bad || !is_msg_type(t->msg_type) || !is_cause(t->cause) || !is_direction(t->direction) ||
	         !is_severity(t->severity) || !is_quality(t->quality);
}

static void get_circumstances(struct source *s, struct transition *t)
{
	const unsigned known = IS_SILENT | IS_ACKNOWLEDGED | IS_SUPPRESSED | IS_OUT_OF_SERVICE | IS_HELD;
	unsigned flags;

	t->period_us = (int64_t)get(s, 8);
	t->onset_us = (int64_t)get(s, 8);
	t->projected_us = (int64_t)get(s, 8);
	t->before_sent_us = (int64_t)get(s, 8);
	t->shelved_until_us = (int64_t)get(s, 8);
	t->projected_level = (int32_t)(uint32_t)get(s, 4);
	t->before_sequence = (uint32_t)get(s, 4);
	t->event = (uint8_t)get(s, 1);
	flags = (unsigned)get(s, 1);
	t->silent = (flags & IS_SILENT) != 0;
	t->acknowledged = (flags & IS_ACKNOWLEDGED) != 0;
	t->suppressed = (flags & IS_SUPPRESSED) != 0;
	t->out_of_service = (flags & IS_OUT_OF_SERVICE) != 0;
	t->held = (flags & IS_HELD) != 0;
	s->bad = s->bad || t->event >= EVENT_COUNT || (flags & ~known) != 0;
}

static void get_operator(struct source *s, struct transition *t)
{
	get_text(s, 1, t->projected_name, LEVEL_NAME_MAX);
	get_text(s, 1, t->user, OPERATOR_USER_MAX);
	get_text(s, 1, t->client, OPERATOR_CLIENT_MAX);
	get_text(s, 1, t->reason, OPERATOR_REASON_MAX);
}

int record_decode_transition(uint8_t kind, const uint8_t *body, size_t length, struct transition *ret)
{
	struct source s = {body, length, kind != RECORD_ALARM && kind != RECORD_TRANSITION};
	struct transition t = {0};

	get_change(&s, &t);
	if (kind == RECORD_ALARM) {
		get_circumstances(&s, &t);
	} else {
		t.event = (uint8_t)transition_event_of(t.previous_level, t.level, t.sequence);
	}
	get_text(&s, 1, t.key.station, STATION_CODE_MAX);
	get_text(&s, 1, t.key.property, PROPERTY_CODE_MAX);
	get_text(&s, 1, t.name, STATION_NAME_MAX);
	get_text(&s, 1, t.level_name, LEVEL_NAME_MAX);
	get_text(&s, 1, t.unit, UNIT_MAX);
	get_text(&s, 1, t.datum, DATUM_MAX);
	if (kind == RECORD_ALARM) {
		get_operator(&s, &t);
	}
	if (s.bad || s.left > 0)
		return -EBADMSG;
	*ret = t;
	return 0;
}

int record_decode_dead_letter(const uint8_t *body, size_t length, struct dead_letter_texts *texts,
                              struct dead_letter *ret)
{
	struct source s = {body, length, false};
	struct dead_letter l = {.topic = texts->topic, .client = texts->client, .detail = texts->detail};

	l.received_us = (int64_t)get(&s, 8);
	l.payload_length = (uint32_t)get(&s, 4);
	unsigned reason = (unsigned)get(&s, 1);
	get_text(&s, 2, texts->topic, DEAD_LETTER_TOPIC_MAX);
	get_text(&s, 2, texts->client, DEAD_LETTER_CLIENT_MAX);
	get_text(&s, 2, texts->detail, DEAD_LETTER_DETAIL_MAX);
	l.payload = get_bytes(&s, 2, DEAD_LETTER_PAYLOAD_MAX, &l.payload_kept);
	if (s.bad || s.left > 0 || reason == REJECT_NONE || reason >= REJECT_COUNT ||
	    l.payload_kept > l.payload_length)
		return -EBADMSG;
	l.reason = (enum reject)reason;
	*ret = l;
	return 0;
}
