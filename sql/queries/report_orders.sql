-- The sums of a report from the orders that a watermark sees, for what rollups do not hold: prices, sources,
-- receipts, and what was sold and refunded. $1 to $25 as in report_rollups, with spans of time only; $26
-- watermark; $27 only these sources (NULL: all; '': none is given), $28 not these; $29 lowest and $30 highest
-- price of one piece (NULL: any); $31 whether receipts are counted.
WITH shop AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::boolean[])
        AS shop(store, calendar, zone, compared)
), chosen AS MATERIALIZED (
    SELECT * FROM unnest($5::text[], $6::date[], $7::integer[]) AS chosen(store, date, weight)
), span AS MATERIALIZED (
    SELECT * FROM unnest($14::smallint[], $15::text[], $16::text[], $17::integer[], $18::date[],
                         $19::timestamptz[], $20::timestamptz[], $21::text[])
        AS span(calendar, side, part, later, date, begins, ends, grain)
    -- The same number of parameters for both queries.
    WHERE cardinality($8::smallint[]) + cardinality($9::text[]) + cardinality($10::text[])
        + cardinality($11::integer[]) + cardinality($12::date[]) + cardinality($13::date[]) = 0
), line AS MATERIALIZED (
    SELECT side, part, compared, coalesce(weight, 0) AS weight, sold.store AS of_store, sold.source AS of_source,
           span.date, receipt, placed_at, order_id, voids, orders, quantity, amount,
           (voids IS NULL) = (quantity > 0) AS is_sale,  -- or the void of one
           CASE WHEN 'store' = ANY ($22::text[]) THEN sold.store END AS store,
           CASE WHEN 'drink' = ANY ($22) THEN drink END AS drink,
           CASE WHEN 'source' = ANY ($22) THEN sold.source END AS source,
           CASE WHEN 'quarter' = ANY ($22) THEN
               extract(hour FROM bucket AT TIME ZONE zone)::integer * 4
                   + extract(minute FROM bucket AT TIME ZONE zone)::integer / 15
           END AS quarter,
           CASE WHEN 'hour' = ANY ($22) THEN extract(hour FROM bucket AT TIME ZONE zone)::integer END AS hour,
           CASE WHEN 'day' = ANY ($22) THEN span.date + later END AS day,
           CASE WHEN 'weekday' = ANY ($22) THEN extract(isodow FROM span.date)::integer END AS weekday
    FROM span
    -- OFFSET keeps each span from being read once for each store.
    CROSS JOIN LATERAL (
        SELECT orders.store, drink, coalesce(orders.source, '') AS source, receipt, placed_at, order_id, voids,
               order_count(quantity, voids) AS orders, quantity,
               order_amount(quantity, price_cents, amount) AS amount,
               date_bin('15 minutes', placed_at, '2000-01-01 00:00+00') AS bucket
        FROM orders
        WHERE placed_at >= begins AND placed_at < ends
          AND ($23::text[] IS NULL OR drink = ANY ($23)) AND drink <> ALL ($24::text[])
          AND ($27::text[] IS NULL OR coalesce(orders.source, '') = ANY ($27))
          AND coalesce(orders.source, '') <> ALL ($28::text[])
          AND price_cents >= coalesce($29::integer, 0) AND ($30::integer IS NULL OR price_cents <= $30)
          AND is_countable(placed_at, orders.store, drink)
          AND pg_visible_in_snapshot(xid, $26::text::pg_snapshot)
        OFFSET 0
    ) AS sold
    JOIN shop USING (store, calendar)
    LEFT JOIN chosen ON side = 'then' AND chosen.store = sold.store
        AND (chosen.date IS NULL OR chosen.date = span.date)
), standing AS (
    SELECT * FROM line
    WHERE $31::boolean AND receipt IS NOT NULL AND voids IS NULL AND quantity > 0
      AND NOT EXISTS (
          SELECT FROM orders AS void
          WHERE void.voids = line.order_id AND pg_visible_in_snapshot(void.xid, $26::text::pg_snapshot)
      )
), receipt_of_total AS (
    SELECT DISTINCT ON (side, of_store, of_source, date, receipt) *
    FROM standing ORDER BY side, of_store, of_source, date, receipt, placed_at, order_id
), receipt_of_row AS (
    -- In rows of drinks, a receipt counts for each of its drinks.
    SELECT DISTINCT ON (side, of_store, of_source, date, receipt, drink) *
    FROM standing ORDER BY side, of_store, of_source, date, receipt, drink, placed_at, order_id
)
SELECT part, grouping(store) = 1 AS total, store, drink, source, quarter, hour, day, weekday,
       coalesce(sum(orders) FILTER (WHERE side = 'now'), 0)::bigint AS orders,
       coalesce(sum(quantity) FILTER (WHERE side = 'now'), 0)::bigint AS pieces,
       coalesce(sum(amount) FILTER (WHERE side = 'now'), 0)::bigint AS takings,
       coalesce(sum(orders) FILTER (WHERE side = 'now' AND compared), 0)::bigint AS like_orders,
       coalesce(sum(amount) FILTER (WHERE side = 'now' AND compared), 0)::bigint AS like_takings,
       coalesce(sum(weight * orders), 0)::bigint AS then_orders,
       coalesce(sum(weight * quantity), 0)::bigint AS then_pieces,
       coalesce(sum(weight * amount), 0)::bigint AS then_takings,
       coalesce(sum(amount) FILTER (WHERE side = 'now' AND is_sale), 0)::bigint AS sold,
       coalesce(sum(weight * amount) FILTER (WHERE is_sale), 0)::bigint AS then_sold,
       count(receipt) FILTER (WHERE side = 'now') AS numbered,
       count(receipt) FILTER (WHERE weight > 0) AS then_numbered,
       0::bigint AS receipts, 0::bigint AS then_receipts
FROM line
GROUP BY GROUPING SETS ((part), (part, store, drink, source, quarter, hour, day, weekday))
UNION ALL
SELECT part, true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
       count(*) FILTER (WHERE side = 'now'), coalesce(sum(weight), 0)
FROM receipt_of_total GROUP BY part
UNION ALL
SELECT part, false, store, drink, source, quarter, hour, day, weekday, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
       count(*) FILTER (WHERE side = 'now'), coalesce(sum(weight), 0)
FROM receipt_of_row GROUP BY part, store, drink, source, quarter, hour, day, weekday
LIMIT $25
