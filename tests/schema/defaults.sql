-- What a new schema begins with fails no water; registration by hand; verdicts in words.
BEGIN;
SELECT plan(24);
SET LOCAL timezone = 'UTC';

SELECT is_empty($$SELECT property, test FROM highwater.quality_rule
	WHERE test IN ('rate_of_change', 'climatology') AND fail_threshold IS NOT NULL$$,
	'a rate fails nothing: a flood is fast');
SELECT is_empty($$SELECT p.code, t.test FROM highwater.observed_property p, unnest(ARRAY['gap', 'time']) AS t(test)
	WHERE p.code <> 'group'
	  AND NOT EXISTS (SELECT FROM highwater.quality_rule r WHERE r.property = p.code AND r.test = t.test)$$,
	'gaps and times are watched for every property');
SELECT is_empty($$SELECT r.property FROM highwater.quality_rule r
	JOIN highwater.quality_rule m ON m.property = r.property AND m.test = 'missing', unnest(m.codes) AS code
	WHERE r.test = 'gross_range' AND code BETWEEN r.fail_min AND r.fail_max$$,
	'no error code is a value that the property may have');

-- Floods and nonsense, by the defaults.
CREATE FUNCTION pg_temp.flags(property text, unit text, step interval, readings double precision[]) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	stream integer := highwater.register_datastream('defaults', property, unit);
BEGIN
	DELETE FROM highwater.observation WHERE datastream_id = stream;
	INSERT INTO highwater.observation (datastream_id, phenomenon_time, result)
		SELECT stream, '2026-01-01Z'::timestamptz + place * step, v
		FROM unnest(readings) WITH ORDINALITY AS r(v, place);
	PERFORM highwater.recompute(stream);
	RETURN (SELECT string_agg(quality::text, ' ' ORDER BY phenomenon_time) FROM highwater.observation
	        WHERE datastream_id = stream);
END
$$;
SELECT is(pg_temp.flags(property, unit, step, readings), expected, description) FROM (VALUES
	('water_level', 'm', interval '15 min', '{0.5,0.9,1.6,2.5,3.1,2.9,2.2}'::float8[], '1 1 1 1 1 1 1', 'a fast flood passes'),
	('water_level', 'm', '15 min', '{20.3,20.2,4.183,20.2,20.3}', '1 1 4 3 1', 'a glitch fails'),
	('water_level', 'm', '15 min', '{1,5,9,14,13,12}', '1 3 3 3 1 1', 'a wall of water is suspect, never failed'),
	('water_level', 'mm', '15 min', '{500,900,1600,2500,3100}', '1 1 1 1 1', 'a fast flood in mm passes'),
	('water_level', 'm', '15 min', '{1,-9999,1.1,-999999}', '1 9 1 9', 'error codes are missing'),
	('water_depth', 'm', '1 min', '{0,0.02,0.06,0.1,0.13,0.12}', '1 1 1 1 1 1', 'a street flood passes'),
	('water_depth', 'm', '1 min', '{0,1.18,1.18,1.18,0}', '1 3 1 1 3', 'a car comes and goes'),
	('water_depth', 'm', '1 min', '{0,-0.6}', '1 4', 'no water stands below the street'),
	('distance', 'm', '1 min', '{1.5,9999,5000,1.5}', '1 9 9 1', 'no echo is no distance'),
	('humidity', '%', '1 min', '{55,101,140}', '1 3 4', 'humidity'),
	('rainfall', 'mm', '1 min', '{0,38,-1}', '1 1 4', 'the record of a minute is rain')
	) AS given(property, unit, step, readings, expected, description);

-- By hand.
SELECT highwater.set_conversion('defaults', 'water_level', 'distance', input => 'distance', input_unit => 'mm',
	mount_height => 5000) AS stream \gset
SELECT is((SELECT codes FROM highwater.quality_rule_in_force
           WHERE datastream_id = :stream AND test = 'missing'),
	'{-999999,-99999,-9999,5000,9999}'::float8[], 'a level made of distances knows their error codes');
SELECT results_eq(format('SELECT codes FROM highwater.quality_rule_for_plugin
		WHERE datastream_id = %s AND test = ''missing''', :stream),
	$$VALUES ('{-999999,-99999,-9999,5000,9999}'::float8[])$$, 'and so does the plugin');
SELECT highwater.set_conversion('defaults', 'water_level', 'distance', input => 'distance', input_unit => 'mm',
	mount_height => 4900, valid_from => '2026-03-01Z') \g /dev/null
SELECT highwater.set_conversion('defaults', 'water_level', 'distance', input => 'distance', input_unit => 'mm',
	mount_height => 4950) \g /dev/null
SELECT results_eq(format('SELECT mount_height FROM highwater.conversion WHERE datastream_id = %s
		ORDER BY valid_from', :stream), 'VALUES (5000::float8), (4950)',
	'without valid_from the conversion in force is changed');
SELECT highwater.set_quality('defaults', 'flow', 'gross_range', suspect_max => 5, fail_max => 6) AS rule \gset
SELECT is(highwater.set_quality('defaults', 'flow', 'gross_range', fail_max => 7), :rule, 'a rule is changed');
SELECT is((SELECT suspect_max FROM highwater.quality_rule WHERE quality_rule_id = :rule), NULL,
	'a rule is given as a whole');
SELECT highwater.set_quality(NULL, 'flow', 'gross_range', fail_max => 9) \g /dev/null
SELECT results_eq($$SELECT own, fail_max FROM highwater.quality_rule_in_force
		WHERE property = 'flow' AND test = 'gross_range'$$, 'VALUES (true, 7::float8)',
	'a datastream''s own rule goes before its property''s');
SELECT highwater.register_datastream('defaults', 'air_pressure', 'furlong') \g /dev/null
SELECT results_eq($$SELECT test FROM highwater.quality_rule_in_force
		WHERE property = 'air_pressure' AND enabled ORDER BY test$$, $$VALUES ('gap'), ('missing'), ('time')$$,
	'limits that cannot be converted judge nothing');

-- In words.
SELECT is(highwater.quality_text((1 << 9) + (3 << 15) + (5 << 3)), 'missing missing, gross_range pass, spike suspect',
	'verdicts in words');
SELECT is(highwater.quality_text(0), NULL, 'no test, no words');
SELECT results_eq('SELECT * FROM highwater.quality_verdicts(5 << 27)',
	$$VALUES ('neighbour', 9::smallint, 'missing')$$, 'the last test has its place');

SELECT * FROM finish();
ROLLBACK;
