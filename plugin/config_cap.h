/*
 * config_cap - the key alerts.cap: what CAP messages say of their sender, and in which languages.
 *
 *   key            default       allowed
 *   sender         required      text without spaces, commas, < and &: an address of the sender
 *   status         "Test"        "Actual" "Exercise" "System" "Test" "Draft"
 *   scope          "Restricted"  "Public" "Restricted" "Private"
 *   restriction    a sentence    text; only with scope "Restricted"
 *   addresses      none          text; required with scope "Private"
 *   note           none          text; with status "Exercise" the name of the exercise
 *   radius         "500m"        "0m" to "1000km", or a number of kilometres
 *   utc_offset     "+00:00"      "-14:00" to "+14:00": of all times
 *   expires        never         1m to 30d after a message was sent
 *   languages      vi-VN, en-US  1 to 16 of {tag: {"event": text, …}}, the texts of cap_words.h
 *   sender_name    none          text
 *   web            none          http:// or https:// address
 *   contact        none          text
 *
 * Vietnamese and English have built-in texts in place of those that are not given; other languages have to
 * give "event" and "sensor_event". "" takes a built-in text away.
 *
 * Threads  [loop]
 * Errors   as config_line.
 */
#ifndef HIGHWATER_CONFIG_CAP_H
#define HIGHWATER_CONFIG_CAP_H

#include "cap_text.h"
#include "config_line.h"

/* Reads the member "cap". *ret is for cap_config_free(). */
int config_cap_read(const struct config_file *f, const struct config_member *m,
                    struct cap_config **ret) must_check;

#endif
