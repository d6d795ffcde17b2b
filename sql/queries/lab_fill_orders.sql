-- Stores made-up orders for the lab, evenly over the time before now, oldest first.
-- $1 how many, $2 over how many seconds.
INSERT INTO orders (order_id, placed_at, received_at, quantity, price_cents, store, drink)
SELECT uuidv7(), moment, moment, 1 + number % 3, 450,
       (ARRAY['uptown', 'downtown', 'central', 'southend'])[1 + number % 4],
       (ARRAY['cappuccino', 'americano', 'latte', 'espresso',
              'flat-white', 'mocha', 'cortado', 'tea'])[1 + number * 7 % 31 % 8]
FROM generate_series(1, $1::integer) AS number,
     LATERAL (SELECT statement_timestamp()
              - make_interval(secs => $2::float8 * ($1 - number) / $1) AS moment) AS placed
