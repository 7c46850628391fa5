#include "pg_alarm.h"

#include "pg_column.h"
#include "pg_quality.h"

#define MICROSECONDS(interval) "(extract(epoch FROM " interval ") * 1000000)::int8"

const char pg_alarm_thresholds_sql[] =
	"SELECT DISTINCT ON (datastream_id, cause, period, level)"
	" datastream_id, level, name, set_value, clear_value, direction, severity, cause,"
	" " MICROSECONDS("period") ", " MICROSECONDS(
		"on_delay") ", on_samples::int4,"
			    " " MICROSECONDS("off_delay") ", latching, " MICROSECONDS(
				    "repeat_after") " FROM highwater.threshold WHERE valid_from <= coalesce(nullif($1::timestamptz, '-infinity'), now())"
						    " ORDER BY datastream_id, cause, period, level, valid_from DESC";

const char pg_alarm_members_sql[] = "SELECT datastream_id, cause, " MICROSECONDS(
	"period") ", position::int4, member_id, member_cause,"
		  " " MICROSECONDS("member_period") ", member_level, " MICROSECONDS(
			  "travel_time") " FROM highwater.group_member";

const char pg_alarm_holds_sql[] = "SELECT datastream_id, rise_max_per_s, object_move, " MICROSECONDS(
	"object_hold") " FROM highwater.object_hold_in_force";

/* Those of a station come one after the other: they share its area. */
const char pg_alarm_areas_sql[] = "SELECT d.datastream_id, s.station_id, s.cap_area"
				  " FROM highwater.station s JOIN highwater.datastream d USING (station_id)"
				  " WHERE s.cap_area <> '' ORDER BY s.station_id";

static bool get_direction(const char *name, uint8_t *ret)
{
	for (int d = DIRECTION_RISING; d <= DIRECTION_FALLING; d++) {
		if (strcmp(name, threshold_direction_name((enum direction)d)) == 0) {
			*ret = (uint8_t)d;
			return true;
		}
	}
	return false;
}

static bool get_severity(const char *name, uint8_t *ret)
{
	for (int s = SEVERITY_EXTREME; s <= SEVERITY_UNKNOWN; s++) {
		if (strcmp(name, threshold_severity_name((enum severity)s)) == 0) {
			*ret = (uint8_t)s;
			return true;
		}
	}
	return false;
}

static bool get_cause(const char *name, uint8_t *ret)
{
	for (int c = 0; c < CAUSE_TEST; c++) {
		if (strcmp(name, threshold_cause_name((enum cause)c)) == 0) {
			*ret = (uint8_t)c;
			return true;
		}
	}
	return false;
}

bool pg_alarm_threshold(const PGresult *r, int row, struct threshold *t)
{
	int32_t on_samples = pg_column_i32(r, row, 10);

	t->level = pg_column_i32(r, row, 1);
	t->set_value = pg_column_float8(r, row, 3);
	t->clear_value = pg_column_float8(r, row, 4);
	t->period_us = pg_column_i64(r, row, 8);
	t->on_delay_us = pg_column_i64(r, row, 9);
	t->on_samples = (uint16_t)on_samples;
	t->off_delay_us = pg_column_i64(r, row, 11);
	t->latching = pg_column_bool(r, row, 12);
	t->repeat_us = pg_column_i64(r, row, 13);
	return pg_column_text(r, row, 2, t->name, sizeof(t->name)) && t->level != LEVEL_NORMAL &&
	       isfinite(t->set_value) && isfinite(t->clear_value) && on_samples >= 0 &&
	       on_samples <= UINT16_MAX && t->period_us >= 0 && t->on_delay_us >= 0 && t->off_delay_us >= 0 &&
	       t->repeat_us >= 0 && get_direction(PQgetvalue(r, row, 5), &t->direction) &&
	       get_severity(PQgetvalue(r, row, 6), &t->severity) &&
	       get_cause(PQgetvalue(r, row, 7), &t->cause);
}

static bool get_member(const struct registry *to, const PGresult *r, int row, struct registry_member *m)
{
	int32_t position = pg_column_i32(r, row, 3) - 1;

	*m = (struct registry_member){
		.datastream = pg_quality_number(to, pg_column_i32(r, row, 0)),
		.member = pg_quality_number(to, pg_column_i32(r, row, 4)),
		.period_us = pg_column_i64(r, row, 2),
		.member_period_us = pg_column_i64(r, row, 6),
		.travel_us = pg_column_i64(r, row, 8),
		.member_level = pg_column_i32(r, row, 7),
		.position = (uint8_t)position,
	};
	return position >= 0 && position < GROUP_MEMBERS_MAX && m->datastream != 0 && m->member != 0 &&
	       m->datastream != m->member && get_cause(PQgetvalue(r, row, 1), &m->cause) &&
	       get_cause(PQgetvalue(r, row, 5), &m->member_cause) && m->member_cause != CAUSE_GROUP &&
	       m->member_cause != CAUSE_UPSTREAM; /* no group of groups, so no circle */
}

void pg_alarm_members(struct registry *to, const PGresult *rows, struct pg_registry_report *report)
{
	size_t count = 0;

	for (int row = 0; row < PQntuples(rows); row++) {
		if (get_member(to, rows, row, &to->members[count])) {
			count++;
		} else {
			pg_registry_leave_out(report, "member of a group of cause", PQgetvalue(rows, row, 1));
		}
	}
	to->count.members = count;
}

void pg_alarm_holds(struct registry *to, const PGresult *rows, struct pg_registry_report *report)
{
	for (int row = 0; row < PQntuples(rows); row++) {
		uint32_t number = pg_quality_number(to, pg_column_i32(rows, row, 0));
		const struct hold_config hold = {
			.rise_max = pg_column_float8(rows, row, 1) / 1e6,
			.move = pg_column_float8(rows, row, 2),
			.timeout_us = pg_column_i64(rows, row, 3),
		};

		if (number == 0) {
			continue; /* its datastream has been left out and named */
		}
		if (isfinite(hold.rise_max) && isfinite(hold.move) && hold.timeout_us >= 0) {
			to->datastreams[number - 1].hold = hold;
		} else {
			pg_registry_leave_out(report, "object hold of station",
			                      to->datastreams[number - 1].key.station);
		}
	}
}

void pg_alarm_areas(struct registry *to, const PGresult *rows, struct pg_registry_report *report)
{
	int32_t station_id = 0;
	size_t count = 0;

	for (int row = 0; row < PQntuples(rows); row++) {
		uint32_t number = pg_quality_number(to, pg_column_i32(rows, row, 0));
		struct registry_area *area = &to->areas[count];

		if (number == 0) {
			continue;
		}
		if (count == 0 || pg_column_i32(rows, row, 1) != station_id) {
			if (!pg_column_text(rows, row, 2, area->text, sizeof(area->text))) {
				pg_registry_leave_out(report, "area of station",
				                      to->datastreams[number - 1].key.station);
				continue;
			}
			station_id = pg_column_i32(rows, row, 1);
			count++;
		}
		to->datastreams[number - 1].area = (uint32_t)count;
	}
	to->count.areas = count;
}
