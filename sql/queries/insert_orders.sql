-- Stores one batch of orders: a key that exists already is left as it is. Tells only how many were new
-- and by which transaction, since almost always all are; find_orders tells the rest.
-- $1 order_id uuid[] (sorted: overlapping batches in another order deadlock), $2 placed_at timestamptz[],
-- $3 received_at timestamptz[], $4 quantity int[], $5 price_cents int[], $6 store text[],
-- $7 drink text[], $8 voids uuid[]; each array as its text, which is cheaper for the driver to make.
WITH stored AS (
    INSERT INTO orders
        (order_id, placed_at, received_at, quantity, price_cents, store, drink, voids)
    SELECT * FROM unnest(
        $1::text::uuid[], $2::text::timestamptz[], $3::text::timestamptz[], $4::text::integer[],
        $5::text::integer[], $6::text::text[], $7::text::text[], $8::text::uuid[]
    )
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT pg_current_xact_id() AS xid, count(*) AS new FROM stored
