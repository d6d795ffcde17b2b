-- In how many sums a closing differs from the orders of its day that its snapshot sees. Counts and finds the day in
-- other ways than close_day, so that the two do not share a mistake. $1 number.
WITH seen AS MATERIALIZED (
    SELECT placed.order_id, placed.store, placed.drink, coalesce(source, '') AS source, receipt, quantity,
           placed.voids, placed_at,
           CASE WHEN amount IS NULL THEN quantity::bigint * price_cents ELSE amount END AS amount,
           CASE WHEN quantity > 0 AND placed.voids IS NULL THEN 1
                WHEN quantity < 0 AND placed.voids IS NOT NULL THEN -1 ELSE 0 END AS counted
    FROM closing
    JOIN orders AS placed
        ON placed_at >= (SELECT min(begins) FROM closing_span WHERE number = $1)
        AND placed_at < (SELECT max(ends) FROM closing_span WHERE number = $1)
        AND pg_visible_in_snapshot(xid, watermark)
        AND octet_length(placed.store) <= 255 AND octet_length(placed.drink) <= 255
    LEFT JOIN closing_span AS own ON own.number = $1 AND own.store = placed.store
    JOIN closing_span AS others ON others.number = $1 AND others.store = ''
    WHERE closing.number = $1
      AND CASE WHEN own.number IS NULL THEN placed_at >= others.begins AND placed_at < others.ends
               ELSE placed_at >= own.begins AND placed_at < own.ends END
      AND order_id NOT IN (SELECT closing_late.order_id FROM closing_late WHERE number = $1)
), by_line AS (
    SELECT store, drink, sum(counted) AS orders, sum(quantity) AS pieces, sum(amount) AS takings,
           sum(CASE WHEN (quantity > 0 AND voids IS NULL) OR (quantity < 0 AND voids IS NOT NULL)
                    THEN amount ELSE 0 END) AS sold,
           sum(CASE WHEN voids IS NULL THEN 0 ELSE 1 END) AS voids,
           -sum(CASE WHEN voids IS NULL THEN 0 ELSE amount END) AS voided,
           sum(CASE WHEN receipt IS NULL THEN 0 ELSE counted END) AS orders_with_receipt,
           sum(CASE WHEN receipt IS NULL THEN 0 ELSE amount END) AS takings_with_receipt
    FROM seen GROUP BY store, drink
), by_store AS (
    SELECT store, CASE WHEN bool_or(receipt IS NOT NULL) THEN (
               SELECT count(*) FROM (
                   SELECT DISTINCT sale.source, sale.receipt FROM seen AS sale
                   WHERE sale.store = seen.store AND sale.receipt IS NOT NULL
                     AND sale.quantity > 0 AND sale.voids IS NULL
                     AND sale.order_id NOT IN (SELECT voids FROM seen WHERE voids IS NOT NULL)
               ) AS standing
           ) END AS receipts
    FROM seen GROUP BY store
)
SELECT (
    SELECT count(*) FROM by_line FULL JOIN (SELECT * FROM closing_line WHERE number = $1) AS kept USING (store, drink)
    WHERE (kept.orders, kept.pieces, kept.takings, kept.sold, kept.voids, kept.voided, kept.orders_with_receipt,
           kept.takings_with_receipt)
        IS DISTINCT FROM (by_line.orders, by_line.pieces, by_line.takings, by_line.sold, by_line.voids,
                          by_line.voided, by_line.orders_with_receipt, by_line.takings_with_receipt)
) + (
    SELECT count(*) FROM by_store FULL JOIN (SELECT * FROM closing_store WHERE number = $1) AS kept USING (store)
    WHERE (kept.store, kept.receipts) IS DISTINCT FROM (by_store.store, by_store.receipts)
)
