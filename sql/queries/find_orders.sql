-- Reads orders by key: what a repeated key already stands for, what an interrupted commit left. The
-- transaction tells whether it was the asking batch that stored them.
-- $1 order_id uuid[]
SELECT xid, order_id, store, drink, quantity, price_cents, placed_at, received_at, voids
FROM orders
WHERE order_id = ANY ($1::uuid[])
