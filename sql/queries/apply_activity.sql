-- Sets the minutes that rebuild_activity has noted. Those that passes have touched since are counted again.
-- Runs under the lock of lock_state. $1 the watermark of rebuild_activity, $2 that of the last pass.
WITH since AS MATERIALIZED (
    SELECT placed_at, voids FROM orders WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot)
    UNION ALL
    SELECT placed_at, voids FROM orders
    WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
), touched AS MATERIALIZED (
    SELECT date_bin('1 minute', placed_at, '2000-01-01 00:00+00') AS minute FROM since
    UNION
    SELECT date_bin('1 minute', sale.placed_at, '2000-01-01 00:00+00')
    FROM since CROSS JOIN LATERAL (
        SELECT placed_at FROM orders WHERE order_id = since.voids LIMIT 1
    ) AS sale
), right_ones AS MATERIALIZED (
    SELECT noted.store, noted.minute, noted.source, again.first_at, again.last_at, nullif(again.orders, 0) AS orders
    FROM activity_correction AS noted CROSS JOIN LATERAL (
        SELECT min(placed_at) AS first_at, max(placed_at) AS last_at, count(*) AS orders
        FROM orders AS sale
        WHERE placed_at >= noted.minute AND placed_at < noted.minute + interval '1 minute'
          AND sale.store = noted.store AND is_sale(quantity, voids)
          AND coalesce((SELECT source FROM activity_source AS named
                        WHERE named.store = sale.store AND named.source = sale.source LIMIT 1), '')
              = noted.source
          AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot) AND is_countable(placed_at, sale.store, drink)
          AND NOT coalesce((SELECT pg_visible_in_snapshot(void.xid, $2::text::pg_snapshot)
                            FROM orders AS void WHERE void.voids = sale.order_id LIMIT 1), false)
    ) AS again
    WHERE noted.minute IN (SELECT minute FROM touched)
    UNION ALL
    SELECT store, minute, source, first_at, last_at, orders FROM activity_correction
    WHERE minute NOT IN (SELECT minute FROM touched)
), removed AS (
    DELETE FROM activity USING right_ones
    WHERE right_ones.orders IS NULL AND activity.store = right_ones.store
      AND activity.minute = right_ones.minute AND activity.source = right_ones.source
)
INSERT INTO activity (store, minute, source, first_at, last_at, orders)
SELECT store, minute, source, first_at, last_at, orders FROM right_ones
WHERE orders IS NOT NULL AND minute >= (SELECT minutes_from FROM aggregator_state)
ON CONFLICT (store, minute, source) DO UPDATE
    SET first_at = excluded.first_at, last_at = excluded.last_at, orders = excluded.orders, stale = false
