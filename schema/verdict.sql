/*
 * verdict - observation.quality_tests, spelled out.
 */

CREATE OR REPLACE FUNCTION highwater.quality_verdicts(quality_tests integer)
	RETURNS TABLE (test text, flag smallint, meaning text)
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.code, (CASE v.verdict WHEN 5 THEN 9 ELSE v.verdict END)::smallint,
	       CASE v.verdict WHEN 1 THEN 'pass' WHEN 2 THEN 'not evaluated' WHEN 3 THEN 'suspect'
	                      WHEN 4 THEN 'fail' WHEN 5 THEN 'missing' ELSE 'unknown' END
	FROM highwater.quality_test t
	CROSS JOIN LATERAL (SELECT quality_verdicts.quality_tests >> 3 * t.test_id & 7 AS verdict) AS v
	WHERE v.verdict <> 0
	ORDER BY t.test_id
$$;
COMMENT ON FUNCTION highwater.quality_verdicts(integer) IS
	'The verdicts in observation.quality_tests, a row for each test that was set up: its code, QARTOD''s flag '
	'(1, 2, 3, 4, 9) and the flag in words.';

CREATE OR REPLACE FUNCTION highwater.quality_text(quality_tests integer)
	RETURNS text
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(v.test || ' ' || v.meaning, ', ' ORDER BY v.place)
	FROM highwater.quality_verdicts(quality_text.quality_tests)
		WITH ORDINALITY AS v(test, flag, meaning, place)
$$;
COMMENT ON FUNCTION highwater.quality_text(integer) IS
	'The verdicts in observation.quality_tests as text: "gross_range pass, spike suspect"; NULL when no test '
	'was set up.';
