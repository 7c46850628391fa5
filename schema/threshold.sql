/*
 * threshold - the alert levels of a datastream.
 *
 * A rising level is raised at value >= set_value and held until value <
 * clear_value; a falling one mirrors both. The gap between the two is the
 * deadband (ISA-18.2), without which waves would raise and clear an alert all
 * day. Levels are ranked by their set values, not by their numbers: authorities
 * count up or down.
 */

CREATE TABLE IF NOT EXISTS highwater.threshold (
	datastream_id integer NOT NULL REFERENCES highwater.datastream ON DELETE CASCADE,
	level         integer NOT NULL
		CONSTRAINT level_0_means_normal CHECK (level <> 0),
	name          text NOT NULL
		CONSTRAINT name_has_1_to_48_bytes CHECK (octet_length(name) BETWEEN 1 AND 48),
	set_value     double precision NOT NULL
		CONSTRAINT set_value_is_finite
		CHECK (set_value > '-Infinity' AND set_value < 'Infinity'),
	clear_value   double precision NOT NULL
		CONSTRAINT clear_value_is_finite
		CHECK (clear_value > '-Infinity' AND clear_value < 'Infinity'),
	direction     text NOT NULL DEFAULT 'rising'
		CONSTRAINT direction_is_rising_or_falling CHECK (direction IN ('rising', 'falling')),
	on_delay      interval NOT NULL DEFAULT '0'
		CONSTRAINT on_delay_must_be_0_in_this_version CHECK (on_delay = '0'),
	off_delay     interval NOT NULL DEFAULT '0'
		CONSTRAINT off_delay_must_be_0_in_this_version CHECK (off_delay = '0'),
	severity      text NOT NULL DEFAULT 'Moderate'
		CONSTRAINT severity_is_one_of_cap
		CHECK (severity IN ('Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown')),
	source        text,
	valid_from    timestamptz NOT NULL DEFAULT '-infinity',
	PRIMARY KEY (datastream_id, level, valid_from),
	CONSTRAINT rising_level_clears_at_or_below_set_value
		CHECK (direction <> 'rising' OR clear_value <= set_value),
	CONSTRAINT falling_level_clears_at_or_above_set_value
		CHECK (direction <> 'falling' OR clear_value >= set_value)
);
COMMENT ON TABLE highwater.threshold IS
	'Alert levels: any number a datastream, each with its history. Of rows with the same datastream and '
	'level, the one with the latest valid_from that has passed is in force (view threshold_in_force). '
	'Changes reach a running broker within a second.';
COMMENT ON COLUMN highwater.threshold.datastream_id IS
	'The datastream; its thresholds go with it when it is deleted.';
COMMENT ON COLUMN highwater.threshold.level IS
	'Number that the authority gives the level, counting up or down; not 0, which is normal.';
COMMENT ON COLUMN highwater.threshold.name IS
	'Name for people, such as "Alarm III"; 1 to 48 bytes. Stands in alerts.';
COMMENT ON COLUMN highwater.threshold.set_value IS
	'Raised at this value and beyond, in the unit and datum of the datastream. Finite.';
COMMENT ON COLUMN highwater.threshold.clear_value IS
	'Held until the value is below (rising) or above (falling) this one, same unit. When NULL is '
	'written, the trigger puts in set_value less a deadband (plus it when falling): 0.05 m; 0.02 m for '
	'water_depth; none for units other than m.';
COMMENT ON COLUMN highwater.threshold.direction IS 'rising: too much is the danger; falling: too little.';
COMMENT ON COLUMN highwater.threshold.on_delay IS
	'How long the value must stay beyond set_value before the level is raised. Must be 0 in this version '
	'of the schema.';
COMMENT ON COLUMN highwater.threshold.off_delay IS
	'How long the value must stay back before the level is cleared. Must be 0 in this version of the '
	'schema.';
COMMENT ON COLUMN highwater.threshold.severity IS
	'Severity of the Common Alerting Protocol: Extreme, Severe, Moderate, Minor or Unknown.';
COMMENT ON COLUMN highwater.threshold.source IS 'Where the value is published: decision, bulletin, survey.';
COMMENT ON COLUMN highwater.threshold.valid_from IS
	'In force from this moment until a later row takes over; -infinity: since ever.';

CREATE OR REPLACE FUNCTION highwater.default_clear_value()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	deadband numeric;
BEGIN
	SELECT CASE WHEN d.unit <> 'm' THEN 0 WHEN d.property = 'water_depth' THEN 0.02 ELSE 0.05 END
		INTO deadband
		FROM highwater.datastream d
		WHERE d.datastream_id = NEW.datastream_id;
	IF coalesce(deadband, 0) = 0 THEN -- a datastream that is not there is refused by the foreign key
		NEW.clear_value := NEW.set_value;
	ELSIF NEW.direction = 'falling' THEN
		NEW.clear_value := NEW.set_value::numeric + deadband;
	ELSE -- numeric, so that 1.40 - 0.05 is 1.35 and not 1.3499999999999999
		NEW.clear_value := NEW.set_value::numeric - deadband;
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION highwater.default_clear_value() IS
	'Trigger of threshold: a clear_value of NULL becomes the set_value with the usual deadband.';

CREATE OR REPLACE TRIGGER default_clear_value
	BEFORE INSERT OR UPDATE ON highwater.threshold
	FOR EACH ROW WHEN (NEW.clear_value IS NULL) EXECUTE FUNCTION highwater.default_clear_value();

CREATE OR REPLACE TRIGGER notify_registry
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON highwater.threshold
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.notify_registry();
