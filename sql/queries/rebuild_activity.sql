-- Compares the activity with the sales that the watermark sees, and notes in the table activity_correction
-- what each minute that differs should be; orders NULL if it should not be there. Passes go on meanwhile.
-- $1 watermark, or NULL for that of the last pass; it is returned.
WITH seen AS MATERIALIZED (
    SELECT coalesce($1::text::pg_snapshot, watermark) AS watermark, minutes_from FROM aggregator_state
), expected AS (
    SELECT sale.store, date_bin('1 minute', sale.placed_at, '2000-01-01 00:00+00') AS minute,
           coalesce(named.source, '') AS source,
           min(sale.placed_at) AS first_at, max(sale.placed_at) AS last_at, count(*) AS orders
    FROM seen CROSS JOIN orders AS sale
    LEFT JOIN activity_source AS named ON named.store = sale.store AND named.source = sale.source
    LEFT JOIN orders AS void ON void.voids = sale.order_id AND pg_visible_in_snapshot(void.xid, watermark)
    WHERE sale.placed_at >= minutes_from AND is_sale(sale.quantity, sale.voids)
      AND pg_visible_in_snapshot(sale.xid, watermark)
      AND is_countable(sale.placed_at, sale.store, sale.drink)
      AND void.order_id IS NULL
    GROUP BY 1, 2, 3
), noted AS (
    INSERT INTO activity_correction (store, minute, source, first_at, last_at, orders)
    SELECT store, minute, source, expected.first_at, expected.last_at, expected.orders
    FROM expected FULL JOIN activity AS kept USING (store, minute, source)
    WHERE stale IS DISTINCT FROM false OR (kept.first_at, kept.last_at, kept.orders)
        IS DISTINCT FROM (expected.first_at, expected.last_at, expected.orders)
)
SELECT watermark::text FROM seen
