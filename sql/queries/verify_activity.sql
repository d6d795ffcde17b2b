-- Compares the activity of every minute that is kept with the sales that the watermark sees and that no order
-- it sees voids: how many minutes there are, how many differ and wait to be read again, and a few that
-- differ with both sides (NULL if a side has none). Of those that wait only the number of orders is compared.
-- Finds them in another way than the pass, so that the two do not share a mistake. $1 watermark.
WITH seen AS MATERIALIZED (
    SELECT order_id, store, source, placed_at
    FROM orders
    WHERE placed_at >= (SELECT minutes_from FROM aggregator_state) AND placed_at < '2100-01-01 00:00+00'
      AND quantity > 0 AND voids IS NULL
      AND octet_length(store) <= 255 AND octet_length(drink) <= 255
      AND pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
), expected AS (
    SELECT store, date_trunc('minute', placed_at, 'UTC') AS minute,
           CASE WHEN (store, source) IN (SELECT store, source FROM activity_source)
                THEN source ELSE '' END AS source,
           min(placed_at) AS first_at, max(placed_at) AS last_at, count(*) AS orders
    FROM seen
    WHERE order_id NOT IN (
        SELECT voids FROM orders
        WHERE voids IS NOT NULL AND pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
    )
    GROUP BY 1, 2, 3
), differing AS (
    SELECT store, source, minute,
           kept.first_at AS kept_first, kept.last_at AS kept_last, kept.orders AS kept_orders,
           expected.first_at, expected.last_at, expected.orders
    FROM expected FULL JOIN activity AS kept USING (store, source, minute)
    WHERE kept.orders IS DISTINCT FROM expected.orders
       OR NOT stale AND (kept.first_at, kept.last_at)
              IS DISTINCT FROM (expected.first_at, expected.last_at)
)
SELECT (SELECT count(*) FROM activity) AS minutes,
       (SELECT count(*) FROM activity WHERE stale) AS stale,
       (SELECT count(*) FROM differing) AS differing,
       ARRAY(SELECT differing FROM differing ORDER BY minute, store, source LIMIT 5) AS examples
