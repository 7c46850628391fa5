-- A city's data and edits, of every table, that a second installation must leave alone.
SELECT highwater.register_station('between', 'Between installs', 10.776, 106.704) \g /dev/null
SELECT highwater.set_threshold('between', 'water_level', 1, 'I', 1.4) \g /dev/null

UPDATE highwater.observed_property SET name = 'Mực nước' WHERE code = 'water_level';
INSERT INTO highwater.observed_property (code, unit, name) VALUES ('ph', '[pH]', 'Acidity');

INSERT INTO highwater.observation (datastream_id, phenomenon_time, result)
	SELECT datastream_id, t, 1.5
	FROM highwater.datastream, unnest(ARRAY[now(), '2001-02-03 04:05:06Z']) AS t;

SELECT highwater.store_transition(datastream_id, 'between/water_level/1', 'between/water_level/1/1', 1,
		'Alert', 'threshold', 'rising', 1, 'I', 0, 1.5, 1.4, 'Minor', 2::smallint, now(), now(), now(),
		1.5, now())
	FROM highwater.datastream \g /dev/null

INSERT INTO highwater.rejected (journal_id, position, received_time, topic, reason, payload, payload_length)
	VALUES ('00000000-0000-0000-0000-000000000001', 4294967360, now(), 'sensors/x', 'invalid_json',
	        '[', 1);
INSERT INTO highwater.loss (reason, started, ended, count) VALUES ('disk_full', now(), now(), 7);
INSERT INTO highwater.journal_position (journal_id, position)
	VALUES ('00000000-0000-0000-0000-000000000001', 4294967400);
INSERT INTO highwater.quality_rule (datastream_id, test, suspect_min, suspect_max)
	SELECT datastream_id, 'gross_range', 0, 2 FROM highwater.datastream;
INSERT INTO highwater.climatology (datastream_id, season, season_from, season_to, suspect_max)
	SELECT datastream_id, 'month', 9, 11, 2.5 FROM highwater.datastream;
INSERT INTO highwater.conversion (datastream_id, kind, input, input_unit, mount_height)
	SELECT datastream_id, 'distance', 'distance', 'mm', 5 FROM highwater.datastream;
INSERT INTO highwater.silence (datastream_id, silence_from, silence_to, expected)
	SELECT datastream_id, '2026-11-22 10:00Z', '2026-11-22 12:00Z', 7 FROM highwater.datastream;
INSERT INTO highwater.group_member (datastream_id, cause, position, member_id, member_level)
	VALUES (highwater.set_threshold('district-1', 'group', 1, 'two of three', 2, cause => 'group'), 'group', 1,
	        highwater.register_datastream('member-1', 'water_level'), 1);
