-- Seals a day that begin_sealing has entered: notes what its orders add up to, as far as passes have counted
-- them. No row is returned if a pass has counted another one meanwhile. Reads no rollup, since the seal says
-- what they have to be. Counts as verify does. $1 date.
WITH counted AS MATERIALIZED (
    SELECT date_trunc('minute', placed_at, 'UTC') AS bucket, store, drink,
           count(*) FILTER (WHERE quantity > 0 AND voids IS NULL)
               - count(*) FILTER (WHERE quantity < 0 AND voids IS NOT NULL) AS orders,
           sum(quantity)::bigint AS quantity,
           sum(CASE WHEN amount IS NULL THEN quantity::bigint * price_cents ELSE amount END)::bigint
               AS revenue_cents,
           count(*) AS rows, sum(order_hash(orders)) AS hash
    FROM orders
    WHERE placed_at >= $1::date::timestamp AT TIME ZONE 'UTC'
      AND placed_at < ($1::date + 1)::timestamp AT TIME ZONE 'UTC'
      AND pg_visible_in_snapshot(xid, (SELECT watermark FROM aggregator_state))
      AND octet_length(store) <= 255 AND octet_length(drink) <= 255
    GROUP BY 1, 2, 3
), quarter AS MATERIALIZED (
    SELECT date_trunc('hour', bucket, 'UTC')
               + extract(minute FROM bucket AT TIME ZONE 'UTC')::integer / 15 * interval '15 minutes'
               AS bucket,
           store, drink, sum(orders)::bigint AS orders, sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM counted GROUP BY 1, 2, 3
)
UPDATE sealed_day
SET sealed_at = clock_timestamp(),
    (rows, orders, quantity, revenue_cents, orders_hash, minutes_hash) = (
        SELECT coalesce(sum(rows), 0), coalesce(sum(orders), 0), coalesce(sum(quantity), 0),
               coalesce(sum(revenue_cents), 0), coalesce(sum(hash), 0),
               coalesce(sum(cell_hash(bucket, store, drink, orders, quantity, revenue_cents)), 0)
        FROM counted
    ),
    quarters_hash = (
        SELECT coalesce(sum(cell_hash(bucket, store, drink, orders, quantity, revenue_cents)), 0)
        FROM quarter
    )
WHERE date = $1 AND sealed_at IS NULL
RETURNING rows
