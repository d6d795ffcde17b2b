-- The queries of the change feed (docs/feed.md). Where coalesce stands around is_countable, it keeps the
-- planner from finding orders by placed_at, that is all of them.

-- name: make_feed_tick
-- Makes the next tick if there is something new; `wanted`: readers want ticks between the passes.
SELECT make_feed_tick() AS number, (SELECT wanted_until > clock_timestamp() FROM feed_state) AS wanted

-- name: want_feed_ticks
-- Says that readers want ticks between the passes for $1 more seconds.
UPDATE feed_state SET wanted_until = greatest(wanted_until, clock_timestamp() + make_interval(secs => $1))

-- name: feed_ticks_wanted
-- Whether readers want ticks between the passes.
SELECT wanted_until > clock_timestamp() FROM feed_state

-- name: prune_feed_ticks
-- Deletes the oldest ticks that are older than $1, at most $2 of them, and never the last one. Returns how
-- many were deleted.
WITH deleted AS (
    DELETE FROM feed_tick WHERE number IN (
        SELECT number FROM feed_tick
        WHERE time < clock_timestamp() - $1::interval AND number < (SELECT tick FROM feed_state)
        ORDER BY number LIMIT $2
    ) RETURNING 1
)
SELECT count(*) FROM deleted

-- name: forget_feed_ticks
-- Begins the feed again, since the transaction ids of orders were changed (adopt_orders).
DELETE FROM feed_tick;
UPDATE feed_lineage SET timeline = ''

-- name: last_feed_tick
-- The number of the newest tick, NULL if there is none.
SELECT max(number) FROM feed_tick

-- name: newest_feed_tick
-- The number and the moment of the newest tick: numbers are used again when files are put back.
SELECT number, time FROM feed_tick ORDER BY number DESC LIMIT 1

-- name: first_feed_tick
-- The number of the oldest tick, NULL if there is none.
SELECT min(number) FROM feed_tick

-- name: feed_ticks
-- Ticks from number $1 on, at most $2.
SELECT number, snapshot::text, time,
       (SELECT name FROM feed_lineage WHERE first_tick <= number ORDER BY first_tick DESC LIMIT 1) AS lineage
FROM feed_tick WHERE number >= $1 ORDER BY number LIMIT $2

-- name: feed_ticks_around
-- Tick $1 and the one before it, the newest first.
SELECT number, snapshot::text, time,
       (SELECT name FROM feed_lineage WHERE first_tick <= number ORDER BY first_tick DESC LIMIT 1) AS lineage
FROM feed_tick WHERE number <= $1 ORDER BY number DESC LIMIT 2

-- name: feed_tick_before
-- The number of the last tick before a moment, NULL if there is none. $1 moment.
SELECT max(number) FROM feed_tick
WHERE number < coalesce((SELECT number FROM feed_tick WHERE time >= $1 ORDER BY time, number LIMIT 1),
                        9223372036854775807)

-- name: is_standby
-- Whether this is a standby, which may not have everything yet.
SELECT pg_is_in_recovery()

-- name: feed_place
-- The place of an order within its part. $1 order_id.
SELECT voids IS NOT NULL AS is_void, xid, order_id FROM orders WHERE order_id = $1

-- name: feed_settings
-- For this transaction: orders are found by their transaction, however wrong the statistics are, and no
-- statement takes longer than $1, such as 3000ms.
SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('statement_timeout', $1, true)

-- name: feed_range
-- The orders of several parts together, unsorted. $1 the snapshot before the first, $2 that of the last,
-- $3 at most so many.
SELECT xid, order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
       receipt
FROM (
    SELECT * FROM orders
    WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot) AND xid < pg_snapshot_xmax($2::text::pg_snapshot)
    UNION ALL
    SELECT * FROM orders WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
) AS part
WHERE pg_visible_in_snapshot(xid, $2::text::pg_snapshot) AND coalesce(is_countable(placed_at, store, drink), false)
LIMIT $3

-- name: feed_in_transaction
-- Of one transaction the orders, without voids, behind an order. $1 xid, $2 order_id, $3 how many.
SELECT xid, order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
       receipt
FROM orders
WHERE voids IS NULL AND xid = $1::text::xid8 AND order_id > $2
  AND coalesce(is_countable(placed_at, store, drink), false)
ORDER BY order_id LIMIT $3

-- name: feed_voids_in_transaction
-- Of one transaction the voids behind an order. $1 xid, $2 order_id, $3 how many.
SELECT xid, order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
       receipt
FROM orders
WHERE (voids IS NOT NULL) IS TRUE AND xid = $1::text::xid8 AND order_id > $2
  AND coalesce(is_countable(placed_at, store, drink), false)
ORDER BY order_id LIMIT $3

-- name: feed_behind_transaction
-- Of the transactions behind one the orders, without voids, that a snapshot sees; sorted within a transaction only, so that a
-- page costs the same wherever in a part of millions it lies. $1 xid, $2 the snapshot, $3 how many.
SELECT xid, order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
       receipt
FROM orders
WHERE voids IS NULL AND xid > $1::text::xid8 AND xid < pg_snapshot_xmax($2::text::pg_snapshot)
  AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
  AND coalesce(is_countable(placed_at, store, drink), false)
ORDER BY xid, order_id LIMIT $3

-- name: feed_voids_behind_transaction
-- Of the transactions behind one the voids that a snapshot sees; sorted within a transaction only, so that a
-- page costs the same wherever in a part of millions it lies. $1 xid, $2 the snapshot, $3 how many.
SELECT xid, order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
       receipt
FROM orders
WHERE (voids IS NOT NULL) IS TRUE AND xid > $1::text::xid8 AND xid < pg_snapshot_xmax($2::text::pg_snapshot)
  AND pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
  AND coalesce(is_countable(placed_at, store, drink), false)
ORDER BY xid, order_id LIMIT $3
