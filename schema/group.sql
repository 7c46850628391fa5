/*
 * group - alarms that look at other datastreams, and the object hold of each.
 *
 * A group alarm is a row of threshold with cause group or upstream: set_value
 * members at their levels raise it, each while it is there and for the period
 * after. The members stand here.
 */

CREATE TABLE IF NOT EXISTS highwater.group_member (
	datastream_id integer NOT NULL REFERENCES highwater.datastream ON DELETE CASCADE,
	cause         text NOT NULL
		CONSTRAINT cause_is_group_or_upstream CHECK (cause IN ('group', 'upstream')),
	period        interval NOT NULL DEFAULT '0'
		CONSTRAINT period_is_7_days_at_most CHECK (period BETWEEN '0' AND '7 days'),
	position      smallint NOT NULL
		CONSTRAINT position_counts_from_1_to_16 CHECK (position BETWEEN 1 AND 16),
	member_id     integer NOT NULL REFERENCES highwater.datastream ON DELETE CASCADE,
	member_cause  text NOT NULL DEFAULT 'threshold'
		CONSTRAINT member_cause_is_known
		CHECK (member_cause IN ('threshold', 'rate', 'rain', 'stale', 'dead', 'sensor_error',
		                        'low_battery', 'projection')),
	member_period interval NOT NULL DEFAULT '0'
		CONSTRAINT member_period_is_7_days_at_most CHECK (member_period BETWEEN '0' AND '7 days'),
	member_level  integer NOT NULL
		CONSTRAINT member_level_is_not_normal CHECK (member_level <> 0),
	travel_time   interval
		CONSTRAINT travel_time_is_60_days_at_most CHECK (travel_time BETWEEN '0' AND '60 days'),
	PRIMARY KEY (datastream_id, cause, period, position),
	CONSTRAINT a_group_is_no_member_of_itself CHECK (member_id <> datastream_id)
);
COMMENT ON TABLE highwater.group_member IS
	'Members of group alarms, at most 16 each: m of n datastreams of an area, a gauge upstream, tide and rain '
	'together. The alarm is the one of threshold with the same datastream_id, cause and period.';
COMMENT ON COLUMN highwater.group_member.datastream_id IS 'The datastream whose alarm it is.';
COMMENT ON COLUMN highwater.group_member.cause IS 'group, or upstream for water that is on its way.';
COMMENT ON COLUMN highwater.group_member.period IS
	'The alarm''s: a member counts while it is at its level and for so long after.';
COMMENT ON COLUMN highwater.group_member.position IS 'Place of the member in its group, 1 to 16.';
COMMENT ON COLUMN highwater.group_member.member_id IS 'The datastream that is watched.';
COMMENT ON COLUMN highwater.group_member.member_cause IS 'Which of its alarms: threshold.cause.';
COMMENT ON COLUMN highwater.group_member.member_period IS 'Which of its alarms: threshold.period.';
COMMENT ON COLUMN highwater.group_member.member_level IS
	'It counts at this level (threshold.level) of that alarm or a more dangerous one.';
COMMENT ON COLUMN highwater.group_member.travel_time IS
	'How long the water takes from there to here; NULL: no time is told.';

CREATE OR REPLACE TRIGGER notify_registry
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON highwater.group_member
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.notify_registry();

CREATE OR REPLACE VIEW highwater.object_hold_in_force AS
	SELECT d.datastream_id,
		coalesce(d.rise_max, p.rise_max * scale.factor) / 60 AS rise_max_per_s,
		coalesce(d.object_move, p.object_move * scale.factor) AS object_move,
		coalesce(d.object_hold, p.object_hold) AS object_hold
	FROM highwater.datastream d
	JOIN highwater.observed_property p ON p.code = d.property
	LEFT JOIN highwater.unit own ON own.code = d.unit
	LEFT JOIN highwater.unit usual ON usual.code = p.unit AND usual.dimension = own.dimension,
	LATERAL (SELECT CASE WHEN d.unit = p.unit THEN 1 ELSE usual.factor / own.factor END) AS scale(factor)
	WHERE coalesce(d.rise_max, p.rise_max * scale.factor) > 0
	  AND coalesce(d.object_move, p.object_move * scale.factor) > 0
	  AND coalesce(d.object_hold, p.object_hold) IS NOT NULL;
COMMENT ON VIEW highwater.object_hold_in_force IS
	'Datastreams whose jumps are held until they behave like water, with the limits in their own unit.';
COMMENT ON COLUMN highwater.object_hold_in_force.datastream_id IS 'The datastream.';
COMMENT ON COLUMN highwater.object_hold_in_force.rise_max_per_s IS 'Fastest rise of water, its unit a second.';
COMMENT ON COLUMN highwater.object_hold_in_force.object_move IS 'A held value that moved so much is water.';
COMMENT ON COLUMN highwater.object_hold_in_force.object_hold IS 'After this a held value counts in any case.';
