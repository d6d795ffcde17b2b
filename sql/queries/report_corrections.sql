-- Refunds and voids in spans of time, the first $12 of them, with how many there are. Stores: $1 code, $2
-- calendar. Spans: $3 calendar, $4 beginning, $5 end. $6 watermark. Filters as in report_orders: $7 drinks, $8
-- not these, $9 sources, $10 not these, $11 {lowest, highest} price. The offsets are those of the store's wall
-- clocks from UTC, in seconds.
SELECT CASE WHEN voids IS NULL THEN 'refund' ELSE 'void' END AS kind, store, drink, -quantity AS pieces,
       -order_amount(quantity, price_cents, amount) AS amount,
       placed_at, utc_offset(zone, placed_at) AS placed_offset,
       received_at, utc_offset(zone, received_at) AS received_offset, source, receipt,
       count(*) OVER () AS found
FROM unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) AS span(calendar, begins, ends)
JOIN unnest($1::text[], $2::smallint[]) AS shop(store, calendar) USING (calendar)
JOIN calendar ON calendar.id = shop.calendar
JOIN orders USING (store)
WHERE placed_at >= begins AND placed_at < ends
  AND (voids IS NOT NULL OR quantity < 0)
  AND ($7::text[] IS NULL OR drink = ANY ($7)) AND drink <> ALL ($8::text[])
  AND ($9::text[] IS NULL OR coalesce(source, '') = ANY ($9)) AND coalesce(source, '') <> ALL ($10::text[])
  AND price_cents >= coalesce(($11::integer[])[1], 0)
  AND price_cents <= coalesce(($11::integer[])[2], 2147483647)
  AND is_countable(placed_at, store, drink)
  AND pg_visible_in_snapshot(xid, $6::text::pg_snapshot)
ORDER BY placed_at, order_id
LIMIT $12
