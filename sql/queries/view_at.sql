-- The cells as they were at a moment: whole quarters from the rollups, the quarter that the moment cuts
-- from the minutes, and the minute that it cuts from the orders, which also stand for minutes that are
-- not kept any more. $1 watermark; $2 the moment, itself included; $3 first minute; $4 hours begin after
-- it; $5 first day; $6 the day that is today at each store, or NULL for the one that the moment is in.
WITH minute AS MATERIALIZED (
    SELECT bucket, store, drink, orders, quantity, revenue_cents
    FROM rollup_minute
    WHERE bucket >= greatest($3, (SELECT minutes_from FROM aggregator_state))
      AND bucket < date_bin('1 minute', $2, '2000-01-01 00:00+00')
    UNION ALL
    SELECT date_bin('1 minute', placed_at, '2000-01-01 00:00+00'), store, drink,
           sum(order_count(quantity, voids))::bigint, sum(quantity)::bigint,
           sum(order_amount(quantity, price_cents, amount))::bigint
    FROM orders
    WHERE placed_at >= CASE
              WHEN $3 < (SELECT minutes_from FROM aggregator_state) THEN $3
              ELSE date_bin('1 minute', $2, '2000-01-01 00:00+00')
          END
      AND placed_at <= $2
      AND (placed_at < (SELECT minutes_from FROM aggregator_state)
           OR placed_at >= date_bin('1 minute', $2, '2000-01-01 00:00+00'))
      AND pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
      AND is_countable(placed_at, store, drink)
    GROUP BY 1, 2, 3
), quarter AS MATERIALIZED (
    -- A business day has at most 27 hours, and ends at most 38 after another store's: zones are up to 26
    -- hours apart, and starts of day 12.
    SELECT id, zone, bucket, store, drink, orders, quantity, revenue_cents
    FROM (
        SELECT bucket, store, drink, orders, quantity, revenue_cents
        FROM rollup_quarter
        WHERE bucket >= $2 - interval '72 hours'
          AND bucket < date_bin('15 minutes', $2, '2000-01-01 00:00+00')
        UNION ALL
        SELECT date_bin('15 minutes', bucket, '2000-01-01 00:00+00'), store, drink,
               orders, quantity, revenue_cents
        FROM minute
        WHERE bucket >= date_bin('15 minutes', $2, '2000-01-01 00:00+00')
    ) AS parts
    LEFT JOIN menu_store ON code = store
    JOIN calendar ON calendar.id = coalesce(menu_store.calendar, 1::smallint)
), today AS MATERIALIZED (
    SELECT id, date, begins, ends FROM calendar
    JOIN calendar_day ON calendar_day.calendar = id
    WHERE date = coalesce($6, business_day(id, $2))
      -- For the index. A day that is asked for need not have begun at every store.
      AND begins BETWEEN coalesce($6::timestamp AT TIME ZONE 'UTC', $2) - interval '3 days'
          AND coalesce($6::timestamp AT TIME ZONE 'UTC', $2) + interval '3 days'
), cells AS (
    SELECT 'minute' AS grain, extract(epoch FROM bucket)::bigint AS bucket, store, drink,
           orders, quantity, revenue_cents
    FROM minute
    UNION ALL
    SELECT 'hour', extract(epoch FROM local_hour(zone, bucket))::bigint, store, drink,
           sum(orders)::bigint, sum(quantity)::bigint, sum(revenue_cents)::bigint
    FROM quarter WHERE local_hour(zone, bucket) > $4
    GROUP BY 2, 3, 4
    UNION ALL
    SELECT 'day', extract(epoch FROM rollup_day.date)::bigint, store, drink,
           orders, quantity, revenue_cents
    FROM rollup_day LEFT JOIN menu_store ON code = store
    JOIN today ON today.id = coalesce(menu_store.calendar, 1::smallint)
    WHERE rollup_day.date >= $5 AND rollup_day.date < today.date
    UNION ALL
    SELECT 'day', extract(epoch FROM date)::bigint, store, drink,
           sum(orders)::bigint, sum(quantity)::bigint, sum(revenue_cents)::bigint
    FROM quarter JOIN today USING (id)
    WHERE bucket >= begins AND bucket < ends
    GROUP BY 2, 3, 4
)
SELECT grain, bucket, store, drink, orders, quantity, revenue_cents
FROM cells
WHERE (orders, quantity, revenue_cents) <> (0, 0, 0)
