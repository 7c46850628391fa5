/*
 * observation - the time series, and the months it is kept in.
 *
 * Millions of rows a day go through here, so there is one index, the key, and
 * neither trigger nor foreign key: the plugin looks the datastream up before it
 * writes, and guard_datastream() refuses to delete one that rows refer to.
 * The plugin copies binary rows with an explicit column list.
 */

CREATE TABLE IF NOT EXISTS highwater.observation (
	datastream_id   integer NOT NULL,
	phenomenon_time timestamptz NOT NULL
		CONSTRAINT phenomenon_time_is_finite CHECK (isfinite(phenomenon_time)),
	result          double precision
		CONSTRAINT result_is_finite CHECK (result > '-Infinity' AND result < 'Infinity'),
	quality         smallint NOT NULL DEFAULT 2
		CONSTRAINT quality_is_a_qartod_flag CHECK (quality IN (1, 2, 3, 4, 9)),
	received_time   timestamptz NOT NULL DEFAULT now(),
	raw             double precision
		CONSTRAINT raw_is_finite CHECK (raw > '-Infinity' AND raw < 'Infinity'),
	quality_tests   integer NOT NULL DEFAULT 0
		CONSTRAINT quality_tests_are_not_negative CHECK (quality_tests >= 0),
	CONSTRAINT only_a_missing_reading_has_no_result CHECK (result IS NOT NULL OR quality = 9),
	PRIMARY KEY (datastream_id, phenomenon_time)
) PARTITION BY RANGE (phenomenon_time);
COMMENT ON TABLE highwater.observation IS
	'Observed values, one a datastream and moment, in monthly partitions (UTC). A second value for the '
	'same moment is not stored: the first one stays. View reading shows them with names.';
COMMENT ON COLUMN highwater.observation.datastream_id IS
	'The datastream. No foreign key, for speed; a datastream that has observations cannot be deleted.';
COMMENT ON COLUMN highwater.observation.phenomenon_time IS
	'When the water had this level; the sensor''s own time where it sends one. Microseconds.';
COMMENT ON COLUMN highwater.observation.result IS
	'The value, in the unit and datum of the datastream. Finite. NULL only with quality 9: the sensor said '
	'that it had no reading, or there was nothing to compute one from; then raw tells what it sent.';
COMMENT ON COLUMN highwater.observation.quality IS
	'QARTOD flag: 1 pass, 2 not evaluated, 3 suspect or of high interest, 4 fail, 9 missing.';
COMMENT ON COLUMN highwater.observation.received_time IS 'When the broker had the message.';
COMMENT ON COLUMN highwater.observation.raw IS
	'What the sensor said, in the input_unit of the datastream''s conversion; NULL: the result is what it '
	'said. recompute() makes results of it anew.';
COMMENT ON COLUMN highwater.observation.quality_tests IS
	'Verdict of each quality test, three bits each, test quality_test.test_id at bit 3 * test_id: 0 not '
	'set up, 1 pass, 2 not evaluated, 3 suspect, 4 fail, 5 missing. quality_text() spells it out.';

CREATE TABLE IF NOT EXISTS highwater.observation_default
	PARTITION OF highwater.observation DEFAULT;
COMMENT ON TABLE highwater.observation_default IS
	'Observations of months without a partition of their own, such as old recordings. make_partitions() '
	'moves them when it makes their month.';

-- A partition keeps the comments that it was made with: bring those of older versions up to date.
DO $$
DECLARE
	partition_column record;
BEGIN
	FOR partition_column IN
		SELECT i.inhrelid::regclass AS partition, a.attname, col_description(a.attrelid, a.attnum) AS comment
		FROM pg_inherits i
		JOIN pg_attribute a ON a.attrelid = i.inhparent AND a.attnum > 0 AND NOT a.attisdropped
		JOIN pg_attribute own ON own.attrelid = i.inhrelid AND own.attname = a.attname
		WHERE i.inhparent = 'highwater.observation'::regclass
		  AND i.inhrelid <> 'highwater.observation_default'::regclass
		  AND col_description(a.attrelid, a.attnum) IS DISTINCT FROM
		      col_description(own.attrelid, own.attnum)
	LOOP
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', partition_column.partition,
		               partition_column.attname, partition_column.comment);
	END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION highwater.missing_partitions(months_ahead integer, months_back integer)
	RETURNS TABLE (partition text, month timestamp)
	LANGUAGE sql
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT to_char(m, '"observation_y"YYYY"m"MM'), m
	FROM date_trunc('month', now() AT TIME ZONE 'UTC') AS this_month,
	     generate_series(this_month - make_interval(months => months_back),
	                     this_month + make_interval(months => months_ahead),
	                     interval '1 month') AS m
	WHERE to_regclass('highwater.' || to_char(m, '"observation_y"YYYY"m"MM')) IS NULL
	ORDER BY m
$$;
COMMENT ON FUNCTION highwater.missing_partitions(integer, integer) IS
	'Part of make_partitions(): names and first days (UTC) of the months around now that have no '
	'partition of observation.';

CREATE OR REPLACE FUNCTION highwater.make_partition(partition text, month timestamp)
	RETURNS void
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	starts timestamptz := month AT TIME ZONE 'UTC';
	ends   timestamptz := (month + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
	EXECUTE format('CREATE TABLE highwater.%I (LIKE highwater.observation'
	               ' INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS)', partition);
	EXECUTE format('COMMENT ON TABLE highwater.%I IS %L', partition,
	               'Observations of ' || to_char(month, 'YYYY-MM') || ' (UTC).');
	-- The month has no partition, so what observation has of it is in the default partition.
	EXECUTE format('WITH moved AS (DELETE FROM highwater.observation'
	               ' WHERE phenomenon_time >= $1 AND phenomenon_time < $2 RETURNING *)'
	               ' INSERT INTO highwater.%I SELECT * FROM moved', partition) USING starts, ends;
	EXECUTE format('ALTER TABLE highwater.observation ATTACH PARTITION highwater.%I'
	               ' FOR VALUES FROM (%L) TO (%L)',
	               partition,
	               to_char(month, 'YYYY-MM-DD 00:00:00+00'),
	               to_char(month + interval '1 month', 'YYYY-MM-DD 00:00:00+00'));
END
$$;
COMMENT ON FUNCTION highwater.make_partition(text, timestamp) IS
	'Part of make_partitions(): makes one month''s partition of observation and moves the month''s rows '
	'into it from the default partition.';

CREATE OR REPLACE FUNCTION highwater.make_partitions(
		months_ahead integer DEFAULT 3, months_back integer DEFAULT 1)
	RETURNS integer
	LANGUAGE plpgsql
	SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	SET lock_timeout = '2s'
AS $$
DECLARE
	made    integer := 0;
	missing record;
BEGIN
	IF months_ahead IS NULL OR months_ahead NOT BETWEEN 0 AND 1200
	   OR months_back IS NULL OR months_back NOT BETWEEN 0 AND 1200 THEN
		RAISE EXCEPTION 'make_partitions(%, %): a number of months is out of range',
			months_ahead, months_back
			USING ERRCODE = 'invalid_parameter_value',
			      HINT = 'Both are from 0 to 1200.';
	END IF;
	IF NOT EXISTS (SELECT FROM highwater.missing_partitions(months_ahead, months_back)) THEN
		RETURN 0;
	END IF;

	/*
	 * Another caller is waited for here, since the lock excludes itself, then what
	 * is missing is asked again. Writers stand still meanwhile, else one that knows
	 * only the old partitions would put a row of the new month into the default
	 * partition, and fail. Readers are only kept from the default partition.
	 */
	LOCK TABLE ONLY highwater.observation IN SHARE ROW EXCLUSIVE MODE;
	LOCK TABLE highwater.observation_default IN ACCESS EXCLUSIVE MODE;
	FOR missing IN SELECT * FROM highwater.missing_partitions(months_ahead, months_back) LOOP
		PERFORM highwater.make_partition(missing.partition, missing.month);
		made := made + 1;
	END LOOP;
	RETURN made;
EXCEPTION
	WHEN lock_not_available THEN
		RAISE WARNING 'partitions of highwater.observation are not made now: the table is busy'
			USING DETAIL = 'A long query or another session held it for 2 s. Nothing is lost: '
			               'rows without a month of their own go to the default partition.',
			      HINT = 'Later: SELECT highwater.make_partitions(); the plugin does it every 6 hours.';
		RETURN 0;
END
$$;
COMMENT ON FUNCTION highwater.make_partitions(integer, integer) IS
	'Makes the monthly partitions of observation that are missing, from months_back before this month to '
	'months_ahead after it (UTC), each with its rows of the default partition; returns how many. Nothing '
	'to do costs next to nothing. Two callers do not disturb each other. When the table stays busy for 2 '
	's it warns, returns 0 and leaves it for later. The plugin calls it on connecting and every 6 hours; after '
	'loading old recordings call it with more months_back.';
