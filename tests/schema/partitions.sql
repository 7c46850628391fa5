-- Months of observation: made ahead, exact to the UTC month, and without losing a row.
BEGIN;
SELECT plan(22);

SELECT is(highwater.make_partitions(), 0, 'installation has made the months around now');
SELECT is(highwater.make_partitions(0, 0), 0, 'asking for less makes nothing');

CREATE FUNCTION pg_temp.month(offset_months integer) RETURNS timestamptz LANGUAGE sql AS $$
	SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => offset_months))
		AT TIME ZONE 'UTC'
$$;
CREATE FUNCTION pg_temp.partition(offset_months integer) RETURNS text LANGUAGE sql AS $$
	SELECT to_char(pg_temp.month(offset_months) AT TIME ZONE 'UTC', '"highwater.observation_y"YYYY"m"MM')
$$;
CREATE FUNCTION pg_temp.home(at timestamptz) RETURNS text LANGUAGE sql AS $$
	SELECT tableoid::regclass::text FROM highwater.observation WHERE phenomenon_time = at
$$;

SELECT set_eq(
	$$SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'highwater.observation'::regclass$$,
	$$SELECT pg_temp.partition(o) FROM generate_series(-1, 3) AS o
	  UNION SELECT 'highwater.observation_default'$$,
	'last month, this one, three to come, and the default');

-- Rows at both ends of a month, beyond them, and far away; the session's zone must not matter.
SET LOCAL timezone = 'Asia/Ho_Chi_Minh';
SET LOCAL datestyle = 'German';
CREATE TEMPORARY TABLE sent (name text, at timestamptz);
INSERT INTO sent VALUES
	('last moment before', pg_temp.month(4) - interval '1 microsecond'),
	('first moment', pg_temp.month(4)),
	('last moment', pg_temp.month(5) - interval '1 microsecond'),
	('first moment after', pg_temp.month(5)),
	('long ago', pg_temp.month(-3) + interval '1 day'),
	('recording of 2001', '2001-02-03 04:05:06Z');
INSERT INTO highwater.observation (datastream_id, phenomenon_time, result, quality, received_time)
	SELECT 1, at, row_number() OVER (ORDER BY at), 3, '2020-01-01Z' FROM sent;
CREATE TEMPORARY TABLE stored AS SELECT * FROM highwater.observation;

SELECT is((SELECT count(*) FROM highwater.observation_default), 5::bigint,
	'rows without a month go to the default partition');
SELECT is(highwater.make_partitions(4, 1), 1, 'one month more is one partition more');
SELECT is(pg_temp.home(at), pg_temp.partition(3), name || ' is in the month before') FROM sent
	WHERE name = 'last moment before';
SELECT is(pg_temp.home(at), pg_temp.partition(4), name || ' has moved in') FROM sent
	WHERE name IN ('first moment', 'last moment');
SELECT is(pg_temp.home(at), 'highwater.observation_default', name || ' stays') FROM sent
	WHERE name = 'first moment after';
SELECT is(highwater.make_partitions(4, 5), 4, 'months back are made too');
SELECT is(pg_temp.home(at), pg_temp.partition(-3), 'an old row has moved in') FROM sent
	WHERE name = 'long ago';
SELECT results_eq('SELECT * FROM highwater.observation ORDER BY phenomenon_time',
	'SELECT * FROM stored ORDER BY phenomenon_time',
	'no row and no column was lost or changed on the way');
SELECT is(highwater.make_partitions(4, 5), 0, 'nothing is made twice');

SELECT throws_ok($$INSERT INTO highwater.observation (datastream_id, phenomenon_time, result)
	SELECT 1, at, 0 FROM sent WHERE name = 'last moment'$$,
	'23505', NULL, 'the key holds in the new partition');
SELECT throws_like($$INSERT INTO highwater.observation (datastream_id, phenomenon_time, result)
	SELECT 1, at + interval '1 s', 'NaN' FROM sent WHERE name = 'first moment'$$,
	'%result_is_finite%', 'the checks hold in the new partition');
SELECT is((SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = pg_temp.partition(4)::regclass),
	(SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'highwater.observation'::regclass),
	'the new partition belongs to the owner of the table');

SELECT throws_like($$INSERT INTO highwater.observation VALUES (1, now(), 'NaN')$$, '%result_is_finite%',
	'refuses NaN');
SELECT throws_like($$INSERT INTO highwater.observation VALUES (1, now(), '-Infinity')$$, '%result_is_finite%',
	'refuses an infinite result');
SELECT throws_like($$INSERT INTO highwater.observation VALUES (1, 'infinity', 0)$$,
	'%phenomenon_time_is_finite%', 'refuses an infinite time');
SELECT throws_like($$INSERT INTO highwater.observation VALUES (1, now(), 0, 5::smallint)$$,
	'%quality_is_a_qartod_flag%', 'refuses a flag that QARTOD does not know');
SELECT throws_ok('SELECT highwater.make_partitions(-1, 0)', '22023', NULL,
	'refuses a negative number of months');
SELECT throws_ok('SELECT highwater.make_partitions(0, 1201)', '22023', NULL,
	'refuses to make partitions without end');

SELECT * FROM finish();
ROLLBACK;
