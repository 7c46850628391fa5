-- Alarms of every cause: what is refused, what is filled in, groups, operators' actions, and the measures of it all.
BEGIN;
SELECT plan(50);
SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = error;

SELECT highwater.register_datastream('phu-an', 'water_level') AS river \gset
SELECT highwater.register_datastream('tan-son-hoa', 'rainfall') AS rain \gset

CREATE FUNCTION pg_temp.refused(cause text, set_value double precision, mistake text, description text,
                                direction text DEFAULT 'rising', period interval DEFAULT '0') RETURNS text
	LANGUAGE sql AS $$
	SELECT throws_like(format(
		'SELECT highwater.set_threshold(''phu-an'', ''water_level'', 7, ''x'', %L, cause => %L, direction => %L, '
		'period => %L)', set_value, cause, direction, period), '%level 7, of station "phu-an", water_level: ' || mistake || '%',
		description)
$$;
SELECT pg_temp.refused('low_battery', 3.4, 'its direction is rising', 'a battery is low when it falls');
SELECT pg_temp.refused('projection', 60, 'its direction is rising', 'a projection is near when minutes fall');
SELECT pg_temp.refused('stale', 3, 'its direction is falling', 'silence grows', 'falling');
SELECT pg_temp.refused('stale', 0.5, 'set_value 0.5 is less than 1', 'half an interval is no silence');
SELECT pg_temp.refused('rain', 0, 'set_value 0 is not above 0', 'no rain is no rain', 'rising', '1 hour');
SELECT pg_temp.refused('rain', 20, 'period 00:05:00 is shorter than 10 minutes', 'rain has a period', 'rising', '5 min');
SELECT pg_temp.refused('rate', 1, 'period 00:00:00 is shorter than a minute', 'a rate has a period');
SELECT pg_temp.refused('threshold', 1, 'period 01:00:00 is given', 'a level has no period', 'rising', '1 hour');
SELECT pg_temp.refused('group', 17, 'set_value 17 is more than 16', 'a group has 16 members');
SELECT throws_like($$SELECT highwater.set_threshold('phu-an', 'water_level', 7, 'x', 1, cause => 'magic')$$,
	'%cause_is_known%', 'refuses a cause that nobody knows');
SELECT throws_like($$SELECT highwater.set_threshold('phu-an', 'water_level', 7, 'x', 1, repeat_after => '10 s')$$,
	'%repeat_after_is_0_or_a_minute%', 'refuses to repeat every ten seconds');
SELECT throws_like($$SELECT highwater.set_threshold('phu-an', 'water_level', 7, 'x', 1, on_samples => 1001)$$,
	'%on_samples_are_1000_at_most%', 'refuses to wait for more than 1000 readings');

-- What is filled in.
CREATE FUNCTION pg_temp.in_force(station text, cause text) RETURNS TABLE (level integer, settings text)
	LANGUAGE sql AS $$
	SELECT t.level, format('%s %s %s %s/%s %s', t.set_value, t.clear_value, t.direction, t.on_delay, t.on_samples,
	                       t.off_delay)
	FROM highwater.threshold_in_force t WHERE t.station = in_force.station AND t.cause = in_force.cause ORDER BY 1
$$;
SELECT highwater.set_threshold('street', 'water_depth', 1, 'flooded', 0.05) AS street \gset
SELECT results_eq($$SELECT * FROM pg_temp.in_force('street', 'threshold')$$,
	$$VALUES (1, '0.05 0.03 rising 00:02:00/2 00:15:00')$$, 'a street has its defaults');
SELECT highwater.set_threshold('street', 'water_depth', 1, 'flooded', 0.06, off_delay => '5 min') \gset
SELECT results_eq($$SELECT * FROM pg_temp.in_force('street', 'threshold')$$,
	$$VALUES (1, '0.06 0.04 rising 00:02:00/2 00:05:00')$$, 'what is left out stays');
SELECT highwater.set_threshold('street', 'water_depth', 2, 'deep', 0.3, on_delay => '0', off_delay => '0') \gset
SELECT results_eq($$SELECT * FROM pg_temp.in_force('street', 'threshold') OFFSET 1$$,
	$$VALUES (2, '0.3 0.28 rising 00:00:00/0 00:00:00')$$, 'delays that are given go before the defaults');
SELECT highwater.set_threshold('phu-an', 'water_level', 1, 'I', 1.4) \gset
SELECT results_eq($$SELECT * FROM pg_temp.in_force('phu-an', 'threshold')$$,
	$$VALUES (1, '1.4 1.35 rising 00:00:00/0 00:00:00')$$, 'a river has none');
SELECT highwater.set_threshold('phu-an', 'water_level', 1, 'fast', 0.5, cause => 'rate', period => '30 min') \gset
SELECT highwater.set_threshold('phu-an', 'battery_voltage', 1, 'low', 3.4, cause => 'low_battery') \gset
SELECT highwater.set_threshold('tan-son-hoa', 'rainfall', 1, 'heavy', 50, cause => 'rain', period => '1 hour') \gset
SELECT highwater.set_threshold('phu-an', 'water_level', 1, 'broken', 5, cause => 'sensor_error') \gset
SELECT highwater.set_projection('phu-an', 'water_level', '40 min') \gset
SELECT results_eq($$SELECT cause, set_value, clear_value, direction FROM highwater.threshold_in_force
	WHERE cause <> 'threshold' ORDER BY cause$$,
	$$VALUES ('low_battery', 3.4::float8, 3.45::float8, 'falling'),
	         ('projection', 40, 60, 'falling'), ('rain', 50, 40, 'rising'), ('rate', 0.5, 0.25, 'rising'),
	         ('sensor_error', 5, 1, 'rising')$$,
	'each cause has its clear value and direction');
SELECT is((SELECT count(*) FROM highwater.threshold WHERE datastream_id = :river AND level = 1), 4::bigint,
	'alarms of several causes have levels of the same number');

-- Silence.
SELECT highwater.set_silence('phu-an', 'water_level', expected_interval => '15 min', dead_after => 96) \gset
SELECT is((SELECT expected_interval FROM highwater.datastream WHERE datastream_id = :river), '15 min'::interval,
	'set_silence sets the interval');
SELECT results_eq($$SELECT cause, set_value FROM highwater.threshold_in_force WHERE cause IN ('stale', 'dead')
	ORDER BY 1$$, $$VALUES ('dead', 96::float8), ('stale', 3)$$, 'stale after three intervals, dead after 96');

-- Object hold.
SELECT results_eq('SELECT round(rise_max_per_s::numeric * 60, 6), object_move, object_hold
	FROM highwater.object_hold_in_force WHERE datastream_id = ' || :street,
	$$VALUES (0.1, 0.03::float8, '12 hours'::interval)$$, 'a street holds objects back');
SELECT is_empty('SELECT FROM highwater.object_hold_in_force WHERE datastream_id = ' || :river, 'a river does not');
UPDATE highwater.datastream SET rise_max = 0 WHERE datastream_id = :street;
SELECT is_empty('SELECT FROM highwater.object_hold_in_force WHERE datastream_id = ' || :street, '0 turns it off');
UPDATE highwater.datastream SET rise_max = NULL, unit = 'mm' WHERE datastream_id = :street;
SELECT results_eq('SELECT round(rise_max_per_s::numeric * 60, 6), object_move
	FROM highwater.object_hold_in_force WHERE datastream_id = ' || :street,
	$$VALUES (100::numeric, 30::float8)$$, 'the limits follow the unit');

-- Groups.
SELECT highwater.set_group('district-4', 'two of three', 2,
	'{phu-an/water_level/1,street/water_depth/1,tan-son-hoa/rainfall/rain/1 hour/1}') AS area \gset
SELECT results_eq('SELECT g.position, d.property, g.member_cause, g.member_period, g.member_level
	FROM highwater.group_member g JOIN highwater.datastream d ON d.datastream_id = g.member_id
	WHERE g.datastream_id = ' || :area || ' ORDER BY 1',
	$$VALUES (1::smallint, 'water_level', 'threshold', '0'::interval, 1),
	         (2::smallint, 'water_depth', 'threshold', '0', 1), (3::smallint, 'rainfall', 'rain', '1 hour', 1)$$,
	'a group has its members');
SELECT results_eq('SELECT property, set_value, period FROM highwater.threshold_in_force WHERE datastream_id = ' || :area,
	$$VALUES ('group', 2::float8, '30 min'::interval)$$, 'and is an alarm of a datastream of its own');
SELECT highwater.set_group('district-4', 'two of two', 2, '{phu-an/water_level/1,street/water_depth/2}') \gset
SELECT is((SELECT count(*) FROM highwater.group_member WHERE datastream_id = :area), 2::bigint,
	'setting it again replaces its members');
SELECT throws_like($$SELECT highwater.set_group('district-4', 'x', 3, '{phu-an/water_level/1}')$$,
	'%3 members are required, 1 are given%', 'refuses a group that can never be');
SELECT throws_like($$SELECT highwater.set_group('district-4', 'x', 1, '{phu-an}')$$,
	'%member "phu-an" is not station/property/level%', 'refuses a member that is none');
SELECT throws_like(format('INSERT INTO highwater.group_member (datastream_id, cause, position, member_id, member_level)
	VALUES (%1$s, ''group'', 9, %1$s, 1)', :area), '%a_group_is_no_member_of_itself%', 'refuses itself as a member');
SELECT highwater.set_upstream('manggarai', 'water_level', 'katulampa', 'water_level', 2, '9 hours') AS gate \gset
SELECT highwater.set_upstream('manggarai', 'water_level', 'katulampa', 'water_level', 1, '10 hours') \gset
SELECT highwater.set_upstream('manggarai', 'water_level', 'depok', 'water_level', 2, '4 hours') \gset
SELECT results_eq('SELECT position, member_level, travel_time FROM highwater.group_member WHERE datastream_id = '
	|| :gate || ' ORDER BY 1', $$VALUES (1::smallint, 1, '10 hours'::interval), (2::smallint, 2, '4 hours')$$,
	'a gauge upstream stands once, with its travel time');

-- The area of a warning.
SELECT throws_like($$SELECT highwater.register_station('phu-an', cap_area => '10.7,106.7 10.8,106.7 10.7,106.7')$$,
	'%it has 3 pairs%', 'refuses a triangle that is not closed by a fourth pair');
SELECT throws_like($$SELECT highwater.register_station('phu-an', cap_area => '1,2 3,4 5,6 7,8')$$,
	'%its last pair is not its first%', 'refuses an open polygon');
SELECT throws_like($$SELECT highwater.register_station('phu-an', cap_area => '1,2 3,4 95,6 1,2')$$,
	'%"95,6" is not latitude,longitude%', 'refuses a place that is not on earth');
SELECT lives_ok($$SELECT highwater.register_station('phu-an',
	cap_area => '10.77,106.70 10.78,106.70 10.78,106.71 10.77,106.70')$$, 'takes a closed polygon');

-- Events: a raise after a delay, an action, a repeat, the end; in any order.
CREATE FUNCTION pg_temp.told(sequence integer, event text, level integer, previous integer, at timestamptz,
                             sent timestamptz, announced integer DEFAULT 1) RETURNS boolean
	LANGUAGE sql AS $$
	SELECT highwater.store_transition(
		(SELECT datastream_id FROM highwater.datastream JOIN highwater.station USING (station_id)
		 WHERE code = 'phu-an' AND property = 'water_level'),
		'phu-an/i', coalesce('phu-an/i/' || sequence, 'phu-an/' || event || sent), sequence,
		CASE WHEN sequence IS NULL THEN NULL WHEN event = 'raised' THEN 'Alert' WHEN level = 0 THEN 'Cancel' ELSE 'Update' END,
		'threshold', 'rising', level, 'I', previous, 1.5, 1.4, 'Moderate', 1::smallint, at, sent,
		'2026-11-22 10:00Z', 1.5, '2026-11-22 10:00Z', event, 0, '2026-11-22 09:58Z', 2, '2026-11-22 10:40Z',
		announced::smallint, CASE WHEN sequence IS NULL THEN 'duty' END, CASE WHEN sequence IS NULL THEN 'desk' END,
		CASE WHEN sequence IS NULL THEN 'seen' END)
$$;
SELECT ok(pg_temp.told(3, 'cleared', 0, 1, '2026-11-22 12:00Z', '2026-11-22 12:00:01Z'), 'the end comes first');
SELECT ok(pg_temp.told(NULL, 'acknowledged', 1, 1, '2026-11-22 10:05Z', '2026-11-22 10:05Z', 0), 'an action is stored');
SELECT ok(pg_temp.told(1, 'raised', 1, 0, '2026-11-22 10:00Z', '2026-11-22 10:00:01Z'), 'the raise comes late');
SELECT ok(pg_temp.told(2, 'repeated', 1, 1, '2026-11-22 11:00Z', '2026-11-22 11:00:01Z'), 'so does the repeat');
SELECT ok(NOT pg_temp.told(NULL, 'acknowledged', 1, 1, '2026-11-22 10:05Z', '2026-11-22 10:05Z', 0),
	'an action is stored once');
SELECT results_eq($$SELECT level, ended, transitions, onset FROM highwater.alert WHERE incident = 'phu-an/i'$$,
	$$VALUES (0, '2026-11-22 12:00Z'::timestamptz, 3, '2026-11-22 09:58Z'::timestamptz)$$,
	'the incident is what its transitions say');
SELECT results_eq($$SELECT sequence, msg_type, announced, user_name, client_id, reason, projected_level
	FROM highwater.alert_event WHERE event = 'acknowledged'$$,
	$$VALUES (NULL::integer, NULL::text, false, 'duty', 'desk', 'seen', 2)$$, 'an action says who, when and why');
SELECT results_eq($$SELECT user_name, time_to_acknowledge FROM highwater.alarm_acknowledgement$$,
	$$VALUES ('duty', '00:04:59'::interval)$$, 'time to acknowledge');
SELECT results_eq($$SELECT confirmation, transport, delay FROM highwater.alarm_detection_delay$$,
	$$VALUES ('2 min'::interval, '1 s'::interval, '00:02:01'::interval)$$, 'detection delay');
SELECT results_eq($$SELECT hour, raised, most_in_10_min, rating FROM highwater.alarm_rate_hourly$$,
	$$VALUES ('2026-11-22 10:00Z'::timestamptz, 1::bigint, 1::bigint, 'manageable')$$, 'alarms an hour');
SELECT is_empty('SELECT FROM highwater.alarm_chattering', 'an hour between transitions is no chattering');

SELECT highwater.store_transition(:river, 'c' || n, format('c%s/1', n), 1, 'Alert', 'threshold', 'rising', 1, 'I', 0, 1.5,
	1.4, 'Moderate', 1::smallint, now() - n * interval '15 s', now() - n * interval '15 s',
	now() - n * interval '15 s', 1.5, now()) FROM generate_series(1, 12) AS n;
UPDATE highwater.alert SET started = now() - interval '25 hours' WHERE incident = 'c1';
SELECT results_eq('SELECT station, most_in_a_minute, transitions FROM highwater.alarm_chattering',
	$$VALUES ('phu-an', 5::bigint, 10::bigint)$$, 'transitions within a minute are chattering');
SELECT is((SELECT max(rating) FROM highwater.alarm_rate_hourly WHERE most_in_10_min >= 10), 'flood',
	'ten alarms in ten minutes are a flood');
SELECT results_eq('SELECT incident, acknowledged FROM highwater.alarm_standing', $$VALUES ('c1', false)$$,
	'what has stood for a day is shown');
UPDATE highwater.alert_event SET sent = now() - interval '40 days' WHERE incident = 'phu-an/i';
SELECT results_eq('SELECT station, raised, percent FROM highwater.alarm_top_ten',
	$$VALUES ('phu-an', 12::bigint, 100.0)$$, 'the ones that are raised most');

SELECT * FROM finish();
ROLLBACK;
