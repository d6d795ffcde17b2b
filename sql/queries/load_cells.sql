-- The cells within a retention window. $1, $2, $3 first minute, hour and day; $4 and $5 further minutes
-- [from, to), which the window may overlap.
SELECT 'minute' AS grain, extract(epoch FROM bucket)::bigint, store, drink,
       orders, quantity, revenue_cents
FROM rollup_minute
WHERE bucket >= $1 AND (orders, quantity, revenue_cents) <> (0, 0, 0)
UNION ALL
SELECT 'minute', extract(epoch FROM bucket)::bigint, store, drink, orders, quantity, revenue_cents
FROM rollup_minute
WHERE bucket >= $4 AND bucket < least($1, $5) AND (orders, quantity, revenue_cents) <> (0, 0, 0)
UNION ALL
SELECT 'hour', extract(epoch FROM bucket)::bigint, store, drink, orders, quantity, revenue_cents
FROM rollup_hour
WHERE bucket >= $2 AND (orders, quantity, revenue_cents) <> (0, 0, 0)
UNION ALL
SELECT 'day', extract(epoch FROM bucket)::bigint, store, drink, orders, quantity, revenue_cents
FROM rollup_day
WHERE bucket >= $3 AND (orders, quantity, revenue_cents) <> (0, 0, 0)
