-- Stores one batch of orders: a key that exists already is left as it is. Returns only how many were
-- new and by which transaction, since almost always all are; find_orders returns the rest.
-- $1 order_id uuid[] (sorted: overlapping batches in another order deadlock), $2 placed_at timestamptz[],
-- $3 received_at timestamptz[], $4 quantity int[], $5 price_cents int[], $6 store text[],
-- $7 drink text[], $8 voids uuid[], $9 amount bigint[], $10 source text[], $11 receipt text[]; each array
-- as its text, which is cheaper for the driver to make. A moment that all orders share is given once, and
-- $8 to $11 may be empty: reading them is dear. That shorter arrays are filled up with NULL is what several
-- unnest in one SELECT do; in FROM they would also be kept in between.
-- A key that an open transaction holds fails the statement soon, so that the batch can be split. The
-- setting ends with the transaction, and PostgreSQL has locked the table before: that is waited for. So does
-- the other: the commit waits for the disk also behind a pooler, where no session keeps a setting.
-- A transaction that stored nothing has nothing to wait for, and would commit although the orders that it
-- met still wait for their synchronous standby: that is visible after a crash. A message in the log makes
-- it wait until everything before it is there (docs/decisions/0030-visible-is-not-replicated.md).
WITH stored AS (
    INSERT INTO orders
        (order_id, placed_at, received_at, quantity, price_cents, store, drink, voids, amount, source,
         receipt)
    SELECT order_id,
           coalesce(placed_at, (SELECT ($2::text::timestamptz[])[1])),
           coalesce(received_at, (SELECT ($3::text::timestamptz[])[1])),
           quantity, price_cents, store, drink, voids, amount, source, receipt
    FROM (
        SELECT unnest($1::text::uuid[]) AS order_id,
               unnest($2::text::timestamptz[]) AS placed_at,
               unnest($3::text::timestamptz[]) AS received_at,
               unnest($4::text::integer[]) AS quantity,
               unnest($5::text::integer[]) AS price_cents,
               unnest($6::text::text[]) AS store,
               unnest($7::text::text[]) AS drink,
               unnest($8::text::uuid[]) AS voids,
               unnest($9::text::bigint[]) AS amount,
               unnest($10::text::text[]) AS source,
               unnest($11::text::text[]) AS receipt
        WHERE set_config('lock_timeout', '50ms', true) IS NOT NULL
          AND set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                  WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true) IS NOT NULL
    ) AS given
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT pg_current_xact_id() AS xid, new,
       CASE WHEN new = 0 THEN pg_logical_emit_message(true, 'coffeert', '') END AS barrier
FROM (SELECT count(*) AS new FROM stored) AS counted
