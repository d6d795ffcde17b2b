-- Names the history that hot batches belong to until the first pass tells.
SELECT lineage::text FROM aggregator_state
