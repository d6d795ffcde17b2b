-- Makes the holder of the leader's lock the only one whose passes count: every earlier token is stale
-- from here on. Runs under the lock of lock_state. $1 name, $2 seconds for which it counts as alive.
UPDATE aggregator_state
SET fencing_token = fencing_token + 1,
    leader = $1,
    lead_until = clock_timestamp() + make_interval(secs => $2)
RETURNING fencing_token
