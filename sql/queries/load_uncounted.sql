-- What the orders that a watermark does not see add up to, by transaction and minute: a server that starts
-- shows them before the next pass counts them, as it would if their messages had reached it. Nothing if there
-- are too many. $1 watermark; $2 how many are too many.
WITH uncounted AS MATERIALIZED (
    SELECT xid, placed_at, store, drink, quantity, price_cents, voids, amount
    FROM orders WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot)
    UNION ALL
    SELECT xid, placed_at, store, drink, quantity, price_cents, voids, amount
    FROM orders WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
    LIMIT $2
)
SELECT xid::text::bigint,
       extract(epoch FROM date_bin('1 minute', placed_at, '2000-01-01 00:00+00'))::bigint AS bucket,
       store, drink,
       sum(order_count(quantity, voids))::bigint AS orders,
       sum(quantity)::bigint AS quantity,
       sum(order_amount(quantity, price_cents, amount))::bigint AS revenue_cents
FROM uncounted
WHERE is_countable(placed_at, store, drink) AND (SELECT count(*) FROM uncounted) < $2
GROUP BY uncounted.xid, 2, 3, 4
