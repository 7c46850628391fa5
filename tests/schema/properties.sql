-- The list that plugin/property.c holds too.
BEGIN;
SELECT plan(5);

SELECT results_eq('SELECT code, unit FROM highwater.observed_property ORDER BY code COLLATE "C"', $$
	VALUES ('air_pressure', 'hPa'), ('air_temperature', 'Cel'), ('battery_level', '%'),
	       ('battery_voltage', 'V'), ('conductivity', 'uS/cm'), ('distance', 'm'), ('flow', 'm3/s'),
	       ('frame_counter', '1'), ('group', '1'), ('humidity', '%'), ('rainfall', 'mm'), ('rainfall_intensity', 'mm/h'),
	       ('rainfall_total', 'mm'), ('rssi', 'dBm'), ('snr', 'dB'), ('velocity', 'm/s'),
	       ('water_depth', 'm'), ('water_level', 'm'), ('water_pressure', 'hPa'),
	       ('water_temperature', 'Cel'), ('wetness', '1'), ('wind_direction', 'deg'),
	       ('wind_speed', 'm/s')
$$, 'a new schema knows exactly the 23 properties of the plugin');

SELECT is_empty('SELECT code FROM highwater.observed_property WHERE name IS NULL OR description IS NULL',
	'each is explained');

SELECT lives_ok($$INSERT INTO highwater.observed_property (code, unit) VALUES ('ph', '[pH]')$$,
	'a city adds a property');
SELECT throws_like($$INSERT INTO highwater.observed_property (code, unit) VALUES ('Water Level', 'm')$$,
	'%code_is_lower_case_letters_digits_underscores%', 'refuses a code that a topic would not spell');
SELECT throws_like($$INSERT INTO highwater.observed_property (code, unit) VALUES ('level', repeat('m', 17))$$,
	'%unit_has_1_to_16_bytes%', 'refuses a unit that the plugin could not hold');

SELECT * FROM finish();
ROLLBACK;
