/*
 * registration - for people who set up stations and alert levels by hand.
 *
 *     SELECT highwater.register_station('phu-an', 'Phú An', 10.776, 106.704);
 *     SELECT highwater.set_threshold('phu-an', 'water_level', 3, 'Alarm III', 1.60);
 *
 * Each can be run again: it changes what is there. Arguments left out or NULL
 * keep what is there.
 */

CREATE OR REPLACE FUNCTION highwater.register_station(
		code text, name text DEFAULT NULL, latitude double precision DEFAULT NULL,
		longitude double precision DEFAULT NULL, river text DEFAULT NULL, area text DEFAULT NULL,
		description text DEFAULT NULL, cap_area text DEFAULT NULL)
	RETURNS integer
	LANGUAGE sql
	SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO highwater.station AS s (code, name, latitude, longitude, river, area, description, cap_area)
		VALUES (code, name, latitude, longitude, river, area, description, cap_area)
		ON CONFLICT (code) DO UPDATE
			SET name = coalesce(EXCLUDED.name, s.name),
			    latitude = coalesce(EXCLUDED.latitude, s.latitude),
			    longitude = coalesce(EXCLUDED.longitude, s.longitude),
			    river = coalesce(EXCLUDED.river, s.river),
			    area = coalesce(EXCLUDED.area, s.area),
			    description = coalesce(EXCLUDED.description, s.description),
			    cap_area = coalesce(EXCLUDED.cap_area, s.cap_area)
		RETURNING station_id
$$;
COMMENT ON FUNCTION highwater.register_station(
		text, text, double precision, double precision, text, text, text, text) IS
	'Makes a station or changes the one with this code; returns its station_id. Latitude and longitude '
	'in degrees, WGS 84, both or neither. NULL keeps what is there.';

CREATE OR REPLACE FUNCTION highwater.register_datastream(
		station_code text, property text, unit text DEFAULT NULL, datum text DEFAULT NULL)
	RETURNS integer
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	registered integer;
BEGIN
	INSERT INTO highwater.station (code) VALUES (station_code) ON CONFLICT (code) DO NOTHING;
	INSERT INTO highwater.datastream AS d (station_id, property, unit, datum)
		SELECT s.station_id, register_datastream.property,
		       register_datastream.unit, register_datastream.datum
			FROM highwater.station s
			WHERE s.code = station_code
		ON CONFLICT (station_id, property) DO UPDATE
			-- not EXCLUDED.unit, in which the default stands by now
			SET unit = coalesce(register_datastream.unit, d.unit),
			    datum = coalesce(EXCLUDED.datum, d.datum)
		RETURNING datastream_id INTO registered;
	RETURN registered;
END
$$;
COMMENT ON FUNCTION highwater.register_datastream(text, text, text, text) IS
	'Makes a datastream, and its station when there is none of this code, or changes the one that is '
	'there; returns its datastream_id. A new one without unit gets the property''s usual unit. NULL '
	'keeps what is there. Another unit converts nothing that is stored.';

CREATE OR REPLACE FUNCTION highwater.set_threshold(
		station_code text, property text, level integer, name text, set_value double precision,
		clear_value double precision DEFAULT NULL, direction text DEFAULT NULL,
		severity text DEFAULT 'Moderate', source text DEFAULT NULL,
		valid_from timestamptz DEFAULT NULL, cause text DEFAULT 'threshold', period interval DEFAULT '0',
		on_delay interval DEFAULT NULL, on_samples integer DEFAULT NULL, off_delay interval DEFAULT NULL,
		latching boolean DEFAULT NULL, repeat_after interval DEFAULT NULL)
	RETURNS integer
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	stream integer := highwater.register_datastream(station_code, property);
	street boolean := cause = 'threshold' AND property = 'water_depth';
	worse  text := coalesce(direction, CASE WHEN cause IN ('low_battery', 'projection') THEN 'falling'
	                                        ELSE 'rising' END);
	since  timestamptz := coalesce(
		valid_from,
		(SELECT max(t.valid_from) FROM highwater.threshold t
		 WHERE t.datastream_id = stream AND t.cause = set_threshold.cause AND t.period = set_threshold.period
		   AND t.level = set_threshold.level AND t.valid_from <= now()),
		'-infinity');
BEGIN
	INSERT INTO highwater.threshold AS t
			(datastream_id, level, name, set_value, clear_value, direction, severity, source, valid_from,
			 cause, period,
			 on_delay, on_samples, off_delay,
			 latching, repeat_after)
		VALUES
			(stream, level, name, set_value, clear_value, worse, severity, source, since,
			 cause, period,
			 coalesce(on_delay, CASE WHEN street THEN interval '2 minutes' ELSE '0' END),
			 coalesce(on_samples, CASE WHEN street AND on_delay IS NULL THEN 2 ELSE 0 END),
			 coalesce(off_delay, CASE WHEN street THEN interval '15 minutes' ELSE '0' END),
			 coalesce(latching, false), coalesce(repeat_after, '0'))
		ON CONFLICT (datastream_id, cause, period, level, valid_from) DO UPDATE
			SET name = EXCLUDED.name,
			    set_value = EXCLUDED.set_value,
			    clear_value = EXCLUDED.clear_value,
			    direction = EXCLUDED.direction,
			    severity = EXCLUDED.severity,
			    source = coalesce(EXCLUDED.source, t.source),
			    on_delay = coalesce(set_threshold.on_delay, t.on_delay),
			    on_samples = coalesce(set_threshold.on_samples, t.on_samples),
			    off_delay = coalesce(set_threshold.off_delay, t.off_delay),
			    latching = coalesce(set_threshold.latching, t.latching),
			    repeat_after = coalesce(set_threshold.repeat_after, t.repeat_after);
	RETURN stream;
END
$$;
COMMENT ON FUNCTION highwater.set_threshold(
		text, text, integer, text, double precision, double precision, text, text, text,
		timestamptz, text, interval, interval, integer, interval, boolean, interval) IS
	'Sets an alert level, registering station and datastream when they are not there; returns the '
	'datastream_id. Values in the unit of the cause; clear_value NULL means the usual '
	'deadband (see threshold.clear_value). Without valid_from it changes the threshold in force, or '
	'makes one valid since ever; with one it begins a new row of the history. direction left out is '
	'rising, and falling for low_battery and projection. Delays, latching and '
	'repeat_after left out keep what is there; a new row has none, but for water_depth the defaults of a '
	'street: two readings or 2 minutes to raise, 15 minutes to clear. The same suit rivers that chatter.';
