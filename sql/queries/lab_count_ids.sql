-- How many of these orders are stored. $1 order_id uuid[].
SELECT count(*) FROM orders WHERE order_id = ANY ($1::uuid[])
