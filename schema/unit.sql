/*
 * unit - units that can be converted into each other.
 *
 * value in the dimension's base unit = factor * value + shift. Codes are those
 * of UCUM, and a few that the field writes instead (ft, in, psi, cfs, dBm).
 * A unit that is not here may still be a datastream's: then nothing else can
 * be converted into it without a scale of its own.
 */

CREATE TABLE IF NOT EXISTS highwater.unit (
	code      text PRIMARY KEY
		CONSTRAINT code_has_1_to_16_bytes CHECK (octet_length(code) BETWEEN 1 AND 16),
	dimension text NOT NULL
		CONSTRAINT dimension_has_1_to_40_bytes CHECK (octet_length(dimension) BETWEEN 1 AND 40),
	factor    double precision NOT NULL
		CONSTRAINT factor_is_positive_and_finite CHECK (factor > 0 AND factor < 'Infinity'),
	shift     double precision NOT NULL DEFAULT 0
		CONSTRAINT shift_is_finite CHECK (shift > '-Infinity' AND shift < 'Infinity'),
	name      text
);
COMMENT ON TABLE highwater.unit IS
	'Units that can be converted into each other: those of the same dimension. Value in the base unit of '
	'the dimension = factor * value + shift.';
COMMENT ON COLUMN highwater.unit.code IS
	'As in observed_property.unit and datastream.unit: a UCUM code, or one that the field writes instead; '
	'1 to 16 bytes.';
COMMENT ON COLUMN highwater.unit.dimension IS 'What is measured in it, such as length.';
COMMENT ON COLUMN highwater.unit.factor IS 'Base units in one of it.';
COMMENT ON COLUMN highwater.unit.shift IS 'Its zero, in base units; 0 for all but temperatures.';
COMMENT ON COLUMN highwater.unit.name IS 'Name for people.';

-- plugin/unit.c holds the same list. What a city has edited stays.
INSERT INTO highwater.unit (code, dimension, factor, shift, name) VALUES
	('mm', 'length', 0.001, 0, 'Millimetre'),
	('cm', 'length', 0.01, 0, 'Centimetre'),
	('dm', 'length', 0.1, 0, 'Decimetre'),
	('m', 'length', 1, 0, 'Metre'),
	('km', 'length', 1000, 0, 'Kilometre'),
	('[in_i]', 'length', 0.0254, 0, 'Inch'),
	('in', 'length', 0.0254, 0, 'Inch'),
	('[ft_i]', 'length', 0.3048, 0, 'Foot'),
	('ft', 'length', 0.3048, 0, 'Foot'),
	('[ft_us]', 'length', 0.30480060960121919, 0, 'US survey foot'),
	('L/m2', 'length', 0.001, 0, 'Litre per square metre (of rain)'),
	('Pa', 'pressure', 1, 0, 'Pascal'),
	('hPa', 'pressure', 100, 0, 'Hectopascal'),
	('kPa', 'pressure', 1000, 0, 'Kilopascal'),
	('MPa', 'pressure', 1000000, 0, 'Megapascal'),
	('mbar', 'pressure', 100, 0, 'Millibar'),
	('dbar', 'pressure', 10000, 0, 'Decibar'),
	('bar', 'pressure', 100000, 0, 'Bar'),
	('[psi]', 'pressure', 6894.757293168361, 0, 'Pound per square inch'),
	('psi', 'pressure', 6894.757293168361, 0, 'Pound per square inch'),
	('mm[Hg]', 'pressure', 133.322387415, 0, 'Millimetre of mercury'),
	('m[H2O]', 'pressure', 9806.65, 0, 'Metre of water column'),
	('cm[H2O]', 'pressure', 98.0665, 0, 'Centimetre of water column'),
	('mm[H2O]', 'pressure', 9.80665, 0, 'Millimetre of water column'),
	('m/s', 'velocity', 1, 0, 'Metre per second'),
	('cm/s', 'velocity', 0.01, 0, 'Centimetre per second'),
	('mm/s', 'velocity', 0.001, 0, 'Millimetre per second'),
	('km/h', 'velocity', 0.27777777777777779, 0, 'Kilometre per hour'),
	('[kn_i]', 'velocity', 0.51444444444444448, 0, 'Knot'),
	('[mi_i]/h', 'velocity', 0.44704, 0, 'Mile per hour'),
	('[ft_i]/s', 'velocity', 0.3048, 0, 'Foot per second'),
	('ft/s', 'velocity', 0.3048, 0, 'Foot per second'),
	('mm/min', 'velocity', 1.6666666666666667e-05, 0, 'Millimetre per minute'),
	('mm/h', 'velocity', 2.7777777777777776e-07, 0, 'Millimetre per hour'),
	('mm/d', 'velocity', 1.1574074074074074e-08, 0, 'Millimetre per day'),
	('cm/h', 'velocity', 2.7777777777777779e-06, 0, 'Centimetre per hour'),
	('[in_i]/h', 'velocity', 7.055555555555555e-06, 0, 'Inch per hour'),
	('in/h', 'velocity', 7.055555555555555e-06, 0, 'Inch per hour'),
	('Cel', 'temperature', 1, 0, 'Degree Celsius'),
	('K', 'temperature', 1, -273.15, 'Kelvin'),
	('[degF]', 'temperature', 0.55555555555555558, -17.777777777777779, 'Degree Fahrenheit'),
	('V', 'voltage', 1, 0, 'Volt'),
	('mV', 'voltage', 0.001, 0, 'Millivolt'),
	('A', 'current', 1, 0, 'Ampere'),
	('mA', 'current', 0.001, 0, 'Milliampere'),
	('1', 'number', 1, 0, 'Pure number'),
	('%', 'number', 0.01, 0, 'Per cent'),
	('[ppth]', 'number', 0.001, 0, 'Part per thousand'),
	('[ppm]', 'number', 1e-06, 0, 'Part per million'),
	('dB', 'level', 1, 0, 'Decibel'),
	('dBm', 'power_level', 1, 0, 'Decibel above one milliwatt'),
	('m3/s', 'flow', 1, 0, 'Cubic metre per second'),
	('m3/h', 'flow', 0.00027777777777777778, 0, 'Cubic metre per hour'),
	('m3/d', 'flow', 1.1574074074074073e-05, 0, 'Cubic metre per day'),
	('L/s', 'flow', 0.001, 0, 'Litre per second'),
	('L/min', 'flow', 1.6666666666666667e-05, 0, 'Litre per minute'),
	('[cft_i]/s', 'flow', 0.028316846592, 0, 'Cubic foot per second'),
	('cfs', 'flow', 0.028316846592, 0, 'Cubic foot per second'),
	('ms', 'time', 0.001, 0, 'Millisecond'),
	('s', 'time', 1, 0, 'Second'),
	('min', 'time', 60, 0, 'Minute'),
	('h', 'time', 3600, 0, 'Hour'),
	('d', 'time', 86400, 0, 'Day'),
	('deg', 'angle', 1, 0, 'Degree'),
	('rad', 'angle', 57.295779513082323, 0, 'Radian'),
	('S/m', 'conductivity', 1, 0, 'Siemens per metre'),
	('mS/m', 'conductivity', 0.001, 0, 'Millisiemens per metre'),
	('dS/m', 'conductivity', 0.1, 0, 'Decisiemens per metre'),
	('mS/cm', 'conductivity', 0.1, 0, 'Millisiemens per centimetre'),
	('uS/cm', 'conductivity', 0.0001, 0, 'Microsiemens per centimetre'),
	('kg/m3', 'concentration', 1, 0, 'Kilogram per cubic metre'),
	('g/L', 'concentration', 1, 0, 'Gram per litre'),
	('mg/L', 'concentration', 0.001, 0, 'Milligram per litre')
	ON CONFLICT (code) DO NOTHING;

CREATE OR REPLACE TRIGGER notify_registry
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON highwater.unit
	FOR EACH STATEMENT EXECUTE FUNCTION highwater.notify_registry();
