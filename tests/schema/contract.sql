-- Tables, columns and types that the plugin and outside users rely on, in their order.
BEGIN;
SELECT plan(35);

CREATE FUNCTION pg_temp.columns_of(relation regclass) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
	FROM pg_attribute
	WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
$$;

CREATE FUNCTION pg_temp.has_columns(relation text, columns text) RETURNS text LANGUAGE sql AS $$
	SELECT is(pg_temp.columns_of(('highwater.' || relation)::regclass), columns,
	          relation || ' has the columns of the contract')
$$;

SELECT pg_temp.has_columns('schema_history', 'version integer, installed_at timestamp with time zone');
SELECT pg_temp.has_columns('observed_property', 'code text, unit text, name text, description text, '
	'rise_max double precision, object_move double precision, object_hold interval');
SELECT pg_temp.has_columns('station',
	'station_id integer, code text, name text, latitude double precision, longitude double precision, '
	'river text, area text, description text, created_at timestamp with time zone, '
	'cap_area text');
SELECT pg_temp.has_columns('datastream',
	'datastream_id integer, station_id integer, property text, unit text, datum text, name text, '
	'description text, created_at timestamp with time zone, expected_interval interval, gap_after interval, '
	'rise_max double precision, object_move double precision, object_hold interval');
SELECT pg_temp.has_columns('observation',
	'datastream_id integer, phenomenon_time timestamp with time zone, result double precision, '
	'quality smallint, received_time timestamp with time zone, raw double precision, quality_tests integer');
SELECT pg_temp.has_columns('threshold',
	'datastream_id integer, level integer, name text, set_value double precision, '
	'clear_value double precision, direction text, on_delay interval, off_delay interval, severity text, '
	'source text, valid_from timestamp with time zone, '
	'cause text, period interval, on_samples smallint, latching boolean, repeat_after interval');
SELECT pg_temp.has_columns('alert',
	'incident text, datastream_id integer, direction text, started timestamp with time zone, '
	'ended timestamp with time zone, level integer, level_name text, peak_level integer, '
	'peak double precision, peak_time timestamp with time zone, transitions integer, '
	'cause text, period interval, onset timestamp with time zone');
SELECT pg_temp.has_columns('alert_event',
	'identifier text, incident text, sequence integer, msg_type text, sent timestamp with time zone, '
	'phenomenon_time timestamp with time zone, level integer, level_name text, previous_level integer, '
	'cause text, value double precision, threshold double precision, severity text, quality smallint, '
	'event text, datastream_id integer, period interval, onset timestamp with time zone, '
	'projected_level integer, projected_time timestamp with time zone, announced boolean, user_name text, '
	'client_id text, reason text, until timestamp with time zone');
SELECT pg_temp.has_columns('rejected',
	'journal_id uuid, position bigint, received_time timestamp with time zone, topic text, client_id text, '
	'reason text, detail text, payload bytea, payload_length integer');
SELECT pg_temp.has_columns('loss',
	'loss_id bigint, reason text, started timestamp with time zone, ended timestamp with time zone, '
	'count bigint, journal_id uuid, noted_at timestamp with time zone, total bigint');
SELECT pg_temp.has_columns('journal_position',
	'journal_id uuid, position bigint, host text, updated_at timestamp with time zone');
SELECT pg_temp.has_columns('reading',
	'station text, property text, phenomenon_time timestamp with time zone, result double precision, '
	'unit text, quality smallint, raw double precision, quality_tests integer');
SELECT pg_temp.has_columns('unit',
	'code text, dimension text, factor double precision, shift double precision, name text');
SELECT pg_temp.has_columns('quality_test',
	'test_id smallint, code text, name text, description text, parameters text[]');
SELECT pg_temp.has_columns('quality_rule',
	'quality_rule_id integer, property text, datastream_id integer, test text, enabled boolean, '
	'suspect_min double precision, suspect_max double precision, fail_min double precision, '
	'fail_max double precision, suspect_threshold double precision, fail_threshold double precision, '
	'suspect_after interval, fail_after interval, method text, period interval, '
	'tolerance double precision, min_count integer, min_period interval, codes double precision[], '
	'neighbour_id integer, note text');
SELECT pg_temp.has_columns('quality_rule_for_plugin',
	'datastream_id integer, property text, test text, enabled boolean, suspect_min double precision, '
	'suspect_max double precision, fail_min double precision, fail_max double precision, '
	'suspect_threshold double precision, fail_threshold double precision, suspect_after_us bigint, '
	'fail_after_us bigint, method text, period_us bigint, tolerance double precision, min_count integer, '
	'min_period_us bigint, codes double precision[], neighbour_id integer');
SELECT pg_temp.has_columns('climatology',
	'climatology_id integer, property text, datastream_id integer, season text, season_from integer, '
	'season_to integer, suspect_min double precision, suspect_max double precision, '
	'fail_min double precision, fail_max double precision, note text');
SELECT pg_temp.has_columns('conversion',
	'conversion_id integer, datastream_id integer, valid_from timestamp with time zone, kind text, '
	'input text, input_unit text, scale double precision, shift double precision, '
	'mount_height double precision, density double precision, gravity double precision, '
	'air_datastream_id integer, air_max_age interval, bucket double precision, modulus double precision, '
	'increment_max double precision, source text');
SELECT pg_temp.has_columns('conversion_coefficient',
	'conversion_id integer, datastream_id integer, station text, input text, input_unit text, '
	'valid_from timestamp with time zone, kind text, scale double precision, shift double precision, '
	'air_datastream_id integer, air_scale double precision, air_max_age interval, '
	'modulus double precision, increment_max double precision, valid_from_us bigint, '
	'air_max_age_us bigint');
SELECT pg_temp.has_columns('silence',
	'datastream_id integer, silence_from timestamp with time zone, silence_to timestamp with time zone, '
	'expected integer, noted_at timestamp with time zone');


SELECT col_is_pk('highwater', 'observed_property', 'code', 'a property is known by its code');
SELECT col_is_unique('highwater', 'station', 'code', 'a station code is used once');
SELECT col_is_unique('highwater', 'datastream', ARRAY['station_id', 'property'],
	'a station observes a property once');
SELECT col_is_pk('highwater', 'observation', ARRAY['datastream_id', 'phenomenon_time'],
	'a datastream has one observation a moment');
SELECT col_is_pk('highwater', 'threshold', ARRAY['datastream_id', 'cause', 'period', 'level', 'valid_from'],
	'a threshold has a history');
SELECT col_is_pk('highwater', 'rejected', ARRAY['journal_id', 'position'], 'a dead letter is stored once');
SELECT col_is_unique('highwater', 'loss', ARRAY['journal_id', 'reason', 'total'], 'a loss is noted once');
SELECT col_is_unique('highwater', 'alert_event', ARRAY['incident', 'sequence'],
	'an incident has a sequence number once');

SELECT is((SELECT count(*) FROM pg_trigger WHERE tgrelid = 'highwater.observation'::regclass), 0::bigint,
	'observation has no trigger and no foreign key');
SELECT is((SELECT count(*) FROM pg_index WHERE indrelid = 'highwater.observation'::regclass), 1::bigint,
	'observation has no index but its key');
SELECT col_is_pk('highwater', 'silence', ARRAY['datastream_id', 'silence_from'],
	'a silence is noted once');
SELECT col_is_pk('highwater', 'unit', 'code', 'a unit is known by its code');
SELECT is(pg_get_partkeydef('highwater.observation'::regclass), 'RANGE (phenomenon_time)',
	'observation is partitioned by phenomenon time');

SELECT is(highwater.schema_version(), 3, 'the version is 3');
SELECT is(pg_get_function_identity_arguments('highwater.store_transition'::regproc),
	'datastream_id integer, incident text, identifier text, sequence integer, msg_type text, cause text, '
	'direction text, level integer, level_name text, previous_level integer, value double precision, '
	'threshold double precision, severity text, quality smallint, '
	'phenomenon_time timestamp with time zone, sent timestamp with time zone, '
	'started timestamp with time zone, peak double precision, peak_time timestamp with time zone, '
	'event text, period_us bigint, onset timestamp with time zone, projected_level integer, '
	'projected_time timestamp with time zone, announced smallint, user_name text, client_id text, '
	'reason text, until timestamp with time zone',
	'store_transition takes its arguments in the order that the plugin writes');

SELECT * FROM finish();
ROLLBACK;
