-- One pass: counts the orders that the last pass's snapshot did not see and this statement's own does,
-- and stores that very snapshot. It must stay one statement: a snapshot taken by another would see
-- other orders than those counted here. Runs under the lock of lock_state.
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
), by_minute AS MATERIALIZED (
    SELECT date_bin('1 minute', placed_at, '2000-01-01 00:00+00') AS bucket, store, drink,
           sum(order_count(quantity, voids))::bigint AS orders,
           sum(quantity)::bigint AS quantity,
           sum(order_amount(quantity, price_cents, amount))::bigint AS revenue_cents
    FROM fresh WHERE countable GROUP BY 1, 2, 3
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
    ARRAY(
        SELECT ROW(grain, bucket, store, drink, orders, quantity, revenue_cents) FROM changed
    ) AS cells,
    ARRAY(
        SELECT ROW(order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount,
                   source, receipt)
        FROM newest ORDER BY placed_at DESC, order_id DESC
    ) AS recent
