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
		CONSTRAINT on_delay_is_7_days_at_most CHECK (on_delay BETWEEN '0' AND '7 days'),
	off_delay     interval NOT NULL DEFAULT '0'
		CONSTRAINT off_delay_is_7_days_at_most CHECK (off_delay BETWEEN '0' AND '7 days'),
	severity      text NOT NULL DEFAULT 'Moderate'
		CONSTRAINT severity_is_one_of_cap
		CHECK (severity IN ('Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown')),
	source        text,
	valid_from    timestamptz NOT NULL DEFAULT '-infinity',
	cause         text NOT NULL DEFAULT 'threshold'
		CONSTRAINT cause_is_known
		CHECK (cause IN ('threshold', 'rate', 'rain', 'stale', 'dead', 'sensor_error', 'low_battery',
		                 'projection', 'group', 'upstream')),
	period        interval NOT NULL DEFAULT '0'
		CONSTRAINT period_is_7_days_at_most CHECK (period BETWEEN '0' AND '7 days'),
	on_samples    smallint NOT NULL DEFAULT 0
		CONSTRAINT on_samples_are_1000_at_most CHECK (on_samples BETWEEN 0 AND 1000),
	latching      boolean NOT NULL DEFAULT false,
	repeat_after  interval NOT NULL DEFAULT '0'
		CONSTRAINT repeat_after_is_0_or_a_minute_to_30_days
		CHECK (repeat_after = '0' OR repeat_after BETWEEN '1 minute' AND '30 days'),
	PRIMARY KEY (datastream_id, cause, period, level, valid_from),
	CONSTRAINT rising_level_clears_at_or_below_set_value
		CHECK (direction <> 'rising' OR clear_value <= set_value),
	CONSTRAINT falling_level_clears_at_or_above_set_value
		CHECK (direction <> 'falling' OR clear_value >= set_value)
);
COMMENT ON TABLE highwater.threshold IS
	'Alert levels: any number a datastream, each with its history. Rows with the same datastream, cause and '
	'period are the levels of one alarm. Of rows with the same level of one alarm, the one with the latest '
	'valid_from that has passed is in force (view threshold_in_force). Changes reach a running broker '
	'within a second. Terms are those of ISA-18.2 and IEC 62682.';
COMMENT ON COLUMN highwater.threshold.datastream_id IS
	'The datastream; its thresholds go with it when it is deleted.';
COMMENT ON COLUMN highwater.threshold.level IS
	'Number that the authority gives the level, counting up or down; not 0, which is normal.';
COMMENT ON COLUMN highwater.threshold.name IS
	'Name for people, such as "Alarm III"; 1 to 48 bytes. Stands in alerts.';
COMMENT ON COLUMN highwater.threshold.set_value IS
	'Raised at this value and beyond. Finite. For threshold, low_battery and rain in the unit (and datum) of '
	'the datastream; rate: that unit an hour; stale and dead: expected intervals without a reading; '
	'sensor_error: readings of quality 4 or 9 in a row; projection: minutes; group and upstream: members.';
COMMENT ON COLUMN highwater.threshold.clear_value IS
	'Held until the value is below (rising) or above (falling) this one, same unit. When NULL is '
	'written, the trigger puts in set_value less a deadband (plus it when falling): 0.05 m; 0.02 m for '
	'water_depth; none for units other than m. For the other causes: rate half of set_value, rain 0.8 of '
	'it, stale, dead and sensor_error 1 (one good reading ends them), projection 1.5 times set_value, '
	'low_battery 0.05 V or 5 % above it, group and upstream set_value.';
COMMENT ON COLUMN highwater.threshold.direction IS 'rising: too much is the danger; falling: too little.';
COMMENT ON COLUMN highwater.threshold.on_delay IS
	'How long the value must stay beyond set_value before the level is raised, 0 to 7 days, in the time of '
	'the readings; by the clock when none comes. 0: at once.';
COMMENT ON COLUMN highwater.threshold.off_delay IS
	'How long the value must stay behind clear_value before the level is cleared, 0 to 7 days. 0: at '
	'once. 15 min suit water (without it a flood with a dip is two incidents).';
COMMENT ON COLUMN highwater.threshold.severity IS
	'Severity of the Common Alerting Protocol: Extreme, Severe, Moderate, Minor or Unknown.';
COMMENT ON COLUMN highwater.threshold.source IS 'Where the value is published: decision, bulletin, survey.';
COMMENT ON COLUMN highwater.threshold.valid_from IS
	'In force from this moment until a later row takes over; -infinity: since ever.';
COMMENT ON COLUMN highwater.threshold.cause IS
	'What is watched: threshold, the value; rate, its rise over period; rain, the sum over period; stale '
	'and dead, silence; sensor_error, readings without a usable value; low_battery, the value of a '
	'battery; projection, the time until the next level of cause threshold is reached; group and '
	'upstream, members of group_member at their levels.';
COMMENT ON COLUMN highwater.threshold.period IS
	'Span that rate (1 min to 7 days), rain (10 min to 7 days), group and upstream look back on; 0 for '
	'other causes.';
COMMENT ON COLUMN highwater.threshold.on_samples IS
	'So many values in a row beyond set_value raise the level before on_delay is over; 0: only time counts.';
COMMENT ON COLUMN highwater.threshold.latching IS
	'True: the alarm stays at this level until somebody has acknowledged it, even when the water is gone.';
COMMENT ON COLUMN highwater.threshold.repeat_after IS
	'Told again so long after the last message while the level lasts, 1 minute to 30 days; 0: never.';

CREATE OR REPLACE FUNCTION highwater.default_clear_value()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	deadband numeric;
BEGIN
	IF NEW.cause IN ('rate', 'rain', 'stale', 'dead', 'sensor_error', 'projection', 'group', 'upstream') THEN
		NEW.clear_value := CASE NEW.cause
			WHEN 'rate' THEN NEW.set_value / 2
			WHEN 'rain' THEN NEW.set_value::numeric * 0.8
			WHEN 'projection' THEN NEW.set_value::numeric * 1.5
			WHEN 'group' THEN NEW.set_value
			WHEN 'upstream' THEN NEW.set_value
			ELSE 1 END;
		RETURN NEW;
	END IF;
	SELECT CASE WHEN NEW.cause = 'low_battery'
	            THEN CASE d.unit WHEN 'V' THEN 0.05 WHEN '%' THEN 5 ELSE 0 END
	            WHEN d.unit <> 'm' THEN 0 WHEN d.property = 'water_depth' THEN 0.02 ELSE 0.05 END
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
	'Trigger of threshold: a clear_value of NULL becomes the usual one of the cause.';

CREATE OR REPLACE TRIGGER default_clear_value
	BEFORE INSERT OR UPDATE ON highwater.threshold
	FOR EACH ROW WHEN (NEW.clear_value IS NULL) EXECUTE FUNCTION highwater.default_clear_value();

CREATE OR REPLACE FUNCTION highwater.check_threshold()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong record;
BEGIN
	SELECT mistake, hint INTO wrong FROM (VALUES
		(NEW.cause IN ('low_battery', 'projection') AND NEW.direction <> 'falling',
		 'its direction is rising', 'Less is worse: give direction falling.'),
		(NEW.cause IN ('rain', 'stale', 'dead', 'sensor_error', 'group', 'upstream') AND NEW.direction <> 'rising',
		 'its direction is falling', 'More is worse: give direction rising.'),
		(NEW.cause IN ('stale', 'dead', 'sensor_error', 'group', 'upstream') AND NEW.set_value < 1,
		 format('set_value %s is less than 1', NEW.set_value), 'It counts: give 1 or more.'),
		(NEW.cause IN ('rain', 'projection') AND NEW.set_value <= 0,
		 format('set_value %s is not above 0', NEW.set_value),
		 'Give the sum of rain, or the minutes until the level.'),
		(NEW.cause IN ('group', 'upstream') AND NEW.set_value > 16,
		 format('set_value %s is more than 16', NEW.set_value), 'A group has 16 members at most.'),
		(NEW.cause = 'rate' AND NEW.period < '1 minute',
		 format('period %s is shorter than a minute', NEW.period), 'Give 1 minute to 7 days.'),
		(NEW.cause = 'rain' AND NEW.period < '10 minutes',
		 format('period %s is shorter than 10 minutes', NEW.period), 'Give 10 minutes to 7 days.'),
		(NEW.cause NOT IN ('rate', 'rain', 'group', 'upstream') AND NEW.period <> '0',
		 format('period %s is given', NEW.period), 'Only rate, rain, group and upstream have one: leave it out.')
	) AS rule(is_wrong, mistake, hint) WHERE is_wrong LIMIT 1;
	IF wrong.mistake IS NOT NULL THEN
		RAISE EXCEPTION 'alarm %, level %, of %: %', NEW.cause, NEW.level,
			coalesce(highwater.datastream_label(NEW.datastream_id), 'datastream ' || NEW.datastream_id),
			wrong.mistake
			USING ERRCODE = 'check_violation', HINT = wrong.hint;
	END IF;
	IF NEW.cause IN ('stale', 'dead')
	   AND EXISTS (SELECT FROM highwater.datastream d
	               WHERE d.datastream_id = NEW.datastream_id AND d.expected_interval IS NULL) THEN
		RAISE WARNING 'threshold % of % has no effect as long as expected_interval is not known', NEW.cause,
			highwater.datastream_label(NEW.datastream_id)
			USING HINT = 'Set datastream.expected_interval, or use set_silence(…, expected_interval => …).';
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION highwater.check_threshold() IS
	'Trigger of threshold: refuses one that its cause makes no sense of, with datastream, level and mistake.';

CREATE OR REPLACE TRIGGER check_threshold
	BEFORE INSERT OR UPDATE ON highwater.threshold
	FOR EACH ROW EXECUTE FUNCTION highwater.check_threshold();

CREATE OR REPLACE TRIGGER notify_registry
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON highwater.threshold
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.notify_registry();
