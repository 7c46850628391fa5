/*
 * utf8 - is this text?
 *
 * Well-formed as RFC 3629, section 4 has it: no overlong forms, no surrogates,
 * nothing above U+10FFFF; and no NUL, which MQTT forbids and C cannot hold.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_UTF8_H
#define HIGHWATER_UTF8_H

#include <stddef.h>

/* Length in bytes of the longest leading part that is whole, well-formed characters without NUL. */
size_t utf8_prefix(const void *bytes, size_t length);

#endif
