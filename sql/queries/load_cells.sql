-- The cells within a retention window: minutes from $1 on, hours that begin after $2, days from $3 on.
SELECT 'minute' AS grain, extract(epoch FROM bucket)::bigint, store, drink,
       orders, quantity, revenue_cents
FROM rollup_minute
WHERE bucket >= $1 AND (orders, quantity, revenue_cents) <> (0, 0, 0)
UNION ALL
SELECT 'hour', extract(epoch FROM local_hour(zone, bucket))::bigint, store, drink,
       sum(orders)::bigint, sum(quantity)::bigint, sum(revenue_cents)::bigint
FROM rollup_quarter LEFT JOIN menu_store ON code = store
JOIN calendar ON calendar.id = coalesce(menu_store.calendar, 1::smallint)
WHERE bucket > $2 AND local_hour(zone, bucket) > $2
GROUP BY 2, 3, 4
HAVING (sum(orders), sum(quantity), sum(revenue_cents)) <> (0, 0, 0)
UNION ALL
SELECT 'day', extract(epoch FROM date)::bigint, store, drink, orders, quantity, revenue_cents
FROM rollup_day
WHERE date >= $3 AND (orders, quantity, revenue_cents) <> (0, 0, 0)
