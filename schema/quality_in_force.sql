/*
 * quality_in_force - which rules judge a datastream, in its own unit.
 *
 * A property's limits are in the property's usual unit. A datastream of another
 * unit gets them converted; where the units are not convertible, the tests that
 * have limits are off rather than wrong by a factor. Error codes are those of
 * the datastream's property and of what its conversions take in: a depth made
 * of distances knows the codes of distance.
 */

CREATE OR REPLACE VIEW highwater.quality_rule_in_force AS
	SELECT d.datastream_id, s.code AS station, d.property, rule.test, rule.enabled, rule.own, rule.adapted,
		rule.suspect_min, rule.suspect_max, rule.fail_min, rule.fail_max, rule.suspect_threshold,
		rule.fail_threshold, rule.suspect_after, rule.fail_after, rule.method, rule.period, rule.tolerance,
		rule.min_count, rule.min_period, rule.codes, rule.neighbour_id
	FROM highwater.datastream d
	JOIN highwater.station s USING (station_id)
	JOIN highwater.observed_property p ON p.code = d.property
	LEFT JOIN highwater.unit usual ON usual.code = p.unit
	LEFT JOIN highwater.unit own_unit ON own_unit.code = d.unit
	CROSS JOIN LATERAL (
		SELECT CASE WHEN p.unit = d.unit THEN 1
		            WHEN usual.dimension = own_unit.dimension THEN usual.factor / own_unit.factor
		       END AS factor,
		       CASE WHEN p.unit = d.unit THEN 0 ELSE (usual.shift - own_unit.shift) / own_unit.factor
		       END AS shift
	) AS u
	CROSS JOIN LATERAL (
		SELECT r.test, r.enabled, true AS own, false AS adapted, r.suspect_min, r.suspect_max, r.fail_min,
			r.fail_max, r.suspect_threshold, r.fail_threshold, r.suspect_after, r.fail_after, r.method,
			r.period, r.tolerance, r.min_count, r.min_period, r.codes, r.neighbour_id
			FROM highwater.quality_rule r
			WHERE r.datastream_id = d.datastream_id
		UNION ALL
		SELECT r.test,
			r.enabled AND (p.unit = d.unit OR r.test IN ('gap', 'time')
			               OR r.test <> 'climatology' AND u.factor IS NOT NULL),
			false, p.unit <> d.unit AND r.test NOT IN ('gap', 'time'),
			r.suspect_min * u.factor + u.shift, r.suspect_max * u.factor + u.shift,
			r.fail_min * u.factor + u.shift, r.fail_max * u.factor + u.shift,
			r.suspect_threshold * u.factor, r.fail_threshold * u.factor, r.suspect_after, r.fail_after,
			r.method, r.period, r.tolerance * u.factor, r.min_count, r.min_period, NULL, NULL
			FROM highwater.quality_rule r
			WHERE r.property = d.property AND r.test <> 'missing'
			  AND NOT EXISTS (SELECT FROM highwater.quality_rule o
			                  WHERE o.datastream_id = d.datastream_id AND o.test = r.test)
		UNION ALL
		SELECT 'missing', true, false, bool_or(input.code <> d.property), NULL, NULL, NULL, NULL, NULL,
			NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
			(array_agg(DISTINCT error_code ORDER BY error_code))[1:8], NULL
			FROM (SELECT d.property AS code UNION
			      SELECT c.input FROM highwater.conversion c WHERE c.datastream_id = d.datastream_id) AS input
			JOIN highwater.quality_rule r ON r.property = input.code AND r.test = 'missing' AND r.enabled
			CROSS JOIN unnest(r.codes) AS error_code
			WHERE NOT EXISTS (SELECT FROM highwater.quality_rule o
			                  WHERE o.datastream_id = d.datastream_id AND o.test = 'missing')
			HAVING count(*) > 0
	) AS rule;
COMMENT ON VIEW highwater.quality_rule_in_force IS
	'The rules that judge each datastream, in its own unit: its own, and those of its property for the other '
	'tests.';
DO $$
DECLARE
	said text[];
BEGIN
	FOREACH said SLICE 1 IN ARRAY ARRAY[
		['datastream_id', 'The datastream.'], ['station', 'Code of the station.'],
		['property', 'Code of the observed property.'], ['test', 'quality_test.code.'],
		['enabled', 'false: the test is off, by the rule or because its limits cannot be converted.'],
		['own', 'true: the datastream''s own rule; false: its property''s.'],
		['adapted', 'true: differs from the property''s rule by unit or by error codes of the input.']] LOOP
		EXECUTE format('COMMENT ON COLUMN highwater.quality_rule_in_force.%I IS %L', said[1], said[2]);
	END LOOP;
	FOREACH said SLICE 1 IN ARRAY ARRAY[
		['suspect_min'], ['suspect_max'], ['fail_min'], ['fail_max'], ['suspect_threshold'],
		['fail_threshold'], ['suspect_after'], ['fail_after'], ['method'], ['period'], ['tolerance'],
		['min_count'], ['min_period'], ['codes'], ['neighbour_id']] LOOP
		EXECUTE format('COMMENT ON COLUMN highwater.quality_rule_in_force.%I IS %L', said[1],
		               'As in quality_rule; in the unit of the datastream.');
	END LOOP;
END
$$;

CREATE OR REPLACE VIEW highwater.quality_rule_for_plugin AS
	SELECT datastream_id, property, test, enabled, suspect_min, suspect_max, fail_min, fail_max,
		suspect_threshold, fail_threshold,
		(extract(epoch FROM suspect_after) * 1000000)::bigint AS suspect_after_us,
		(extract(epoch FROM fail_after) * 1000000)::bigint AS fail_after_us, method,
		(extract(epoch FROM period) * 1000000)::bigint AS period_us, tolerance, min_count,
		(extract(epoch FROM min_period) * 1000000)::bigint AS min_period_us, codes, neighbour_id
	FROM (
		SELECT datastream_id, property, test, enabled, suspect_min, suspect_max, fail_min, fail_max,
			suspect_threshold, fail_threshold, suspect_after, fail_after, method, period, tolerance,
			min_count, min_period, codes, neighbour_id
			FROM highwater.quality_rule
		UNION ALL
		SELECT datastream_id, NULL, test, enabled, suspect_min, suspect_max, fail_min, fail_max,
			suspect_threshold, fail_threshold, suspect_after, fail_after, method, period, tolerance,
			min_count, min_period, codes, neighbour_id
			FROM highwater.quality_rule_in_force
			WHERE adapted AND datastream_id IN ( -- few of many: the plugin reads this after each change
				SELECT d.datastream_id
				FROM highwater.datastream d
				JOIN highwater.observed_property p ON p.code = d.property
				WHERE d.unit <> p.unit
				UNION
				SELECT c.datastream_id FROM highwater.conversion c)
	) AS rule;
COMMENT ON VIEW highwater.quality_rule_for_plugin IS
	'quality_rule as the plugin reads it: spans of time in microseconds; and where a property''s rule does not '
	'fit a datastream as it is, by unit or input, one that does.';
DO $$
DECLARE
	same  text;
	in_us text;
BEGIN
	FOREACH same IN ARRAY ARRAY['datastream_id', 'property', 'test', 'enabled', 'suspect_min', 'suspect_max',
	                            'fail_min', 'fail_max', 'suspect_threshold', 'fail_threshold', 'method',
	                            'tolerance', 'min_count', 'codes', 'neighbour_id'] LOOP
		EXECUTE format('COMMENT ON COLUMN highwater.quality_rule_for_plugin.%I IS %L', same,
		               'As in quality_rule.');
	END LOOP;
	FOREACH in_us IN ARRAY ARRAY['suspect_after', 'fail_after', 'period', 'min_period'] LOOP
		EXECUTE format('COMMENT ON COLUMN highwater.quality_rule_for_plugin.%I IS %L', in_us || '_us',
		               format('quality_rule.%s in microseconds.', in_us));
	END LOOP;
END
$$;
