/*
 * view - what people ask.
 *
 * Hours and days are those of the session: SET timezone = 'Asia/Ho_Chi_Minh'.
 */

CREATE OR REPLACE VIEW highwater.threshold_in_force AS
	SELECT DISTINCT ON (t.datastream_id, t.cause, t.period, t.level)
		t.datastream_id, s.code AS station, d.property, t.level, t.name, t.set_value, t.clear_value,
		d.unit, t.direction, t.on_delay, t.off_delay, t.severity, t.source, t.valid_from, t.cause,
		t.period, t.on_samples, t.latching, t.repeat_after
	FROM highwater.threshold t
	JOIN highwater.datastream d USING (datastream_id)
	JOIN highwater.station s USING (station_id)
	WHERE t.valid_from <= now()
	ORDER BY t.datastream_id, t.cause, t.period, t.level, t.valid_from DESC;
COMMENT ON VIEW highwater.threshold_in_force IS
	'The thresholds that alerts are judged by now: of each level of an alarm the one with the latest '
	'valid_from that has passed.';
COMMENT ON COLUMN highwater.threshold_in_force.datastream_id IS 'The datastream.';
COMMENT ON COLUMN highwater.threshold_in_force.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.threshold_in_force.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.threshold_in_force.level IS 'Number that the authority gives the level; never 0.';
COMMENT ON COLUMN highwater.threshold_in_force.name IS 'Name of the level.';
COMMENT ON COLUMN highwater.threshold_in_force.set_value IS 'Raised at this value and beyond, in unit.';
COMMENT ON COLUMN highwater.threshold_in_force.clear_value IS
	'Held until the value is back behind this one, in unit.';
COMMENT ON COLUMN highwater.threshold_in_force.unit IS 'Unit of the datastream, a UCUM code.';
COMMENT ON COLUMN highwater.threshold_in_force.direction IS 'rising or falling.';
COMMENT ON COLUMN highwater.threshold_in_force.on_delay IS 'Delay before raising.';
COMMENT ON COLUMN highwater.threshold_in_force.off_delay IS 'Delay before clearing.';
COMMENT ON COLUMN highwater.threshold_in_force.severity IS
	'Severity of the Common Alerting Protocol: Extreme, Severe, Moderate, Minor or Unknown.';
COMMENT ON COLUMN highwater.threshold_in_force.source IS 'Where the value is published.';
COMMENT ON COLUMN highwater.threshold_in_force.valid_from IS 'In force since then; -infinity: since ever.';
COMMENT ON COLUMN highwater.threshold_in_force.cause IS 'What is watched, see threshold.cause.';
COMMENT ON COLUMN highwater.threshold_in_force.period IS 'Span that it looks back on; 0 for causes without.';
COMMENT ON COLUMN highwater.threshold_in_force.on_samples IS
	'Values in a row that raise it before on_delay is over; 0: only time counts.';
COMMENT ON COLUMN highwater.threshold_in_force.latching IS 'True: stays until it has been acknowledged.';
COMMENT ON COLUMN highwater.threshold_in_force.repeat_after IS 'Told again so long after; 0: never.';

CREATE OR REPLACE VIEW highwater.reading AS
	SELECT s.code AS station, d.property, o.phenomenon_time, o.result, d.unit, o.quality, o.raw,
		o.quality_tests
	FROM highwater.observation o
	JOIN highwater.datastream d USING (datastream_id)
	JOIN highwater.station s USING (station_id);
COMMENT ON VIEW highwater.reading IS
	'Observations with names instead of numbers: the place to begin. Give it a station and a span of '
	'phenomenon_time.';
COMMENT ON COLUMN highwater.reading.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.reading.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.reading.phenomenon_time IS 'When the water had this level.';
COMMENT ON COLUMN highwater.reading.result IS 'The value, in unit; NULL: missing, quality 9.';
COMMENT ON COLUMN highwater.reading.unit IS 'Unit of the datastream, a UCUM code.';
COMMENT ON COLUMN highwater.reading.quality IS
	'QARTOD flag: 1 pass, 2 not evaluated, 3 suspect or of high interest, 4 fail, 9 missing.';
COMMENT ON COLUMN highwater.reading.raw IS
	'What the sensor said, in the input_unit of the conversion; NULL: the result is what it said.';
COMMENT ON COLUMN highwater.reading.quality_tests IS
	'Verdict of each quality test; quality_text() spells it out.';

-- A descent of the key for each datastream, instead of a walk through all rows.
CREATE OR REPLACE VIEW highwater.latest AS
	SELECT d.datastream_id, s.code AS station, s.name AS station_name, d.property, newest.phenomenon_time,
		newest.result, d.unit, d.datum, newest.quality, newest.received_time,
		now() - newest.phenomenon_time AS age, newest.raw, newest.quality_tests
	FROM highwater.datastream d
	JOIN highwater.station s USING (station_id)
	CROSS JOIN LATERAL (
		SELECT o.phenomenon_time, o.result, o.quality, o.received_time, o.raw, o.quality_tests
		FROM highwater.observation o
		WHERE o.datastream_id = d.datastream_id
		ORDER BY o.phenomenon_time DESC
		LIMIT 1
	) AS newest;
COMMENT ON VIEW highwater.latest IS
	'The newest observation of each datastream that has any, whatever its quality. A large age is a '
	'silent sensor.';
COMMENT ON COLUMN highwater.latest.datastream_id IS 'The datastream.';
COMMENT ON COLUMN highwater.latest.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.latest.station_name IS 'Name of the station.';
COMMENT ON COLUMN highwater.latest.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.latest.phenomenon_time IS 'When the water had this level.';
COMMENT ON COLUMN highwater.latest.result IS
	'The value, in unit above datum; NULL: missing, quality 9.';
COMMENT ON COLUMN highwater.latest.unit IS 'Unit of the datastream, a UCUM code.';
COMMENT ON COLUMN highwater.latest.datum IS 'Height that levels count from; NULL when not known.';
COMMENT ON COLUMN highwater.latest.quality IS
	'QARTOD flag: 1 pass, 2 not evaluated, 3 suspect or of high interest, 4 fail, 9 missing.';
COMMENT ON COLUMN highwater.latest.received_time IS 'When the broker had the message.';
COMMENT ON COLUMN highwater.latest.age IS 'Time since phenomenon_time.';
COMMENT ON COLUMN highwater.latest.raw IS
	'What the sensor said, in the input_unit of the conversion; NULL: the result is what it said.';
COMMENT ON COLUMN highwater.latest.quality_tests IS
	'Verdict of each quality test; quality_text() spells it out.';

CREATE OR REPLACE VIEW highwater.observation_hourly AS
	SELECT d.datastream_id, s.code AS station, d.property, d.unit,
		date_trunc('hour', o.phenomenon_time) AS hour,
		min(o.result) AS min, avg(o.result) AS avg, max(o.result) AS max, count(*) AS count
	FROM highwater.observation o
	JOIN highwater.datastream d USING (datastream_id)
	JOIN highwater.station s USING (station_id)
	WHERE o.quality NOT IN (4, 9)
	GROUP BY d.datastream_id, s.station_id, date_trunc('hour', o.phenomenon_time);
COMMENT ON VIEW highwater.observation_hourly IS
	'Observations by the hour, those that failed quality control or are missing (4, 9) left out; hours '
	'without any are absent. Hours of the session''s time zone.';
COMMENT ON COLUMN highwater.observation_hourly.datastream_id IS 'The datastream.';
COMMENT ON COLUMN highwater.observation_hourly.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.observation_hourly.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.observation_hourly.unit IS 'Unit of min, avg and max, a UCUM code.';
COMMENT ON COLUMN highwater.observation_hourly.hour IS 'Beginning of the hour.';
COMMENT ON COLUMN highwater.observation_hourly.min IS 'Smallest value, in unit.';
COMMENT ON COLUMN highwater.observation_hourly.avg IS 'Mean of the values, each counting the same, in unit.';
COMMENT ON COLUMN highwater.observation_hourly.max IS 'Largest value, in unit.';
COMMENT ON COLUMN highwater.observation_hourly.count IS 'How many observations.';

CREATE OR REPLACE VIEW highwater.observation_daily AS
	SELECT d.datastream_id, s.code AS station, d.property, d.unit,
		o.phenomenon_time::date AS day,
		min(o.result) AS min, avg(o.result) AS avg, max(o.result) AS max, count(*) AS count
	FROM highwater.observation o
	JOIN highwater.datastream d USING (datastream_id)
	JOIN highwater.station s USING (station_id)
	WHERE o.quality NOT IN (4, 9)
	GROUP BY d.datastream_id, s.station_id, o.phenomenon_time::date;
COMMENT ON VIEW highwater.observation_daily IS
	'Observations by the day, those that failed quality control or are missing (4, 9) left out; days '
	'without any are absent. Days of the session''s time zone, midnight to midnight.';
COMMENT ON COLUMN highwater.observation_daily.datastream_id IS 'The datastream.';
COMMENT ON COLUMN highwater.observation_daily.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.observation_daily.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.observation_daily.unit IS 'Unit of min, avg and max, a UCUM code.';
COMMENT ON COLUMN highwater.observation_daily.day IS 'The day.';
COMMENT ON COLUMN highwater.observation_daily.min IS 'Smallest value, in unit.';
COMMENT ON COLUMN highwater.observation_daily.avg IS 'Mean of the values, each counting the same, in unit.';
COMMENT ON COLUMN highwater.observation_daily.max IS 'Largest value, in unit.';
COMMENT ON COLUMN highwater.observation_daily.count IS 'How many observations.';

CREATE OR REPLACE VIEW highwater.flood_event AS
	SELECT a.incident, s.code AS station, s.name AS station_name, d.property, d.unit, d.datum,
		a.direction, a.started, a.ended, coalesce(a.ended, now()) - a.started AS duration,
		a.peak, a.peak_time, a.peak_level, top.level_name AS peak_level_name,
		a.level, a.level_name, a.transitions
	FROM highwater.alert a
	JOIN highwater.datastream d USING (datastream_id)
	JOIN highwater.station s USING (station_id)
	LEFT JOIN LATERAL (
		SELECT e.level_name
		FROM highwater.alert_event e
		WHERE e.incident = a.incident AND e.level = a.peak_level
		ORDER BY e.sequence DESC
		LIMIT 1
	) AS top ON true
	WHERE a.cause = 'threshold';
COMMENT ON VIEW highwater.flood_event IS
	'One row an incident of cause threshold, with names: from the first level raised to normal again.';
COMMENT ON COLUMN highwater.flood_event.incident IS 'Name of the incident, as in its alert messages.';
COMMENT ON COLUMN highwater.flood_event.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.flood_event.station_name IS 'Name of the station.';
COMMENT ON COLUMN highwater.flood_event.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.flood_event.unit IS 'Unit of the peak, a UCUM code.';
COMMENT ON COLUMN highwater.flood_event.datum IS 'Height that levels count from; NULL when not known.';
COMMENT ON COLUMN highwater.flood_event.direction IS 'rising or falling.';
COMMENT ON COLUMN highwater.flood_event.started IS 'When the first level was raised.';
COMMENT ON COLUMN highwater.flood_event.ended IS 'When it was normal again; NULL while open.';
COMMENT ON COLUMN highwater.flood_event.duration IS 'From started to ended, or until now while open.';
COMMENT ON COLUMN highwater.flood_event.peak IS
	'Furthest value up to the last transition, in unit above datum; view reading has those after it.';
COMMENT ON COLUMN highwater.flood_event.peak_time IS 'When the water had the peak.';
COMMENT ON COLUMN highwater.flood_event.peak_level IS 'Most dangerous level of the incident.';
COMMENT ON COLUMN highwater.flood_event.peak_level_name IS 'Name of that level.';
COMMENT ON COLUMN highwater.flood_event.level IS 'Level now; 0 is normal.';
COMMENT ON COLUMN highwater.flood_event.level_name IS 'Name of the level now.';
COMMENT ON COLUMN highwater.flood_event.transitions IS 'How many alert messages so far.';
