-- Compares the rollups with the orders that their watermark sees: sizes, how many cells differ at each
-- grain, and a few of those with both sides (NULL if a side has no such cell). Buckets by date_trunc
-- here and by date_bin in the pass, so that the two do not share a mistake. $1 watermark.
WITH counted AS MATERIALIZED (
    SELECT date_trunc('minute', placed_at, 'UTC') AS bucket, store, drink,
           sum(sign(quantity))::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(quantity::bigint * price_cents)::bigint AS revenue_cents,
           count(*) AS rows
    FROM orders WHERE pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
    GROUP BY 1, 2, 3
), expected AS (
    SELECT 'minute' AS grain, bucket, store, drink, orders, quantity, revenue_cents FROM counted
    UNION ALL
    SELECT 'hour', date_trunc('hour', bucket, 'UTC'), store, drink,
           sum(orders)::bigint, sum(quantity)::bigint, sum(revenue_cents)::bigint
    FROM counted GROUP BY 2, 3, 4
    UNION ALL
    SELECT 'day', date_trunc('day', bucket, 'UTC'), store, drink,
           sum(orders)::bigint, sum(quantity)::bigint, sum(revenue_cents)::bigint
    FROM counted GROUP BY 2, 3, 4
), kept AS (
    SELECT 'minute' AS grain, bucket, store, drink, orders, quantity, revenue_cents
    FROM rollup_minute
    UNION ALL
    SELECT 'hour', bucket, store, drink, orders, quantity, revenue_cents FROM rollup_hour
    UNION ALL
    SELECT 'day', bucket, store, drink, orders, quantity, revenue_cents FROM rollup_day
), differing AS (
    SELECT grain, extract(epoch FROM bucket)::bigint AS bucket, store, drink,
           kept.orders AS kept_orders, kept.quantity AS kept_quantity,
           kept.revenue_cents AS kept_cents,
           expected.orders, expected.quantity, expected.revenue_cents
    FROM expected FULL JOIN kept USING (grain, bucket, store, drink)
    WHERE (kept.orders, kept.quantity, kept.revenue_cents)
        IS DISTINCT FROM (expected.orders, expected.quantity, expected.revenue_cents)
)
SELECT coalesce((SELECT sum(rows) FROM counted), 0)::bigint AS orders,
       (SELECT count(*) FROM rollup_minute) AS minute_cells,
       (SELECT count(*) FROM rollup_hour) AS hour_cells,
       (SELECT count(*) FROM rollup_day) AS day_cells,
       count(*) FILTER (WHERE grain = 'minute') AS minute_differing,
       count(*) FILTER (WHERE grain = 'hour') AS hour_differing,
       count(*) FILTER (WHERE grain = 'day') AS day_differing,
       ARRAY(SELECT differing FROM differing ORDER BY bucket, grain, store, drink LIMIT 5) AS examples
FROM differing
