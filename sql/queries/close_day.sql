-- Closes a business day: its number is the next one, and its figures are those of the orders that this very
-- statement's snapshot sees, which it keeps. It must stay one statement, and runs under the lock of
-- lock_closings. $1 date, $2 the number of the closing that it corrects, NULL for the first one of the day.
WITH span AS MATERIALIZED (
    SELECT store, begins, ends FROM day_spans($1)
), made AS (
    INSERT INTO closing (number, date, corrects, currency, watermark, system_identifier)
    SELECT coalesce(max(number), 0) + 1, $1, $2, (SELECT currency FROM installation), pg_current_snapshot(),
           (SELECT system_identifier FROM pg_control_system())
    FROM closing
    RETURNING number
), placed AS MATERIALIZED (
    SELECT orders.order_id, orders.store, drink, coalesce(source, '') AS source, receipt, placed_at, quantity,
           voids, order_count(quantity, voids) AS orders,
           order_amount(quantity, price_cents, amount) AS amount
    FROM orders
    CROSS JOIN (SELECT begins, ends FROM span WHERE store = '') AS others
    LEFT JOIN span AS own ON own.store = orders.store
    WHERE placed_at >= (SELECT min(begins) FROM span) AND placed_at < (SELECT max(ends) FROM span)
      AND placed_at >= coalesce(own.begins, others.begins) AND placed_at < coalesce(own.ends, others.ends)
      AND is_countable(placed_at, orders.store, drink)
), standing AS MATERIALIZED (
    SELECT store, source, receipt, placed_at FROM placed
    WHERE voids IS NULL AND quantity > 0
      AND NOT EXISTS (SELECT FROM placed AS void WHERE void.voids = placed.order_id)
), in_span AS (
    INSERT INTO closing_span (number, store, begins, ends)
    SELECT number, store, begins, ends FROM made CROSS JOIN span
), in_store AS (
    INSERT INTO closing_store (number, store, receipts, first_sale, last_sale)
    SELECT number, store, CASE WHEN numbered > 0 THEN coalesce(receipts, 0) END, first_sale, last_sale
    FROM made
    CROSS JOIN (SELECT store, count(receipt) AS numbered FROM placed GROUP BY store) AS sold
    LEFT JOIN (
        SELECT store, count(DISTINCT (source, receipt)) FILTER (WHERE receipt IS NOT NULL) AS receipts,
               min(placed_at) AS first_sale, max(placed_at) AS last_sale
        FROM standing GROUP BY store
    ) AS stood USING (store)
), in_line AS (
    INSERT INTO closing_line (number, store, drink, orders, pieces, takings, sold, voids, voided,
                              orders_with_receipt, takings_with_receipt)
    SELECT number, store, drink, sum(orders), sum(quantity), sum(amount),
           coalesce(sum(amount) FILTER (WHERE (voids IS NULL) = (quantity > 0)), 0), count(voids),
           coalesce(-sum(amount) FILTER (WHERE voids IS NOT NULL), 0),
           coalesce(sum(orders) FILTER (WHERE receipt IS NOT NULL), 0),
           coalesce(sum(amount) FILTER (WHERE receipt IS NOT NULL), 0)
    FROM made CROSS JOIN placed
    GROUP BY number, store, drink
)
SELECT number FROM made
