-- Conversions: the coefficients are right, and what cannot be converted is refused by name.
BEGIN;
SELECT plan(46);

SELECT highwater.register_datastream('phu-an', 'water_level') AS level \gset
SELECT highwater.register_datastream('phu-an', 'water_depth', 'mm') AS depth \gset
SELECT highwater.register_datastream('phu-an', 'rainfall') AS rain \gset
SELECT highwater.register_datastream('phu-an', 'air_temperature') AS temperature \gset
SELECT highwater.register_datastream('phu-an', 'air_pressure', 'mbar') AS air \gset
SELECT highwater.register_datastream('phu-an', 'flow', 'furlong') AS odd \gset

-- The first is of the table, so that its units are converted into each other in every direction.
SELECT is_empty($$SELECT code FROM highwater.unit u WHERE dimension NOT IN
	(SELECT dimension FROM highwater.unit WHERE factor = 1 AND shift = 0)$$,
	'every dimension has its base unit');
SELECT is_empty($$SELECT code, unit FROM highwater.observed_property p
	WHERE NOT EXISTS (SELECT FROM highwater.unit u WHERE u.code = p.unit)$$,
	'the usual units are all known');
CREATE FUNCTION pg_temp.converted(value double precision, a text, b text) RETURNS numeric LANGUAGE sql AS $$
	SELECT round(((a.factor * value + a.shift - b.shift) / b.factor)::numeric, 6)
	FROM highwater.unit a, highwater.unit b
	WHERE a.code = $2 AND b.code = $3 AND a.dimension = b.dimension
$$;
SELECT is(pg_temp.converted(value, a, b), expected, format('%s %s is %s %s', value, a, expected, b))
	FROM (VALUES (1578, 'mm', 'm', 1.578), (1, '[ft_i]', '[in_i]', 12.0), (1, 'bar', 'hPa', 1000),
		(32, '[degF]', 'Cel', 0), (212, '[degF]', 'K', 373.15), (0, 'Cel', '[degF]', 32),
		(36, 'km/h', 'm/s', 10), (1, '[in_i]/h', 'mm/h', 25.4), (1, '[psi]', 'kPa', 6.894757),
		(1, '[cft_i]/s', 'L/s', 28.316847), (100, '%', '1', 1), (1, 'mS/cm', 'uS/cm', 1000)
	) AS known(value, a, b, expected);

CREATE FUNCTION pg_temp.coefficients(columns text, given text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	DELETE FROM highwater.conversion;
	EXECUTE format('INSERT INTO highwater.conversion (%s) VALUES (%s)', columns, given);
	SELECT concat_ws(' ', input, input_unit, round(scale::numeric, 9), round(shift::numeric, 9),
	                 round(air_scale::numeric, 9), modulus, increment_max)
		INTO line FROM highwater.conversion_coefficient;
	RETURN line;
END
$$;
SELECT is(pg_temp.coefficients('datastream_id, ' || columns, stream || ', ' || given), expected, expected)
	FROM (VALUES
		(:level, 'kind', $$'linear'$$, 'water_level m 1.000000000 0.000000000 0.000000000'),
		(:level, 'kind, input_unit, shift', $$'linear', 'cm', -2.72$$,
		 'water_level cm 0.010000000 -2.720000000 0.000000000'),
		(:level, 'kind, input, input_unit, scale, shift', $$'linear', 'water_pressure', 'mA', 0.625, -2.5$$,
		 'water_pressure mA 0.625000000 -2.500000000 0.000000000'),
		(:temperature, 'kind, input_unit', $$'linear', '[degF]'$$,
		 'air_temperature [degF] 0.555555556 -17.777777778 0.000000000'),
		(:depth, 'kind, input, mount_height, shift', $$'distance', 'distance', 1578, 10$$,
		 'distance m -1000.000000000 1588.000000000 0.000000000'),
		(:level, 'kind, input, air_datastream_id, shift', format($$'pressure', 'water_pressure', %s, -1$$, :air),
		 'water_pressure hPa 0.010197162 -1.000000000 -0.010197162'),
		(:level, 'kind, input, input_unit, density', $$'pressure', 'water_pressure', 'kPa', 1025$$,
		 'water_pressure kPa 0.099484509 0.000000000 0.000000000'),
		(:rain, 'kind, input, input_unit, bucket, modulus', $$'counter', 'rainfall_total', '1', 0.2, 65536$$,
		 'rainfall_total 1 0.200000000 0.000000000 0.000000000 65536 6553.6'),
		(:rain, 'kind, input, input_unit, modulus, increment_max',
		 $$'counter', 'rainfall_total', '[in_i]', 100, 50$$,
		 'rainfall_total [in_i] 25.400000000 0.000000000 0.000000000 100 50')
	) AS given(stream, columns, given, expected);
SELECT is((SELECT valid_from_us FROM highwater.conversion_coefficient), (-9223372036854775808)::bigint,
	'since ever is the least number');

-- Refusals.
DELETE FROM highwater.conversion;
SELECT throws_ok(format('INSERT INTO highwater.conversion (datastream_id, kind, %s) VALUES (%s, %L, %s)',
		columns, stream, kind, given), '23514',
		format('conversion %s of %s from %s, valid from -infinity: %s', kind,
		       highwater.datastream_label(stream), input, mistake), 'refuses: ' || mistake)
	FROM (VALUES
		(:odd, 'linear', 'flow', 'input_unit', $$'m3/s'$$, 'unit "m3/s" cannot be converted into "furlong"'),
		(:level, 'linear', 'water_level', 'input_unit', $$'hPa'$$, 'unit "hPa" cannot be converted into "m"'),
		(:level, 'pressure', 'distance', 'input', $$'distance'$$, 'unit "m" is not a pressure'),
		(:rain, 'counter', 'rainfall_total', 'input, input_unit', $$'rainfall_total', '1'$$,
		 'unit "1" cannot be converted into "mm"'),
		(:level, 'distance', 'distance', 'input', $$'distance'$$, 'mount_height is not given'),
		(:level, 'spline', 'water_level', 'shift', '0', 'kind "spline" is not known'),
		(:level, 'linear', 'water_level', 'scale', $$'NaN'$$, 'scale is NaN'),
		(:level, 'linear', 'water_level', 'scale', '0', 'scale is 0'),
		(:level, 'distance', 'distance', 'input, mount_height, scale', $$'distance', 5, 2$$,
		 'scale is given for kind distance'),
		(:level, 'linear', 'water_level', 'mount_height', '5', 'mount_height is given for kind linear'),
		(:level, 'linear', 'water_level', 'air_datastream_id', :'air', 'air_datastream_id is given for kind linear'),
		(:level, 'linear', 'water_level', 'modulus', '100',
		 'bucket, modulus or increment_max is given for kind linear'),
		(:rain, 'counter', 'rainfall_total', 'input, shift', $$'rainfall_total', 1$$, 'shift is 1 for kind counter'),
		(:rain, 'counter', 'rainfall_total', 'input, bucket', $$'rainfall_total', 0$$,
		 'bucket, modulus or increment_max is not more than 0'),
		(:temperature, 'pressure', 'water_pressure', 'input', $$'water_pressure'$$,
		 'unit "Cel" of the datastream is not a length'),
		(:level, 'pressure', 'water_pressure', 'input, density', $$'water_pressure', 1$$, 'density is 1 kg/m3'),
		(:level, 'pressure', 'water_pressure', 'input, gravity', $$'water_pressure', 1$$, 'gravity is 1 m/s2'),
		(:level, 'pressure', 'water_pressure', 'input, air_max_age', $$'water_pressure', '0'$$,
		 'air_max_age is 00:00:00'),
		(:level, 'pressure', 'water_pressure', 'input, air_datastream_id',
		 format($$'water_pressure', %s$$, :rain),
		 'the air''s datastream (station "phu-an", rainfall) is not there or not in a unit of pressure')
	) AS bad(stream, kind, input, columns, given, mistake);
SELECT throws_ok(format($$INSERT INTO highwater.conversion (datastream_id, kind, input) VALUES (%s, 'linear', 'mood')$$,
		:level), '23503', 'conversion of station "phu-an", water_level: input "mood" is not known',
	'refuses an unknown input and names it');
INSERT INTO highwater.conversion (datastream_id, kind, input, mount_height) VALUES (:level, 'distance', 'distance', 5);
SELECT throws_like(format($$INSERT INTO highwater.conversion (datastream_id, kind, input, mount_height)
		VALUES (%s, 'distance', 'distance', 5)$$, :depth),
	'%: distance of this station already feeds water_level', 'refuses an input that feeds another datastream');
SELECT throws_like(format($$UPDATE highwater.datastream SET unit = 'hPa' WHERE datastream_id = %s$$, :level),
	'unit "hPa" of station "phu-an", water_level does not go with conversion distance %',
	'refuses a unit that the conversion cannot give');

SELECT * FROM finish();
ROLLBACK;
