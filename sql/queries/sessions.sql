-- Runs of sales with no gap longer than $4 between two of them, for each store: of sales from $2 on and before $3.
-- Minutes hold only what is less than a minute apart, so any gap of a minute or more can be asked for. Sales of
-- minutes that are not kept any more are read from the orders. $1 stores, $2 and $3 whole minutes for each,
-- $5 sources, or NULL for all, $6 watermark, $7 how many sessions at most.
WITH asked AS MATERIALIZED (
    SELECT store, begins, ends, number
    FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[])
        WITH ORDINALITY AS given(store, begins, ends, number)
), kept AS MATERIALIZED (
    SELECT minutes_from FROM aggregator_state
), old AS MATERIALIZED (
    SELECT number, date_bin('1 minute', placed_at, '2000-01-01 00:00+00') AS minute,
           min(placed_at) AS first_at, max(placed_at) AS last_at, count(*)::integer AS orders
    FROM orders AS sale JOIN asked USING (store)
    WHERE placed_at >= (SELECT min(begins) FROM asked)
      AND placed_at < (SELECT least(max(ends), min(minutes_from)) FROM asked CROSS JOIN kept)
      AND placed_at >= begins AND placed_at < ends
      AND ($5::text[] IS NULL OR coalesce(source, '') = ANY ($5))
      AND is_sale(quantity, voids) AND is_countable(placed_at, store, drink)
      AND pg_visible_in_snapshot(xid, $6::text::pg_snapshot)
      AND NOT EXISTS (
          SELECT FROM orders AS void
          WHERE void.voids = sale.order_id AND pg_visible_in_snapshot(void.xid, $6::text::pg_snapshot)
      )
    GROUP BY 1, 2
)
SELECT store, first_at, last_at, orders
FROM asked CROSS JOIN LATERAL (
    SELECT first_at, lead(before) OVER by_time AS last_at, lead(so_far) OVER by_time - so_far AS orders
    FROM (
        -- A minute has a row for each source, so the last sale before is not always that of the row before.
        SELECT first_at, max(last_at) OVER earlier AS before, coalesce(sum(orders) OVER earlier, 0) AS so_far
        FROM (
            SELECT first_at, last_at, orders FROM old WHERE old.number = asked.number
            UNION ALL
            SELECT first_at, last_at, orders::integer FROM activity
            WHERE activity.store = asked.store
              AND minute >= greatest(begins, (SELECT minutes_from FROM kept)) AND minute < ends
              AND ($5::text[] IS NULL OR source = ANY ($5))
            UNION ALL
            -- Ends the last session.
            SELECT 'infinity', NULL, 0
        ) AS minutes
        WINDOW earlier AS (ORDER BY first_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ) AS gaps
    WHERE before IS NULL OR first_at > before + $4::interval
    WINDOW by_time AS (ORDER BY first_at)
) AS session
WHERE last_at IS NOT NULL
ORDER BY number, first_at
LIMIT $7
