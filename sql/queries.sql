-- The short queries; those of more than a few lines have a file each in queries/. Every query says why
-- it exists and what its parameters are.

-- name: backend
-- Which session a statement runs in, and what may be done there.
SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS standby,
       current_setting('default_transaction_read_only') = 'on' AS read_only

-- name: session_settings
-- For this session: a commit is answered when it is on disk, and on the synchronous standbys if there are
-- any. Only remote_apply waits for more than that. Set even if it is the default, so that a reload of the
-- configuration does not change it. Compiling a plan takes longer than running it, for all of our
-- statements that run often.
SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
           WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
       set_config('jit', 'off', false)

-- name: session_status
-- What a session of this role may do, and what a commit of it waits for. `schema` is the last migration.
-- `waiting` counts the commits, of all sessions of this role, that have waited for a synchronous standby
-- for $1 seconds: a session goes on waiting when its client has given up, so also if no order is under way.
SELECT pg_backend_pid() AS backend,
       pg_is_in_recovery() AS standby,
       current_setting('transaction_read_only') = 'on' AS read_only,
       has_table_privilege('orders', 'SELECT') AND (
           SELECT bool_and(has_column_privilege(attrelid, attnum, 'INSERT'))
           FROM pg_attribute
           WHERE attrelid = 'orders'::regclass
             AND attnum > 0 AND NOT attisdropped AND attname <> 'xid'
       ) AS may_insert,
       (SELECT max(name) FROM coffeert_migrations) AS schema,
       (
           SELECT count(*) FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event = 'SyncRep'
             AND state_change < clock_timestamp() - make_interval(secs => $1)
       ) AS waiting,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes

-- name: find_orders
-- Reads orders by key: what a repeated key already stands for, what an interrupted commit left. The
-- transaction tells whether it was the asking batch that stored them.
-- $1 order_id uuid[]
SELECT xid, order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
       receipt
FROM orders
WHERE order_id = ANY ($1::uuid[])

-- name: analyze_orders
-- Tells the planner how many orders there are, after very many have come at once.
ANALYZE orders

-- name: count_found
-- How many of these orders are stored, and how many of them a watermark sees, so that passes have counted
-- them. $1 order_id uuid[], $2 watermark
SELECT count(*) AS stored,
       count(*) FILTER (WHERE pg_visible_in_snapshot(xid, $2::text::pg_snapshot)) AS counted
FROM orders WHERE order_id = ANY ($1::uuid[])

-- name: find_voids
-- The keys of corrections by the orders that they cancel: whoever stored one, and under whatever key.
-- $1 order_id uuid[]
SELECT order_id FROM orders WHERE voids = ANY ($1::uuid[])

-- name: wait_for_standbys
-- Commits a message in the log, which is after everything that was read before, so that its commit waits
-- until that is on the synchronous standbys.
SELECT pg_logical_emit_message(true, 'coffeert', '')
WHERE set_config('synchronous_commit', CASE current_setting('synchronous_commit')
          WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true) IS NOT NULL

-- name: running_backends
-- Which of these backends still run a statement. One that waits for a standby does not notice that its
-- client has gone. $1 process ids int[]
SELECT pid FROM pg_stat_activity WHERE pid = ANY ($1::int[]) AND state = 'active'

-- name: load_recent
-- The most recent orders among those that a watermark sees. $1 watermark, NULL for all orders; $2 latest
-- placed_at or NULL.
SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
       receipt
FROM orders
WHERE placed_at <= coalesce($2::timestamptz, 'infinity')
  AND is_countable(placed_at, store, drink)
  AND coalesce(pg_visible_in_snapshot(xid, $1::text::pg_snapshot), true)
ORDER BY placed_at DESC, order_id DESC
LIMIT 50

-- name: limit_time
-- For this transaction: no statement takes longer than $1 (such as 3000ms), and each is planned for its
-- own parameters: a condition that asks nothing costs nothing then.
SELECT set_config('statement_timeout', $1, true), set_config('plan_cache_mode', 'force_custom_plan', true)

-- name: day_bounds
-- When the business day $1 begins and the business day $2 ends, for each store with a calendar of its own,
-- and with the store NULL for all others. NULL for a day that is NULL.
SELECT menu_store.code AS store,
       (SELECT day.begins FROM calendar_day AS day
        WHERE day.calendar = calendar.id AND day.date = $1::date
          AND day.begins BETWEEN ($1::date::timestamp AT TIME ZONE 'UTC') - interval '3 days'
              AND ($1::date::timestamp AT TIME ZONE 'UTC') + interval '3 days') AS begins,
       (SELECT day.ends FROM calendar_day AS day
        WHERE day.calendar = calendar.id AND day.date = $2::date
          AND day.begins BETWEEN ($2::date::timestamp AT TIME ZONE 'UTC') - interval '3 days'
              AND ($2::date::timestamp AT TIME ZONE 'UTC') + interval '3 days') AS ends
FROM calendar LEFT JOIN menu_store ON menu_store.calendar = calendar.id
WHERE calendar.id = 1 OR menu_store.code IS NOT NULL
ORDER BY menu_store.code NULLS FIRST

-- name: load_stores
-- All stores in the order in which they were added, retired ones too: the past names them.
SELECT code, name, active FROM menu_store ORDER BY added_at, code

-- name: load_drinks
-- All drinks in the order in which they were added, retired ones too: the past names them.
SELECT code, name, price_cents, active FROM menu_drink ORDER BY added_at, code

-- name: add_store
-- Adds a store to the menu, or makes a retired one active. $1 code, $2 name.
INSERT INTO menu_store (code, name) VALUES ($1, $2)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, active = true

-- name: add_drink
-- Adds a drink to the menu, makes a retired one active, or changes its price. $1 code, $2 name, $3 cents.
INSERT INTO menu_drink (code, name, price_cents) VALUES ($1, $2, $3)
ON CONFLICT (code) DO UPDATE
    SET name = excluded.name, price_cents = excluded.price_cents, active = true

-- name: retire_store
-- Retires a store; returns no row if there is none. $1 code.
UPDATE menu_store SET active = false WHERE code = $1 RETURNING code

-- name: retire_drink
-- Retires a drink; returns no row if there is none. $1 code.
UPDATE menu_drink SET active = false WHERE code = $1 RETURNING code

-- name: find_timezone
-- A time zone as PostgreSQL spells it; no row if guard_calendar would refuse it. $1 name.
SELECT name FROM pg_timezone_names
WHERE lower(name) = lower($1) AND name ~ '^[A-Z]'
  AND name NOT IN ('CET', 'EET', 'EST', 'HST', 'MET', 'MST', 'WET')

-- name: set_migration_timezone
-- Which zone the default calendar gets, for the migration that makes it, in its transaction. $1 name.
SELECT set_config('coffeert.timezone', $1, true)

-- name: load_store_calendars
-- The zone and the start of day of each store that has its own, and with the code NULL the default.
SELECT menu_store.code AS store, zone, starts
FROM calendar LEFT JOIN menu_store ON menu_store.calendar = calendar.id
WHERE calendar.id = 1 OR menu_store.code IS NOT NULL

-- name: find_store_calendar
-- The zone and the start of day that a store has now, its own or the default; no row if the menu has
-- none of this code. $1 code.
SELECT zone, starts FROM menu_store JOIN calendar ON calendar.id = coalesce(calendar, 1)
WHERE code = $1

-- name: find_calendar
-- The calendar that stores with a zone and a start of day share, if there is one. $1 zone, $2 minutes.
SELECT id FROM calendar WHERE id <> 1 AND zone = $1 AND starts = $2

-- name: add_calendar
-- Adds a calendar for stores to share, under the lock of lock_state. $1 zone, $2 minutes.
INSERT INTO calendar (id, zone, starts) SELECT max(id) + 1, $1, $2 FROM calendar RETURNING id

-- name: set_default_calendar
-- Changes the default calendar; NULL leaves a part as it is. $1 zone, $2 minutes after midnight.
UPDATE calendar SET zone = coalesce($1, zone), starts = coalesce($2, starts) WHERE id = 1
RETURNING zone, starts

-- name: assign_calendar
-- Gives a store a calendar of its own, or with NULL the default. $1 code, $2 calendar.
UPDATE menu_store SET calendar = $2 WHERE code = $1

-- name: drop_unused_calendars
-- Removes calendars, with their days, that the last store has left.
DELETE FROM calendar
WHERE id <> 1 AND NOT EXISTS (SELECT FROM menu_store WHERE menu_store.calendar = calendar.id)

-- name: stores_of_calendars
-- The stores whose days are those of some calendars, if they ever sold something. $1 calendars.
SELECT ARRAY(
    SELECT store FROM (SELECT DISTINCT store FROM rollup_day) AS sold
    LEFT JOIN menu_store ON code = store
    WHERE coalesce(calendar, 1) = ANY ($1::smallint[])
)

-- name: refill_calendars
-- Computes the days of all calendars again, and removes those of none; returns the calendars.
WITH strays AS (
    DELETE FROM calendar_day WHERE calendar NOT IN (SELECT id FROM calendar)
)
SELECT array_agg(id) FROM (
    SELECT id, fill_calendar(id) FROM calendar
) AS filled

-- name: calendar_days_differing
-- How many calendar days PostgreSQL's time zone data would give otherwise today; missing ones and ones
-- too many count.
SELECT count(*)
FROM (
    SELECT id AS calendar, days.* FROM calendar CROSS JOIN calendar_days(zone, starts) AS days
) AS computed
FULL JOIN calendar_day AS kept USING (calendar, date)
WHERE (computed.begins, computed.ends) IS DISTINCT FROM (kept.begins, kept.ends)

-- name: read_sequentially
-- For the rest of this transaction: what lock_state's transaction forbids its own short statements.
SET LOCAL enable_seqscan = on

-- name: clear_days
-- Empties the days of stores whose calendar has changed, before sum_days fills them. $1 stores.
DELETE FROM rollup_day WHERE store = ANY ($1::text[])

-- name: sum_days
-- Sums the quarter hours of stores into the days of their calendars, under the lock of lock_state.
-- $1 stores.
WITH chosen AS MATERIALIZED (
    SELECT store, coalesce(calendar, 1::smallint) AS calendar
    FROM unnest($1::text[]) AS store LEFT JOIN menu_store ON code = store
), dated AS MATERIALIZED (
    -- As in business_day. A plain join would compare each quarter with each day as long as the statistics
    -- are missing.
    SELECT calendar, bucket, date
    FROM (SELECT DISTINCT calendar, bucket FROM rollup_quarter JOIN chosen USING (store)) AS quarter
    CROSS JOIN LATERAL (
        SELECT date FROM calendar_day
        WHERE calendar_day.calendar = quarter.calendar AND begins <= bucket
        ORDER BY begins DESC, date DESC LIMIT 1
    ) AS latest
)
INSERT INTO rollup_day (date, store, drink, orders, quantity, revenue_cents)
SELECT date, store, drink, sum(orders)::bigint, sum(quantity)::bigint, sum(revenue_cents)::bigint
FROM rollup_quarter JOIN chosen USING (store) JOIN dated USING (calendar, bucket)
GROUP BY date, store, drink

-- name: load_currency
-- The currency, NULL if it is not set.
SELECT currency FROM installation

-- name: set_currency
-- Sets the currency; a trigger refuses what would change the meaning of stored amounts. $1 code.
UPDATE installation SET currency = $1

-- name: set_week_start
-- Sets on which day a week starts. $1 weekday, 1 to 7.
UPDATE installation SET week_starts = $1

-- name: mark_day
-- Marks a day that is no measure for others, or gives it another name. $1 date, $2 name.
INSERT INTO marked_day (date, name) VALUES ($1, $2)
ON CONFLICT (date) DO UPDATE SET name = excluded.name

-- name: unmark_day
-- Makes a day an ordinary one; returns no row if it was. $1 date.
DELETE FROM marked_day WHERE date = $1 RETURNING date

-- name: load_marked_days
-- The days that are no measure for others, and the start of a week.
SELECT date, name FROM marked_day ORDER BY date

-- name: load_week_start
-- On which day a week starts, 1 to 7.
SELECT week_starts FROM installation

-- name: load_state
-- Which pass the rollups are as of. `here`: this is the cluster whose transaction ids the watermark
-- speaks of. `next_xid`: no transaction from this one on has begun.
SELECT lineage::text, nonce::text, pass AS number, fencing_token AS token, watermark::text,
       passed_at AS data_time,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_xid,
       system_identifier = (SELECT system_identifier FROM pg_control_system())
           AND pg_snapshot_xmin(watermark) <= pg_snapshot_xmax(pg_current_snapshot()) AS here
FROM aggregator_state

-- name: standby_position
-- Which pass a standby has replayed, and whether it has some transactions. Not by a snapshot: that of a
-- standby lacks the transactions in flight. $1 transactions text[]
SELECT lineage::text, pass AS number,
       (
           SELECT bool_and(
               CASE WHEN xid < pg_snapshot_xmax(pg_current_snapshot())
                    THEN coalesce(pg_xact_status(xid), 'committed') = 'committed' ELSE false END
           ) IS NOT false
           FROM (SELECT shown::xid8 AS xid FROM unnest($1::text[]) AS shown) AS asked
       ) AS has_all
FROM aggregator_state

-- name: lineage
-- The name of the history of orders, for committed batches before the first pass has told it.
SELECT lineage::text FROM aggregator_state

-- name: report_state
-- As of when a report is, from when on minutes are kept, on which weekday a week starts, and the marked days.
SELECT passed_at AS as_of, minutes_from, watermark::text, week_starts,
       ARRAY(SELECT date FROM marked_day ORDER BY date) AS marked,
       ARRAY(SELECT name FROM marked_day ORDER BY date) AS marked_as
FROM aggregator_state CROSS JOIN installation

-- name: report_stores
-- Which stores sold something on which of some days, by business date, and the date of the first order ever.
-- $1 dates.
SELECT store, dates, first
FROM (
    SELECT store, array_agg(date) AS dates
    FROM (
        SELECT store, date FROM rollup_day WHERE date = ANY ($1::date[])
        GROUP BY store, date HAVING sum(orders) > 0
    ) AS sold
    GROUP BY store
) AS traded
CROSS JOIN LATERAL (
    SELECT date AS first FROM rollup_day
    WHERE rollup_day.store = traded.store AND orders > 0
    ORDER BY date LIMIT 1
) AS earliest

-- name: last_sales
-- When each of some stores sold last, within the last seven days; a sale that was voided does not count.
-- $1 codes, $2 now.
SELECT store, placed_at
FROM unnest($1::text[]) AS asked(store)
CROSS JOIN LATERAL (
    SELECT max(last_at) AS placed_at FROM activity
    WHERE activity.store = asked.store AND minute = (
        SELECT max(minute) FROM activity
        WHERE activity.store = asked.store AND minute > $2::timestamptz - interval '7 days' AND minute <= $2
    )
) AS sale
WHERE placed_at IS NOT NULL

-- name: active_stores
-- The stores that activity is kept of, each found by one probe of the index.
WITH RECURSIVE found AS (
    SELECT min(store) AS store FROM activity
    UNION ALL
    SELECT (SELECT min(activity.store) FROM activity WHERE activity.store > found.store)
    FROM found WHERE store IS NOT NULL
)
SELECT store FROM found WHERE store IS NOT NULL

-- name: today_begins
-- When the business day began that $1 is in, for each store with a calendar of its own, and with the store
-- NULL for all others.
SELECT menu_store.code AS store, latest.begins
FROM calendar LEFT JOIN menu_store ON menu_store.calendar = calendar.id
CROSS JOIN LATERAL (
    SELECT begins FROM calendar_day
    WHERE calendar_day.calendar = calendar.id AND begins <= $1
    ORDER BY begins DESC, date DESC LIMIT 1
) AS latest
WHERE calendar.id = 1 OR menu_store.code IS NOT NULL

-- name: usual_quarters
-- In how many minutes of some business days stores sold something, and how many orders, by the quarter hour
-- on their wall clocks. $1 stores, $2 zones, $3 and $4 when the days begin and end.
SELECT store, quarter, count(*) AS minutes, sum(orders)::bigint AS orders
FROM (
    SELECT day.store, sold.orders,
           extract(epoch FROM (minute AT TIME ZONE zone)::time)::integer / 900 AS quarter
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])
        AS day(store, zone, begins, ends)
    CROSS JOIN LATERAL (
        SELECT minute, sum(orders) AS orders FROM activity
        WHERE activity.store = day.store AND minute >= begins AND minute < ends
        GROUP BY minute
    ) AS sold
) AS minutes
GROUP BY store, quarter

-- name: orders_between
-- How many orders each store has between two minutes that are kept. $1 and $2 whole minutes.
SELECT store, sum(orders)::bigint AS orders
FROM rollup_minute WHERE bucket >= $1 AND bucket < $2
GROUP BY store

-- name: count_stale
-- How many minutes of stores and sources the next passes read again, after more voids than one pass can.
SELECT count(*) FROM activity WHERE stale

-- name: report_timeout
-- For this transaction: no statement takes longer than $1, such as 5000ms, and some memory to sort in.
SELECT set_config('statement_timeout', $1, true), set_config('work_mem', '16MB', true)

-- name: uncounted_orders
-- How many committed orders no pass has counted, how many seconds ago the last pass was made, and
-- whether its leader's term is over (or nobody leads). $1 watermark.
SELECT (SELECT count(*) FROM orders
        WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot)
           OR xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))) AS uncounted,
       extract(epoch FROM clock_timestamp() - passed_at)::float8 AS pass_age_s,
       lead_until < clock_timestamp() AS term_over
FROM aggregator_state

-- name: database_clock
-- The database's clock, and whether it is a standby's, which is not to be followed.
SELECT clock_timestamp() AS now, pg_is_in_recovery() AS standby

-- name: prune_minutes
-- Deletes the oldest minutes before $1, some $2 cells at a time, and notes from which on they are kept.
-- Runs under the lock of lock_state. Returns how many cells were deleted.
WITH oldest AS (
    SELECT bucket FROM rollup_minute WHERE bucket < $1 ORDER BY bucket LIMIT $2
), edge AS (
    SELECT CASE WHEN count(*) < $2 THEN $1 ELSE max(bucket) + interval '1 minute' END AS kept_from
    FROM oldest
), deleted AS (
    DELETE FROM rollup_minute USING edge WHERE bucket < kept_from RETURNING 1
), activity_too AS (
    DELETE FROM activity USING edge WHERE minute < kept_from
)
UPDATE aggregator_state SET minutes_from = greatest(minutes_from, kept_from) FROM edge
RETURNING (SELECT count(*) FROM deleted)

-- name: pass_settings
-- For this transaction: new orders are always found by orders_xid, however wrong the statistics are, the
-- pass is not planned again each time, which takes a third as long as running it, and no statement waits
-- longer than $1 (such as 5000ms) for the state row. Nor do others wait longer for it if this client freezes.
SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true),
       set_config('jit', 'off', true),
       set_config('lock_timeout', $1, true), set_config('idle_in_transaction_session_timeout', '5s', true)

-- name: begin_lineage
-- Gives the history of orders a new name; runs under the lock of lock_state.
UPDATE aggregator_state SET lineage = gen_random_uuid(), nonce = gen_random_uuid()
RETURNING lineage::text, nonce::text

-- name: try_lead
-- Takes the leader's lock for this session, or returns false if another session holds it. $1 key.
SELECT pg_try_advisory_lock($1)

-- name: end_if_silent
-- For this session: the server itself ends it if its client has frozen, which releases the locks that
-- it holds. $1 how long it may be idle, such as 5000ms.
SELECT set_config('idle_session_timeout', $1, false),
       set_config('idle_in_transaction_session_timeout', $1, false)

-- name: find_free_lease
-- A row if nobody leads by a lease of $1 seconds, or its term is over. One that ends later was begun before
-- the database's clock was put back, or is not a lease. No row, too, while a pass is made: it may be long.
SELECT true FROM aggregator_state
WHERE NOT lead_until BETWEEN clock_timestamp() AND clock_timestamp() + make_interval(secs => $1)
FOR UPDATE SKIP LOCKED

-- name: lock_lead
-- Takes the leader's lock for this transaction: false if a session leads by it, or a migration runs. $1 key.
SELECT pg_try_advisory_xact_lock($1)

-- name: renew_lease
-- Moves the end of the leader's term on; no row if another has followed. $1 token, $2 seconds.
UPDATE aggregator_state SET lead_until = clock_timestamp() + make_interval(secs => $2)
WHERE fencing_token = $1
RETURNING fencing_token

-- name: end_lease
-- Lets another lead at once, unless another leads already. $1 token.
UPDATE aggregator_state SET lead_until = '-infinity' WHERE fencing_token = $1

-- name: fence_leader
-- Makes every token stale and ends the last term, if anybody ever led.
UPDATE aggregator_state SET fencing_token = fencing_token + 1, lead_until = '-infinity'
WHERE lead_until > '-infinity'

-- name: read_term
-- Until when the last leader counts as alive, which it moves on as long as it lives.
SELECT lead_until FROM aggregator_state

-- name: take_lead
-- Makes the holder of the leader's lock the only one whose passes count: every earlier token is stale
-- from now on. Runs under the lock of lock_state. $1 name, $2 seconds for which it counts as alive.
UPDATE aggregator_state
SET fencing_token = fencing_token + 1,
    nonce = gen_random_uuid(),
    leader = $1,
    lead_until = clock_timestamp() + make_interval(secs => $2)
RETURNING fencing_token

-- name: days_to_seal
-- The days (UTC) with orders that ended an hour ago or earlier and are not sealed. One probe for each day.
WITH RECURSIVE day AS (
    (SELECT (bucket AT TIME ZONE 'UTC')::date AS date FROM rollup_quarter ORDER BY bucket LIMIT 1)
    UNION ALL
    SELECT (
        SELECT (bucket AT TIME ZONE 'UTC')::date FROM rollup_quarter
        WHERE bucket >= (day.date + 1)::timestamp AT TIME ZONE 'UTC' ORDER BY bucket LIMIT 1
    ) FROM day WHERE day.date IS NOT NULL
)
SELECT date FROM day
WHERE date < ((clock_timestamp() - interval '1 hour') AT TIME ZONE 'UTC')::date
  AND date NOT IN (SELECT date FROM sealed_day WHERE sealed_at IS NOT NULL)
ORDER BY date

-- name: begin_sealing
-- Enters days before their orders are read, so that a pass that counts one of these meanwhile takes the day
-- out again. Runs under the lock of lock_state: no pass is under way that would not see the rows. $1 dates.
INSERT INTO sealed_day (date) SELECT unnest($1::date[]) ON CONFLICT DO NOTHING

-- name: begin_corrections
-- Where a rebuild notes by how much cells differ.
CREATE TEMPORARY TABLE correction (
    grain         text NOT NULL,
    bucket        timestamptz NOT NULL,
    store         text NOT NULL,
    drink         text NOT NULL,
    orders        bigint NOT NULL,
    quantity      bigint NOT NULL,
    revenue_cents bigint NOT NULL,
    surplus       boolean NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE activity_correction (
    store    text NOT NULL,
    minute   timestamptz NOT NULL,
    source   text NOT NULL,
    first_at timestamptz,
    last_at  timestamptz,
    orders   bigint
) ON COMMIT DROP

-- name: apply_corrections
-- Adds what a rebuild has noted to the cells, whatever passes have added to them since, and takes out those
-- that no order makes. All days are to be sealed again. Runs under the lock of lock_state.
ANALYZE correction;
INSERT INTO rollup_minute AS kept (bucket, store, drink, orders, quantity, revenue_cents)
SELECT bucket, store, drink, orders, quantity, revenue_cents FROM correction
WHERE grain = 'minute' AND bucket >= (SELECT minutes_from FROM aggregator_state)
ON CONFLICT (bucket, store, drink) DO UPDATE
    SET orders = kept.orders + excluded.orders,
        quantity = kept.quantity + excluded.quantity,
        revenue_cents = kept.revenue_cents + excluded.revenue_cents;
INSERT INTO rollup_quarter AS kept (bucket, store, drink, orders, quantity, revenue_cents)
SELECT bucket, store, drink, orders, quantity, revenue_cents FROM correction WHERE grain = 'quarter'
ON CONFLICT (bucket, store, drink) DO UPDATE
    SET orders = kept.orders + excluded.orders,
        quantity = kept.quantity + excluded.quantity,
        revenue_cents = kept.revenue_cents + excluded.revenue_cents;
INSERT INTO rollup_day AS kept (date, store, drink, orders, quantity, revenue_cents)
SELECT (bucket AT TIME ZONE 'UTC')::date, store, drink, orders, quantity, revenue_cents
FROM correction WHERE grain = 'day'
ON CONFLICT (date, store, drink) DO UPDATE
    SET orders = kept.orders + excluded.orders,
        quantity = kept.quantity + excluded.quantity,
        revenue_cents = kept.revenue_cents + excluded.revenue_cents;
DELETE FROM rollup_minute AS kept USING correction
WHERE surplus AND grain = 'minute' AND kept.bucket = correction.bucket
  AND kept.store = correction.store AND kept.drink = correction.drink
  AND (
      kept.bucket < (SELECT minutes_from FROM aggregator_state)
      OR NOT EXISTS (
          SELECT FROM orders
          WHERE placed_at >= kept.bucket AND placed_at < kept.bucket + interval '1 minute'
            AND orders.store = kept.store AND orders.drink = kept.drink
            AND pg_visible_in_snapshot(xid, (SELECT watermark FROM aggregator_state))
      )
  );
DELETE FROM rollup_quarter AS kept USING correction
WHERE surplus AND grain = 'quarter' AND kept.bucket = correction.bucket
  AND kept.store = correction.store AND kept.drink = correction.drink
  AND NOT EXISTS (
      SELECT FROM orders
      WHERE placed_at >= kept.bucket AND placed_at < kept.bucket + interval '15 minutes'
        AND orders.store = kept.store AND orders.drink = kept.drink
        AND pg_visible_in_snapshot(xid, (SELECT watermark FROM aggregator_state))
  );
DELETE FROM rollup_day AS kept USING correction
WHERE surplus AND grain = 'day' AND kept.date = (correction.bucket AT TIME ZONE 'UTC')::date
  AND kept.store = correction.store AND kept.drink = correction.drink
  AND NOT EXISTS (
      SELECT FROM rollup_quarter AS quarter
      WHERE quarter.store = kept.store AND quarter.drink = kept.drink
        AND quarter.bucket BETWEEN correction.bucket - interval '2 days' AND correction.bucket + interval '3 days'
        AND business_day(coalesce((SELECT calendar FROM menu_store WHERE code = kept.store), 1::smallint),
                         quarter.bucket) = kept.date
  );
DELETE FROM sealed_day

-- name: finish_rebuild
-- Begins a new lineage, and fences the leader; runs under the lock of lock_state. $1 watermark of the
-- rollups, if they were computed on another cluster, else NULL. $2 orders that no rollup counts.
WITH uncountable AS (
    INSERT INTO uncountable_order (order_id) SELECT unnest($2::uuid[]) ON CONFLICT DO NOTHING
)
UPDATE aggregator_state
SET lineage = gen_random_uuid(),
    nonce = gen_random_uuid(),
    system_identifier = (SELECT system_identifier FROM pg_control_system()),
    watermark = coalesce($1::text::pg_snapshot, watermark),
    passed_at = CASE WHEN $1::text IS NULL THEN passed_at ELSE statement_timestamp() END,
    timeline = left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
    pass = pass + 1,
    fencing_token = fencing_token + 1,
    leader = '',
    lead_until = '-infinity'
RETURNING lineage::text, pass AS number

-- name: has_foreign_orders
-- Whether there are orders whose xid is another cluster's: this statement sees the row and yet
-- the id is of no transaction that it could see. After a dump was restored elsewhere.
SELECT EXISTS (
    SELECT FROM orders WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())
) OR EXISTS (
    SELECT FROM orders WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(pg_current_snapshot())))
)

-- name: allow_adoption
-- Lets adopt_orders change orders, for the length of its transaction. Writers wait meanwhile, so it
-- does not itself wait long for one that keeps its transaction open.
SET LOCAL lock_timeout = '30s';
ALTER TABLE orders DISABLE TRIGGER orders_append_only

-- name: adopt_orders
-- Makes orders with another cluster's transaction ids older than any transaction of this one (2 is
-- PostgreSQL's own id for frozen rows). Otherwise a pass would count them again once this cluster's
-- ids get there. The one change ever made to orders; runs while the append-only trigger is off.
UPDATE orders SET xid = '2'
WHERE NOT pg_visible_in_snapshot(xid, pg_current_snapshot())

-- name: forbid_changes
-- Forbids again what allow_adoption allowed.
ALTER TABLE orders ENABLE TRIGGER orders_append_only

-- name: create_ledger
-- The ledger of migrations; run under the migrators' lock, since IF NOT EXISTS alone races.
CREATE TABLE IF NOT EXISTS coffeert_migrations (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)

-- name: read_ledger
-- Which migrations the database has had, to compare with the files.
SELECT name, sha256 FROM coffeert_migrations ORDER BY name

-- name: enter_ledger
-- Enters a migration in the transaction that applies it. $1 name, $2 hash of the file.
INSERT INTO coffeert_migrations (name, sha256) VALUES ($1, $2)

-- name: can_change_orders
-- Whether a role could change or delete orders all the same, or choose the transaction of a new one: it
-- owns the table (so it could drop the trigger that forbids it), is a superuser, or has the right by way of
-- another role. $1 role.
SELECT rolsuper
    OR pg_has_role(rolname, (SELECT relowner FROM pg_class WHERE oid = 'orders'::regclass), 'USAGE')
    OR has_table_privilege(rolname, 'orders', 'DELETE, TRUNCATE')
    OR has_any_column_privilege(rolname, 'orders', 'UPDATE')
    OR has_column_privilege(rolname, 'orders', 'xid', 'INSERT')
FROM pg_roles WHERE rolname = $1
