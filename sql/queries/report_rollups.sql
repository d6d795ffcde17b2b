-- The sums of a report from the rollups, one row for each part and key; rows without keys are totals.
-- Stores: $1 code, $2 calendar, $3 zone, $4 whether compared. Compared days: $5 store, $6 date (NULL: any),
-- $7 weight, $26 and $27 the places, 1 to 4, of each among those of its store and among those that all stores
-- have, of which days_orders and days_takings are the sums. Whole days: $8 calendar, $9 side, $10 part, $11 how many days before those that they are compared
-- with, $12 first, $13 last. Spans of time: $14 calendar, $15 side, $16 part, $17 days before, $18 date,
-- $19 beginning, $20 end, $21 grain. $22 groupings; $23 only these drinks (NULL: all), $24 not these; $25 the
-- most rows to return.
WITH shop AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::boolean[])
        AS shop(store, calendar, zone, compared)
), chosen AS MATERIALIZED (
    SELECT * FROM unnest($5::text[], $6::date[], $7::integer[], $26::integer[], $27::integer[])
        AS chosen(store, date, weight, store_day, common_day)
), span AS MATERIALIZED (
    SELECT * FROM unnest($14::smallint[], $15::text[], $16::text[], $17::integer[], $18::date[],
                         $19::timestamptz[], $20::timestamptz[], $21::text[])
        AS span(calendar, side, part, later, date, begins, ends, grain)
), cell AS MATERIALIZED (
    -- Not joined with stores before it is summed, or each span would be read once for each of them.
    SELECT calendar, side, part, later, date, NULL::timestamptz AS bucket, store, drink, orders, pieces, takings
    FROM unnest($8::smallint[], $9::text[], $10::text[], $11::integer[], $12::date[], $13::date[])
        AS days(calendar, side, part, later, first, last)
    CROSS JOIN LATERAL (
        SELECT date, store, CASE WHEN 'drink' = ANY ($22::text[]) THEN drink END AS drink,
               sum(orders)::bigint AS orders, sum(quantity)::bigint AS pieces,
               sum(revenue_cents)::bigint AS takings
        FROM rollup_day
        WHERE date BETWEEN first AND last
          AND ($23::text[] IS NULL OR drink = ANY ($23)) AND drink <> ALL ($24::text[])
        GROUP BY 1, 2, 3
    ) AS summed
    UNION ALL
    SELECT calendar, side, part, later, date, bucket, store, drink, orders, pieces, takings
    FROM span
    CROSS JOIN LATERAL (
        SELECT bucket, store, CASE WHEN 'drink' = ANY ($22::text[]) THEN drink END AS drink,
               sum(orders)::bigint AS orders, sum(quantity)::bigint AS pieces,
               sum(revenue_cents)::bigint AS takings
        FROM rollup_quarter
        WHERE bucket >= begins AND bucket < ends
          AND ($23::text[] IS NULL OR drink = ANY ($23)) AND drink <> ALL ($24::text[])
        GROUP BY 1, 2, 3
    ) AS summed
    WHERE grain = 'quarter'
    UNION ALL
    SELECT calendar, side, part, later, date, bucket, store, drink, orders, pieces, takings
    FROM span
    CROSS JOIN LATERAL (
        SELECT date_bin('15 minutes', bucket, '2000-01-01 00:00+00') AS bucket, store, CASE WHEN 'drink' = ANY ($22::text[]) THEN drink END AS drink,
               sum(orders)::bigint AS orders, sum(quantity)::bigint AS pieces,
               sum(revenue_cents)::bigint AS takings
        FROM rollup_minute
        WHERE bucket >= begins AND bucket < ends
          AND ($23::text[] IS NULL OR drink = ANY ($23)) AND drink <> ALL ($24::text[])
        GROUP BY 1, 2, 3
    ) AS summed
    WHERE grain = 'minute'
), keyed AS (
    SELECT part, side, compared, coalesce(weight, 0) AS weight, orders, pieces, takings, common_day,
           CASE WHEN 'store' = ANY ($22) THEN store_day ELSE common_day END AS row_day,
           CASE WHEN 'store' = ANY ($22) THEN cell.store END AS store,
           drink,
           CASE WHEN 'quarter' = ANY ($22) THEN
               extract(hour FROM bucket AT TIME ZONE zone)::integer * 4
                   + extract(minute FROM bucket AT TIME ZONE zone)::integer / 15
           END AS quarter,
           CASE WHEN 'hour' = ANY ($22) THEN extract(hour FROM bucket AT TIME ZONE zone)::integer END AS hour,
           CASE WHEN 'day' = ANY ($22) THEN cell.date + later END AS day,
           CASE WHEN 'weekday' = ANY ($22) THEN extract(isodow FROM cell.date)::integer END AS weekday
    FROM cell
    JOIN shop USING (store, calendar)
    LEFT JOIN chosen ON side = 'then' AND chosen.store = cell.store
        AND (chosen.date IS NULL OR chosen.date = cell.date)
)
SELECT part, grouping(store) = 1 AS total, store, drink, NULL AS source, quarter, hour, day, weekday,
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
                           ELSE sum(takings) FILTER (WHERE row_day = 4) END, 0)]::bigint[] AS days_takings
FROM keyed
GROUP BY GROUPING SETS ((part), (part, store, drink, quarter, hour, day, weekday))
LIMIT $25
