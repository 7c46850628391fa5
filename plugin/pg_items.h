/*
 * pg_items - the items of one batch, in an open transaction.
 *
 * Each kind as a whole, and where the server blames a row, halved under
 * savepoints until it stands alone and becomes a dead letter; what is given up
 * becomes rows of highwater.loss. pg_store.h says why so.
 *
 * Threads  [writer]
 * Errors   As in pg_conn.h.
 */
#ifndef HIGHWATER_PG_ITEMS_H
#define HIGHWATER_PG_ITEMS_H

#include "batch.h"
#include "pg_conn.h"
#include "pg_rows.h"

struct pg_store_result {
	/* readings: rows written, rows that were there, and what became dead letters */
	uint64_t stored, known, not_registered, refused;
	uint64_t refused_others; /* transitions and dead letters that the server refused */
	uint64_t unsettled; /* later verdicts and gaps that the server refused; the readings are stored */
	uint64_t dropped;   /* of all that was refused: not taken as dead letters either */
	bool unsure;        /* what commits was sent, or was to be, and the answer to it has not come */
	/* The first that was refused, and what the server said; "" when there was none. */
	char item[STATION_CODE_MAX + PROPERTY_CODE_MAX + 2];
	char detail[DEAD_LETTER_DETAIL_MAX + 1];
};

/* Records of the journal that are gone, in the stretch of it that the batch covers. */
struct pg_store_damage {
	uint64_t exact;   /* so many */
	uint64_t at_most; /* not more */
};

/* One commit under way. */
struct pg_items {
	struct pg_rows *rows;
	struct pg_conn *conn;
	const struct batch *batch;
	const struct pg_store_damage *damage; /* NULL: none */
	struct pg_store_result *result;
	struct pg_error *error;
};

/* Whether there is anything but readings that COPY takes. */
bool pg_items_beside(const struct pg_items *k);

/* The same, later verdicts aside. */
bool pg_items_beyond_verdicts(const struct pg_items *k);

/* tolerant: the readings too, with ON CONFLICT DO NOTHING, before all else; without, COPY has taken them. */
int pg_items_store(const struct pg_items *k, bool tolerant) must_check;

#endif
