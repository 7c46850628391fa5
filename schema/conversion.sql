/*
 * conversion - from what a sensor says to the datastream's result.
 *
 * A conversion is in force from valid_from until the datastream's next one: a
 * sensor that is moved or surveyed again gets a new row, and recompute() brings
 * what is stored into line. View conversion_coefficient folds units and
 * constants into result = scale * raw + shift + air_scale * air.
 */

CREATE TABLE IF NOT EXISTS highwater.conversion (
	conversion_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	datastream_id     integer NOT NULL REFERENCES highwater.datastream ON DELETE CASCADE,
	valid_from        timestamptz NOT NULL DEFAULT '-infinity',
	kind              text NOT NULL,
	input             text NOT NULL REFERENCES highwater.observed_property,
	input_unit        text NOT NULL
		CONSTRAINT input_unit_has_1_to_16_bytes CHECK (octet_length(input_unit) BETWEEN 1 AND 16),
	scale             double precision,
	shift             double precision NOT NULL DEFAULT 0,
	mount_height      double precision,
	density           double precision NOT NULL DEFAULT 1000,
	gravity           double precision NOT NULL DEFAULT 9.80665,
	air_datastream_id integer REFERENCES highwater.datastream,
	air_max_age       interval NOT NULL DEFAULT '1 hour',
	bucket            double precision,
	modulus           double precision,
	increment_max     double precision,
	source            text,
	CONSTRAINT datastream_has_a_conversion_once_a_time UNIQUE (datastream_id, valid_from)
);
COMMENT ON TABLE highwater.conversion IS
	'How results are made of what a sensor says. Of a datastream''s rows the one with the latest valid_from '
	'that is not after the reading counts. A change reaches a running broker within a second; what is '
	'stored changes by recompute() only.';
COMMENT ON COLUMN highwater.conversion.conversion_id IS 'Number of the conversion.';
COMMENT ON COLUMN highwater.conversion.datastream_id IS
	'The datastream that gets the results. Its conversions go with it.';
COMMENT ON COLUMN highwater.conversion.valid_from IS
	'In force for readings from this moment on, until a later row takes over; -infinity: since ever.';
COMMENT ON COLUMN highwater.conversion.kind IS
	'linear: scale * raw + shift. distance: mount_height - raw + shift. pressure: the water column of raw '
	'less the air''s pressure, + shift. counter: what the counter went on by since the reading before.';
COMMENT ON COLUMN highwater.conversion.input IS
	'What the sensor of the same station reports; the datastream''s own property when not given. Readings '
	'of it are stored in this datastream, and in no other.';
COMMENT ON COLUMN highwater.conversion.input_unit IS
	'Unit of what the sensor says and of observation.raw; the usual unit of input when not given.';
COMMENT ON COLUMN highwater.conversion.scale IS
	'linear: datastream''s unit in one input_unit, also between units that have nothing in common (mA to '
	'm); NULL: the two units are convertible, table unit tells.';
COMMENT ON COLUMN highwater.conversion.shift IS
	'Added to the result, in the datastream''s unit: gauge zero above datum, less the street, … 0 for a '
	'counter.';
COMMENT ON COLUMN highwater.conversion.mount_height IS
	'distance: of the sensor above datum or street, in the datastream''s unit.';
COMMENT ON COLUMN highwater.conversion.density IS
	'pressure: of the water, kg/m3; 1000 fresh, 1025 sea.';
COMMENT ON COLUMN highwater.conversion.gravity IS 'pressure: m/s2.';
COMMENT ON COLUMN highwater.conversion.air_datastream_id IS
	'pressure: the air''s, taken off; NULL: the sensor is vented and shows the water''s pressure alone.';
COMMENT ON COLUMN highwater.conversion.air_max_age IS
	'pressure: the newest reading of the air counts when it is not older; without one there is no result.';
COMMENT ON COLUMN highwater.conversion.bucket IS
	'counter: datastream''s unit in one count, such as 0.2 mm a tip; NULL: the two units are convertible.';
COMMENT ON COLUMN highwater.conversion.modulus IS
	'counter: raw value at which it begins again at 0, such as 65536; NULL: never.';
COMMENT ON COLUMN highwater.conversion.increment_max IS
	'counter: largest increment that can be, in the datastream''s unit. Where the counter fell and rolling '
	'over would mean more, it was reset: no result. NULL: half of the modulus.';
COMMENT ON COLUMN highwater.conversion.source IS 'Survey, certificate, who and when.';

CREATE OR REPLACE FUNCTION highwater.conversion_mistake(
		c highwater.conversion, OUT mistake text, OUT hint text)
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH stream AS (
		SELECT d.station_id, d.unit, own.dimension, own.shift, input.dimension AS input_dimension,
			input.shift AS input_shift, c.input_unit = d.unit OR own.dimension = input.dimension AS convertible
		FROM highwater.datastream d
		LEFT JOIN highwater.unit own ON own.code = d.unit
		LEFT JOIN highwater.unit input ON input.code = c.input_unit
		WHERE d.datastream_id = c.datastream_id
	), number AS (
		SELECT key, value
		FROM jsonb_each_text(to_jsonb(c))
		WHERE key IN ('scale', 'shift', 'mount_height', 'density', 'gravity', 'bucket', 'modulus',
		              'increment_max')
	)
	SELECT wrong.mistake, wrong.hint
	FROM stream, LATERAL (VALUES
		(c.kind NOT IN ('linear', 'distance', 'pressure', 'counter'),
		 format('kind "%s" is not known', c.kind), 'Known: linear, distance, pressure, counter.'),
		(c.valid_from = 'infinity', 'valid_from is infinity', 'Give a moment, or -infinity.'),
		(EXISTS (SELECT FROM number WHERE value ~ 'NaN|Infinity'),
		 (SELECT min(format('%s is %s', key, value)) FROM number WHERE value ~ 'NaN|Infinity'),
		 'Give a finite number.'),
		(c.kind <> 'linear' AND c.scale IS NOT NULL, format('scale is given for kind %s', c.kind),
		 'Only kind linear has it; a counter has bucket.'),
		(c.scale = 0, 'scale is 0', 'Give the datastream''s unit in one input_unit.'),
		(c.kind <> 'distance' AND c.mount_height IS NOT NULL,
		 format('mount_height is given for kind %s', c.kind), 'Only kind distance has it.'),
		(c.kind = 'distance' AND c.mount_height IS NULL, 'mount_height is not given',
		 'Give the sensor''s height above datum or street, in the datastream''s unit.'),
		(c.kind <> 'pressure' AND c.air_datastream_id IS NOT NULL,
		 format('air_datastream_id is given for kind %s', c.kind), 'Only kind pressure has it.'),
		(c.density NOT BETWEEN 990 AND 1050, format('density is %s kg/m3', c.density),
		 'Water has 990 to 1050: 1000 fresh, 1025 sea.'),
		(c.gravity NOT BETWEEN 9.7 AND 9.9, format('gravity is %s m/s2', c.gravity),
		 'The earth has 9.76 to 9.84; 9.80665 is the standard.'),
		(c.air_max_age <= interval '0', format('air_max_age is %s', c.air_max_age),
		 'Give a time of more than 0.'),
		(c.kind <> 'counter' AND num_nonnulls(c.bucket, c.modulus, c.increment_max) > 0,
		 format('bucket, modulus or increment_max is given for kind %s', c.kind),
		 'Only kind counter has them.'),
		(c.kind = 'counter' AND c.shift <> 0, format('shift is %s for kind counter', c.shift),
		 'Increments have no shift.'),
		(least(c.bucket, c.modulus, c.increment_max) <= 0,
		 'bucket, modulus or increment_max is not more than 0', 'Give more than 0, or NULL.'),
		(c.scale IS NULL AND c.bucket IS NULL AND c.kind IN ('linear', 'distance', 'counter')
		 AND convertible IS NOT TRUE,
		 format('unit "%s" cannot be converted into "%s"', c.input_unit, unit),
		 CASE c.kind WHEN 'linear' THEN 'Give scale, or units of one dimension (table highwater.unit).'
		             WHEN 'counter' THEN 'Give bucket, or units of one dimension (table highwater.unit).'
		             ELSE 'Give units of one dimension (table highwater.unit).' END),
		(c.kind = 'pressure' AND dimension IS DISTINCT FROM 'length',
		 format('unit "%s" of the datastream is not a length', unit),
		 'Pressure becomes the height of a water column: give a datastream in m.'),
		(c.kind = 'pressure' AND input_dimension IS DISTINCT FROM 'pressure',
		 format('unit "%s" is not a pressure', c.input_unit), 'Give for instance hPa.'),
		(c.kind = 'pressure' AND c.air_datastream_id IS NOT NULL
		 AND (SELECT air_unit.dimension FROM highwater.datastream air
		      LEFT JOIN highwater.unit air_unit ON air_unit.code = air.unit
		      WHERE air.datastream_id = c.air_datastream_id) IS DISTINCT FROM 'pressure',
		 format('the air''s datastream (%s) is not there or not in a unit of pressure',
		        coalesce(highwater.datastream_label(c.air_datastream_id), c.air_datastream_id::text)),
		 'Give the datastream_id of an air_pressure in hPa.'),
		(c.air_datastream_id = c.datastream_id, 'air_datastream_id is the datastream itself',
		 'Give the datastream_id of an air_pressure.'),
		(EXISTS (SELECT FROM highwater.conversion o JOIN highwater.datastream od USING (datastream_id)
		         WHERE od.station_id = stream.station_id AND o.input = c.input
		           AND o.datastream_id <> c.datastream_id),
		 (SELECT format('%s of this station already feeds %s', c.input, min(od.property))
		  FROM highwater.conversion o JOIN highwater.datastream od USING (datastream_id)
		  WHERE od.station_id = stream.station_id AND o.input = c.input
		    AND o.datastream_id <> c.datastream_id),
		 'One input feeds one datastream: delete the other conversion first.')
	) AS wrong(is_so, mistake, hint)
	WHERE wrong.is_so
	LIMIT 1
$$;
COMMENT ON FUNCTION highwater.conversion_mistake(highwater.conversion) IS
	'Part of check_conversion(): what is wrong with a conversion, and what to do; NULL for a good one.';

CREATE OR REPLACE FUNCTION highwater.check_conversion()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	subject text := coalesce(highwater.datastream_label(NEW.datastream_id), 'datastream ' || NEW.datastream_id);
	wrong   record;
BEGIN
	IF NEW.input IS NULL THEN
		SELECT d.property INTO NEW.input
			FROM highwater.datastream d
			WHERE d.datastream_id = NEW.datastream_id;
	END IF;
	IF NEW.input_unit IS NULL THEN
		SELECT p.unit INTO NEW.input_unit FROM highwater.observed_property p WHERE p.code = NEW.input;
	END IF;
	IF NOT EXISTS (SELECT FROM highwater.observed_property p WHERE p.code = NEW.input) THEN
		RAISE EXCEPTION 'conversion of %: input "%" is not known', subject, NEW.input
			USING ERRCODE = 'foreign_key_violation',
			      HINT = 'Spell it as in highwater.observed_property, or add it there.';
	END IF;
	SELECT * INTO wrong FROM highwater.conversion_mistake(NEW);
	IF wrong.mistake IS NOT NULL THEN
		RAISE EXCEPTION 'conversion % of % from %, valid from %: %',
			NEW.kind, subject, NEW.input, NEW.valid_from, wrong.mistake
			USING ERRCODE = 'check_violation', HINT = wrong.hint;
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION highwater.check_conversion() IS
	'Trigger of conversion: puts in what is not given, and refuses what cannot be converted, with station, '
	'property, input and mistake.';

CREATE OR REPLACE TRIGGER check_conversion
	BEFORE INSERT OR UPDATE ON highwater.conversion
	FOR EACH ROW EXECUTE FUNCTION highwater.check_conversion();

CREATE OR REPLACE TRIGGER notify_registry
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON highwater.conversion
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.notify_registry();

/*
 * A datastream's or the air's unit that is changed afterwards goes with every
 * conversion that there is, or is refused.
 */
CREATE OR REPLACE FUNCTION highwater.check_conversions_of_datastream()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong record;
BEGIN
	SELECT c.kind, highwater.datastream_label(c.datastream_id) AS subject, m.mistake INTO wrong
		FROM highwater.conversion c, highwater.conversion_mistake(c) AS m
		WHERE NEW.datastream_id IN (c.datastream_id, c.air_datastream_id) AND m.mistake IS NOT NULL
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'unit "%" of % does not go with conversion % of %: %', NEW.unit,
			highwater.datastream_label(NEW.datastream_id), wrong.kind, wrong.subject, wrong.mistake
			USING ERRCODE = 'check_violation',
			      HINT = 'Change or delete the conversion first (table highwater.conversion).';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION highwater.check_conversions_of_datastream() IS
	'Trigger of datastream: refuses a unit that does not go with the conversions there are.';

CREATE OR REPLACE TRIGGER check_conversions
	AFTER UPDATE OF unit ON highwater.datastream
	FOR EACH ROW WHEN (OLD.unit <> NEW.unit)
	EXECUTE FUNCTION highwater.check_conversions_of_datastream();

/*
 * value in unit b = (factor_a * value in unit a + shift_a - shift_b) / factor_b.
 * Where the units are the same, they need not be in the table.
 */
CREATE OR REPLACE VIEW highwater.conversion_coefficient AS
	SELECT c.conversion_id, c.datastream_id, s.code AS station, c.input, c.input_unit, c.valid_from, c.kind,
		CASE c.kind
			WHEN 'distance' THEN -u.factor
			WHEN 'pressure' THEN input.factor / (c.density * c.gravity * own.factor)
			ELSE coalesce(c.scale, c.bucket, u.factor)
		END AS scale,
		CASE c.kind
			WHEN 'distance' THEN c.mount_height + c.shift
			WHEN 'linear' THEN c.shift + CASE WHEN c.scale IS NULL THEN u.shift ELSE 0 END
			ELSE c.shift
		END AS shift,
		c.air_datastream_id,
		CASE WHEN c.air_datastream_id IS NULL THEN 0
			ELSE -air_unit.factor / (c.density * c.gravity * own.factor)
		END AS air_scale,
		c.air_max_age, c.modulus,
		coalesce(c.increment_max, coalesce(c.bucket, u.factor) * c.modulus / 2) AS increment_max,
		CASE c.valid_from
			WHEN '-infinity' THEN (-9223372036854775808)::bigint
			ELSE (extract(epoch FROM c.valid_from) * 1000000)::bigint
		END AS valid_from_us,
		(extract(epoch FROM c.air_max_age) * 1000000)::bigint AS air_max_age_us
	FROM highwater.conversion c
	JOIN highwater.datastream d USING (datastream_id)
	JOIN highwater.station s USING (station_id)
	LEFT JOIN highwater.unit own ON own.code = d.unit
	LEFT JOIN highwater.unit input ON input.code = c.input_unit
	LEFT JOIN highwater.datastream air ON air.datastream_id = c.air_datastream_id
	LEFT JOIN highwater.unit air_unit ON air_unit.code = air.unit
	CROSS JOIN LATERAL (
		SELECT CASE WHEN c.input_unit = d.unit THEN 1
		            WHEN input.dimension = own.dimension THEN input.factor / own.factor END AS factor,
		       CASE WHEN c.input_unit = d.unit THEN 0
		            WHEN input.dimension = own.dimension THEN (input.shift - own.shift) / own.factor
		       END AS shift
	) AS u;
COMMENT ON VIEW highwater.conversion_coefficient IS
	'Conversions with all units and constants folded in: result = scale * raw + shift + air_scale * air. Of a '
	'counter: increment = scale * (raw - raw of the reading before, + modulus where it rolled over).';
COMMENT ON COLUMN highwater.conversion_coefficient.conversion_id IS 'The conversion.';
COMMENT ON COLUMN highwater.conversion_coefficient.datastream_id IS 'The datastream that gets the results.';
COMMENT ON COLUMN highwater.conversion_coefficient.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.conversion_coefficient.input IS 'Property that the sensor reports.';
COMMENT ON COLUMN highwater.conversion_coefficient.input_unit IS 'Unit of raw.';
COMMENT ON COLUMN highwater.conversion_coefficient.valid_from IS
	'In force since then, until a later one; -infinity: since ever.';
COMMENT ON COLUMN highwater.conversion_coefficient.kind IS 'linear, distance, pressure or counter.';
COMMENT ON COLUMN highwater.conversion_coefficient.scale IS
	'Datastream''s unit in one input_unit; NULL: a unit was taken out of table unit, nothing is converted.';
COMMENT ON COLUMN highwater.conversion_coefficient.shift IS 'Added, in the datastream''s unit.';
COMMENT ON COLUMN highwater.conversion_coefficient.air_datastream_id IS
	'Air pressure to be taken off; NULL: none.';
COMMENT ON COLUMN highwater.conversion_coefficient.air_scale IS
	'Datastream''s unit in one unit of the air''s datastream, negative; 0: no air.';
COMMENT ON COLUMN highwater.conversion_coefficient.air_max_age IS 'An older reading of the air does not count.';
COMMENT ON COLUMN highwater.conversion_coefficient.modulus IS
	'Raw value at which a counter begins again at 0; NULL: never.';
COMMENT ON COLUMN highwater.conversion_coefficient.increment_max IS
	'Largest increment that can be, in the datastream''s unit; half of the modulus when not given.';
COMMENT ON COLUMN highwater.conversion_coefficient.valid_from_us IS
	'valid_from in microseconds since 1970; the least bigint for -infinity.';
COMMENT ON COLUMN highwater.conversion_coefficient.air_max_age_us IS 'air_max_age in microseconds.';
