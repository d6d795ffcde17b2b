-- A page of the orders that match, newest first, each with its void. Read by the index orders_placed_at
-- from a place on, so that a page costs the same however far back it lies.
-- $1 stores, $2 drinks, $3 sources: empty for all. $4 receipt, $5 import, $6 lowest and $7 highest price of
-- one piece: NULL for any. $8 and $9: from and before, for all stores together; $10: the stores that have
-- days of their own, $11 and $12: the from and before of each; first that of all others, under NULL. $13 and
-- $14: placed_at and order_id of the order behind which the page begins. $15 how many. $16: voids are listed
-- as rows of their own, as they are stored.
SELECT page.*, void.order_id AS voided_by, void.received_at AS voided_at
FROM (
    SELECT order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
           receipt
    FROM orders
    WHERE placed_at >= $8::timestamptz AND placed_at < $9::timestamptz
      AND (placed_at, order_id) < ($13::timestamptz, $14::uuid)
      AND is_countable(placed_at, store, drink)
      AND ($16::boolean OR voids IS NULL)
      AND ($1::text[] = '{}' OR store = ANY ($1::text[]))
      AND ($2::text[] = '{}' OR drink = ANY ($2::text[]))
      AND ($3::text[] = '{}' OR source = ANY ($3::text[]))
      AND ($4::text IS NULL OR receipt = $4::text)
      AND ($6::integer IS NULL OR price_cents >= $6::integer)
      AND ($7::integer IS NULL OR price_cents <= $7::integer)
      AND (cardinality($10::text[]) = 1 OR (
          placed_at >= ($11::timestamptz[])[coalesce(array_position($10::text[], store), 1)]
          AND placed_at < ($12::timestamptz[])[coalesce(array_position($10::text[], store), 1)]))
      -- A void by hand belongs to no import; what it voids may.
      AND ($5::bigint IS NULL OR $5::bigint = CASE WHEN voids IS NULL THEN import_id ELSE (
              SELECT import_id FROM orders AS voided WHERE voided.order_id = orders.voids
          ) END)
    ORDER BY placed_at DESC, order_id DESC
    LIMIT $15
) AS page
LEFT JOIN orders AS void ON void.voids = page.order_id
ORDER BY page.placed_at DESC, page.order_id DESC
