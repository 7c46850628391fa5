/*
 * upgrade-3 - from version 1 or 2 to version 3: alarms.
 *
 * Tables that are there already; what is new is made by the part files. Every threshold stays what it was: cause
 * threshold, no delays. Old events are told apart by their place in the incident.
 */
ALTER TABLE highwater.threshold
	DROP CONSTRAINT on_delay_must_be_0_in_this_version,
	DROP CONSTRAINT off_delay_must_be_0_in_this_version,
	ADD CONSTRAINT on_delay_is_7_days_at_most CHECK (on_delay BETWEEN '0' AND '7 days'),
	ADD CONSTRAINT off_delay_is_7_days_at_most CHECK (off_delay BETWEEN '0' AND '7 days'),
	ADD COLUMN cause text NOT NULL DEFAULT 'threshold'
		CONSTRAINT cause_is_known
		CHECK (cause IN ('threshold', 'rate', 'rain', 'stale', 'dead', 'sensor_error', 'low_battery',
		                 'projection', 'group', 'upstream')),
	ADD COLUMN period interval NOT NULL DEFAULT '0'
		CONSTRAINT period_is_7_days_at_most CHECK (period BETWEEN '0' AND '7 days'),
	ADD COLUMN on_samples smallint NOT NULL DEFAULT 0
		CONSTRAINT on_samples_are_1000_at_most CHECK (on_samples BETWEEN 0 AND 1000),
	ADD COLUMN latching boolean NOT NULL DEFAULT false,
	ADD COLUMN repeat_after interval NOT NULL DEFAULT '0'
		CONSTRAINT repeat_after_is_0_or_a_minute_to_30_days
		CHECK (repeat_after = '0' OR repeat_after BETWEEN '1 minute' AND '30 days'),
	DROP CONSTRAINT threshold_pkey,
	ADD PRIMARY KEY (datastream_id, cause, period, level, valid_from);

ALTER TABLE highwater.observed_property
	ADD COLUMN rise_max double precision
		CONSTRAINT rise_max_is_not_negative CHECK (rise_max >= 0 AND rise_max < 'Infinity'),
	ADD COLUMN object_move double precision
		CONSTRAINT object_move_is_positive CHECK (object_move > 0 AND object_move < 'Infinity'),
	ADD COLUMN object_hold interval
		CONSTRAINT object_hold_is_7_days_at_most CHECK (object_hold BETWEEN '0' AND '7 days');
UPDATE highwater.observed_property SET rise_max = 0.1, object_move = 0.03, object_hold = '12 hours'
	WHERE code = 'water_depth' AND unit = 'm';

ALTER TABLE highwater.station
	ADD COLUMN cap_area text
		CONSTRAINT cap_area_has_500_bytes_at_most CHECK (octet_length(cap_area) <= 500);

ALTER TABLE highwater.datastream
	ADD COLUMN rise_max double precision
		CONSTRAINT rise_max_is_not_negative CHECK (rise_max >= 0 AND rise_max < 'Infinity'),
	ADD COLUMN object_move double precision
		CONSTRAINT object_move_is_positive CHECK (object_move > 0 AND object_move < 'Infinity'),
	ADD COLUMN object_hold interval
		CONSTRAINT object_hold_is_7_days_at_most CHECK (object_hold BETWEEN '0' AND '7 days');

ALTER TABLE highwater.alert
	ADD COLUMN cause text NOT NULL DEFAULT 'threshold',
	ADD COLUMN period interval NOT NULL DEFAULT '0',
	ADD COLUMN onset timestamptz;

ALTER TABLE highwater.alert_event
	ADD COLUMN event text NOT NULL DEFAULT 'changed'
		CONSTRAINT event_is_known
		CHECK (event IN ('raised', 'changed', 'cleared', 'repeated', 'acknowledged', 'shelved', 'unshelved',
		                 'suppressed', 'unsuppressed', 'out_of_service', 'in_service', 'test')),
	ADD COLUMN datastream_id integer REFERENCES highwater.datastream,
	ADD COLUMN period interval NOT NULL DEFAULT '0',
	ADD COLUMN onset timestamptz,
	ADD COLUMN projected_level integer,
	ADD COLUMN projected_time timestamptz,
	ADD COLUMN announced boolean NOT NULL DEFAULT true,
	ADD COLUMN user_name text,
	ADD COLUMN client_id text,
	ADD COLUMN reason text,
	ADD COLUMN until timestamptz,
	ALTER COLUMN incident DROP NOT NULL,
	ALTER COLUMN sequence DROP NOT NULL,
	ALTER COLUMN msg_type DROP NOT NULL;
UPDATE highwater.alert_event e
	SET event = CASE WHEN e.level = 0 THEN 'cleared' WHEN e.sequence = 1 THEN 'raised' ELSE 'changed' END,
	    datastream_id = a.datastream_id
	FROM highwater.alert a WHERE a.incident = e.incident;
ALTER TABLE highwater.alert_event
	ALTER COLUMN event DROP DEFAULT,
	ALTER COLUMN datastream_id SET NOT NULL;

-- They have more arguments now.
DROP FUNCTION highwater.store_transition(
	integer, text, text, integer, text, text, text, integer, text, integer, double precision,
	double precision, text, smallint, timestamptz, timestamptz, timestamptz, double precision, timestamptz);
DROP FUNCTION highwater.register_station(text, text, double precision, double precision, text, text, text);
DROP FUNCTION highwater.set_threshold(
	text, text, integer, text, double precision, double precision, text, text, text, timestamptz);
