/*
 * upgrade-3-rates - the rates that a schema of version 2 began with suspected the noise between readings that came
 * close together. Only rules that nobody has changed.
 */
UPDATE highwater.quality_rule r SET period = given.period, note = given.note
	FROM (VALUES
		('water_level', 0.50 / 360, interval '12 min', '0.50 m in 6 min; 1 m in less than 12 min'),
		('water_depth', 0.1 / 60, '1 min', '100 mm in 1 min or less')
	) AS given(property, suspect, period, note)
	WHERE r.property = given.property AND r.test = 'rate_of_change' AND r.period IS NULL
	  AND r.suspect_threshold = given.suspect::double precision AND r.fail_threshold IS NULL;
