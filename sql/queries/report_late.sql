-- What arrived only after the business day was over to which it belongs, but for imports. Stores: $1 code, $2
-- calendar. Whole days: $3 calendar, $4 beginning, $5 end. $6 watermark. Filters as in report_orders: $7 drinks,
-- $8 not these, $9 sources, $10 not these, $11 {lowest, highest} price.
SELECT coalesce(sum(order_count(quantity, voids)), 0)::bigint AS orders,
       coalesce(sum(quantity), 0)::bigint AS pieces,
       coalesce(sum(order_amount(quantity, price_cents, amount)), 0)::bigint AS takings
FROM unnest($3::smallint[], $4::timestamptz[], $5::timestamptz[]) AS span(calendar, begins, ends)
JOIN unnest($1::text[], $2::smallint[]) AS shop(store, calendar) USING (calendar)
JOIN orders USING (store)
WHERE placed_at >= begins AND placed_at < ends AND received_at >= ends AND import_id IS NULL
  AND ($7::text[] IS NULL OR drink = ANY ($7)) AND drink <> ALL ($8::text[])
  AND ($9::text[] IS NULL OR coalesce(source, '') = ANY ($9)) AND coalesce(source, '') <> ALL ($10::text[])
  AND price_cents >= coalesce(($11::integer[])[1], 0)
  AND price_cents <= coalesce(($11::integer[])[2], 2147483647)
  AND is_countable(placed_at, store, drink)
  AND pg_visible_in_snapshot(xid, $6::text::pg_snapshot)
