-- Empties the rollups before a rebuild fills them, and lets it read all orders in the order they lie.
-- Not TRUNCATE, which readers would notice before it is committed.
SET LOCAL enable_seqscan = on;
DELETE FROM rollup_minute;
DELETE FROM rollup_hour;
DELETE FROM rollup_day;
