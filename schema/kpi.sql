/*
 * kpi - whether the alarms are any good to those who have to act on them.
 *
 * Measures of ISA-18.2 and IEC 62682 ("performance monitoring") and EEMUA 191: one alarm in 10 minutes is
 * manageable, ten are a flood. Tests and what was not announced are left out.
 */

CREATE OR REPLACE VIEW highwater.alert_incident AS
	SELECT a.incident, s.code AS station, s.name AS station_name, d.property, a.cause, a.period, d.unit,
		a.direction, a.onset, a.started, a.ended, coalesce(a.ended, now()) - a.started AS duration,
		a.peak, a.peak_time, a.peak_level, a.level, a.level_name, a.transitions
	FROM highwater.alert a
	JOIN highwater.datastream d USING (datastream_id)
	JOIN highwater.station s USING (station_id);
COMMENT ON VIEW highwater.alert_incident IS
	'One row an incident of any cause, with names; flood_event has those of the water alone.';
COMMENT ON COLUMN highwater.alert_incident.incident IS 'Name of the incident, as in its alert messages.';
COMMENT ON COLUMN highwater.alert_incident.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.alert_incident.station_name IS 'Name of the station.';
COMMENT ON COLUMN highwater.alert_incident.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.alert_incident.cause IS 'What was watched, see threshold.cause.';
COMMENT ON COLUMN highwater.alert_incident.period IS 'Span that it looks back on; 0 for causes without.';
COMMENT ON COLUMN highwater.alert_incident.unit IS 'Unit of the datastream; the peak is in the unit of the cause.';
COMMENT ON COLUMN highwater.alert_incident.direction IS 'rising or falling.';
COMMENT ON COLUMN highwater.alert_incident.onset IS 'When the value first was beyond what was raised.';
COMMENT ON COLUMN highwater.alert_incident.started IS 'When the first level was raised.';
COMMENT ON COLUMN highwater.alert_incident.ended IS 'When it was normal again; NULL while open.';
COMMENT ON COLUMN highwater.alert_incident.duration IS 'From started to ended, or until now while open.';
COMMENT ON COLUMN highwater.alert_incident.peak IS 'Furthest value up to the last transition.';
COMMENT ON COLUMN highwater.alert_incident.peak_time IS 'When it had the peak.';
COMMENT ON COLUMN highwater.alert_incident.peak_level IS 'Most dangerous level of the incident.';
COMMENT ON COLUMN highwater.alert_incident.level IS 'Level now; 0 is normal.';
COMMENT ON COLUMN highwater.alert_incident.level_name IS 'Name of the level now.';
COMMENT ON COLUMN highwater.alert_incident.transitions IS 'How many transitions so far.';

CREATE OR REPLACE VIEW highwater.alarm_rate_hourly AS
	WITH raised AS (
		SELECT e.sent, count(*) OVER (ORDER BY e.sent RANGE BETWEEN '10 min' PRECEDING AND CURRENT ROW) AS within
		FROM highwater.alert_event e
		WHERE e.event = 'raised' AND e.announced
	)
	SELECT date_trunc('hour', sent) AS hour, count(*) AS raised, max(within) AS most_in_10_min,
		CASE WHEN max(within) >= 10 THEN 'flood' WHEN max(within) > 1 THEN 'busy' ELSE 'manageable' END AS rating
	FROM raised
	GROUP BY 1;
COMMENT ON VIEW highwater.alarm_rate_hourly IS
	'Alarms raised in each hour that had any, and the most in any 10 minutes that end in it (EEMUA 191).';
COMMENT ON COLUMN highwater.alarm_rate_hourly.hour IS 'Begin of the hour, in the time zone of the session.';
COMMENT ON COLUMN highwater.alarm_rate_hourly.raised IS 'Alarms raised and announced.';
COMMENT ON COLUMN highwater.alarm_rate_hourly.most_in_10_min IS 'Most of them within 10 minutes.';
COMMENT ON COLUMN highwater.alarm_rate_hourly.rating IS
	'manageable: one in 10 minutes at most; flood: ten or more; busy: between.';

CREATE OR REPLACE VIEW highwater.alarm_chattering AS
	WITH told AS (
		SELECT e.datastream_id, e.cause, e.period, e.sent,
			count(*) OVER (PARTITION BY e.datastream_id, e.cause, e.period ORDER BY e.sent
			               RANGE BETWEEN '1 minute' PRECEDING AND CURRENT ROW) AS within
		FROM highwater.alert_event e
		WHERE e.event IN ('raised', 'changed', 'cleared')
	)
	SELECT s.code AS station, d.property, t.cause, t.period, max(t.within) AS most_in_a_minute,
		min(t.sent) AS first_time, max(t.sent) AS last_time, count(*) AS transitions
	FROM told t
	JOIN highwater.datastream d USING (datastream_id)
	JOIN highwater.station s USING (station_id)
	WHERE t.within >= 3
	GROUP BY s.code, d.property, t.cause, t.period;
COMMENT ON VIEW highwater.alarm_chattering IS
	'Alarms that made three transitions or more within a minute (ISA-18.2): they want a wider deadband or longer '
	'delays.';
COMMENT ON COLUMN highwater.alarm_chattering.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.alarm_chattering.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.alarm_chattering.cause IS 'What is watched, see threshold.cause.';
COMMENT ON COLUMN highwater.alarm_chattering.period IS 'Span that it looks back on; 0 for causes without.';
COMMENT ON COLUMN highwater.alarm_chattering.most_in_a_minute IS 'Most transitions within a minute.';
COMMENT ON COLUMN highwater.alarm_chattering.first_time IS 'When it was first seen.';
COMMENT ON COLUMN highwater.alarm_chattering.last_time IS 'When it was last seen.';
COMMENT ON COLUMN highwater.alarm_chattering.transitions IS
	'Transitions that were the third or a later one within a minute.';

CREATE OR REPLACE VIEW highwater.alarm_standing AS
	SELECT i.station, i.property, i.cause, i.period, i.incident, i.level, i.level_name, i.started, i.duration,
		EXISTS (SELECT FROM highwater.alert_event e
		        WHERE e.incident = i.incident AND e.event = 'acknowledged') AS acknowledged
	FROM highwater.alert_incident i
	WHERE i.ended IS NULL AND i.started < now() - interval '24 hours';
COMMENT ON VIEW highwater.alarm_standing IS
	'Alarms that have stood for more than 24 hours (ISA-18.2 calls them stale): nobody looks at them any more.';
COMMENT ON COLUMN highwater.alarm_standing.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.alarm_standing.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.alarm_standing.cause IS 'What is watched, see threshold.cause.';
COMMENT ON COLUMN highwater.alarm_standing.period IS 'Span that it looks back on; 0 for causes without.';
COMMENT ON COLUMN highwater.alarm_standing.incident IS 'Name of the incident.';
COMMENT ON COLUMN highwater.alarm_standing.level IS 'Level now.';
COMMENT ON COLUMN highwater.alarm_standing.level_name IS 'Name of the level now.';
COMMENT ON COLUMN highwater.alarm_standing.started IS 'When it was raised.';
COMMENT ON COLUMN highwater.alarm_standing.duration IS 'How long it has stood.';
COMMENT ON COLUMN highwater.alarm_standing.acknowledged IS 'Whether somebody has acknowledged it.';

CREATE OR REPLACE VIEW highwater.alarm_top_ten AS
	SELECT s.code AS station, d.property, e.cause, e.period, count(*) AS raised,
		round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS percent
	FROM highwater.alert_event e
	JOIN highwater.datastream d USING (datastream_id)
	JOIN highwater.station s USING (station_id)
	WHERE e.event = 'raised' AND e.announced AND e.sent > now() - interval '30 days'
	GROUP BY s.code, d.property, e.cause, e.period
	ORDER BY raised DESC, station, property, cause, period
	LIMIT 10;
COMMENT ON VIEW highwater.alarm_top_ten IS
	'The ten alarms that were raised most often in the last 30 days (EEMUA 191): as a rule few make most of all.';
COMMENT ON COLUMN highwater.alarm_top_ten.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.alarm_top_ten.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.alarm_top_ten.cause IS 'What is watched, see threshold.cause.';
COMMENT ON COLUMN highwater.alarm_top_ten.period IS 'Span that it looks back on; 0 for causes without.';
COMMENT ON COLUMN highwater.alarm_top_ten.raised IS 'How often it was raised.';
COMMENT ON COLUMN highwater.alarm_top_ten.percent IS 'Its share of all that were raised, percent.';

CREATE OR REPLACE VIEW highwater.alarm_acknowledgement AS
	SELECT i.station, i.property, i.cause, i.period, i.incident, raise.sent AS raised, ack.sent AS acknowledged,
		ack.user_name, ack.sent - raise.sent AS time_to_acknowledge
	FROM highwater.alert_incident i
	JOIN highwater.alert_event raise ON raise.incident = i.incident AND raise.event = 'raised'
	LEFT JOIN LATERAL (
		SELECT e.sent, e.user_name
		FROM highwater.alert_event e
		WHERE e.incident = i.incident AND e.event = 'acknowledged'
		ORDER BY e.sent
		LIMIT 1
	) AS ack ON true
	WHERE raise.announced;
COMMENT ON VIEW highwater.alarm_acknowledgement IS
	'How long each alarm waited until somebody acknowledged it; NULL: nobody has.';
COMMENT ON COLUMN highwater.alarm_acknowledgement.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.alarm_acknowledgement.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.alarm_acknowledgement.cause IS 'What is watched, see threshold.cause.';
COMMENT ON COLUMN highwater.alarm_acknowledgement.period IS 'Span that it looks back on; 0 for causes without.';
COMMENT ON COLUMN highwater.alarm_acknowledgement.incident IS 'Name of the incident.';
COMMENT ON COLUMN highwater.alarm_acknowledgement.raised IS 'When it was announced.';
COMMENT ON COLUMN highwater.alarm_acknowledgement.acknowledged IS 'When it was acknowledged first.';
COMMENT ON COLUMN highwater.alarm_acknowledgement.user_name IS 'By whom; NULL: nobody, or an anonymous client.';
COMMENT ON COLUMN highwater.alarm_acknowledgement.time_to_acknowledge IS 'From raised to acknowledged.';

CREATE OR REPLACE VIEW highwater.alarm_detection_delay AS
	SELECT i.station, i.property, i.cause, i.period, i.incident, e.onset, e.phenomenon_time AS decided, e.sent,
		e.phenomenon_time - e.onset AS confirmation, e.sent - e.phenomenon_time AS transport,
		e.sent - e.onset AS delay
	FROM highwater.alert_incident i
	JOIN highwater.alert_event e ON e.incident = i.incident AND e.event = 'raised'
	WHERE e.onset IS NOT NULL;
COMMENT ON VIEW highwater.alarm_detection_delay IS
	'From the first reading beyond the level to the message, of each raise. FloodNet NYC: of one street flood in '
	'ten, five minutes are all the lead time there is.';
COMMENT ON COLUMN highwater.alarm_detection_delay.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.alarm_detection_delay.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.alarm_detection_delay.cause IS 'What is watched, see threshold.cause.';
COMMENT ON COLUMN highwater.alarm_detection_delay.period IS 'Span that it looks back on; 0 for causes without.';
COMMENT ON COLUMN highwater.alarm_detection_delay.incident IS 'Name of the incident.';
COMMENT ON COLUMN highwater.alarm_detection_delay.onset IS 'Phenomenon time of the first value beyond the level.';
COMMENT ON COLUMN highwater.alarm_detection_delay.decided IS 'Phenomenon time at which it was raised.';
COMMENT ON COLUMN highwater.alarm_detection_delay.sent IS 'When the broker published it.';
COMMENT ON COLUMN highwater.alarm_detection_delay.confirmation IS 'From onset to decided: delays that were set up.';
COMMENT ON COLUMN highwater.alarm_detection_delay.transport IS
	'From decided to sent: radio, network, broker; of data that was played in later it says nothing.';
COMMENT ON COLUMN highwater.alarm_detection_delay.delay IS 'From onset to sent.';
