-- store_transition(): the same rows whatever the order and however often.
BEGIN;
SELECT plan(27);

SELECT highwater.register_station('phu-an', 'Phú An') \g /dev/null
SELECT highwater.register_datastream('phu-an', 'water_level', datum => 'Hon Dau 1972') AS stream \gset

-- One flood at one station: I, then III at once, back to II, over. Levels I 1.40, II 1.50, III 1.60 m.
CREATE TEMPORARY TABLE tide (
	sequence integer, msg_type text, level integer, level_name text, previous_level integer,
	value double precision, threshold double precision, minute integer,
	peak double precision, peak_minute integer);
INSERT INTO tide VALUES
	(1, 'Alert',  1, 'I',      0, 1.42, 1.40,   0, 1.42,  0),
	(2, 'Update', 3, 'III',    1, 1.63, 1.60,  30, 1.63, 30),
	(3, 'Update', 2, 'II',     3, 1.54, 1.55,  90, 1.66, 60),
	(4, 'Cancel', 0, 'normal', 2, 1.30, 1.35, 150, 1.66, 60);

CREATE FUNCTION pg_temp.store(tide, stream integer, incident text, direction text DEFAULT 'rising')
	RETURNS boolean LANGUAGE sql AS $$
	SELECT highwater.store_transition(
		stream, incident, incident || '/' || $1.sequence, $1.sequence, $1.msg_type, 'threshold', direction,
		$1.level, $1.level_name, $1.previous_level, $1.value, $1.threshold, 'Moderate', 2::smallint,
		at.zero + $1.minute * interval '1 min', at.zero + $1.minute * interval '1 min 1 s', at.zero,
		$1.peak, at.zero + $1.peak_minute * interval '1 min')
	FROM (SELECT timestamptz '2026-11-22 10:00Z' AS zero) AS at
$$;
CREATE FUNCTION pg_temp.incident(incident text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s..%s level %s %s peak level %s %s at %s, %s transitions',
		to_char(started AT TIME ZONE 'UTC', 'HH24:MI'), to_char(ended AT TIME ZONE 'UTC', 'HH24:MI'),
		level, level_name, peak_level, peak, to_char(peak_time AT TIME ZONE 'UTC', 'HH24:MI'), transitions)
	FROM highwater.alert a WHERE a.incident = incident.incident
$$;

-- In order.
SELECT ok(pg_temp.store(tide, :stream, 'a'), 'the raise is stored') FROM tide WHERE sequence = 1;
SELECT is(pg_temp.incident('a'), '10:00.. level 1 I peak level 1 1.42 at 10:00, 1 transitions',
	'the raise opens the incident');
SELECT ok(NOT pg_temp.store(tide, :stream, 'a'), 'the raise again is not stored again') FROM tide
	WHERE sequence = 1;
SELECT ok(pg_temp.store(tide, :stream, 'a'), 'the jump is stored') FROM tide WHERE sequence = 2;
SELECT is(pg_temp.incident('a'), '10:00.. level 3 III peak level 3 1.63 at 10:30, 2 transitions',
	'the jump raises the level');
SELECT ok(pg_temp.store(tide, :stream, 'a'), 'the lowering is stored') FROM tide WHERE sequence = 3;
SELECT is(pg_temp.incident('a'), '10:00.. level 2 II peak level 3 1.66 at 11:00, 3 transitions',
	'the lowering keeps the peak level and brings the peak that came between');
SELECT ok(pg_temp.store(tide, :stream, 'a'), 'the end is stored') FROM tide WHERE sequence = 4;
SELECT is(pg_temp.incident('a'), '10:00..12:30 level 0 normal peak level 3 1.66 at 11:00, 4 transitions',
	'the end closes the incident');
SELECT is((SELECT count(*) FROM tide WHERE pg_temp.store(tide, :stream, 'a')), 0::bigint,
	'all of it again stores nothing');
SELECT is(pg_temp.incident('a'), '10:00..12:30 level 0 normal peak level 3 1.66 at 11:00, 4 transitions',
	'and changes nothing');
SELECT is((SELECT count(*) FROM highwater.alert_event WHERE incident = 'a'), 4::bigint,
	'one row a transition');
SELECT row_eq($$
	SELECT identifier, incident, sequence, msg_type, sent, phenomenon_time, level, level_name, previous_level,
	       cause, value, threshold, severity, quality
	FROM highwater.alert_event WHERE identifier = 'a/2'$$,
	ROW('a/2'::text, 'a'::text, 2, 'Update'::text, '2026-11-22 10:30:30Z'::timestamptz,
	    '2026-11-22 10:30Z'::timestamptz, 3, 'III'::text, 1, 'threshold'::text, 1.63::double precision,
	    1.6::double precision, 'Moderate'::text, 2::smallint),
	'each argument stands in its column');

-- In all the other orders.
CREATE FUNCTION pg_temp.store_in_order(sequences integer[], stream integer) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	incident text := array_to_string(sequences, '');
	next     integer;
BEGIN
	FOREACH next IN ARRAY sequences LOOP
		PERFORM pg_temp.store(tide, stream, incident) FROM tide WHERE sequence = next;
	END LOOP;
	RETURN pg_temp.incident(incident);
END
$$;
SELECT results_eq(format($$
	SELECT DISTINCT pg_temp.store_in_order(ARRAY[a, b, c, d], %s)
	FROM generate_series(1, 4) AS a, generate_series(1, 4) AS b,
	     generate_series(1, 4) AS c, generate_series(1, 4) AS d
	WHERE ARRAY[a, b, c, d] @> ARRAY[1, 2, 3, 4]$$, :stream),
	$$VALUES ('10:00..12:30 level 0 normal peak level 3 1.66 at 11:00, 4 transitions')$$,
	'any of the 24 orders gives the same incident');
SELECT is((SELECT count(*) FROM highwater.alert), 25::bigint, 'all 24 orders were tried');

-- Late transitions, one at a time.
SELECT pg_temp.store(tide, :stream, 'late') FROM tide WHERE sequence = 4 \g /dev/null
SELECT is(pg_temp.incident('late'), '10:00..12:30 level 0 normal peak level 2 1.66 at 11:00, 4 transitions',
	'an end that comes first closes the incident, as far as it knows');
SELECT pg_temp.store(tide, :stream, 'late') FROM tide WHERE sequence = 1 \g /dev/null
SELECT is(pg_temp.incident('late'), '10:00..12:30 level 0 normal peak level 1 1.66 at 11:00, 4 transitions',
	'a raise that comes late does not open it again');

-- Levels that count down, siaga 4 at 1.0 and siaga 1 at 4.0; falling ones, low at 0.5, very low at 0.3.
CREATE FUNCTION pg_temp.peak_level_of(incident text) RETURNS integer LANGUAGE sql AS $$
	SELECT peak_level FROM highwater.alert a WHERE a.incident = peak_level_of.incident
$$;
SELECT pg_temp.store(ROW(1, 'Alert', 4, 'siaga 4', 0, 1.1, 1.0, 0, 1.1, 0)::tide, :stream,
	'jakarta') \g /dev/null
SELECT pg_temp.store(ROW(2, 'Update', 1, 'siaga 1', 4, 4.2, 4.0, 9, 4.2, 9)::tide, :stream,
	'jakarta') \g /dev/null
SELECT pg_temp.store(ROW(3, 'Update', 4, 'siaga 4', 1, 3.0, 3.95, 19, 4.2, 9)::tide, :stream,
	'jakarta') \g /dev/null
SELECT is(pg_temp.peak_level_of('jakarta'), 1, 'levels that count down have the furthest as their peak');
SELECT pg_temp.store(ROW(1, 'Alert', 1, 'low', 0, 0.4, 0.5, 0, 0.4, 0)::tide, :stream, 'drought',
	'falling') \g /dev/null
SELECT pg_temp.store(ROW(2, 'Update', 2, 'very low', 1, 0.2, 0.3, 9, 0.2, 9)::tide, :stream, 'drought',
	'falling') \g /dev/null
SELECT pg_temp.store(ROW(3, 'Update', 1, 'low', 2, 0.4, 0.35, 19, 0.2, 9)::tide, :stream, 'drought',
	'falling') \g /dev/null
SELECT is(pg_temp.incident('drought'), '10:00.. level 1 low peak level 2 0.2 at 10:09, 3 transitions',
	'a falling incident has the lowest as its peak');

-- What cannot be a transition.
CREATE FUNCTION pg_temp.storing(transition tide) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT pg_temp.store(%L::tide, datastream_id, ''x'') FROM highwater.datastream', transition)
$$;
SELECT throws_ok('SELECT pg_temp.store(tide, -1, ''x'') FROM tide WHERE sequence = 1', '23503', NULL,
	'refuses a datastream that is not registered');
SELECT is_empty($$SELECT FROM highwater.alert WHERE incident = 'x'$$,
	'nothing of a refused transition is left');
SELECT throws_like(
	format('SELECT pg_temp.store(tide, %s, ''x'', ''sideways'') FROM tide WHERE sequence = 1', :stream),
	'%direction_is_rising_or_falling%', 'refuses another direction');
SELECT throws_like(pg_temp.storing(ROW(0, 'Alert', 1, 'I', 0, 1, 1, 0, 1, 0)),
	'%transitions_count_from_1%', 'refuses sequence 0');
SELECT throws_like(pg_temp.storing(ROW(1, 'Ack', 1, 'I', 0, 1, 1, 0, 1, 0)),
	'%msg_type_is_one_of_cap%', 'refuses another message type');
SELECT throws_like(pg_temp.storing(ROW(1, 'Alert', 1, 'I', 0, 1, 1, 0, 'NaN', 0)),
	'%peak_is_finite%', 'refuses a peak that is no number');

-- As people see it.
SELECT row_eq($$
	SELECT station, station_name, property, unit, datum, started, ended, duration,
	       peak, peak_time, peak_level, peak_level_name, level_name
	FROM highwater.flood_event WHERE incident = 'a'$$,
	ROW('phu-an'::text, 'Phú An'::text, 'water_level'::text, 'm'::text, 'Hon Dau 1972'::text,
	    '2026-11-22 10:00Z'::timestamptz, '2026-11-22 12:30Z'::timestamptz, '2:30'::interval,
	    1.66::double precision, '2026-11-22 11:00Z'::timestamptz, 3, 'III'::text, 'normal'::text),
	'flood_event names station, levels and peak of an incident');
SELECT row_eq($$SELECT ended, duration = now() - started, peak_level_name FROM highwater.flood_event
	WHERE incident = 'drought'$$,
	ROW(NULL::timestamptz, true, 'very low'::text), 'the duration of an open incident runs on');

SELECT * FROM finish();
ROLLBACK;
