/*
 * silence - what did not come, as facts.
 */

CREATE TABLE IF NOT EXISTS highwater.silence (
	datastream_id integer NOT NULL,
	silence_from  timestamptz NOT NULL,
	silence_to    timestamptz NOT NULL,
	expected      integer
		CONSTRAINT expected_is_not_negative CHECK (expected >= 0),
	noted_at      timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (datastream_id, silence_from),
	CONSTRAINT silence_ends_after_it_begins CHECK (silence_to > silence_from)
);
COMMENT ON TABLE highwater.silence IS
	'Stretches without readings, as the plugin saw them when the next reading came. View gap shows them '
	'with names, with what came later for them, and those that are still open.';
COMMENT ON COLUMN highwater.silence.datastream_id IS
	'The datastream. No foreign key: one that is deleted at this moment must not hold up the writer.';
COMMENT ON COLUMN highwater.silence.silence_from IS 'Phenomenon time of the last reading before.';
COMMENT ON COLUMN highwater.silence.silence_to IS 'Phenomenon time of the first reading after.';
COMMENT ON COLUMN highwater.silence.expected IS
	'Readings that should have come in between; NULL: the datastream''s interval was not known.';
COMMENT ON COLUMN highwater.silence.noted_at IS 'When the row was written.';

CREATE OR REPLACE FUNCTION highwater.forget_silence()
	RETURNS trigger
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM highwater.silence s WHERE s.datastream_id = OLD.datastream_id;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION highwater.forget_silence() IS
	'Trigger of datastream: the stretches of one that is deleted go with it.';

CREATE OR REPLACE TRIGGER forget_silence
	AFTER DELETE ON highwater.datastream
	FOR EACH ROW EXECUTE FUNCTION highwater.forget_silence();
