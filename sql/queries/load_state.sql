-- Which pass the rollups are as of.
SELECT lineage::text, pass AS number, fencing_token AS token, watermark::text, passed_at AS data_time
FROM aggregator_state
