-- Views for people give the right numbers.
BEGIN;
SELECT plan(14);
SET LOCAL timezone = 'UTC';

SELECT highwater.register_station('phu-an', 'Phú An') \g /dev/null
SELECT highwater.register_datastream('phu-an', 'water_level', datum => 'Hon Dau 1972') AS level \gset
SELECT highwater.register_datastream('phu-an', 'rainfall') AS rain \gset
SELECT highwater.register_datastream('silent', 'water_level') \g /dev/null

INSERT INTO highwater.observation (datastream_id, phenomenon_time, result, quality) VALUES
	(:level, '2026-11-22 10:00Z', 1.0, 2),
	(:level, '2026-11-22 10:20Z', 1.5, 3),
	(:level, '2026-11-22 10:59:59.999999Z', 2.0, 1),
	(:level, '2026-11-22 10:30Z', 99.0, 4),
	(:level, '2026-11-22 10:40Z', -99.0, 9),
	(:level, '2026-11-22 11:00Z', 3.0, 2),
	(:level, '2026-11-22 17:30Z', 0.5, 2),
	(:level, '2026-11-22 12:00Z', 7.0, 4),
	(:level, '2026-01-01 00:00Z', 0.25, 2),
	(:rain, '2026-11-22 10:00Z', 12.0, 2);

SELECT results_eq('SELECT station, property, phenomenon_time, result, unit, quality FROM highwater.reading
		WHERE property = ''rainfall''',
	$$VALUES ('phu-an', 'rainfall', '2026-11-22 10:00Z'::timestamptz, 12::double precision,
	          'mm', 2::smallint)$$,
	'reading gives names and unit');
SELECT is((SELECT count(*) FROM highwater.reading), 10::bigint, 'reading leaves no quality out');

SELECT results_eq($$SELECT hour, min, avg, max, count FROM highwater.observation_hourly
		WHERE station = 'phu-an' AND property = 'water_level' ORDER BY hour$$,
	$$VALUES ('2026-01-01 00:00Z'::timestamptz, 0.25::double precision, 0.25::double precision,
	          0.25::double precision, 1::bigint),
	         ('2026-11-22 10:00Z', 1.0, 1.5, 2.0, 3),
	         ('2026-11-22 11:00Z', 3.0, 3.0, 3.0, 1),
	         ('2026-11-22 17:00Z', 0.5, 0.5, 0.5, 1)$$,
	'an hour has its bounds, suspect values, and neither failed nor missing ones');
SELECT results_eq($$SELECT station, property, unit, sum(count)::bigint
	FROM highwater.observation_hourly GROUP BY 1, 2, 3 ORDER BY 2$$,
	$$VALUES ('phu-an', 'rainfall', 'mm', 1::bigint), ('phu-an', 'water_level', 'm', 6)$$,
	'hours are kept apart by datastream');

SELECT results_eq($$SELECT day, min, avg, max, count FROM highwater.observation_daily
		WHERE property = 'water_level' ORDER BY day$$,
	$$VALUES ('2026-01-01'::date, 0.25::double precision, 0.25::double precision, 0.25::double precision,
	          1::bigint),
	         ('2026-11-22', 0.5, 1.6, 3.0, 5)$$,
	'a day has its extremes, mean and count');
SET LOCAL timezone = 'Asia/Ho_Chi_Minh';
SELECT results_eq($$SELECT day, max, count FROM highwater.observation_daily
		WHERE property = 'water_level' AND day > '2026-11-01' ORDER BY day$$,
	$$VALUES ('2026-11-22'::date, 3::double precision, 4::bigint), ('2026-11-23', 0.5, 1)$$,
	'days are those of the session''s time zone');
SET LOCAL timezone = 'Asia/Kolkata';
SELECT is((SELECT min(hour) FROM highwater.observation_hourly WHERE max = 3.0),
	'2026-11-22 10:30Z'::timestamptz,
	'hours are those of the session''s time zone');
SET LOCAL timezone = 'UTC';

SELECT results_eq('SELECT station, station_name, property, phenomenon_time, result, unit, datum, quality
		FROM highwater.latest ORDER BY property',
	$$VALUES ('phu-an', 'Phú An', 'rainfall', '2026-11-22 10:00Z'::timestamptz, 12::double precision,
	          'mm', NULL, 2::smallint),
	         ('phu-an', 'Phú An', 'water_level', '2026-11-22 17:30Z', 0.5, 'm', 'Hon Dau 1972',
	          2::smallint)$$,
	'latest gives the newest of each datastream, and none of a silent one');
SELECT is((SELECT age FROM highwater.latest WHERE property = 'rainfall'),
	now() - '2026-11-22 10:00Z'::timestamptz,
	'latest tells the age');
INSERT INTO highwater.observation (datastream_id, phenomenon_time, result, quality)
	VALUES (:level, '2999-12-31Z', 5, 4);
SELECT is((SELECT result FROM highwater.latest WHERE property = 'water_level'), 5::double precision,
	'latest looks into the default partition too, whatever the quality');

-- With many rows: both must go by the key, at the cost of some index pages a datastream and month.
INSERT INTO highwater.observation (datastream_id, phenomenon_time, result)
	SELECT stream, now() - make_interval(secs => n), n FROM unnest(ARRAY[:level, :rain]) AS stream,
		generate_series(1, 20000) AS n;
ANALYZE highwater.observation;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END
$$;
SELECT matches(pg_temp.plan_of('SELECT * FROM highwater.latest'), 'Index Scan Backward using observation_',
	'latest walks back the key');
SELECT doesnt_match(pg_temp.plan_of('SELECT * FROM highwater.latest'), 'Seq Scan on observation_y',
	'latest never walks through a month');
SELECT matches(pg_temp.plan_of($$SELECT * FROM highwater.reading
		WHERE station = 'phu-an' AND property = 'rainfall'
		  AND phenomenon_time BETWEEN now() - interval '1 min' AND now()$$),
	'Index Scan using observation_y',
	'reading finds a span by the key');
SELECT is((SELECT count(*) FROM highwater.reading WHERE property = 'rainfall'
	AND phenomenon_time >= now() - interval '1 min'),
	60::bigint, 'reading gives the span');

SELECT * FROM finish();
ROLLBACK;
