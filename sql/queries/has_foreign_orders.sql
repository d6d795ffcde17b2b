-- Tells whether there are orders whose xid is another cluster's: this statement sees the row and yet
-- the id is of no transaction that it could see. After a dump was restored elsewhere.
SELECT EXISTS (
    SELECT FROM orders WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())
) OR EXISTS (
    SELECT FROM orders WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(pg_current_snapshot())))
)
