-- The most recent orders among those that a watermark sees. $1 watermark, $2 latest placed_at or NULL.
SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids
FROM orders
WHERE placed_at <= coalesce($2::timestamptz, 'infinity')
  AND pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
ORDER BY placed_at DESC, order_id DESC
LIMIT 50
