-- The sums of a report from the orders that a watermark sees, for what rollups do not hold: prices, sources,
-- receipts, and what was sold and refunded. Stores: $1 code, $2 calendar, $3 zone, $4 whether compared.
-- Compared days: $5 store, $6 date (NULL: any), $7 weight. Spans of time, in order: $8 calendar, $9 side, $10
-- part, $11 how many days before those that they are compared with, $12 date, $13 beginning, $14 end, $15 grain.
-- $16 groupings; $17 only these drinks (NULL: all), $18 not these; $19 the most rows to return; $20 watermark;
-- $21 only these sources (NULL: all; '': none is given), $22 not these; $23 lowest and $24 highest price of one
-- piece (NULL: any); $25 whether receipts are counted; $26, $27 places of compared days as in report_rollups.
WITH shop AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::boolean[])
        AS shop(store, calendar, zone, compared)
), chosen AS MATERIALIZED (
    SELECT * FROM unnest($5::text[], $6::date[], $7::integer[], $26::integer[], $27::integer[])
        AS chosen(store, date, weight, store_day, common_day)
), span AS MATERIALIZED (
    SELECT * FROM unnest($8::smallint[], $9::text[], $10::text[], $11::integer[], $12::date[],
                         $13::timestamptz[], $14::timestamptz[], $15::text[]) WITH ORDINALITY
        AS span(calendar, side, part, later, date, begins, ends, grain, number)
), sold AS MATERIALIZED (
    -- Not joined with stores before it is summed, or each span would be read once for each of them.
    SELECT span.*, sold.*
    FROM span
    CROSS JOIN LATERAL (
        SELECT orders.store, coalesce(source, '') AS source,
               CASE WHEN 'drink' = ANY ($16) THEN drink END AS drink,
               date_bin('15 minutes', placed_at, '2000-01-01 00:00+00') AS bucket,
               sum(order_count(quantity, voids)) AS orders, sum(quantity) AS pieces,
               sum(order_amount(quantity, price_cents, amount)) AS takings,
               -- Of sales, and of voids of sales.
               coalesce(sum(order_amount(quantity, price_cents, amount))
                   FILTER (WHERE (voids IS NULL) = (quantity > 0)), 0) AS sold,
               count(receipt) AS numbered,
               coalesce(sum(order_count(quantity, voids)) FILTER (WHERE receipt IS NOT NULL), 0)
                   AS with_receipt,
               coalesce(sum(order_amount(quantity, price_cents, amount))
                   FILTER (WHERE receipt IS NOT NULL), 0) AS receipt_takings
        FROM orders
        WHERE placed_at >= begins AND placed_at < ends
          AND ($17::text[] IS NULL OR drink = ANY ($17)) AND drink <> ALL ($18::text[])
          AND ($21::text[] IS NULL OR coalesce(source, '') = ANY ($21))
          AND coalesce(source, '') <> ALL ($22::text[])
          AND price_cents >= coalesce($23::integer, 0) AND ($24::integer IS NULL OR price_cents <= $24)
          AND is_countable(placed_at, orders.store, orders.drink)
          AND pg_visible_in_snapshot(xid, $20::text::pg_snapshot)
        GROUP BY 1, 2, 3, 4
    ) AS sold
), cell AS (
    SELECT side, part, compared, coalesce(weight, 0) AS weight, common_day,
           CASE WHEN 'store' = ANY ($16::text[]) THEN store_day ELSE common_day END AS row_day,
           CASE WHEN 'store' = ANY ($16) THEN sold.store END AS store,
           drink,
           CASE WHEN 'source' = ANY ($16) THEN sold.source END AS source,
           CASE WHEN 'quarter' = ANY ($16) THEN
               extract(hour FROM bucket AT TIME ZONE zone)::integer * 4
                   + extract(minute FROM bucket AT TIME ZONE zone)::integer / 15
           END AS quarter,
           CASE WHEN 'hour' = ANY ($16) THEN extract(hour FROM bucket AT TIME ZONE zone)::integer END AS hour,
           CASE WHEN 'day' = ANY ($16) THEN sold.date + later END AS day,
           CASE WHEN 'weekday' = ANY ($16) THEN extract(isodow FROM sold.date)::integer END AS weekday,
           orders, pieces, takings, sold, numbered, with_receipt, receipt_takings
    FROM sold
    JOIN shop USING (store, calendar)
    LEFT JOIN chosen ON side = 'then' AND chosen.store = sold.store
        AND (chosen.date IS NULL OR chosen.date = sold.date)
), receipt_of_row AS MATERIALIZED (
    -- A receipt counts at its earliest sale that stands; in rows of drinks, once for each of them.
    SELECT side, calendar, store, source, date, receipt, drink, min(first_at) AS first_at,
           min(number) AS number  -- spans of a day are in order
    FROM span
    CROSS JOIN LATERAL (
        SELECT orders.store, coalesce(source, '') AS source, receipt,
               CASE WHEN 'drink' = ANY ($16) THEN drink END AS drink, min(placed_at) AS first_at
        FROM orders
        WHERE placed_at >= begins AND placed_at < ends
          AND receipt IS NOT NULL AND voids IS NULL AND quantity > 0
          AND ($17::text[] IS NULL OR drink = ANY ($17)) AND drink <> ALL ($18::text[])
          AND ($21::text[] IS NULL OR coalesce(source, '') = ANY ($21))
          AND coalesce(source, '') <> ALL ($22::text[])
          AND price_cents >= coalesce($23::integer, 0) AND ($24::integer IS NULL OR price_cents <= $24)
          AND is_countable(placed_at, orders.store, orders.drink)
          AND pg_visible_in_snapshot(xid, $20::text::pg_snapshot)
          AND NOT EXISTS (
              SELECT FROM orders AS void
              WHERE void.voids = orders.order_id
                AND pg_visible_in_snapshot(void.xid, $20::text::pg_snapshot)
          )
        GROUP BY 1, 2, 3, 4
    ) AS standing
    WHERE $25::boolean
    GROUP BY 1, 2, 3, 4, 5, 6, 7
), receipt AS MATERIALIZED (
    SELECT false AS total, number, side, calendar, store, source, date, drink,
           date_bin('15 minutes', first_at, '2000-01-01 00:00+00') AS bucket, count(*) AS receipts
    FROM receipt_of_row GROUP BY 2, 3, 4, 5, 6, 7, 8, 9
    UNION ALL
    SELECT true, number, side, calendar, store, '', date, NULL, NULL, count(*)
    FROM (
        SELECT side, calendar, store, date, min(number) AS number
        FROM receipt_of_row GROUP BY side, calendar, store, source, date, receipt
    ) AS whole
    GROUP BY 2, 3, 4, 5, 7
), receipt_cell AS (
    SELECT part, total, side, coalesce(weight, 0) AS weight, receipts,
           CASE WHEN NOT total AND 'store' = ANY ($16) THEN receipt.store END AS store,
           drink,
           CASE WHEN NOT total AND 'source' = ANY ($16) THEN receipt.source END AS source,
           CASE WHEN NOT total AND 'quarter' = ANY ($16) THEN
               extract(hour FROM bucket AT TIME ZONE zone)::integer * 4
                   + extract(minute FROM bucket AT TIME ZONE zone)::integer / 15
           END AS quarter,
           CASE WHEN NOT total AND 'hour' = ANY ($16) THEN
               extract(hour FROM bucket AT TIME ZONE zone)::integer
           END AS hour,
           CASE WHEN NOT total AND 'day' = ANY ($16) THEN receipt.date + later END AS day,
           CASE WHEN NOT total AND 'weekday' = ANY ($16) THEN
               extract(isodow FROM receipt.date)::integer
           END AS weekday
    FROM receipt
    JOIN span USING (number, side, calendar, date)
    JOIN shop USING (store, calendar)
    LEFT JOIN chosen ON side = 'then' AND chosen.store = receipt.store
        AND (chosen.date IS NULL OR chosen.date = receipt.date)
)
SELECT part, grouping(store) = 1 AS total, store, drink, source, quarter, hour, day, weekday,
       coalesce(sum(orders) FILTER (WHERE side = 'now'), 0)::bigint AS orders,
       coalesce(sum(pieces) FILTER (WHERE side = 'now'), 0)::bigint AS pieces,
       coalesce(sum(takings) FILTER (WHERE side = 'now'), 0)::bigint AS takings,
       coalesce(sum(orders) FILTER (WHERE side = 'now' AND compared), 0)::bigint AS like_orders,
       coalesce(sum(takings) FILTER (WHERE side = 'now' AND compared), 0)::bigint AS like_takings,
       coalesce(sum(weight * orders), 0)::bigint AS then_orders,
       coalesce(sum(weight * pieces), 0)::bigint AS then_pieces,
       coalesce(sum(weight * takings), 0)::bigint AS then_takings,
       ARRAY[coalesce(CASE WHEN grouping(store) = 1 THEN sum(orders) FILTER (WHERE common_day = 1)
                           ELSE sum(orders) FILTER (WHERE row_day = 1) END, 0),
             coalesce(CASE WHEN grouping(store) = 1 THEN sum(orders) FILTER (WHERE common_day = 2)
                           ELSE sum(orders) FILTER (WHERE row_day = 2) END, 0),
             coalesce(CASE WHEN grouping(store) = 1 THEN sum(orders) FILTER (WHERE common_day = 3)
                           ELSE sum(orders) FILTER (WHERE row_day = 3) END, 0),
             coalesce(CASE WHEN grouping(store) = 1 THEN sum(orders) FILTER (WHERE common_day = 4)
                           ELSE sum(orders) FILTER (WHERE row_day = 4) END, 0)]::bigint[] AS days_orders,
       ARRAY[coalesce(CASE WHEN grouping(store) = 1 THEN sum(takings) FILTER (WHERE common_day = 1)
                           ELSE sum(takings) FILTER (WHERE row_day = 1) END, 0),
             coalesce(CASE WHEN grouping(store) = 1 THEN sum(takings) FILTER (WHERE common_day = 2)
                           ELSE sum(takings) FILTER (WHERE row_day = 2) END, 0),
             coalesce(CASE WHEN grouping(store) = 1 THEN sum(takings) FILTER (WHERE common_day = 3)
                           ELSE sum(takings) FILTER (WHERE row_day = 3) END, 0),
             coalesce(CASE WHEN grouping(store) = 1 THEN sum(takings) FILTER (WHERE common_day = 4)
                           ELSE sum(takings) FILTER (WHERE row_day = 4) END, 0)]::bigint[] AS days_takings,
       coalesce(sum(sold) FILTER (WHERE side = 'now'), 0)::bigint AS sold,
       coalesce(sum(weight * sold), 0)::bigint AS then_sold,
       coalesce(sum(numbered) FILTER (WHERE side = 'now'), 0)::bigint AS numbered,
       coalesce(sum(numbered) FILTER (WHERE weight > 0), 0)::bigint AS then_numbered,
       coalesce(sum(with_receipt) FILTER (WHERE side = 'now'), 0)::bigint AS with_receipt,
       coalesce(sum(weight * with_receipt), 0)::bigint AS then_with_receipt,
       coalesce(sum(receipt_takings) FILTER (WHERE side = 'now'), 0)::bigint AS receipt_takings,
       coalesce(sum(weight * receipt_takings), 0)::bigint AS then_receipt_takings,
       0::bigint AS receipts, 0::bigint AS then_receipts
FROM cell
GROUP BY GROUPING SETS ((part), (part, store, drink, source, quarter, hour, day, weekday))
UNION ALL
SELECT part, total, store, drink, source, quarter, hour, day, weekday, 0, 0, 0, 0, 0, 0, 0, 0, '{0,0,0,0}', '{0,0,0,0}',
       0, 0, 0, 0, 0, 0, 0, 0,
       coalesce(sum(receipts) FILTER (WHERE side = 'now'), 0)::bigint, coalesce(sum(weight * receipts), 0)::bigint
FROM receipt_cell
GROUP BY part, total, store, drink, source, quarter, hour, day, weekday
LIMIT $19
