-- Days whose orders have been read once, so that a verification can do without reading them.

-- A day of UTC. A pass that counts an order of the day deletes the row. A row is entered under the lock of
-- the state row and filled later without it; until then it is no seal.
CREATE TABLE sealed_day (
    date          date PRIMARY KEY,
    sealed_at     timestamptz,
    -- What its orders add up to; `rows` counts refunds and voids too.
    rows          bigint,
    orders        bigint,
    quantity      bigint,
    revenue_cents bigint,
    -- Sums of order_hash, and of cell_hash of the cells that these orders make.
    orders_hash   numeric,
    quarters_hash numeric,
    minutes_hash  numeric
);

-- 64 bits of what an order is; not of its xid, which is not the same in a restored dump. If orders get
-- another column, change this and delete all rows of sealed_day. Sums of such numbers do not depend on an
-- order of rows, so nothing is sorted.
CREATE FUNCTION order_hash(placed orders) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hash_record_extended(ROW(
        placed.order_id, placed.placed_at, placed.received_at, placed.quantity, placed.price_cents, placed.store,
        placed.drink, placed.voids, placed.amount, placed.source, placed.receipt, placed.import_id), 0)
$$;
CREATE FUNCTION cell_hash(
    bucket timestamptz, store text, drink text, orders bigint, quantity bigint, revenue_cents bigint
) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hash_record_extended(ROW(bucket, store, drink, orders, quantity, revenue_cents), 0)
$$;
