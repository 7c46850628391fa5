/*
 * preflight - what must hold before anything is touched, each with its remedy.
 *
 * Leaves the installed version in highwater.installed_version; 0 means none.
 */

-- Two installations at once wait for each other.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('highwater.install')); END $$;

DO $$
BEGIN
	IF current_setting('server_version_num')::integer < 140000 THEN
		RAISE EXCEPTION 'Highwater needs PostgreSQL 14 or later, this is %',
			current_setting('server_version')
			USING ERRCODE = 'feature_not_supported',
			      HINT = 'Upgrade the server, or install into a newer one; 15 to 17 are meant.';
	END IF;
	IF getdatabaseencoding() <> 'UTF8' THEN
		RAISE WARNING 'the encoding of database "%" is %, not UTF8',
			current_database(), getdatabaseencoding()
			USING DETAIL = 'Names of stations may not fit into it.',
			      HINT = 'Better: CREATE DATABASE … ENCODING ''UTF8'' TEMPLATE template0;';
	END IF;
END
$$;

DO $$
DECLARE
	owner name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'highwater');
BEGIN
	IF owner IS NULL AND NOT has_database_privilege(current_database(), 'CREATE') THEN
		RAISE EXCEPTION 'role "%" may not create a schema in database "%"',
			current_user, current_database()
			USING ERRCODE = 'insufficient_privilege',
			      HINT = format('As its owner or a superuser: GRANT CREATE ON DATABASE %I TO %I;',
			                    current_database(), current_user);
	END IF;
	IF owner IS NOT NULL AND NOT pg_has_role(owner, 'USAGE') THEN
		RAISE EXCEPTION 'schema highwater belongs to role "%", role "%" may not change it',
			owner, current_user
			USING ERRCODE = 'insufficient_privilege',
			      HINT = format('Run it as "%s" or as a superuser.', owner);
	END IF;
END
$$;

DO $$
DECLARE
	file_version integer := current_setting('highwater.file_version');
	installed    integer := 0;
BEGIN
	IF to_regclass('highwater.schema_history') IS NOT NULL THEN
		SELECT coalesce(max(version), 0) INTO installed FROM highwater.schema_history;
	END IF;
	IF installed > file_version THEN
		RAISE EXCEPTION 'schema highwater of database "%" has version %, this file only version %',
			current_database(), installed, file_version
			USING ERRCODE = 'object_not_in_prerequisite_state',
			      DETAIL = 'A schema is never taken back to an older version.',
			      HINT = 'Use install.sql of the release that made the schema, or a later one.';
	END IF;
	PERFORM set_config('highwater.installed_version', installed::text, true);
END
$$;

DO $$
DECLARE
	missing text := (SELECT string_agg(needed, ', ' ORDER BY needed DESC)
	                 FROM unnest(ARRAY['highwater_writer', 'highwater_analyst']) AS needed
	                 WHERE to_regrole(needed) IS NULL);
BEGIN
	IF missing IS NOT NULL
	   AND NOT (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) THEN
		RAISE EXCEPTION 'role "%" may not create the missing role(s) %', current_user, missing
			USING ERRCODE = 'insufficient_privilege',
			      DETAIL = 'Roles belong to the whole server: CREATEROLE is needed, once.',
			      HINT = format('As a superuser: ALTER ROLE %I CREATEROLE; or: CREATE ROLE %s;',
			                    current_user, replace(missing, ', ', '; CREATE ROLE '));
	END IF;
END
$$;
