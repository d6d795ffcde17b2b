-- When sales were made in each minute, for windows of any size: the first and the last sale that was not
-- voided, and how many there are. For as long as minutes are kept.

CREATE TABLE activity (
    store    text NOT NULL,
    minute   timestamptz NOT NULL,
    -- The till or channel; '' for sales without one, and for those of a store's sources beyond the first 200.
    source   text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    orders   bigint NOT NULL CHECK (orders > 0),
    -- first_at or last_at is that of a sale that was voided, until a pass has read the minute again.
    stale    boolean NOT NULL DEFAULT false,
    -- In the order in which windows are read.
    PRIMARY KEY (store, minute, source)
) WITH (fillfactor = 70);
-- For the end of their retention, and for the next pass.
CREATE INDEX activity_minute ON activity (minute);
CREATE INDEX activity_stale ON activity (minute) WHERE stale;

-- The sources that have rows of their own: the first 200 of a store, for good.
CREATE TABLE activity_source (
    store  text NOT NULL,
    source text NOT NULL,
    PRIMARY KEY (store, source)
);

-- Whether an order is a sale; what voids a refund is none.
CREATE FUNCTION is_sale(quantity integer, voids uuid) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN voids IS NULL AND quantity > 0;

-- The orders that passes have counted already. Of more than 200 sources of a store, those with the most sales
-- have rows of their own.
INSERT INTO activity_source (store, source)
SELECT store, source
FROM (
    SELECT store, source, row_number() OVER (PARTITION BY store ORDER BY count(*) DESC, source) AS place
    FROM orders CROSS JOIN aggregator_state
    WHERE placed_at >= minutes_from AND source IS NOT NULL AND is_sale(quantity, voids)
      AND pg_visible_in_snapshot(xid, watermark) AND is_countable(placed_at, store, drink)
    GROUP BY store, source
) AS ranked
WHERE place <= 200;
INSERT INTO activity (store, minute, source, first_at, last_at, orders)
SELECT sale.store, date_bin('1 minute', sale.placed_at, '2000-01-01 00:00+00'),
       coalesce(named.source, ''), min(sale.placed_at), max(sale.placed_at), count(*)
FROM aggregator_state CROSS JOIN orders AS sale
LEFT JOIN activity_source AS named ON named.store = sale.store AND named.source = sale.source
LEFT JOIN orders AS void ON void.voids = sale.order_id AND pg_visible_in_snapshot(void.xid, watermark)
WHERE sale.placed_at >= minutes_from AND is_sale(sale.quantity, sale.voids)
  AND pg_visible_in_snapshot(sale.xid, watermark)
  AND is_countable(sale.placed_at, sale.store, sale.drink)
  AND void.order_id IS NULL
GROUP BY 1, 2, 3;
