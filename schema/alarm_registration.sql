/*
 * alarm_registration - for people who set up alarms of other causes than a level.
 *
 *     SELECT highwater.set_silence('phu-an', 'water_level', expected_interval => '15 min', dead_after => 96);
 *     SELECT highwater.set_projection('phu-an', 'water_level', '1 hour');
 *     SELECT highwater.set_group('district-4', 'two streets under water', 2,
 *         '{ton-that-thuyet/water_depth/1,doan-van-bo/water_depth/1,khanh-hoi/water_depth/1}');
 *     SELECT highwater.set_upstream('manggarai', 'water_level', 'katulampa', 'water_level', 2, '9 hours');
 *
 * Each can be run again: it changes what is there.
 */

CREATE OR REPLACE FUNCTION highwater.set_silence(
		station_code text, property text, stale_after double precision DEFAULT 3,
		dead_after double precision DEFAULT NULL, expected_interval interval DEFAULT NULL,
		severity text DEFAULT 'Minor', repeat_after interval DEFAULT NULL)
	RETURNS integer
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	stream integer := highwater.register_datastream(station_code, property);
BEGIN
	IF set_silence.expected_interval IS NOT NULL THEN
		UPDATE highwater.datastream d SET expected_interval = set_silence.expected_interval
			WHERE d.datastream_id = stream;
	END IF;
	PERFORM highwater.set_threshold(station_code, property, 1, 'stale', stale_after, cause => 'stale',
		severity => severity, repeat_after => repeat_after);
	IF dead_after IS NOT NULL THEN
		PERFORM highwater.set_threshold(station_code, property, 1, 'dead', dead_after, cause => 'dead',
			severity => severity, repeat_after => repeat_after);
	END IF;
	RETURN stream;
END
$$;
COMMENT ON FUNCTION highwater.set_silence(
		text, text, double precision, double precision, interval, text, interval) IS
	'Watches that readings come: an alarm of cause stale after stale_after expected intervals without one, of '
	'cause dead after dead_after (NULL: none). expected_interval sets the datastream''s. Returns the '
	'datastream_id.';

CREATE OR REPLACE FUNCTION highwater.set_projection(
		station_code text, property text, within interval, name text DEFAULT 'next level expected',
		severity text DEFAULT 'Minor')
	RETURNS integer
	LANGUAGE sql
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT highwater.set_threshold(station_code, property, 1, name,
		round(extract(epoch FROM within) / 60, 3)::double precision, cause => 'projection', severity => severity)
$$;
COMMENT ON FUNCTION highwater.set_projection(text, text, interval, text, text) IS
	'Raises an alarm of cause projection when the water, by its recent rise, will be at its next level within '
	'this time. Returns the datastream_id.';

/*
 * "phu-an/water_level/2" or "tan-son-hoa/rainfall/rain/1 hour/1": station, property, then cause and period of
 * the alarm when it is not the one of the value itself, then the level.
 */
CREATE OR REPLACE FUNCTION highwater.set_group(
		station_code text, name text, required integer, members text[], period interval DEFAULT '30 min',
		level integer DEFAULT 1, severity text DEFAULT 'Severe', property text DEFAULT 'group',
		off_delay interval DEFAULT NULL, repeat_after interval DEFAULT NULL)
	RETURNS integer
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	stream integer;
	member text;
	part   text[];
	place  integer := 0;
BEGIN
	IF required > coalesce(cardinality(members), 0) THEN
		RAISE EXCEPTION 'group % of %: % members are required, % are given', name, station_code, required,
			coalesce(cardinality(members), 0)
			USING ERRCODE = 'check_violation', HINT = 'Require as many as there are at most.';
	END IF;
	stream := highwater.set_threshold(station_code, property, level, name, required, cause => 'group',
		period => period, severity => severity, off_delay => off_delay, repeat_after => repeat_after);
	DELETE FROM highwater.group_member g
		WHERE g.datastream_id = stream AND g.cause = 'group' AND g.period = set_group.period;
	FOREACH member IN ARRAY members LOOP
		part := string_to_array(member, '/');
		place := place + 1;
		IF cardinality(part) NOT BETWEEN 3 AND 5 OR part[cardinality(part)] !~ '^-?[0-9]+$' THEN
			RAISE EXCEPTION 'group % of %: member "%" is not station/property/level', name, station_code, member
				USING ERRCODE = 'invalid_parameter_value',
				      HINT = 'For instance phu-an/water_level/2, tan-son-hoa/rainfall/rain/1 hour/1.';
		END IF;
		INSERT INTO highwater.group_member
				(datastream_id, cause, period, position, member_id, member_cause, member_period, member_level)
			VALUES
				(stream, 'group', period, place, highwater.register_datastream(part[1], part[2]),
				 CASE WHEN cardinality(part) > 3 THEN part[3] ELSE 'threshold' END,
				 CASE WHEN cardinality(part) > 4 THEN part[4]::interval ELSE '0' END,
				 part[cardinality(part)]::integer);
	END LOOP;
	RETURN stream;
END
$$;
COMMENT ON FUNCTION highwater.set_group(
		text, text, integer, text[], interval, integer, text, text, interval, interval) IS
	'Raises an alarm when so many members are at their levels, or were within the period. Members are '
	'"station/property/level", or "station/property/cause/period/level" for alarms of another cause; 16 at '
	'most. The alarm is that of a station of its own, which is made, property group. Returns its '
	'datastream_id.';

CREATE OR REPLACE FUNCTION highwater.set_upstream(
		station_code text, property text, upstream_station text, upstream_property text,
		upstream_level integer, travel_time interval, name text DEFAULT NULL, level integer DEFAULT 1,
		severity text DEFAULT 'Moderate', period interval DEFAULT '0')
	RETURNS integer
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	stream integer := highwater.set_threshold(station_code, property, level,
		coalesce(name, left(format('high water from %s', upstream_station), 40)), 1, cause => 'upstream',
		period => period, severity => severity);
	source integer := highwater.register_datastream(upstream_station, upstream_property);
BEGIN
	INSERT INTO highwater.group_member AS g
			(datastream_id, cause, period, position, member_id, member_level, travel_time)
		SELECT stream, 'upstream', set_upstream.period, coalesce(max(m.position), 0) + 1, source, upstream_level,
		       set_upstream.travel_time
			FROM highwater.group_member m
			WHERE m.datastream_id = stream AND m.cause = 'upstream' AND m.period = set_upstream.period
			HAVING coalesce(bool_and(m.member_id <> source), true);
	UPDATE highwater.group_member g
		SET member_level = upstream_level, travel_time = set_upstream.travel_time
		WHERE g.datastream_id = stream AND g.cause = 'upstream' AND g.period = set_upstream.period
		  AND g.member_id = source;
	RETURN stream;
END
$$;
COMMENT ON FUNCTION highwater.set_upstream(
		text, text, text, text, integer, interval, text, integer, text, interval) IS
	'Raises an alarm of cause upstream here when a gauge upstream is at its level or beyond: the water takes '
	'travel_time. Several gauges may stand upstream. Returns the datastream_id of the one downstream.';
