/*
 * reject - why a reading was not taken.
 *
 * A bad payload is a verdict, not an error. The names are part of the
 * contract: they stand in dead letters, in highwater.rejected.reason and in
 * the topics of $SYS/broker/highwater/rejected/... The numbers stand in journals:
 * a new reason goes to the end.
 *
 * Threads  [any]
 */
#ifndef HIGHWATER_REJECT_H
#define HIGHWATER_REJECT_H

/* X(enumerator, name, what it means to a person) */
#define REJECT_REASONS(X)                                                                        \
	X(REJECT_EMPTY_PAYLOAD, "empty_payload", "the payload has no bytes")                     \
	X(REJECT_PAYLOAD_TOO_LARGE, "payload_too_large", "the payload is over the size limit")   \
	X(REJECT_INVALID_UTF8, "invalid_utf8", "the payload is not UTF-8 text")                  \
	X(REJECT_INVALID_JSON, "invalid_json", "the payload is not JSON")                        \
	X(REJECT_DUPLICATE_KEY, "duplicate_key", "an object names a member twice")               \
	X(REJECT_WRONG_SHAPE, "wrong_shape", "neither a number nor an object as documented")     \
	X(REJECT_MISSING_VALUE, "missing_value", "there is no value to store")                   \
	X(REJECT_NOT_A_NUMBER, "not_a_number", "the value is not a JSON number")                 \
	X(REJECT_OUT_OF_RANGE, "out_of_range", "the number does not fit a double")               \
	X(REJECT_INVALID_TIME, "invalid_time", "the time is not RFC 3339 with a zone, nor Unix") \
	X(REJECT_TIME_IN_FUTURE, "time_in_future", "the time is later than time.max_future")     \
	X(REJECT_TIME_TOO_OLD, "time_too_old", "the time is older than time.max_age")            \
	X(REJECT_WRONG_UNIT, "wrong_unit", "the unit is not the datastream's")                   \
	X(REJECT_INVALID_STATION, "invalid_station", "the station code cannot be stored")        \
	X(REJECT_UNKNOWN_PROPERTY, "unknown_property", "no such observed property")              \
	X(REJECT_NOT_REGISTERED, "not_registered", "the datastream is not registered")           \
	X(REJECT_TOO_MANY_DATASTREAMS, "too_many_datastreams", "max_datastreams is reached")     \
	X(REJECT_DATABASE, "database", "PostgreSQL refused the row")

/* clang-format off */
enum reject {
	REJECT_NONE = 0,
#define X(id, name, text) id,
	REJECT_REASONS(X)
#undef X
	REJECT_COUNT,
};
/* clang-format on */

/* "none" for REJECT_NONE; never NULL. */
const char *reject_name(enum reject reason);

/* A sentence part for people, without a full stop; never NULL. */
const char *reject_text(enum reject reason);

#endif
