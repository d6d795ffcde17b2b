-- Counts all orders into the emptied rollups and begins a new lineage, with this very statement's
-- snapshot as its watermark. Runs under the lock of lock_state; the leader is fenced.
WITH by_minute AS MATERIALIZED (
    SELECT date_bin('1 minute', placed_at, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(sign(quantity))::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(quantity::bigint * price_cents)::bigint AS revenue_cents,
           count(*) AS rows
    FROM orders GROUP BY 1, 2, 3
), by_hour AS MATERIALIZED (
    SELECT date_bin('1 hour', bucket, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(orders)::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM by_minute GROUP BY 1, 2, 3
), by_day AS MATERIALIZED (
    SELECT date_bin('1 day', bucket, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(orders)::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM by_hour GROUP BY 1, 2, 3
), in_minute AS (
    INSERT INTO rollup_minute (bucket, store, drink, orders, quantity, revenue_cents)
    SELECT bucket, store, drink, orders, quantity, revenue_cents FROM by_minute
), in_hour AS (
    INSERT INTO rollup_hour (bucket, store, drink, orders, quantity, revenue_cents)
    SELECT bucket, store, drink, orders, quantity, revenue_cents FROM by_hour
), in_day AS (
    INSERT INTO rollup_day (bucket, store, drink, orders, quantity, revenue_cents)
    SELECT bucket, store, drink, orders, quantity, revenue_cents FROM by_day
)
UPDATE aggregator_state
SET lineage = gen_random_uuid(),
    nonce = gen_random_uuid(),
    system_identifier = (SELECT system_identifier FROM pg_control_system()),
    watermark = pg_current_snapshot(),
    timeline = left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
    pass = pass + 1,
    passed_at = statement_timestamp(),
    fencing_token = fencing_token + 1,
    leader = '',
    lead_until = '-infinity'
RETURNING lineage::text, pass AS number,
    coalesce((SELECT sum(rows) FROM by_minute), 0)::bigint AS orders,
    (SELECT count(*) FROM by_minute) + (SELECT count(*) FROM by_hour)
        + (SELECT count(*) FROM by_day) AS cells
