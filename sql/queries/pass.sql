-- One pass: counts the orders that the last pass's snapshot did not see and this statement's own does,
-- and stores that very snapshot. It must stay one statement: a snapshot taken by another would see
-- other orders than those counted here. Runs under the lock of lock_state.
-- $1 watermark of the last pass. $2, $3, $4 first minute, hour and day to hand back, $5 and $6 further
-- minutes [from, to). $7 seconds for which the leader counts as alive, NULL for a pass by another.
WITH fresh AS MATERIALIZED (
    SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids
    FROM orders WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot)
    UNION ALL
    SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids
    FROM orders WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
), by_minute AS MATERIALIZED (
    SELECT date_bin('1 minute', placed_at, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(sign(quantity))::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(quantity::bigint * price_cents)::bigint AS revenue_cents
    FROM fresh GROUP BY 1, 2, 3
), by_hour AS MATERIALIZED (
    SELECT date_bin('1 hour', bucket, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(orders)::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM by_minute GROUP BY 1, 2, 3
), by_day AS (
    SELECT date_bin('1 day', bucket, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(orders)::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM by_hour GROUP BY 1, 2, 3
), in_minute AS (
    INSERT INTO rollup_minute AS kept (bucket, store, drink, orders, quantity, revenue_cents)
    SELECT bucket, store, drink, orders, quantity, revenue_cents FROM by_minute
    ON CONFLICT (bucket, store, drink) DO UPDATE
        SET orders = kept.orders + excluded.orders,
            quantity = kept.quantity + excluded.quantity,
            revenue_cents = kept.revenue_cents + excluded.revenue_cents
    RETURNING bucket, store, drink, orders, quantity, revenue_cents
), in_hour AS (
    INSERT INTO rollup_hour AS kept (bucket, store, drink, orders, quantity, revenue_cents)
    SELECT bucket, store, drink, orders, quantity, revenue_cents FROM by_hour
    ON CONFLICT (bucket, store, drink) DO UPDATE
        SET orders = kept.orders + excluded.orders,
            quantity = kept.quantity + excluded.quantity,
            revenue_cents = kept.revenue_cents + excluded.revenue_cents
    RETURNING bucket, store, drink, orders, quantity, revenue_cents
), in_day AS (
    INSERT INTO rollup_day AS kept (bucket, store, drink, orders, quantity, revenue_cents)
    SELECT bucket, store, drink, orders, quantity, revenue_cents FROM by_day
    ON CONFLICT (bucket, store, drink) DO UPDATE
        SET orders = kept.orders + excluded.orders,
            quantity = kept.quantity + excluded.quantity,
            revenue_cents = kept.revenue_cents + excluded.revenue_cents
    RETURNING bucket, store, drink, orders, quantity, revenue_cents
), changed AS (
    SELECT 'minute' AS grain, * FROM in_minute WHERE bucket >= $2 OR (bucket >= $5 AND bucket < $6)
    UNION ALL
    SELECT 'hour', * FROM in_hour WHERE bucket >= $3
    UNION ALL
    SELECT 'day', * FROM in_day WHERE bucket >= $4
), newest AS (
    SELECT * FROM fresh ORDER BY placed_at DESC, order_id DESC LIMIT 50
)
UPDATE aggregator_state
SET watermark = pg_current_snapshot(),
    timeline = left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
    pass = pass + 1,
    passed_at = statement_timestamp(),
    lead_until = coalesce(statement_timestamp() + make_interval(secs => $7), lead_until)
RETURNING pass AS number, watermark::text, passed_at AS data_time,
    (SELECT count(*) FROM fresh) AS rows,
    ARRAY(
        SELECT ROW(grain, extract(epoch FROM bucket)::bigint, store, drink,
                   orders, quantity, revenue_cents)
        FROM changed
    ) AS cells,
    ARRAY(
        SELECT ROW(order_id, store, drink, quantity, price_cents, placed_at, received_at, voids)
        FROM newest ORDER BY placed_at DESC, order_id DESC
    ) AS recent
