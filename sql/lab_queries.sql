-- The queries that only the lab uses.

-- name: lab_fill_orders
-- Stores made-up orders for the lab, evenly over the time before now, oldest first.
-- $1 how many, $2 over how many seconds.
INSERT INTO orders (order_id, placed_at, received_at, quantity, price_cents, store, drink)
SELECT
       -- A UUIDv7 (RFC 9562, 5.7) of that moment; PostgreSQL has uuidv7() from 18 on only.
       overlay(replace(gen_random_uuid()::text, '-', '') PLACING
           lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7' FROM 1)::uuid,
       moment, moment, 1 + number % 3, 450,
       (ARRAY['uptown', 'downtown', 'central', 'southend'])[1 + number % 4],
       (ARRAY['cappuccino', 'americano', 'latte', 'espresso',
              'flat-white', 'mocha', 'cortado', 'tea'])[1 + number * 7 % 31 % 8]
FROM generate_series(1, $1::integer) AS number,
     LATERAL (SELECT statement_timestamp()
              - make_interval(secs => $2::float8 * ($1 - number) / $1) AS moment) AS placed

-- name: lab_count_ids
-- How many of these orders are stored. $1 order_id uuid[].
SELECT count(*) FROM orders WHERE order_id = ANY ($1::uuid[])

-- name: lab_naive_aggregation
-- What an aggregator without a watermark computes each time: every order of the last 30 days.
SELECT count(*) FROM (
    SELECT date_bin('1 hour', placed_at, '2000-01-01 00:00+00'), store, drink,
           sum(sign(quantity)), sum(quantity), sum(quantity::bigint * price_cents)
    FROM orders WHERE placed_at >= statement_timestamp() - interval '30 days'
    GROUP BY 1, 2, 3
) AS cells

-- name: lab_waits
-- What the active backends of this database are waiting for; 'CPU' if for nothing.
SELECT coalesce(wait_event_type || ':' || wait_event, 'CPU') AS event
FROM pg_stat_activity
WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()

-- name: lab_pieces_by_minute
-- The pieces that the rollup of minutes has, by minute, in Unix seconds.
SELECT extract(epoch FROM bucket)::bigint AS minute, sum(quantity)::bigint AS quantity
FROM rollup_minute
GROUP BY bucket

-- name: lab_rollup_orders
-- The orders in all cells of each grain.
SELECT (SELECT coalesce(sum(orders), 0)::bigint FROM rollup_minute) AS minutes,
       (SELECT coalesce(sum(orders), 0)::bigint FROM rollup_quarter) AS quarters,
       (SELECT coalesce(sum(orders), 0)::bigint FROM rollup_day) AS days

-- name: lab_publish_orders
-- Lets the orders be decoded.
DROP PUBLICATION IF EXISTS coffeert_lab;
CREATE PUBLICATION coffeert_lab FOR TABLE orders
