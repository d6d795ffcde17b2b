-- Orders, the menu, the rollups and the aggregator's state.

CREATE TABLE menu_store (
    code   text PRIMARY KEY CHECK (code <> ''),
    name   text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE menu_drink (
    code        text PRIMARY KEY CHECK (code <> ''),
    name        text NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents BETWEEN 0 AND 100000000),
    active      boolean NOT NULL DEFAULT true,
    added_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO menu_store (code, name) VALUES
    ('uptown', 'Uptown'), ('downtown', 'Downtown'), ('central', 'Central'), ('southend', 'Southend');

INSERT INTO menu_drink (code, name, price_cents) VALUES
    ('cappuccino', 'Cappuccino', 450), ('americano', 'Americano', 350), ('latte', 'Latte', 480),
    ('espresso', 'Espresso', 300), ('flat-white', 'Flat White', 470), ('mocha', 'Mocha', 520),
    ('cortado', 'Cortado', 420), ('tea', 'Tea', 290);

-- Running servers hear of a change to the menu at once.
CREATE FUNCTION notify_menu() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('coffeert_menu', '');
    RETURN NULL;
END $$;
CREATE TRIGGER menu_store_changed AFTER INSERT OR UPDATE OR DELETE ON menu_store
    FOR EACH STATEMENT EXECUTE FUNCTION notify_menu();
CREATE TRIGGER menu_drink_changed AFTER INSERT OR UPDATE OR DELETE ON menu_drink
    FOR EACH STATEMENT EXECUTE FUNCTION notify_menu();

-- Store and drink are codes of the menu, checked by the intake before the insert. No foreign keys to
-- the menu: their row locks would make every batch share-lock the same few rows (docs/decisions).
CREATE TABLE orders (
    order_id    uuid PRIMARY KEY,
    -- The inserting transaction: what the aggregator's watermark is compared with. Not the system
    -- column xmin, which under a savepoint is the id of the subtransaction.
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    placed_at   timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    quantity    integer NOT NULL CHECK (quantity <> 0 AND abs(quantity) <= 99),
    price_cents integer NOT NULL CHECK (price_cents BETWEEN 0 AND 100000000),
    store       text NOT NULL,
    drink       text NOT NULL,
    voids       uuid REFERENCES orders (order_id),
    CHECK ((quantity < 0) = (voids IS NOT NULL))
);
CREATE INDEX orders_xid ON orders (xid);
CREATE INDEX orders_placed_at ON orders (placed_at, order_id);
CREATE UNIQUE INDEX orders_voids ON orders (voids) WHERE voids IS NOT NULL;

CREATE FUNCTION refuse_change_of_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'orders are append-only: void an order instead of changing it'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER orders_append_only BEFORE UPDATE OR DELETE ON orders
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_orders();
CREATE TRIGGER orders_no_truncate BEFORE TRUNCATE ON orders
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_orders();

-- Three grains of the same sums; buckets are UTC. Room is left on each page so that the running
-- bucket's many updates stay on it (heap-only tuples).
CREATE TABLE rollup_minute (
    bucket        timestamptz NOT NULL,
    store         text NOT NULL,
    drink         text NOT NULL,
    orders        bigint NOT NULL,
    quantity      bigint NOT NULL,
    revenue_cents bigint NOT NULL,
    PRIMARY KEY (bucket, store, drink)
) WITH (fillfactor = 70);
CREATE TABLE rollup_hour (LIKE rollup_minute INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE rollup_day (LIKE rollup_minute INCLUDING ALL) WITH (fillfactor = 70);

-- One row. Locked by a pass for its duration: two passes at once would count rows twice.
CREATE TABLE aggregator_state (
    one               boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- Names this history of orders; a rebuild or a restore begins another.
    lineage           uuid NOT NULL DEFAULT gen_random_uuid(),
    -- The cluster whose transaction ids the watermark speaks of.
    system_identifier bigint NOT NULL,
    -- The whole pg_snapshot of the last pass: exactly the orders it sees have been counted.
    watermark         pg_snapshot NOT NULL,
    pass              bigint NOT NULL DEFAULT 0,
    passed_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Rises with each change of leader; a leader whose token is no longer this one must not write.
    fencing_token     bigint NOT NULL DEFAULT 0,
    leader            text NOT NULL DEFAULT '',
    -- Until when the leader counts as alive; each of its passes moves it on, by its own interval.
    lead_until        timestamptz NOT NULL DEFAULT '-infinity'
);
-- At this moment the table of orders is empty, so a watermark that has seen nothing is exact.
INSERT INTO aggregator_state (system_identifier, watermark)
    SELECT system_identifier, '1:1:'::pg_snapshot FROM pg_control_system();
