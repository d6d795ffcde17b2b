-- The change feed: every order, in an order that all readers share.

-- Ticks cut the orders into parts. The part of a tick is what its snapshot sees and that of the tick before
-- did not, in the order (voids IS NOT NULL, xid, order_id). Orders are append-only, so a part is the same
-- rows whenever and wherever it is read. The part of the oldest tick that is kept begins with the first order.
CREATE TABLE feed_tick (
    number   bigint PRIMARY KEY,
    snapshot pg_snapshot NOT NULL,
    time     timestamptz NOT NULL
);
CREATE INDEX feed_tick_time ON feed_tick (time);

-- From which tick on the ticks belong to which history. A promoted standby or a restored backup may lack
-- ticks that somebody has read, and goes on with others of the same numbers.
CREATE TABLE feed_lineage (
    first_tick        bigint PRIMARY KEY,
    name              text NOT NULL DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 12),
    -- The cluster whose transaction ids the snapshots speak of, and its timeline.
    system_identifier bigint NOT NULL,
    timeline          text NOT NULL
);

-- One row: the number of the last tick, and until when readers want ticks between the passes.
CREATE TABLE feed_state (
    one          boolean PRIMARY KEY DEFAULT true CHECK (one),
    tick         bigint NOT NULL DEFAULT 0,
    wanted_until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO feed_state DEFAULT VALUES;

-- Voids come last in a part, and the oldest part may be all of history.
CREATE INDEX orders_void_xid ON orders (xid) WHERE voids IS NOT NULL;

-- Makes the next tick if an order was committed since the last one; returns its number or NULL. The state
-- row is locked before the snapshot is taken, so that ticks only move on: call it in a transaction of READ
-- COMMITTED, where each statement has a snapshot of its own. If there is nothing new, nothing is written.
CREATE FUNCTION make_feed_tick() RETURNS bigint LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE
    made      bigint;
    last_seen pg_snapshot;
    cluster   bigint := (SELECT system_identifier FROM pg_control_system());
    branch    text := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
    known     feed_lineage;
BEGIN
    FOR attempt IN 1..2 LOOP
        SELECT * INTO known FROM feed_lineage ORDER BY first_tick DESC LIMIT 1;
        SELECT snapshot INTO last_seen FROM feed_tick ORDER BY number DESC LIMIT 1;
        IF last_seen IS NULL OR known.system_identifier <> cluster THEN
            last_seen := '1:1:';  -- nothing; snapshots of another cluster say nothing here
        END IF;
        IF attempt = 1 THEN
            IF NOT EXISTS (SELECT FROM orders WHERE xid >= pg_snapshot_xmax(last_seen))
               AND NOT EXISTS (
                   SELECT FROM orders WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(last_seen)))
               )
            THEN
                RETURN NULL;
            END IF;
            SELECT tick + 1 INTO STRICT made FROM feed_state FOR UPDATE;
        END IF;
    END LOOP;
    -- The snapshot is that of the statement which looks for new orders.
    INSERT INTO feed_tick (number, snapshot, time)
    SELECT made, pg_current_snapshot(), clock_timestamp()
    WHERE EXISTS (SELECT FROM orders WHERE xid >= pg_snapshot_xmax(last_seen))
       OR EXISTS (SELECT FROM orders WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(last_seen))));
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE feed_state SET tick = made;
    IF known.system_identifier <> cluster THEN
        DELETE FROM feed_tick WHERE number < made;
    END IF;
    IF known IS NULL OR known.system_identifier <> cluster OR known.timeline <> branch THEN
        INSERT INTO feed_lineage (first_tick, system_identifier, timeline) VALUES (made, cluster, branch);
    END IF;
    RETURN made;
END $$;

-- The orders of a tick, in the order of the feed; those that break a rule of the table, which no figure
-- counts either, are left out. For readers in the database; nothing for a number that is not kept.
CREATE FUNCTION feed_part(tick bigint) RETURNS SETOF orders LANGUAGE plpgsql STABLE
SET enable_seqscan = off AS $$
DECLARE
    seen pg_snapshot;
    upto pg_snapshot;
BEGIN
    SELECT snapshot INTO upto FROM feed_tick WHERE number = tick;
    SELECT snapshot INTO seen FROM feed_tick WHERE number < tick ORDER BY number DESC LIMIT 1;
    seen := coalesce(seen, '1:1:');
    RETURN QUERY
        SELECT part.* FROM (
            SELECT * FROM orders
            WHERE xid >= pg_snapshot_xmax(seen) AND xid < pg_snapshot_xmax(upto)
            UNION ALL
            SELECT * FROM orders WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(seen)))
        ) AS part
        WHERE pg_visible_in_snapshot(xid, upto) AND coalesce(is_countable(placed_at, store, drink), false)
        ORDER BY voids IS NOT NULL, xid, order_id;
END $$;
