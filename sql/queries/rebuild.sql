-- Compares the rollups with the orders that their watermark sees, and notes in the table correction what
-- is to be added to each cell that differs. Passes go on meanwhile: they only ever add to cells too, so what
-- was missing at one moment is missing later. $1: the watermark means nothing here, so take this very
-- statement's snapshot.
WITH seen AS MATERIALIZED (
    SELECT CASE WHEN $1::boolean THEN pg_current_snapshot() ELSE watermark END AS watermark
    FROM aggregator_state
), by_minute AS MATERIALIZED (
    SELECT date_bin('1 minute', placed_at, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(order_count(quantity, voids))::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(order_amount(quantity, price_cents, amount))::bigint AS revenue_cents,
           count(*) AS rows
    FROM orders
    WHERE is_countable(placed_at, store, drink)
      AND pg_visible_in_snapshot(xid, (SELECT watermark FROM seen))
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
), expected AS (
    SELECT 'minute' AS grain, bucket, store, drink, orders, quantity, revenue_cents
    FROM by_minute WHERE bucket >= (SELECT minutes_from FROM aggregator_state)
    UNION ALL
    SELECT 'quarter', bucket, store, drink, orders, quantity, revenue_cents FROM by_quarter
    UNION ALL
    SELECT 'day', date::timestamp AT TIME ZONE 'UTC', store, drink, orders, quantity, revenue_cents
    FROM by_day
), kept AS (
    SELECT 'minute' AS grain, bucket, store, drink, orders, quantity, revenue_cents FROM rollup_minute
    UNION ALL
    SELECT 'quarter', bucket, store, drink, orders, quantity, revenue_cents FROM rollup_quarter
    UNION ALL
    SELECT 'day', date::timestamp AT TIME ZONE 'UTC', store, drink, orders, quantity, revenue_cents
    FROM rollup_day
), compared AS MATERIALIZED (
    SELECT grain, bucket, store, drink, expected.orders IS NULL AS surplus,
           coalesce(expected.orders, 0) - coalesce(kept.orders, 0) AS orders,
           coalesce(expected.quantity, 0) - coalesce(kept.quantity, 0) AS quantity,
           coalesce(expected.revenue_cents, 0) - coalesce(kept.revenue_cents, 0) AS revenue_cents
    FROM expected FULL JOIN kept USING (grain, bucket, store, drink)
    WHERE (kept.orders, kept.quantity, kept.revenue_cents)
        IS DISTINCT FROM (expected.orders, expected.quantity, expected.revenue_cents)
), noted AS (
    INSERT INTO correction (grain, bucket, store, drink, orders, quantity, revenue_cents, surplus)
    SELECT grain, bucket, store, drink, orders, quantity, revenue_cents, surplus FROM compared
)
SELECT (SELECT watermark::text FROM seen) AS watermark,
    coalesce((SELECT sum(rows) FROM by_minute), 0)::bigint AS orders,
    (SELECT count(*) FROM expected) AS cells,
    (SELECT count(*) FROM compared) AS corrected,
    ARRAY(
        SELECT order_id FROM orders
        WHERE NOT is_countable(placed_at, store, drink)
          AND pg_visible_in_snapshot(xid, (SELECT watermark FROM seen))
    ) AS uncountable
