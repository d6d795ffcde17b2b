-- Which pass the rollups are as of. `here`: this is the cluster whose transaction ids the watermark
-- speaks of.
SELECT lineage::text, pass AS number, fencing_token AS token, watermark::text, passed_at AS data_time,
       system_identifier = (SELECT system_identifier FROM pg_control_system())
           AND pg_snapshot_xmin(watermark) <= pg_snapshot_xmax(pg_current_snapshot()) AS here
FROM aggregator_state
