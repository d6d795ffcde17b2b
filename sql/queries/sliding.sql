-- Sums over windows of length $4 that end each $5: from $2 + $5 to $3, for each store. Minutes that are not kept any more
-- are summed from the orders. All times are whole minutes. $1 stores, $2 and $3 for each, $6 watermark.
WITH asked AS MATERIALIZED (
    SELECT store, begins, ends, number
    FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[])
        WITH ORDINALITY AS given(store, begins, ends, number)
), span AS MATERIALIZED (
    SELECT min(begins) + $5::interval - $4::interval AS begins, max(ends) AS ends, min(minutes_from) AS kept_from
    FROM asked CROSS JOIN aggregator_state
), minute AS (
    SELECT store, bucket, sum(orders)::bigint AS orders, sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS cents
    FROM rollup_minute
    WHERE bucket >= (SELECT greatest(begins, kept_from) FROM span) AND bucket < (SELECT ends FROM span)
      AND store = ANY ($1)
    GROUP BY store, bucket
    UNION ALL
    SELECT store, date_bin('1 minute', placed_at, '2000-01-01 00:00+00'),
           sum(order_count(quantity, voids)), sum(quantity), sum(order_amount(quantity, price_cents, amount))::bigint
    FROM orders
    WHERE placed_at >= (SELECT begins FROM span) AND placed_at < (SELECT least(ends, kept_from) FROM span)
      AND store = ANY ($1) AND is_countable(placed_at, store, drink)
      AND pg_visible_in_snapshot(xid, $6::text::pg_snapshot)
    GROUP BY 1, 2
), placed AS (
    SELECT number, extract(epoch FROM bucket)::bigint AS second, false AS is_end, orders, quantity, cents
    FROM minute JOIN asked USING (store)
    UNION ALL
    SELECT number, extract(epoch FROM ends_at)::bigint, true, 0, 0, 0
    FROM asked CROSS JOIN generate_series(begins + $5::interval, ends, $5::interval) AS ends_at
), windows AS (
    SELECT number, second, is_end, sum(orders) OVER back AS orders, sum(quantity) OVER back AS quantity,
           sum(cents) OVER back AS cents
    FROM placed
    WINDOW back AS (
        PARTITION BY number ORDER BY second
        RANGE BETWEEN extract(epoch FROM $4::interval)::bigint PRECEDING AND 1::bigint PRECEDING
    )
)
SELECT store, begins,
       array_agg(coalesce(orders, 0)::bigint ORDER BY second) AS orders,
       array_agg(coalesce(quantity, 0)::bigint ORDER BY second) AS pieces,
       array_agg(coalesce(cents, 0)::bigint ORDER BY second) AS cents
FROM windows JOIN asked USING (number)
WHERE is_end
GROUP BY number, store, begins ORDER BY number
