#include "decode.h"

#include "decode_json.h"

static const struct decode_format decode_formats[] = {
	{"json", decode_json},
};

const struct decode_format *decode_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(decode_formats); i++)
		if (strcmp(decode_formats[i].name, name) == 0)
			return &decode_formats[i];
	return NULL;
}

const char *decode_names(void)
{
	return "json";
}
