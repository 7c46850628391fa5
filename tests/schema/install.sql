-- Installing again over a city's data, and what installation refuses. The runner compares whole dumps too.
BEGIN;
SELECT plan(12);

\ir include/between_installs.sql
CREATE FUNCTION pg_temp.everything() RETURNS TABLE (name text, content text) LANGUAGE plpgsql AS $$
BEGIN
	FOR name IN SELECT relname FROM pg_class
	            WHERE relnamespace = 'highwater'::regnamespace AND relkind IN ('r', 'p')
	            ORDER BY relname LOOP
		EXECUTE format('SELECT string_agg(t::text, '' '' ORDER BY t::text) FROM highwater.%I AS t', name)
			INTO content;
		RETURN NEXT;
	END LOOP;
END
$$;
CREATE TEMPORARY TABLE before AS SELECT * FROM pg_temp.everything();
SELECT is_empty($$SELECT name FROM before WHERE content IS NULL AND name !~ '^observation_y'$$,
	'there is data in every table');

SET LOCAL client_min_messages = warning;
\ir ../../schema/highwater.sql
RESET client_min_messages;
SELECT results_eq('SELECT * FROM pg_temp.everything()', 'SELECT * FROM before',
	'installing again keeps every row of every table');
SELECT is((SELECT name FROM highwater.observed_property WHERE code = 'water_level'), 'Mực nước',
	'installing again keeps what a city has edited');
SELECT is(highwater.schema_version(), 3, 'installing again leaves the version');

-- Refusals. From the top of the repository, or from here.
\set preflight `cat schema/preflight.sql 2>/dev/null || cat ../../schema/preflight.sql`
SELECT alike(:'preflight'::text, '%CREATEROLE%', 'preflight.sql was found');
SELECT lives_ok(:'preflight', 'nothing is in the way of installing again');

INSERT INTO highwater.schema_history (version) VALUES (4);
SELECT throws_ok(:'preflight', '55000',
	format('schema highwater of database "%s" has version 4, this file only version 3',
		current_database()),
	'refuses a schema that is newer than the file');
DELETE FROM highwater.schema_history WHERE version = 4;

\ir include/as_role.sql
CREATE ROLE highwater_test_plain;
CREATE FUNCTION pg_temp.refuses(preflight text, message text, description text) RETURNS text
	LANGUAGE sql AS $$
	SELECT throws_ok(format('SELECT pg_temp.as_role(''highwater_test_plain'', %L)', preflight), '42501',
		message, description)
$$;

SELECT pg_get_userbyid(nspowner) AS owner FROM pg_namespace WHERE nspname = 'highwater' \gset
SELECT pg_temp.refuses(:'preflight',
	format('schema highwater belongs to role "%s", role "highwater_test_plain" may not change it',
		:'owner'),
	'refuses a role that does not own the schema');

GRANT :"owner" TO highwater_test_plain;
SELECT lives_ok(format('SELECT pg_temp.as_role(''highwater_test_plain'', %L)', :'preflight'),
	'a member of the owner may install again without CREATEROLE');
ALTER ROLE highwater_writer RENAME TO highwater_test_away;
SELECT pg_temp.refuses(:'preflight',
	'role "highwater_test_plain" may not create the missing role(s) highwater_writer',
	'refuses when a role is missing and may not be made');
ALTER ROLE highwater_analyst RENAME TO highwater_test_away_too;
SELECT pg_temp.refuses(:'preflight',
	'role "highwater_test_plain" may not create the missing role(s) highwater_writer, highwater_analyst',
	'names both roles when both are missing');
REVOKE :"owner" FROM highwater_test_plain;

ALTER SCHEMA highwater RENAME TO highwater_test_away;
SELECT pg_temp.refuses(:'preflight',
	format('role "highwater_test_plain" may not create a schema in database "%s"', current_database()),
	'refuses a role that may not create the schema');

SELECT * FROM finish();
ROLLBACK;
