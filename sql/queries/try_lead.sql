-- Takes the leader's lock for this session, or tells that another holds it. $1 key.
SELECT pg_try_advisory_lock($1)
