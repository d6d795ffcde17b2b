-- How many orders match, without voids: the conditions of order_page, with the same parameters. $1 stores,
-- $2 drinks, $3 sources, $4 receipt, $5 import, $6 and $7 prices, $8 and $9 the time, $10 the stores with days
-- of their own, $11 and $12 the time of each.
SELECT count(*)
FROM orders
WHERE placed_at >= $8::timestamptz AND placed_at < $9::timestamptz
  AND is_countable(placed_at, store, drink)
  AND voids IS NULL
  AND ($1::text[] = '{}' OR store = ANY ($1::text[]))
  AND ($2::text[] = '{}' OR drink = ANY ($2::text[]))
  AND ($3::text[] = '{}' OR source = ANY ($3::text[]))
  AND ($4::text IS NULL OR receipt = $4::text)
  AND ($5::bigint IS NULL OR import_id = $5::bigint)
  AND ($6::integer IS NULL OR price_cents >= $6::integer)
  AND ($7::integer IS NULL OR price_cents <= $7::integer)
  AND (cardinality($10::text[]) = 1 OR (
      placed_at >= ($11::timestamptz[])[coalesce(array_position($10::text[], store), 1)]
      AND placed_at < ($12::timestamptz[])[coalesce(array_position($10::text[], store), 1)]))
