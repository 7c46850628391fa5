-- Gaps are facts, with their cause; reception by the day.
BEGIN;
SELECT plan(16);
SET LOCAL timezone = 'UTC';

SELECT highwater.register_datastream('street', 'water_depth') AS depth \gset
SELECT highwater.register_datastream('street', 'frame_counter') AS frames \gset
SELECT highwater.register_datastream('mute', 'water_depth') AS mute \gset
UPDATE highwater.datastream SET expected_interval = '10 min' WHERE datastream_id IN (:depth, :mute);
SELECT date_trunc('day', now()) - interval '2 days' AS day \gset

SELECT station_id AS station FROM highwater.datastream WHERE datastream_id = :depth \gset
CREATE FUNCTION pg_temp.lost(stream integer, frames double precision[]) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM highwater.observation WHERE datastream_id = stream;
	INSERT INTO highwater.observation (datastream_id, phenomenon_time, result)
		SELECT stream, '2026-01-01Z'::timestamptz + place * interval '1 min', f
		FROM unnest(frames) WITH ORDINALITY AS r(f, place);
	RETURN (SELECT highwater.frames_lost(d.station_id, '2026-01-01Z', '2026-01-02Z')
	        FROM highwater.datastream d WHERE d.datastream_id = stream);
END
$$;
SELECT is(pg_temp.lost(:frames, frames), expected, description) FROM (VALUES
	('{1,2,3}'::float8[], 0::bigint, 'no frame lost'), ('{1,2,5}', 2, 'frames lost'), ('{7}', NULL, 'one frame tells nothing'),
	('{}', NULL, 'none neither'), ('{65534,65535,1}', 1, 'a roll-over of 16 bits'),
	('{4294967294,2}', 3, 'a roll-over of 32 bits'), ('{3000,0,1}', 0, 'a reset is not counted'),
	('{5,5,6}', 0, 'a frame heard twice')
	) AS given(frames, expected, description);
DELETE FROM highwater.observation;

INSERT INTO highwater.silence (datastream_id, silence_from, silence_to, expected) VALUES
	(:depth, :'day'::timestamptz + interval '1 h', :'day'::timestamptz + interval '3 h', 11),
	(:depth, :'day'::timestamptz + interval '4 h', :'day'::timestamptz + interval '5 h', 5),
	(:depth, :'day'::timestamptz + interval '6 h', :'day'::timestamptz + interval '8 h', 11),
	(:depth, :'day'::timestamptz + interval '9 h', :'day'::timestamptz + interval '10 h', 5);
INSERT INTO highwater.observation (datastream_id, phenomenon_time, result)
	SELECT :frames, :'day'::timestamptz + h * interval '1 h', f
	FROM (VALUES (1, 100), (3, 112), (4, 118), (5, 119), (6, 125), (8, 130)) AS r(h, f);
INSERT INTO highwater.observation (datastream_id, phenomenon_time, result)
	SELECT :depth, :'day'::timestamptz + h * interval '1 h', 0
	FROM unnest(ARRAY[1, 1.5, 3, 4, 5, 6, 8, 9, 10]) AS h;
SELECT results_eq(format($$SELECT date_part('hour', gap_from)::integer, duration, expected, received, frames_lost, cause
		FROM highwater.gap WHERE datastream_id = %s AND gap_to IS NOT NULL ORDER BY gap_from$$, :depth),
	$$VALUES (1, interval '2 h', 11, 1::bigint, 11::bigint, 'packets lost'), (4, '1 h', 5, 0, 0, 'sensor silent'),
	         (6, '2 h', 11, 0, 4, 'both'), (9, '1 h', 5, 0, NULL, 'unknown')$$,
	'the frame counter tells lost packets from a silent sensor; back-fill is counted');
SELECT results_eq('SELECT station, property, gap_from, received FROM highwater.gap WHERE gap_to IS NULL',
	format($$VALUES ('street', 'water_depth', %L::timestamptz, 0::bigint)$$,
	       :'day'::timestamptz + interval '10 h'), 'a gap that is open shows');
UPDATE highwater.datastream SET gap_after = '30 days' WHERE datastream_id = :depth;
SELECT is_empty('SELECT * FROM highwater.gap WHERE gap_to IS NULL', 'gap_after says what a gap is');

SELECT results_eq(format('SELECT day, expected, received, percent, frames_lost FROM highwater.reception_daily
		WHERE datastream_id = %s AND day < current_date ORDER BY day', :depth),
	format($$VALUES (%L::date, 138, 9::bigint, 6.5, 25::bigint), (%L::date + 1, 144, 0, 0.0, NULL)$$,
	       :'day', :'day'), 'reception by the day, silent days too, the first from its first reading');
SELECT is_empty('SELECT * FROM highwater.reception_daily WHERE station = ''mute''', 'nothing of what never spoke');
SELECT is((SELECT count(*) FROM highwater.reception_daily WHERE datastream_id = :frames AND expected IS NOT NULL),
	0::bigint, 'without an interval nothing is expected');

SELECT throws_like(format($$INSERT INTO highwater.silence VALUES (%s, now(), now())$$, :depth),
	'%silence_ends_after_it_begins%', 'refuses a silence of no length');
SELECT throws_like(format($$UPDATE highwater.datastream SET gap_after = '1 min' WHERE datastream_id = %s$$, :depth),
	'%gap_after_is_not_shorter_than_expected_interval%', 'refuses a gap shorter than the interval');

SELECT * FROM finish();
ROLLBACK;
