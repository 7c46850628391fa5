-- Each role can do what it needs, shown by doing it, and nothing else, shown by all privileges there are.
BEGIN;
SELECT plan(48);
\ir include/as_role.sql

SELECT highwater.set_threshold('phu-an', 'water_level', 1, 'I', 1.4) AS stream \gset

-- All that is granted on relations, from the server's point of view.
CREATE FUNCTION pg_temp.granted(role_name text) RETURNS TABLE (relation text, privileges text)
	LANGUAGE sql AS $$
	SELECT relname::text, string_agg(privilege, ' ' ORDER BY privilege)
	FROM pg_class,
	     unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
	WHERE relnamespace = 'highwater'::regnamespace AND relkind IN ('r', 'p', 'v')
	  AND has_table_privilege(role_name, pg_class.oid, privilege)
	GROUP BY relname ORDER BY relname COLLATE "C"
$$;
SELECT results_eq($$SELECT * FROM pg_temp.granted('highwater_writer')$$, $$VALUES
	('alert', 'INSERT SELECT UPDATE'), ('alert_event', 'INSERT SELECT UPDATE'),
	('climatology', 'SELECT'), ('conversion_coefficient', 'SELECT'),
	('datastream', 'INSERT SELECT'), ('group_member', 'SELECT'),
	('journal_position', 'INSERT SELECT UPDATE'),
	('loss', 'INSERT SELECT'), ('object_hold_in_force', 'SELECT'), ('observation', 'INSERT SELECT'),
	('observed_property', 'SELECT'), ('quality_rule', 'SELECT'), ('quality_rule_for_plugin', 'SELECT'),
	('quality_test', 'SELECT'), ('rejected', 'INSERT SELECT'), ('schema_history', 'SELECT'),
	('silence', 'INSERT SELECT'), ('station', 'INSERT SELECT'), ('threshold', 'SELECT'),
	('threshold_in_force', 'SELECT'), ('unit', 'SELECT')$$,
	'the writer has exactly the privileges that it needs');
SELECT results_eq($$
	SELECT attrelid::regclass::text COLLATE "default",
	       string_agg(attname, ' ' ORDER BY attnum) COLLATE "default"
	FROM pg_attribute
	JOIN pg_class ON pg_class.oid = attrelid
	WHERE relnamespace = 'highwater'::regnamespace AND attnum > 0
	  AND has_column_privilege('highwater_writer', attrelid, attnum, 'UPDATE')
	  AND NOT has_table_privilege('highwater_writer', attrelid, 'UPDATE')
	GROUP BY 1$$,
	$$VALUES ('highwater.observation', 'quality quality_tests')$$,
	'of an observation the writer changes the flags alone');
SELECT results_eq($$SELECT * FROM pg_temp.granted('highwater_analyst')$$, $$
	SELECT relname::text COLLATE "default", 'SELECT' FROM pg_class
	WHERE relnamespace = 'highwater'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
	ORDER BY relname COLLATE "C"$$,
	'the analyst reads every table and view, and no more');
SELECT is_empty($$SELECT * FROM pg_temp.granted('public')$$, 'nobody else has any');

CREATE FUNCTION pg_temp.executable(role_name text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT proname::text FROM pg_proc
	WHERE pronamespace = 'highwater'::regnamespace AND has_function_privilege(role_name, oid, 'EXECUTE')
	ORDER BY proname COLLATE "C"
$$;
SELECT results_eq($$SELECT pg_temp.executable('highwater_writer')$$,
	$$VALUES ('make_partitions'), ('peak_level'), ('schema_version'), ('store_transition')$$,
	'the writer calls the functions that it needs');
SELECT results_eq($$SELECT pg_temp.executable('highwater_analyst')$$, $$VALUES ('frames_lost'), ('quality_text'), ('quality_verdicts'), ('schema_version')$$,
	'the analyst calls no function that writes');
SELECT is_empty($$SELECT pg_temp.executable('public')$$, 'nobody else calls any');
SELECT is_empty($$
	SELECT oid::regprocedure FROM pg_proc
	WHERE pronamespace = 'highwater'::regnamespace
	  AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)$$,
	'every function has a search path that no caller can bend');
SELECT results_eq($$SELECT proname::text COLLATE "default" FROM pg_proc
	WHERE pronamespace = 'highwater'::regnamespace AND prosecdef$$,
	$$VALUES ('make_partitions')$$, 'only make_partitions runs with the rights of its owner');
SELECT is_empty($$SELECT rolname FROM pg_roles WHERE rolname IN ('highwater_writer', 'highwater_analyst')
	AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)$$,
	'neither role can log in or has any power over the server');

-- What the writer does in a batch.
CREATE FUNCTION pg_temp.may(role_name text, statement text, description text) RETURNS text LANGUAGE sql AS $$
	SELECT lives_ok(format('SELECT pg_temp.as_role(%L, %L)', role_name, statement),
		role_name || ' may ' || description)
$$;
CREATE FUNCTION pg_temp.may_not(role_name text, statement text, description text) RETURNS text
	LANGUAGE sql AS $$
	SELECT throws_ok(format('SELECT pg_temp.as_role(%L, %L)', role_name, statement), '42501', NULL,
		role_name || ' may not ' || description)
$$;
SELECT pg_temp.may('highwater_writer', statement, description) FROM (VALUES
	('SELECT highwater.schema_version()', 'ask for the version'),
	('SELECT count(*) FROM highwater.threshold_in_force', 'read the thresholds'),
	($$INSERT INTO highwater.station (code) VALUES ('new')
	   ON CONFLICT (code) DO NOTHING RETURNING station_id$$,
	 'register a station'),
	($$INSERT INTO highwater.datastream (station_id, property)
	   SELECT station_id, 'flow' FROM highwater.station WHERE code = 'new'
	   ON CONFLICT (station_id, property) DO NOTHING$$, 'register a datastream'),
	('INSERT INTO highwater.observation (datastream_id, phenomenon_time, result) VALUES (1, now(), 1)',
	 'store an observation'),
	($$INSERT INTO highwater.observation (datastream_id, phenomenon_time, result)
	   VALUES (1, '1999-01-01', 1)
	   ON CONFLICT (datastream_id, phenomenon_time) DO NOTHING$$, 'store one that may be there already'),
	($$INSERT INTO highwater.rejected (journal_id, position, received_time, topic, reason, payload_length)
	   VALUES (gen_random_uuid(), 1, now(), 't', 'invalid_json', 0)
	   ON CONFLICT (journal_id, position) DO NOTHING$$,
	 'store a dead letter'),
	($$INSERT INTO highwater.loss (reason, started, ended, count) VALUES ('disk_full', now(), now(), 1)
	   RETURNING loss_id$$, 'note a loss'),
	($$INSERT INTO highwater.journal_position AS j (journal_id, position)
	   VALUES ('00000000-0000-0000-0000-000000000001', 1)
	   ON CONFLICT (journal_id) DO UPDATE SET position = EXCLUDED.position, updated_at = now()
	   WHERE j.position < EXCLUDED.position$$, 'move the journal position'),
	('UPDATE highwater.observation SET quality = 1, quality_tests = 32768 WHERE datastream_id = 1',
	 'settle an observation''s flags'),
	($$INSERT INTO highwater.silence (datastream_id, silence_from, silence_to, expected)
	   VALUES (1, now() - interval '1 h', now(), 3) ON CONFLICT DO NOTHING$$, 'note a silence'),
	('SELECT highwater.make_partitions(5, 2)', 'have partitions made'),
	(format($$SELECT highwater.store_transition(%s, 'i', 'i/' || s, s, 'Alert', 'threshold', 'rising', 1,
		'I', 0, 1.5, 1.4, 'Minor', 2::smallint, now(), now(), now(), 1.5, now())
	   FROM generate_series(1, 2) AS s$$, :stream),
	 'store transitions')
	) AS allowed(statement, description);
SELECT is((SELECT transitions FROM highwater.alert WHERE incident = 'i'), 2,
	'the writer''s transitions are stored');

SELECT pg_temp.may_not('highwater_writer', statement, description) FROM (VALUES
	('UPDATE highwater.observation SET result = 0', 'change an observation'),
	('UPDATE highwater.observation SET raw = 0', 'change what a sensor said'),
	('DELETE FROM highwater.observation', 'delete an observation'),
	('TRUNCATE highwater.observation', 'empty the observations'),
	('INSERT INTO highwater.observation_default VALUES (1, now(), 0)', 'write to a partition directly'),
	('UPDATE highwater.threshold SET set_value = 9', 'change a threshold'),
	($$INSERT INTO highwater.threshold (datastream_id, level, name, set_value) VALUES (1, 9, 'IX', 9)$$,
	 'add a threshold'),
	($$SELECT highwater.set_threshold('phu-an', 'water_level', 1, 'I', 9)$$, 'set a threshold'),
	($$UPDATE highwater.station SET name = 'x'$$, 'rename a station'),
	('DELETE FROM highwater.datastream', 'delete a datastream'),
	($$INSERT INTO highwater.observed_property (code, unit) VALUES ('x', 'm')$$, 'add a property'),
	('DELETE FROM highwater.alert_event', 'delete an alert'),
	('DELETE FROM highwater.rejected', 'delete a dead letter'),
	('UPDATE highwater.loss SET count = 0', 'unmake a loss'),
	('DELETE FROM highwater.journal_position', 'forget a journal'),
	('INSERT INTO highwater.schema_history (version) VALUES (2)', 'change the version'),
	('CREATE TABLE highwater.mine (x integer)', 'make a table of its own')
	) AS refused(statement, description);

SELECT pg_temp.may('highwater_analyst', format('SELECT count(*) FROM highwater.%I', relname),
	'read ' || relname)
	FROM unnest(ARRAY['reading', 'latest', 'observation_daily', 'flood_event']) AS relname;
SELECT pg_temp.may_not('highwater_analyst', statement, description) FROM (VALUES
	('INSERT INTO highwater.observation (datastream_id, phenomenon_time, result) VALUES (1, now(), 1)',
		'write an observation'),
	('SELECT highwater.make_partitions()', 'make partitions'),
	($$SELECT highwater.register_station('x')$$, 'register a station')
	) AS refused(statement, description);

SELECT * FROM finish();
ROLLBACK;
