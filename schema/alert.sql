/*
 * alert - incidents, and the transitions that they are made of.
 *
 * An incident lasts from the first level raised to normal again. The broker
 * decides and publishes; these rows are the record of it. They arrive in the
 * order of the journal, but after a crash again, and from two brokers mixed:
 * store_transition() gives the same rows in any order.
 */

CREATE TABLE IF NOT EXISTS highwater.alert (
	incident      text PRIMARY KEY,
	datastream_id integer NOT NULL REFERENCES highwater.datastream,
	direction     text NOT NULL
		CONSTRAINT direction_is_rising_or_falling CHECK (direction IN ('rising', 'falling')),
	started       timestamptz NOT NULL,
	ended         timestamptz,
	level         integer NOT NULL,
	level_name    text NOT NULL,
	peak_level    integer NOT NULL,
	peak          double precision NOT NULL
		CONSTRAINT peak_is_finite CHECK (peak > '-Infinity' AND peak < 'Infinity'),
	peak_time     timestamptz NOT NULL,
	transitions   integer NOT NULL
		CONSTRAINT transitions_count_from_1 CHECK (transitions >= 1),
	cause         text NOT NULL DEFAULT 'threshold',
	period        interval NOT NULL DEFAULT '0',
	onset         timestamptz
);
CREATE INDEX IF NOT EXISTS alert_by_datastream ON highwater.alert (datastream_id, started);
COMMENT ON TABLE highwater.alert IS
	'One row an incident, from the first level raised to normal again. View flood_event shows them with '
	'names.';
COMMENT ON COLUMN highwater.alert.incident IS
	'Name of the incident, the same in all its messages: station/property/time of the raise.';
COMMENT ON COLUMN highwater.alert.datastream_id IS 'The datastream whose values raised it.';
COMMENT ON COLUMN highwater.alert.direction IS 'rising: the value came from below; falling: from above.';
COMMENT ON COLUMN highwater.alert.started IS 'Phenomenon time of the value that raised it.';
COMMENT ON COLUMN highwater.alert.ended IS
	'Phenomenon time of the value that was normal again; NULL while the incident is open.';
COMMENT ON COLUMN highwater.alert.level IS 'Level now (threshold.level); 0 is normal.';
COMMENT ON COLUMN highwater.alert.level_name IS 'Name of the level now.';
COMMENT ON COLUMN highwater.alert.peak_level IS
	'Most dangerous level so far: that of the furthest threshold crossed, whichever way the authority '
	'numbers them.';
COMMENT ON COLUMN highwater.alert.peak IS
	'Furthest value in the direction of the incident up to its last transition, in the unit of its cause '
	'(threshold.set_value).';
COMMENT ON COLUMN highwater.alert.peak_time IS 'Phenomenon time of the peak.';
COMMENT ON COLUMN highwater.alert.transitions IS
	'Sequence number of the last transition known, which is their number.';
COMMENT ON COLUMN highwater.alert.cause IS
	'What was watched, see threshold.cause: silence and flat batteries are incidents of their own.';
COMMENT ON COLUMN highwater.alert.period IS 'threshold.period of the alarm; 0 for causes without.';
COMMENT ON COLUMN highwater.alert.onset IS
	'When the value first was beyond what was raised, before any delay; NULL: not known.';

CREATE TABLE IF NOT EXISTS highwater.alert_event (
	identifier      text PRIMARY KEY,
	incident        text REFERENCES highwater.alert,
	sequence        integer
		CONSTRAINT sequence_counts_from_1 CHECK (sequence >= 1),
	msg_type        text
		CONSTRAINT msg_type_is_one_of_cap CHECK (msg_type IN ('Alert', 'Update', 'Cancel')),
	sent            timestamptz NOT NULL,
	phenomenon_time timestamptz NOT NULL,
	level           integer NOT NULL,
	level_name      text NOT NULL,
	previous_level  integer NOT NULL,
	cause           text NOT NULL,
	value           double precision
		CONSTRAINT value_is_finite CHECK (value > '-Infinity' AND value < 'Infinity'),
	threshold       double precision
		CONSTRAINT threshold_is_finite CHECK (threshold > '-Infinity' AND threshold < 'Infinity'),
	severity        text NOT NULL
		CONSTRAINT severity_is_one_of_cap
		CHECK (severity IN ('Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown')),
	quality         smallint NOT NULL
		CONSTRAINT quality_is_a_qartod_flag CHECK (quality IN (1, 2, 3, 4, 9)),
	event           text NOT NULL
		CONSTRAINT event_is_known
		CHECK (event IN ('raised', 'changed', 'cleared', 'repeated', 'acknowledged', 'shelved', 'unshelved',
		                 'suppressed', 'unsuppressed', 'out_of_service', 'in_service', 'test')),
	datastream_id   integer NOT NULL REFERENCES highwater.datastream,
	period          interval NOT NULL DEFAULT '0',
	onset           timestamptz,
	projected_level integer,
	projected_time  timestamptz,
	announced       boolean NOT NULL DEFAULT true,
	user_name       text,
	client_id       text,
	reason          text,
	until           timestamptz,
	CONSTRAINT incident_has_a_sequence_once UNIQUE (incident, sequence)
);
CREATE INDEX IF NOT EXISTS alert_event_by_datastream ON highwater.alert_event (datastream_id, sent);
COMMENT ON TABLE highwater.alert_event IS
	'One row a transition, and one an operator''s action: what was raised, told, acknowledged and shelved, '
	'by whom and why.';
COMMENT ON COLUMN highwater.alert_event.identifier IS
	'Name of the message, unique: incident/sequence; of an action: alarm/time/event.';
COMMENT ON COLUMN highwater.alert_event.incident IS
	'The incident that it belongs to; NULL: an action while none was open, or a test.';
COMMENT ON COLUMN highwater.alert_event.sequence IS 'Place in the incident; 1 is the raise; NULL: an action.';
COMMENT ON COLUMN highwater.alert_event.event IS
	'What happened: raised, changed, cleared, repeated (told again while active); by operators: acknowledged, '
	'shelved, unshelved, suppressed, unsuppressed, out_of_service, in_service, test (IEC 62682).';
COMMENT ON COLUMN highwater.alert_event.datastream_id IS 'The datastream whose alarm it is.';
COMMENT ON COLUMN highwater.alert_event.period IS 'threshold.period of the alarm; 0 for causes without.';
COMMENT ON COLUMN highwater.alert_event.onset IS
	'When the value first was beyond what was raised, before any delay; NULL: not known.';
COMMENT ON COLUMN highwater.alert_event.projected_level IS
	'Level that the value will reach next by its recent rise (Theil-Sen slope); NULL: no projection.';
COMMENT ON COLUMN highwater.alert_event.projected_time IS
	'When, by that rise; of upstream: when the water will be here. NULL: no projection.';
COMMENT ON COLUMN highwater.alert_event.announced IS
	'False: not told on alerts/, since the alarm was shelved, suppressed or out of service, or since it is an '
	'action.';
COMMENT ON COLUMN highwater.alert_event.user_name IS 'User who did it; NULL: no action, or an anonymous client.';
COMMENT ON COLUMN highwater.alert_event.client_id IS 'MQTT client that asked for it; NULL: no action.';
COMMENT ON COLUMN highwater.alert_event.reason IS 'Reason that was given.';
COMMENT ON COLUMN highwater.alert_event.until IS 'Shelved until then; NULL: no shelving.';
COMMENT ON COLUMN highwater.alert_event.msg_type IS
	'Type of the Common Alerting Protocol: Alert raises, Update changes the level, Cancel ends the '
	'incident; NULL: an action that is no message.';
COMMENT ON COLUMN highwater.alert_event.sent IS 'When the broker published it.';
COMMENT ON COLUMN highwater.alert_event.phenomenon_time IS 'When the water had the value.';
COMMENT ON COLUMN highwater.alert_event.level IS 'Level from here on (threshold.level); 0 is normal.';
COMMENT ON COLUMN highwater.alert_event.level_name IS 'Name of that level.';
COMMENT ON COLUMN highwater.alert_event.previous_level IS 'Level until here; 0 is normal.';
COMMENT ON COLUMN highwater.alert_event.cause IS 'What was watched, see threshold.cause; test for a test alert.';
COMMENT ON COLUMN highwater.alert_event.value IS
	'The value, in the unit and datum of the datastream; NULL for a cause that has none.';
COMMENT ON COLUMN highwater.alert_event.threshold IS
	'The set or clear value that was crossed, same unit; NULL for a cause that has none.';
COMMENT ON COLUMN highwater.alert_event.severity IS
	'Severity of the Common Alerting Protocol: of the level now, or of the level left when it is normal.';
COMMENT ON COLUMN highwater.alert_event.quality IS
	'QARTOD flag of the value: 1 pass, 2 not evaluated, 3 suspect or of high interest, 4 fail, 9 '
	'missing.';

/*
 * The most dangerous level is the one with the furthest set value that was
 * reached. A transition crosses a set value when its value lies beyond the
 * threshold, and a clear value when it lies before it.
 */
CREATE OR REPLACE FUNCTION highwater.peak_level(incident text, direction text)
	RETURNS integer
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT e.level
	FROM highwater.alert_event e,
	     (SELECT CASE peak_level.direction WHEN 'falling' THEN -1 ELSE 1 END AS sign) AS s
	WHERE e.incident = peak_level.incident AND e.level <> 0
	ORDER BY coalesce(s.sign * e.value >= s.sign * e.threshold, false) DESC,
	         s.sign * e.threshold DESC NULLS LAST, e.sequence
	LIMIT 1
$$;
COMMENT ON FUNCTION highwater.peak_level(text, text) IS
	'Part of store_transition(): most dangerous level among the transitions of an incident that are '
	'stored; NULL for none.';

CREATE OR REPLACE FUNCTION highwater.store_transition(
		datastream_id integer, incident text, identifier text, sequence integer, msg_type text,
		cause text, direction text, level integer, level_name text, previous_level integer,
		value double precision, threshold double precision, severity text, quality smallint,
		phenomenon_time timestamptz, sent timestamptz, started timestamptz,
		peak double precision, peak_time timestamptz, event text DEFAULT NULL, period_us bigint DEFAULT 0,
		onset timestamptz DEFAULT NULL, projected_level integer DEFAULT NULL,
		projected_time timestamptz DEFAULT NULL, announced smallint DEFAULT 1, user_name text DEFAULT NULL,
		client_id text DEFAULT NULL, reason text DEFAULT NULL, until timestamptz DEFAULT NULL)
	RETURNS boolean
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	sign   integer := CASE direction WHEN 'falling' THEN -1 ELSE 1 END;
	period interval := period_us * interval '1 microsecond';
	happened text := coalesce(
		event,
		CASE WHEN level = 0 THEN 'cleared' WHEN sequence = 1 THEN 'raised' ELSE 'changed' END);
	action boolean := happened NOT IN ('raised', 'changed', 'cleared', 'repeated');
BEGIN
	IF NOT action THEN
		INSERT INTO highwater.alert
				(incident, datastream_id, direction, started,
				 ended, level, level_name,
				 peak_level, peak, peak_time, transitions, cause, period, onset)
			VALUES
				(incident, datastream_id, direction, started,
				 CASE WHEN level = 0 THEN phenomenon_time END, level, level_name,
				 CASE WHEN level = 0 THEN previous_level ELSE level END, peak, peak_time, sequence,
				 cause, period, onset)
			ON CONFLICT DO NOTHING;
	END IF;
	INSERT INTO highwater.alert_event
			(identifier,
			 incident,
			 sequence, msg_type, sent, phenomenon_time, level,
			 level_name, previous_level, cause, value, threshold, severity, quality, event,
			 datastream_id, period, onset, projected_level, projected_time, announced,
			 user_name, client_id, reason, until)
		VALUES
			(identifier,
			 -- an action may come before the raise that it speaks of, from another broker's journal
			 CASE WHEN NOT action OR EXISTS (SELECT FROM highwater.alert a
			                                 WHERE a.incident = store_transition.incident)
			      THEN incident END,
			 CASE WHEN NOT action THEN sequence END, msg_type, sent, phenomenon_time, level,
			 level_name, previous_level, cause, value, threshold, severity, quality, happened,
			 datastream_id, period, onset, projected_level, projected_time, announced <> 0,
			 user_name, client_id, reason, until)
		ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF action THEN
		RETURN true;
	END IF;

	UPDATE highwater.alert a
		SET level = store_transition.level,
		    level_name = store_transition.level_name,
		    ended = CASE WHEN store_transition.level = 0 THEN store_transition.phenomenon_time END,
		    transitions = store_transition.sequence
		WHERE a.incident = store_transition.incident AND a.transitions < store_transition.sequence;
	UPDATE highwater.alert a
		SET peak = store_transition.peak,
		    peak_time = store_transition.peak_time
		WHERE a.incident = store_transition.incident AND sign * store_transition.peak > sign * a.peak;
	UPDATE highwater.alert a
		SET peak_level = coalesce(highwater.peak_level(a.incident, a.direction), a.peak_level),
		    onset = coalesce(a.onset, store_transition.onset)
		WHERE a.incident = store_transition.incident;
	RETURN true;
END
$$;
COMMENT ON FUNCTION highwater.store_transition(
		integer, text, text, integer, text, text, text, integer, text, integer, double precision,
		double precision, text, smallint, timestamptz, timestamptz, timestamptz, double precision,
		timestamptz, text, bigint, timestamptz, integer, timestamptz, smallint, text, text, text,
		timestamptz) IS
	'Stores one transition of an alert level and brings its incident up to date, or stores an operator''s '
	'action, which changes no incident; called by the plugin. Values in the unit of the cause, period_us in '
	'microseconds, announced 0 or 1; event NULL: raised, changed or cleared, as level and sequence say. Returns true when it was new, false when it was there already: then '
	'nothing changes. A transition that comes late never takes back what a later one has said.';
