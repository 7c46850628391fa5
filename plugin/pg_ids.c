#include "pg_ids.h"

#include "registry.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_SIZE 1024

/* Registered at once at most; bounds the parameters. */
#define ASK_MAX 5000

struct entry {
	struct datastream_key key;
	int32_t datastream_id; /* 0: not known to be registered */
	uint32_t refusal;      /* index + 1 into refusals, 0: not refused in this batch */
	bool used, asked;      /* asked: stands in the list of those to register */
};

/* Open addressing, at most half full; entries are never removed but all at once. */
struct pg_ids {
	struct entry *entries;
	size_t size, count;
	uint64_t version;
	const struct datastream_key **unknown; /* of this batch: keys of the batch's items */
	size_t unknown_count, unknown_size;
	char **refusals;
	size_t refusal_count, refusal_size;
	struct pg_params params;
};

struct pg_ids *pg_ids_new(void)
{
	struct pg_ids *ids = calloc(1, sizeof(*ids));

	if (ids == NULL) {
		return NULL;
	}
	ids->size = FIRST_SIZE;
	ids->entries = calloc(ids->size, sizeof(*ids->entries));
	if (ids->entries == NULL) {
		free(ids);
		return NULL;
	}
	return ids;
}

static void forget_refusals(struct pg_ids *ids)
{
	for (size_t i = 0; i < ids->refusal_count; i++) {
		free(ids->refusals[i]);
	}
	ids->refusal_count = 0;
}

void pg_ids_free(struct pg_ids *ids)
{
	if (ids == NULL) {
		return;
	}
	forget_refusals(ids);
	free(ids->refusals);
	free(ids->unknown);
	free(ids->entries);
	pg_params_done(&ids->params);
	free(ids);
}

void pg_ids_clear(struct pg_ids *ids)
{
	memset(ids->entries, 0, ids->size * sizeof(*ids->entries));
	ids->count = 0;
	ids->version++;
}

uint64_t pg_ids_version(const struct pg_ids *ids)
{
	return ids->version;
}

/* The entry of key, or the empty one where it belongs. */
static struct entry *place(const struct pg_ids *ids, const struct datastream_key *key)
{
	size_t i = (size_t)datastream_key_hash(key) & (ids->size - 1);

	while (ids->entries[i].used && !datastream_key_equal(&ids->entries[i].key, key)) {
		i = (i + 1) & (ids->size - 1);
	}
	return &ids->entries[i];
}

static int grow(struct pg_ids *ids)
{
	struct pg_ids larger = {.size = ids->size * 2};

	larger.entries = calloc(larger.size, sizeof(*larger.entries));
	if (larger.entries == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < ids->size; i++) {
		if (ids->entries[i].used) {
			*place(&larger, &ids->entries[i].key) = ids->entries[i];
		}
	}
	free(ids->entries);
	ids->entries = larger.entries;
	ids->size = larger.size;
	return 0;
}

/* The entry of key, made when there is none. NULL when memory is short. */
static struct entry *entry_for(struct pg_ids *ids, const struct datastream_key *key)
{
	struct entry *e = place(ids, key);

	if (e->used) {
		return e;
	}
	if (ids->count >= ids->size / 2) {
		if (grow(ids) != 0) {
			return NULL;
		}
		e = place(ids, key);
	}
	e->key = *key;
	e->used = true;
	ids->count++;
	return e;
}

int pg_ids_put(struct pg_ids *ids, const struct datastream_key *key, int32_t datastream_id)
{
	struct entry *e = entry_for(ids, key);

	if (e == NULL) {
		return -ENOMEM;
	}
	ids->version += e->datastream_id > 0 && e->datastream_id != datastream_id;
	e->datastream_id = datastream_id;
	return 0;
}

int32_t pg_ids_get(const struct pg_ids *ids, const struct datastream_key *key)
{
	const struct entry *e = place(ids, key);

	return e->used ? e->datastream_id : 0;
}

/* Puts key on the list of those to register, once, unless its number is known. */
static int note_unknown(struct pg_ids *ids, const struct datastream_key *key)
{
	struct entry *e = entry_for(ids, key);

	if (e == NULL) {
		return -ENOMEM;
	}
	if (e->datastream_id > 0 || e->asked) {
		return 0;
	}
	if (ids->unknown_count == ids->unknown_size) {
		size_t size = MAX(ids->unknown_size * 2, 64);
		const struct datastream_key **unknown = realloc(ids->unknown, size * sizeof(*unknown));

		if (unknown == NULL) {
			return -ENOMEM;
		}
		ids->unknown = unknown;
		ids->unknown_size = size;
	}
	ids->unknown[ids->unknown_count++] = key;
	e->asked = true;
	e->refusal = 0;
	return 0;
}

static int find_unknown(struct pg_ids *ids, const struct batch *b)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < b->reading_count; i++) {
		status = note_unknown(ids, &b->readings[i].reading.key);
	}
	for (size_t i = 0; status == 0 && i < b->transition_count; i++) {
		status = note_unknown(ids, &b->transitions[i].transition.key);
	}
	return status;
}

static void put_keys(struct pg_ids *ids, size_t first, size_t end, bool with_property)
{
	struct pg_params *p = &ids->params;

	pg_params_clear(p);
	pg_params_next_array(p, PG_TEXT, end - first, false);
	for (size_t i = first; i < end; i++) {
		pg_binary_text(&p->bytes, ids->unknown[i]->station);
	}
	if (with_property) {
		pg_params_next_array(p, PG_TEXT, end - first, false);
		for (size_t i = first; i < end; i++) {
			pg_binary_text(&p->bytes, ids->unknown[i]->property);
		}
	}
}

/*
 * What is there already is not inserted just to be told of the conflict: that
 * would use up identity values. ON CONFLICT is for another broker that is faster.
 */
static const char stations_sql[] = "INSERT INTO highwater.station (code)"
				   " SELECT DISTINCT k.code FROM unnest($1::text[]) AS k(code)"
				   " WHERE NOT EXISTS (SELECT FROM highwater.station s WHERE s.code = k.code)"
				   " ON CONFLICT DO NOTHING";

static const char datastreams_sql[] =
	"INSERT INTO highwater.datastream (station_id, property)"
	" SELECT s.station_id, k.property FROM unnest($1::text[], $2::text[]) AS k(code, property)"
	" JOIN highwater.station s ON s.code = k.code"
	" WHERE NOT EXISTS (SELECT FROM highwater.datastream d"
	" WHERE d.station_id = s.station_id AND d.property = k.property)"
	" ON CONFLICT DO NOTHING";

static const char ids_sql[] =
	"SELECT k.place::int4, d.datastream_id"
	" FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k(code, property, place)"
	" JOIN highwater.station s ON s.code = k.code"
	" JOIN highwater.datastream d ON d.station_id = s.station_id AND d.property = k.property";

static int register_range(struct pg_ids *ids, struct pg_conn *c, size_t first, size_t end,
                          struct pg_error *error)
{
	PGresult *result = NULL;
	int status;

	put_keys(ids, first, end, false);
	status = pg_conn_execute(c, stations_sql, &ids->params, NULL, error);
	if (status == 0) {
		put_keys(ids, first, end, true);
		status = pg_conn_execute(c, datastreams_sql, &ids->params, NULL, error);
	}
	if (status == 0) {
		status = pg_conn_query(c, ids_sql, &ids->params, &result, error);
	}
	for (int row = 0; status == 0 && row < PQntuples(result); row++) {
		size_t place_in_range = (size_t)pg_binary_get_i32(PQgetvalue(result, row, 0)) - 1;

		status = pg_ids_put(ids, ids->unknown[first + place_in_range],
		                    pg_binary_get_i32(PQgetvalue(result, row, 1)));
	}
	PQclear(result);
	return status;
}

static int note_refusal(struct pg_ids *ids, const struct datastream_key *key, const char *message)
{
	if (ids->refusal_count == ids->refusal_size) {
		size_t size = MAX(ids->refusal_size * 2, 16);
		char **refusals = realloc(ids->refusals, size * sizeof(*refusals));

		if (refusals == NULL) {
			return -ENOMEM;
		}
		ids->refusals = refusals;
		ids->refusal_size = size;
	}
	ids->refusals[ids->refusal_count] = strdup(message);
	if (ids->refusals[ids->refusal_count] == NULL) {
		return -ENOMEM;
	}
	place(ids, key)->refusal = (uint32_t)++ids->refusal_count;
	return 0;
}

static int register_one_by_one(struct pg_ids *ids, struct pg_conn *c, size_t first, size_t end,
                               struct pg_error *error)
{
	for (size_t i = first; i < end; i++) {
		int status = register_range(ids, c, i, i + 1, error);

		if (status == -EPROTO && pg_error_blames_row(error)) {
			status = note_refusal(ids, ids->unknown[i], error->message);
		}
		if (status != 0) {
			return status;
		}
	}
	return 0;
}

/* Many at once; when the server blames one of them, each alone. */
static int register_unknown(struct pg_ids *ids, struct pg_conn *c, struct pg_error *error)
{
	for (size_t first = 0; first < ids->unknown_count; first += ASK_MAX) {
		size_t end = MIN(first + ASK_MAX, ids->unknown_count);
		int status = register_range(ids, c, first, end, error);

		if (status == -EPROTO && pg_error_blames_row(error)) {
			status = register_one_by_one(ids, c, first, end, error);
		}
		if (status != 0) {
			return status;
		}
	}
	return 0;
}

static const char *refusal_of(const struct pg_ids *ids, const struct entry *e)
{
	if (e->datastream_id > 0) {
		return NULL;
	}
	return e->refusal > 0 ? ids->refusals[e->refusal - 1] : "the database did not register it";
}

static void fill_in(const struct pg_ids *ids, struct batch *b)
{
	for (size_t i = 0; i < b->reading_count; i++) {
		const struct entry *e = place(ids, &b->readings[i].reading.key);

		b->readings[i].datastream_id = e->datastream_id;
		b->readings[i].refusal = refusal_of(ids, e);
	}
	for (size_t i = 0; i < b->transition_count; i++) {
		const struct entry *e = place(ids, &b->transitions[i].transition.key);

		b->transitions[i].datastream_id = e->datastream_id;
		b->transitions[i].refusal = refusal_of(ids, e);
	}
}

bool pg_ids_number(const struct pg_ids *ids, struct batch *b)
{
	for (size_t i = 0; i < b->transition_count; i++) {
		b->transitions[i].datastream_id = pg_ids_get(ids, &b->transitions[i].transition.key);
		if (b->transitions[i].datastream_id == 0) {
			return false;
		}
	}
	for (size_t i = 0; i < b->reading_count; i++) {
		b->readings[i].datastream_id = pg_ids_get(ids, &b->readings[i].reading.key);
		if (b->readings[i].datastream_id == 0) {
			return false;
		}
	}
	return true;
}

int pg_ids_resolve(struct pg_ids *ids, struct pg_conn *c, struct batch *b, struct pg_error *error)
{
	int status;

	forget_refusals(ids);
	if (pg_ids_number(ids, b)) {
		return 0;
	}
	ids->unknown_count = 0;
	pg_error_set(error, "out of memory");
	status = find_unknown(ids, b);
	if (status == 0) {
		status = register_unknown(ids, c, error);
	}
	for (size_t i = 0; i < ids->unknown_count; i++) {
		place(ids, ids->unknown[i])->asked = false;
	}
	if (status == 0) {
		fill_in(ids, b);
	}
	return status;
}
