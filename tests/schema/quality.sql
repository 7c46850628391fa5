-- Quality rules and seasons: what they accept, and that a refusal names row and mistake.
BEGIN;
SELECT plan(56);

SELECT results_eq('SELECT test_id::integer, code FROM highwater.quality_test ORDER BY test_id',
	$$VALUES (0, 'gap'), (1, 'missing'), (2, 'time'), (3, 'gross_range'), (4, 'climatology'), (5, 'spike'),
	         (6, 'rate_of_change'), (7, 'flat_line'), (8, 'attenuated_signal'), (9, 'neighbour')$$,
	'the tests and their numbers are those of the plugin');
SELECT is_empty($$
	SELECT code, parameter FROM highwater.quality_test, unnest(parameters) AS parameter
	WHERE NOT EXISTS (SELECT FROM pg_attribute
	                  WHERE attrelid = 'highwater.quality_rule'::regclass AND attname = parameter)$$,
	'the parameters of the tests are columns of the rules');

SELECT highwater.register_datastream('phu-an', 'water_level') AS level \gset
SELECT highwater.register_datastream('nha-be', 'water_level') AS other \gset
SELECT highwater.register_datastream('nha-be', 'rainfall') AS rain \gset
DELETE FROM highwater.quality_rule;

-- One good rule of every test.
SELECT lives_ok(format('INSERT INTO highwater.quality_rule (datastream_id, test, %s) VALUES (%s, %L, %s)',
		columns, :level, test, given), 'takes a rule of ' || test)
	FROM (VALUES ('gap', 'period', $$'1 hour'$$), ('missing', 'codes', $$'{9999,5000}'$$),
		('time', 'note', 'NULL'), ('gross_range', 'fail_min, suspect_min', '-1, -1'),
		('climatology', 'note', 'NULL'), ('spike', 'suspect_threshold', '0.1'),
		('rate_of_change', 'suspect_threshold, fail_threshold', '0.001, 0.001'),
		('flat_line', 'suspect_after, tolerance', $$'1 hour', 0.001$$),
		('attenuated_signal', 'suspect_threshold, fail_threshold, period, method',
		 $$0.5, 0.1, '12 hours', 'range'$$),
		('neighbour', 'suspect_threshold, period, neighbour_id', format($$0.5, '1 hour', %s$$, :other))
	) AS good(test, columns, given);
SELECT is((SELECT method FROM highwater.quality_rule WHERE test = 'spike'), 'average',
	'a spike is by average where nothing is said');
SELECT results_eq($$SELECT property, datastream_id, test, enabled, suspect_after_us, tolerance
		FROM highwater.quality_rule_for_plugin WHERE test = 'flat_line'$$,
	format($$VALUES (NULL::text, %s, 'flat_line', true, 3600000000, 0.001::double precision)$$, :level),
	'the plugin reads microseconds');
SELECT throws_ok(format($$INSERT INTO highwater.quality_rule (datastream_id, test) VALUES (%s, 'time')$$, :level),
	'23505', NULL, 'refuses a second rule of the same test');
DELETE FROM highwater.quality_rule;
SELECT lives_ok($$INSERT INTO highwater.quality_rule (property, test, enabled) VALUES
		('water_level', 'spike', false), ('water_level', 'gross_range', false)$$,
	'a test that is switched off needs no limits');
DELETE FROM highwater.quality_rule;

-- Refusals. The message begins with the row's name.
CREATE FUNCTION pg_temp.refuses(test text, columns text, given text, mistake text) RETURNS text
	LANGUAGE sql AS $$
	SELECT throws_ok(
		format('INSERT INTO highwater.quality_rule (datastream_id, test, %s)'
		       ' SELECT datastream_id, %L, %s FROM highwater.datastream JOIN highwater.station USING (station_id)'
		       ' WHERE code = ''phu-an''', columns, test, given),
		'23514', format('quality rule %s of station "phu-an", water_level: %s', test, mistake),
		'refuses: ' || mistake)
$$;
SELECT pg_temp.refuses(test, columns, given, mistake) FROM (VALUES
	('gross_range', 'suspect_min, suspect_max, fail_min, fail_max', '0, 7, -1, 6',
	 'the suspect span 0 to 7 reaches outside the fail span -1 to 6'),
	('gross_range', 'suspect_min, fail_min', '-2, -1',
	 'the suspect span -2 to … reaches outside the fail span -1 to …'),
	('gross_range', 'suspect_min, fail_max', '9, 8',
	 'the suspect span 9 to … reaches outside the fail span … to 8'),
	('gross_range', 'suspect_min, suspect_max', '2, 1', 'suspect_min 2 is above suspect_max 1'),
	('gross_range', 'fail_min, fail_max', '2, 1', 'fail_min 2 is above fail_max 1'),
	('gross_range', 'fail_min', $$'NaN'$$, 'fail_min is NaN'),
	('gross_range', 'fail_max', $$'Infinity'$$, 'fail_max is Infinity'),
	('gross_range', 'note', 'NULL', 'no limit is given'),
	('gross_range', 'fail_max, tolerance', '1, 1', 'tolerance is given, which this test does not have'),
	('time', 'period', $$'1 s'$$, 'period is given, which this test does not have'),
	('gap', 'period', $$'0'$$, 'period is 00:00:00'),
	('missing', 'note', 'NULL', 'codes are not given'),
	('missing', 'codes', $$'{}'$$, 'codes {} is not a list of 1 to 8 numbers'),
	('missing', 'codes', $$'{1,2,3,4,5,6,7,8,9}'$$, 'codes {1,2,3,4,5,6,7,8,9} is not a list of 1 to 8 numbers'),
	('missing', 'codes', $$'{1,NULL}'$$, 'codes {1,NULL} is not a list of 1 to 8 numbers'),
	('spike', 'note', 'NULL', 'no threshold is given'),
	('spike', 'suspect_threshold', '-1', 'suspect_threshold is -1'),
	('spike', 'suspect_threshold, fail_threshold', '2, 1', 'fail_threshold 1 is below suspect_threshold 2'),
	('spike', 'suspect_threshold, method', $$1, 'median'$$, 'method "median" is not known'),
	('rate_of_change', 'fail_threshold', '-1', 'fail_threshold is -1'),
	('flat_line', 'suspect_after', $$'1 h'$$, 'tolerance or the time is not given'),
	('flat_line', 'suspect_after, fail_after, tolerance', $$'2 h', '1 h', 0.1$$,
	 'fail_after 01:00:00 is shorter than suspect_after 02:00:00'),
	('attenuated_signal', 'suspect_threshold, fail_threshold, period', $$1, 2, '1 h'$$,
	 'fail_threshold 2 is above suspect_threshold 1'),
	('attenuated_signal', 'suspect_threshold', '1', 'period is not given'),
	('attenuated_signal', 'suspect_threshold, period, min_period', $$1, '1 h', '2 h'$$,
	 'min_period 02:00:00 is longer than period 01:00:00'),
	('attenuated_signal', 'suspect_threshold, period, min_count', $$1, '1 h', -1$$, 'min_count is -1'),
	('attenuated_signal', 'suspect_threshold, period, method', $$1, '1 h', 'average'$$,
	 'method "average" is not known'),
	('neighbour', 'suspect_threshold, period', $$1, '1 h'$$, 'neighbour_id is not given'),
	('neighbour', 'suspect_threshold, period, neighbour_id', $$1, '1 h', datastream_id$$,
	 'neighbour_id is the datastream itself'),
	('neighbour', 'suspect_threshold, period, neighbour_id',
	 format($$1, '1 h', %s$$, :rain), 'neighbour station "nha-be", rainfall has another unit')
	) AS bad(test, columns, given, mistake);
SELECT throws_ok(format($$INSERT INTO highwater.quality_rule (datastream_id, test) VALUES (%s, 'sike')$$, :level),
	'23503', 'quality rule of station "phu-an", water_level: test "sike" is not known',
	'refuses an unknown test and names it');
SELECT throws_ok($$INSERT INTO highwater.quality_rule (test) VALUES ('time')$$,
	'23514', 'quality rule time of nothing: property and datastream_id are both not given',
	'refuses a rule of nothing');
SELECT throws_ok($$INSERT INTO highwater.quality_rule (property, test, suspect_threshold, period)
		VALUES ('water_level', 'neighbour', 1, '1 h')$$,
	'23514', 'quality rule neighbour of water_level of every station: a neighbour belongs to one datastream, '
	'not to a property', 'refuses a neighbour of a property');

-- Seasons.
CREATE FUNCTION pg_temp.season(season text, season_from integer, season_to integer, limits text)
	RETURNS text LANGUAGE sql AS $$
	SELECT format('INSERT INTO highwater.climatology (property, season, season_from, season_to,'
	              ' suspect_min, suspect_max, fail_min, fail_max) VALUES (''water_level'', %L, %s, %s, %s)',
	              season, season_from, season_to, limits)
$$;
SELECT lives_ok(pg_temp.season('hour', 0, 23, '-1, 2, NULL, 3'), 'takes a season');
SELECT lives_ok(pg_temp.season('month', 11, 2, '-1, 2, NULL, NULL'), 'takes a season over the new year');
SELECT throws_ok(pg_temp.season(season, first, last, limits), '23514',
		format('climatology of water_level of every station, %s %s to %s: %s', season, first, last, mistake),
		'refuses: ' || mistake)
	FROM (VALUES
		('hour', 0, 24, '0, 1, NULL, NULL', 'there is no such season'),
		('month', 0, 2, '0, 1, NULL, NULL', 'there is no such season'),
		('month', 1, 2, 'NULL, NULL, NULL, NULL', 'no limit is given'),
		('week', 1, 2, '2, 1, NULL, NULL', 'a minimum is above its maximum'),
		('quarter', 1, 2, '0, 2, -1, 1', 'the suspect span 0 to 2 reaches outside the fail span -1 to 1')
	) AS bad(season, first, last, limits, mistake);

SELECT * FROM finish();
ROLLBACK;
