/*
 * version - which version of the schema a database has.
 */
CREATE SCHEMA IF NOT EXISTS highwater;
COMMENT ON SCHEMA highwater IS
	'Highwater: flood telemetry. Stations, what they measure, their observations and the alerts raised '
	'from them.';

CREATE TABLE IF NOT EXISTS highwater.schema_history (
	version      integer PRIMARY KEY CONSTRAINT version_counts_from_1 CHECK (version >= 1),
	installed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE highwater.schema_history IS 'Versions of this schema that were installed, one row each.';
COMMENT ON COLUMN highwater.schema_history.version IS 'Version of the schema, 1 or more.';
COMMENT ON COLUMN highwater.schema_history.installed_at IS 'When install.sql first brought this version.';

CREATE OR REPLACE FUNCTION highwater.schema_version()
	RETURNS integer
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT max(version) FROM highwater.schema_history
$$;
COMMENT ON FUNCTION highwater.schema_version() IS
	'Version of the schema that is installed; the plugin refuses to write to one that it does not know.';

INSERT INTO highwater.schema_history (version)
	VALUES (current_setting('highwater.file_version')::integer)
	ON CONFLICT (version) DO NOTHING;
