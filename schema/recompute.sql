/*
 * recompute - results and flags anew, after a survey or with other limits.
 *
 *     SELECT * FROM highwater.recompute(17, '2026-03-01', '2026-04-01');
 *
 * The rows from from_time to to_time, both included, get the result that the
 * conversions in force now make of what the sensor said, and the verdicts of the
 * rules in force now, as plugin/qc.h gives them to readings in the order of
 * their times. Twice does no more than once.
 *
 * What the sensor said is raw. A row without raw was stored as it came: when a
 * conversion covers it that takes in the datastream's own property, its result
 * is what the sensor said, and is kept in raw from then on. When the conversion
 * takes in another property (a depth made of distances), such a row never was
 * one of those, and its result stays.
 *
 * Rows before from_time and the first after to_time count as they are stored:
 * their windows reach in, nothing of them changes. The verdict of test time is
 * a fact about the delivery and stays. Air pressure and neighbour are the newest
 * usable ones (not 4, not 9) at the time of the reading or before it.
 */

CREATE OR REPLACE FUNCTION highwater.converted(
		datastream_id integer, from_time timestamptz, to_time timestamptz, codes double precision[])
	RETURNS TABLE (phenomenon_time timestamptz, raw double precision, result double precision)
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH conversion AS (
		SELECT c.*, lead(c.valid_from, 1, 'infinity') OVER (ORDER BY c.valid_from) AS valid_to
		FROM highwater.conversion_coefficient c
		WHERE c.datastream_id = converted.datastream_id
	), said AS (
		SELECT o.phenomenon_time, o.raw, o.result, c.kind, c.scale, c.shift, c.air_datastream_id, c.air_scale,
			c.air_max_age, c.modulus, c.increment_max, s.said, s.said = ANY (converted.codes) AS is_code
		FROM highwater.observation o
		JOIN highwater.datastream d USING (datastream_id)
		LEFT JOIN conversion c
			ON o.phenomenon_time >= c.valid_from AND o.phenomenon_time < c.valid_to
			AND (o.raw IS NOT NULL OR c.input = d.property)
		CROSS JOIN LATERAL (SELECT coalesce(o.raw, o.result) AS said) AS s
		WHERE o.datastream_id = converted.datastream_id
		  AND o.phenomenon_time <= converted.to_time
		  AND o.phenomenon_time >= coalesce( -- a counter goes on from the reading before
			(SELECT max(b.phenomenon_time)
			 FROM highwater.observation b
			 WHERE b.datastream_id = converted.datastream_id AND b.phenomenon_time < converted.from_time
			   AND coalesce(b.raw, b.result) <> ALL (coalesce(converted.codes, '{}'))),
			converted.from_time)
	), counted AS (
		SELECT said.*,
			lag(said.said) OVER (PARTITION BY said.kind = 'counter' AND said.said IS NOT NULL
			                                  AND said.is_code IS NOT TRUE
			                     ORDER BY said.phenomenon_time) AS before
		FROM said
	)
	SELECT s.phenomenon_time,
	       CASE WHEN s.kind IS NULL AND s.is_code IS NOT TRUE THEN s.raw ELSE s.said END,
	       CASE WHEN s.is_code THEN NULL
	            WHEN abs(s.new_result) < 'Infinity' THEN s.new_result END
	FROM (
		SELECT c.phenomenon_time, c.raw, c.kind, c.said, c.is_code,
			CASE
				WHEN c.kind IS NULL THEN c.said
				WHEN c.kind = 'counter' AND c.said >= c.before THEN c.scale * (c.said - c.before)
				WHEN c.kind = 'counter' AND c.before < c.modulus
				     AND c.scale * (c.said + c.modulus - c.before) <= c.increment_max
					THEN c.scale * (c.said + c.modulus - c.before)
				WHEN c.kind = 'counter' THEN NULL
				WHEN c.air_datastream_id IS NULL THEN c.scale * c.said + c.shift
				ELSE c.scale * c.said + c.shift + c.air_scale * (
					SELECT newest.result
					FROM (SELECT a.result
					      FROM highwater.observation a
					      WHERE a.datastream_id = c.air_datastream_id AND a.quality NOT IN (4, 9)
					        AND a.phenomenon_time <= c.phenomenon_time
					        AND a.phenomenon_time >= c.phenomenon_time - c.air_max_age
					      ORDER BY a.phenomenon_time DESC
					      LIMIT 1) AS newest)
			END AS new_result
		FROM counted c
		WHERE c.phenomenon_time >= converted.from_time
	) AS s
$$;
COMMENT ON FUNCTION highwater.converted(integer, timestamptz, timestamptz, double precision[]) IS
	'Part of recompute(): what the sensor said and the result that the conversions in force make of it; NULL '
	'where there is none. codes: raw values that mean "no reading".';

CREATE OR REPLACE FUNCTION highwater.season_verdict(
		datastream_id integer, phenomenon_time timestamptz, value double precision)
	RETURNS integer
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((
		SELECT CASE WHEN value < c.fail_min OR value > c.fail_max THEN 4
		            WHEN value < c.suspect_min OR value > c.suspect_max THEN 3 ELSE 1 END
		FROM highwater.datastream d
		JOIN highwater.climatology c ON c.datastream_id = d.datastream_id
			OR c.property = d.property AND NOT EXISTS (SELECT FROM highwater.climatology own
			                                           WHERE own.datastream_id = d.datastream_id)
		CROSS JOIN LATERAL (SELECT date_part(CASE c.season WHEN 'day_of_year' THEN 'doy' ELSE c.season END,
		                                     season_verdict.phenomenon_time AT TIME ZONE 'UTC')
		                   ) AS now(place)
		WHERE d.datastream_id = season_verdict.datastream_id
		  AND CASE WHEN c.season_from <= c.season_to THEN place BETWEEN c.season_from AND c.season_to
		           ELSE place >= c.season_from OR place <= c.season_to END
		ORDER BY c.climatology_id DESC
		LIMIT 1), 2)
$$;
COMMENT ON FUNCTION highwater.season_verdict(integer, timestamptz, double precision) IS
	'Part of recompute(): verdict of the test climatology, 1 to 4.';

CREATE OR REPLACE FUNCTION highwater.judged(
		datastream_id integer, from_time timestamptz, to_time timestamptz)
	RETURNS TABLE (phenomenon_time timestamptz, raw double precision, result double precision,
	               quality smallint, quality_tests integer)
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	rules    jsonb := (SELECT coalesce(jsonb_object_agg(r.test, to_jsonb(r)), '{}')
	                   FROM highwater.quality_rule_in_force r
	                   WHERE r.datastream_id = judged.datastream_id AND r.enabled);
	codes    double precision[] := (SELECT array_agg(code::double precision)
	                                FROM jsonb_array_elements_text(nullif(rules #> '{missing,codes}', 'null'))
	                                     AS code);
	ranges   highwater.quality_rule_in_force := jsonb_populate_record(NULL::highwater.quality_rule_in_force,
	                                                                  rules -> 'gross_range');
	spike    highwater.quality_rule_in_force := jsonb_populate_record(NULL::highwater.quality_rule_in_force,
	                                                                  rules -> 'spike');
	rate     highwater.quality_rule_in_force := jsonb_populate_record(NULL::highwater.quality_rule_in_force,
	                                                                  rules -> 'rate_of_change');
	flat     highwater.quality_rule_in_force := jsonb_populate_record(NULL::highwater.quality_rule_in_force,
	                                                                  rules -> 'flat_line');
	signal   highwater.quality_rule_in_force := jsonb_populate_record(NULL::highwater.quality_rule_in_force,
	                                                                  rules -> 'attenuated_signal');
	beside   highwater.quality_rule_in_force := jsonb_populate_record(NULL::highwater.quality_rule_in_force,
	                                                                  rules -> 'neighbour');
	every    double precision;  -- expected interval in seconds; NULL: not known
	silence  interval;          -- longer is a gap
	suspect_rows integer := 0;  -- flat line by rows: how many before the newest must be alike
	fail_rows    integer := 0;
	longest  interval := greatest(signal.period, flat.suspect_after, flat.fail_after);
	begins   timestamptz;       -- of the rows that windows reach back to
BEGIN
	SELECT extract(epoch FROM d.expected_interval),
	       coalesce(CASE WHEN (rules #>> '{gap,own}')::boolean THEN (rules #>> '{gap,period}')::interval END,
	                d.gap_after, 3 * d.expected_interval, (rules #>> '{gap,period}')::interval)
		INTO every, silence
		FROM highwater.datastream d
		WHERE d.datastream_id = judged.datastream_id;
	IF every IS NOT NULL THEN
		suspect_rows := coalesce(floor(extract(epoch FROM flat.suspect_after) / every), 0);
		fail_rows := coalesce(floor(extract(epoch FROM flat.fail_after) / every), 0);
	END IF;
	SELECT least(min(o.phenomenon_time),
	             CASE WHEN longest IS NOT NULL THEN coalesce(
			(SELECT b.phenomenon_time -- the run of a flat line begins after the value before
			 FROM highwater.observation b
			 WHERE b.datastream_id = judged.datastream_id AND b.result IS NOT NULL
			   AND b.phenomenon_time <= from_time - longest
			 ORDER BY b.phenomenon_time DESC
			 OFFSET 1 LIMIT 1), '-infinity') END)
		INTO begins
		FROM (SELECT b.phenomenon_time
		      FROM highwater.observation b
		      WHERE b.datastream_id = judged.datastream_id AND b.phenomenon_time < from_time
		      ORDER BY b.phenomenon_time DESC
		      LIMIT greatest(suspect_rows, fail_rows) + 2) AS o;

	RETURN QUERY
	WITH series AS (
		SELECT o.phenomenon_time AS t, o.result AS v, NULL::double precision AS raw, false AS asked,
			0 AS had
			FROM highwater.observation o
			WHERE o.datastream_id = judged.datastream_id AND o.phenomenon_time < from_time
			  AND o.phenomenon_time >= begins
		UNION ALL
		SELECT c.phenomenon_time, c.result, c.raw, true, o.quality_tests
			FROM highwater.converted(judged.datastream_id, from_time, to_time, codes) AS c
			JOIN highwater.observation o
				ON o.datastream_id = judged.datastream_id AND o.phenomenon_time = c.phenomenon_time
		UNION ALL
		(SELECT o.phenomenon_time, o.result, NULL, false, 0
			FROM highwater.observation o
			WHERE o.datastream_id = judged.datastream_id AND o.phenomenon_time > to_time
			ORDER BY o.phenomenon_time
			LIMIT 1)
	), placed AS (
		SELECT s.*, row_number() OVER by_time AS place, count(s.v) OVER by_time AS number,
			lag(s.t) OVER by_time AS before_t, lag(s.v) OVER by_time AS before,
			lead(s.v) OVER by_time AS after,
			max(s.v) OVER suspect_rows - min(s.v) OVER suspect_rows AS suspect_range,
			max(s.v) OVER fail_rows - min(s.v) OVER fail_rows AS fail_range,
			max(s.v) OVER suspect_span AS suspect_high, min(s.v) OVER suspect_span AS suspect_low,
			max(s.v) OVER fail_span AS fail_high, min(s.v) OVER fail_span AS fail_low,
			count(s.v) OVER (ORDER BY s.t RANGE BETWEEN UNBOUNDED PRECEDING
			                 AND coalesce(flat.suspect_after, '0') PRECEDING) AS suspect_number,
			count(s.v) OVER (ORDER BY s.t RANGE BETWEEN UNBOUNDED PRECEDING
			                 AND coalesce(flat.fail_after, '0') PRECEDING) AS fail_number,
			count(s.v) OVER period AS period_count, count(*) OVER period AS period_rows,
			min(s.t) FILTER (WHERE s.v IS NOT NULL) OVER period AS period_begin,
			CASE signal.method WHEN 'std' THEN stddev_pop(s.v) OVER period
			                   ELSE max(s.v) OVER period - min(s.v) OVER period END AS size
		FROM series s
		WINDOW by_time AS (ORDER BY s.t),
		       suspect_rows AS (ORDER BY s.t ROWS suspect_rows PRECEDING),
		       fail_rows AS (ORDER BY s.t ROWS fail_rows PRECEDING),
		       suspect_span AS (ORDER BY s.t RANGE coalesce(flat.suspect_after, '0') PRECEDING),
		       fail_span AS (ORDER BY s.t RANGE coalesce(flat.fail_after, '0') PRECEDING),
		       period AS (ORDER BY s.t RANGE coalesce(signal.period, '1 us') - interval '1 us' PRECEDING)
	), valued AS ( -- since: the first row that has no older value than this one's
		SELECT p.number, p.v, coalesce(lag(p.place) OVER (ORDER BY p.number), 0) + 1 AS since,
			lag(p.v) OVER (ORDER BY p.number) AS v_before
		FROM placed p
		WHERE p.v IS NOT NULL
	), sized AS (
		SELECT p.*,
			CASE spike.method WHEN 'average' THEN abs(p.v - (p.before + p.after) / 2)
			     ELSE CASE WHEN sign(p.v - p.before) = sign(p.v - p.after)
			               THEN least(abs(p.v - p.before), abs(p.v - p.after)) ELSE 0 END
			END AS spike_size,
			abs(p.v - p.before)
				/ extract(epoch FROM greatest(p.t - p.before_t, rate.period))::double precision AS rate_size,
			CASE WHEN every IS NOT NULL
			     THEN suspect_rows > 0 AND p.place > suspect_rows AND p.suspect_range < flat.tolerance
			     ELSE greatest(p.suspect_high, s.v) - least(p.suspect_low, s.v) < flat.tolerance
			          AND (p.place - s.since >= 2 -- of three readings at least
			               OR greatest(p.suspect_high, s.v, s.v_before)
			                  - least(p.suspect_low, s.v, s.v_before) < flat.tolerance
			                  AND s.v_before IS NOT NULL)
			END AS suspect_flat,
			CASE WHEN every IS NOT NULL
			     THEN fail_rows > 0 AND p.place > fail_rows AND p.fail_range < flat.tolerance
			     ELSE greatest(p.fail_high, f.v) - least(p.fail_low, f.v) < flat.tolerance
			          AND (p.place - f.since >= 2 -- of three readings at least
			               OR greatest(p.fail_high, f.v, f.v_before)
			                  - least(p.fail_low, f.v, f.v_before) < flat.tolerance
			                  AND f.v_before IS NOT NULL)
			END AS fail_flat,
			(signal.method = 'std' OR p.period_count = p.period_rows)
				AND CASE WHEN signal.min_count > 0 THEN p.period_count >= signal.min_count
				         WHEN coalesce(signal.min_period, '0') = '0' THEN true
				         WHEN every IS NOT NULL
				         THEN p.period_count >= floor(extract(epoch FROM signal.min_period) / every)
				         ELSE p.period_count > 1
				              AND extract(epoch FROM p.t - p.period_begin) * p.period_count
				                  >= extract(epoch FROM signal.min_period) * (p.period_count - 1)
				    END AS period_suffices,
			CASE WHEN beside.neighbour_id IS NOT NULL THEN abs(p.v - (
				SELECT n.result
				FROM highwater.observation n
				WHERE n.datastream_id = beside.neighbour_id AND n.quality NOT IN (4, 9)
				  AND n.phenomenon_time <= p.t AND n.phenomenon_time >= p.t - beside.period
				ORDER BY n.phenomenon_time DESC
				LIMIT 1)) END AS apart
		FROM placed p
		LEFT JOIN valued s ON s.number = p.suspect_number AND flat.suspect_after IS NOT NULL
		LEFT JOIN valued f ON f.number = p.fail_number AND flat.fail_after IS NOT NULL
		WHERE p.asked
	), verdicts AS (
		SELECT s.t, s.raw, s.v, verdict.test, CASE WHEN s.v IS NULL THEN 5 ELSE verdict.flag END AS flag
		FROM sized s
		CROSS JOIN LATERAL (VALUES
			('gap', CASE WHEN silence IS NULL THEN 2 WHEN s.t - s.before_t > silence THEN 4 ELSE 1 END),
			('missing', 1),
			('time', CASE WHEN s.had >> 6 & 7 BETWEEN 1 AND 4 THEN s.had >> 6 & 7 ELSE 1 END),
			('gross_range', CASE WHEN s.v < ranges.fail_min OR s.v > ranges.fail_max THEN 4
			                     WHEN s.v < ranges.suspect_min OR s.v > ranges.suspect_max THEN 3
			                     ELSE 1 END),
			('climatology', CASE WHEN rules ? 'climatology'
			                     THEN highwater.season_verdict(judged.datastream_id, s.t, s.v) END),
			('spike', CASE WHEN s.before IS NULL OR s.after IS NULL THEN 2
			               WHEN s.spike_size > nullif(spike.fail_threshold, 0) THEN 4
			               WHEN s.spike_size > nullif(spike.suspect_threshold, 0) THEN 3 ELSE 1 END),
			('rate_of_change', CASE WHEN s.rate_size > rate.fail_threshold THEN 4
			                        WHEN s.rate_size > rate.suspect_threshold THEN 3 ELSE 1 END),
			('flat_line', CASE WHEN s.fail_flat THEN 4 WHEN s.suspect_flat THEN 3 ELSE 1 END),
			('attenuated_signal', CASE WHEN s.period_suffices IS NOT TRUE THEN 2
			                           WHEN s.size < signal.fail_threshold THEN 4
			                           WHEN s.size < signal.suspect_threshold THEN 3 ELSE 1 END),
			('neighbour', CASE WHEN s.apart IS NULL THEN 2 WHEN s.apart > beside.fail_threshold THEN 4
			                   WHEN s.apart > beside.suspect_threshold THEN 3 ELSE 1 END)
		) AS verdict(test, flag)
	)
	SELECT v.t, v.raw, v.v,
	       (CASE WHEN v.v IS NULL THEN 9
	             WHEN bool_or(v.flag = 4 AND v.test <> 'gap' AND rules ? v.test) THEN 4
	             WHEN bool_or(v.flag = 3 AND v.test <> 'gap' AND rules ? v.test) THEN 3
	             WHEN bool_or(v.flag = 1 AND v.test <> 'gap' AND rules ? v.test) THEN 1
	             ELSE 2 END)::smallint,
	       coalesce(sum(v.flag << 3 * t.test_id) FILTER (WHERE rules ? v.test), 0)::integer
	FROM verdicts v
	JOIN highwater.quality_test t ON t.code = v.test
	GROUP BY v.t, v.raw, v.v;
END
$$;
COMMENT ON FUNCTION highwater.judged(integer, timestamptz, timestamptz) IS
	'Part of recompute(): raw, result and flags as they should be.';

CREATE OR REPLACE FUNCTION highwater.recompute(
		datastream_id integer, from_time timestamptz DEFAULT '-infinity', to_time timestamptz DEFAULT 'infinity')
	RETURNS TABLE (phenomenon_time timestamptz, old_result double precision, new_result double precision,
	               old_quality smallint, new_quality smallint, old_tests integer, new_tests integer)
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	broken record;
BEGIN
	IF highwater.datastream_label(recompute.datastream_id) IS NULL THEN
		RAISE EXCEPTION 'recompute: there is no datastream %', recompute.datastream_id
			USING ERRCODE = 'no_data_found',
			      HINT = 'SELECT datastream_id, station, property FROM highwater.latest;';
	END IF;
	SELECT c.kind, c.input, c.input_unit, c.valid_from INTO broken
		FROM highwater.conversion_coefficient c
		WHERE c.datastream_id = recompute.datastream_id AND num_nulls(c.scale, c.shift, c.air_scale) > 0
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'recompute: conversion % of % from %, valid from %: unit "%" or another cannot be converted',
			broken.kind, highwater.datastream_label(recompute.datastream_id), broken.input, broken.valid_from,
			broken.input_unit
			USING ERRCODE = 'check_violation', HINT = 'Put the unit back into table highwater.unit.';
	END IF;
	RETURN QUERY
	WITH fresh AS MATERIALIZED (
		SELECT j.*, o.raw AS had_raw, o.result AS had_result, o.quality AS had_quality,
			o.quality_tests AS had_tests
		FROM highwater.judged(recompute.datastream_id, from_time, to_time) AS j
		JOIN highwater.observation o
			ON o.datastream_id = recompute.datastream_id AND o.phenomenon_time = j.phenomenon_time
		WHERE (j.raw, j.result, j.quality, j.quality_tests)
			IS DISTINCT FROM (o.raw, o.result, o.quality, o.quality_tests)
	), stored AS (
		UPDATE highwater.observation o
			SET raw = f.raw, result = f.result, quality = f.quality, quality_tests = f.quality_tests
			FROM fresh f
			WHERE o.datastream_id = recompute.datastream_id AND o.phenomenon_time = f.phenomenon_time
			RETURNING o.phenomenon_time
	)
	SELECT f.phenomenon_time, f.had_result, f.result, f.had_quality, f.quality, f.had_tests, f.quality_tests
	FROM fresh f
	JOIN stored USING (phenomenon_time)
	ORDER BY f.phenomenon_time;
END
$$;
COMMENT ON FUNCTION highwater.recompute(integer, timestamptz, timestamptz) IS
	'Makes results and flags of a datastream anew, from from_time to to_time, both included, with the '
	'conversions and rules in force now; changes the rows and returns those that changed, before and after. '
	'Run it after a survey, or after changing limits. Twice does no more than once. Alerts are not decided '
	'again.';

CREATE OR REPLACE FUNCTION highwater.recompute_summary(
		datastream_id integer, from_time timestamptz DEFAULT '-infinity', to_time timestamptz DEFAULT 'infinity')
	RETURNS text
	LANGUAGE sql
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%s readings changed: %s results (by %s to %s), %s flags; now %s pass, %s not evaluated, '
	              '%s suspect, %s fail, %s missing',
	              count(*), count(*) FILTER (WHERE r.old_result IS DISTINCT FROM r.new_result),
	              coalesce(min(r.new_result - r.old_result), 0), coalesce(max(r.new_result - r.old_result), 0),
	              count(*) FILTER (WHERE r.old_quality <> r.new_quality),
	              count(*) FILTER (WHERE r.new_quality = 1), count(*) FILTER (WHERE r.new_quality = 2),
	              count(*) FILTER (WHERE r.new_quality = 3), count(*) FILTER (WHERE r.new_quality = 4),
	              count(*) FILTER (WHERE r.new_quality = 9))
	FROM highwater.recompute(recompute_summary.datastream_id, recompute_summary.from_time,
	                         recompute_summary.to_time) AS r
$$;
COMMENT ON FUNCTION highwater.recompute_summary(integer, timestamptz, timestamptz) IS
	'recompute(), and what changed in one line.';
