/*
 * pg_ledger - losses become rows of highwater.loss, each once.
 *
 * A row carries the total of its journal and reason up to and with it. What the
 * database knows is the highest total it has, so that an answer that got lost
 * is found out by asking, and nothing is told twice.
 *
 * Threads  [writer]
 * Errors   As in pg_conn.h.
 */
#ifndef HIGHWATER_PG_LEDGER_H
#define HIGHWATER_PG_LEDGER_H

#include "journal.h"
#include "ledger.h"
#include "pg_conn.h"

/* Learns what the database knows; once for each connection, before the first pg_ledger_tell(). */
int pg_ledger_ask(struct pg_conn *c, const uint8_t id[static JOURNAL_ID_SIZE], struct ledger *l,
                  struct pg_error *error) must_check;

/* Writes a row for each reason that has something to tell. No round trip when none has. */
int pg_ledger_tell(struct pg_conn *c, const uint8_t id[static JOURNAL_ID_SIZE], struct ledger *l,
                   struct pg_error *error) must_check;

#endif
