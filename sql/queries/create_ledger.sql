-- The ledger of migrations; run under the migrators' lock, since IF NOT EXISTS alone races.
CREATE TABLE IF NOT EXISTS coffeert_migrations (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
