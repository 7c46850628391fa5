/*
 * role - who may do what: the least that each needs.
 *
 * Neither role can log in. Give them to roles that can, for instance
 *     CREATE ROLE mosquitto LOGIN IN ROLE highwater_writer;
 *     GRANT highwater_analyst TO grafana;
 * The owner of the schema edits stations, datastreams and thresholds.
 */
DO $$
BEGIN
	IF to_regrole('highwater_writer') IS NULL THEN
		CREATE ROLE highwater_writer NOLOGIN;
		COMMENT ON ROLE highwater_writer IS
			'Highwater: what the broker''s plugin needs. GRANT it to the role it logs in as.';
	END IF;
	IF to_regrole('highwater_analyst') IS NULL THEN
		CREATE ROLE highwater_analyst NOLOGIN;
		COMMENT ON ROLE highwater_analyst IS
			'Highwater: reads everything, changes nothing. GRANT it to people and dashboards.';
	END IF;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA highwater FROM PUBLIC;
GRANT USAGE ON SCHEMA highwater TO highwater_writer, highwater_analyst;
GRANT EXECUTE ON FUNCTION highwater.schema_version() TO highwater_writer, highwater_analyst;

-- The partitions of observation need no grants of their own: they are reached through it.
GRANT SELECT ON highwater.schema_history, highwater.observed_property, highwater.station,
	highwater.datastream, highwater.threshold, highwater.threshold_in_force, highwater.unit,
	highwater.quality_test, highwater.quality_rule, highwater.quality_rule_for_plugin,
	highwater.climatology, highwater.conversion_coefficient, highwater.group_member,
	highwater.object_hold_in_force
	TO highwater_writer;
GRANT INSERT ON highwater.station, highwater.datastream TO highwater_writer;
GRANT SELECT, INSERT ON highwater.observation, highwater.rejected, highwater.loss, highwater.silence
	TO highwater_writer;
-- The spike test of a reading is settled when its successor has arrived.
GRANT UPDATE (quality, quality_tests) ON highwater.observation TO highwater_writer;
GRANT SELECT, INSERT, UPDATE ON highwater.alert, highwater.alert_event, highwater.journal_position
	TO highwater_writer;
GRANT EXECUTE ON FUNCTION highwater.make_partitions(integer, integer), highwater.peak_level(text, text),
	highwater.store_transition(
		integer, text, text, integer, text, text, text, integer, text, integer, double precision,
		double precision, text, smallint, timestamptz, timestamptz, timestamptz, double precision,
		timestamptz, text, bigint, timestamptz, integer, timestamptz, smallint, text, text, text,
		timestamptz)
	TO highwater_writer;

GRANT SELECT ON highwater.schema_history, highwater.observed_property, highwater.station,
	highwater.datastream, highwater.threshold, highwater.observation, highwater.alert,
	highwater.alert_event, highwater.rejected, highwater.loss, highwater.journal_position,
	highwater.threshold_in_force, highwater.reading, highwater.latest, highwater.observation_hourly,
	highwater.observation_daily, highwater.flood_event, highwater.unit, highwater.quality_test,
	highwater.quality_rule, highwater.quality_rule_for_plugin, highwater.climatology,
	highwater.conversion, highwater.conversion_coefficient, highwater.silence,
	highwater.quality_rule_in_force, highwater.gap, highwater.reception_daily, highwater.group_member,
	highwater.object_hold_in_force, highwater.alert_incident, highwater.alarm_rate_hourly,
	highwater.alarm_chattering, highwater.alarm_standing, highwater.alarm_top_ten,
	highwater.alarm_acknowledgement, highwater.alarm_detection_delay
	TO highwater_analyst;
GRANT EXECUTE ON FUNCTION highwater.quality_verdicts(integer), highwater.quality_text(integer),
	highwater.frames_lost(integer, timestamptz, timestamptz)
	TO highwater_analyst;
