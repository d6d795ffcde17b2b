-- Names the history of orders anew; runs under the lock of lock_state.
UPDATE aggregator_state SET lineage = gen_random_uuid() RETURNING lineage::text
