/*
 * quality_default - rules that a new schema begins with.
 *
 * Given once, when version 2 is installed first: a rule that a city deletes
 * stays deleted. They are meant for any station of any river, so they are wide:
 * what they fail is no water, what they suspect may be. A record flood trips
 * range and rate, so these only suspect where a flood could do it.
 *
 * Measured on 15-minute levels of the River Aire at three stations, half a year
 * with one flood and a weir that is worked: fastest change 1.84 m/h (the flood
 * 0.43), sharpest peak or dip between two readings 0.235 m; a glitch of 16.06 m
 * both ways. So spike suspects from 0.5 m, and fails from 10 m, which no river
 * rises and falls between neighbouring readings; rate suspects from 5 m/h, the
 * upper of the manual's examples (0.50 m in 6 min). Differential, since a rise
 * that goes on is no spike, and a spike's neighbours are not marked.
 *
 * Measured on two street sensors (ultrasonic, 8 s to 14 min between readings,
 * 11 floods): floods 15 mm/min and 10 mm of spike at most; parked cars and
 * passers-by 1,120 mm/min over a minute, 0.1 to 1.5 m of spike; noise down to
 * -0.34 m. So rate suspects from 100 mm/min, spike from 0.1 m, and fails from 3 m.
 */

INSERT INTO highwater.quality_rule (property, test)
	SELECT p.code, t.test FROM highwater.observed_property p, unnest(ARRAY['gap', 'time']) AS t(test)
	WHERE p.code <> 'group' -- which has no readings
	ON CONFLICT DO NOTHING;

-- Values that the property never has; 9999 and 5000: no echo.
INSERT INTO highwater.quality_rule (property, test, codes)
	SELECT code, 'missing', codes::double precision[] FROM (VALUES
		('distance', '{9999,5000,-9999,-99999,-999999}'),
		('water_level', '{-9999,-99999,-999999}'),
		('water_depth', '{-999,-9999,-99999,-999999}'),
		('flow', '{-99999,-999999}'),
		('water_pressure', '{-9999,-99999,-999999}'),
		('air_pressure', '{-999,-9999,-99999,-999999}'),
		('air_temperature', '{-999,-9999,-99999,-999999}'),
		('water_temperature', '{-999,-9999,-99999,-999999}'),
		('battery_level', '{-999,-9999,-99999,-999999}'),
		('battery_voltage', '{-999,-9999,-99999,-999999}'),
		('conductivity', '{-999,-9999,-99999,-999999}'),
		('humidity', '{-999,-9999,-99999,-999999}'),
		('rainfall', '{-999,-9999,-99999,-999999}'),
		('rainfall_intensity', '{-999,-9999,-99999,-999999}'),
		('rainfall_total', '{-999,-9999,-99999,-999999}'),
		('velocity', '{-999,-9999,-99999,-999999}'),
		('wind_direction', '{-999,-9999,-99999,-999999}'),
		('wind_speed', '{-999,-9999,-99999,-999999}')
	) AS given(code, codes)
	JOIN highwater.observed_property USING (code)
	ON CONFLICT DO NOTHING;

INSERT INTO highwater.quality_rule (property, test, fail_min, suspect_min, suspect_max, fail_max, note)
	SELECT code, 'gross_range', fail_min, suspect_min, suspect_max, fail_max, note FROM (VALUES
		('air_pressure', 300, 450, 1090, 1150, 'Everest to the record high of 1085, not reduced'),
		('air_temperature', -95, -60, 60, 85, 'records -89 and 57; a box in the sun'),
		('battery_level', -1, 0, 100, 110, NULL),
		('battery_voltage', 0, NULL, NULL, 60, 'up to 48 V systems being charged'),
		('conductivity', -10, 0, 80000, 500000, 'sea 55,000; brine 250,000'),
		('distance', 0, NULL, NULL, 1000, NULL),
		('flow', -95000, NULL, NULL, 1000000, 'Amazon 300,000; a tide may turn it'),
		('frame_counter', 0, NULL, NULL, 4294967295, '32 bits'),
		('humidity', -5, 0, 100, 110, 'sensors in fog show a little over 100'),
		('rainfall', 0, NULL, NULL, 2000, 'record of a day: 1,825 mm'),
		('rainfall_intensity', 0, NULL, 1000, 5000, 'record of a minute: 38 mm, 2,280 mm/h'),
		('rainfall_total', 0, NULL, NULL, NULL, NULL),
		('rssi', -250, -150, 0, 50, NULL),
		('snr', -100, -40, 60, 100, NULL),
		('velocity', -30, -10, 10, 30, NULL),
		('water_depth', -0.5, -0.2, NULL, 300, 'below the ground there is none; deepest river 220 m'),
		('water_level', -1000, NULL, NULL, 9000, 'Dead Sea -430; highest lake 6,390'),
		('water_pressure', -1000, -200, NULL, 100000, 'vented or not; 1,000 m of water'),
		('water_temperature', -10, -3, 45, 105, 'hot springs'),
		('wetness', NULL, 0, 1, NULL, NULL),
		('wind_direction', -1, 0, 360, 361, NULL),
		('wind_speed', -1, 0, 115, 200, 'record gust 113 m/s')
	) AS given(code, fail_min, suspect_min, suspect_max, fail_max, note)
	JOIN highwater.observed_property USING (code)
	ON CONFLICT DO NOTHING;

INSERT INTO highwater.quality_rule (property, test, method, suspect_threshold, fail_threshold)
	SELECT code, 'spike', 'differential', suspect, fail FROM (VALUES
		('water_level', 0.5, 10), ('water_depth', 0.1, 3)
	) AS given(code, suspect, fail)
	JOIN highwater.observed_property USING (code)
	ON CONFLICT DO NOTHING;

INSERT INTO highwater.quality_rule (property, test, suspect_threshold, period, note)
	SELECT code, 'rate_of_change', suspect, period::interval, note FROM (VALUES
		('water_level', 0.50 / 360, '12 min', '0.50 m in 6 min; 1 m in less than 12 min'),
		('water_depth', 0.1 / 60, '1 min', '100 mm in 1 min or less')
	) AS given(code, suspect, period, note)
	JOIN highwater.observed_property USING (code)
	ON CONFLICT DO NOTHING;
