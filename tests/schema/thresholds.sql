-- Alert levels: which side the deadband lies on, what is refused, and which row is in force.
BEGIN;
SELECT plan(29);

SELECT highwater.register_datastream('phu-an', 'water_level') AS river \gset
SELECT highwater.register_datastream('phu-an', 'water_depth') AS street \gset
SELECT highwater.register_datastream('phu-an', 'rainfall_intensity') AS rain \gset
SELECT highwater.register_datastream('tan-chau', 'water_level', 'cm') AS centimetres \gset

CREATE FUNCTION pg_temp.clear_value(stream integer, set_value double precision,
	direction text DEFAULT 'rising')
	RETURNS double precision LANGUAGE sql AS $$
	INSERT INTO highwater.threshold (datastream_id, level, name, set_value, direction)
		VALUES (stream, 1 + (SELECT count(*) FROM highwater.threshold), 'test', set_value, direction)
		RETURNING clear_value
$$;
SELECT is(pg_temp.clear_value(:river, 1.4), 1.35::double precision,
	'a rising level clears 0.05 m lower, without a rounding tail');
SELECT is(pg_temp.clear_value(:river, 0.2, 'falling'), 0.25::double precision,
	'a falling level clears 0.05 m higher');
SELECT is(pg_temp.clear_value(:street, 0.1), 0.08::double precision, 'a street''s deadband is 0.02 m');
SELECT is(pg_temp.clear_value(:rain, 50), 50::double precision, 'rain has no deadband of its own');
SELECT is(pg_temp.clear_value(:centimetres, 140), 140::double precision,
	'centimetres have no deadband of their own');
SELECT is(pg_temp.clear_value(:rain, 0.30000000000000004::double precision, 'falling'),
	0.30000000000000004::double precision, 'without deadband the clear value is exactly the set value');
DELETE FROM highwater.threshold;

CREATE FUNCTION pg_temp.threshold(columns text, "values" text) RETURNS text LANGUAGE sql AS $$
	SELECT format('INSERT INTO highwater.threshold (datastream_id, level, name, set_value, clear_value%s)
		SELECT datastream_id, %s FROM highwater.datastream WHERE property = ''rainfall_intensity''',
			columns, "values")
$$;
SELECT lives_ok(pg_temp.threshold('', $$-4, 'siaga 4', 1.4, 1.4$$),
	'a level may be negative and have no deadband');
SELECT throws_like(pg_temp.threshold('', $$0, 'normal', 1.4, 1.3$$), '%level_0_means_normal%',
	'refuses level 0');
SELECT throws_like(pg_temp.threshold('', $$1, '', 1.4, 1.3$$), '%name_has_1_to_48_bytes%',
	'refuses an empty name');
SELECT throws_like(pg_temp.threshold('', $$1, repeat('x', 49), 1.4, 1.3$$), '%name_has_1_to_48_bytes%',
	'refuses a name of 49 bytes');
SELECT throws_like(pg_temp.threshold('', $$1, 'I', 1.4, 1.5$$), '%rising_level_clears_at_or_below_set_value%',
	'refuses a rising level that clears above its set value');
SELECT throws_like(pg_temp.threshold(', direction', $$1, 'I', 1.4, 1.3, 'falling'$$),
	'%falling_level_clears_at_or_above_set_value%',
	'refuses a falling level that clears below its set value');
SELECT throws_like(pg_temp.threshold(', direction', $$1, 'I', 1.4, 1.4, 'sideways'$$),
	'%direction_is_rising_or_falling%', 'refuses another direction');
SELECT throws_like(pg_temp.threshold('', $$1, 'I', 'Infinity', 1.4$$), '%set_value_is_finite%',
	'refuses an infinite set value');
SELECT throws_like(pg_temp.threshold('', $$1, 'I', 'NaN', 'NaN'$$), '%value_is_finite%', 'refuses NaN');
SELECT throws_like(pg_temp.threshold(', on_delay', $$1, 'I', 1.4, 1.4, '-2 min'$$),
	'%on_delay_is_7_days_at_most%', 'refuses a negative on-delay');
SELECT throws_like(pg_temp.threshold(', off_delay', $$1, 'I', 1.4, 1.4, '8 days'$$),
	'%off_delay_is_7_days_at_most%', 'refuses an off-delay of more than a week');
SELECT throws_like(pg_temp.threshold(', severity', $$1, 'I', 1.4, 1.4, 'Bad'$$), '%severity_is_one_of_cap%',
	'refuses a severity that CAP does not know');

-- In force is the latest row whose time has come.
INSERT INTO highwater.threshold (datastream_id, level, name, set_value, valid_from) VALUES
	(:river, 1, 'old', 1.3, DEFAULT),
	(:river, 1, 'now', 1.4, now()),
	(:river, 1, 'tomorrow', 1.5, now() + interval '1 day'),
	(:river, 2, 'later', 1.6, now() + interval '1 day');
SELECT results_eq(
	format('SELECT station, property, level, name, set_value, clear_value
	        FROM highwater.threshold_in_force WHERE datastream_id = %s', :river),
	$$VALUES ('phu-an', 'water_level', 1, 'now', 1.4::double precision, 1.35::double precision)$$,
	'the latest valid_from that has passed is in force, and nothing that is still to come');

-- set_threshold(), for people.
SELECT is(highwater.set_threshold('phu-an', 'water_level', 1, 'I', 1.45), :river,
	'set_threshold finds the datastream');
SELECT results_eq(
	format('SELECT name, set_value, clear_value FROM highwater.threshold
	        WHERE datastream_id = %s AND level = 1 ORDER BY valid_from', :river),
	$$VALUES ('old', 1.3::double precision, 1.25::double precision), ('I', 1.45, 1.4),
	         ('tomorrow', 1.5, 1.45)$$,
	'set_threshold changes the row in force and leaves the history');
SELECT highwater.set_threshold('phu-an', 'water_level', 1, 'I', 1.7,
	valid_from => now() + interval '2 days') \g /dev/null
SELECT is((SELECT count(*) FROM highwater.threshold WHERE datastream_id = :river AND level = 1), 4::bigint,
	'set_threshold with a valid_from begins a new row');

SELECT isnt(highwater.set_threshold('nha-be', 'water_level', 3, 'III', 1.6, 1.5, 'rising', 'Severe',
	'05/2020/QĐ-TTg'),
	NULL, 'set_threshold registers station and datastream');
SELECT row_eq($$SELECT name, set_value, clear_value, direction, severity, source, valid_from
	FROM highwater.threshold_in_force WHERE station = 'nha-be'$$,
	ROW('III'::text, 1.6::double precision, 1.5::double precision, 'rising'::text, 'Severe'::text,
	    '05/2020/QĐ-TTg'::text, '-infinity'::timestamptz),
	'set_threshold writes what it is given, valid since ever');
SELECT highwater.set_threshold('nha-be', 'water_level', 3, 'III', 1.65) \g /dev/null
SELECT row_eq($$SELECT set_value, clear_value, severity, source FROM highwater.threshold_in_force
	WHERE station = 'nha-be'$$,
	ROW(1.65::double precision, 1.6::double precision, 'Moderate'::text, '05/2020/QĐ-TTg'::text),
	'setting again replaces the values by their defaults and keeps the source');
SELECT throws_ok($$SELECT highwater.set_threshold('phu-an', 'mood', 1, 'I', 1)$$, '23503', NULL,
	'set_threshold refuses an unknown property');

UPDATE highwater.threshold SET clear_value = NULL, set_value = 2 WHERE name = 'III';
SELECT is((SELECT clear_value FROM highwater.threshold WHERE name = 'III'), 1.95::double precision,
	'writing NULL over a clear value brings the deadband back');
SELECT throws_like($$UPDATE highwater.threshold SET set_value = 1.5 WHERE name = 'III'$$,
	'%rising_level_clears_at_or_below_set_value%', 'refuses to lower a set value below its clear value');
SELECT throws_ok($$INSERT INTO highwater.threshold (datastream_id, level, name, set_value)
	VALUES (-1, 1, 'I', 1)$$,
	'23503', NULL, 'refuses a threshold of no datastream');

SELECT * FROM finish();
ROLLBACK;
