/*
 * guard - a datastream stays as long as something refers to it.
 *
 * observation has no foreign key, so this stands in for one where it matters:
 * on deletion, which is rare and done by people.
 */

CREATE OR REPLACE FUNCTION highwater.datastream_used_by(datastream_id integer)
	RETURNS text
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN EXISTS (SELECT FROM highwater.observation o
		             WHERE o.datastream_id = datastream_used_by.datastream_id) THEN 'observation'
		WHEN EXISTS (SELECT FROM highwater.alert_event e
		             WHERE e.datastream_id = datastream_used_by.datastream_id) THEN 'alert_event'
		WHEN EXISTS (SELECT FROM highwater.alert a
		             WHERE a.datastream_id = datastream_used_by.datastream_id) THEN 'alert'
	END
$$;
COMMENT ON FUNCTION highwater.datastream_used_by(integer) IS
	'Name of a table, observation, alert_event or alert, with rows of this datastream; NULL when there is none.';

CREATE OR REPLACE FUNCTION highwater.guard_datastream()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	used_by text := highwater.datastream_used_by(OLD.datastream_id);
BEGIN
	IF used_by IS NOT NULL THEN
		RAISE EXCEPTION 'datastream % (% of station %) has rows in highwater.% and is not deleted',
			OLD.datastream_id, OLD.property, OLD.station_id, used_by
			USING ERRCODE = 'foreign_key_violation',
			      DETAIL = 'Without the datastream nobody could say what they measured.',
			      HINT = format('First: DELETE FROM highwater.%s WHERE datastream_id = %s;',
			                    used_by, OLD.datastream_id);
	END IF;
	RETURN OLD;
END
$$;
COMMENT ON FUNCTION highwater.guard_datastream() IS
	'Trigger of datastream: refuses to delete one that has observations or alerts.';

CREATE OR REPLACE TRIGGER guard_datastream
	BEFORE DELETE ON highwater.datastream
	FOR EACH ROW EXECUTE FUNCTION highwater.guard_datastream();

CREATE OR REPLACE FUNCTION highwater.guard_station()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	used record;
BEGIN
	SELECT d.datastream_id, d.property, highwater.datastream_used_by(d.datastream_id) AS rows_in INTO used
		FROM highwater.datastream d
		WHERE d.station_id = OLD.station_id
		  AND highwater.datastream_used_by(d.datastream_id) IS NOT NULL
		ORDER BY d.datastream_id
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'station "%" has rows in highwater.% (datastream %, %) and is not deleted',
			OLD.code, used.rows_in, used.datastream_id, used.property
			USING ERRCODE = 'foreign_key_violation',
			      DETAIL = 'Without the station nobody could say where they were measured.',
			      HINT = format('First: DELETE FROM highwater.%s WHERE datastream_id = %s;',
			                    used.rows_in, used.datastream_id);
	END IF;
	RETURN OLD;
END
$$;
COMMENT ON FUNCTION highwater.guard_station() IS
	'Trigger of station: refuses to delete one whose datastreams have observations or alerts.';

CREATE OR REPLACE TRIGGER guard_station
	BEFORE DELETE ON highwater.station
	FOR EACH ROW EXECUTE FUNCTION highwater.guard_station();

CREATE OR REPLACE FUNCTION highwater.guard_truncate()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM highwater.observation) THEN
		RAISE EXCEPTION 'highwater.% is not emptied: there are observations', TG_TABLE_NAME
			USING ERRCODE = 'foreign_key_violation',
			      DETAIL = 'Without their datastreams nobody could say what they measured.',
			      HINT = 'Empty them first: TRUNCATE highwater.observation;';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION highwater.guard_truncate() IS
	'Trigger of datastream: refuses TRUNCATE, by CASCADE too, as long as there are observations.';

CREATE OR REPLACE TRIGGER guard_truncate
	BEFORE TRUNCATE ON highwater.datastream
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.guard_truncate();
