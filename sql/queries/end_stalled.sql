-- Ends sessions that block the aggregators and do nothing, since their clients are frozen or cut off: the
-- one with the leader's lock once its time is over, and any in an open transaction that locks the state
-- row or that of the feed. One that runs a statement is at work, however long it takes, unless it waits
-- for its client: to read a result, or (between preparing a statement and running it) to go on. PostgreSQL
-- calls both active, and its own idle timeouts do not count them. Returns how many were ended.
-- $1 key of the leader's lock, $2 seconds without activity that are not yet a stall.
WITH blocking AS (
    SELECT pid FROM pg_locks, aggregator_state
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND ((classid::bigint << 32) | objid::bigint) = $1
      AND lead_until < clock_timestamp()
    UNION
    SELECT pid FROM pg_locks
    WHERE locktype = 'relation' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND relation IN ('aggregator_state'::regclass, 'feed_state'::regclass)
      AND mode IN ('RowShareLock', 'RowExclusiveLock')
), stalled AS MATERIALIZED (
    SELECT pid FROM pg_stat_activity JOIN blocking USING (pid)
    WHERE pid <> pg_backend_pid()
      AND (state <> 'active' OR wait_event_type = 'Client')
      AND state_change < clock_timestamp() - make_interval(secs => $2)
)
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM stalled
