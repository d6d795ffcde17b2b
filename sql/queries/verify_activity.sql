-- Compares the activity of every minute that is kept with the sales that the watermark sees and that no order
-- it sees voids: how many minutes there are, how many differ and wait to be read again, and a few that
-- differ with both sides (NULL if a side has none). Of those that wait only the number of orders is compared.
-- Finds them in another way than the pass, so that the two do not share a mistake. $1 watermark. $2 date: the
-- minutes of sealed days before it are left out; NULL compares all.
WITH unread AS MATERIALIZED (
    SELECT date::timestamp AT TIME ZONE 'UTC' AS begins, (date + 1)::timestamp AT TIME ZONE 'UTC' AS ends
    FROM sealed_day WHERE sealed_at IS NOT NULL AND date < $2::date
), span AS MATERIALIZED (
    SELECT lower(read) AS begins, upper(read) AS ends
    FROM unnest(
        tstzmultirange(tstzrange((SELECT minutes_from FROM aggregator_state), '2100-01-01 00:00+00'))
        - coalesce((SELECT range_agg(tstzrange(begins, ends)) FROM unread), '{}'::tstzmultirange)
    ) AS read
), seen AS MATERIALIZED (
    -- OFFSET 0: by the index for each span, whatever the statistics say about their number.
    SELECT found.* FROM span CROSS JOIN LATERAL (
        SELECT order_id, store, source, placed_at
        FROM orders
        WHERE placed_at >= begins AND placed_at < ends
          AND quantity > 0 AND voids IS NULL
          AND octet_length(store) <= 255 AND octet_length(drink) <= 255
          AND pg_visible_in_snapshot(xid, $1::text::pg_snapshot) OFFSET 0
    ) AS found
), expected AS (
    SELECT store, date_trunc('minute', placed_at, 'UTC') AS minute,
           CASE WHEN (store, source) IN (SELECT store, source FROM activity_source)
                THEN source ELSE '' END AS source,
           min(placed_at) AS first_at, max(placed_at) AS last_at, count(*) AS orders
    FROM seen
    WHERE NOT EXISTS (
        SELECT FROM orders AS void
        WHERE void.voids = seen.order_id AND pg_visible_in_snapshot(void.xid, $1::text::pg_snapshot)
    )
    GROUP BY 1, 2, 3
), kept AS (
    SELECT * FROM activity
    WHERE date_bin('1 day', minute, '2000-01-01 00:00+00') NOT IN (SELECT begins FROM unread)
), differing AS (
    SELECT store, source, minute,
           kept.first_at AS kept_first, kept.last_at AS kept_last, kept.orders AS kept_orders,
           expected.first_at, expected.last_at, expected.orders
    FROM expected FULL JOIN kept USING (store, source, minute)
    WHERE kept.orders IS DISTINCT FROM expected.orders
       OR NOT stale AND (kept.first_at, kept.last_at)
              IS DISTINCT FROM (expected.first_at, expected.last_at)
)
SELECT (SELECT count(*) FROM activity) AS minutes,
       (SELECT count(*) FROM activity WHERE stale) AS stale,
       (SELECT count(*) FROM differing) AS differing,
       ARRAY(SELECT differing FROM differing ORDER BY minute, store, source LIMIT 5) AS examples
