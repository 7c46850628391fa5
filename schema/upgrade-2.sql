/*
 * upgrade-2 - from version 1 to version 2: quality control and conversions.
 *
 * Tables that version 1 has; what is new is made by the part files. Rows stay
 * as they are: raw NULL (the result is what the sensor said), quality_tests 0
 * (no test was set up). The table is read once, to check a constraint that
 * every row of version 1 keeps; brokers hold their readings meanwhile.
 */
ALTER TABLE highwater.datastream
	ADD COLUMN expected_interval interval
		CONSTRAINT expected_interval_is_positive CHECK (expected_interval > '0'),
	ADD COLUMN gap_after interval
		CONSTRAINT gap_after_is_positive CHECK (gap_after > '0'),
	ADD CONSTRAINT gap_after_is_not_shorter_than_expected_interval CHECK (gap_after >= expected_interval);

ALTER TABLE highwater.observation
	ALTER COLUMN result DROP NOT NULL,
	ADD COLUMN raw double precision
		CONSTRAINT raw_is_finite CHECK (raw > '-Infinity' AND raw < 'Infinity'),
	ADD COLUMN quality_tests integer NOT NULL DEFAULT 0
		CONSTRAINT quality_tests_are_not_negative CHECK (quality_tests >= 0),
	ADD CONSTRAINT only_a_missing_reading_has_no_result CHECK (result IS NOT NULL OR quality = 9);
