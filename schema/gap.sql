/*
 * gap - gaps and reception for people: what did not come, and why.
 */

/*
 * A decrease is a roll-over of 16 or 32 bits when it would mean no more than
 * 4,096 frames, else the sensor began to count anew: nobody knows what was lost.
 */
CREATE OR REPLACE FUNCTION highwater.frames_lost(station_id integer, from_time timestamptz, to_time timestamptz)
	RETURNS bigint
	LANGUAGE sql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT sum(CASE
			WHEN frame >= before THEN greatest(frame - before - 1, 0)
			WHEN before < 65536 AND frame + 65536 - before <= 4096 THEN frame + 65536 - before - 1
			WHEN before < 4294967296 AND frame + 4294967296 - before <= 4096
				THEN frame + 4294967296 - before - 1
			ELSE 0
		END)::bigint
	FROM (
		SELECT o.result AS frame, lag(o.result) OVER (ORDER BY o.phenomenon_time) AS before
		FROM highwater.datastream d
		JOIN highwater.observation o USING (datastream_id)
		WHERE d.station_id = frames_lost.station_id AND d.property = 'frame_counter'
		  AND o.phenomenon_time BETWEEN frames_lost.from_time AND frames_lost.to_time
		  AND o.quality NOT IN (4, 9)
	) AS counted
	WHERE before IS NOT NULL
$$;
COMMENT ON FUNCTION highwater.frames_lost(integer, timestamptz, timestamptz) IS
	'Radio frames that a station''s frame_counter skipped between two moments, both included; NULL when fewer '
	'than two frames are known. A roll-over at 65536 or 2^32 is seen, a reset not counted.';

CREATE OR REPLACE VIEW highwater.gap AS
	SELECT g.datastream_id, s.code AS station, d.property, g.gap_from, g.gap_to,
		coalesce(g.gap_to, now()) - g.gap_from AS duration, g.expected, r.received, f.frames_lost,
		CASE
			WHEN f.frames_lost IS NULL THEN 'unknown'
			WHEN f.frames_lost = 0 THEN 'sensor silent'
			WHEN f.frames_lost < g.expected - r.received - greatest(1, 0.1 * (g.expected - r.received))
				THEN 'both'
			ELSE 'packets lost'
		END AS cause
	FROM (
		SELECT i.datastream_id, i.silence_from AS gap_from, i.silence_to AS gap_to, i.expected
			FROM highwater.silence i
		UNION ALL
		SELECT d.datastream_id, newest.phenomenon_time, NULL,
			floor(extract(epoch FROM now() - newest.phenomenon_time)
			      / extract(epoch FROM d.expected_interval))::integer
			FROM highwater.datastream d
			LEFT JOIN highwater.quality_rule_in_force rule
				ON rule.datastream_id = d.datastream_id AND rule.test = 'gap' AND rule.enabled
			CROSS JOIN LATERAL (
				SELECT o.phenomenon_time
				FROM highwater.observation o
				WHERE o.datastream_id = d.datastream_id
				ORDER BY o.phenomenon_time DESC
				LIMIT 1
			) AS newest
			WHERE now() - newest.phenomenon_time >
				coalesce(CASE WHEN rule.own THEN rule.period END, d.gap_after, 3 * d.expected_interval,
				         rule.period)
	) AS g
	JOIN highwater.datastream d USING (datastream_id)
	JOIN highwater.station s USING (station_id)
	CROSS JOIN LATERAL (
		SELECT count(*) AS received
		FROM highwater.observation o
		WHERE o.datastream_id = g.datastream_id AND o.phenomenon_time > g.gap_from
		  AND o.phenomenon_time < g.gap_to
	) AS r
	CROSS JOIN LATERAL (
		SELECT highwater.frames_lost(d.station_id, g.gap_from, coalesce(g.gap_to, now())) AS frames_lost
	) AS f;
COMMENT ON VIEW highwater.gap IS
	'Stretches without readings: those that ended, and those that are open now. What came later for a '
	'stretch (back-fill) is counted in received.';
COMMENT ON COLUMN highwater.gap.datastream_id IS 'The datastream.';
COMMENT ON COLUMN highwater.gap.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.gap.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.gap.gap_from IS 'Time of the last reading before.';
COMMENT ON COLUMN highwater.gap.gap_to IS 'Time of the first reading after; NULL: the gap is open.';
COMMENT ON COLUMN highwater.gap.duration IS 'From gap_from to gap_to, or until now while open.';
COMMENT ON COLUMN highwater.gap.expected IS
	'Readings that should have come in between; NULL: the interval is not known.';
COMMENT ON COLUMN highwater.gap.received IS 'Readings in between that came later.';
COMMENT ON COLUMN highwater.gap.frames_lost IS
	'Radio frames that the station''s frame_counter skipped meanwhile; NULL: not known.';
COMMENT ON COLUMN highwater.gap.cause IS
	'packets lost: the counter went on, the radio lost them. sensor silent: it did not go on. both: it went on '
	'by less than what is missing. unknown: no frame counter.';

CREATE OR REPLACE VIEW highwater.reception_daily AS
	SELECT d.datastream_id, s.code AS station, d.property, span.day, e.expected, r.received,
		round(100.0 * r.received / nullif(e.expected, 0), 1) AS percent,
		highwater.frames_lost(d.station_id, span.starts, span.ends - interval '1 microsecond') AS frames_lost
	FROM highwater.datastream d
	JOIN highwater.station s USING (station_id)
	CROSS JOIN LATERAL (
		SELECT min(o.phenomenon_time) AS first
		FROM highwater.observation o
		WHERE o.datastream_id = d.datastream_id
	) AS known
	CROSS JOIN LATERAL (
		SELECT day::date, greatest(day::timestamptz, known.first) AS starts,
		       least((day + interval '1 day')::timestamptz, now()) AS ends
		FROM generate_series(known.first::date::timestamp, now()::date::timestamp, interval '1 day') AS day
	) AS span
	CROSS JOIN LATERAL (
		SELECT count(*) AS received
		FROM highwater.observation o
		WHERE o.datastream_id = d.datastream_id AND o.phenomenon_time >= span.starts
		  AND o.phenomenon_time < span.ends
	) AS r
	CROSS JOIN LATERAL (
		SELECT ceil(extract(epoch FROM span.ends - span.starts)
		            / extract(epoch FROM d.expected_interval))::integer AS expected
	) AS e
	WHERE span.starts < span.ends;
COMMENT ON VIEW highwater.reception_daily IS
	'How much of what each datastream should have reported has arrived, by the day, from its first reading to '
	'today; silent days too. Days of the session''s time zone. Give it a station.';
COMMENT ON COLUMN highwater.reception_daily.datastream_id IS 'The datastream.';
COMMENT ON COLUMN highwater.reception_daily.station IS 'Code of the station.';
COMMENT ON COLUMN highwater.reception_daily.property IS 'Code of the observed property.';
COMMENT ON COLUMN highwater.reception_daily.day IS 'The day.';
COMMENT ON COLUMN highwater.reception_daily.expected IS
	'Readings that should have come, by the datastream''s expected_interval; NULL: that is not known.';
COMMENT ON COLUMN highwater.reception_daily.received IS 'Readings that came, whatever their quality.';
COMMENT ON COLUMN highwater.reception_daily.percent IS 'received of expected.';
COMMENT ON COLUMN highwater.reception_daily.frames_lost IS
	'Radio frames that the station''s frame_counter skipped that day; NULL: not known.';
