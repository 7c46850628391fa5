/*
 * oracle - what a canonical payload means, by jansson: another reader of JSON, and the meaning of members
 * written a second time over its values. Calendar and Unix times are timestamp.c's; its own test holds them.
 *
 * Both take and refuse the same texts, but for what json_check.h and decode_json.h say:
 *   NUL         is no text to us; jansson passes over one behind a number
 *   depth       more than JSON_CHECK_DEPTH_MAX levels are refused by us, more than 2048 by jansson
 *   overflow    a number beyond a double costs itself with us, the text with jansson
 *   length      a number of more than JSON_SLICE_NUMBER_MAX bytes is beyond a double with us
 *   duplicates  refused by us among the names of the outermost object that are no longer than a property's;
 *               by jansson among all
 * Of \u0000 and halves of surrogate pairs both think alike (jansson without JSON_ALLOW_NUL); integers beyond
 * 64 bits are numbers to both (JSON_DECODE_INT_AS_REAL).
 */
#ifndef HIGHWATER_FUZZ_ORACLE_H
#define HIGHWATER_FUZZ_ORACLE_H

#include "heard.h"

/* Whether the payload can have come to this; if not, *ret_why says what is wrong with it. */
bool oracle_allows(const struct decode_input *in, const struct heard *heard, const char **ret_why);

/* What was expected last, for the report. */
const struct heard *oracle_expected(void);

#endif
