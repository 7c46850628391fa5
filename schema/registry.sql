/*
 * registry - stations, what can be observed, and which station observes what.
 *
 * Names follow OGC SensorThings: a station is its Thing, a datastream is one
 * observed property of one station. Byte limits are those of the plugin's
 * fixed-size values (plugin/reading.h, plugin/transition.h). The plugin hears of every
 * change on the channel highwater_registry and reads the tables again.
 */

CREATE TABLE IF NOT EXISTS highwater.observed_property (
	code        text PRIMARY KEY
		CONSTRAINT code_has_1_to_40_bytes CHECK (octet_length(code) BETWEEN 1 AND 40)
		CONSTRAINT code_is_lower_case_letters_digits_underscores CHECK (code ~ '^[a-z][a-z0-9_]*$'),
	unit        text NOT NULL
		CONSTRAINT unit_has_1_to_16_bytes CHECK (octet_length(unit) BETWEEN 1 AND 16),
	name        text,
	description text,
	rise_max    double precision
		CONSTRAINT rise_max_is_not_negative CHECK (rise_max >= 0 AND rise_max < 'Infinity'),
	object_move double precision
		CONSTRAINT object_move_is_positive CHECK (object_move > 0 AND object_move < 'Infinity'),
	object_hold interval
		CONSTRAINT object_hold_is_7_days_at_most CHECK (object_hold BETWEEN '0' AND '7 days')
);
COMMENT ON TABLE highwater.observed_property IS
	'What can be observed, each with its usual unit. Add a row to have the plugin accept another '
	'property.';
COMMENT ON COLUMN highwater.observed_property.code IS
	'Name in topics and payloads, such as water_level: a-z, 0-9 and _, a letter first, 40 bytes at most.';
COMMENT ON COLUMN highwater.observed_property.unit IS
	'Unit of new datastreams as a UCUM code, 16 bytes at most ("1" for a pure number); dBm as such.';
COMMENT ON COLUMN highwater.observed_property.name IS 'Name for people.';
COMMENT ON COLUMN highwater.observed_property.description IS
	'What exactly is meant, and the range that makes sense.';
COMMENT ON COLUMN highwater.observed_property.rise_max IS
	'Object hold: water does not rise faster than this, unit a minute; what does is held until it behaves like '
	'water. NULL or 0: nothing is held. FloodNet NYC: floods rise 0.02 m/min at most between samples, parked '
	'cars jump 1.1 m/min and more; limits of 0.1 to 0.25 m/min part them.';
COMMENT ON COLUMN highwater.observed_property.object_move IS
	'Object hold: a held value that has moved by this much, in unit, is water and no object.';
COMMENT ON COLUMN highwater.observed_property.object_hold IS
	'Object hold: after this the held value counts in any case, 0 to 7 days. Cars stay for up to 9.7 h.';

-- plugin/property.c holds the same codes and units. What a city has edited stays.
INSERT INTO highwater.observed_property (code, unit, name, description) VALUES
	('air_pressure', 'hPa', 'Air pressure', 'Pressure of the air, not reduced to sea level.'),
	('air_temperature', 'Cel', 'Air temperature', 'Temperature of the air.'),
	('battery_level', '%', 'Battery level', 'Charge of the sensor''s battery, 0 to 100.'),
	('battery_voltage', 'V', 'Battery voltage', 'Voltage of the sensor''s battery.'),
	('conductivity', 'uS/cm', 'Conductivity', 'Of the water; tells salt from fresh.'),
	('distance', 'm', 'Distance', 'From the sensor down to the water, or to the dry ground.'),
	('flow', 'm3/s', 'Flow', 'Discharge through the cross section; negative when the tide turns it.'),
	('frame_counter', '1', 'Frame counter', 'Number of the radio frame; gaps are lost frames.'),
	('group', '1', 'Group alarm', 'Members of a group of datastreams at their alert levels.'),
	('humidity', '%', 'Relative humidity', 'Relative humidity of the air, 0 to 100.'),
	('rainfall', 'mm', 'Rainfall', 'Rain since the reading before.'),
	('rainfall_intensity', 'mm/h', 'Rainfall intensity', 'Rate of the rain at this moment.'),
	('rainfall_total', 'mm', 'Rainfall total', 'Reading of a counter; it grows until it rolls over.'),
	('rssi', 'dBm', 'Signal strength', 'Strength of the received radio signal (RSSI).'),
	('snr', 'dB', 'Signal to noise', 'Ratio of the radio signal to the noise (SNR).'),
	('velocity', 'm/s', 'Flow velocity', 'Speed of the water; negative when the tide turns it.'),
	('water_depth', 'm', 'Water depth', 'Height of the water above the ground; 0 is dry.'),
	('water_level', 'm', 'Water level', 'Height of the water (stage) above the datum of the datastream.'),
	('water_pressure', 'hPa', 'Water pressure', 'Pressure at a submerged sensor, the air''s included.'),
	('water_temperature', 'Cel', 'Water temperature', 'Temperature of the water.'),
	('wetness', '1', 'Wetness', 'Surface wetness from 0, dry, to 1, wet.'),
	('wind_direction', 'deg', 'Wind direction', 'Where it comes from, clockwise from north, 0 to 360.'),
	('wind_speed', 'm/s', 'Wind speed', 'Speed of the wind.')
	ON CONFLICT (code) DO NOTHING;

-- Given once, with version 3: what a city has taken away stays away.
DO $$
BEGIN
	IF current_setting('highwater.installed_version')::integer = 0 THEN
		UPDATE highwater.observed_property SET rise_max = 0.1, object_move = 0.03, object_hold = '12 hours'
			WHERE code = 'water_depth';
	END IF;
END
$$;

CREATE TABLE IF NOT EXISTS highwater.station (
	station_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	code        text NOT NULL UNIQUE
		CONSTRAINT code_has_1_to_64_bytes CHECK (octet_length(code) BETWEEN 1 AND 64)
		CONSTRAINT code_has_no_control_character CHECK (code !~ '[\u0001-\u001f\u007f]')
		CONSTRAINT code_has_no_mqtt_character CHECK (code !~ '[/+#]'),
	name        text
		CONSTRAINT name_has_120_bytes_at_most CHECK (octet_length(name) <= 120),
	latitude    double precision
		CONSTRAINT latitude_is_within_90_degrees CHECK (latitude BETWEEN -90 AND 90),
	longitude   double precision
		CONSTRAINT longitude_is_within_180_degrees CHECK (longitude BETWEEN -180 AND 180),
	river       text,
	area        text,
	description text,
	created_at  timestamptz NOT NULL DEFAULT now(),
	cap_area    text
		CONSTRAINT cap_area_has_500_bytes_at_most CHECK (octet_length(cap_area) <= 500),
	CONSTRAINT latitude_and_longitude_come_together CHECK ((latitude IS NULL) = (longitude IS NULL))
);
COMMENT ON TABLE highwater.station IS
	'Places that measure. A station appears by itself with its first reading, with nothing but its code.';
COMMENT ON COLUMN highwater.station.station_id IS 'Number of the station in this database.';
COMMENT ON COLUMN highwater.station.code IS
	'Name in topics, such as phu-an: 1 to 64 bytes, no control character, none of / + # (they divide '
	'MQTT topics).';
COMMENT ON COLUMN highwater.station.name IS
	'Name for people, such as Phú An; 120 bytes of UTF-8 at most. Stands in alerts.';
COMMENT ON COLUMN highwater.station.latitude IS 'Degrees north, WGS 84, -90 to 90. Stands in alerts.';
COMMENT ON COLUMN highwater.station.longitude IS 'Degrees east, WGS 84, -180 to 180. Stands in alerts.';
COMMENT ON COLUMN highwater.station.river IS 'River, canal, drain or sea that it watches.';
COMMENT ON COLUMN highwater.station.area IS 'District, ward or basin that it stands for.';
COMMENT ON COLUMN highwater.station.description IS 'Anything else worth knowing: mounting, owner, access.';
COMMENT ON COLUMN highwater.station.created_at IS 'When the row was made.';
COMMENT ON COLUMN highwater.station.cap_area IS
	'Area that its warnings are for, a polygon as in CAP 1.2: four or more pairs "latitude,longitude" in degrees, '
	'WGS 84, a blank between them, the last like the first; 500 bytes at most. NULL: a circle round the station.';

CREATE OR REPLACE FUNCTION highwater.check_cap_area()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	pairs text[] := string_to_array(NEW.cap_area, ' ');
	wrong text := (SELECT pair FROM unnest(pairs) AS pair
	               WHERE pair !~ '^-?[0-9]{1,2}(\.[0-9]+)?,-?[0-9]{1,3}(\.[0-9]+)?$'
	                  OR abs(split_part(pair, ',', 1)::numeric) > 90
	                  OR abs(split_part(pair, ',', 2)::numeric) > 180 LIMIT 1);
	mistake text := CASE
		WHEN wrong IS NOT NULL THEN format('"%s" is not latitude,longitude in degrees', wrong)
		WHEN cardinality(pairs) < 4 THEN format('it has %s pairs', cardinality(pairs))
		WHEN pairs[1] <> pairs[cardinality(pairs)] THEN 'its last pair is not its first' END;
BEGIN
	IF mistake IS NOT NULL THEN
		RAISE EXCEPTION 'cap_area of station "%": %', NEW.code, mistake
			USING ERRCODE = 'check_violation',
			      HINT = 'Four or more pairs, closed, for instance '
			             '''10.77,106.70 10.78,106.70 10.78,106.71 10.77,106.70''.';
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION highwater.check_cap_area() IS
	'Trigger of station: refuses a cap_area that is no closed polygon of CAP 1.2.';

CREATE OR REPLACE TRIGGER check_cap_area
	BEFORE INSERT OR UPDATE OF cap_area ON highwater.station
	FOR EACH ROW WHEN (NEW.cap_area IS NOT NULL) EXECUTE FUNCTION highwater.check_cap_area();

CREATE TABLE IF NOT EXISTS highwater.datastream (
	datastream_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	station_id    integer NOT NULL REFERENCES highwater.station ON DELETE CASCADE,
	property      text NOT NULL REFERENCES highwater.observed_property,
	unit          text NOT NULL
		CONSTRAINT unit_has_1_to_16_bytes CHECK (octet_length(unit) BETWEEN 1 AND 16),
	datum         text
		CONSTRAINT datum_has_40_bytes_at_most CHECK (octet_length(datum) <= 40),
	name          text,
	description   text,
	created_at    timestamptz NOT NULL DEFAULT now(),
	expected_interval interval
		CONSTRAINT expected_interval_is_positive CHECK (expected_interval > '0'),
	gap_after     interval
		CONSTRAINT gap_after_is_positive CHECK (gap_after > '0'),
	rise_max    double precision
		CONSTRAINT rise_max_is_not_negative CHECK (rise_max >= 0 AND rise_max < 'Infinity'),
	object_move double precision
		CONSTRAINT object_move_is_positive CHECK (object_move > 0 AND object_move < 'Infinity'),
	object_hold interval
		CONSTRAINT object_hold_is_7_days_at_most CHECK (object_hold BETWEEN '0' AND '7 days'),
	CONSTRAINT station_has_a_property_once UNIQUE (station_id, property),
	CONSTRAINT gap_after_is_not_shorter_than_expected_interval CHECK (gap_after >= expected_interval)
);
COMMENT ON TABLE highwater.datastream IS
	'One observed property of one station: the series that observations belong to. Appears by itself '
	'with its first reading. It cannot be deleted while observations or alerts belong to it.';
COMMENT ON COLUMN highwater.datastream.datastream_id IS 'Number of the datastream in this database.';
COMMENT ON COLUMN highwater.datastream.station_id IS
	'The station; its datastreams go with it when it is deleted.';
COMMENT ON COLUMN highwater.datastream.property IS 'What is observed: observed_property.code.';
COMMENT ON COLUMN highwater.datastream.unit IS
	'Unit of the results and thresholds, a UCUM code of 1 to 16 bytes; the property''s usual unit when '
	'not given. Changing it converts nothing that is stored.';
COMMENT ON COLUMN highwater.datastream.datum IS
	'Height that levels count from, such as "Hon Dau 1972" or "gauge zero"; 40 bytes at most. Stands in '
	'alerts.';
COMMENT ON COLUMN highwater.datastream.name IS
	'Name for people, where station and property do not say enough.';
COMMENT ON COLUMN highwater.datastream.description IS 'Sensor, method, mounting height, survey.';
COMMENT ON COLUMN highwater.datastream.created_at IS 'When the row was made.';
COMMENT ON COLUMN highwater.datastream.expected_interval IS
	'How often the sensor reports, such as 15 min; NULL: not known, then no reading is ever missed.';
COMMENT ON COLUMN highwater.datastream.gap_after IS
	'More than this between two readings is a gap, and more since the newest is an open one. NULL: three '
	'times expected_interval.';
COMMENT ON COLUMN highwater.datastream.rise_max IS
	'As observed_property.rise_max, in the unit of the datastream a minute; NULL: the property''s; 0: no hold.';
COMMENT ON COLUMN highwater.datastream.object_move IS
	'As observed_property.object_move, in the unit of the datastream; NULL: the property''s.';
COMMENT ON COLUMN highwater.datastream.object_hold IS
	'As observed_property.object_hold; NULL: the property''s.';

CREATE OR REPLACE FUNCTION highwater.default_datastream_unit()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NEW.unit IS NULL THEN
		SELECT p.unit INTO NEW.unit FROM highwater.observed_property p WHERE p.code = NEW.property;
	END IF;
	IF NEW.unit IS NULL THEN
		RAISE EXCEPTION 'observed property "%" is not known', NEW.property
			USING ERRCODE = 'foreign_key_violation',
			      HINT = 'Spell it as in highwater.observed_property, or add it there.';
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION highwater.default_datastream_unit() IS
	'Trigger of datastream: a unit that is not given is that of the observed property.';

CREATE OR REPLACE TRIGGER default_unit
	BEFORE INSERT OR UPDATE OF unit, property ON highwater.datastream
	FOR EACH ROW EXECUTE FUNCTION highwater.default_datastream_unit();

CREATE OR REPLACE FUNCTION highwater.notify_registry()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pg_notify('highwater_registry', TG_TABLE_NAME);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION highwater.notify_registry() IS
	'Trigger of the registry tables: tells listeners on channel highwater_registry the name of the table '
	'that changed.';

CREATE OR REPLACE TRIGGER notify_registry
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON highwater.observed_property
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.notify_registry();
CREATE OR REPLACE TRIGGER notify_registry
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON highwater.station
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.notify_registry();
CREATE OR REPLACE TRIGGER notify_registry
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON highwater.datastream
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.notify_registry();
