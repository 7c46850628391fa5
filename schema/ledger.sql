/*
 * ledger - what was not stored and why, and how far each journal is stored.
 *
 * A journal is the plugin's queue on disk; its id tells brokers apart. The rows
 * here are written in the transaction of the observations that they go with.
 */

CREATE TABLE IF NOT EXISTS highwater.rejected (
	journal_id     uuid NOT NULL,
	position       bigint NOT NULL
		CONSTRAINT position_is_not_negative CHECK (position >= 0),
	received_time  timestamptz NOT NULL,
	topic          text NOT NULL,
	client_id      text,
	reason         text NOT NULL,
	detail         text,
	payload        bytea,
	payload_length integer NOT NULL
		CONSTRAINT payload_length_is_not_negative CHECK (payload_length >= 0),
	PRIMARY KEY (journal_id, position)
);
CREATE INDEX IF NOT EXISTS rejected_by_received_time ON highwater.rejected (received_time);
COMMENT ON TABLE highwater.rejected IS
	'Dead letters: messages that were not taken, one row each, with the reason.';
COMMENT ON COLUMN highwater.rejected.journal_id IS 'The journal that it came through.';
COMMENT ON COLUMN highwater.rejected.position IS 'Where it stands in the journal, as in journal_position.';
COMMENT ON COLUMN highwater.rejected.received_time IS 'When the broker had the message.';
COMMENT ON COLUMN highwater.rejected.topic IS 'MQTT topic that it was published on.';
COMMENT ON COLUMN highwater.rejected.client_id IS
	'MQTT client identifier of its sender; NULL when not known.';
COMMENT ON COLUMN highwater.rejected.reason IS
	'Why, in one of the plugin''s fixed words, such as invalid_json or wrong_unit.';
COMMENT ON COLUMN highwater.rejected.detail IS 'Why, for people: what was found and where.';
COMMENT ON COLUMN highwater.rejected.payload IS
	'The payload''s bytes, of a long one only the beginning. convert_from(payload, ''UTF8'') shows text.';
COMMENT ON COLUMN highwater.rejected.payload_length IS 'Bytes of the whole payload.';

CREATE TABLE IF NOT EXISTS highwater.loss (
	loss_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	reason     text NOT NULL,
	started    timestamptz NOT NULL,
	ended      timestamptz NOT NULL,
	count      bigint NOT NULL
		CONSTRAINT count_is_positive CHECK (count > 0),
	journal_id uuid,
	noted_at   timestamptz NOT NULL DEFAULT now(),
	total      bigint,
	CONSTRAINT total_is_told_once UNIQUE (journal_id, reason, total)
);
COMMENT ON TABLE highwater.loss IS
	'Every reading that a broker had and did not store in observation, counted by reason. Those that were '
	'rejected stand in rejected too, one by one, as long as there was room for it. Empty is good.';
COMMENT ON COLUMN highwater.loss.loss_id IS 'Number of the row.';
COMMENT ON COLUMN highwater.loss.reason IS
	'Why: journal_full or out_of_memory (readings of QoS 0, which nobody sends again); journal_damaged or '
	'journal_damaged_at_most (what the journal held and no longer gives back); or a reason of rejected.';
COMMENT ON COLUMN highwater.loss.started IS 'When the first of them was dropped.';
COMMENT ON COLUMN highwater.loss.ended IS 'When the last of them was dropped.';
COMMENT ON COLUMN highwater.loss.count IS 
	'How many readings, 1 or more. With journal_damaged the exact number of journal records, which are readings '
	'and, rarely, transitions of alerts and dead letters. With journal_damaged_at_most that number is not known: a '
	'segment is missing or its header unreadable; it is the most that the bytes can have held, often far too high.';
COMMENT ON COLUMN highwater.loss.journal_id IS
	'Journal of the broker that dropped them; NULL when not known.';
COMMENT ON COLUMN highwater.loss.noted_at IS 'When the row was written.';
COMMENT ON COLUMN highwater.loss.total IS
	'How many readings this journal has lost for this reason since it was made, this row included; by it a '
	'broker knows after a crash what it has noted already. NULL for what is noted in the transaction that '
	'found out: rows that PostgreSQL refused, damage of the journal.';

CREATE TABLE IF NOT EXISTS highwater.journal_position (
	journal_id uuid PRIMARY KEY,
	position   bigint NOT NULL
		CONSTRAINT position_is_not_negative CHECK (position >= 0),
	host       text,
	updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE highwater.journal_position IS
	'How far each broker''s journal is stored here. Written with the rows that it covers, read when a '
	'broker starts: this is what makes storage exactly once. Not to be edited.';
COMMENT ON COLUMN highwater.journal_position.journal_id IS
	'Random identifier that the journal got when it was made.';
COMMENT ON COLUMN highwater.journal_position.position IS
	'Everything before it is stored: number of the segment file << 32 | byte offset in it.';
COMMENT ON COLUMN highwater.journal_position.host IS 'Host of the broker; NULL when not known.';
COMMENT ON COLUMN highwater.journal_position.updated_at IS 'When it last moved.';
