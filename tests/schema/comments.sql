-- Everything that a person meets in psql says what it is.
BEGIN;
SELECT plan(7);

SELECT cmp_ok((SELECT count(*) FROM pg_class
               WHERE relnamespace = 'highwater'::regnamespace AND relkind IN ('r', 'p', 'v')),
	'>', 15::bigint, 'there is something to look at');

SELECT is_empty($$
	SELECT oid::regclass FROM pg_class
	WHERE relnamespace = 'highwater'::regnamespace AND relkind IN ('r', 'p')
	  AND obj_description(oid, 'pg_class') IS NULL
$$, 'every table and partition has a comment');

SELECT is_empty($$
	SELECT oid::regclass FROM pg_class
	WHERE relnamespace = 'highwater'::regnamespace AND relkind = 'v'
	  AND obj_description(oid, 'pg_class') IS NULL
$$, 'every view has a comment');

-- Partitions show the comments of observation only where make_partitions() copied them.
SELECT is_empty($$
	SELECT attrelid::regclass, attname
	FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
	WHERE relnamespace = 'highwater'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
	  AND attnum > 0 AND NOT attisdropped AND col_description(attrelid, attnum) IS NULL
$$, 'every column of every table and view has a comment');

SELECT is_empty($$
	SELECT oid::regprocedure FROM pg_proc
	WHERE pronamespace = 'highwater'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL
$$, 'every function has a comment');

SELECT isnt(obj_description('highwater'::regnamespace, 'pg_namespace'), NULL, 'the schema has a comment');

SELECT is((SELECT count(*) FROM pg_roles
           WHERE rolname IN ('highwater_writer', 'highwater_analyst')
             AND shobj_description(oid, 'pg_authid') IS NOT NULL),
	2::bigint, 'both roles have a comment');

SELECT * FROM finish();
ROLLBACK;
