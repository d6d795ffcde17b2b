-- By how much the view of a moment (view_at) differs from what was known at a tick: orders that were committed
-- after it, those that the last pass has not counted, and those dated ahead of the moment. By minute.
-- $1 snapshot of the tick; $2 watermark; $3 the moment; $4 the first day's beginning, before which nothing
-- counts.
WITH ends AS MATERIALIZED (
    SELECT least(pg_snapshot_xmin($1::text::pg_snapshot), pg_snapshot_xmin($2::text::pg_snapshot)) AS begin
), signed AS (
    SELECT placed_at, store, drink, quantity, price_cents, amount, voids,
           pg_visible_in_snapshot(xid, $1::text::pg_snapshot)::int
               - (placed_at <= $3 AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot))::int AS sign
    FROM orders WHERE xid >= (SELECT begin FROM ends)
    UNION ALL
    SELECT placed_at, store, drink, quantity, price_cents, amount, voids, 1
    FROM orders
    WHERE placed_at > $3 AND placed_at <= $3 + interval '10 minutes' AND xid < (SELECT begin FROM ends)
)
SELECT extract(epoch FROM date_bin('1 minute', placed_at, '2000-01-01 00:00+00'))::bigint AS bucket,
       store, drink,
       sum(sign * order_count(quantity, voids))::bigint AS orders,
       sum(sign * quantity)::bigint AS quantity,
       sum(sign * order_amount(quantity, price_cents, amount))::bigint AS revenue_cents
FROM signed
WHERE sign <> 0 AND placed_at >= $4 AND coalesce(is_countable(placed_at, store, drink), false)
GROUP BY 1, 2, 3
