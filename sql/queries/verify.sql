-- Compares the rollups with the orders that their watermark sees: sizes, how many cells differ at each
-- grain, and a few of those with both sides (NULL if a side has no such cell). Counts, buckets and finds
-- days in other ways than the pass, so that the two do not share a mistake. $1 watermark. $2 date: of the
-- sealed days before it the orders are not read, and their quarters and minutes are compared with the seals
-- instead; NULL reads all orders, and compares them with the seals too.
WITH seal AS MATERIALIZED (
    SELECT sealed_day.*, date::timestamp AT TIME ZONE 'UTC' AS begins,
           (date + 1)::timestamp AT TIME ZONE 'UTC' AS ends, minutes_from
    FROM sealed_day CROSS JOIN aggregator_state WHERE sealed_at IS NOT NULL
), unread AS MATERIALIZED (
    -- Not the day in which kept minutes begin.
    SELECT date, begins, ends, rows FROM seal
    WHERE date < $2::date AND (minutes_from <= begins OR minutes_from >= ends)
), span AS MATERIALIZED (
    SELECT coalesce(lower(read), '-infinity') AS begins, coalesce(upper(read), 'infinity') AS ends
    FROM unnest('{(,)}'::tstzmultirange - coalesce(
        (SELECT range_agg(tstzrange(begins, ends)) FROM unread), '{}'::tstzmultirange)) AS read
), placed AS (
    SELECT orders.*, order_hash(orders) AS hash FROM orders WHERE $2::date IS NULL
    UNION ALL
    -- OFFSET 0: by the index for each span, whatever the statistics say about their number.
    SELECT found.* FROM span CROSS JOIN LATERAL (
        SELECT orders.*, order_hash(orders) FROM orders
        WHERE placed_at >= begins AND placed_at < ends OFFSET 0
    ) AS found WHERE $2::date IS NOT NULL
), counted AS MATERIALIZED (
    SELECT date_trunc('minute', placed_at, 'UTC') AS bucket, store, drink,
           count(*) FILTER (WHERE quantity > 0 AND voids IS NULL)
               - count(*) FILTER (WHERE quantity < 0 AND voids IS NOT NULL) AS orders,
           sum(quantity)::bigint AS quantity,
           sum(CASE WHEN amount IS NULL THEN quantity::bigint * price_cents ELSE amount END)::bigint
               AS revenue_cents,
           count(*) AS rows, sum(hash) AS hash
    FROM placed
    WHERE pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
      AND placed_at >= '2000-01-01 00:00+00' AND placed_at < '2100-01-01 00:00+00'
      AND octet_length(store) <= 255 AND octet_length(drink) <= 255
    GROUP BY 1, 2, 3
), quarter AS MATERIALIZED (
    SELECT date_trunc('hour', bucket, 'UTC')
               + extract(minute FROM bucket AT TIME ZONE 'UTC')::integer / 15 * interval '15 minutes'
               AS bucket,
           store, drink, sum(orders)::bigint AS orders, sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM counted GROUP BY 1, 2, 3
), quarters_of_day AS MATERIALIZED (
    SELECT date_bin('1 day', bucket, '2000-01-01 00:00+00') AS begins,
           sum(cell_hash(bucket, store, drink, orders, quantity, revenue_cents)) AS hash
    FROM rollup_quarter GROUP BY 1
), business_date AS MATERIALIZED (
    -- Of every quarter hour on the days that have any, in every calendar: far fewer than there are cells.
    SELECT id, bucket, date
    FROM (
        SELECT begins FROM quarters_of_day
        UNION SELECT date_bin('1 day', bucket, '2000-01-01 00:00+00') FROM quarter
    ) AS used
    CROSS JOIN generate_series(0, 95) AS number
    CROSS JOIN LATERAL (SELECT begins + number * interval '15 minutes' AS bucket) AS quarter_hour
    CROSS JOIN (SELECT 1::smallint AS id UNION SELECT calendar FROM menu_store) AS used_calendar
    CROSS JOIN LATERAL (
        SELECT date FROM calendar_day
        WHERE calendar = id AND begins <= bucket AND begins > bucket - interval '3 days' AND ends > bucket
        -- There is but one. Without this, and without statistics, PostgreSQL compares all with all.
        LIMIT 1
    ) AS containing
), expected AS (
    SELECT 'minute' AS grain, bucket, store, drink, orders, quantity, revenue_cents
    FROM counted WHERE bucket >= (SELECT minutes_from FROM aggregator_state)
    UNION ALL
    SELECT 'quarter', bucket, store, drink, orders, quantity, revenue_cents FROM quarter
    UNION ALL
    SELECT 'day', date::timestamp AT TIME ZONE 'UTC', store, drink,
           sum(orders)::bigint, sum(quantity)::bigint, sum(revenue_cents)::bigint
    FROM (
        SELECT bucket, store, drink, orders, quantity, revenue_cents FROM quarter
        UNION ALL
        SELECT bucket, store, drink, orders, quantity, revenue_cents
        FROM rollup_quarter
        WHERE date_bin('1 day', bucket, '2000-01-01 00:00+00') IN (SELECT begins FROM unread)
    ) AS every_quarter LEFT JOIN menu_store ON code = store
    JOIN business_date ON business_date.bucket = every_quarter.bucket
        AND business_date.id = coalesce(menu_store.calendar, 1::smallint)
    GROUP BY 2, 3, 4
), kept AS (
    SELECT 'minute' AS grain, bucket, store, drink, orders, quantity, revenue_cents
    FROM rollup_minute
    WHERE date_bin('1 day', bucket, '2000-01-01 00:00+00') NOT IN (SELECT begins FROM unread)
    UNION ALL
    SELECT 'quarter', bucket, store, drink, orders, quantity, revenue_cents FROM rollup_quarter
    WHERE date_bin('1 day', bucket, '2000-01-01 00:00+00') NOT IN (SELECT begins FROM unread)
    UNION ALL
    SELECT 'day', date::timestamp AT TIME ZONE 'UTC', store, drink, orders, quantity, revenue_cents
    FROM rollup_day
), differing AS (
    SELECT grain, extract(epoch FROM bucket)::bigint AS bucket, store, drink,
           kept.orders AS kept_orders, kept.quantity AS kept_quantity,
           kept.revenue_cents AS kept_cents,
           expected.orders, expected.quantity, expected.revenue_cents
    FROM expected FULL JOIN kept USING (grain, bucket, store, drink)
    WHERE (kept.orders, kept.quantity, kept.revenue_cents)
        IS DISTINCT FROM (expected.orders, expected.quantity, expected.revenue_cents)
), minutes_of_day AS (
    SELECT date_bin('1 day', bucket, '2000-01-01 00:00+00') AS begins,
           sum(cell_hash(bucket, store, drink, orders, quantity, revenue_cents)) AS hash
    FROM rollup_minute GROUP BY 1
), orders_of_day AS (
    SELECT date_bin('1 day', bucket, '2000-01-01 00:00+00') AS begins, sum(rows) AS rows, sum(orders) AS orders,
           sum(quantity) AS quantity, sum(revenue_cents) AS revenue_cents, sum(hash) AS hash
    FROM counted GROUP BY 1
), broken_seal AS MATERIALIZED (
    SELECT date FROM seal
    LEFT JOIN quarters_of_day USING (begins)
    LEFT JOIN minutes_of_day USING (begins)
    LEFT JOIN orders_of_day USING (begins)
    WHERE quarters_hash <> coalesce(quarters_of_day.hash, 0)
       OR CASE WHEN minutes_from <= begins THEN minutes_hash ELSE 0 END <> coalesce(minutes_of_day.hash, 0)
           AND (minutes_from <= begins OR minutes_from >= ends)
       OR date NOT IN (SELECT date FROM unread)
           AND (seal.rows, seal.orders, seal.quantity, seal.revenue_cents, orders_hash) IS DISTINCT FROM (
               coalesce(orders_of_day.rows, 0), coalesce(orders_of_day.orders, 0),
               coalesce(orders_of_day.quantity, 0), coalesce(orders_of_day.revenue_cents, 0),
               coalesce(orders_of_day.hash, 0))
)
SELECT coalesce((SELECT sum(rows) FROM counted), 0)::bigint AS orders,
       CASE WHEN $2::date IS NULL THEN (
           SELECT count(*) FROM orders
           WHERE pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
             AND NOT (placed_at >= '2000-01-01 00:00+00' AND placed_at < '2100-01-01 00:00+00'
                      AND octet_length(store) <= 255 AND octet_length(drink) <= 255)
       ) ELSE (SELECT count(*) FROM uncountable_order) END AS uncountable,
       (SELECT count(*) FROM rollup_minute) AS minute_cells,
       (SELECT count(*) FROM rollup_quarter) AS quarter_cells,
       (SELECT count(*) FROM rollup_day) AS day_cells,
       count(*) FILTER (WHERE grain = 'minute') AS minute_differing,
       count(*) FILTER (WHERE grain = 'quarter') AS quarter_differing,
       count(*) FILTER (WHERE grain = 'day') AS day_differing,
       ARRAY(SELECT differing FROM differing ORDER BY bucket, grain, store, drink LIMIT 5) AS examples,
       (SELECT count(*) FROM unread) AS unread_days,
       coalesce((SELECT sum(rows) FROM unread), 0)::bigint AS unread_orders,
       (SELECT count(*) FROM seal) AS seals,
       ARRAY(SELECT date FROM broken_seal ORDER BY date) AS broken_seals
FROM differing
