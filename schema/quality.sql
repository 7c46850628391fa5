/*
 * quality - the tests of quality control and their limits.
 *
 * The tests are those of IOOS, Manual for Real-Time Quality Control of Water
 * Level Data, v2.1 (2021), and a few of our own. A rule sets one test up for a
 * property (of every station) or for one datastream; the datastream's own rule
 * replaces its property's as a whole. What a rule may hold is checked by
 * trigger check_quality_rule, so that the refusal names station, property, test
 * and mistake.
 */

CREATE TABLE IF NOT EXISTS highwater.quality_test (
	test_id     smallint PRIMARY KEY
		CONSTRAINT test_id_is_from_0_to_9 CHECK (test_id BETWEEN 0 AND 9),
	code        text NOT NULL UNIQUE,
	name        text NOT NULL,
	description text NOT NULL,
	parameters  text[] NOT NULL
);
COMMENT ON TABLE highwater.quality_test IS 'The tests that there are. The list belongs to the software.';
COMMENT ON COLUMN highwater.quality_test.test_id IS
	'Number of the test: its verdict stands in the three bits from 3 * test_id of '
	'observation.quality_tests.';
COMMENT ON COLUMN highwater.quality_test.code IS 'Name in rules, such as gross_range.';
COMMENT ON COLUMN highwater.quality_test.name IS 'Name for people.';
COMMENT ON COLUMN highwater.quality_test.description IS 'What is flagged, and how.';
COMMENT ON COLUMN highwater.quality_test.parameters IS
	'Columns of quality_rule that the test uses; the others are NULL in its rules.';

-- plugin/qc.h holds the same numbers and codes.
INSERT INTO highwater.quality_test AS t (test_id, code, name, description, parameters) VALUES
	(0, 'gap', 'Gap',
	 'Fail when more than period has passed since the reading before. A fact about the readings that did '
	 'not come: it does not count in observation.quality.', '{period}'),
	(1, 'missing', 'Error codes',
	 'Missing when the raw value is one of codes, by which the sensor says that it has no reading.',
	 '{codes}'),
	(2, 'time', 'Duplicate and non-monotonic time',
	 'Suspect when a reading has the time of another one or comes after a later one.', '{}'),
	(3, 'gross_range', 'Gross range',
	 'Fail outside fail_min to fail_max, suspect outside suspect_min to suspect_max; a limit itself is '
	 'inside.', '{suspect_min,suspect_max,fail_min,fail_max}'),
	(4, 'climatology', 'Climatology',
	 'As gross_range, with the limits of the season in table climatology; not evaluated outside all '
	 'seasons.', '{}'),
	(5, 'spike', 'Spike',
	 'Suspect or fail when a value differs from its two neighbours by more than a threshold: average, from '
	 'their mean; differential, from both in the same direction, by the smaller difference. The newest '
	 'value is not evaluated before the next one is there.',
	 '{suspect_threshold,fail_threshold,method}'),
	(6, 'rate_of_change', 'Rate of change',
	 'Suspect or fail when the value changed by more than a threshold per second since the one before. Less '
	 'time than period counts as period, so that readings that come close together make no rate of their noise.',
	 '{suspect_threshold,fail_threshold,period}'),
	(7, 'flat_line', 'Flat line',
	 'Suspect or fail when all values of the last suspect_after or fail_after lie within less than '
	 'tolerance.', '{suspect_after,fail_after,tolerance}'),
	(8, 'attenuated_signal', 'Attenuated signal',
	 'Suspect or fail when range or standard deviation of the last period is less than a threshold.',
	 '{suspect_threshold,fail_threshold,method,period,min_count,min_period}'),
	(9, 'neighbour', 'Neighbour',
	 'Suspect or fail when the value differs by more than a threshold from the newest one of another '
	 'datastream that is not older than period.',
	 '{suspect_threshold,fail_threshold,period,neighbour_id}')
	ON CONFLICT (test_id) DO UPDATE
		SET code = EXCLUDED.code, name = EXCLUDED.name, description = EXCLUDED.description,
		    parameters = EXCLUDED.parameters;

CREATE TABLE IF NOT EXISTS highwater.quality_rule (
	quality_rule_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	property          text REFERENCES highwater.observed_property ON DELETE CASCADE,
	datastream_id     integer REFERENCES highwater.datastream ON DELETE CASCADE,
	test              text NOT NULL REFERENCES highwater.quality_test (code),
	enabled           boolean NOT NULL DEFAULT true,
	suspect_min       double precision,
	suspect_max       double precision,
	fail_min          double precision,
	fail_max          double precision,
	suspect_threshold double precision,
	fail_threshold    double precision,
	suspect_after     interval,
	fail_after        interval,
	method            text,
	period            interval,
	tolerance         double precision,
	min_count         integer,
	min_period        interval,
	codes             double precision[],
	neighbour_id      integer REFERENCES highwater.datastream ON DELETE CASCADE,
	note              text,
	CONSTRAINT property_or_datastream CHECK (num_nonnulls(property, datastream_id) = 1),
	CONSTRAINT property_has_a_test_once UNIQUE (property, test),
	CONSTRAINT datastream_has_a_test_once UNIQUE (datastream_id, test)
);
COMMENT ON TABLE highwater.quality_rule IS
	'Which tests judge which readings, with what limits. A datastream''s own rule replaces its property''s '
	'for that test as a whole. Changes reach a running broker within a second and judge what comes from '
	'then on; recompute() judges again what is stored.';
COMMENT ON COLUMN highwater.quality_rule.quality_rule_id IS 'Number of the rule.';
COMMENT ON COLUMN highwater.quality_rule.property IS
	'The rule is for this property at every station; limits in the property''s usual unit.';
COMMENT ON COLUMN highwater.quality_rule.datastream_id IS
	'The rule is for this datastream; limits in its unit. It goes with the datastream.';
COMMENT ON COLUMN highwater.quality_rule.test IS 'quality_test.code.';
COMMENT ON COLUMN highwater.quality_rule.enabled IS
	'false: the test is not made, whatever the property''s rule says.';
COMMENT ON COLUMN highwater.quality_rule.suspect_min IS 'gross_range: suspect below; NULL: no such limit.';
COMMENT ON COLUMN highwater.quality_rule.suspect_max IS 'gross_range: suspect above; NULL: no such limit.';
COMMENT ON COLUMN highwater.quality_rule.fail_min IS 'gross_range: fail below; NULL: no such limit.';
COMMENT ON COLUMN highwater.quality_rule.fail_max IS 'gross_range: fail above; NULL: no such limit.';
COMMENT ON COLUMN highwater.quality_rule.suspect_threshold IS
	'spike, neighbour: suspect when the difference is greater; rate_of_change: when the change per second '
	'is; attenuated_signal: when range or deviation is less. NULL, and 0 of a spike: never suspect.';
COMMENT ON COLUMN highwater.quality_rule.fail_threshold IS 'The same for fail.';
COMMENT ON COLUMN highwater.quality_rule.suspect_after IS
	'flat_line: suspect when the value has stayed for so long; NULL: never.';
COMMENT ON COLUMN highwater.quality_rule.fail_after IS 'flat_line: the same for fail.';
COMMENT ON COLUMN highwater.quality_rule.method IS
	'spike: average or differential, average when not given; attenuated_signal: std (population standard '
	'deviation) or range, std when not given.';
COMMENT ON COLUMN highwater.quality_rule.period IS
	'gap: longest time between two readings, NULL: the datastream''s gap_after; rate_of_change: the least '
	'time that counts, NULL: the time that passed, however short; attenuated_signal: the '
	'time looked at; neighbour: how far apart in time the two values may be.';
COMMENT ON COLUMN highwater.quality_rule.tolerance IS
	'flat_line: values that lie within less than this are the same; the resolution of the sensor.';
COMMENT ON COLUMN highwater.quality_rule.min_count IS
	'attenuated_signal: with fewer values in the period it is not evaluated; NULL or 0: min_period counts.';
COMMENT ON COLUMN highwater.quality_rule.min_period IS
	'attenuated_signal: with fewer values than this time has of the datastream''s expected_interval it is not '
	'evaluated; NULL: one is enough. Not used beside min_count.';
COMMENT ON COLUMN highwater.quality_rule.codes IS
	'missing: 1 to 8 raw values, in the unit in which the sensor sends them.';
COMMENT ON COLUMN highwater.quality_rule.neighbour_id IS
	'neighbour: the datastream to compare with, of the same unit. The rule goes with it.';
COMMENT ON COLUMN highwater.quality_rule.note IS 'Why these limits: source, decision, experience.';

CREATE OR REPLACE FUNCTION highwater.datastream_label(datastream_id integer)
	RETURNS text
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('station "%s", %s', s.code, d.property)
	FROM highwater.datastream d
	JOIN highwater.station s USING (station_id)
	WHERE d.datastream_id = datastream_label.datastream_id
$$;
COMMENT ON FUNCTION highwater.datastream_label(integer) IS
	'Names a datastream in messages: station "phu-an", water_level; NULL when there is none.';

/*
 * The first mistake that the query finds is told. Stray columns, numbers that
 * are none and spans of time that are not positive are looked for in all
 * columns alike; the rest is particular to a test.
 */
CREATE OR REPLACE FUNCTION highwater.quality_rule_mistake(
		rule highwater.quality_rule, OUT mistake text, OUT hint text)
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH given AS (
		SELECT key, value, parameters
		FROM highwater.quality_test t, jsonb_each_text(to_jsonb(rule))
		WHERE t.code = rule.test AND value IS NOT NULL
		  AND key IN ('suspect_min', 'suspect_max', 'fail_min', 'fail_max', 'suspect_threshold',
		              'fail_threshold', 'suspect_after', 'fail_after', 'method', 'period', 'tolerance',
		              'min_count', 'min_period', 'codes', 'neighbour_id')
	), found(place, mistake, hint) AS (
		SELECT 1, format('%s is given, which this test does not have', key),
		       format('Leave it NULL. The test has: %s.',
		              coalesce(nullif(array_to_string(parameters, ', '), ''), 'nothing to set'))
			FROM given WHERE key <> ALL (parameters)
		UNION ALL
		SELECT 2, format('%s is %s', key, value), 'Give a finite number, or NULL for none.'
			FROM given
			WHERE key <> 'method' AND value ~ 'NaN|Infinity'
		UNION ALL
		SELECT 3, format('%s is %s', key, value), 'Give a time of more than 0.'
			FROM given
			WHERE key IN ('suspect_after', 'fail_after', 'period') AND value::interval <= interval '0'
		UNION ALL
		SELECT 4, format('%s is %s', key, value), 'Give 0 or more, or NULL to go without.'
			FROM given
			WHERE key = 'min_period' AND value::interval < interval '0'
			   OR key IN ('suspect_threshold', 'fail_threshold', 'tolerance', 'min_count')
			  AND value::double precision < 0
		UNION ALL
		SELECT 5, wrong.mistake, wrong.hint
			FROM (VALUES
				(rule.suspect_min > rule.suspect_max,
				 format('suspect_min %s is above suspect_max %s', rule.suspect_min, rule.suspect_max),
				 'Exchange them.'),
				(rule.fail_min > rule.fail_max,
				 format('fail_min %s is above fail_max %s', rule.fail_min, rule.fail_max),
				 'Exchange them.'),
				(rule.suspect_min < rule.fail_min OR rule.suspect_max > rule.fail_max
				 OR rule.suspect_min > rule.fail_max OR rule.suspect_max < rule.fail_min,
				 format('the suspect span %s to %s reaches outside the fail span %s to %s',
				        coalesce(rule.suspect_min::text, '…'), coalesce(rule.suspect_max::text, '…'),
				        coalesce(rule.fail_min::text, '…'), coalesce(rule.fail_max::text, '…')),
				 'Outside the suspect span a value is suspect, further out it fails: the suspect span must '
				 'lie inside the fail span.'),
				(rule.test = 'attenuated_signal' AND rule.fail_threshold > rule.suspect_threshold,
				 format('fail_threshold %s is above suspect_threshold %s',
				        rule.fail_threshold, rule.suspect_threshold),
				 'Less signal is worse: fail_threshold must not be above suspect_threshold.'),
				(rule.test <> 'attenuated_signal' AND rule.fail_threshold < rule.suspect_threshold
				 AND NOT (rule.test = 'spike' AND rule.fail_threshold = 0),
				 format('fail_threshold %s is below suspect_threshold %s',
				        rule.fail_threshold, rule.suspect_threshold),
				 'More is worse: fail_threshold must not be below suspect_threshold.'),
				(rule.fail_after < rule.suspect_after,
				 format('fail_after %s is shorter than suspect_after %s',
				        rule.fail_after, rule.suspect_after),
				 'Longer is worse: fail_after must not be shorter than suspect_after.'),
				(rule.min_period > rule.period,
				 format('min_period %s is longer than period %s', rule.min_period, rule.period),
				 'Only the period is looked at: min_period must not be longer.'),
				(rule.test = 'spike' AND rule.method NOT IN ('average', 'differential'),
				 format('method "%s" is not known', rule.method), 'Known: average, differential.'),
				(rule.test = 'attenuated_signal' AND rule.method NOT IN ('std', 'range'),
				 format('method "%s" is not known', rule.method), 'Known: std, range.'),
				(array_ndims(rule.codes) > 1 OR array_position(rule.codes, NULL) IS NOT NULL
				 OR cardinality(rule.codes) NOT BETWEEN 1 AND 8,
				 format('codes %s is not a list of 1 to 8 numbers', rule.codes),
				 'Give for instance ''{9999,5000}''.'),
				(rule.neighbour_id = rule.datastream_id, 'neighbour_id is the datastream itself',
				 'Name another one.'),
				(rule.test = 'neighbour' AND rule.property IS NOT NULL,
				 'a neighbour belongs to one datastream, not to a property',
				 'Give datastream_id in place of property.'),
				((SELECT own.unit <> other.unit
				  FROM highwater.datastream own, highwater.datastream other
				  WHERE own.datastream_id = rule.datastream_id
				    AND other.datastream_id = rule.neighbour_id),
				 format('neighbour %s has another unit', highwater.datastream_label(rule.neighbour_id)),
				 'Give one that has the same unit.'),
				(rule.enabled AND rule.test = 'missing' AND rule.codes IS NULL,
				 'codes are not given', 'Give for instance ''{9999,5000}''; or enabled = false.'),
				(rule.enabled AND rule.test = 'gross_range'
				 AND num_nonnulls(rule.suspect_min, rule.suspect_max, rule.fail_min, rule.fail_max) = 0,
				 'no limit is given',
				 'Give suspect_min, suspect_max, fail_min or fail_max; or enabled = false.'),
				(rule.enabled
				 AND rule.test IN ('spike', 'rate_of_change', 'attenuated_signal', 'neighbour')
				 AND num_nonnulls(rule.suspect_threshold, rule.fail_threshold) = 0,
				 'no threshold is given',
				 'Give suspect_threshold or fail_threshold; or enabled = false.'),
				(rule.enabled AND rule.test = 'flat_line'
				 AND (rule.tolerance IS NULL OR num_nonnulls(rule.suspect_after, rule.fail_after) = 0),
				 'tolerance or the time is not given',
				 'Give tolerance and suspect_after or fail_after; or enabled = false.'),
				(rule.enabled AND rule.test IN ('attenuated_signal', 'neighbour')
				 AND rule.period IS NULL,
				 'period is not given', 'Give for instance ''12 hours''; or enabled = false.'),
				(rule.enabled AND rule.test = 'neighbour' AND rule.neighbour_id IS NULL,
				 'neighbour_id is not given', 'Give the datastream to compare with; or enabled = false.')
			) AS wrong(is_so, mistake, hint)
			WHERE wrong.is_so
	)
	SELECT found.mistake, found.hint FROM found ORDER BY found.place LIMIT 1
$$;
COMMENT ON FUNCTION highwater.quality_rule_mistake(highwater.quality_rule) IS
	'Part of check_quality_rule(): what is wrong with a rule, and what to do; NULL for a good one.';

CREATE OR REPLACE FUNCTION highwater.check_quality_rule()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	subject text := coalesce(highwater.datastream_label(NEW.datastream_id),
	                         'datastream ' || NEW.datastream_id, NEW.property || ' of every station',
	                         'nothing');
	wrong   record;
BEGIN
	IF num_nonnulls(NEW.property, NEW.datastream_id) <> 1 THEN
		RAISE EXCEPTION 'quality rule % of %: property and datastream_id are % given', NEW.test, subject,
			CASE WHEN NEW.property IS NULL THEN 'both not' ELSE 'both' END
			USING ERRCODE = 'check_violation',
			      HINT = 'Give one: property for every station, datastream_id for one datastream.';
	END IF;
	IF NOT EXISTS (SELECT FROM highwater.quality_test WHERE code = NEW.test) THEN
		RAISE EXCEPTION 'quality rule of %: test "%" is not known', subject, NEW.test
			USING ERRCODE = 'foreign_key_violation',
			      HINT = 'Known: ' || (SELECT string_agg(code, ', ' ORDER BY test_id)
			                           FROM highwater.quality_test) || '.';
	END IF;
	IF NEW.method IS NULL AND NEW.test IN ('spike', 'attenuated_signal') THEN
		NEW.method := CASE NEW.test WHEN 'spike' THEN 'average' ELSE 'std' END;
	END IF;
	SELECT * INTO wrong FROM highwater.quality_rule_mistake(NEW);
	IF wrong.mistake IS NOT NULL THEN
		RAISE EXCEPTION 'quality rule % of %: %', NEW.test, subject, wrong.mistake
			USING ERRCODE = 'check_violation', HINT = wrong.hint;
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION highwater.check_quality_rule() IS
	'Trigger of quality_rule: refuses a rule that makes no sense, with station, property, test and mistake.';

CREATE OR REPLACE TRIGGER check_quality_rule
	BEFORE INSERT OR UPDATE ON highwater.quality_rule
	FOR EACH ROW EXECUTE FUNCTION highwater.check_quality_rule();

CREATE OR REPLACE TRIGGER notify_registry
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON highwater.quality_rule
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.notify_registry();
