/*
 * quality_registration - for people who set up quality control and conversions
 * by hand.
 *
 *     SELECT highwater.set_conversion('phu-an', 'water_level', 'distance', input => 'distance',
 *                                     input_unit => 'mm', mount_height => 4.85, source => 'survey 2026-03');
 *     SELECT highwater.set_quality('phu-an', 'water_level', 'gross_range', fail_min => -3, fail_max => 4);
 *
 * Each call gives the whole rule or conversion: arguments left out are not set,
 * whatever was there before.
 */

CREATE OR REPLACE FUNCTION highwater.set_quality(
		station_code text, property text, test text, enabled boolean DEFAULT true,
		suspect_min double precision DEFAULT NULL, suspect_max double precision DEFAULT NULL,
		fail_min double precision DEFAULT NULL, fail_max double precision DEFAULT NULL,
		suspect_threshold double precision DEFAULT NULL, fail_threshold double precision DEFAULT NULL,
		suspect_after interval DEFAULT NULL, fail_after interval DEFAULT NULL, method text DEFAULT NULL,
		period interval DEFAULT NULL, tolerance double precision DEFAULT NULL,
		min_count integer DEFAULT NULL, min_period interval DEFAULT NULL,
		codes double precision[] DEFAULT NULL, neighbour_id integer DEFAULT NULL, note text DEFAULT NULL)
	RETURNS integer
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	stream integer := CASE WHEN station_code IS NOT NULL
	                       THEN highwater.register_datastream(station_code, property) END;
	rule   integer;
BEGIN
	SELECT r.quality_rule_id INTO rule
		FROM highwater.quality_rule r
		WHERE r.test = set_quality.test
		  AND (r.datastream_id = stream OR stream IS NULL AND r.property = set_quality.property);
	IF rule IS NULL THEN
		INSERT INTO highwater.quality_rule
				(property, datastream_id, test, enabled, suspect_min, suspect_max, fail_min, fail_max,
				 suspect_threshold, fail_threshold, suspect_after, fail_after, method, period,
				 tolerance, min_count, min_period, codes, neighbour_id, note)
			VALUES
				(CASE WHEN stream IS NULL THEN property END, stream, test, enabled, suspect_min,
				 suspect_max, fail_min, fail_max, suspect_threshold, fail_threshold, suspect_after,
				 fail_after, method, period, tolerance, min_count, min_period, codes, neighbour_id, note)
			RETURNING quality_rule_id INTO rule;
	ELSE
		UPDATE highwater.quality_rule r
			SET (enabled, suspect_min, suspect_max, fail_min, fail_max, suspect_threshold,
			     fail_threshold, suspect_after, fail_after, method, period, tolerance, min_count,
			     min_period, codes, neighbour_id, note)
			  = ROW (set_quality.enabled, set_quality.suspect_min, set_quality.suspect_max,
			         set_quality.fail_min, set_quality.fail_max, set_quality.suspect_threshold,
			         set_quality.fail_threshold, set_quality.suspect_after, set_quality.fail_after,
			         set_quality.method, set_quality.period, set_quality.tolerance,
			         set_quality.min_count, set_quality.min_period, set_quality.codes,
			         set_quality.neighbour_id, set_quality.note)
			WHERE r.quality_rule_id = rule;
	END IF;
	RETURN rule;
END
$$;
COMMENT ON FUNCTION highwater.set_quality(
		text, text, text, boolean, double precision, double precision, double precision, double precision,
		double precision, double precision, interval, interval, text, interval, double precision, integer,
		interval, double precision[], integer, text) IS
	'Sets up one quality test of a datastream, registering it when it is not there, or with a station of NULL '
	'of the property at every station; returns the quality_rule_id. Limits in the unit of the datastream, or '
	'the usual one of the property. enabled => false switches the test off. Gives the whole rule: what is left '
	'out is not set.';

CREATE OR REPLACE FUNCTION highwater.set_conversion(
		station_code text, property text, kind text, input text DEFAULT NULL, input_unit text DEFAULT NULL,
		scale double precision DEFAULT NULL, shift double precision DEFAULT 0,
		mount_height double precision DEFAULT NULL, density double precision DEFAULT 1000,
		gravity double precision DEFAULT 9.80665, air_datastream_id integer DEFAULT NULL,
		air_max_age interval DEFAULT '1 hour', bucket double precision DEFAULT NULL,
		modulus double precision DEFAULT NULL, increment_max double precision DEFAULT NULL,
		source text DEFAULT NULL, valid_from timestamptz DEFAULT NULL)
	RETURNS integer
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	stream integer := highwater.register_datastream(station_code, property);
	since  timestamptz := coalesce(
		valid_from,
		(SELECT max(c.valid_from) FROM highwater.conversion c
		 WHERE c.datastream_id = stream AND c.valid_from <= now()),
		'-infinity');
BEGIN
	INSERT INTO highwater.conversion AS c
			(datastream_id, valid_from, kind, input, input_unit, scale, shift, mount_height, density,
			 gravity, air_datastream_id, air_max_age, bucket, modulus, increment_max, source)
		VALUES
			(stream, since, kind, input, input_unit, scale, shift, mount_height, density, gravity,
			 air_datastream_id, air_max_age, bucket, modulus, increment_max, source)
		ON CONFLICT (datastream_id, valid_from) DO UPDATE
			SET kind = EXCLUDED.kind, input = EXCLUDED.input, input_unit = EXCLUDED.input_unit,
			    scale = EXCLUDED.scale, shift = EXCLUDED.shift, mount_height = EXCLUDED.mount_height,
			    density = EXCLUDED.density, gravity = EXCLUDED.gravity,
			    air_datastream_id = EXCLUDED.air_datastream_id, air_max_age = EXCLUDED.air_max_age,
			    bucket = EXCLUDED.bucket, modulus = EXCLUDED.modulus,
			    increment_max = EXCLUDED.increment_max, source = EXCLUDED.source;
	RETURN stream;
END
$$;
COMMENT ON FUNCTION highwater.set_conversion(
		text, text, text, text, text, double precision, double precision, double precision,
		double precision, double precision, integer, interval, double precision, double precision,
		double precision, text, timestamptz) IS
	'Sets how a datastream''s results are made of what the station''s sensor reports, registering it when it is '
	'not there; returns the datastream_id. Arguments as in table conversion. Without valid_from it changes the '
	'conversion in force, or makes one valid since ever; with one it begins a new row of the history. Gives '
	'the whole conversion. What is stored changes by recompute() only.';
