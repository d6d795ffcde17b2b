-- The state row, locked to the end of the transaction: one pass at a time. A statement of its own, so
-- that the pass's snapshot is taken when the lock is held and cannot be older than the watermark.
-- `here`: this is the cluster whose transaction ids the watermark speaks of. `branched`: it has gone
-- back to an earlier state since the last pass, so passes that were published may not have happened.
SELECT lineage::text, nonce::text, pass AS number, fencing_token AS token, leader, watermark::text,
       clock_timestamp() AS now,
       system_identifier = (SELECT system_identifier FROM pg_control_system()) AS here,
       coalesce(timeline <> left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), false) AS branched,
       (SELECT currency FROM installation) AS currency
FROM aggregator_state
FOR UPDATE
