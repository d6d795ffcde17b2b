-- Which of PostgreSQL's timelines the last pass was made on. A standby that was promoted, or a backup
-- that was restored, is on another: passes that Redis and the servers have seen may not have happened
-- there, so what follows is another lineage.
ALTER TABLE aggregator_state ADD COLUMN timeline text;
