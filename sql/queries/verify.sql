-- Compares the rollups with the orders that their watermark sees: sizes, how many cells differ at each
-- grain, and a few of those with both sides (NULL if a side has no such cell). Counts, buckets and finds
-- days in other ways than the pass, so that the two do not share a mistake. $1 watermark.
WITH counted AS MATERIALIZED (
    SELECT date_trunc('minute', placed_at, 'UTC') AS bucket, store, drink,
           count(*) FILTER (WHERE quantity > 0 AND voids IS NULL)
               - count(*) FILTER (WHERE quantity < 0 AND voids IS NOT NULL) AS orders,
           sum(quantity)::bigint AS quantity,
           sum(CASE WHEN amount IS NULL THEN quantity::bigint * price_cents ELSE amount END)::bigint
               AS revenue_cents,
           count(*) AS rows
    FROM orders
    WHERE pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
      AND placed_at >= '2000-01-01 00:00+00' AND placed_at < '2100-01-01 00:00+00'
      AND octet_length(store) <= 255 AND octet_length(drink) <= 255
    GROUP BY 1, 2, 3
), quarter AS MATERIALIZED (
    SELECT date_trunc('hour', bucket, 'UTC')
               + extract(minute FROM bucket AT TIME ZONE 'UTC')::integer / 15 * interval '15 minutes'
               AS bucket,
           store, drink, sum(orders)::bigint AS orders, sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM counted GROUP BY 1, 2, 3
), store_day AS MATERIALIZED (
    SELECT id, bucket, date
    FROM (
        SELECT DISTINCT bucket, coalesce(calendar, 1::smallint) AS id
        FROM quarter LEFT JOIN menu_store ON code = store
    ) AS used
    CROSS JOIN LATERAL (
        SELECT date FROM calendar_day
        WHERE calendar = id AND begins <= bucket AND begins > bucket - interval '3 days' AND ends > bucket
        -- There is but one. Without this, and without statistics, PostgreSQL compares all with all.
        LIMIT 1
    ) AS containing
), expected AS (
    SELECT 'minute' AS grain, bucket, store, drink, orders, quantity, revenue_cents
    FROM counted WHERE bucket >= (SELECT minutes_from FROM aggregator_state)
    UNION ALL
    SELECT 'quarter', bucket, store, drink, orders, quantity, revenue_cents FROM quarter
    UNION ALL
    SELECT 'day', date::timestamp AT TIME ZONE 'UTC', store, drink,
           sum(orders)::bigint, sum(quantity)::bigint, sum(revenue_cents)::bigint
    FROM quarter LEFT JOIN menu_store ON code = store
    JOIN store_day ON store_day.bucket = quarter.bucket
        AND store_day.id = coalesce(menu_store.calendar, 1::smallint)
    GROUP BY 2, 3, 4
), kept AS (
    SELECT 'minute' AS grain, bucket, store, drink, orders, quantity, revenue_cents
    FROM rollup_minute
    UNION ALL
    SELECT 'quarter', bucket, store, drink, orders, quantity, revenue_cents FROM rollup_quarter
    UNION ALL
    SELECT 'day', date::timestamp AT TIME ZONE 'UTC', store, drink, orders, quantity, revenue_cents
    FROM rollup_day
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
       (SELECT count(*) FROM orders
        WHERE pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
          AND NOT (placed_at >= '2000-01-01 00:00+00' AND placed_at < '2100-01-01 00:00+00'
                   AND octet_length(store) <= 255 AND octet_length(drink) <= 255)) AS uncountable,
       (SELECT count(*) FROM rollup_minute) AS minute_cells,
       (SELECT count(*) FROM rollup_quarter) AS quarter_cells,
       (SELECT count(*) FROM rollup_day) AS day_cells,
       count(*) FILTER (WHERE grain = 'minute') AS minute_differing,
       count(*) FILTER (WHERE grain = 'quarter') AS quarter_differing,
       count(*) FILTER (WHERE grain = 'day') AS day_differing,
       ARRAY(SELECT differing FROM differing ORDER BY bucket, grain, store, drink LIMIT 5) AS examples
FROM differing
