-- The cells as they were at a moment: whole buckets from the rollups, the minute that the moment cuts
-- from the orders, and the hour and the day that it cuts summed from the finer ones.
-- $1 watermark; $2, $3, $4 first minute, hour and day, $5 and $6 further minutes [from, to);
-- $7, $8, $9 the minute, hour and day that the moment cuts; $10 the moment, itself included.
WITH cut_minute AS (
    SELECT store, drink, sum(sign(quantity)) AS orders, sum(quantity) AS quantity,
           sum(quantity::bigint * price_cents) AS revenue_cents
    FROM orders
    WHERE placed_at >= $7 AND placed_at <= $10
      AND pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
    GROUP BY store, drink
), cut_hour AS (
    SELECT store, drink, sum(orders) AS orders, sum(quantity) AS quantity,
           sum(revenue_cents) AS revenue_cents
    FROM (
        SELECT store, drink, orders, quantity, revenue_cents FROM cut_minute
        UNION ALL
        SELECT store, drink, orders, quantity, revenue_cents
        FROM rollup_minute WHERE bucket >= $8 AND bucket < $7
    ) AS parts
    GROUP BY store, drink
), cut_day AS (
    SELECT store, drink, sum(orders) AS orders, sum(quantity) AS quantity,
           sum(revenue_cents) AS revenue_cents
    FROM (
        SELECT store, drink, orders, quantity, revenue_cents FROM cut_hour
        UNION ALL
        SELECT store, drink, orders, quantity, revenue_cents
        FROM rollup_hour WHERE bucket >= $9 AND bucket < $8
    ) AS parts
    GROUP BY store, drink
), cells AS (
    SELECT 'minute' AS grain, bucket, store, drink, orders, quantity, revenue_cents
    FROM rollup_minute WHERE bucket >= $2 AND bucket < $7
    UNION ALL
    SELECT 'minute', bucket, store, drink, orders, quantity, revenue_cents
    FROM rollup_minute WHERE bucket >= $5 AND bucket < least($6, $2)
    UNION ALL
    SELECT 'minute', $7, store, drink, orders, quantity, revenue_cents FROM cut_minute
    UNION ALL
    SELECT 'hour', bucket, store, drink, orders, quantity, revenue_cents
    FROM rollup_hour WHERE bucket >= $3 AND bucket < $8
    UNION ALL
    SELECT 'hour', $8, store, drink, orders, quantity, revenue_cents FROM cut_hour
    UNION ALL
    SELECT 'day', bucket, store, drink, orders, quantity, revenue_cents
    FROM rollup_day WHERE bucket >= $4 AND bucket < $9
    UNION ALL
    SELECT 'day', $9, store, drink, orders, quantity, revenue_cents FROM cut_day
)
SELECT grain, extract(epoch FROM bucket)::bigint, store, drink,
       orders::bigint, quantity::bigint, revenue_cents::bigint
FROM cells
WHERE (orders, quantity, revenue_cents) <> (0, 0, 0)
