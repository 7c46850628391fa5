-- What only shows between two sessions: waiting, and notifications. The others work through dblink.
BEGIN;
SELECT plan(20);
CREATE EXTENSION IF NOT EXISTS dblink;

SELECT dblink_connect(session, format('host=%s port=%s dbname=%s user=%s',
		split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'),
		current_database(), current_user))
	FROM unnest(ARRAY['one', 'two']) AS session \g /dev/null

-- One makes partitions and has not committed yet.
SELECT dblink_exec('one', 'BEGIN') \g /dev/null
SELECT is((SELECT made FROM dblink('one', 'SELECT highwater.make_partitions(4)') AS t(made integer)), 1,
	'one session makes a month');
SELECT is(highwater.make_partitions(3), 0, 'a caller with nothing to do does not wait');
SELECT dblink_send_query('two', 'SELECT highwater.make_partitions(4)') \g /dev/null
SELECT pg_sleep(0.3) \g /dev/null
SELECT is(dblink_is_busy('two'), 1, 'a caller with the same to do waits');
SELECT dblink_exec('one', 'ROLLBACK') \g /dev/null
SELECT is((SELECT made FROM dblink_get_result('two') AS t(made integer)), 1,
	'it makes the month when the first has failed');
SELECT count(*) FROM dblink_get_result('two') AS t(made integer) \g /dev/null

-- The same again, and the first succeeds.
SELECT dblink_exec('one', 'BEGIN') \g /dev/null
SELECT is((SELECT made FROM dblink('one', 'SELECT highwater.make_partitions(5)') AS t(made integer)), 1,
	'one session makes another month');
SELECT dblink_send_query('two', 'SELECT highwater.make_partitions(5)') \g /dev/null
SELECT pg_sleep(0.3) \g /dev/null
SELECT dblink_exec('one', 'COMMIT') \g /dev/null
SELECT is((SELECT made FROM dblink_get_result('two') AS t(made integer)), 0,
	'a caller that waited finds nothing left to do');
SELECT count(*) FROM dblink_get_result('two') AS t(made integer) \g /dev/null

-- A long query holds the table: the months can wait, the writers cannot.
SELECT dblink_exec('one', 'BEGIN') \g /dev/null
SELECT count(*) FROM dblink('one',
	'SELECT count(*) FROM highwater.observation') AS t(rows bigint) \g /dev/null
SET LOCAL client_min_messages = error;
SELECT clock_timestamp() AS asked \gset
SELECT is(highwater.make_partitions(6), 0, 'gives way to a long query');
SELECT cmp_ok(clock_timestamp() - :'asked', '<', interval '10 s', 'gives way within seconds');
RESET client_min_messages;
SELECT is((SELECT count(*) FROM dblink('two', $$SET lock_timeout = '1s'; WITH row AS (
		INSERT INTO highwater.observation (datastream_id, phenomenon_time, result)
		VALUES (-1, now(), 0) RETURNING 1) SELECT * FROM row$$) AS t(stored integer)), 1::bigint,
	'writers go on after it gave way');
SELECT dblink_exec('one', 'COMMIT') \g /dev/null
SELECT dblink_exec('two', 'DELETE FROM highwater.observation WHERE datastream_id = -1') \g /dev/null

-- Leave the months as they were.
SELECT dblink_exec('one', format('DROP TABLE %s', to_char(
		date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => offset_months),
		'"highwater.observation_y"YYYY"m"MM')))
	FROM generate_series(4, 5) AS offset_months \g /dev/null

-- Notifications, on statements that touch no row but TRUNCATE, which the catalogue must vouch for.
SELECT dblink_exec('one', 'LISTEN highwater_registry') \g /dev/null
CREATE FUNCTION pg_temp.heard() RETURNS text[] LANGUAGE sql AS $$
	SELECT FROM dblink('one', 'SELECT 1') AS t(one integer);
	SELECT array_agg(extra) FROM dblink_get_notify('one') WHERE notify_name = 'highwater_registry'
$$;
CREATE FUNCTION pg_temp.heard_after(statement text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	heard text[];
BEGIN
	PERFORM dblink_exec('two', statement);
	FOR attempt IN 1..100 LOOP
		heard := pg_temp.heard();
		EXIT WHEN heard IS NOT NULL;
		PERFORM pg_sleep(0.02);
	END LOOP;
	RETURN heard;
END
$$;
SELECT is(pg_temp.heard_after(format('DELETE FROM highwater.%I WHERE false', changed)),
	ARRAY[changed], 'a change of ' || changed || ' is heard')
	FROM unnest(ARRAY['observed_property', 'station', 'datastream', 'threshold', 'unit', 'quality_rule',
	                  'climatology', 'conversion']) AS changed;

SELECT is_empty($$
	SELECT name
	FROM unnest(ARRAY['observed_property', 'station', 'datastream', 'threshold', 'unit', 'quality_rule',
	                  'climatology', 'conversion']) AS name
	WHERE NOT EXISTS (
		SELECT FROM pg_trigger
		WHERE tgrelid = ('highwater.' || name)::regclass AND tgname = 'notify_registry' AND tgenabled = 'O'
		  AND pg_get_triggerdef(oid) LIKE '% AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON %'
		  AND pg_get_triggerdef(oid) LIKE '% FOR EACH STATEMENT %')
$$, 'insert, update, delete and truncate of the registry tables are notified, once a statement');

SELECT dblink_exec('two', 'BEGIN') \g /dev/null
SELECT dblink_exec('two', 'UPDATE highwater.station SET name = name WHERE false') \g /dev/null
SELECT dblink_exec('two', 'UPDATE highwater.station SET name = name WHERE false') \g /dev/null
SELECT is(pg_temp.heard(), NULL, 'a change is not heard before it is committed');
SELECT is(pg_temp.heard_after('COMMIT'), ARRAY['station'], 'many changes in a transaction are heard once');

SELECT dblink_disconnect('one'), dblink_disconnect('two') \g /dev/null
SELECT * FROM finish();
ROLLBACK;
