/*
 * config_keys - what each key of highwater.json means and allows.
 *
 * One table an object; a new key is a line there and a function of a few lines.
 *
 * Threads  [loop]
 * Errors   as config_line.
 */
#ifndef HIGHWATER_CONFIG_KEYS_H
#define HIGHWATER_CONFIG_KEYS_H

#include "config.h"
#include "config_line.h"

/* Every key's default. */
int config_keys_defaults(struct config *c) must_check;

/* Reads the file's value into *c, which has its defaults; on failure *c is half read and to be freed. */
int config_keys_read(const struct config_file *f, struct json_slice root, struct config *c) must_check;

#endif
