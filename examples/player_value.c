#include "player_value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool player_value_is_plain(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == '"' || *text == '\\') {
			return false;
		}
	}
	return true;
}

/* strtod() alone would take "inf", "0x1F" and leading space. */
static int parse_decimal(const char *text, double *ret)
{
	char *end;
	double value;

	if (text[0] == '\0' || text[strspn(text, "+-.0123456789eE")] != '\0') {
		return -EINVAL;
	}
	value = strtod(text, &end);
	if (*end != '\0' || !isfinite(value)) {
		return -EINVAL;
	}
	*ret = value;
	return 0;
}

/* Position of the '/' or '*' that a number follows to the end; NULL when there is none. */
static char *find_scale(char *text, double *ret_number)
{
	for (char *p = text + strlen(text); p-- > text;) {
		if (*p == '/' || *p == '*') {
			return parse_decimal(p + 1, ret_number) == 0 ? p : NULL;
		}
	}
	return NULL;
}

/*
 * From the right, so that a column may have '/', '*' or '=' in its name: "a/b=distance/1000".
 */
int player_value_parse(struct player_value *ret, char *text)
{
	struct player_value v = {.column = text, .factor = 1, .divisor = 1};
	double number = 1;
	char *sign = find_scale(text, &number), *equals;

	if (number == 0) {
		return -EINVAL;
	}
	if (sign != NULL) {
		*(*sign == '/' ? &v.divisor : &v.factor) = number;
		*sign = '\0';
	}
	equals = strrchr(text, '=');
	if (equals != NULL) {
		*equals = '\0';
		v.property = equals + 1;
	}
	if (text[0] == '\0' || (equals != NULL && equals[1] == '\0') ||
	    !player_value_is_plain(equals != NULL ? v.property : v.column)) {
		return -EINVAL;
	}
	*ret = v;
	return 0;
}

int player_value_convert(const struct player_value *v, const char *field, char ret[static PLAYER_NUMBER_SIZE])
{
	double number;

	if (parse_decimal(field, &number) < 0) {
		return -EINVAL;
	}
	number = number * v->factor / v->divisor;
	if (!isfinite(number)) {
		return -EINVAL;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(ret, PLAYER_NUMBER_SIZE, "%.*g", digits, number);
		if (strtod(ret, NULL) == number) {
			break;
		}
	}
	return 0;
}
