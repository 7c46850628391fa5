-- recompute() gives results and flags as the stream would, says what changed, and changes nothing twice.
BEGIN;
SELECT plan(27);
SET LOCAL timezone = 'UTC';
DELETE FROM highwater.quality_rule;

-- Series of values a step apart; NULL is missing.
CREATE FUNCTION pg_temp.stream(name text, step interval, readings double precision[]) RETURNS integer
	LANGUAGE plpgsql AS $$
DECLARE
	stream integer := highwater.register_datastream(name, 'water_level');
BEGIN
	DELETE FROM highwater.observation WHERE datastream_id = stream;
	INSERT INTO highwater.observation (datastream_id, phenomenon_time, result, quality)
		SELECT stream, '2026-01-01Z'::timestamptz + (place - 1) * step, v,
		       CASE WHEN v IS NULL THEN 9 ELSE 2 END
		FROM unnest(readings) WITH ORDINALITY AS r(v, place);
	RETURN stream;
END
$$;
CREATE FUNCTION pg_temp.flags(stream integer, test text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(coalesce(v.flag, 0)::text, ' ' ORDER BY o.phenomenon_time)
	FROM highwater.observation o
	LEFT JOIN LATERAL (SELECT * FROM highwater.quality_verdicts(o.quality_tests)) AS v ON v.test = $2
	WHERE o.datastream_id = stream
$$;
CREATE FUNCTION pg_temp.values(stream integer) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(coalesce(round(result::numeric, 4)::text, '-'), ' ' ORDER BY phenomenon_time)
	FROM highwater.observation
	WHERE datastream_id = stream
$$;

-- Flags.
SELECT pg_temp.stream('plain', '15 min', '{0,0,1,0,0,0,0,NULL,5,5}') AS plain \gset
SELECT highwater.set_quality('plain', 'water_level', 'spike', suspect_threshold => 0.4, fail_threshold => 0.9,
	method => 'differential') \g /dev/null
SELECT highwater.set_quality('plain', 'water_level', 'rate_of_change', suspect_threshold => 0.001) \g /dev/null
SELECT highwater.set_quality('plain', 'water_level', 'flat_line', suspect_after => '45 min', tolerance => 0.1)
	\g /dev/null
SELECT highwater.set_quality('plain', 'water_level', 'gap') \g /dev/null
SELECT is((SELECT count(*) FROM highwater.recompute(:plain)), 10::bigint, 'every reading gets flags');
SELECT is(pg_temp.flags(:plain, 'spike'), '2 1 4 1 1 1 2 9 2 2', 'spike: ends and beside a missing one 2');
SELECT is(pg_temp.flags(:plain, 'rate_of_change'), '1 1 3 3 1 1 1 9 1 1', 'rate: 1 after a missing one');
SELECT is(pg_temp.flags(:plain, 'flat_line'), '1 1 1 1 1 1 3 9 1 1', 'flat line by time without an interval');
SELECT is(pg_temp.flags(:plain, 'gap'), '2 2 2 2 2 2 2 9 2 2', 'gap: 2 where no interval is known');
SELECT is((SELECT string_agg(quality::text, ' ' ORDER BY phenomenon_time) FROM highwater.observation
           WHERE datastream_id = :plain), '1 1 4 3 1 1 3 9 1 1', 'the worst verdict stands');
SELECT is_empty(format('SELECT * FROM highwater.recompute(%s)', :plain), 'a second time nothing changes');
UPDATE highwater.datastream SET expected_interval = '5 min' WHERE datastream_id = :plain;
SELECT results_eq(format('SELECT DISTINCT highwater.quality_text(old_tests), highwater.quality_text(new_tests)
		FROM highwater.recompute(%s, ''2026-01-01 01:29Z'', ''2026-01-01 01:31Z'')', :plain),
	$$VALUES ('gap not evaluated, spike not evaluated, rate_of_change pass, flat_line suspect',
	          'gap pass, spike not evaluated, rate_of_change pass, flat_line pass')$$,
	'a span of one reading changes that one, and says how');
SELECT is(highwater.recompute_summary(:plain), '8 readings changed: 0 results (by 0 to 0), 0 flags; '
	'now 6 pass, 0 not evaluated, 1 suspect, 1 fail, 0 missing', 'the summary counts');

-- A piece of a series gets the flags that it has in the whole.
SELECT pg_temp.stream('pieces', '10 min', array_agg(CASE WHEN n % 17 = 0 THEN NULL
		ELSE round((sin(n / 9.0) * (n % 40))::numeric, 1) END)) AS pieces
	FROM generate_series(1, 200) AS n \gset
SELECT highwater.set_quality('pieces', 'water_level', 'spike', suspect_threshold => 0.5) \g /dev/null
SELECT highwater.set_quality('pieces', 'water_level', 'attenuated_signal', suspect_threshold => 4,
	fail_threshold => 1, period => '2 hours', min_count => 5) \g /dev/null
SELECT highwater.set_quality('pieces', 'water_level', 'flat_line', suspect_after => '50 min',
	fail_after => '1 hour', tolerance => 5) \g /dev/null
SELECT highwater.set_quality('pieces', 'water_level', 'rate_of_change', suspect_threshold => 0.005) \g /dev/null
SELECT count(*) FROM highwater.recompute(:pieces) \g /dev/null
SELECT cmp_ok((SELECT count(DISTINCT quality) FROM highwater.observation WHERE datastream_id = :pieces),
	'>=', 4::bigint, 'the series has all kinds of flags');
SELECT is_empty(format('SELECT piece.* FROM generate_series(0, 30) AS n,
		highwater.recompute(%s, ''2026-01-01Z''::timestamptz + n * interval ''65 min'',
		                    ''2026-01-01Z''::timestamptz + (n + 1) * interval ''65 min'') AS piece', :pieces),
	'recomputed piece by piece nothing changes');
UPDATE highwater.datastream SET expected_interval = '10 min' WHERE datastream_id = :pieces;
SELECT count(*) FROM highwater.recompute(:pieces) \g /dev/null
SELECT is_empty(format('SELECT piece.* FROM generate_series(0, 30) AS n,
		highwater.recompute(%s, ''2026-01-01Z''::timestamptz + n * interval ''65 min'',
		                    ''2026-01-01Z''::timestamptz + (n + 1) * interval ''65 min'') AS piece', :pieces),
	'nor with the interval known');

-- A new survey.
SELECT pg_temp.stream('survey', '1 h', '{1.0,1.1,1.2,9999,1.4}') AS survey \gset
SELECT highwater.set_quality('survey', 'water_level', 'missing', codes => '{9999}') \g /dev/null
SELECT highwater.set_conversion('survey', 'water_level', 'linear', shift => -0.5, valid_from => '2026-01-01 02:00Z')
	\g /dev/null
SELECT count(*) FROM highwater.recompute(:survey) \g /dev/null
SELECT is(pg_temp.values(:survey), '1.0000 1.1000 0.7000 - 0.9000', 'converts from valid_from on; codes are missing');
SELECT is((SELECT string_agg(coalesce(raw::text, '-'), ' ' ORDER BY phenomenon_time) FROM highwater.observation
           WHERE datastream_id = :survey), '- - 1.2 9999 1.4', 'keeps what the sensor said');
SELECT is_empty(format('SELECT * FROM highwater.recompute(%s)', :survey), 'converts nothing twice');
SELECT highwater.set_conversion('survey', 'water_level', 'linear', shift => -0.6) \g /dev/null
SELECT is(highwater.recompute_summary(:survey), '2 readings changed: 2 results (by -0.09999999999999998 to '
	'-0.09999999999999998), 0 flags; now 2 pass, 0 not evaluated, 0 suspect, 0 fail, 0 missing',
	'another survey starts from what the sensor said');
DELETE FROM highwater.conversion WHERE datastream_id = :survey;
SELECT highwater.set_quality('survey', 'water_level', 'missing', enabled => false) \g /dev/null
SELECT count(*) FROM highwater.recompute(:survey) \g /dev/null
SELECT is(pg_temp.values(:survey), '1.0000 1.1000 1.2000 9999.0000 1.4000', 'and all of it can be taken back');

-- Of another property only what has raw.
SELECT pg_temp.stream('radar', '1 h', '{1.0,1.1}') AS radar \gset
INSERT INTO highwater.observation (datastream_id, phenomenon_time, result, raw)
	VALUES (:radar, '2026-01-01 02:00Z', 0, 1500);
SELECT highwater.set_conversion('radar', 'water_level', 'distance', input => 'distance', input_unit => 'mm',
	mount_height => 4) \g /dev/null
SELECT count(*) FROM highwater.recompute(:radar) \g /dev/null
SELECT is(pg_temp.values(:radar), '1.0000 1.1000 2.5000', 'takes no level for a distance');

-- Counters.
SELECT pg_temp.stream('rain', '1 h', '{10,13,13,99,1,50,0,NULL,2}') AS rain \gset
SELECT highwater.set_conversion('rain', 'water_level', 'counter', input_unit => '1', bucket => 0.2, modulus => 100,
	increment_max => 4) \g /dev/null
SELECT count(*) FROM highwater.recompute(:rain) \g /dev/null
SELECT is(pg_temp.values(:rain), '- 0.6000 0.0000 17.2000 0.4000 9.8000 - - 0.4000',
	'a counter gives increments, rolls over, and is reset');
SELECT is_empty(format('SELECT * FROM highwater.recompute(%s, ''2026-01-01 04:00Z'', ''2026-01-01 04:00Z'')', :rain),
	'a piece goes on from the reading before');

-- Air.
SELECT pg_temp.stream('probe', '1 h', '{1100,1110,1120,1130}') AS probe \gset
SELECT highwater.register_datastream('probe', 'air_pressure', 'kPa') AS air \gset
INSERT INTO highwater.observation (datastream_id, phenomenon_time, result, quality) VALUES
	(:air, '2025-12-31 23:30Z', 100, 1), (:air, '2026-01-01 01:00Z', 101, 1), (:air, '2026-01-01 02:00Z', 150, 4);
SELECT highwater.set_conversion('probe', 'water_level', 'pressure', input_unit => 'hPa', air_datastream_id => :air)
	\g /dev/null
SELECT count(*) FROM highwater.recompute(:probe) \g /dev/null
SELECT is(pg_temp.values(:probe), '1.0197 1.0197 1.1217 -', 'the newest usable air counts, as long as it is young');

-- Seasons, neighbours, delivery.
SELECT pg_temp.stream('season', '31 days', '{1,1,3,5}') AS season \gset
SELECT highwater.set_quality('season', 'water_level', 'climatology') \g /dev/null
INSERT INTO highwater.climatology (datastream_id, season, season_from, season_to, suspect_max, fail_max) VALUES
	(:season, 'month', 1, 3, 2, NULL), (:season, 'month', 2, 2, 0.5, 0.9);
SELECT count(*) FROM highwater.recompute(:season) \g /dev/null
SELECT is(pg_temp.flags(:season, 'climatology'), '1 4 3 2', 'the last season that holds the time judges');
SELECT pg_temp.stream('other', '20 min', '{1,1,1,1}') AS other \gset
SELECT pg_temp.stream('beside', '30 min', '{1,2,4,1}') AS beside \gset
SELECT highwater.set_quality('beside', 'water_level', 'neighbour', suspect_threshold => 0.5, fail_threshold => 2,
	period => '15 min', neighbour_id => :other) \g /dev/null
SELECT highwater.set_quality('beside', 'water_level', 'time') \g /dev/null
UPDATE highwater.observation SET quality_tests = 3 << 6
	WHERE datastream_id = :beside AND phenomenon_time = '2026-01-01 00:30Z';
SELECT count(*) FROM highwater.recompute(:beside) \g /dev/null
SELECT is(pg_temp.flags(:beside, 'neighbour'), '1 3 4 2', 'a neighbour that is too old says nothing');
SELECT is(pg_temp.flags(:beside, 'time'), '1 3 1 1', 'a duplicate stays known');

-- Limits of a property hold for a datastream of another unit.
SELECT highwater.set_quality(NULL, 'water_level', 'gross_range', fail_max => 3) \g /dev/null
UPDATE highwater.datastream SET unit = 'cm' WHERE datastream_id = :other;
UPDATE highwater.observation SET result = 299 WHERE datastream_id = :other;
SELECT count(*) FROM highwater.recompute(:other) \g /dev/null
SELECT is(pg_temp.flags(:other, 'gross_range'), '1 1 1 1', 'limits in m are converted for a level in cm');
SELECT throws_ok('SELECT highwater.recompute(-7)', 'P0002', 'recompute: there is no datastream -7',
	'refuses a datastream that is not there');

-- The reference's cases, where the file is at hand.
\set vectors `cat ../shared/data/qartod_vectors.json 2>/dev/null`
CREATE FUNCTION pg_temp.vector_flags(vector jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	test     text := vector ->> 'test';
	params   jsonb := vector -> 'params';
	stream   integer;
	readings double precision[] := (SELECT array_agg(v::double precision ORDER BY place)
	                                FROM jsonb_array_elements_text(vector -> 'inp') WITH ORDINALITY AS i(v, place));
BEGIN
	DELETE FROM highwater.quality_rule;
	stream := pg_temp.stream('vector', '1 s', readings);
	IF vector ? 'tinp_epoch_s' THEN
		DELETE FROM highwater.observation WHERE datastream_id = stream;
		INSERT INTO highwater.observation (datastream_id, phenomenon_time, result, quality)
			SELECT stream, to_timestamp(t::bigint), readings[place],
			       CASE WHEN readings[place] IS NULL THEN 9 ELSE 2 END
			FROM jsonb_array_elements_text(vector -> 'tinp_epoch_s') WITH ORDINALITY AS i(t, place);
	END IF;
	UPDATE highwater.datastream
		SET expected_interval = (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY step) FROM (
			SELECT o.phenomenon_time - lag(o.phenomenon_time) OVER (ORDER BY o.phenomenon_time) AS step
			FROM highwater.observation o WHERE o.datastream_id = stream) AS steps)
		WHERE datastream_id = stream;
	INSERT INTO highwater.quality_rule (datastream_id, test, fail_min, fail_max, suspect_min, suspect_max,
			suspect_threshold, fail_threshold, method, suspect_after, fail_after, tolerance, period, min_count,
			min_period)
		VALUES (stream, test, (params #>> '{fail_span,0}')::float8, (params #>> '{fail_span,1}')::float8,
			(params #>> '{suspect_span,0}')::float8, (params #>> '{suspect_span,1}')::float8,
			coalesce(params ->> 'suspect_threshold', params ->> 'threshold_per_s')::float8,
			coalesce(params ->> 'fail_threshold', params ->> 'fail_threshold_per_s')::float8,
			coalesce(params ->> 'method', params ->> 'check_type'),
			(params ->> 'suspect_threshold_s')::float8 * interval '1 s',
			(params ->> 'fail_threshold_s')::float8 * interval '1 s', (params ->> 'tolerance')::float8,
			(params ->> 'test_period_s')::float8 * interval '1 s', (params ->> 'min_obs')::integer,
			(params ->> 'min_period_s')::float8 * interval '1 s');
	PERFORM highwater.recompute(stream);
	RETURN pg_temp.flags(stream, test);
END
$$;
SELECT :'vectors' <> '' AS at_hand \gset
\if :at_hand
CREATE TEMPORARY TABLE vectors AS SELECT :'vectors'::jsonb AS content;
/*
 * Left out: what a table cannot hold (infinities, the same time twice) or a rule does not say (no period), and
 * fewer than three readings, on which the reference runs no flat line.
 */
CREATE TEMPORARY VIEW chosen AS
	SELECT vector, place
	FROM jsonb_array_elements((SELECT content -> 'cases' FROM vectors)) WITH ORDINALITY AS c(vector, place)
	WHERE vector ->> 'test' IN ('gross_range', 'spike', 'rate_of_change', 'flat_line', 'attenuated_signal')
	  AND vector -> 'expected' <> 'null' AND (vector -> 'inp')::text !~ 'Infinity'
	  AND vector ->> 'name' !~ '^repeated|goes_back|subsecond|short_0|infinity'
	  AND (vector ->> 'test' <> 'attenuated_signal' OR vector #> '{params,test_period_s}' <> 'null');
SELECT is((SELECT string_agg(format('%s %s: %s', vector ->> 'test', vector ->> 'name', flags), E'\n' ORDER BY place)
           FROM chosen, pg_temp.vector_flags(vector) AS flags),
          (SELECT string_agg(format('%s %s: %s', vector ->> 'test', vector ->> 'name',
                                    translate((vector -> 'expected')::text, '[],', '')), E'\n' ORDER BY place)
           FROM chosen),
	(SELECT count(*) FROM chosen) || ' cases of the reference have its flags');
\else
SELECT skip('no qartod_vectors.json beside the project', 1);
\endif

SELECT * FROM finish();
ROLLBACK;
