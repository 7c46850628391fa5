/*
 * The decoder of canonical payloads, three ways: decode_json(), which reads the usual ones by decode_flat;
 * decode_json_checked(), which reads all of them by json_check; and jansson. The first two must tell the sink
 * the very same; the third must allow it (oracle.h). A difference ends the process.
 *
 * The entry point is libFuzzer's, which AFL++ knows too. driver.c calls it where neither is there.
 */
#include "fuzz.h"

#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>

static void print_payload(const uint8_t *data, size_t size)
{
	fprintf(stderr, "payload of %zu bytes: \"", size);
	for (size_t i = 0; i < size; i++) {
		if (data[i] < 0x20 || data[i] >= 0x7F)
			fprintf(stderr, "\\%03o", data[i]);
		else
			fprintf(stderr, data[i] == '"' || data[i] == '\\' ? "\\%c" : "%c", data[i]);
	}
	fprintf(stderr, "\"\n");
}

static void report(const struct decode_input *in, const char *what)
{
	fprintf(stderr, "%s; the topic names %s\n", what, in->property ? in->property : "no property");
	print_payload(in->payload, in->length);
}

static void decode(const struct decode_input *in)
{
	static struct heard fast, slow;
	struct decode_sink sink = heard_sink(&fast);
	const char *why;

	if (decode_json(in, &sink) != 0)
		abort();
	sink = heard_sink(&slow);
	if (decode_json_checked(in, &sink) != 0)
		abort();
	if (!heard_same(&fast, &slow)) {
		report(in, "decode_json() and decode_json_checked() differ");
		heard_print("fast", &fast);
		heard_print("slow", &slow);
		abort();
	}
	if (!oracle_allows(in, &fast, &why)) {
		report(in, why);
		heard_print("ours", &fast);
		heard_print("jansson", oracle_expected());
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decode_input in = {.payload = data,
	                          .length = size,
	                          .properties = property_builtin,
	                          .property_count = property_builtin_count};

	decode(&in);
	in.property = "water_level";
	in.property_length = strlen(in.property);
	decode(&in);
	return 0;
}
