-- Reads orders by key: what a repeated key already stands for, and what an interrupted commit left.
-- $1 order_id uuid[]
SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids
FROM orders
WHERE order_id = ANY ($1::uuid[])
