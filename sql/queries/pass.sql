-- One pass: counts the orders that the last pass's snapshot did not see and this statement's own does,
-- and stores that very snapshot. It must stay one statement: a snapshot taken by another would see
-- other orders than those counted here. Runs under the lock of lock_state.
-- Sales that a void takes back lower the activity of their minute; a first or last one makes it be read again
-- from the orders, since no maximum can be subtracted: at most 1,000 minutes, the others wait as stale.
-- $1 watermark of the last pass. Cells are handed back from minute $2 on, for hours that begin after $3,
-- and from day $4 on. $5 seconds for which the leader counts as alive, NULL for a pass by another.
WITH fresh AS MATERIALIZED (
    -- What the table refuses now, but an earlier version let in, would break the statements below for ever.
    SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
           receipt, is_countable(placed_at, store, drink) AS countable
    FROM orders WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot)
    UNION ALL
    SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
           receipt, is_countable(placed_at, store, drink)
    FROM orders WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
), uncountable AS (
    INSERT INTO uncountable_order (order_id)
    SELECT order_id FROM fresh WHERE NOT countable
    ON CONFLICT DO NOTHING
    RETURNING order_id
), by_source AS MATERIALIZED (
    SELECT date_bin('1 minute', placed_at, '2000-01-01 00:00+00') AS bucket, store, drink, source,
           sum(order_count(quantity, voids))::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(order_amount(quantity, price_cents, amount))::bigint AS revenue_cents,
           count(*) FILTER (WHERE is_sale(quantity, voids)) AS sales,
           min(placed_at) FILTER (WHERE is_sale(quantity, voids)) AS first_at,
           max(placed_at) FILTER (WHERE is_sale(quantity, voids)) AS last_at
    FROM fresh WHERE countable GROUP BY 1, 2, 3, 4
), by_minute AS MATERIALIZED (
    SELECT bucket, store, drink, sum(orders)::bigint AS orders, sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM by_source GROUP BY 1, 2, 3
), by_quarter AS MATERIALIZED (
    SELECT date_bin('15 minutes', bucket, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(orders)::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(revenue_cents)::bigint AS revenue_cents
    FROM by_minute GROUP BY 1, 2, 3
), store_quarter AS MATERIALIZED (
    -- Most stores share a calendar, so each of its quarters is looked up once.
    SELECT id, zone, bucket, business_day(id, bucket) AS date, local_hour(zone, bucket) AS hour
    FROM (
        SELECT DISTINCT bucket, coalesce(calendar, 1::smallint) AS id
        FROM by_quarter LEFT JOIN menu_store ON code = store
    ) AS used JOIN calendar USING (id)
), in_place AS MATERIALIZED (
    SELECT by_quarter.*, zone, date, hour
    FROM by_quarter LEFT JOIN menu_store ON code = store
    JOIN store_quarter ON store_quarter.bucket = by_quarter.bucket
        AND id = coalesce(calendar, 1::smallint)
), in_minute AS (
    INSERT INTO rollup_minute AS kept (bucket, store, drink, orders, quantity, revenue_cents)
    SELECT bucket, store, drink, orders, quantity, revenue_cents FROM by_minute
    WHERE bucket >= (SELECT minutes_from FROM aggregator_state)
    ON CONFLICT (bucket, store, drink) DO UPDATE
        SET orders = kept.orders + excluded.orders,
            quantity = kept.quantity + excluded.quantity,
            revenue_cents = kept.revenue_cents + excluded.revenue_cents
    RETURNING bucket, store, drink, orders, quantity, revenue_cents
), in_quarter AS (
    INSERT INTO rollup_quarter AS kept (bucket, store, drink, orders, quantity, revenue_cents)
    SELECT bucket, store, drink, orders, quantity, revenue_cents FROM by_quarter
    ON CONFLICT (bucket, store, drink) DO UPDATE
        SET orders = kept.orders + excluded.orders,
            quantity = kept.quantity + excluded.quantity,
            revenue_cents = kept.revenue_cents + excluded.revenue_cents
), unsealed AS (
    -- A verification that does without the orders of sealed days would not see these.
    DELETE FROM sealed_day WHERE date = ANY (
        ARRAY(SELECT DISTINCT (bucket AT TIME ZONE 'UTC')::date FROM by_quarter)
    )
), in_day AS (
    INSERT INTO rollup_day AS kept (date, store, drink, orders, quantity, revenue_cents)
    SELECT date, store, drink,
           sum(orders)::bigint, sum(quantity)::bigint, sum(revenue_cents)::bigint
    FROM in_place GROUP BY 1, 2, 3
    ON CONFLICT (date, store, drink) DO UPDATE
        SET orders = kept.orders + excluded.orders,
            quantity = kept.quantity + excluded.quantity,
            revenue_cents = kept.revenue_cents + excluded.revenue_cents
    RETURNING date, store, drink, orders, quantity, revenue_cents
), in_hour AS (
    -- Hours are not stored: the quarters as they were before this pass, and what it adds.
    SELECT hour, store, drink, added.orders + kept.orders AS orders,
           added.quantity + kept.quantity AS quantity,
           added.revenue_cents + kept.revenue_cents AS revenue_cents
    FROM (
        SELECT hour, zone, store, drink,
               sum(orders)::bigint AS orders,
               sum(quantity)::bigint AS quantity,
               sum(revenue_cents)::bigint AS revenue_cents
        FROM in_place WHERE hour > $3 GROUP BY 1, 2, 3, 4
    ) AS added
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(orders), 0)::bigint AS orders,
               coalesce(sum(quantity), 0)::bigint AS quantity,
               coalesce(sum(revenue_cents), 0)::bigint AS revenue_cents
        FROM rollup_quarter AS quarter
        WHERE bucket IN (hour, hour + interval '15 minutes', hour + interval '30 minutes',
                         hour + interval '45 minutes')
          AND quarter.store = added.store AND quarter.drink = added.drink
          AND local_hour(zone, bucket) = hour
    ) AS kept
), new_source AS (
    INSERT INTO activity_source (store, source)
    SELECT store, source
    FROM (
        SELECT store, source, row_number() OVER (PARTITION BY store ORDER BY source) AS place
        FROM (SELECT DISTINCT store, source FROM by_source WHERE source IS NOT NULL AND sales > 0) AS named
        WHERE (SELECT true FROM activity_source AS known
               WHERE known.store = named.store AND known.source = named.source LIMIT 1) IS NULL
    ) AS unknown
    WHERE place <= 200 - (SELECT count(*) FROM activity_source AS known WHERE known.store = unknown.store)
    RETURNING store, source
), voided AS (
    -- LIMIT, here and below: each is looked up, where a join might read the whole table.
    SELECT sale.store, sale.source, sale.placed_at
    FROM fresh CROSS JOIN LATERAL (
        SELECT store, source, placed_at FROM orders
        WHERE order_id = fresh.voids AND is_sale(quantity, voids) AND is_countable(placed_at, store, drink)
        LIMIT 1
    ) AS sale
    WHERE fresh.voids IS NOT NULL
), touched AS MATERIALIZED (
    SELECT store, minute,
           CASE WHEN source <> '' AND (
                    (SELECT true FROM activity_source AS known
                     WHERE known.store = part.store AND known.source = part.source LIMIT 1)
                    OR (store, source) IN (SELECT store, source FROM new_source)
                ) THEN source ELSE '' END AS source,
           min(first_at) AS first_at, max(last_at) AS last_at, sum(sales)::bigint AS sales,
           min(voided_at) AS first_voided, max(voided_at) AS last_voided
    FROM (
        SELECT store, bucket AS minute, source, first_at, last_at, sales, NULL::timestamptz AS voided_at
        FROM by_source WHERE sales > 0
        UNION ALL
        SELECT store, date_bin('1 minute', placed_at, '2000-01-01 00:00+00'), source, NULL, NULL, -1, placed_at
        FROM voided
        UNION ALL
        (SELECT store, minute, source, NULL, NULL, 0, NULL FROM activity WHERE stale
         ORDER BY minute LIMIT 1000)
    ) AS part
    WHERE minute >= (SELECT minutes_from FROM aggregator_state)
    GROUP BY 1, 2, 3
), merged AS MATERIALIZED (
    SELECT *, doubtful AND row_number() OVER (PARTITION BY doubtful ORDER BY minute) <= 1000 AS again
    FROM (
        SELECT store, minute, source, place, stale,
               least(kept.first_at, touched.first_at) AS first_at,
               greatest(kept.last_at, touched.last_at) AS last_at,
               coalesce(orders, 0) + sales AS orders,
               (stale OR first_voided <= least(kept.first_at, touched.first_at)
                      OR last_voided >= greatest(kept.last_at, touched.last_at)) IS TRUE AS doubtful
        FROM touched LEFT JOIN LATERAL (
            SELECT ctid AS place, first_at, last_at, orders, stale FROM activity
            WHERE activity.store = touched.store AND activity.minute = touched.minute
              AND activity.source = touched.source
            LIMIT 1
        ) AS kept ON true
    ) AS found
), settled AS MATERIALIZED (
    SELECT *, CASE WHEN again THEN (
        -- By the index of placed_at from both ends (min and max).
        SELECT ARRAY[min(placed_at), max(placed_at)] FROM orders AS sale
        WHERE placed_at >= merged.first_at AND placed_at <= merged.last_at AND sale.store = merged.store
          AND CASE WHEN merged.source <> '' THEN sale.source = merged.source
              ELSE sale.source IS NULL
                  OR (SELECT true FROM activity_source AS known
                      WHERE known.store = sale.store AND known.source = sale.source LIMIT 1) IS NULL
                  AND (sale.store, sale.source) NOT IN (SELECT store, source FROM new_source)
              END
          AND is_sale(quantity, voids) AND is_countable(placed_at, sale.store, drink)
          AND (SELECT true FROM orders AS void WHERE void.voids = sale.order_id LIMIT 1) IS NULL
    ) END AS found
    FROM merged WHERE orders > 0
), in_activity AS (
    INSERT INTO activity (store, minute, source, first_at, last_at, orders, stale)
    SELECT store, minute, source, coalesce(found[1], first_at), coalesce(found[2], last_at), orders,
           doubtful AND NOT again
    FROM settled
    ON CONFLICT (store, minute, source) DO UPDATE
        SET first_at = excluded.first_at, last_at = excluded.last_at, orders = excluded.orders,
            stale = excluded.stale
    RETURNING stale
), emptied AS (
    DELETE FROM activity WHERE ctid = ANY (ARRAY(SELECT place FROM merged WHERE orders <= 0))
), changed AS (
    SELECT 'minute' AS grain, extract(epoch FROM bucket)::bigint AS bucket, store, drink,
           orders, quantity, revenue_cents
    FROM in_minute WHERE bucket >= $2
    UNION ALL
    SELECT 'hour', extract(epoch FROM hour)::bigint, store, drink, orders, quantity, revenue_cents
    FROM in_hour
    UNION ALL
    SELECT 'day', extract(epoch FROM date)::bigint, store, drink, orders, quantity, revenue_cents
    FROM in_day WHERE date >= $4
), newest AS (
    SELECT * FROM fresh WHERE countable ORDER BY placed_at DESC, order_id DESC LIMIT 50
)
UPDATE aggregator_state
SET watermark = pg_current_snapshot(),
    timeline = left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
    pass = pass + 1,
    passed_at = statement_timestamp(),
    lead_until = coalesce(statement_timestamp() + make_interval(secs => $5), lead_until)
RETURNING pass AS number, watermark::text, passed_at AS data_time,
    (SELECT count(*) FROM fresh) AS rows,
    ARRAY(SELECT order_id FROM uncountable) AS uncountable,
    (SELECT count(*) FROM uncountable_order) AS uncountable_before,
    (SELECT count(*) FROM activity WHERE stale) - (SELECT count(*) FROM merged WHERE stale)
        + (SELECT count(*) FROM in_activity WHERE stale) AS stale_minutes,
    ARRAY(
        SELECT ROW(grain, bucket, store, drink, orders, quantity, revenue_cents) FROM changed
    ) AS cells,
    ARRAY(
        SELECT ROW(order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount,
                   source, receipt)
        FROM newest ORDER BY placed_at DESC, order_id DESC
    ) AS recent
