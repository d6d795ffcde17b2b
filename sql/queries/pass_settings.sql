-- For this transaction: new orders are always found by orders_xid, however wrong the statistics are,
-- and nobody waits longer than $1 (such as 5000ms) for the state row.
SELECT set_config('enable_seqscan', 'off', true), set_config('lock_timeout', $1, true)
