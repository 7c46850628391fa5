/*
 * climatology - what is usual in a season.
 *
 * In force for a reading where quality_rule has the test climatology enabled.
 * A datastream with rows of its own uses only those. Of several seasons that
 * hold a reading's time (UTC) the one with the greatest climatology_id judges,
 * as the later member does in ioos_qc.
 */

CREATE TABLE IF NOT EXISTS highwater.climatology (
	climatology_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	property       text REFERENCES highwater.observed_property ON DELETE CASCADE,
	datastream_id  integer REFERENCES highwater.datastream ON DELETE CASCADE,
	season         text NOT NULL,
	season_from    integer NOT NULL,
	season_to      integer NOT NULL,
	suspect_min    double precision,
	suspect_max    double precision,
	fail_min       double precision,
	fail_max       double precision,
	note           text,
	CONSTRAINT property_or_datastream CHECK (num_nonnulls(property, datastream_id) = 1)
);
CREATE INDEX IF NOT EXISTS climatology_by_datastream ON highwater.climatology (datastream_id);
COMMENT ON TABLE highwater.climatology IS
	'Limits by season for the test climatology. It is made where quality_rule enables it; a datastream with '
	'rows of its own uses only those. Where seasons overlap, the greatest climatology_id judges.';
COMMENT ON COLUMN highwater.climatology.climatology_id IS 'Number of the row.';
COMMENT ON COLUMN highwater.climatology.property IS
	'The limits are for this property at every station, in its usual unit.';
COMMENT ON COLUMN highwater.climatology.datastream_id IS
	'The limits are for this datastream, in its unit. They go with it.';
COMMENT ON COLUMN highwater.climatology.season IS
	'What season_from and season_to count, in UTC: month 1 to 12, week 1 to 53 (ISO 8601), day_of_year 1 to '
	'366, quarter 1 to 4, hour 0 to 23.';
COMMENT ON COLUMN highwater.climatology.season_from IS 'First of the season.';
COMMENT ON COLUMN highwater.climatology.season_to IS
	'Last of the season, itself included; less than season_from: the season runs over the turn of the year, '
	'or over midnight.';
COMMENT ON COLUMN highwater.climatology.suspect_min IS 'Suspect below; NULL: no such limit.';
COMMENT ON COLUMN highwater.climatology.suspect_max IS 'Suspect above; NULL: no such limit.';
COMMENT ON COLUMN highwater.climatology.fail_min IS
	'Fail below; NULL: no such limit. The manual knows only suspect: a record flood is outside every season.';
COMMENT ON COLUMN highwater.climatology.fail_max IS 'Fail above; NULL: no such limit.';
COMMENT ON COLUMN highwater.climatology.note IS 'Where the limits come from.';

CREATE OR REPLACE FUNCTION highwater.check_climatology()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	subject text := coalesce(highwater.datastream_label(NEW.datastream_id),
	                         'datastream ' || NEW.datastream_id, NEW.property || ' of every station',
	                         'nothing');
	season  text := format('%s %s to %s', NEW.season, NEW.season_from, NEW.season_to);
	first   integer := CASE NEW.season WHEN 'hour' THEN 0 ELSE 1 END;
	last    integer := CASE NEW.season WHEN 'month' THEN 12 WHEN 'week' THEN 53 WHEN 'day_of_year' THEN 366
	                                   WHEN 'quarter' THEN 4 WHEN 'hour' THEN 23 END;
	mistake text;
	hint    text;
BEGIN
	SELECT wrong.mistake, wrong.hint INTO mistake, hint
		FROM (VALUES
			(num_nonnulls(NEW.property, NEW.datastream_id) <> 1,
			 'property and datastream_id are both given, or both not', 'Give one of them.'),
			(last IS NULL, format('season "%s" is not known', NEW.season),
			 'Known: month, week, day_of_year, quarter, hour.'),
			(NEW.season_from NOT BETWEEN first AND last OR NEW.season_to NOT BETWEEN first AND last,
			 'there is no such season', format('%s counts from %s to %s.', NEW.season, first, last)),
			(concat_ws(' ', NEW.suspect_min, NEW.suspect_max, NEW.fail_min, NEW.fail_max) ~ 'NaN|Infinity',
			 'a limit is not a finite number', 'Give a finite number, or NULL for none.'),
			(num_nonnulls(NEW.suspect_min, NEW.suspect_max, NEW.fail_min, NEW.fail_max) = 0,
			 'no limit is given', 'Give suspect_min, suspect_max, fail_min or fail_max.'),
			(NEW.suspect_min > NEW.suspect_max OR NEW.fail_min > NEW.fail_max,
			 'a minimum is above its maximum', 'Exchange them.'),
			(NEW.suspect_min < NEW.fail_min OR NEW.suspect_max > NEW.fail_max
			 OR NEW.suspect_min > NEW.fail_max OR NEW.suspect_max < NEW.fail_min,
			 format('the suspect span %s to %s reaches outside the fail span %s to %s',
			        coalesce(NEW.suspect_min::text, '…'), coalesce(NEW.suspect_max::text, '…'),
			        coalesce(NEW.fail_min::text, '…'), coalesce(NEW.fail_max::text, '…')),
			 'The suspect span must lie inside the fail span.')
		) AS wrong(is_so, mistake, hint)
		WHERE wrong.is_so
		LIMIT 1;
	IF mistake IS NOT NULL THEN
		RAISE EXCEPTION 'climatology of %, %: %', subject, season, mistake
			USING ERRCODE = 'check_violation', HINT = hint;
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION highwater.check_climatology() IS
	'Trigger of climatology: refuses limits that make no sense, with station, property, season and mistake.';

CREATE OR REPLACE TRIGGER check_climatology
	BEFORE INSERT OR UPDATE ON highwater.climatology
	FOR EACH ROW EXECUTE FUNCTION highwater.check_climatology();

CREATE OR REPLACE TRIGGER notify_registry
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON highwater.climatology
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.notify_registry();
