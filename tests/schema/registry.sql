-- Stations and datastreams: what they accept, how they are registered, and that they stay while needed.
BEGIN;
SELECT plan(33);

PREPARE add_station AS INSERT INTO highwater.station (code) VALUES ($1);
SELECT lives_ok($$EXECUTE add_station('phu-an')$$, 'a station needs no more than a code');
SELECT lives_ok($$EXECUTE add_station('Trạm Phú An')$$, 'a code may be Vietnamese, with spaces');
SELECT lives_ok(format('EXECUTE add_station(%L)', repeat('ế', 21) || 'x'), 'a code of 64 bytes fits');
SELECT throws_like(format('EXECUTE add_station(%L)', repeat('ế', 21) || 'xy'), '%code_has_1_to_64_bytes%',
	'refuses a code of 65 bytes');
SELECT throws_like($$EXECUTE add_station('')$$, '%code_has_1_to_64_bytes%', 'refuses an empty code');
SELECT throws_like(format('EXECUTE add_station(%L)', 'a' || c || 'b'), '%code_has_no_mqtt_character%',
	format('refuses %s in a code', c))
	FROM unnest(ARRAY['/', '+', '#']) AS c;
SELECT throws_like(format('EXECUTE add_station(%L)', 'a' || chr(c) || 'b'), '%code_has_no_control_character%',
	format('refuses control character %s in a code', c))
	FROM unnest(ARRAY[1, 10, 31, 127]) AS c;
SELECT throws_like($$INSERT INTO highwater.station (code, name) VALUES ('long', repeat('x', 121))$$,
	'%name_has_120_bytes_at_most%', 'refuses a name of 121 bytes');
SELECT throws_like($$INSERT INTO highwater.station (code, latitude) VALUES ('half', 10.7)$$,
	'%latitude_and_longitude_come_together%', 'refuses a latitude without longitude');
SELECT throws_like($$INSERT INTO highwater.station (code, latitude, longitude) VALUES ('swapped', 106, 10)$$,
	'%latitude_is_within_90_degrees%', 'refuses latitude and longitude swapped');
SELECT throws_like($$INSERT INTO highwater.station (code, latitude, longitude) VALUES ('nan', 'NaN', 'NaN')$$,
	'%itude_is_within%', 'refuses a position that is no number');

-- Datastreams.
SELECT highwater.register_datastream('phu-an', 'water_level', datum => 'Hon Dau 1972') AS level \gset
SELECT highwater.register_datastream('phu-an', 'rainfall', 'in') AS rain \gset
SELECT is((SELECT unit FROM highwater.datastream WHERE datastream_id = :level), 'm',
	'a datastream without unit gets that of its property');
SELECT is((SELECT unit FROM highwater.datastream WHERE datastream_id = :rain), 'in',
	'a datastream keeps the unit it is given');
SELECT is(highwater.register_datastream('phu-an', 'rainfall'), :rain,
	'registering again finds the datastream');
SELECT is((SELECT unit FROM highwater.datastream WHERE datastream_id = :rain), 'in',
	'registering again without unit keeps the unit');
SELECT is(highwater.register_datastream('phu-an', 'water_level', datum => 'gauge zero'), :level,
	'registering again with a datum finds the datastream');
SELECT is((SELECT datum FROM highwater.datastream WHERE datastream_id = :level), 'gauge zero',
	'registering again changes what is given');
SELECT throws_ok($$INSERT INTO highwater.datastream (station_id, property)
	SELECT station_id, 'mood' FROM highwater.station WHERE code = 'phu-an'$$,
	'23503', 'observed property "mood" is not known', 'refuses an unknown property and names it');
SELECT isnt(highwater.register_datastream('nha-be', 'water_level'), NULL,
	'registering a datastream registers its station');

-- Stations.
SELECT highwater.register_station('nha-be', 'Nhà Bè', 10.694, 106.732, river => 'Nhà Bè') AS nha_be \gset
SELECT is(highwater.register_station('nha-be', area => 'Nhà Bè'), :nha_be,
	'registering again finds the station');
SELECT row_eq($$SELECT name, latitude, longitude, river, area FROM highwater.station WHERE code = 'nha-be'$$,
	ROW('Nhà Bè'::text, 10.694::double precision, 106.732::double precision, 'Nhà Bè'::text,
		'Nhà Bè'::text),
	'registering again adds, and keeps what is not given');

-- They stay while they are needed.
INSERT INTO highwater.observation (datastream_id, phenomenon_time, result) VALUES (:level, now(), 1.2);
SELECT throws_ok(format('DELETE FROM highwater.datastream WHERE datastream_id = %s', :level), '23503', NULL,
	'refuses to delete a datastream that has observations');
SELECT throws_ok($$DELETE FROM highwater.station WHERE code = 'phu-an'$$, '23503',
	format('station "phu-an" has rows in highwater.observation (datastream %s, water_level) and is not deleted',
	       :level),
	'refuses to delete a station that has observations, and says where');
SET LOCAL client_min_messages = warning;
SELECT throws_ok('TRUNCATE highwater.station CASCADE', '23503', NULL,
	'refuses to empty the registry while there are observations');
RESET client_min_messages;
SELECT lives_ok(format('DELETE FROM highwater.datastream WHERE datastream_id = %s', :rain),
	'a datastream without observations can be deleted');

SELECT highwater.store_transition(datastream_id, 'i', 'i/1', 1, 'Alert', 'threshold', 'rising', 1, 'I', 0,
		1.5, 1.4, 'Minor', 2::smallint, now(), now(), now(), 1.5, now())
	FROM highwater.datastream JOIN highwater.station USING (station_id) WHERE code = 'nha-be' \g /dev/null
SELECT throws_like($$DELETE FROM highwater.station WHERE code = 'nha-be'$$, '%has rows in highwater.alert_event %',
	'refuses to delete a station that has alerts');

DELETE FROM highwater.observation;
SELECT highwater.set_threshold('phu-an', 'water_level', 1, 'I', 1.4) \g /dev/null
SELECT lives_ok($$DELETE FROM highwater.station WHERE code = 'phu-an'$$,
	'a station whose observations are gone can be deleted');
SELECT is_empty(format('SELECT FROM highwater.threshold WHERE datastream_id = %s', :level),
	'its thresholds went with it');

SELECT * FROM finish();
ROLLBACK;
