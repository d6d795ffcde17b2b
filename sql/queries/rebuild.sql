-- Counts all orders into the emptied rollups and begins a new lineage, with this very statement's
-- snapshot as its watermark. Runs under the lock of lock_state; the leader is fenced.
WITH by_minute AS MATERIALIZED (
    SELECT date_bin('1 minute', placed_at, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(order_count(quantity, voids))::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(order_amount(quantity, price_cents, amount))::bigint AS revenue_cents,
           count(*) AS rows
    FROM orders
    WHERE is_countable(placed_at, store, drink)
    GROUP BY 1, 2, 3
), by_quarter AS MATERIALIZED (
    SELECT date_bin('15 minutes', bucket, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(orders)::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM by_minute GROUP BY 1, 2, 3
), store_day AS MATERIALIZED (
    SELECT id, bucket, business_day(id, bucket) AS date
    FROM (
        SELECT DISTINCT bucket, coalesce(calendar, 1::smallint) AS id
        FROM by_quarter LEFT JOIN menu_store ON code = store
    ) AS used
), by_day AS MATERIALIZED (
    SELECT date, store, drink,
           sum(orders)::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM by_quarter LEFT JOIN menu_store ON code = store
    JOIN store_day ON store_day.bucket = by_quarter.bucket
        AND store_day.id = coalesce(menu_store.calendar, 1::smallint)
    GROUP BY 1, 2, 3
), in_minute AS (
    INSERT INTO rollup_minute (bucket, store, drink, orders, quantity, revenue_cents)
    SELECT bucket, store, drink, orders, quantity, revenue_cents FROM by_minute
    WHERE bucket >= (SELECT minutes_from FROM aggregator_state)
    RETURNING 1
), in_quarter AS (
    INSERT INTO rollup_quarter (bucket, store, drink, orders, quantity, revenue_cents)
    SELECT bucket, store, drink, orders, quantity, revenue_cents FROM by_quarter
), in_day AS (
    INSERT INTO rollup_day (date, store, drink, orders, quantity, revenue_cents)
    SELECT date, store, drink, orders, quantity, revenue_cents FROM by_day
), uncountable AS (
    INSERT INTO uncountable_order (order_id)
    SELECT order_id FROM orders
    WHERE NOT is_countable(placed_at, store, drink)
    ON CONFLICT DO NOTHING
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
    (SELECT count(*) FROM in_minute) + (SELECT count(*) FROM by_quarter)
        + (SELECT count(*) FROM by_day) AS cells
