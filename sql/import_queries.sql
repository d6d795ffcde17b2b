-- The queries of `coffeert import` and `coffeert imports`. What a file says is copied into temporary tables,
-- so that PostgreSQL sorts and compares it, on disk if need be, and the command's memory stays small.

-- name: lock_imports
-- One command that imports or takes back at a time, for as long as its session lasts: what a preview has
-- compared stays true until it is stored. False if another session has the lock. $1 key.
SELECT pg_try_advisory_lock($1)

-- name: import_settings
-- For this session: files are sorted in fewer passes. An order whose key an open transaction holds is
-- not waited for without end.
SELECT set_config('work_mem', '64MB', false), set_config('lock_timeout', '10s', false)

-- name: create_staging
-- The rows of one file. `n` is the place of a row among those that can be stored; a line may hold several.
-- price_cents NULL: the list price. total NULL: quantity times price.
DROP TABLE IF EXISTS pg_temp.import_row, pg_temp.import_key, pg_temp.import_fate, pg_temp.import_left_out,
    pg_temp.import_drink, pg_temp.import_day, pg_temp.import_store, pg_temp.import_calendar;
CREATE TEMP TABLE import_row (
    n            bigint NOT NULL,
    line         bigint NOT NULL,
    store        text COLLATE "C" NOT NULL,
    drink        text COLLATE "C" NOT NULL,
    quantity     integer NOT NULL,
    price_cents  integer,
    total        bigint,
    placed_at    timestamptz NOT NULL,
    receipt      text COLLATE "C",
    receipt_line text COLLATE "C",
    own_id       uuid
);
-- What each row's order will be called.
CREATE TEMP TABLE import_key (
    n        bigint NOT NULL,
    order_id uuid NOT NULL
);
-- Rows that are not to be stored, and the order that stands against each.
CREATE TEMP TABLE import_fate (
    n         bigint PRIMARY KEY,
    fate      text NOT NULL,
    order_id  uuid,
    import_id bigint,
    -- The line that has the same order id.
    line      bigint
);
CREATE INDEX ON import_fate (order_id);
-- Lines that are no sale, or that must be corrected first.
CREATE TEMP TABLE import_left_out (
    line     bigint NOT NULL,
    rejected boolean NOT NULL,
    reasons  text[] NOT NULL
);
-- List prices of the drinks that the file names.
CREATE TEMP TABLE import_drink (
    code        text PRIMARY KEY COLLATE "C",
    price_cents integer
);
-- New stores that will have a calendar of their own, and its days.
CREATE TEMP TABLE import_store (
    code text PRIMARY KEY COLLATE "C"
);
CREATE TEMP TABLE import_calendar (
    date   date,
    begins timestamptz,
    PRIMARY KEY (begins, date)
);
CREATE TEMP TABLE import_day (
    date     date,
    store    text COLLATE "C",
    orders   bigint,
    refunds  bigint,
    quantity bigint,
    amount   bigint
)

-- name: index_staging
-- After the rows: an index that exists before would slow them down.
ALTER TABLE import_row ADD PRIMARY KEY (n);
ANALYZE import_row

-- name: staged_names
-- The stores and drinks of the rows, with the unit price that is the most frequent of each drink.
SELECT 'store' AS kind, store AS code, NULL::integer AS price_cents, count(*) AS rows
FROM import_row GROUP BY store
UNION ALL
SELECT 'drink', drink, mode() WITHIN GROUP (ORDER BY abs(price_cents)), count(*)
FROM import_row GROUP BY drink

-- name: staged_range
-- How many rows there are, between which times, and whether some have order ids or receipts of their own.
SELECT count(*) AS rows, min(placed_at) AS first_at, max(placed_at) AS last_at,
       count(own_id) > 0 AS own_ids, count(receipt) > 0 AS receipts
FROM import_row

-- name: clear_keys
-- Before keys are derived again, for another source.
TRUNCATE import_key, import_fate;
ALTER TABLE import_key DROP CONSTRAINT IF EXISTS import_key_pkey;
DROP INDEX IF EXISTS pg_temp.import_key_order_id

-- name: derive_keys
-- Names each row: by its own id, or by its content within the source, receipt included. Equal rows are
-- different sales, told apart by their number. $1 source.
INSERT INTO import_key (n, order_id)
SELECT n, coalesce(own_id, import_order_id(placed_at, concat_ws(
    E'\x1f', $1::text, extract(epoch FROM placed_at)::text, store, drink, quantity::text,
    coalesce(amount::text, ''), coalesce(receipt, ''), coalesce(receipt_line, ''), occurrence::text)))
FROM (
    SELECT n, own_id, placed_at, store, drink, quantity, amount, receipt, receipt_line,
           row_number() OVER (
               PARTITION BY placed_at, store, drink, quantity, amount, receipt, receipt_line ORDER BY n
           ) AS occurrence
    FROM (
        SELECT n, own_id, placed_at, store, drink, quantity, receipt, receipt_line,
               order_amount(quantity, price_cents, total) AS amount
        FROM import_row
    ) AS said
) AS numbered
ORDER BY n

-- name: index_keys
-- After the keys, as index_staging. Keys are looked for from both sides, whatever the planner believes of
-- the table of orders, which may never have been analyzed.
ALTER TABLE import_key ADD PRIMARY KEY (n);
CREATE INDEX import_key_order_id ON import_key (order_id);
ANALYZE import_key

-- name: join_by_hash
-- For this transaction: where no index helps, a plan made of wrong statistics would compare all with all.
SELECT set_config('enable_nestloop', 'off', true)

-- name: rename_undone
-- Gives rows another key whose order was voided when an import was taken back, so that they are stored
-- again. To be repeated until nothing changes: a file may have been taken back several times. A void by hand
-- has no import.
UPDATE import_key SET order_id = import_order_id(import_row.placed_at, import_key.order_id::text)
FROM import_row, orders AS void
WHERE import_row.n = import_key.n
  AND void.voids = import_key.order_id AND void.import_id IS NOT NULL

-- name: find_repeated_ids
-- Rows that have the order id of an earlier row: the same order again, or another one under its id.
INSERT INTO import_fate (n, fate, line)
SELECT n, CASE WHEN (store, drink, quantity, amount, placed_at) IS NOT DISTINCT FROM first
               THEN 'repeated' ELSE 'id taken' END, first_line
FROM (
    SELECT n, store, drink, quantity, order_amount(quantity, price_cents, total) AS amount, placed_at,
           row_number() OVER same_id AS number, first_value(line) OVER same_id AS first_line,
           first_value((store, drink, quantity, order_amount(quantity, price_cents, total), placed_at))
               OVER same_id AS first
    FROM import_row WHERE own_id IS NOT NULL
    WINDOW same_id AS (PARTITION BY own_id ORDER BY n)
) AS numbered
WHERE number > 1

-- name: find_stored
-- Rows whose key is in the table already. $1 the import that this file goes on with, or 0.
INSERT INTO import_fate (n, fate, order_id, import_id)
SELECT given.n,
       CASE
           WHEN orders.voids IS NOT NULL
               OR (given.placed_at, given.store, given.drink, given.quantity)
                   IS DISTINCT FROM (orders.placed_at, orders.store, orders.drink, orders.quantity)
               OR order_amount(given.quantity, given.price_cents, given.total)
                   <> order_amount(orders.quantity, orders.price_cents, orders.amount)
           THEN 'id taken'
           WHEN orders.import_id = $1 OR orders.import_id IS NULL OR given.own_id IS NOT NULL
           THEN 'stored'
           -- Its import was taken back, so it had been voided by hand before.
           WHEN import.undone_at IS NOT NULL THEN 'voided'
           ELSE 'equal'
       END, orders.order_id, orders.import_id
FROM import_key JOIN orders USING (order_id) JOIN import_row AS given ON given.n = import_key.n
LEFT JOIN import ON import.id = orders.import_id
WHERE NOT EXISTS (SELECT FROM import_fate WHERE import_fate.n = given.n)

-- name: count_unread
-- How many orders of an import are none of the rows: read with other options, a file gives other orders.
-- $1 import.
SELECT count(*) FROM orders
WHERE import_id = $1 AND voids IS NULL
  AND NOT EXISTS (SELECT FROM import_key WHERE import_key.order_id = orders.order_id)

-- name: find_candidates
-- Other imports that rows may be equal to. Two sources that are both named are different tills; ids of their
-- own tell rows apart. $1 source, $2 own import or 0, $3 and $4 the first and last time, $5 own ids.
SELECT id, source = $1 AS same_source,
       source = $1 OR source = '' OR $1 = '' AS comparable
FROM import
WHERE undone_at IS NULL AND id <> $2 AND NOT (own_ids AND $5)
  AND first_at <= $4::timestamptz + interval '1 minute'
  AND last_at >= $3::timestamptz - interval '1 minute'

-- name: match_equal
-- Pairs rows with orders of other imports that have the same content, each at most once. $1 imports.
-- $2: with the same receipt or none; otherwise one side has a receipt and the other none. A spreadsheet program
-- takes 0017 for 17. $3: with the same time; otherwise with the same minute, if all times of the file are whole
-- minutes, or all of the import: a spreadsheet program cuts seconds off. Less than three may be so by chance.
WITH whole_file AS MATERIALIZED (
    SELECT bool_and(placed_at = date_trunc('minute', placed_at, 'UTC'))
           AND count(DISTINCT placed_at) >= 3 AS is_so
    FROM import_row WHERE NOT $3
), whole_import AS MATERIALIZED (
    SELECT import_id FROM orders WHERE NOT $3 AND import_id = ANY ($1::bigint[]) AND voids IS NULL
    GROUP BY import_id
    HAVING bool_and(placed_at = date_trunc('minute', placed_at, 'UTC'))
       AND count(DISTINCT placed_at) >= 3
), given AS (
    SELECT *, row_number() OVER (
               PARTITION BY moment, store, drink, quantity, amount, paper ORDER BY n
           ) AS number
    FROM (
        SELECT n, store, drink, quantity,
               CASE WHEN $3 THEN placed_at ELSE date_trunc('minute', placed_at, 'UTC') END AS moment,
               order_amount(quantity, coalesce(staged.price_cents, listed.price_cents), total) AS amount,
               CASE WHEN $2 THEN coalesce(ltrim(receipt, '0'), '') ELSE (receipt IS NULL)::text END AS paper
        FROM import_row AS staged LEFT JOIN import_drink AS listed ON code = drink
        WHERE NOT EXISTS (SELECT FROM import_fate WHERE import_fate.n = staged.n)
    ) AS unmatched
), stored AS (
    SELECT *, row_number() OVER (
               PARTITION BY moment, store, drink, quantity, amount, paper ORDER BY order_id
           ) AS number
    FROM (
        SELECT order_id, import_id, store, drink, quantity,
               CASE WHEN $3 THEN placed_at ELSE date_trunc('minute', placed_at, 'UTC') END AS moment,
               order_amount(quantity, price_cents, amount) AS amount,
               CASE WHEN $2 THEN coalesce(ltrim(receipt, '0'), '')
                    ELSE (receipt IS NOT NULL)::text END AS paper
        FROM orders
        WHERE import_id = ANY ($1::bigint[]) AND voids IS NULL
          AND placed_at >= (SELECT min(placed_at) FROM import_row) - interval '1 minute'
          AND placed_at <= (SELECT max(placed_at) FROM import_row) + interval '1 minute'
          AND ($3 OR (SELECT is_so FROM whole_file) OR import_id IN (SELECT import_id FROM whole_import))
          AND NOT EXISTS (SELECT FROM import_fate WHERE import_fate.order_id = orders.order_id)
    ) AS unmatched
)
INSERT INTO import_fate (n, fate, order_id, import_id)
SELECT n, 'equal', order_id, import_id
FROM given JOIN stored USING (moment, store, drink, quantity, amount, paper, number)

-- name: find_changed_receipts
-- Rows of a receipt that another import of the same source has stored with other lines. A receipt to
-- which lines were added is not one: all its orders are rows too. Tills begin to number again, so within half
-- a day only. $1 imports.
INSERT INTO import_fate (n, fate, order_id, import_id)
SELECT DISTINCT ON (given.n) given.n, 'receipt taken', orders.order_id, orders.import_id
FROM import_row AS given
JOIN orders ON ltrim(orders.receipt, '0') = ltrim(given.receipt, '0') AND orders.store = given.store
    AND orders.placed_at BETWEEN given.placed_at - interval '12 hours'
                             AND given.placed_at + interval '12 hours'
WHERE orders.import_id = ANY ($1::bigint[]) AND orders.voids IS NULL
  AND NOT EXISTS (SELECT FROM import_fate WHERE import_fate.n = given.n)
  AND NOT EXISTS (SELECT FROM import_fate WHERE import_fate.order_id = orders.order_id)
ORDER BY given.n, orders.order_id

-- name: count_fates
-- What becomes of the rows that are not stored, by the import that stands against them.
SELECT fate, import_id, count(*) AS rows, min(import_row.line) AS first_line
FROM import_fate JOIN import_row USING (n)
GROUP BY fate, import_id ORDER BY fate, import_id

-- name: release_equal
-- Rows that are another till's after all. $1 imports that they equal.
DELETE FROM import_fate WHERE fate = 'equal' AND import_id = ANY ($1::bigint[])

-- name: count_equal_elsewhere
-- How many rows equal sales of imports of other sources. $1 imports.
SELECT import_id, count(DISTINCT n) AS rows
FROM import_row AS given LEFT JOIN import_drink AS listed ON code = drink
JOIN orders USING (placed_at, store, drink, quantity)
WHERE import_id = ANY ($1::bigint[]) AND voids IS NULL
  AND order_amount(quantity, coalesce(given.price_cents, listed.price_cents), total)
      = order_amount(quantity, orders.price_cents, amount)
  AND NOT EXISTS (SELECT FROM import_fate WHERE import_fate.n = given.n)
GROUP BY import_id ORDER BY import_id

-- name: reject_conflicts
-- Hands the rows that contradict what is stored to those that must be corrected. $1 zone of the times.
INSERT INTO import_left_out (line, rejected, reasons)
SELECT import_row.line, true, ARRAY[
    CASE fate
        WHEN 'receipt taken' THEN format(
            'receipt %s is stored with other lines: %s x %s at %s, %s %s (import %s)', import_row.receipt,
            orders.quantity, orders.drink, orders.store, orders.placed_at AT TIME ZONE $1::text, $1::text,
            orders.import_id)
        ELSE CASE WHEN order_id IS NULL
            THEN format('line %s has the same order id and other values', import_fate.line)
            ELSE format(
                'the order id is stored with other values: %s x %s at %s, %s %s', orders.quantity,
                orders.drink, orders.store, orders.placed_at AT TIME ZONE $1::text, $1::text)
            END
    END]
FROM import_fate JOIN import_row USING (n) LEFT JOIN orders USING (order_id)
WHERE fate IN ('receipt taken', 'id taken')

-- name: left_out_reasons
-- Why lines are left out: each reason with its number of lines and the first three. $1 rejected,
-- $2 how many reasons at most, the most frequent first.
SELECT reason, count(*) AS lines, (array_agg(line ORDER BY line))[1:3] AS first_lines
FROM import_left_out, unnest(reasons) AS reason
WHERE rejected = $1
GROUP BY reason ORDER BY count(*) DESC, min(line) LIMIT $2

-- name: left_out_counts
-- How many lines are rejected, and how many are no sale.
SELECT count(DISTINCT line) FILTER (WHERE rejected) AS rejected,
       count(DISTINCT line) FILTER (WHERE NOT rejected) AS skipped
FROM import_left_out

-- name: rejected_lines
-- The lines to be corrected, in the order of the file.
SELECT line, array_agg(DISTINCT reason ORDER BY reason) AS reasons
FROM import_left_out, unnest(reasons) AS reason
WHERE rejected GROUP BY line ORDER BY line

-- name: set_import_calendar
-- The new stores that will have a calendar of their own. $1 codes.
INSERT INTO import_store (code) SELECT unnest($1::text[])

-- name: fill_import_calendar
-- The days of that calendar. $1 zone.
INSERT INTO import_calendar (date, begins) SELECT date, begins FROM calendar_days($1, 0::smallint)

-- name: sum_import_days
-- Sums what would be stored by business day and store. Most stores share a calendar, so each of its
-- quarters is looked up once. Calendar 0 is the one that new stores will have.
WITH quarter AS MATERIALIZED (
    SELECT date_bin('15 minutes', placed_at, '2000-01-01 00:00+00') AS bucket, store,
           sum((quantity > 0)::integer) AS orders, sum((quantity < 0)::integer) AS refunds,
           sum(quantity) AS quantity,
           sum(order_amount(quantity, coalesce(staged.price_cents, listed.price_cents), total)) AS amount
    FROM import_row AS staged LEFT JOIN import_drink AS listed ON code = drink
    WHERE NOT EXISTS (SELECT FROM import_fate WHERE import_fate.n = staged.n)
    GROUP BY 1, 2
), placed AS MATERIALIZED (
    SELECT quarter.*, CASE WHEN import_store.code IS NULL THEN coalesce(calendar, 1::smallint)
                      ELSE 0::smallint END AS calendar
    FROM quarter LEFT JOIN menu_store ON menu_store.code = store
    LEFT JOIN import_store ON import_store.code = store
), dated AS MATERIALIZED (
    SELECT bucket, calendar, CASE WHEN calendar > 0 THEN business_day(calendar, bucket) ELSE (
        SELECT date FROM import_calendar WHERE begins <= bucket ORDER BY begins DESC, date DESC LIMIT 1
    ) END AS date
    FROM (SELECT DISTINCT bucket, calendar FROM placed) AS used
)
INSERT INTO import_day (date, store, orders, refunds, quantity, amount)
SELECT date, store, sum(orders), sum(refunds), sum(quantity), sum(amount)
FROM placed JOIN dated USING (bucket, calendar)
GROUP BY date, store

-- name: import_days
-- Sums by day.
SELECT date, sum(orders)::bigint AS orders, sum(refunds)::bigint AS refunds,
       sum(quantity)::bigint AS quantity, sum(amount)::bigint AS amount
FROM import_day GROUP BY date ORDER BY date

-- name: staged_amount
-- What all rows of the file cost, also those that are not to be stored.
SELECT coalesce(sum(order_amount(quantity, coalesce(staged.price_cents, listed.price_cents), total)), 0)::bigint
FROM import_row AS staged LEFT JOIN import_drink AS listed ON code = drink

-- name: import_stores
-- Sums by store.
SELECT store, sum(orders)::bigint AS orders, sum(refunds)::bigint AS refunds,
       sum(quantity)::bigint AS quantity,
       sum(amount)::bigint AS amount
FROM import_day GROUP BY store ORDER BY store

-- name: import_examples
-- The first rows as they would be stored. $1 how many.
SELECT line, store, drink, quantity, coalesce(staged.price_cents, listed.price_cents) AS price_cents,
       order_amount(quantity, coalesce(staged.price_cents, listed.price_cents), total) AS amount, placed_at,
       receipt
FROM import_row AS staged LEFT JOIN import_drink AS listed ON code = drink
WHERE NOT EXISTS (SELECT FROM import_fate WHERE import_fate.n = staged.n)
ORDER BY n LIMIT $1

-- name: has_orders
-- Whether any order is stored, so that the currency cannot be set without a word.
SELECT EXISTS (SELECT FROM orders)

-- name: find_import
-- The import that a file goes on with. $1 digest, $2 source.
SELECT * FROM import WHERE digest = $1 AND source = $2 AND undone_at IS NULL

-- name: half_undone
-- An import that is being taken back, since that was interrupted.
SELECT id FROM import WHERE undoing_at IS NOT NULL AND undone_at IS NULL ORDER BY id LIMIT 1

-- name: begin_import
-- Enters a file before its first order. $1 file, $2 digest, $3 source, $4 same, $5 own ids, $6 arguments,
-- $7 rejected, $8 skipped.
INSERT INTO import (file, digest, source, same, own_ids, arguments, rejected, skipped)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id

-- name: resume_import
-- Goes on with an import, as its first command has not ended, or to store what has been corrected since.
-- $1 import, $2 same, $3 arguments, $4 rejected, $5 skipped.
UPDATE import SET finished_at = NULL, same = $2, arguments = $3, rejected = $4, skipped = $5 WHERE id = $1

-- name: finish_import
-- Notes that everything is stored. $1 import.
UPDATE import SET finished_at = clock_timestamp() WHERE id = $1

-- name: load_chunk
-- Stores the rows from $1 to before $2, for import $3 and source $4, sorted by key, as insert_orders does.
-- The import's own row changes with each, so that the commit waits for the standbys.
WITH stored AS (
    INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink, amount, source, receipt,
                        import_id)
    SELECT order_id, placed_at, quantity, coalesce(staged.price_cents, listed.price_cents), store, drink,
           total, nullif($4, ''), receipt, $3
    FROM import_row AS staged JOIN import_key USING (n) LEFT JOIN import_drink AS listed ON code = drink
    WHERE n >= $1 AND n < $2 AND NOT EXISTS (SELECT FROM import_fate WHERE import_fate.n = staged.n)
    ORDER BY order_id
    ON CONFLICT DO NOTHING
    RETURNING order_amount(quantity, price_cents, amount) AS amount, placed_at
)
UPDATE import SET orders = import.orders + added.orders, amount = import.amount + added.amount,
                  first_at = least(import.first_at, added.first_at),
                  last_at = greatest(import.last_at, added.last_at)
FROM (
    SELECT count(*) AS orders, coalesce(sum(amount), 0)::bigint AS amount, min(placed_at) AS first_at,
           max(placed_at) AS last_at
    FROM stored
) AS added
WHERE id = $3
RETURNING added.orders, pg_current_xact_id()::text::bigint AS xid

-- name: is_counted
-- Whether a pass has counted a transaction, and whether a leader is at work. $1 transaction.
SELECT pg_visible_in_snapshot($1::text::xid8, watermark) AS counted, lead_until > clock_timestamp() AS led
FROM aggregator_state

-- name: list_imports
-- All imports, the last one first.
SELECT * FROM import ORDER BY id DESC

-- name: show_import
-- One import. $1 import.
SELECT * FROM import WHERE id = $1

-- name: imported_stores
-- What an import has stored, by store, and how much of it is void. $1 import.
SELECT store, count(*) FILTER (WHERE quantity > 0) AS orders, count(*) FILTER (WHERE quantity < 0) AS refunds,
       sum(quantity)::bigint AS quantity,
       sum(order_amount(quantity, price_cents, amount))::bigint AS amount,
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM orders AS void WHERE void.voids = orders.order_id
       )) AS voided
FROM orders WHERE import_id = $1 AND voids IS NULL GROUP BY store ORDER BY store

-- name: import_zones
-- The zone in which days begin at the store of each import's first sale.
SELECT import.id, zone
FROM import CROSS JOIN LATERAL (
    SELECT store FROM orders WHERE placed_at = first_at AND import_id = import.id LIMIT 1
) AS first
LEFT JOIN menu_store ON code = store
JOIN calendar ON calendar.id = coalesce(menu_store.calendar, 1)

-- name: begin_undo
-- Notes that an import is being taken back, before the first void. $1 import.
UPDATE import SET undoing_at = coalesce(undoing_at, clock_timestamp()) WHERE id = $1

-- name: create_undo
-- For the orders of an import that are not voided yet.
DROP TABLE IF EXISTS pg_temp.undo_order;
CREATE TEMP TABLE undo_order (order_id uuid NOT NULL)

-- name: find_undo
-- Fills undo_order. $1 import.
INSERT INTO undo_order (order_id)
SELECT order_id FROM orders
WHERE import_id = $1 AND voids IS NULL
  AND NOT EXISTS (SELECT FROM orders AS void WHERE void.voids = orders.order_id)
ORDER BY order_id

-- name: take_undo
-- Takes the next orders to be voided out of undo_order. $1 how many.
DELETE FROM undo_order
WHERE ctid = ANY (ARRAY(SELECT ctid FROM undo_order ORDER BY ctid LIMIT $1))
RETURNING order_id

-- name: void_chunk
-- Voids orders of an import: $1 their ids, $2 the keys of the voids, in the same order, $3 import.
-- One that has been voided meanwhile stays as it is.
WITH stored AS (
    INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink, voids, amount, source,
                        receipt, import_id)
    SELECT key, placed_at, -quantity, price_cents, store, drink, order_id, -amount, source, receipt, $3
    FROM unnest($1::uuid[], $2::uuid[]) AS given (id, key) JOIN orders ON order_id = id
    ORDER BY key
    ON CONFLICT DO NOTHING
    RETURNING 1
)
UPDATE import SET voided = voided + (SELECT count(*) FROM stored)
WHERE id = $3
RETURNING (SELECT count(*) FROM stored) AS voided, pg_current_xact_id()::text::bigint AS xid

-- name: unvoided
-- Which of these orders nothing has voided. $1 ids.
SELECT order_id FROM orders
WHERE order_id = ANY ($1::uuid[])
  AND NOT EXISTS (SELECT FROM orders AS void WHERE void.voids = orders.order_id)

-- name: finish_undo
-- Notes that nothing of an import is left. $1 import.
UPDATE import SET undone_at = clock_timestamp() WHERE id = $1 AND undone_at IS NULL
