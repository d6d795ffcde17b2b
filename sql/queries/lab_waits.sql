-- What the backends that are at work for this database are waiting for; 'CPU' where for nothing.
SELECT coalesce(wait_event_type || ':' || wait_event, 'CPU') AS event
FROM pg_stat_activity
WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
