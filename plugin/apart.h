/*
 * apart - work beside the broker's thread, with open files of its own.
 *
 * The kernel looks a file's number up faster in a table that one thread alone
 * uses. A second thread on the broker's table makes each of the broker's reads
 * and writes dearer, those for other people's topics too: measured on Mosquitto
 * 2.0.11, Linux 6.18, 0.25 µs of 2.5 µs a message at QoS 0, 0.4 of 8.2 at QoS 1.
 * So all that opens files does so on this thread, or on one that was started
 * from it, and these share another table.
 *
 * Promise  The other table has nothing of the broker's but 0 to 2: a socket that
 *          the broker closes is closed. Where the kernel cannot part the tables
 *          (before Linux 5.9, or a sandbox forbids it), all works on one.
 * Threads  All of this header [start], which waits: what is called apart has
 *          the broker's thread to itself.
 * Errors   0 or a negative errno.
 * Memory   A file that is opened apart is used and closed there, or on a thread
 *          that was started there. What is still open when the last of these
 *          threads ends, the kernel closes.
 */
#ifndef HIGHWATER_APART_H
#define HIGHWATER_APART_H

#include "util.h"

struct apart;

/* keep: a descriptor of the broker's table, above 2, that the other one has too. */
int apart_new(struct apart **ret, int keep) must_check;

/* Ends the thread; those that were started from it may go on. NULL is harmless. */
void apart_free(struct apart *a);

/* Runs work there, and returns when it has. */
void apart_call(struct apart *a, void (*work)(void *context), void *context);

#endif
