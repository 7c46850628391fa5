#include "config_cap.h"

#include "quantity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define LINE_MAX_BYTES 500
#define RADIUS_MAX_KM  1000
#define MINUTE_US      INT64_C(60000000)
#define DAY_US         (24 * 60 * MINUTE_US)

/* CAP 1.2, 3.2.1 "status" and "scope". */
static const char *const statuses[] = {"Actual", "Exercise", "System", "Test", "Draft"};
static const char *const scopes[] = {"Public", "Restricted", "Private"};

/* Takes the member's text in place of *at, once it is of good length and, but for breaks of line, printable. */
static int take_text(const struct config_file *f, const struct config_member *m, size_t min, size_t max,
                     const char *allowed, char **at)
{
	char *text;
	int r = config_line_string(f, m, allowed, &text);

	if (r < 0)
		return r;
	for (const char *p = text; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7F)
			r = -EINVAL;
	if (r < 0 || strlen(text) < min || strlen(text) > max) {
		free(text);
		return config_line_refuse(f, m, allowed);
	}
	free(*at);
	*at = text;
	return 0;
}

static int take_line(const struct config_file *f, const struct config_member *m, char **at)
{
	return take_text(f, m, 1, LINE_MAX_BYTES, "a text of 1 to 500 bytes", at);
}

static int take_word(const struct config_file *f, const struct config_member *m, const char *const *words,
                     size_t count, const char *allowed, const char **ret)
{
	char *text;
	int r = config_line_string(f, m, allowed, &text);

	if (r < 0)
		return r;
	r = -EINVAL;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret = words[i];
			r = 0;
		}
	}
	free(text);
	return r < 0 ? config_line_refuse(f, m, allowed) : 0;
}

static int take_sender(const struct config_file *f, const struct config_member *m, void *context)
{
	static const char allowed[] = "an address of the sender such as \"highwater@example.org\": "
				      "no space, comma, < or &, 1 to 500 bytes";
	struct cap_config *c = context;
	int r = take_text(f, m, 1, LINE_MAX_BYTES, allowed, &c->sender);

	if (r == 0 && strpbrk(c->sender, " ,<&\n"))
		r = config_line_refuse(f, m, allowed);
	return r;
}

static int take_status(const struct config_file *f, const struct config_member *m, void *context)
{
	return take_word(f, m, statuses, ARRAY_SIZE(statuses),
	                 "\"Actual\", \"Exercise\", \"System\", \"Test\" or \"Draft\"",
	                 &((struct cap_config *)context)->status);
}

static int take_scope(const struct config_file *f, const struct config_member *m, void *context)
{
	return take_word(f, m, scopes, ARRAY_SIZE(scopes), "\"Public\", \"Restricted\" or \"Private\"",
	                 &((struct cap_config *)context)->scope);
}

static int take_restriction(const struct config_file *f, const struct config_member *m, void *context)
{
	return take_line(f, m, &((struct cap_config *)context)->restriction);
}

static int take_addresses(const struct config_file *f, const struct config_member *m, void *context)
{
	return take_line(f, m, &((struct cap_config *)context)->addresses);
}

static int take_note(const struct config_file *f, const struct config_member *m, void *context)
{
	return take_line(f, m, &((struct cap_config *)context)->note);
}

static int take_sender_name(const struct config_file *f, const struct config_member *m, void *context)
{
	return take_line(f, m, &((struct cap_config *)context)->sender_name);
}

static int take_contact(const struct config_file *f, const struct config_member *m, void *context)
{
	return take_line(f, m, &((struct cap_config *)context)->contact);
}

/* Of RFC 3986 what stands in web addresses: "%" only before two hexadecimal digits, one "#". */
static bool is_web(const char *text)
{
	static const char others[] = "-._~:/?#@!$&'()*+,;=%";
	const char *rest = strncmp(text, "https://", 8) == 0 ? text + 8 : text + 7, *mark = strchr(text, '#');

	if ((strncmp(text, "http://", 7) != 0 && rest != text + 8) || strspn(rest, "/?#:") > 0 || !*rest)
		return false;
	if (mark && strchr(mark + 1, '#'))
		return false;
	for (const char *p = rest; *p; p++) {
		bool alphanumeric = (*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z');

		if (!alphanumeric && !strchr(others, *p))
			return false;
		if (*p == '%' && strspn(p + 1, "0123456789abcdefABCDEF") < 2)
			return false;
	}
	return true;
}

static int take_web(const struct config_file *f, const struct config_member *m, void *context)
{
	static const char allowed[] = "an address such as \"https://example.org/flood\"";
	struct cap_config *c = context;
	int r = take_text(f, m, 1, LINE_MAX_BYTES, allowed, &c->web);

	if (r == 0 && !is_web(c->web))
		r = config_line_refuse(f, m, allowed);
	return r;
}

/* The number in text, with or without a decimal point, that ends where unit begins. */
static bool number_before(struct json_slice text, const char *unit, double *ret)
{
	size_t length = strlen(unit), digits = 0, points = 0;

	if (text.length <= length || memcmp(text.text + text.length - length, unit, length) != 0)
		return false;
	text.length -= length;
	for (size_t i = 0; i < text.length; i++) {
		digits += text.text[i] >= '0' && text.text[i] <= '9';
		points += text.text[i] == '.';
	}
	return digits + points == text.length && points <= 1 && text.text[0] != '.' &&
	       text.text[text.length - 1] != '.' && json_slice_number(text, ret) == 0;
}

static int take_radius(const struct config_file *f, const struct config_member *m, void *context)
{
	struct json_slice text = {m->value.text + 1, m->value.length - 2};
	enum json_kind kind = json_slice_kind(m->value);
	bool found = false;
	double km = 0;

	if (kind == JSON_KIND_NUMBER)
		found = json_slice_number(m->value, &km) == 0;
	if (kind == JSON_KIND_STRING && !(found = number_before(text, "km", &km))) {
		found = number_before(text, "m", &km);
		km /= 1000;
	}
	if (!found || !(km >= 0 && km <= RADIUS_MAX_KM))
		return config_line_refuse(
			f, m,
			"a radius such as \"500m\" or \"2km\", or a number of kilometres, at most 1000 km");
	((struct cap_config *)context)->radius_km = km;
	return 0;
}

static int take_utc_offset(const struct config_file *f, const struct config_member *m, void *context)
{
	static const char allowed[] = "an offset from UTC such as \"+07:00\", from \"-14:00\" to \"+14:00\"";
	char text[8] = "";
	int hours, minutes;

	if (json_slice_kind(m->value) != JSON_KIND_STRING ||
	    json_slice_string(m->value, text, sizeof(text)) != 6 || (text[0] != '+' && text[0] != '-') ||
	    text[3] != ':' || strspn(text + 1, "0123456789") != 2 || strspn(text + 4, "0123456789") != 2)
		return config_line_refuse(f, m, allowed);
	hours = (text[1] - '0') * 10 + text[2] - '0';
	minutes = (text[4] - '0') * 10 + text[5] - '0';
	if (minutes > 59 || hours * 60 + minutes > 14 * 60)
		return config_line_refuse(f, m, allowed);
	((struct cap_config *)context)->utc_offset_min = (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
	return 0;
}

static int take_expires(const struct config_file *f, const struct config_member *m, void *context)
{
	return config_line_duration(f, m, MINUTE_US, 30 * DAY_US,
	                            "a duration from \"1m\" to \"30d\", such as \"12h\"",
	                            &((struct cap_config *)context)->expires_us);
}

/* --- languages --- */

/* The text that a key names: all keys of a language are texts. */
static enum cap_text which_text(struct json_slice name)
{
	char text[40];
	size_t which = 0;

	json_slice_string(name, text, sizeof(text));
	while (strcmp(text, cap_words_name((enum cap_text)which)) != 0)
		which++;
	return (enum cap_text)which;
}

static int take_language_text(const struct config_file *f, const struct config_member *m, void *context)
{
	struct cap_language *l = context;
	enum cap_text which = which_text(m->name);
	bool required = which == CAP_EVENT || which == CAP_SENSOR_EVENT;
	char list[CAP_PLACEHOLDERS_SIZE];
	const char *fault;
	int r = take_text(f, m, required ? 1 : 0, CAP_TEXT_MAX,
	                  required ? "a text of 1 to 2000 bytes" : "a text of at most 2000 bytes",
	                  &l->text[which]);

	if (r < 0)
		return r;
	fault = cap_text_fault(l->text[which]);
	if (!fault)
		return 0;
	return config_line_fail(
		f, m->name, "\"%s\" of \"%s\" has \"%.*s\": allowed are %s, and {{ }} for braces",
		cap_words_name(which), l->tag, (int)MIN(strcspn(fault, "}") + 1, strnlen(fault, 30)), fault,
		cap_text_placeholders(list));
}

/* xs:language: letters, then letters and digits, in parts of 1 to 8 joined by hyphens. */
static bool is_language(const char *tag)
{
	size_t part = 0;
	bool first = true;

	for (; *tag; tag++) {
		bool letter = (*tag | 0x20) >= 'a' && (*tag | 0x20) <= 'z';

		if (*tag == '-' && part > 0) {
			part = 0;
			first = false;
			continue;
		}
		if ((!letter && (first || *tag < '0' || *tag > '9')) || ++part > 8)
			return false;
	}
	return part > 0;
}

static int read_language(const struct config_file *f, const struct config_member *m, struct cap_config *c)
{
	static const enum cap_text required[] = {CAP_EVENT, CAP_SENSOR_EVENT};
	struct cap_language *l = &c->languages[c->language_count];
	struct config_key keys[CAP_TEXT_COUNT];
	char what[CAP_LANGUAGE_MAX + 3];
	int r;

	if (json_slice_string(m->name, l->tag, sizeof(l->tag)) > CAP_LANGUAGE_MAX || !is_language(l->tag))
		return config_line_fail(f, m->name, "%.*s is no language: allowed are tags such as \"vi-VN\"",
		                        (int)MIN(m->name.length, 60), m->name.text);
	for (size_t i = 0; i < c->language_count; i++)
		if (strcasecmp(c->languages[i].tag, l->tag) == 0)
			return config_line_fail(f, m->name, "language \"%s\" stands twice: remove one",
			                        l->tag);
	c->language_count++;
	for (size_t i = 0; i < CAP_TEXT_COUNT; i++)
		keys[i] = (struct config_key){cap_words_name((enum cap_text)i), take_language_text};
	snprintf(what, sizeof(what), "\"%s\"", l->tag);
	r = config_line_object(f, what, m->value, keys, CAP_TEXT_COUNT, l);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(required); i++)
		if (!l->text[required[i]] && !cap_words_text(l->tag, required[i]))
			r = config_line_fail(f, m->name,
			                     "language \"%s\" has no \"%s\": add it, since only Vietnamese "
			                     "and English have built-in texts",
			                     l->tag, cap_words_name(required[i]));
	return r;
}

static int take_languages(const struct config_file *f, const struct config_member *m, void *context)
{
	struct json_items items = json_slice_items(m->value);
	struct cap_config *c = context;
	struct config_member language;

	if (json_slice_kind(m->value) != JSON_KIND_OBJECT)
		return config_line_refuse(f, m, "an object, {\"vi-VN\": {\"event\": …}, …}");
	c->language_count = 0;
	while (json_slice_member(&items, &language.name, &language.value)) {
		int r;

		if (c->language_count == CAP_LANGUAGES_MAX)
			return config_line_fail(f, language.name, "more than %d languages",
			                        CAP_LANGUAGES_MAX);
		r = read_language(f, &language, c);
		if (r < 0)
			return r;
	}
	if (!c->language_count)
		return config_line_fail(
			f, m->name, "\"languages\" is empty: add one, or remove the key for vi-VN and en-US");
	return 0;
}

/* --- the whole --- */

static const struct config_key cap_keys[] = {
	{"sender", take_sender},           {"status", take_status},           {"scope", take_scope},
	{"restriction", take_restriction}, {"addresses", take_addresses},     {"note", take_note},
	{"radius", take_radius},           {"utc_offset", take_utc_offset},   {"expires", take_expires},
	{"languages", take_languages},     {"sender_name", take_sender_name}, {"web", take_web},
	{"contact", take_contact},
};

static struct cap_config *new_with_defaults(void)
{
	struct cap_config *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->status = "Test";
	c->scope = "Restricted";
	c->radius_km = 0.5;
	c->languages = calloc(CAP_LANGUAGES_MAX, sizeof(*c->languages));
	if (!c->languages) {
		cap_config_free(c);
		return NULL;
	}
	strcpy(c->languages[0].tag, "vi-VN");
	strcpy(c->languages[1].tag, "en-US");
	c->language_count = 2;
	return c;
}

/* What CAP asks for with each scope (3.2.1 "restriction", "addresses"). */
static int check_whole(const struct config_file *f, struct json_slice place, struct cap_config *c)
{
	bool restricted = strcmp(c->scope, "Restricted") == 0;

	if (!c->sender)
		return config_line_fail(
			f, place, "\"cap\" has no \"sender\": add one such as \"highwater@example.org\"");
	if (strcmp(c->scope, "Private") == 0 && !c->addresses)
		return config_line_fail(f, place,
		                        "\"cap\" has scope \"Private\" and no \"addresses\": add them");
	if (!restricted && c->restriction)
		return config_line_fail(
			f, place,
			"\"cap\" has a \"restriction\" and scope \"%s\": remove it, or make the scope "
			"\"Restricted\"",
			c->scope);
	if (restricted && !c->restriction) {
		c->restriction = strdup("For duty officers, not for publication");
		return c->restriction ? 0 : -ENOMEM;
	}
	return 0;
}

int config_cap_read(const struct config_file *f, const struct config_member *m, struct cap_config **ret)
{
	struct cap_config *c = new_with_defaults();
	int r;

	if (!c)
		return -ENOMEM;
	r = config_line_object(f, "\"cap\"", m->value, cap_keys, ARRAY_SIZE(cap_keys), c);
	if (r == 0)
		r = check_whole(f, m->name, c);
	if (r < 0) {
		cap_config_free(c);
		return r;
	}
	*ret = c;
	return 0;
}
