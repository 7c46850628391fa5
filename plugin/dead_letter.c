#include "dead_letter.h"

#include "timestamp.h"
#include "utf8.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

/* RFC 4648, section 4. */
static json_t *base64(const uint8_t *bytes, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[(DEAD_LETTER_PAYLOAD_MAX + 2) / 3 * 4];
	size_t n = 0;

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		unsigned group = (unsigned)bytes[i] << 16;

		if (left > 1)
			group |= (unsigned)bytes[i + 1] << 8;
		if (left > 2)
			group |= bytes[i + 2];
		text[n++] = digits[group >> 18];
		text[n++] = digits[group >> 12 & 63];
		text[n++] = left > 1 ? digits[group >> 6 & 63] : '=';
		text[n++] = left > 2 ? digits[group & 63] : '=';
	}
	return json_stringn(text, n);
}

/* As much of it as is UTF-8. */
static json_t *text_value(const char *text)
{
	return json_stringn(text, utf8_prefix(text, strlen(text)));
}

static int set_payload(json_t *object, const struct dead_letter *letter)
{
	size_t kept = MIN(letter->payload_kept, DEAD_LETTER_PAYLOAD_MAX);
	const void *payload = kept ? letter->payload : "";
	size_t text = utf8_prefix(payload, kept);

	/* Where the payload was cut, the last character may have been cut with it. */
	if (text == kept || (kept < letter->payload_length && kept - text < 4))
		return json_object_set_new(object, "payload", json_stringn(payload, text));
	return json_object_set_new(object, "payload_base64", base64(payload, kept));
}

static int set_all(json_t *object, const struct dead_letter *letter)
{
	char time[TIMESTAMP_TEXT_SIZE];

	/* Setting NULL, which stands for memory that was short, fails. */
	if (json_object_set_new(object, "reason", text_value(reject_name(letter->reason))) < 0 ||
	    json_object_set_new(object, "detail", text_value(letter->detail)) < 0 ||
	    json_object_set_new(object, "topic", text_value(letter->topic)) < 0 ||
	    json_object_set_new(object, "client", text_value(letter->client)) < 0 ||
	    json_object_set_new(object, "time", text_value(timestamp_format(letter->received_us, time))) <
	            0 ||
	    json_object_set_new(object, "payload_length", json_integer(letter->payload_length)) < 0)
		return -1;
	return set_payload(object, letter);
}

char *dead_letter_json(const struct dead_letter *letter)
{
	json_t *object = json_object();
	char *text = NULL;

	if (object && set_all(object, letter) == 0)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text;
}
