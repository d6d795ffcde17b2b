-- The receipts of each store of closings as they are now, NULL if no order has the number of one. $1 numbers.
WITH about AS (
    SELECT number, min(begins) AS first, max(ends) AS last FROM closing_span
    WHERE number = ANY ($1::bigint[]) GROUP BY number
), placed AS MATERIALIZED (
    SELECT about.number, placed.store, order_id, coalesce(source, '') AS source, receipt, voids, quantity
    FROM about
    JOIN closing_span AS others ON others.number = about.number AND others.store = ''
    CROSS JOIN LATERAL (
        SELECT * FROM orders
        WHERE placed_at >= first AND placed_at < last AND is_countable(placed_at, orders.store, drink)
    ) AS placed
    LEFT JOIN closing_span AS own ON own.number = about.number AND own.store = placed.store
    WHERE placed_at >= coalesce(own.begins, others.begins) AND placed_at < coalesce(own.ends, others.ends)
), receipt AS (
    SELECT DISTINCT number, store, source, receipt FROM placed
    WHERE receipt IS NOT NULL AND voids IS NULL AND quantity > 0
      AND NOT EXISTS (
          SELECT FROM placed AS void WHERE void.number = placed.number AND void.voids = placed.order_id
      )
), counted AS (
    SELECT number, store, count(*) AS receipts FROM receipt GROUP BY number, store
)
SELECT number, store, CASE WHEN numbered > 0 THEN coalesce(receipts, 0) END AS receipts
FROM (SELECT number, store, count(receipt) AS numbered FROM placed GROUP BY number, store) AS sold
LEFT JOIN counted USING (number, store)
