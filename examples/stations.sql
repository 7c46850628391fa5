/*
 * stations.sql - four stations of Ho Chi Minh City and their published alarm levels.
 *
 *     psql -d highwater -f examples/stations.sql
 *
 * Any number of times; rows that are there are brought up to date. Alarm levels
 * are as named by press and flood bulletins of 2025, not copied from the annex of
 * Decision 05/2020/QĐ-TTg: check them with your authority before you rely on them.
 * Coordinates are approximate.
 */
\set ON_ERROR_STOP on
\set QUIET on
\o /dev/null
BEGIN;

SELECT highwater.register_station('vung-tau', 'Vũng Tàu', 10.34, 107.07, 'biển Đông', 'Vũng Tàu',
	'Tide gauge at the coast');
SELECT highwater.register_station('nha-be', 'Nhà Bè', 10.66, 106.73, 'sông Đồng Điền', 'Nhà Bè',
	'Tidal river gauge downstream of the city');
SELECT highwater.register_station('phu-an', 'Phú An', 10.776, 106.707, 'sông Sài Gòn', 'Quận 1',
	'Tidal river gauge in the centre of the city');
SELECT highwater.register_station('street-nguyen-huu-canh', 'Nguyễn Hữu Cảnh', 10.790, 106.718, NULL,
	'Bình Thạnh', 'Street that floods often; the sensor of this demonstration is invented');

SELECT highwater.register_datastream('vung-tau', 'water_level', 'm', 'gauge zero');
SELECT highwater.register_datastream('nha-be', 'water_level', 'm', 'national (Hòn Dấu)');
SELECT highwater.register_datastream('phu-an', 'water_level', 'm', 'national (Hòn Dấu)');
SELECT highwater.register_datastream('street-nguyen-huu-canh', 'water_depth', 'm', 'street surface');

-- Viet Nam's three stage levels, báo động I to III. Level I of Nhà Bè was not found published.
SELECT highwater.set_threshold('phu-an', 'water_level', 1, 'báo động I', 1.40, severity => 'Minor',
	source => 'press and bulletins, 2025');
SELECT highwater.set_threshold('phu-an', 'water_level', 2, 'báo động II', 1.50, severity => 'Moderate',
	source => 'press and bulletins, 2025');
SELECT highwater.set_threshold('phu-an', 'water_level', 3, 'báo động III', 1.60, severity => 'Severe',
	source => 'press and bulletins, 2025');
SELECT highwater.set_threshold('nha-be', 'water_level', 2, 'báo động II', 1.50, severity => 'Moderate',
	source => 'press and bulletins, 2025');
SELECT highwater.set_threshold('nha-be', 'water_level', 3, 'báo động III', 1.60, severity => 'Severe',
	source => 'press and bulletins, 2025');

-- The city calls a street inundated from 0.10 m; the second level is this demonstration's own.
SELECT highwater.set_threshold('street-nguyen-huu-canh', 'water_depth', 1, 'inundated', 0.10,
	severity => 'Moderate', source => 'press and bulletins: 0.10 m or more');
SELECT highwater.set_threshold('street-nguyen-huu-canh', 'water_depth', 2, 'impassable', 0.25,
	severity => 'Severe', source => 'example');

COMMIT;
\o
