-- The queries of closings; the long ones have a file each in queries/.

-- name: lock_closings
-- One closing at a time, to the end of the transaction, so that numbers have no gap. $1 key.
SELECT pg_advisory_xact_lock($1)

-- name: day_to_close
-- When the business day $1 ends at the last store (NULL if calendars do not reach there) and whether it has,
-- whether anything was placed then, and its last closing with the number of orders that this does not count and
-- whether the day has other orders since a calendar was changed.
SELECT ends, coalesce(ends <= clock_timestamp(), false) AS ended,
       EXISTS (
           SELECT FROM orders
           WHERE placed_at >= span.begins AND placed_at < span.ends AND is_countable(placed_at, store, drink)
             AND (
                 SELECT orders.placed_at >= own.begins AND orders.placed_at < own.ends FROM day_spans($1) AS own
                 WHERE own.store IN (orders.store, '') ORDER BY own.store DESC LIMIT 1
             )
       ) AS placed,
       number, (SELECT count(*) FROM late_orders(number)) AS late,
       CASE WHEN number IS NULL THEN false ELSE closing_recut(number) END AS recut
FROM (SELECT min(begins) AS begins, max(ends) AS ends FROM day_spans($1)) AS span
CROSS JOIN (SELECT max(number) AS number FROM closing WHERE date = $1) AS last

-- name: ended_days
-- The last business days, at most $2, that ended at every store $1 seconds ago or earlier, the last one first.
SELECT today - back AS date
FROM (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS today) AS clock
CROSS JOIN generate_series(-1, $2::integer + 2) AS back
WHERE (SELECT max(ends) FROM day_spans(today - back)) <= clock_timestamp() - make_interval(secs => $1)
ORDER BY 1 DESC
LIMIT $2

-- name: last_closed_day
-- The latest day that was ever closed, NULL if none was.
SELECT max(date) FROM closing

-- name: closing_numbers
-- The numbers of closings, the last one first: before $1 (NULL: all), of the day $2 (NULL: any), at most $3.
SELECT number FROM closing
WHERE ($1::bigint IS NULL OR number < $1) AND ($2::date IS NULL OR date = $2)
ORDER BY number DESC LIMIT $3

-- name: closing_stores
-- What a closing has of each store that sold then, or of which something came late. $1 number.
SELECT sold.store, begins, ends, closing_store.receipts, first_sale, last_sale
FROM (
    SELECT store FROM closing_line WHERE number = $1 UNION SELECT store FROM late_orders($1)
) AS sold
LEFT JOIN closing_store ON closing_store.number = $1 AND closing_store.store = sold.store
CROSS JOIN LATERAL (
    SELECT begins, ends FROM closing_span
    WHERE number = $1 AND closing_span.store IN (sold.store, '') ORDER BY closing_span.store DESC LIMIT 1
) AS span
ORDER BY sold.store

-- name: late_orders
-- What came after a day was closed, in the order of arrival. $1 number, $2 at most so many. The offsets are those
-- of the store's wall clocks from UTC, in seconds.
SELECT order_id, voids, store, drink, quantity AS pieces,
       order_amount(quantity, price_cents, amount) AS amount,
       placed_at, utc_offset(zone, placed_at) AS placed_offset,
       received_at, utc_offset(zone, received_at) AS received_offset, source, receipt, import_id
FROM late_orders($1)
LEFT JOIN menu_store ON code = store
JOIN calendar ON calendar.id = coalesce(menu_store.calendar, 1::smallint)
ORDER BY received_at, order_id
LIMIT $2

-- name: closings_elsewhere
-- Keeps by their ids the late orders of closings that were made on another cluster, before adopt_orders makes
-- all old transactions look alike. An order that this cluster has stored since came after all of them.
INSERT INTO closing_late (number, order_id)
SELECT closing.number, placed.order_id
FROM closing CROSS JOIN LATERAL closing_orders(closing.number) AS placed
WHERE system_identifier <> (SELECT system_identifier FROM pg_control_system())
  AND (NOT pg_visible_in_snapshot(xid, watermark) OR received_at > closed_at)
ON CONFLICT DO NOTHING

-- name: move_closings
-- Gives closings that were made on another cluster a snapshot of this one, which sees all that is not in closing_late.
UPDATE closing
SET watermark = pg_current_snapshot(), system_identifier = (SELECT system_identifier FROM pg_control_system())
WHERE system_identifier <> (SELECT system_identifier FROM pg_control_system())
