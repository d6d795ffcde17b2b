-- The short queries; those of more than a few lines have a file each in queries/. Every query says why
-- it exists and what its parameters are.

-- name: find_orders
-- Reads orders by key: what a repeated key already stands for, what an interrupted commit left. The
-- transaction tells whether it was the asking batch that stored them.
-- $1 order_id uuid[]
SELECT xid, order_id, store, drink, quantity, price_cents, placed_at, received_at, voids
FROM orders
WHERE order_id = ANY ($1::uuid[])

-- name: load_recent
-- The most recent orders among those that a watermark sees. $1 watermark, $2 latest placed_at or NULL.
SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids
FROM orders
WHERE placed_at <= coalesce($2::timestamptz, 'infinity')
  AND pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
ORDER BY placed_at DESC, order_id DESC
LIMIT 50

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

-- name: load_state
-- Which pass the rollups are as of. `here`: this is the cluster whose transaction ids the watermark
-- speaks of. `next_xid`: no transaction from this one on has begun.
SELECT lineage::text, nonce::text, pass AS number, fencing_token AS token, watermark::text,
       passed_at AS data_time,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next_xid,
       system_identifier = (SELECT system_identifier FROM pg_control_system())
           AND pg_snapshot_xmin(watermark) <= pg_snapshot_xmax(pg_current_snapshot()) AS here
FROM aggregator_state

-- name: lineage
-- The name of the history of orders, for committed batches before the first pass has told it.
SELECT lineage::text FROM aggregator_state

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

-- name: pass_settings
-- For this transaction: new orders are always found by orders_xid, however wrong the statistics are,
-- and no statement waits longer than $1 (such as 5000ms) for the state row.
SELECT set_config('enable_seqscan', 'off', true), set_config('lock_timeout', $1, true)

-- name: begin_lineage
-- Gives the history of orders a new name; runs under the lock of lock_state.
UPDATE aggregator_state SET lineage = gen_random_uuid(), nonce = gen_random_uuid()
RETURNING lineage::text, nonce::text

-- name: try_lead
-- Takes the leader's lock for this session, or returns false if another session holds it. $1 key.
SELECT pg_try_advisory_lock($1)

-- name: leader_settings
-- For this session: the server itself ends it if its client has frozen, which releases the locks that
-- it holds. $1 how long it may be idle, such as 5000ms.
SELECT set_config('idle_session_timeout', $1, false),
       set_config('idle_in_transaction_session_timeout', $1, false)

-- name: take_lead
-- Makes the holder of the leader's lock the only one whose passes count: every earlier token is stale
-- from now on. Runs under the lock of lock_state. $1 name, $2 seconds for which it counts as alive.
UPDATE aggregator_state
SET fencing_token = fencing_token + 1,
    nonce = gen_random_uuid(),
    leader = $1,
    lead_until = clock_timestamp() + make_interval(secs => $2)
RETURNING fencing_token

-- name: clear_rollups
-- Empties the rollups before a rebuild fills them, and lets it read all orders in the order they lie.
-- Not TRUNCATE, which readers would notice before it is committed.
SET LOCAL enable_seqscan = on;
DELETE FROM rollup_minute;
DELETE FROM rollup_hour;
DELETE FROM rollup_day;

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
-- Whether a role could change or delete orders all the same: it owns the table (so it could drop the
-- trigger that forbids it), is a superuser, or has the right by way of another role. $1 role.
SELECT rolsuper
    OR pg_has_role(rolname, (SELECT relowner FROM pg_class WHERE oid = 'orders'::regclass), 'USAGE')
    OR has_table_privilege(rolname, 'orders', 'UPDATE, DELETE, TRUNCATE')
FROM pg_roles WHERE rolname = $1
