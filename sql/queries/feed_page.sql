-- A page of one part, in the order of the feed, from a place on: each of its four stretches is read in the
-- order of xid, and sorted by order_id within a transaction only, so that a page costs the same wherever
-- in a part of millions it lies. $1 the snapshot before, $2 that of the part; the place: $3 whether it is that
-- of a void, $4 xid, $5 order_id. $6 how many.
WITH ends AS MATERIALIZED (
    SELECT ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)) AS were_open
), page AS (
    (
        SELECT * FROM orders
        WHERE voids IS NULL AND NOT $3::boolean AND xid = ANY ((SELECT were_open FROM ends)::xid8[])
          AND xid >= $4::text::xid8 AND (xid, order_id) > ($4::text::xid8, $5::uuid)
          AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
          AND is_countable(placed_at, store, drink)
        ORDER BY xid, order_id LIMIT $6
    ) UNION ALL (
        SELECT * FROM orders
        WHERE voids IS NULL AND NOT $3::boolean
          AND xid >= greatest($4::text::xid8, pg_snapshot_xmax($1::text::pg_snapshot))
          AND xid < pg_snapshot_xmax($2::text::pg_snapshot)
          AND (xid, order_id) > ($4::text::xid8, $5::uuid)
          AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
          AND is_countable(placed_at, store, drink)
        ORDER BY xid, order_id LIMIT $6
    ) UNION ALL (
        SELECT * FROM orders
        WHERE voids IS NOT NULL AND xid = ANY ((SELECT were_open FROM ends)::xid8[])
          AND (NOT $3::boolean OR (xid, order_id) > ($4::text::xid8, $5::uuid))
          AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
          AND is_countable(placed_at, store, drink)
        ORDER BY xid, order_id LIMIT $6
    ) UNION ALL (
        SELECT * FROM orders
        WHERE voids IS NOT NULL
          AND xid >= CASE WHEN $3::boolean THEN greatest($4::text::xid8, pg_snapshot_xmax($1::text::pg_snapshot))
                          ELSE pg_snapshot_xmax($1::text::pg_snapshot) END
          AND xid < pg_snapshot_xmax($2::text::pg_snapshot)
          AND (NOT $3::boolean OR (xid, order_id) > ($4::text::xid8, $5::uuid))
          AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
          AND is_countable(placed_at, store, drink)
        ORDER BY xid, order_id LIMIT $6
    )
)
SELECT xid, order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
       receipt
FROM page ORDER BY voids IS NOT NULL, xid, order_id LIMIT $6
